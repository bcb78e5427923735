-- Services that a group offers to its practitioners, the practitioners, where they work, and what they subscribed to.
-- search_path is the service's schema.

-- A practitioner who belongs to a group (a radiologist of a GIE). Personal data: never in an event.
CREATE TABLE practitioner (
  group_id uuid NOT NULL REFERENCES buying_group,
  practitioner_id uuid NOT NULL,
  rpps text NOT NULL CHECK (rpps ~ '^[0-9]{11}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email text NOT NULL DEFAULT '' CHECK (length(email) <= 254),
  joined_on date NOT NULL,
  left_on date CHECK (left_on >= joined_on),
  PRIMARY KEY (group_id, practitioner_id),
  CONSTRAINT practitioner_rpps_unique UNIQUE (group_id, rpps)
);
CALL protect('practitioner');

-- Where a practitioner works. It makes neither a member nor a beneficiary of the party. Both days are included.
CREATE TABLE practitioner_attachment (
  group_id uuid NOT NULL,
  practitioner_id uuid NOT NULL,
  party_id uuid NOT NULL REFERENCES party,
  valid_from date NOT NULL,
  valid_to date CHECK (valid_to >= valid_from),
  kind text NOT NULL CHECK (kind IN ('PRACTICE', 'HOSPITAL')),
  PRIMARY KEY (group_id, practitioner_id, party_id, valid_from),
  FOREIGN KEY (group_id, practitioner_id) REFERENCES practitioner,
  -- On one day a practitioner is attached to a party in one way.
  CONSTRAINT attachments_do_not_overlap
    EXCLUDE USING gist (group_id WITH =, practitioner_id WITH =, party_id WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CREATE INDEX attachment_party ON practitioner_attachment (group_id, party_id, practitioner_id);
CALL protect('practitioner_attachment');

-- A service of the bouquet: data of the group, not code.
CREATE TABLE service (
  group_id uuid NOT NULL REFERENCES buying_group,
  service_id uuid NOT NULL,
  key text NOT NULL CHECK (key ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  provider_id uuid NOT NULL REFERENCES party,
  price_unit text NOT NULL CHECK (price_unit IN ('MONTH', 'ACT', 'USER_MONTH')),
  -- Cents EUR without VAT.
  price_cents bigint NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000),
  term_months integer NOT NULL CHECK (term_months BETWEEN 0 AND 120),
  notice_months integer NOT NULL CHECK (notice_months BETWEEN 0 AND 24),
  offered_from date NOT NULL,
  offered_to date CHECK (offered_to >= offered_from),
  PRIMARY KEY (group_id, service_id),
  CONSTRAINT service_key_unique UNIQUE (group_id, key)
);
CALL protect('service');

-- What a practitioner subscribed to, with what was agreed then: a service that changes changes no running subscription.
CREATE TABLE subscription (
  group_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  service_id uuid NOT NULL,
  practitioner_id uuid NOT NULL,
  starts_on date NOT NULL,
  -- Last day to which it was bound from the start.
  term_ends_on date CHECK (term_ends_on >= starts_on),
  notice_given_on date,
  ends_on date CHECK (ends_on >= starts_on),
  price_unit text NOT NULL CHECK (price_unit IN ('MONTH', 'ACT', 'USER_MONTH')),
  price_cents bigint NOT NULL CHECK (price_cents >= 0),
  notice_months integer NOT NULL CHECK (notice_months >= 0),
  PRIMARY KEY (group_id, subscription_id),
  FOREIGN KEY (group_id, service_id) REFERENCES service,
  FOREIGN KEY (group_id, practitioner_id) REFERENCES practitioner,
  CHECK ((notice_given_on IS NULL) = (ends_on IS NULL)),
  CHECK (ends_on >= term_ends_on),
  CONSTRAINT subscriptions_do_not_overlap
    EXCLUDE USING gist (group_id WITH =, service_id WITH =, practitioner_id WITH =, daterange(starts_on, ends_on, '[]') WITH &&)
);
CREATE INDEX subscription_practitioner ON subscription (group_id, practitioner_id, subscription_id);
CREATE INDEX subscription_service ON subscription (group_id, service_id, subscription_id);
CALL protect('subscription');
