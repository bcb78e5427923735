-- Articles with identifiers and packaging (deployment-wide reference tables, no policy) and the prices that a group's
-- agreements give them (group tables). search_path is the service's schema.

-- Words by which people search: no accents, no capitals, no punctuation. Declared immutable, which `unaccent` itself is
-- not because its rules could be edited; ours never are, and the generated column below needs it.
CREATE FUNCTION search_words(label text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT word), '{}')
  FROM regexp_split_to_table(lower(public.unaccent('public.unaccent', label)), '[^[:alnum:]]+') AS word
  WHERE word <> ''
$$;

-- Labels in which each word of a text begins a word; null when the text has none. Quoting is enough: words are letters and
-- digits. Immutable, so that the planner sees how rare the words are.
CREATE FUNCTION search_query(wanted text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN (SELECT string_agg(quote_literal(word) || ':*', ' & ') FROM unnest(search_words(wanted)) AS word)::tsquery;
END $$;

-- A product or service that can be bought.
CREATE TABLE article (
  id uuid PRIMARY KEY,
  key text NOT NULL CONSTRAINT article_key UNIQUE CHECK (key <> ''),
  label text NOT NULL CHECK (label <> ''),
  kind text NOT NULL CHECK (kind IN ('GOODS', 'SERVICE')),
  base_unit text NOT NULL CHECK (base_unit ~ '^[A-Z0-9]{2,3}$'),
  base_unit_label text NOT NULL CHECK (base_unit_label <> ''),
  cpv text NOT NULL,
  atc text NOT NULL,
  storage_class text NOT NULL CHECK (storage_class IN ('AMBIENT', 'COLD_2_8', 'FROZEN', 'FLAMMABLE')),
  required_authorisation text NOT NULL CHECK (required_authorisation IN ('', 'PUI', 'STERILE_DEVICES')),
  medicine boolean NOT NULL,
  sterile_device boolean NOT NULL,
  vat_rate numeric(18,6) NOT NULL CHECK (vat_rate BETWEEN 0 AND 100),
  version bigint NOT NULL CHECK (version > 0),
  -- Lexemes are set directly: a text search parser would cut `0,5 mg` and `12-32` differently in label and query.
  words tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(search_words(label))) STORED
);
CREATE INDEX article_words ON article USING gin (words);

-- One level of an article's packaging.
CREATE TABLE packaging (
  article_id uuid NOT NULL REFERENCES article (id),
  code text NOT NULL CHECK (code ~ '^[A-Z0-9_]{1,20}$'),
  -- Order in which the levels were sent, from 0.
  position integer NOT NULL CHECK (position >= 0),
  label text NOT NULL CHECK (label <> ''),
  contains_code text,
  contains_count bigint CHECK (contains_count BETWEEN 1 AND 1000000),
  base_units bigint NOT NULL CHECK (base_units > 0),
  orderable boolean NOT NULL,
  PRIMARY KEY (article_id, code),
  FOREIGN KEY (article_id, contains_code) REFERENCES packaging (article_id, code),
  CONSTRAINT packaging_contents_complete CHECK ((contains_code IS NULL) = (contains_count IS NULL)),
  CONSTRAINT packaging_not_in_itself CHECK (contains_code <> code),
  CONSTRAINT packaging_base_is_one_unit CHECK (contains_code IS NOT NULL OR base_units = 1)
);
CREATE UNIQUE INDEX packaging_one_base ON packaging (article_id) WHERE contains_code IS NULL;

-- A product code. CIP13 and UCD13 are GTINs once a 0 is put before them, so every code is kept as 14 digits and names
-- exactly one level of one article, under whichever schemes it was given.
CREATE TABLE identifier (
  code14 text PRIMARY KEY CHECK (code14 ~ '^[0-9]{14}$'),
  article_id uuid NOT NULL,
  packaging_code text NOT NULL,
  schemes text[] NOT NULL CHECK (cardinality(schemes) > 0 AND schemes <@ ARRAY['GTIN', 'CIP13', 'UCD13']),
  FOREIGN KEY (article_id, packaging_code) REFERENCES packaging (article_id, code)
);
CREATE INDEX identifier_article ON identifier (article_id, packaging_code);
-- People type the start of a code without the zeros that fill it up to 14.
CREATE INDEX identifier_start ON identifier (ltrim(code14, '0') text_pattern_ops);

-- One row per group: whoever sets prices locks it, so that clashes are decided by one command at a time.
CREATE TABLE price_book (
  group_id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version > 0)
);
CALL protect('price_book');

-- The price of an article under a lot of an agreement. Tiers are read and written whole, hence arrays.
CREATE TABLE price (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  agreement_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  supplier_id uuid NOT NULL,
  article_id uuid NOT NULL,
  packaging_code text NOT NULL,
  pack_units bigint NOT NULL CHECK (pack_units > 0),
  order_multiple_packs bigint NOT NULL CHECK (order_multiple_packs BETWEEN 1 AND 1000000),
  -- Base units from which each tier holds, rising from 0.
  tier_min_units bigint[] NOT NULL CHECK (tier_min_units[1] = 0),
  -- EUR without VAT per base unit, never rising.
  tier_unit_prices numeric(18,6)[] NOT NULL,
  valid_from date NOT NULL,
  valid_to date NOT NULL,
  set_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, id),
  FOREIGN KEY (article_id, packaging_code) REFERENCES packaging (article_id, code),
  CONSTRAINT price_period CHECK (valid_from <= valid_to),
  CONSTRAINT price_tiers CHECK (cardinality(tier_min_units) = cardinality(tier_unit_prices)
    AND cardinality(tier_min_units) BETWEEN 1 AND 50),
  -- Two prices of one article under one lot never both apply on a day.
  CONSTRAINT price_one_a_day EXCLUDE USING gist
    (group_id WITH =, lot_id WITH =, article_id WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CREATE INDEX price_article ON price (group_id, article_id);
CREATE INDEX price_agreement ON price (group_id, agreement_id, id);
CREATE INDEX price_supplier ON price (supplier_id, id);
CALL protect('price');
CALL protect_party('price', 'supplier_id');
