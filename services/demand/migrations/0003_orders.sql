-- Pooled orders, the order forms inside them, what became of each line, and the processes that place them.

-- An envelope: what one supplier delivers to several buyers under one lot.
CREATE TABLE pooled_order (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  -- Legal number in the group.
  number text NOT NULL,
  plan_id uuid NOT NULL,
  round_id uuid NOT NULL,
  agreement_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  platform_site_id uuid,
  state text NOT NULL CHECK (state IN ('PLACING', 'PLACED', 'ANSWERED', 'REFUSED')),
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  units_ordered bigint NOT NULL CHECK (units_ordered > 0),
  cancelled_cents bigint NOT NULL DEFAULT 0,
  form_count bigint NOT NULL CHECK (form_count > 0),
  -- Why it was allowed or refused.
  reasons jsonb NOT NULL DEFAULT '[]',
  reservation_id uuid,
  placed_at timestamptz,
  answered_at timestamptz,
  answer_means text CHECK (answer_means IN ('PORTAL', 'PHONE', 'EMAIL', 'FILE')),
  answered_by text,
  version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  PRIMARY KEY (group_id, id),
  UNIQUE (group_id, number),
  CONSTRAINT pooled_order_once_per_lot UNIQUE (group_id, plan_id, lot_id, supplier_id),
  CONSTRAINT pooled_order_cancelled_within CHECK (cancelled_cents BETWEEN 0 AND amount_cents),
  CHECK ((state IN ('PLACED', 'ANSWERED')) = (placed_at IS NOT NULL)),
  -- What costs nothing takes nothing of a ceiling.
  CHECK (placed_at IS NULL OR reservation_id IS NOT NULL OR amount_cents = 0),
  CHECK ((state = 'ANSWERED') = (answer_means IS NOT NULL)),
  CHECK ((answer_means IS NULL) = (answered_by IS NULL)),
  CHECK ((answer_means IS NULL) = (answered_at IS NULL)),
  FOREIGN KEY (group_id, plan_id) REFERENCES plan (group_id, id),
  FOREIGN KEY (group_id, round_id) REFERENCES round (group_id, id)
);
CREATE INDEX pooled_order_by_plan ON pooled_order (group_id, plan_id, id);
CREATE INDEX pooled_order_by_supplier ON pooled_order (supplier_id, id);
CALL protect('pooled_order');
-- A supplier sees its orders across groups once they are placed: before, and when refused, there is no order for it.
CREATE POLICY party_rows_supplier_id ON pooled_order FOR SELECT USING (
  state IN ('PLACED', 'ANSWERED')
  AND supplier_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid);

-- One article of a pooled order; its id is the plan line's.
CREATE TABLE pooled_line (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  article_id uuid NOT NULL,
  packaging_code text NOT NULL,
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  packs bigint NOT NULL CHECK (packs > 0),
  units_ordered bigint NOT NULL,
  units_cancelled bigint NOT NULL DEFAULT 0,
  unit_price numeric(18,6) NOT NULL,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  vat_rate numeric(18,6) NOT NULL,
  promised_on date,
  PRIMARY KEY (group_id, id),
  CONSTRAINT pooled_line_whole_packs CHECK (units_ordered::numeric = packs::numeric * pack_units::numeric),
  CONSTRAINT pooled_line_cancelled_within CHECK (units_cancelled BETWEEN 0 AND units_ordered),
  FOREIGN KEY (group_id, id) REFERENCES plan_line (group_id, id),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES pooled_order (group_id, id)
);
CREATE INDEX pooled_line_by_order ON pooled_line (group_id, pooled_order_id, id);
CALL protect('pooled_line');
-- As its order: the inner select is under the order's own policy.
CREATE POLICY party_rows_supplier_id ON pooled_line FOR SELECT USING (
  supplier_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid
  AND EXISTS (SELECT FROM pooled_order o WHERE o.group_id = pooled_line.group_id AND o.id = pooled_line.pooled_order_id));

-- A buyer's own order (bon de commande, CCP R2162-13) inside a pooled order.
CREATE TABLE order_form (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  number text NOT NULL,
  orderer_id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  payer_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  commitment_number text,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  -- VAT per rate on the form's total.
  vat_cents bigint NOT NULL CHECK (vat_cents >= 0),
  -- State of its pooled order, repeated because its parties do not see the pooled order itself.
  state text NOT NULL CHECK (state IN ('PLACING', 'PLACED', 'ANSWERED', 'REFUSED')),
  PRIMARY KEY (group_id, id),
  UNIQUE (group_id, number),
  CONSTRAINT order_form_once_per_buyer UNIQUE (group_id, pooled_order_id, orderer_id, receiver_id, payer_id),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES pooled_order (group_id, id)
);
CREATE INDEX order_form_by_order ON order_form (group_id, pooled_order_id, id);
CREATE INDEX order_form_by_orderer ON order_form (orderer_id, id);
CREATE INDEX order_form_by_receiver ON order_form (receiver_id, id);
CREATE INDEX order_form_by_payer ON order_form (payer_id, id);
CREATE INDEX order_form_by_supplier ON order_form (supplier_id, id);
CALL protect('order_form');
CALL protect_party('order_form', 'orderer_id');
CALL protect_party('order_form', 'receiver_id');
CALL protect_party('order_form', 'payer_id');
CREATE POLICY party_rows_supplier_id ON order_form FOR SELECT USING (
  state IN ('PLACED', 'ANSWERED')
  AND supplier_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid);

