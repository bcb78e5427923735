-- Consultations with their sealed tenders, evaluation and award. Invariants C1 to C6 are written in src/domain/consultation.rs.
--
-- Secrecy is kept by Postgres, not by good manners: before opening, no session of the group can read whose a tender is or a
-- byte of its file (policies `opened_rows`), and what cannot be read cannot be shown, logged or leaked by a new query. The
-- file itself is ciphertext; the private key never comes here before opening and is never stored.

INSERT INTO legal_rule (rule, valid_from, valid_to, article, figure, text) VALUES
  ('FORMAL_PROCEDURE_THRESHOLD', '2026-01-01', '2027-12-31', 'CCP L2124-1 ; règlement (UE) 2025/2152', 21600000,
   'Seuil de procédure formalisée, fournitures et services des autres pouvoirs adjudicateurs, centimes d''euro hors taxes.'),
  ('NEED_VALUE', '2019-04-01', NULL, 'CCP R2121-1 ; R2121-8', NULL,
   'La valeur du besoin est celle de tous les lots ; celle d''un accord-cadre, sa valeur maximale sur toute sa durée.'),
  ('OPEN_PROCEDURE_DAYS', '2019-04-01', NULL, 'CCP R2161-2', 35,
   'Délai minimal de réception des offres d''un appel d''offres ouvert, en jours, jour d''envoi non compris.'),
  ('OPEN_PROCEDURE_DAYS_ELECTRONIC', '2019-04-01', NULL, 'CCP R2161-3', 30,
   'Le même délai quand les offres peuvent être remises par voie électronique.'),
  ('CRITERIA_WEIGHTED', '2019-04-01', NULL, 'CCP R2152-11 ; R2152-12', 100,
   'Les critères et leur pondération figurent dans les documents de la consultation.'),
  ('ENVIRONMENTAL_CRITERION', '2026-08-21', NULL, 'CCP R2152-7', NULL,
   'Au moins un critère prend en compte les caractéristiques environnementales de l''offre ; le prix seul n''est plus permis.'),
  ('TIE_RULE_ANNOUNCED', '2019-04-01', NULL, 'CCP R2152-6 ; R2152-11', NULL,
   'Les offres sont classées selon des règles annoncées ; le tirage au sort n''est plus prévu par le code.'),
  ('COMPARISON_ANNOUNCED', '2019-04-01', NULL, 'CCP R2152-11', NULL,
   'Les modalités de mise en œuvre des critères sont indiquées dans les documents de la consultation.'),
  ('TENDER_SECRECY', '2019-04-01', NULL, 'CCP R2132-9 ; L2132-1', NULL,
   'L''acheteur ne prend connaissance du contenu des offres qu''à l''expiration du délai prévu pour leur présentation.'),
  ('DEADLINE_NEEDED', '2019-04-01', NULL, 'CCP R2151-1', NULL,
   'L''acheteur fixe le délai de réception des offres.'),
  ('BUYERS_NAMED', '2019-04-01', NULL, 'CCP R2162-6', NULL,
   'Les acheteurs qui commanderont sont identifiés dans l''avis ou les documents de la consultation.'),
  ('FORMULA_FLATTENED', '2019-04-01', NULL, 'CE, 373362', NULL,
   'Une formule qui neutralise les écarts de prix prive le critère de sa portée.'),
  ('FORMULA_MIN_MAX', '2019-04-01', NULL, 'CE, 20/11/2020, 427761', NULL,
   'Une formule qui donne tout au moins cher et rien au plus cher fausse la pondération annoncée.'),
  ('FORMULA_UNIT_PRICE_SUM', '2019-04-01', NULL, 'CCP R2152-6 (détail quantitatif estimatif)', NULL,
   'La somme de prix unitaires ne compare pas des offres : il faut un panier de quantités estimées.'),
  ('STANDSTILL_ELECTRONIC', '2019-04-01', NULL, 'CCP R2182-1', 11,
   'Jours entre l''envoi électronique des rejets et la signature, procédures formalisées.'),
  ('STANDSTILL_OTHER', '2019-04-01', NULL, 'CCP R2182-1', 16,
   'Jours entre l''envoi des rejets par une autre voie et la signature, procédures formalisées.'),
  ('STANDSTILL_NONE_ADAPTED', '2019-04-01', NULL, 'CCP R2182-1', NULL,
   'Aucun délai de suspension n''est exigé en procédure adaptée.'),
  ('STANDSTILL_NONE_SINGLE', '2019-04-01', NULL, 'CCP R2182-2', NULL,
   'Aucun délai de suspension n''est exigé lorsque le marché est attribué au seul opérateur ayant participé.');

