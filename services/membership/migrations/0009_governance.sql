-- How a group governs itself: the rules it gave itself, who votes with how many votes, decisions of its assembly, mandates.

-- Rules that the group gave itself (convention constitutive, statutes, charter, decisions of its assembly): dated, with their source.
-- Both days are included. The body is the rule as `domain/` knows it.
CREATE TABLE group_rule (
  group_id uuid NOT NULL REFERENCES buying_group,
  kind text NOT NULL CHECK (kind IN ('DECISION', 'OFFICE', 'CONTRIBUTION', 'GRANT')),
  -- DECISION: its subject; OFFICE: the office; otherwise chosen by the group.
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 60),
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  body jsonb NOT NULL,
  source text NOT NULL CHECK (length(source) BETWEEN 1 AND 300),
  PRIMARY KEY (group_id, kind, key, valid_from),
  CONSTRAINT group_rule_one_a_day
    EXCLUDE USING gist (group_id WITH =, kind WITH =, key WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CALL protect('group_rule');

-- A member's college and votes in the assembly. None at all: it does not vote.
CREATE TABLE voting_right (
  group_id uuid NOT NULL REFERENCES buying_group,
  party_id uuid NOT NULL REFERENCES party,
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  college text NOT NULL CHECK (length(college) <= 100),
  votes bigint NOT NULL CHECK (votes BETWEEN 0 AND 1000000000),
  PRIMARY KEY (group_id, party_id, valid_from),
  CONSTRAINT voting_right_one_a_day
    EXCLUDE USING gist (group_id WITH =, party_id WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CALL protect('voting_right');

-- A file kept for the group, named by what it is (design decision 13): bytes in pieces of at most 1 MiB, never changed.
CREATE TABLE document (
  group_id uuid NOT NULL REFERENCES buying_group,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  media_type text NOT NULL CHECK (media_type = 'application/pdf'),
  size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 1 AND 10485760),
  PRIMARY KEY (group_id, sha256)
);
CALL protect('document');
CREATE TABLE document_chunk (
  group_id uuid NOT NULL,
  sha256 bytea NOT NULL,
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 1 AND 1048576),
  PRIMARY KEY (group_id, sha256, ordinal),
  FOREIGN KEY (group_id, sha256) REFERENCES document (group_id, sha256)
);
ALTER TABLE document_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
CALL protect('document_chunk');

-- A decision of the assembly, with the rule as it was and what it computed.
CREATE TABLE decision (
  group_id uuid NOT NULL REFERENCES buying_group,
  decision_id uuid NOT NULL,
  -- Legal number in the group.
  number text NOT NULL,
  subject text NOT NULL CHECK (subject IN ('ELECTION', 'ADMISSION', 'POLICY', 'BUDGET', 'OTHER')),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
  resolution text NOT NULL CHECK (length(resolution) <= 5000),
  decided_on date NOT NULL,
  second_call boolean NOT NULL,
  -- Of an election: to which office; of an election or an admission: who.
  office text CHECK (office IN ('PRESIDENT', 'VICE_PRESIDENT', 'ADMINISTRATOR', 'DEPUTY')),
  candidate_party_id uuid REFERENCES party,
  -- Of an admission: as what, and from which day on.
  candidate_kind text CHECK (candidate_kind IN ('FULL', 'ASSOCIATE', 'PARTNER')),
  effect_from date,
  state text NOT NULL CHECK (state IN ('ADOPTED', 'REJECTED', 'NO_QUORUM')),
  rule jsonb NOT NULL,
  rule_source text NOT NULL,
  tallies jsonb NOT NULL,
  reasons jsonb NOT NULL,
  minutes_sha256 bytea,
  PRIMARY KEY (group_id, decision_id),
  UNIQUE (group_id, number),
  CHECK ((subject = 'ELECTION') = (office IS NOT NULL)),
  CHECK ((subject IN ('ELECTION', 'ADMISSION')) = (candidate_party_id IS NOT NULL)),
  CHECK ((subject = 'ADMISSION') = (candidate_kind IS NOT NULL)),
  CHECK ((subject = 'ADMISSION') = (effect_from IS NOT NULL)),
  FOREIGN KEY (group_id, minutes_sha256) REFERENCES document (group_id, sha256)
);
CREATE INDEX decision_by_candidate ON decision (group_id, candidate_party_id) WHERE candidate_party_id IS NOT NULL;
CALL protect('decision');

-- What each member that could vote did, with its college and votes of that day.
CREATE TABLE decision_vote (
  group_id uuid NOT NULL,
  decision_id uuid NOT NULL,
  party_id uuid NOT NULL REFERENCES party,
  college text NOT NULL,
  votes bigint NOT NULL CHECK (votes > 0),
  choice text NOT NULL CHECK (choice IN ('FOR', 'AGAINST', 'ABSTAIN', 'ABSENT')),
  represented_by uuid REFERENCES party CHECK (represented_by <> party_id),
  PRIMARY KEY (group_id, decision_id, party_id),
  CHECK (represented_by IS NULL OR choice <> 'ABSENT'),
  FOREIGN KEY (group_id, decision_id) REFERENCES decision (group_id, decision_id)
);
CALL protect('decision_vote');

-- Who holds an office, for a member, from when until when. Names of people stay in this table.
CREATE TABLE mandate (
  group_id uuid NOT NULL REFERENCES buying_group,
  mandate_id uuid NOT NULL,
  office text NOT NULL CHECK (office IN ('PRESIDENT', 'VICE_PRESIDENT', 'ADMINISTRATOR', 'DEPUTY')),
  party_id uuid NOT NULL REFERENCES party,
  holder_name text NOT NULL CHECK (length(holder_name) BETWEEN 1 AND 200),
  starts_on date NOT NULL,
  -- Its last day as planned.
  ends_on date CHECK (ends_on >= starts_on),
  -- Its last day when it ended before.
  ended_on date CHECK (ended_on >= starts_on AND (ends_on IS NULL OR ended_on <= ends_on)),
  end_reason text NOT NULL DEFAULT '' CHECK (length(end_reason) <= 500),
  decision_id uuid,
  -- Whether it ends the predecessor's term, so that it is no term of its own.
  completes boolean NOT NULL,
  reasons jsonb NOT NULL,
  PRIMARY KEY (group_id, mandate_id),
  CHECK ((ended_on IS NULL) = (end_reason = '')),
  FOREIGN KEY (group_id, decision_id) REFERENCES decision (group_id, decision_id)
);
CREATE INDEX mandate_by_office ON mandate (group_id, office, starts_on);
CALL protect('mandate');

-- Seats of a commission by member (directors, presidents of medical commissions).
CREATE TABLE commission_seat (
  group_id uuid NOT NULL REFERENCES buying_group,
  seat_id uuid NOT NULL,
  commission text NOT NULL CHECK (length(commission) BETWEEN 1 AND 100),
  party_id uuid NOT NULL REFERENCES party,
  quality text NOT NULL CHECK (quality IN ('DIRECTOR', 'MEDICAL_COMMISSION_PRESIDENT', 'OTHER')),
  holder_name text NOT NULL CHECK (length(holder_name) BETWEEN 1 AND 200),
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  PRIMARY KEY (group_id, seat_id),
  CONSTRAINT commission_seat_key UNIQUE (group_id, commission, party_id, quality, valid_from),
  CONSTRAINT commission_seat_one_a_day
    EXCLUDE USING gist (group_id WITH =, commission WITH =, party_id WITH =, quality WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CALL protect('commission_seat');

-- What was decided stays as it was; minutes are attached once (`minutes_sha256`), mandates may end (`ended_on`, `end_reason`).
DO $do$
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON decision, decision_vote, document, document_chunk, mandate FROM %1$I_app', current_schema);
  EXECUTE format('GRANT UPDATE (minutes_sha256) ON decision TO %1$I_app', current_schema);
  EXECUTE format('GRANT UPDATE (ended_on, end_reason) ON mandate TO %1$I_app', current_schema);
  EXECUTE format('REVOKE ALL ON mandate, commission_seat FROM %1$I_worker', current_schema);
END $do$;
