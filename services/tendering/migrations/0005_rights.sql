-- When the contract notice was published, where a buyer added later was named, and the rules of who may buy that come from both.

-- Day on which the notice was published; null when it is not known (an agreement entered without it).
ALTER TABLE agreement ADD COLUMN published_on date;
-- Where the notice names a buyer that was added later; empty for those entered with the agreement.
ALTER TABLE beneficiary ADD COLUMN evidence text NOT NULL DEFAULT '' CHECK (length(evidence) <= 1000);

-- Agreements made of consultations before: the day on which their consultation was published.
UPDATE agreement a SET published_on = (c.published_at AT TIME ZONE 'Europe/Paris')::date
FROM consultation c WHERE c.group_id = a.group_id AND c.agreement_id = a.id AND c.published_at IS NOT NULL;

INSERT INTO legal_rule (rule, valid_from, article, figure, text) VALUES
  ('JOINED_AFTER_PUBLICATION', '2019-04-01', 'CCP R2162-6 et L2113-7 ; CJUE C-216/17 ; Rép. min. du 17 mai 2011', NULL,
   'Un membre entré après l''engagement de la procédure ne commande pas sur le marché, sauf à y avoir été nommé.'),
  ('GHT_DELEGATION', '2018-01-01', 'CSP L6132-3 I 3° et R6132-16', NULL,
   'L''établissement support assure la fonction achats : une partie au GHT ne commande ailleurs qu''avec sa délégation.');
UPDATE legal_rule SET article = 'CSP L6132-3 I 3° et R6132-16' WHERE rule = 'GHT_SUPPORT_AWARDS' AND article = 'CSP R6132-16';
