-- How a group finances itself: invoices to its members, logistics costs, declared savings. The rules are in `group_rule`.

-- What a member owes for a period of whole months; numbered per group and year, frozen once issued.
CREATE TABLE contribution_invoice (
  group_id uuid NOT NULL REFERENCES buying_group,
  invoice_id uuid NOT NULL,
  number text NOT NULL,
  party_id uuid NOT NULL REFERENCES party,
  -- First days of the first and the last month.
  from_month date NOT NULL CHECK (extract(day FROM from_month) = 1),
  to_month date NOT NULL CHECK (extract(day FROM to_month) = 1 AND to_month >= from_month),
  issued_on date NOT NULL,
  -- Without VAT.
  total_cents bigint NOT NULL CHECK (total_cents >= 0),
  PRIMARY KEY (group_id, invoice_id),
  UNIQUE (group_id, number),
  CONSTRAINT contribution_invoice_months_once
    EXCLUDE USING gist (group_id WITH =, party_id WITH =, daterange(from_month, to_month, '[]') WITH &&)
);
CREATE INDEX contribution_invoice_by_party ON contribution_invoice (group_id, party_id, invoice_id);
CALL protect('contribution_invoice');
CALL protect_party('contribution_invoice', 'party_id');

CREATE TABLE contribution_invoice_line (
  group_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  ordinal integer NOT NULL CHECK (ordinal > 0),
  rule_key text NOT NULL,
  label text NOT NULL,
  -- Negative for a grant.
  amount_cents bigint NOT NULL,
  reason jsonb NOT NULL,
  PRIMARY KEY (group_id, invoice_id, ordinal),
  FOREIGN KEY (group_id, invoice_id) REFERENCES contribution_invoice (group_id, invoice_id)
);
CALL protect('contribution_invoice_line');

-- What logistics cost the group in a month, and how it is shared among members.
CREATE TABLE logistics_cost (
  group_id uuid NOT NULL REFERENCES buying_group,
  month date NOT NULL CHECK (extract(day FROM month) = 1),
  label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
  amount_cents bigint NOT NULL CHECK (amount_cents BETWEEN 0 AND 1000000000000),
  shared_by text NOT NULL CHECK (shared_by IN ('EQUAL', 'SPEND', 'ORDERS', 'VOTES')),
  source text NOT NULL CHECK (length(source) BETWEEN 1 AND 300),
  PRIMARY KEY (group_id, month, label)
);
CALL protect('logistics_cost');

-- Savings that no order shows, declared with their evidence: never added to purchase savings.
CREATE TABLE declared_saving (
  group_id uuid NOT NULL REFERENCES buying_group,
  saving_id uuid NOT NULL,
  party_id uuid NOT NULL REFERENCES party,
  month date NOT NULL CHECK (extract(day FROM month) = 1),
  kind text NOT NULL CHECK (kind IN ('AVOIDED_EXAM', 'OTHER')),
  label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
  quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000000),
  unit_cents bigint NOT NULL CHECK (unit_cents BETWEEN 1 AND 100000000),
  amount_cents bigint NOT NULL CHECK (amount_cents = quantity * unit_cents),
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  declared_on date NOT NULL,
  PRIMARY KEY (group_id, saving_id),
  CONSTRAINT declared_saving_once UNIQUE (group_id, party_id, month, kind, label)
);
CALL protect('declared_saving');
CALL protect_party('declared_saving', 'party_id');

DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON contribution_invoice, contribution_invoice_line, declared_saving FROM %1$I_app', current_schema);
END $do$;
