-- Pooled plans: what to order for a round's needs, under which lots, shared to the unit and the cent.

-- A pooled plan. Its lines and shares never change; a new plan is computed instead.
CREATE TABLE plan (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  round_id uuid NOT NULL,
  snapshot_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('PROPOSED', 'APPROVED', 'PLACED')),
  -- Site of the platform through which PLATFORM routes go; null when all is direct.
  platform_site_id uuid,
  -- Who orders, receives and pays, as the group's legal form had it on the day of the plan.
  orders_by text NOT NULL CHECK (orders_by IN ('MEMBER', 'AWARDING')),
  receives_by text NOT NULL CHECK (receives_by IN ('MEMBER', 'AWARDING')),
  pays_by text NOT NULL CHECK (pays_by IN ('MEMBER', 'AWARDING')),
  awarding_party_id uuid NOT NULL,
  line_count bigint NOT NULL CHECK (line_count >= 0),
  share_count bigint NOT NULL CHECK (share_count >= 0),
  exclusion_count bigint NOT NULL CHECK (exclusion_count >= 0),
  units_needed bigint NOT NULL CHECK (units_needed >= 0),
  units_ordered bigint NOT NULL,
  -- Cents EUR without VAT.
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  -- Over lines and shares; domain/plan_digest.rs says over which bytes.
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  proposed_at timestamptz NOT NULL,
  proposed_by text NOT NULL,
  approved_at timestamptz,
  approved_by text,
  version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  PRIMARY KEY (group_id, id),
  CHECK (units_ordered >= units_needed),
  CHECK ((state = 'PROPOSED') = (approved_at IS NULL)),
  CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
  FOREIGN KEY (group_id, round_id) REFERENCES round (group_id, id),
  FOREIGN KEY (group_id, snapshot_id) REFERENCES snapshot (group_id, id)
);
CREATE UNIQUE INDEX plan_approved_once_per_round ON plan (group_id, round_id) WHERE state IN ('APPROVED', 'PLACED');
CALL protect('plan');

-- One article at one price: for everybody, or for one buyer or delivery point when the agreement reads its tiers there.
CREATE TABLE plan_line (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  plan_id uuid NOT NULL,
  -- Order in the plan, from 1.
  position bigint NOT NULL CHECK (position > 0),
  article_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('GOODS', 'SERVICE')),
  agreement_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  -- Role 1 of a central purchasing body (CCP L2113-2 1°): the awarding party buys.
  wholesale boolean NOT NULL,
  packaging_code text NOT NULL,
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  units_needed bigint NOT NULL CHECK (units_needed > 0),
  packs bigint NOT NULL CHECK (packs > 0),
  units_ordered bigint NOT NULL,
  tier_min_units bigint NOT NULL CHECK (tier_min_units >= 0),
  -- EUR without VAT per base unit.
  unit_price numeric(18,6) NOT NULL CHECK (unit_price >= 0),
  -- Cents EUR without VAT.
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  -- Percent.
  vat_rate numeric(18,6) NOT NULL CHECK (vat_rate >= 0),
  tier_party_id uuid,
  tier_site_id uuid,
  member_count bigint NOT NULL CHECK (member_count > 0),
  reasons jsonb NOT NULL,
  PRIMARY KEY (group_id, id),
  UNIQUE (group_id, plan_id, position),
  CONSTRAINT plan_line_whole_packs CHECK (units_ordered::numeric = packs::numeric * pack_units::numeric),
  CONSTRAINT plan_line_covers_need CHECK (units_ordered >= units_needed),
  CONSTRAINT plan_line_tier_reached CHECK (units_ordered >= tier_min_units),
  CHECK (tier_site_id IS NULL OR tier_party_id IS NOT NULL),
  FOREIGN KEY (group_id, plan_id) REFERENCES plan (group_id, id)
);
CREATE INDEX plan_line_by_plan ON plan_line (group_id, plan_id, id);
CALL protect('plan_line');

-- What one need gets. Up to 1,000,000 in a plan.
CREATE TABLE plan_share (
  group_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  need_id uuid NOT NULL,
  plan_line_id uuid NOT NULL,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  route text NOT NULL CHECK (route IN ('PLATFORM', 'DIRECT')),
  -- Whether the platform opens packs for it.
  break_bulk boolean NOT NULL,
  units_needed bigint NOT NULL CHECK (units_needed > 0),
  units bigint NOT NULL,
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  PRIMARY KEY (group_id, plan_id, need_id),
  CONSTRAINT plan_share_covers_need CHECK (units >= units_needed),
  CHECK (NOT break_bulk OR route = 'PLATFORM'),
  FOREIGN KEY (group_id, plan_line_id) REFERENCES plan_line (group_id, id),
  FOREIGN KEY (group_id, need_id) REFERENCES need (group_id, id)
);
CREATE INDEX plan_share_by_line ON plan_share (group_id, plan_line_id);
CREATE INDEX plan_share_by_party ON plan_share (party_id, plan_id, need_id);
CALL protect('plan_share');
CALL protect_party('plan_share', 'party_id');

-- A need left out, with the rule.
CREATE TABLE plan_exclusion (
  group_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  need_id uuid NOT NULL,
  party_id uuid NOT NULL,
  article_id uuid NOT NULL,
  site_id uuid NOT NULL,
  units bigint NOT NULL CHECK (units > 0),
  reason jsonb NOT NULL,
  PRIMARY KEY (group_id, plan_id, need_id),
  FOREIGN KEY (group_id, plan_id) REFERENCES plan (group_id, id),
  FOREIGN KEY (group_id, need_id) REFERENCES need (group_id, id)
);
CREATE INDEX plan_exclusion_by_party ON plan_exclusion (party_id, plan_id, need_id);
CALL protect('plan_exclusion');
CALL protect_party('plan_exclusion', 'party_id');

-- Who pays for something in the plan, and its commitment number (numéro d'engagement) once given.
CREATE TABLE plan_buyer (
  group_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  party_id uuid NOT NULL,
  -- Whether its status requires a commitment before any order.
  commitment_required boolean NOT NULL,
  commitment_number text CHECK (length(commitment_number) BETWEEN 1 AND 50),
  recorded_by text,
  PRIMARY KEY (group_id, plan_id, party_id),
  CHECK ((commitment_number IS NULL) = (recorded_by IS NULL)),
  FOREIGN KEY (group_id, plan_id) REFERENCES plan (group_id, id)
);
CALL protect('plan_buyer');
CALL protect_party('plan_buyer', 'party_id');