CREATE TABLE consultation (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  number text NOT NULL CHECK (number <> ''),
  -- PUBLISHED is CLOSED after the deadline, AWARDED is STANDSTILL before signable_on: time alone does that.
  state text NOT NULL CHECK (state IN ('DRAFT', 'PUBLISHED', 'OPENED', 'EVALUATED', 'AWARDED', 'SIGNED', 'CANCELLED')),
  version bigint NOT NULL CHECK (version >= 1),
  -- The documents of the consultation as one text, read and written as a whole and frozen by publication: their hash is in
  -- the publication's event.
  dossier jsonb NOT NULL,
  -- Copied from the documents, for the policies, lists and checks.
  deadline timestamptz,
  created_at timestamptz NOT NULL,
  published_at timestamptz,
  opened_at timestamptz,
  awarded_at timestamptz,
  signable_on date,
  agreement_id uuid,
  cancel_reason text,
  PRIMARY KEY (group_id, id),
  CONSTRAINT consultation_number_once UNIQUE (group_id, number),
  CONSTRAINT consultation_published CHECK (state IN ('DRAFT', 'CANCELLED') OR (published_at IS NOT NULL AND deadline IS NOT NULL)),
  CONSTRAINT consultation_opened_late CHECK (opened_at > deadline),
  CONSTRAINT consultation_opened CHECK (state NOT IN ('OPENED', 'EVALUATED', 'AWARDED', 'SIGNED') OR opened_at IS NOT NULL),
  CONSTRAINT consultation_awarded CHECK (state NOT IN ('AWARDED', 'SIGNED') OR (awarded_at IS NOT NULL AND signable_on IS NOT NULL)),
  CONSTRAINT consultation_signed CHECK ((state = 'SIGNED') = (agreement_id IS NOT NULL)),
  FOREIGN KEY (group_id, agreement_id) REFERENCES agreement (group_id, id)
);
CALL protect('consultation');
CREATE INDEX consultation_by_id ON consultation (id);
-- A published consultation is a public document (CCP R2132-2): every party and every registered person reads it, whatever the
-- group. Sessions of other groups do not need it.
CREATE POLICY published_rows ON consultation FOR SELECT USING (
  published_at IS NOT NULL
  AND ((SELECT nullif(current_setting('app.party_id', true), '')) IS NOT NULL
       OR (SELECT nullif(current_setting('app.group_id', true), ''))::uuid = '00000000-0000-0000-0000-000000000000'));

-- A tender as received: hash and time. Nothing here says whose it is or what it offers.
CREATE TABLE tender (
  group_id uuid NOT NULL,
  id uuid NOT NULL,
  consultation_id uuid NOT NULL,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 1 AND 20971520),
  received_at timestamptz NOT NULL,
  late boolean NOT NULL,
  -- The event that holds hash and time in the group's chain.
  event_id uuid NOT NULL,
  PRIMARY KEY (group_id, id),
  UNIQUE (group_id, id, consultation_id),
  FOREIGN KEY (group_id, consultation_id) REFERENCES consultation (group_id, id)
);
CALL protect('tender');
CREATE INDEX tender_by_consultation ON tender (group_id, consultation_id, id);

-- Whose a tender is.
CREATE TABLE tender_party (
  group_id uuid NOT NULL,
  tender_id uuid NOT NULL,
  -- Again here: a policy that asked `tender` would ask itself, since that one asks this table.
  consultation_id uuid NOT NULL,
  party_id uuid NOT NULL,
  PRIMARY KEY (group_id, tender_id),
  FOREIGN KEY (group_id, tender_id, consultation_id) REFERENCES tender (group_id, id, consultation_id)
);
CREATE INDEX tender_party_by_party ON tender_party (party_id, tender_id);
ALTER TABLE tender_party ENABLE ROW LEVEL SECURITY;
CREATE POLICY received_rows ON tender_party FOR INSERT
  WITH CHECK (group_id = (SELECT nullif(current_setting('app.group_id', true), ''))::uuid);
