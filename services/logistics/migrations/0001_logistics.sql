-- What is expected from suppliers, what they ship, what arrives, how it is shared, and what each site accepts.

-- Deployment-wide reference rows: no group, no policy. On the list that the e2e suite tests.

-- Projection of membership's sites, kept from its log: who operates a platform, and what a place may receive.
CREATE TABLE site (
  site_id uuid PRIMARY KEY,
  party_id uuid NOT NULL,
  authorisations text[] NOT NULL
);

-- Sites registered or changed since they were last fetched; `position` is that of the newest event about the site.
CREATE TABLE site_to_fetch (
  site_id uuid PRIMARY KEY,
  position bigint NOT NULL
);

-- Packagings that a platform opens (dégroupage). Rows are only added: a share in single units is never followed by one in packs.
CREATE TABLE break_bulk (
  platform_site_id uuid NOT NULL,
  article_id uuid NOT NULL,
  packaging_code text NOT NULL,
  operator_party_id uuid NOT NULL,
  PRIMARY KEY (platform_site_id, article_id, packaging_code)
);

-- A supplier's order as logistics expects it. Its row is locked before anything of the order changes.
CREATE TABLE expected_order (
  group_id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  order_number text NOT NULL,
  supplier_id uuid NOT NULL,
  -- Party that operates the platform; null while nothing of the order passes one.
  operator_party_id uuid,
  PRIMARY KEY (group_id, pooled_order_id)
);
CALL protect('expected_order');
CALL protect_party('expected_order', 'supplier_id');
CALL protect_party('expected_order', 'operator_party_id');

-- One article of one order at one destination. Its sums are those of its lines; only what no line knows is kept here.
CREATE TABLE expected_item (
  group_id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  pooled_line_id uuid NOT NULL,
  destination_site_id uuid NOT NULL,
  route text NOT NULL CHECK (route IN ('PLATFORM', 'DIRECT')),
  supplier_id uuid NOT NULL,
  operator_party_id uuid,
  article_id uuid NOT NULL,
  packaging_code text NOT NULL,
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  -- Announced and not yet received.
  units_in_transit bigint NOT NULL DEFAULT 0 CHECK (units_in_transit >= 0),
  -- Announced, ever.
  units_shipped bigint NOT NULL DEFAULT 0 CHECK (units_shipped >= units_in_transit),
  PRIMARY KEY (group_id, pooled_order_id, pooled_line_id, destination_site_id),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES expected_order,
  CHECK ((route = 'PLATFORM') = (operator_party_id IS NOT NULL))
);
CALL protect('expected_item');
CALL protect_party('expected_item', 'supplier_id');
CALL protect_party('expected_item', 'operator_party_id');

-- One order line: one article for one delivery point.
CREATE TABLE expected_line (
  group_id uuid NOT NULL,
  order_line_id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  pooled_line_id uuid NOT NULL,
  destination_site_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  operator_party_id uuid,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  units_accepted bigint NOT NULL CHECK (units_accepted > 0),
  -- Never come.
  units_cancelled bigint NOT NULL DEFAULT 0,
  -- In deliveries, without what was refused.
  units_allocated bigint NOT NULL DEFAULT 0,
  -- Certified by the member.
  units_delivered bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (group_id, order_line_id),
  FOREIGN KEY (group_id, pooled_order_id, pooled_line_id, destination_site_id) REFERENCES expected_item,
  CONSTRAINT expected_line_conserved CHECK (
    units_cancelled >= 0 AND units_delivered >= 0
    AND units_delivered <= units_allocated AND units_allocated <= units_accepted - units_cancelled)
);
CREATE INDEX expected_line_item ON expected_line (group_id, pooled_order_id, pooled_line_id, destination_site_id, order_line_id);
CREATE INDEX expected_item_supplier ON expected_item (supplier_id, pooled_order_id);
CREATE INDEX expected_item_operator ON expected_item (operator_party_id, pooled_order_id) WHERE operator_party_id IS NOT NULL;
CALL protect('expected_line');
CALL protect_party('expected_line', 'supplier_id');
CALL protect_party('expected_line', 'operator_party_id');

