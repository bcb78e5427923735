-- Agreements in force with their lots, holders, beneficiaries and ceilings, and what is reserved on them.
-- Invariants T1 to T5 are written in src/domain.rs; the names of constraints below are used by the code.

-- Rules of law used here, dated, with their source. Deployment-wide reference data: only a migration changes it. First days:
-- entry into force of the Code de la commande publique, transfer of the GHT's purchasing function, GCS and maximum rules.
CREATE TABLE legal_rule (
  rule text NOT NULL CHECK (rule ~ '^[A-Z0-9_]+$'),
  valid_from date NOT NULL,
  -- Last day; null while it is in force.
  valid_to date CHECK (valid_to >= valid_from),
  article text NOT NULL CHECK (article <> ''),
  -- The figure that the rule gives, in the unit that `text` says; null when it gives none.
  figure bigint,
  text text NOT NULL,
  PRIMARY KEY (rule, valid_from)
);
INSERT INTO legal_rule (rule, valid_from, article, figure, text) VALUES
  ('AGREEMENT_NOT_IN_FORCE', '2019-04-01', 'CCP R2162-5', NULL,
   'Les bons de commande et les marchés subséquents ne sont passés que pendant la durée de validité de l''accord-cadre.'),
  ('BENEFICIARY_NOT_NAMED', '2019-04-01', 'CCP R2162-6 ; CJUE C-216/17', NULL,
   'Seuls commandent les acheteurs identifiés à cette fin dans l''avis de marché ou les documents de la consultation.'),
  ('ENTITLED', '2019-04-01', 'CCP R2162-6', NULL,
   'L''acheteur identifié dans l''avis de marché peut commander auprès du titulaire.'),
  ('GCS_MEMBERS_ONLY', '2020-01-01', 'CSP L6133-1', NULL,
   'Un groupement de coopération sanitaire de moyens n''agit que pour le compte de ses membres.'),
  ('GHT_SUPPORT_AWARDS', '2018-01-01', 'CSP R6132-16', NULL,
   'L''établissement support passe les marchés et leurs avenants ; chaque établissement partie les exécute.'),
  ('STATUS_UNKNOWN_IS_STRICT', '2019-04-01', 'CCP L1211-1', NULL,
   'Tant que le statut n''est pas établi, l''établissement est traité comme pouvoir adjudicateur.'),
  ('AGREEMENT_LONGEST', '2019-04-01', 'CCP L2125-1', 48,
   'Durée maximale d''un accord-cadre d''un pouvoir adjudicateur, en mois.'),
  ('MAXIMUM_COMPULSORY', '2022-01-01', 'CCP R2162-4', NULL,
   'Un accord-cadre fixe un maximum en valeur ou en quantité, lot par lot.');

-- Framework agreement (accord-cadre).
CREATE TABLE agreement (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  key text NOT NULL CHECK (key <> ''),
  number text NOT NULL CHECK (number <> ''),
  title text NOT NULL CHECK (title <> ''),
  role text NOT NULL CHECK (role IN ('WHOLESALER', 'INTERMEDIARY')),
  tier_basis text NOT NULL CHECK (tier_basis IN ('POOLED_ORDER', 'ORDER_FORM', 'DELIVERY_POINT')),
  starts_on date NOT NULL,
  ends_on date NOT NULL,
  awarding_party_id uuid NOT NULL,
  -- Where the opening data comes from.
  source text NOT NULL CHECK (source <> ''),
  entered_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, id),
  CONSTRAINT agreement_key_once UNIQUE (group_id, key),
  CONSTRAINT agreement_number_once UNIQUE (group_id, number),
  CONSTRAINT agreement_period CHECK (ends_on >= starts_on)
);
CALL protect('agreement');
-- A party's list across its groups is paged by id.
CREATE INDEX agreement_by_id ON agreement (id);

-- Who has to do with an agreement: what a party's session may see follows from it.
CREATE TABLE agreement_party (
  group_id uuid NOT NULL,
  agreement_id uuid NOT NULL,
  party_id uuid NOT NULL,
  role text NOT NULL CHECK (role IN ('HOLDER', 'BENEFICIARY', 'AWARDING')),
  PRIMARY KEY (group_id, agreement_id, party_id, role),
  FOREIGN KEY (group_id, agreement_id) REFERENCES agreement (group_id, id)
);
CALL protect('agreement_party');
CALL protect_party('agreement_party', 'party_id');
CREATE INDEX agreement_party_by_party ON agreement_party (party_id, agreement_id);

-- A lot with its single holder (titulaire).
CREATE TABLE lot (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  agreement_id uuid NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  title text NOT NULL CHECK (title <> ''),
  holder_id uuid NOT NULL,
  -- Guaranteed minimum without VAT, cents EUR; 0 for none.
  minimum_cents bigint NOT NULL CHECK (minimum_cents >= 0),
  PRIMARY KEY (group_id, id),
  CONSTRAINT lot_number_once UNIQUE (group_id, agreement_id, number),
  FOREIGN KEY (group_id, agreement_id) REFERENCES agreement (group_id, id)
);
CALL protect('lot');
-- A holder sees its own lots only: what a rival's lot has consumed is not its business.
CALL protect_party('lot', 'holder_id');

