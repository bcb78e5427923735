-- Order rounds, the needs stated in them, what members paid before, and frozen sets of needs.

-- An order round (campagne de commande). Needs are added under a share lock of its row and it is closed under an update
-- lock, so that a need and a closing cannot pass each other.
CREATE TABLE round (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  title text NOT NULL,
  opens_at timestamptz NOT NULL,
  closes_at timestamptz NOT NULL,
  -- Site of the logistics platform; null: direct delivery everywhere.
  platform_site_id uuid,
  -- In the order in which they are tried.
  agreement_ids uuid[] NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'CLOSED', 'ORDERED')),
  version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  PRIMARY KEY (group_id, id),
  CHECK (closes_at > opens_at)
);
CALL protect('round');

-- A need of a member. Up to 1,000,000 in a round.
CREATE TABLE need (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  round_id uuid NOT NULL,
  party_id uuid NOT NULL,
  site_id uuid NOT NULL,
  article_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('GOODS', 'SERVICE')),
  packaging_code text NOT NULL,
  -- The packaging as it was when the need was stated, so that its conversion can always be shown: `carton`,
  -- `10 boîtes × 30 comprimés`, `comprimé`.
  packaging_label text NOT NULL,
  packaging_content text NOT NULL,
  base_label text NOT NULL,
  -- Base units in one of it.
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  -- How many of that packaging.
  quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 100000000),
  -- Base units; the limit keeps the sum of a million needs within 64 bits.
  units bigint NOT NULL CHECK (units BETWEEN 1 AND 1000000000000),
  -- The member's own.
  reference text NOT NULL CHECK (reference <> ''),
  needed_by date,
  withdrawn boolean NOT NULL DEFAULT false,
  version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  created_by text NOT NULL,
  PRIMARY KEY (group_id, id),
  CONSTRAINT need_units_follow CHECK (units::numeric = quantity::numeric * pack_units::numeric),
  CONSTRAINT need_reference_once UNIQUE (group_id, round_id, party_id, reference),
  FOREIGN KEY (group_id, round_id) REFERENCES round (group_id, id)
);
-- Planning, snapshot lines and counts read the active needs of a round by article.
CREATE INDEX need_by_article ON need (group_id, round_id, article_id) INCLUDE (party_id) WHERE NOT withdrawn;
-- Pages of a round, and its snapshot, read by id.
CREATE INDEX need_by_round ON need (group_id, round_id, id);
-- A party's session lists its needs across groups.
CREATE INDEX need_by_party ON need (party_id, id);
CALL protect('need');
CALL protect_party('need', 'party_id');

-- What a member paid before a pooled order, the baseline of savings.
CREATE TABLE reference_price (
  group_id uuid NOT NULL,
  party_id uuid NOT NULL,
  article_id uuid NOT NULL,
  -- EUR without VAT per base unit.
  unit_price numeric(18,6) NOT NULL CHECK (unit_price >= 0),
  dated_on date NOT NULL,
  evidence text NOT NULL,
  PRIMARY KEY (group_id, party_id, article_id)
);
CALL protect('reference_price');
CALL protect_party('reference_price', 'party_id');

-- A frozen set of needs. Needs of a closed round no longer change, so the rows themselves are the set and `sha256` proves it.
CREATE TABLE snapshot (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  round_id uuid NOT NULL,
  -- 1, 2, … in the round.
  version integer NOT NULL CHECK (version > 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  need_count bigint NOT NULL CHECK (need_count > 0),
  units bigint NOT NULL CHECK (units > 0),
  article_count bigint NOT NULL CHECK (article_count > 0),
  member_count bigint NOT NULL CHECK (member_count > 0),
  taken_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, id),
  UNIQUE (group_id, round_id, version),
  FOREIGN KEY (group_id, round_id) REFERENCES round (group_id, id)
);
CALL protect('snapshot');