CREATE POLICY opened_rows ON tender_party FOR SELECT USING (
  group_id = (SELECT nullif(current_setting('app.group_id', true), ''))::uuid
  AND EXISTS (SELECT FROM consultation c WHERE c.group_id = tender_party.group_id AND c.id = tender_party.consultation_id
                AND c.opened_at IS NOT NULL));
CALL protect_party('tender_party', 'party_id');
-- A bidder has its receipts.
CREATE POLICY party_rows ON tender FOR SELECT USING (EXISTS (
  SELECT FROM tender_party p WHERE p.group_id = tender.group_id AND p.tender_id = tender.id
    AND p.party_id = (SELECT nullif(current_setting('app.party_id', true), ''))::uuid));

-- The file, as ciphertext, in pieces of at most 1 MiB. A late one stays sealed for good.
CREATE TABLE tender_chunk (
  group_id uuid NOT NULL,
  tender_id uuid NOT NULL,
  ordinal integer NOT NULL CHECK (ordinal >= 0),
  bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 1 AND 1048576),
  PRIMARY KEY (group_id, tender_id, ordinal),
  FOREIGN KEY (group_id, tender_id) REFERENCES tender (group_id, id)
);
ALTER TABLE tender_chunk ENABLE ROW LEVEL SECURITY;
-- Ciphertext is not compressible.
ALTER TABLE tender_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE POLICY received_rows ON tender_chunk FOR INSERT
  WITH CHECK (group_id = (SELECT nullif(current_setting('app.group_id', true), ''))::uuid);
CREATE POLICY opened_rows ON tender_chunk FOR SELECT USING (
  group_id = (SELECT nullif(current_setting('app.group_id', true), ''))::uuid
  AND EXISTS (SELECT FROM tender t JOIN consultation c ON c.group_id = t.group_id AND c.id = t.consultation_id
              WHERE t.group_id = tender_chunk.group_id AND t.id = tender_chunk.tender_id
                AND NOT t.late AND c.opened_at IS NOT NULL));

-- What opening found, for the last tender in time of each bidder.
CREATE TABLE opened_tender (
  group_id uuid NOT NULL,
  tender_id uuid NOT NULL,
  consultation_id uuid NOT NULL,
  party_id uuid NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('OPENED', 'IRREGULAR', 'UNREADABLE')),
  -- What is wrong, in French.
  faults text[] NOT NULL,
  -- Prices and answers.
  content jsonb,
  PRIMARY KEY (group_id, tender_id),
  CONSTRAINT opened_tender_once UNIQUE (group_id, consultation_id, party_id),
  FOREIGN KEY (group_id, tender_id) REFERENCES tender (group_id, id),
  CONSTRAINT opened_tender_content CHECK ((outcome = 'OPENED') = (content IS NOT NULL)),
  CONSTRAINT opened_tender_faults CHECK ((outcome = 'OPENED') = (cardinality(faults) = 0))
);
CALL protect('opened_tender');

-- A lot as evaluated: every mark, comment, figure and rank as one text, written as a whole.
CREATE TABLE lot_result (
  group_id uuid NOT NULL,
  consultation_id uuid NOT NULL,
  lot_number integer NOT NULL CHECK (lot_number >= 1),
  ranking jsonb NOT NULL,
  -- Set by the award.
  awarded_tender_id uuid,
  awarded_party_id uuid,
  PRIMARY KEY (group_id, consultation_id, lot_number),
  FOREIGN KEY (group_id, consultation_id) REFERENCES consultation (group_id, id),
  FOREIGN KEY (group_id, awarded_tender_id) REFERENCES opened_tender (group_id, tender_id),
  CONSTRAINT lot_result_award CHECK ((awarded_tender_id IS NULL) = (awarded_party_id IS NULL))
);
CALL protect('lot_result');

-- What was received is never changed; nothing is deleted; the worker has no business with it.
DO $do$
BEGIN
  EXECUTE format('REVOKE DELETE, TRUNCATE ON consultation, tender, tender_party, tender_chunk, opened_tender, lot_result
                  FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE UPDATE ON tender, tender_party, tender_chunk, opened_tender FROM %1$I_app', current_schema);
  EXECUTE format('REVOKE ALL ON consultation, tender, tender_party, tender_chunk, opened_tender, lot_result
                  FROM %1$I_worker', current_schema);
END $do$;
