-- Orders placed before Centrale and not delivered yet: pooled orders of one member each, under its own number, without plan, round
-- or reservation. Their amount is part of what the lot had consumed when it was entered (tendering.ceiling.opening_cents): it is
-- not reserved a second time, and what is cancelled of it stays consumed.

ALTER TABLE pooled_order
  ALTER plan_id DROP NOT NULL,
  ALTER round_id DROP NOT NULL,
  -- Of an opening order: whose it is, where it comes from, as of which day, and when it was ordered.
  ADD COLUMN opening_party_id uuid,
  ADD COLUMN opening_source text CHECK (opening_source <> ''),
  ADD COLUMN opening_as_of date,
  ADD COLUMN opening_ordered_on date,
  -- A reservation, or nothing to reserve, or reserved by nobody because consumed before.
  DROP CONSTRAINT pooled_order_check1,
  ADD CONSTRAINT pooled_order_reserved
    CHECK (placed_at IS NULL OR reservation_id IS NOT NULL OR amount_cents = 0 OR opening_party_id IS NOT NULL),
  ADD CONSTRAINT pooled_order_of_a_plan_or_opening CHECK (
    (plan_id IS NULL) = (opening_party_id IS NOT NULL) AND (round_id IS NULL) = (opening_party_id IS NOT NULL)
    AND (opening_source IS NULL) = (opening_party_id IS NULL) AND (opening_as_of IS NULL) = (opening_party_id IS NULL)
    AND (opening_ordered_on IS NULL) = (opening_party_id IS NULL)),
  ADD CONSTRAINT pooled_order_opening_is_answered
    CHECK (opening_party_id IS NULL OR (state = 'ANSWERED' AND reservation_id IS NULL)),
  DROP CONSTRAINT pooled_order_group_id_number_key;
-- Two members may have given the same number.
CREATE UNIQUE INDEX pooled_order_number_once ON pooled_order (group_id, number) WHERE opening_party_id IS NULL;
CREATE UNIQUE INDEX pooled_order_opening_once ON pooled_order (group_id, opening_party_id, number, lot_id)
  WHERE opening_party_id IS NOT NULL;
CREATE INDEX pooled_order_opening_by_lot ON pooled_order (group_id, lot_id) WHERE opening_party_id IS NOT NULL;

ALTER TABLE order_form
  ADD COLUMN opening boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT order_form_group_id_number_key;
CREATE UNIQUE INDEX order_form_number_once ON order_form (group_id, number) WHERE NOT opening;

-- A line of an opening order is of no plan; every other one still is.
ALTER TABLE pooled_line
  ADD COLUMN opening boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT pooled_line_group_id_id_fkey;
ALTER TABLE pooled_line
  ADD COLUMN plan_line_id uuid GENERATED ALWAYS AS (CASE WHEN opening THEN NULL ELSE id END) STORED,
  ADD CONSTRAINT pooled_line_of_a_plan FOREIGN KEY (group_id, plan_line_id) REFERENCES plan_line (group_id, id);

ALTER TABLE order_line
  ALTER round_id DROP NOT NULL,
  -- Of units_delivered, what had come before Centrale: no delivery here tells of it.
  ADD COLUMN units_opening bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT order_line_opening_within CHECK (units_opening BETWEEN 0 AND units_delivered);
