-- What each member had consumed of a lot before it was entered here: dated opening figures with their source (invariant T6,
-- src/domain.rs). Entered for all members of a lot at once and never changed.
CREATE TABLE lot_consumption (
  group_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  party_id uuid NOT NULL,
  -- Cents EUR without VAT.
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  -- Up to which day.
  as_of date NOT NULL,
  -- Where the figure comes from.
  source text NOT NULL CHECK (source <> ''),
  PRIMARY KEY (group_id, lot_id, party_id),
  FOREIGN KEY (group_id, lot_id) REFERENCES ceiling (group_id, lot_id)
);
CALL protect('lot_consumption');
CALL protect_party('lot_consumption', 'party_id');

DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON lot_consumption FROM %1$I_app', current_schema);
END $do$;
