-- What exists on the first day: members' own codes of articles, and what they consumed before. Dated figures with their source,
-- loaded whole and never changed. `event_id` names the event that told the log of the row: the audit holds each chunk against it.

-- A member's own code of a shared article. An article may have several, a code names one.
CREATE TABLE member_code (
  group_id uuid NOT NULL,
  party_id uuid NOT NULL,
  code text NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
  article_id uuid NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (group_id, party_id, code)
);
-- A code that a spreadsheet robbed of the zeros in front of it is found, to be explained.
CREATE INDEX member_code_without_zeros ON member_code (group_id, party_id, ltrim(code, '0'));
CREATE INDEX member_code_by_article ON member_code (group_id, party_id, article_id);
CALL protect('member_code');
CALL protect_party('member_code', 'party_id');

-- What a member consumed of an article in a month, by site or not.
CREATE TABLE consumption (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  party_id uuid NOT NULL,
  -- Null: not told by site.
  site_id uuid,
  article_id uuid NOT NULL,
  -- Its first day.
  month date NOT NULL CHECK (extract(day FROM month) = 1),
  -- Base units.
  units bigint NOT NULL CHECK (units BETWEEN 0 AND 1000000000000),
  -- Paid for them, cents EUR without VAT; null when not known.
  amount_cents bigint CHECK (amount_cents BETWEEN 0 AND 1000000000000000),
  as_of date NOT NULL,
  source text NOT NULL CHECK (source <> ''),
  event_id uuid NOT NULL,
  PRIMARY KEY (group_id, id),
  CONSTRAINT consumption_once UNIQUE NULLS NOT DISTINCT (group_id, party_id, article_id, month, site_id)
);
CREATE INDEX consumption_by_party ON consumption (party_id, id);
CALL protect('consumption');
CALL protect_party('consumption', 'party_id');

DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON member_code, consumption FROM %1$I_app', current_schema);
END $do$;
