-- People, what they may do, and the accounts of the embedded issuer. Personal data stays in these tables: never in an
-- event, never in a trace.

CREATE TABLE person (
  person_id uuid PRIMARY KEY,
  -- In lower case (the service sees to it), so that one person has one login.
  login text NOT NULL CONSTRAINT person_login_unique UNIQUE CHECK (length(login) BETWEEN 3 AND 100),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email text NOT NULL DEFAULT '' CHECK (length(email) <= 254)
);

-- A role with its reach. A group or a party that the role does not need is null.
CREATE TABLE role_grant (
  person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  role text NOT NULL,
  group_id uuid REFERENCES buying_group,
  party_id uuid REFERENCES party,
  CONSTRAINT role_grant_once UNIQUE NULLS NOT DISTINCT (person_id, role, group_id, party_id),
  CONSTRAINT role_grant_reach CHECK (CASE role
    WHEN 'ADMINISTRATOR' THEN group_id IS NULL AND party_id IS NULL
    WHEN 'PURCHASING_OFFICER' THEN group_id IS NOT NULL AND party_id IS NOT NULL
    WHEN 'AUDITOR' THEN group_id IS NOT NULL
    WHEN 'MEMBER_REQUESTER' THEN group_id IS NOT NULL AND party_id IS NOT NULL
    WHEN 'MEMBER_RECEIVER' THEN group_id IS NOT NULL AND party_id IS NOT NULL
    WHEN 'SUPPLIER' THEN group_id IS NULL AND party_id IS NOT NULL
    WHEN 'PLATFORM_OPERATOR' THEN group_id IS NULL AND party_id IS NOT NULL
    ELSE false END)
);

-- Who a person is to another OpenID Connect issuer.
CREATE TABLE person_identity (
  issuer text NOT NULL,
  subject text NOT NULL,
  person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
  PRIMARY KEY (issuer, subject)
);

-- Password of the embedded issuer; a person of another issuer has none.
CREATE TABLE account (
  person_id uuid PRIMARY KEY REFERENCES person ON DELETE CASCADE,
  -- PHC string, argon2id.
  password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Failed logins of the last minutes, of logins that exist and of those that do not, so that a lock tells nothing. Only
-- the digest of what was typed is kept: people type passwords into the wrong field.
CREATE TABLE login_failure (
  login_sha256 bytea NOT NULL CHECK (length(login_sha256) = 32),
  failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX login_failure_recent ON login_failure (login_sha256, failed_at DESC);
CREATE INDEX login_failure_old ON login_failure (failed_at);

-- Signing keys of the embedded issuer. Technical time.
CREATE TABLE issuer_key (
  -- 1, 2, 3…: of replicas that make the next key at once, one wins.
  generation integer PRIMARY KEY CHECK (generation > 0),
  kid text NOT NULL CONSTRAINT issuer_key_kid_unique UNIQUE,
  -- Ed25519, PKCS#8.
  private_pem text NOT NULL,
  -- Ed25519 public key, base64url.
  public_x text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A successor is published before it signs, so that who verifies has read it.
  signs_from timestamptz NOT NULL,
  -- Published until then: longer than the last token that it signed.
  expires_at timestamptz NOT NULL CHECK (expires_at > signs_from)
);

-- Secrets are for the service alone, people for the service and not its background worker; rules come from migrations.
DO $do$
BEGIN
  EXECUTE format('REVOKE ALL ON account, login_failure, issuer_key FROM %1$I_worker, auditor', current_schema);
  EXECUTE format('REVOKE ALL ON person, person_identity, role_grant FROM %1$I_worker', current_schema);
  EXECUTE format('REVOKE UPDATE, DELETE ON issuer_key FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON group_form_rule FROM %1$I_app, %1$I_worker', current_schema);
END $do$;
