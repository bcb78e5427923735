-- A census (recensement) is a round of another kind: it estimates needs for years ahead of a consultation, under no agreement,
-- and is never ordered.

ALTER TABLE round
  ADD COLUMN kind text NOT NULL DEFAULT 'ORDER' CONSTRAINT round_kind CHECK (kind IN ('ORDER', 'CENSUS')),
  -- Months that the needs of a census are stated for.
  ADD COLUMN period_months integer,
  ADD CONSTRAINT round_period CHECK ((kind = 'CENSUS') = (period_months IS NOT NULL) AND period_months BETWEEN 1 AND 60),
  ADD CONSTRAINT census_without_agreement CHECK (kind <> 'CENSUS' OR cardinality(agreement_ids) = 0),
  ADD CONSTRAINT census_never_ordered CHECK (kind <> 'CENSUS' OR state <> 'ORDERED');

-- How firmly a need of a census is meant; null in any other round.
ALTER TABLE need ADD COLUMN commitment text CHECK (commitment IN ('INDICATIVE', 'MINIMUM', 'FIRM'));
