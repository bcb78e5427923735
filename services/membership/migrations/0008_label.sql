-- A group's charter, who signed it, and its quality label: criteria and levels as data, audits criterion by criterion.
-- search_path is the service's schema.

CREATE TABLE charter (
  group_id uuid NOT NULL REFERENCES buying_group,
  version integer NOT NULL CHECK (version > 0),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 20000),
  valid_from date NOT NULL,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  PRIMARY KEY (group_id, version),
  CONSTRAINT charter_one_a_day UNIQUE (group_id, valid_from)
);
CALL protect('charter');

-- A signature stays what it was: one for each version and practitioner.
CREATE TABLE charter_signature (
  group_id uuid NOT NULL,
  practitioner_id uuid NOT NULL,
  version integer NOT NULL,
  signed_on date NOT NULL,
  signed_by text NOT NULL CHECK (length(signed_by) BETWEEN 1 AND 200),
  PRIMARY KEY (group_id, practitioner_id, version),
  FOREIGN KEY (group_id, practitioner_id) REFERENCES practitioner,
  FOREIGN KEY (group_id, version) REFERENCES charter
);
CREATE INDEX charter_signature_version ON charter_signature (group_id, version);
CALL protect('charter_signature');

CREATE TABLE label_scheme (
  group_id uuid NOT NULL REFERENCES buying_group,
  version integer NOT NULL CHECK (version > 0),
  valid_from date NOT NULL,
  first_audit_months integer NOT NULL CHECK (first_audit_months BETWEEN 1 AND 120),
  audit_months integer NOT NULL CHECK (audit_months BETWEEN 1 AND 120),
  retry_months integer NOT NULL CHECK (retry_months BETWEEN 1 AND 120),
  partly_percent integer NOT NULL CHECK (partly_percent BETWEEN 0 AND 100),
  PRIMARY KEY (group_id, version),
  CONSTRAINT label_scheme_one_a_day UNIQUE (group_id, valid_from)
);
CALL protect('label_scheme');

CREATE TABLE label_criterion (
  group_id uuid NOT NULL,
  version integer NOT NULL,
  place integer NOT NULL CHECK (place > 0),
  key text NOT NULL CHECK (key ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
  axis text NOT NULL CHECK (axis IN ('TERRITORY', 'TEAM')),
  points integer NOT NULL CHECK (points BETWEEN 1 AND 1000),
  PRIMARY KEY (group_id, version, place),
  UNIQUE (group_id, version, key),
  FOREIGN KEY (group_id, version) REFERENCES label_scheme
);
CALL protect('label_criterion');

CREATE TABLE label_level (
  group_id uuid NOT NULL,
  version integer NOT NULL,
  level integer NOT NULL CHECK (level BETWEEN 1 AND 3),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  territory_percent integer NOT NULL CHECK (territory_percent BETWEEN 0 AND 100),
  team_percent integer NOT NULL CHECK (team_percent BETWEEN 0 AND 100),
  PRIMARY KEY (group_id, version, level),
  FOREIGN KEY (group_id, version) REFERENCES label_scheme
);
CALL protect('label_level');

-- An audit with what it did to the level, as decided on its day; nothing is computed again later.
CREATE TABLE label_audit (
  group_id uuid NOT NULL,
  audit_id uuid NOT NULL,
  practitioner_id uuid NOT NULL,
  version integer NOT NULL,
  held_on date NOT NULL,
  held_by text NOT NULL CHECK (length(held_by) BETWEEN 1 AND 200),
  due_on date NOT NULL,
  next_due_on date NOT NULL CHECK (next_due_on > held_on),
  territory_percent integer NOT NULL CHECK (territory_percent BETWEEN 0 AND 100),
  team_percent integer NOT NULL CHECK (team_percent BETWEEN 0 AND 100),
  -- 0: none.
  level_before integer NOT NULL CHECK (level_before BETWEEN 0 AND 3),
  level_after integer NOT NULL CHECK (level_after BETWEEN 0 AND 3),
  outcome text NOT NULL CHECK (outcome IN ('GIVEN', 'RENEWED', 'RAISED', 'LOWERED', 'WITHDRAWN', 'NOT_GIVEN')),
  -- Since when the level after has been held without a break.
  level_since date NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (group_id, audit_id),
  CONSTRAINT label_audit_one_a_day UNIQUE (group_id, practitioner_id, held_on),
  FOREIGN KEY (group_id, practitioner_id) REFERENCES practitioner,
  FOREIGN KEY (group_id, version) REFERENCES label_scheme,
  CHECK ((outcome = 'GIVEN') = (level_before = 0 AND level_after > 0)),
  CHECK ((outcome = 'RENEWED') = (level_before = level_after AND level_after > 0)),
  CHECK ((outcome = 'RAISED') = (level_after > level_before AND level_before > 0)),
  CHECK ((outcome = 'LOWERED') = (level_after < level_before AND level_after > 0)),
  CHECK ((outcome = 'WITHDRAWN') = (level_before > 0 AND level_after = 0)),
  CHECK ((outcome = 'NOT_GIVEN') = (level_before = 0 AND level_after = 0))
);
CALL protect('label_audit');

CREATE TABLE label_finding (
  group_id uuid NOT NULL,
  audit_id uuid NOT NULL,
  criterion text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('MET', 'PARTLY', 'NOT_MET')),
  evidence text NOT NULL CHECK (length(evidence) <= 1000),
  PRIMARY KEY (group_id, audit_id, criterion),
  FOREIGN KEY (group_id, audit_id) REFERENCES label_audit,
  CHECK (verdict = 'NOT_MET' OR evidence <> '')
);
CALL protect('label_finding');

-- What a practitioner holds now: the end of its audits. Kept beside them so that lists by due day and by level have an index.
ALTER TABLE practitioner ADD COLUMN level integer NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 3),
  ADD COLUMN level_since date,
  -- None where the group has no label.
  ADD COLUMN audit_due_on date,
  ADD CHECK ((level > 0) = (level_since IS NOT NULL));
CREATE INDEX practitioner_due ON practitioner (group_id, audit_due_on, practitioner_id) WHERE left_on IS NULL;
CREATE INDEX practitioner_level ON practitioner (group_id, level DESC, name, practitioner_id) WHERE level > 0;

-- What was signed and found is not changed afterwards.
DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON charter, charter_signature, label_scheme, label_criterion, label_level, label_audit, label_finding
    FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE ALL ON practitioner, practitioner_attachment, charter_signature, subscription FROM %1$I_worker', current_schema);
END $do$;