CREATE TABLE shipment (
  group_id uuid NOT NULL,
  shipment_id uuid NOT NULL,
  pooled_order_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  operator_party_id uuid,
  destination_site_id uuid NOT NULL,
  route text NOT NULL CHECK (route IN ('PLATFORM', 'DIRECT')),
  despatch_number text NOT NULL CHECK (length(despatch_number) BETWEEN 1 AND 50),
  state text NOT NULL CHECK (state IN ('ANNOUNCED', 'RECEIVED')),
  line_count integer NOT NULL CHECK (line_count >= 0),
  announced_at timestamptz NOT NULL,
  announced_by text NOT NULL,
  PRIMARY KEY (group_id, shipment_id),
  FOREIGN KEY (group_id, pooled_order_id) REFERENCES expected_order,
  CONSTRAINT shipment_despatch_number_once UNIQUE (group_id, supplier_id, despatch_number),
  CHECK ((route = 'PLATFORM') = (operator_party_id IS NOT NULL)),
  -- A direct shipment is handed over as a delivery at once.
  CHECK (route = 'PLATFORM' OR state = 'RECEIVED')
);
CREATE INDEX shipment_order ON shipment (group_id, pooled_order_id, shipment_id);
CREATE INDEX shipment_supplier ON shipment (supplier_id, shipment_id);
CREATE INDEX shipment_operator ON shipment (operator_party_id, shipment_id) WHERE operator_party_id IS NOT NULL;
CALL protect('shipment');
CALL protect_party('shipment', 'supplier_id');
CALL protect_party('shipment', 'operator_party_id');

CREATE TABLE shipment_line (
  group_id uuid NOT NULL,
  shipment_line_id uuid NOT NULL,
  shipment_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  operator_party_id uuid,
  pooled_line_id uuid NOT NULL,
  article_id uuid NOT NULL,
  units bigint NOT NULL CHECK (units > 0),
  batch text NOT NULL,
  expires_on date,
  units_received bigint NOT NULL DEFAULT 0 CHECK (units_received >= 0),
  units_damaged bigint NOT NULL DEFAULT 0 CHECK (units_damaged >= 0),
  PRIMARY KEY (group_id, shipment_line_id),
  FOREIGN KEY (group_id, shipment_id) REFERENCES shipment,
  CONSTRAINT shipment_line_received_within_shipped CHECK (units_received + units_damaged <= units)
);
CREATE INDEX shipment_line_shipment ON shipment_line (group_id, shipment_id, shipment_line_id);
CREATE INDEX shipment_line_batch ON shipment_line (group_id, article_id, batch);
CALL protect('shipment_line');
CALL protect_party('shipment_line', 'supplier_id');
CALL protect_party('shipment_line', 'operator_party_id');

CREATE TABLE receipt (
  group_id uuid NOT NULL,
  receipt_id uuid NOT NULL,
  shipment_id uuid NOT NULL,
  operator_party_id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  received_by text NOT NULL,
  units_received bigint NOT NULL CHECK (units_received >= 0),
  units_damaged bigint NOT NULL CHECK (units_damaged >= 0),
  units_missing bigint NOT NULL CHECK (units_missing >= 0),
  PRIMARY KEY (group_id, receipt_id),
  FOREIGN KEY (group_id, shipment_id) REFERENCES shipment,
  -- A shipment is received once.
  CONSTRAINT receipt_shipment_once UNIQUE (group_id, shipment_id)
);
CALL protect('receipt');
CALL protect_party('receipt', 'operator_party_id');

-- How goods that arrived, or goods that never come, were shared: everything needed to compute it again.
CREATE TABLE allocation (
  group_id uuid NOT NULL,
  allocation_id uuid NOT NULL,
  cause text NOT NULL CHECK (cause IN ('RECEIPT', 'CANCELLATION')),
  pooled_order_id uuid NOT NULL,
  pooled_line_id uuid NOT NULL,
  destination_site_id uuid NOT NULL,
  operator_party_id uuid,
  -- The shipment that caused it; null when an officer cancelled.
  shipment_id uuid,
  units bigint NOT NULL CHECK (units > 0),
  step_units bigint NOT NULL CHECK (step_units > 0),
  units_spoiled bigint NOT NULL DEFAULT 0 CHECK (units_spoiled >= 0),
  rule text NOT NULL,
  rule_text text NOT NULL,
  share_count bigint NOT NULL CHECK (share_count > 0),
  made_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, allocation_id),
  FOREIGN KEY (group_id, pooled_order_id, pooled_line_id, destination_site_id) REFERENCES expected_item,
  FOREIGN KEY (group_id, shipment_id) REFERENCES shipment
);
CREATE INDEX allocation_order ON allocation (group_id, pooled_order_id, allocation_id);
CALL protect('allocation');
CALL protect_party('allocation', 'operator_party_id');

