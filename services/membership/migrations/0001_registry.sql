-- Who is who. search_path is the service's schema.
--
-- Parties, sites, people and groups are deployment-wide reference rows without policies: a hospital, a supplier and a
-- platform are in several groups at once (design decision 5). Which party belongs to which group is the group's own:
-- `member` is under row-level security.

-- A legal or operating entity.
CREATE TABLE party (
  party_id uuid PRIMARY KEY,
  key text NOT NULL CONSTRAINT party_key_unique UNIQUE CHECK (key ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  kind text NOT NULL CHECK (kind IN ('ESTABLISHMENT', 'FIRM', 'PLATFORM')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  siret text CONSTRAINT party_siret_unique UNIQUE CHECK (siret ~ '^[0-9]{14}$'),
  finess text CONSTRAINT party_finess_unique UNIQUE CHECK (finess ~ '^([0-9]{2}|2A|2B)[0-9]{7}$'),
  gln text CONSTRAINT party_gln_unique UNIQUE CHECK (gln ~ '^[0-9]{13}$'),
  -- Whether it is bound by the Code de la commande publique (CCP L1211-1), and what that rests on.
  buyer_status text CHECK (buyer_status IN ('PUBLIC_LAW', 'PRIVATE_CONTRACTING_AUTHORITY', 'ASSERTED_NOT', 'UNKNOWN')),
  buyer_status_evidence text NOT NULL DEFAULT '',
  buyer_status_on date,
  CHECK ((kind = 'ESTABLISHMENT') = (buyer_status IS NOT NULL)),
  -- Saying that one is not a contracting authority takes evidence and its date.
  CHECK (buyer_status IS DISTINCT FROM 'ASSERTED_NOT' OR (buyer_status_evidence <> '' AND buyer_status_on IS NOT NULL))
);

-- A place where goods are received.
CREATE TABLE site (
  site_id uuid PRIMARY KEY,
  key text NOT NULL CONSTRAINT site_key_unique UNIQUE CHECK (key ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  party_id uuid NOT NULL REFERENCES party,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  finess text CONSTRAINT site_finess_unique UNIQUE CHECK (finess ~ '^([0-9]{2}|2A|2B)[0-9]{7}$'),
  gln text CONSTRAINT site_gln_unique UNIQUE CHECK (gln ~ '^[0-9]{13}$'),
  address text NOT NULL DEFAULT '',
  postcode text NOT NULL DEFAULT '' CHECK (postcode ~ '^([0-9]{5})?$'),
  city text NOT NULL DEFAULT '',
  -- Decimal degrees, WGS 84.
  latitude numeric(9, 6) CHECK (latitude BETWEEN -90 AND 90),
  longitude numeric(9, 6) CHECK (longitude BETWEEN -180 AND 180),
  authorisations text[] NOT NULL DEFAULT '{}' CHECK (authorisations <@ ARRAY['PUI', 'STERILE_DEVICES', 'COLD_CHAIN']),
  CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE INDEX site_party ON site (party_id, site_id);

-- Rules of law by legal form, dated, with their source (design decision 9). Both days are included.
CREATE TABLE group_form_rule (
  form text NOT NULL CHECK (form IN ('GHT', 'GCS_MOYENS', 'GIP_CENTRALE', 'GIE', 'GROUPEMENT_COMMANDES', 'CHARTER', 'ALLIANCE')),
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  legal_person boolean NOT NULL,
  awards text NOT NULL CHECK (awards IN ('SUPPORT', 'GROUP', 'COORDINATOR', 'LEAD_MEMBER', 'EACH_MEMBER')),
  orders text NOT NULL CHECK (orders IN ('MEMBER', 'GROUP', 'COORDINATOR')),
  receives text NOT NULL CHECK (receives IN ('MEMBER', 'GROUP')),
  pays text NOT NULL CHECK (pays IN ('MEMBER', 'GROUP')),
  ordering_needs_delegation boolean NOT NULL,
  source text NOT NULL,
  PRIMARY KEY (form, valid_from),
  CONSTRAINT one_rule_a_day EXCLUDE USING gist (form WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);

-- A group of establishments that buy together.
CREATE TABLE buying_group (
  group_id uuid PRIMARY KEY,
  key text NOT NULL CONSTRAINT buying_group_key_unique UNIQUE CHECK (key ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  form text NOT NULL CHECK (form IN ('GHT', 'GCS_MOYENS', 'GIP_CENTRALE', 'GIE', 'GROUPEMENT_COMMANDES', 'CHARTER', 'ALLIANCE')),
  awarding_party_id uuid NOT NULL REFERENCES party,
  platform_site_id uuid REFERENCES site
);
-- Lists are by name.
CREATE UNIQUE INDEX buying_group_by_name ON buying_group (name, group_id);
CREATE INDEX buying_group_awarding ON buying_group (awarding_party_id);

-- A party's membership of a group. Both days are included.
CREATE TABLE member (
  group_id uuid NOT NULL REFERENCES buying_group,
  party_id uuid NOT NULL REFERENCES party,
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  kind text NOT NULL CHECK (kind IN ('FULL', 'ASSOCIATE', 'PARTNER')),
  PRIMARY KEY (group_id, party_id, valid_from),
  -- On one day a party belongs to a group in one way.
  CONSTRAINT member_periods_do_not_overlap
    EXCLUDE USING gist (group_id WITH =, party_id WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CREATE INDEX member_party ON member (party_id, group_id);
CALL protect('member');
CALL protect_party('member', 'party_id');
