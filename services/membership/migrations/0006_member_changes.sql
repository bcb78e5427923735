-- What became of members: who took whom over, and the SIRET and name of an establishment by their first day.

-- An establishment that another one took over (fusion). Reference data: it is so in every group.
CREATE TABLE succession (
  party_id uuid PRIMARY KEY REFERENCES party,
  successor_party_id uuid NOT NULL REFERENCES party,
  -- First day on which the successor stands in its place.
  since date NOT NULL,
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL,
  CONSTRAINT succession_by_another CHECK (party_id <> successor_party_id)
);
CREATE INDEX succession_of ON succession (successor_party_id);

-- SIRET and name recorded after the party was entered. On a day the latest one holds.
CREATE TABLE identity_change (
  party_id uuid NOT NULL REFERENCES party,
  valid_from date NOT NULL,
  -- A SIRET names one party only, in time too.
  siret text NOT NULL CONSTRAINT identity_siret_unique UNIQUE CHECK (siret ~ '^[0-9]{14}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 1000),
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (party_id, valid_from)
);

DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON succession, identity_change FROM %1$I_app, %1$I_worker', current_schema);
END $do$;