-- Ceiling of a lot, one hot row of its own. Cents EUR without VAT.
CREATE TABLE ceiling (
  group_id uuid NOT NULL,
  lot_id uuid NOT NULL,
  maximum_cents bigint NOT NULL CHECK (maximum_cents > 0),
  -- Consumed before the agreement was entered here.
  opening_cents bigint NOT NULL CHECK (opening_cents >= 0),
  consumed_cents bigint NOT NULL DEFAULT 0 CHECK (consumed_cents >= 0),
  reserved_cents bigint NOT NULL DEFAULT 0 CHECK (reserved_cents >= 0),
  PRIMARY KEY (group_id, lot_id),
  FOREIGN KEY (group_id, lot_id) REFERENCES lot (group_id, id),
  CONSTRAINT ceiling_not_passed CHECK (opening_cents + consumed_cents + reserved_cents <= maximum_cents)
);
CALL protect('ceiling');

-- A buyer named in the contract notice, for some days.
CREATE TABLE beneficiary (
  group_id uuid NOT NULL,
  agreement_id uuid NOT NULL,
  party_id uuid NOT NULL,
  valid_from date NOT NULL,
  -- Last day; null for the agreement's end.
  valid_to date,
  CONSTRAINT beneficiary_once PRIMARY KEY (group_id, agreement_id, party_id, valid_from),
  FOREIGN KEY (group_id, agreement_id) REFERENCES agreement (group_id, id),
  CONSTRAINT beneficiary_period CHECK (valid_to >= valid_from)
);
CALL protect('beneficiary');
CALL protect_party('beneficiary', 'party_id');

-- A reservation on a ceiling for one pooled order.
CREATE TABLE reservation (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  lot_id uuid NOT NULL,
  order_id uuid NOT NULL,
  -- Reserved at first, cents EUR.
  initial_cents bigint NOT NULL CHECK (initial_cents > 0),
  -- Held or consumed now, cents EUR.
  amount_cents bigint NOT NULL CHECK (amount_cents BETWEEN 0 AND initial_cents),
  state text NOT NULL CHECK (state IN ('RESERVED', 'CONFIRMED', 'RELEASED')),
  reserved_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (group_id, id),
  FOREIGN KEY (group_id, lot_id) REFERENCES ceiling (group_id, lot_id),
  CONSTRAINT reservation_released_is_empty CHECK ((state = 'RELEASED') = (amount_cents = 0))
);
CALL protect('reservation');
CREATE UNIQUE INDEX reservation_active_order ON reservation (group_id, order_id) WHERE state <> 'RELEASED';
CREATE INDEX reservation_by_lot ON reservation (group_id, lot_id);

-- Who takes how much of a reservation as it was asked, and the rule that allowed it.
CREATE TABLE reservation_share (
  group_id uuid NOT NULL,
  reservation_id uuid NOT NULL,
  party_id uuid NOT NULL,
  -- Place in the request, from 1.
  ordinal integer NOT NULL CHECK (ordinal >= 1),
  amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
  -- rule, source, text, facts.
  reason jsonb,
  PRIMARY KEY (group_id, reservation_id, party_id),
  FOREIGN KEY (group_id, reservation_id) REFERENCES reservation (group_id, id),
  CONSTRAINT reservation_share_has_reason CHECK (amount_cents = 0 OR reason IS NOT NULL)
);
CALL protect('reservation_share');

-- What a party sees across its groups. SELECT only; each policy asks agreement_party or lot, whose own policies hold there too.
CREATE POLICY party_rows ON agreement FOR SELECT USING (EXISTS (
  SELECT FROM agreement_party p WHERE p.group_id = agreement.group_id AND p.agreement_id = agreement.id
    AND p.party_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid));
CREATE POLICY party_rows ON lot FOR SELECT USING (EXISTS (
  SELECT FROM agreement_party p WHERE p.group_id = lot.group_id AND p.agreement_id = lot.agreement_id
    AND p.party_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid AND p.role IN ('BENEFICIARY', 'AWARDING')));
CREATE POLICY party_rows ON ceiling FOR SELECT USING (
  (SELECT nullif(current_setting('app.party_id', true), '')) IS NOT NULL
  AND EXISTS (SELECT FROM lot l WHERE l.group_id = ceiling.group_id AND l.id = ceiling.lot_id));
CREATE POLICY party_rows ON beneficiary FOR SELECT USING (EXISTS (
  SELECT FROM agreement_party p WHERE p.group_id = beneficiary.group_id AND p.agreement_id = beneficiary.agreement_id
    AND p.party_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid AND p.role IN ('HOLDER', 'AWARDING')));

-- The app changes ceilings and reservations, adds the rest and deletes nothing.
DO $do$
BEGIN
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON legal_rule FROM %1$I_app, %1$I_worker', current_schema);
  EXECUTE format('REVOKE DELETE, TRUNCATE ON agreement, agreement_party, lot, ceiling, beneficiary, reservation, reservation_share
                  FROM %1$I_app', current_schema);
END $do$;