-- What one delivery point gets of one article, and what became of it.
CREATE TABLE order_line (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  order_form_id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  pooled_line_id uuid NOT NULL,
  round_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  route text NOT NULL CHECK (route IN ('PLATFORM', 'DIRECT')),
  break_bulk boolean NOT NULL,
  article_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('GOODS', 'SERVICE')),
  packaging_code text NOT NULL,
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  units_ordered bigint NOT NULL CHECK (units_ordered > 0),
  units_cancelled bigint NOT NULL DEFAULT 0 CHECK (units_cancelled >= 0),
  units_delivered bigint NOT NULL DEFAULT 0 CHECK (units_delivered >= 0),
  unit_price numeric(18,6) NOT NULL,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  cancelled_cents bigint NOT NULL DEFAULT 0,
  -- What the member paid before per base unit, copied when the order was made; null when nobody entered it.
  reference_price numeric(18,6),
  -- Whether its pooled order is placed, repeated because the member does not see the pooled order itself.
  placed boolean NOT NULL DEFAULT false,
  PRIMARY KEY (group_id, id),
  CONSTRAINT order_line_once_per_point UNIQUE (group_id, pooled_line_id, order_form_id, party_id, site_id),
  CONSTRAINT order_line_units_conserved CHECK (units_cancelled + units_delivered <= units_ordered),
  CONSTRAINT order_line_cancelled_within CHECK (cancelled_cents BETWEEN 0 AND amount_cents),
  CHECK (NOT break_bulk OR route = 'PLATFORM'),
  FOREIGN KEY (group_id, order_form_id) REFERENCES order_form (group_id, id),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES pooled_order (group_id, id),
  FOREIGN KEY (group_id, pooled_line_id) REFERENCES pooled_line (group_id, id)
);
CREATE INDEX order_line_by_order ON order_line (group_id, pooled_order_id, id);
-- Balances go by these three, in a group and across groups.
CREATE INDEX order_line_by_point ON order_line (group_id, party_id, article_id, site_id);
CREATE INDEX order_line_by_party ON order_line (party_id, article_id, site_id);
CREATE INDEX order_line_by_supplier ON order_line (supplier_id, id);
CALL protect('order_line');
CALL protect_party('order_line', 'party_id');
CREATE POLICY party_rows_supplier_id ON order_line FOR SELECT USING (
  placed AND supplier_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid);

-- A long process (design decision 3). Technical time: leases and waits do not follow the demo's clock.
CREATE TABLE process (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('PLACE_ORDER', 'RELEASE')),
  -- Its pooled order.
  subject_id uuid NOT NULL,
  step text NOT NULL CHECK (step IN ('RESERVE', 'CONFIRM', 'ANNOUNCE', 'UNDO', 'RELEASE')),
  state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'DONE', 'FAILED')),
  -- RELEASE: cents given back to the ceiling.
  amount_cents bigint CHECK (amount_cents > 0),
  -- UNDO: why the order will be refused.
  refusal jsonb,
  -- Failures of the present step in a row.
  attempts integer NOT NULL DEFAULT 0,
  holder uuid,
  lease_until timestamptz,
  next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error text NOT NULL DEFAULT '',
  trace_parent text NOT NULL,
  -- Who approved what it does.
  approved_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, id),
  CHECK ((kind = 'RELEASE') = (step = 'RELEASE')),
  CHECK ((kind = 'RELEASE') = (amount_cents IS NOT NULL)),
  CHECK ((step = 'UNDO') = (refusal IS NOT NULL)),
  CHECK ((holder IS NULL) = (lease_until IS NULL)),
  FOREIGN KEY (group_id, subject_id) REFERENCES pooled_order (group_id, id)
);
CREATE INDEX process_running ON process (next_try_at) WHERE state = 'RUNNING';
CREATE INDEX process_by_subject ON process (group_id, subject_id);
CREATE UNIQUE INDEX process_places_once ON process (group_id, subject_id) WHERE kind = 'PLACE_ORDER';
CALL protect('process');
CALL protect_worker('process');
