-- Who awards, orders, receives and pays, by legal form. A change of
-- law is a new migration that ends one row and adds another.
--
-- Where a form leaves a choice to its convention (GCS, GIP, GIE, groupement de commandes), the row is what holds
-- without a clause: the member that consumes orders, receives and pays. When the group itself buys and sells on
-- (wholesaler, CCP L2113-2 1°), the agreement's role says so, not the form.
--
-- A GHT's member executes the contracts that the support establishment awards (CSP R6132-16), so ordering under them
-- needs no delegation of signature. Ordering from a central purchasing body outside the GHT would.
INSERT INTO group_form_rule
  (form, valid_from, valid_to, legal_person, awards, orders, receives, pays, ordering_needs_delegation, source) VALUES
  -- Purchasing function of the support establishment.
  ('GHT', '2018-01-01', NULL, false, 'SUPPORT', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'CSP L6132-1, L6132-3 I 3°, R6132-16'),
  -- Since this day a GCS de moyens works for its own members only.
  ('GCS_MOYENS', '2020-01-01', NULL, true, 'GROUP', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'CSP L6133-1 à L6133-3 ; convention constitutive'),
  -- The Code de la commande publique is in force since 1 April 2019.
  ('GIP_CENTRALE', '2019-04-01', NULL, true, 'GROUP', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'CCP L2113-2 à L2113-5'),
  ('GIE', '2019-04-01', NULL, true, 'GROUP', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'C. com. L251-1 à L251-6 ; CCP L1211-1'),
  ('GROUPEMENT_COMMANDES', '2019-04-01', NULL, false, 'COORDINATOR', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'CCP L2113-6 à L2113-8 ; convention constitutive'),
  -- No text gives these a competence: each member buys for itself unless it gives a mandate.
  ('CHARTER', '2019-04-01', NULL, false, 'EACH_MEMBER', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'C. civ. 1984 (mandat) ; aucun transfert de compétence'),
  ('ALLIANCE', '2019-04-01', NULL, false, 'EACH_MEMBER', 'MEMBER', 'MEMBER', 'MEMBER', false,
   'C. civ. 1984 (mandat) ; aucun transfert de compétence');
