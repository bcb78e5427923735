-- What becomes of a member's needs, plans, orders and shares of ceilings when it leaves or is taken over.

-- Where the rule of each effect comes from, dated. Written by migrations only.
CREATE TABLE change_rule (
  effect text NOT NULL CHECK (effect ~ '^[A-Z_]+$'),
  valid_from date NOT NULL,
  -- Last day; null while it is in force.
  valid_to date CHECK (valid_to >= valid_from),
  source text NOT NULL,
  PRIMARY KEY (effect, valid_from)
);
INSERT INTO change_rule (effect, valid_from, source) VALUES
  -- The need is defined before the procedure begins, and only members order.
  ('NEEDS_KEPT', '2019-04-01', 'CCP L2111-1'),
  ('NEEDS_WITHDRAWN', '2019-04-01', 'CCP L2111-1 et R2162-6'),
  ('PLAN_TO_PLACE', '2019-04-01', 'CCP R2162-6'),
  -- An order is a contract of its own: it is carried out to its end.
  ('ORDERS_KEPT', '2019-04-01', 'CCP R2162-13 et R2162-14'),
  -- The rights and duties of an establishment that is taken over pass to the other.
  ('ORDERS_PASSED', '2019-04-01', 'CSP L6141-1 et R6141-11'),
  ('CEILING_COUNTED', '2022-01-01', 'CCP R2162-4');

-- A change as it was shown and confirmed.
CREATE TABLE member_change (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('LEAVE', 'MERGE')),
  party_id uuid NOT NULL,
  last_day date NOT NULL,
  successor_party_id uuid,
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  -- As shown.
  effects jsonb NOT NULL,
  digest bytea NOT NULL CHECK (length(digest) = 32),
  -- CONFIRMED: needs are withdrawn, membership is being told; DONE: it has changed; REFUSED: it would not, since it was shown.
  state text NOT NULL CHECK (state IN ('CONFIRMED', 'DONE', 'REFUSED')),
  -- Why membership refused.
  refusal text NOT NULL DEFAULT '',
  confirmed_at timestamptz NOT NULL,
  confirmed_by text NOT NULL,
  PRIMARY KEY (group_id, id),
  CHECK ((kind = 'MERGE') = (successor_party_id IS NOT NULL)),
  CHECK ((state = 'REFUSED') = (refusal <> ''))
);
CREATE INDEX member_change_waiting ON member_change (id) WHERE state = 'CONFIRMED';
CALL protect('member_change');
CALL protect_party('member_change', 'party_id');
-- The background worker carries on what whoever confirmed could not.
CALL protect_worker('member_change');

DO $do$
BEGIN
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON change_rule FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE DELETE, TRUNCATE ON member_change FROM %1$I_app', current_schema);
END $do$;