CREATE TABLE allocation_share (
  group_id uuid NOT NULL,
  allocation_id uuid NOT NULL,
  order_line_id uuid NOT NULL,
  operator_party_id uuid,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  weight_units bigint NOT NULL CHECK (weight_units >= 0),
  units bigint NOT NULL,
  PRIMARY KEY (group_id, allocation_id, order_line_id),
  FOREIGN KEY (group_id, allocation_id) REFERENCES allocation,
  FOREIGN KEY (group_id, order_line_id) REFERENCES expected_line,
  CONSTRAINT allocation_share_within_weight CHECK (units BETWEEN 0 AND weight_units)
);
CREATE INDEX allocation_share_party ON allocation_share (group_id, party_id, allocation_id);
CALL protect('allocation_share');
CALL protect_party('allocation_share', 'operator_party_id');

CREATE TABLE delivery (
  group_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  number text NOT NULL,
  pooled_order_id uuid NOT NULL,
  shipment_id uuid NOT NULL,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  route text NOT NULL CHECK (route IN ('PLATFORM', 'DIRECT')),
  -- Who carries it out, and so who sees it: the platform's operator, or for a direct delivery the supplier.
  operator_party_id uuid,
  direct_supplier_id uuid,
  state text NOT NULL CHECK (state IN ('PREPARED', 'DISPATCHED', 'DELIVERED', 'CERTIFIED')),
  units bigint NOT NULL CHECK (units > 0),
  version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  prepared_at timestamptz NOT NULL,
  dispatched_at timestamptz,
  -- Proof. Personal data: never in an event.
  signed_by text,
  handed_over_at timestamptz,
  reserves text,
  certified_at timestamptz,
  certified_by text,
  PRIMARY KEY (group_id, delivery_id),
  FOREIGN KEY (group_id, shipment_id) REFERENCES shipment,
  CONSTRAINT delivery_number_once UNIQUE (group_id, number),
  CHECK ((route = 'PLATFORM') = (operator_party_id IS NOT NULL)),
  CHECK ((route = 'DIRECT') = (direct_supplier_id IS NOT NULL)),
  CHECK ((state = 'PREPARED') = (dispatched_at IS NULL)),
  CHECK ((state IN ('DELIVERED', 'CERTIFIED')) = (signed_by IS NOT NULL AND handed_over_at IS NOT NULL AND reserves IS NOT NULL)),
  CHECK ((state = 'CERTIFIED') = (certified_at IS NOT NULL AND certified_by IS NOT NULL))
);
CREATE INDEX delivery_party ON delivery (party_id, delivery_id);
CREATE INDEX delivery_operator ON delivery (operator_party_id, delivery_id) WHERE operator_party_id IS NOT NULL;
CREATE INDEX delivery_supplier ON delivery (direct_supplier_id, delivery_id) WHERE direct_supplier_id IS NOT NULL;
CALL protect('delivery');
CALL protect_party('delivery', 'party_id');
CALL protect_party('delivery', 'operator_party_id');
CALL protect_party('delivery', 'direct_supplier_id');

CREATE TABLE delivery_line (
  group_id uuid NOT NULL,
  delivery_line_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  order_line_id uuid NOT NULL,
  shipment_line_id uuid NOT NULL,
  party_id uuid NOT NULL,
  operator_party_id uuid,
  direct_supplier_id uuid,
  article_id uuid NOT NULL,
  units bigint NOT NULL CHECK (units > 0),
  batch text NOT NULL,
  expires_on date,
  units_accepted bigint NOT NULL DEFAULT 0 CHECK (units_accepted >= 0),
  units_refused bigint NOT NULL DEFAULT 0 CHECK (units_refused >= 0),
  PRIMARY KEY (group_id, delivery_line_id),
  FOREIGN KEY (group_id, delivery_id) REFERENCES delivery,
  FOREIGN KEY (group_id, order_line_id) REFERENCES expected_line,
  FOREIGN KEY (group_id, shipment_line_id) REFERENCES shipment_line,
  -- Certified whole or not at all.
  CONSTRAINT delivery_line_certified_whole CHECK (units_accepted + units_refused IN (0, units))
);
CREATE INDEX delivery_line_delivery ON delivery_line (group_id, delivery_id, delivery_line_id);
CREATE INDEX delivery_line_batch ON delivery_line (group_id, article_id, batch);
CALL protect('delivery_line');
CALL protect_party('delivery_line', 'party_id');
CALL protect_party('delivery_line', 'operator_party_id');
CALL protect_party('delivery_line', 'direct_supplier_id');
