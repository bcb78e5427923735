-- Delegations of signature, and buyer statuses with their first day.

-- In whose name, by whom, for what, up to which amount, from when to when. A public establishment's director delegates its
-- signature by a published decision (CSP D6143-33 to D6143-35). Both days are included.
CREATE TABLE delegation (
  group_id uuid NOT NULL REFERENCES buying_group,
  delegation_id uuid NOT NULL,
  delegator_party_id uuid NOT NULL REFERENCES party,
  -- To a party or to a person.
  to_party_id uuid REFERENCES party,
  to_person_id uuid REFERENCES person,
  acts text[] NOT NULL CHECK (cardinality(acts) >= 1 AND acts <@ ARRAY['AWARD', 'ORDER']),
  -- Largest amount of one act without VAT, cents EUR; null for no limit.
  amount_max_cents bigint CHECK (amount_max_cents > 0),
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  -- The delegation whose holder is absent. An absence ends.
  stands_in_for uuid,
  -- First day on which it no longer holds.
  revoked_from date,
  revoked_reason text NOT NULL DEFAULT '',
  recorded_at timestamptz NOT NULL,
  recorded_by text NOT NULL,
  PRIMARY KEY (group_id, delegation_id),
  CONSTRAINT delegation_to_one CHECK ((to_party_id IS NULL) <> (to_person_id IS NULL)),
  CONSTRAINT delegation_to_another CHECK (to_party_id IS DISTINCT FROM delegator_party_id),
  CONSTRAINT delegation_absence_ends CHECK (stands_in_for IS NULL OR valid_to IS NOT NULL),
  CHECK ((revoked_from IS NULL) = (revoked_reason = '')),
  FOREIGN KEY (group_id, stands_in_for) REFERENCES delegation (group_id, delegation_id)
);
CREATE INDEX delegation_by_delegator ON delegation (group_id, delegator_party_id, delegation_id);
CREATE INDEX delegation_to_party ON delegation (to_party_id) WHERE to_party_id IS NOT NULL;
CALL protect('delegation');
CALL protect_party('delegation', 'delegator_party_id');
CALL protect_party('delegation', 'to_party_id');

-- The law on delegating a signature, dated, with its source. Written by migrations only.
CREATE TABLE signature_rule (
  valid_from date PRIMARY KEY,
  -- Last day; null while it is in force.
  valid_to date CHECK (valid_to >= valid_from),
  source text NOT NULL
);
INSERT INTO signature_rule (valid_from, source) VALUES ('2010-01-01', 'CSP L6143-7 et D6143-33 à D6143-35');

-- Buyer statuses recorded after the party was entered. On a day the latest one holds; before the first, what the party was entered
-- with. Reference data, as the party.
CREATE TABLE buyer_status_change (
  party_id uuid NOT NULL REFERENCES party,
  valid_from date NOT NULL,
  status text NOT NULL CHECK (status IN ('PUBLIC_LAW', 'PRIVATE_CONTRACTING_AUTHORITY', 'ASSERTED_NOT', 'UNKNOWN')),
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (party_id, valid_from)
);

-- Which of some parties are parties to a GHT other than a group, and the widest delegation to order that its support establishment
-- gave them on a day. It is a group's row that decides in another group (CSP L6132-3 I 3°): a party to a GHT orders elsewhere
-- with its support's delegation only. So it is told by this function, which shows no more than that; the support itself needs
-- none, nor does a party under its own GHT's contracts.
DO $do$
BEGIN
  EXECUTE format($f$
    CREATE FUNCTION ght_standing(parties uuid[], beside uuid, day date)
    RETURNS TABLE (party_id uuid, support_id uuid, support_name text, delegated boolean, delegated_from date, delegated_to date,
                   amount_max_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = %1$I AS $body$
      SELECT DISTINCT ON (m.party_id) m.party_id, g.awarding_party_id, s.name, d.delegation_id IS NOT NULL, d.valid_from, d.last_day,
        d.amount_max_cents
      FROM member m
      JOIN buying_group g ON g.group_id = m.group_id AND g.form = 'GHT'
      JOIN party s ON s.party_id = g.awarding_party_id
      LEFT JOIN LATERAL (
        SELECT o.delegation_id, o.valid_from, o.amount_max_cents, least(o.valid_to, o.revoked_from - 1) AS last_day
        FROM delegation o
        WHERE o.group_id = m.group_id AND o.delegator_party_id = g.awarding_party_id AND o.to_party_id = m.party_id
          AND 'ORDER' = ANY (o.acts) AND o.stands_in_for IS NULL
          AND o.valid_from <= day AND (o.valid_to IS NULL OR o.valid_to >= day) AND (o.revoked_from IS NULL OR o.revoked_from > day)
        ORDER BY o.amount_max_cents DESC NULLS FIRST, o.delegation_id LIMIT 1
      ) d ON true
      WHERE m.party_id = ANY (parties) AND m.kind = 'FULL' AND m.valid_from <= day AND (m.valid_to IS NULL OR m.valid_to >= day)
        AND g.group_id <> beside AND g.awarding_party_id <> m.party_id
        AND NOT EXISTS (SELECT FROM buying_group own JOIN member f ON f.group_id = own.group_id
          WHERE own.group_id = beside AND own.form = 'GHT' AND f.party_id = m.party_id AND f.kind = 'FULL'
            AND f.valid_from <= day AND (f.valid_to IS NULL OR f.valid_to >= day))
      ORDER BY m.party_id, g.group_id
    $body$ $f$, current_schema);
  EXECUTE format('REVOKE ALL ON FUNCTION ght_standing(uuid[], uuid, date) FROM PUBLIC');
  EXECUTE format('GRANT EXECUTE ON FUNCTION ght_standing(uuid[], uuid, date) TO %1$I_app', current_schema);
  EXECUTE format('REVOKE DELETE, TRUNCATE ON delegation FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON signature_rule FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON buyer_status_change FROM %1$I_app, %1$I_worker', current_schema);
END $do$;
