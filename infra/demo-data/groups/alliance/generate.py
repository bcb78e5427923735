#!/usr/bin/env python3
"""Build the data set of the scenario `alliance`: six private non-profit bodies and a for-profit one that is only an associate.

    python3 infra/demo-data/groups/alliance/generate.py        # writes next to this file, byte for byte the same

Needs nothing but the demo's own generator (infra/demo-data/generate.py). Everything is invented from the seed and the rules below, which
README.md states in words.
"""

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1]
sys.path.insert(0, str(DEMO))
import generate as base  # noqa: E402  (the demo's own generator: draws, numbers, columns)

GROUP, ROUND, PHARMACY = "alliance", "all-2027-01", "all-pui-1"
SINCE, SERIAL = "2020-01-02", 76_000
ASSOCIATION = ("UNKNOWN", "Établissement de santé privé d'intérêt collectif FICTIF, statut non tranché")
# key, name, site, kind, status, authorisations of the site, size
COVERED = "PUI|STERILE_DEVICES|COLD_CHAIN"
BODIES = [
    ("all-fondation", "Fondation FICTIVE de la Vallée", "Hôpital FICTIF de la Vallée", "FULL",
     ("PRIVATE_CONTRACTING_AUTHORITY", "Fondation FICTIVE financée pour l'essentiel sur fonds publics (CCP L1211-1)"), COVERED, 2.2),
    ("all-cardio", "Association FICTIVE de cardiologie", "Clinique FICTIVE du Cœur", "FULL", ASSOCIATION, COVERED, 1.1),
    ("all-cancer", "Centre FICTIF de lutte contre le cancer", "Centre FICTIF, site unique", "FULL",
     ("PRIVATE_CONTRACTING_AUTHORITY", "Centre de lutte contre le cancer FICTIF (CSP L6162-1)"), COVERED, 1.6),
    ("all-mutualiste", "Union mutualiste FICTIVE", "Hôpital mutualiste FICTIF", "FULL", ASSOCIATION, COVERED, 1.3),
    ("all-had", "Hospitalisation à domicile FICTIVE", "Dépôt FICTIF de l'hospitalisation à domicile", "FULL", ASSOCIATION, COVERED, 0.7),
    # Its site is not in the authorisation of the shared pharmacy.
    ("all-ssr", "Association FICTIVE de soins de réadaptation", "Centre FICTIF de réadaptation", "FULL", ASSOCIATION, "", 0.5),
    ("all-clinique", "Clinique FICTIVE des Remparts", "Clinique FICTIVE des Remparts", "ASSOCIATE",
     ("ASSERTED_NOT", "Société anonyme FICTIVE, capital privé, activité lucrative"), COVERED, 1.2),
    ("all-candidat", "Association FICTIVE candidate", "Hôpital FICTIF de la candidate", "", ASSOCIATION, COVERED, 0.0),
]
FIRMS = {"all-pharma": "Médicaments FICTIFS Osier", "all-biologie": "Biologie FICTIVE Érable", "all-fonctions": "Fonctions support FICTIVES Tilleul"}
# Agreement, number, title, its lots, who is named with the last day of who has opted out.
AGREEMENTS = [
    ("all-pharmacie", "FICTIF-ALL-2025-01", "Accord-cadre FICTIF Pharmacie partagée", [("Médicaments", "all-pharma")],
     {"all-fondation": "", "all-cardio": "", "all-cancer": "", "all-had": "", "all-ssr": ""}),
    ("all-labo", "FICTIF-ALL-2025-02", "Accord-cadre FICTIF Laboratoire partagé", [("Réactifs et automate", "all-biologie")],
     {"all-fondation": "", "all-cancer": "", "all-cardio": "2026-06-30", "all-clinique": ""}),
    ("all-support", "FICTIF-ALL-2025-03", "Accord-cadre FICTIF Fonctions support", [("Paie, restauration, énergie", "all-fonctions")],
     {"all-fondation": "", "all-cardio": "", "all-mutualiste": "", "all-had": "", "all-ssr": ""}),
]
# key, label, kind, unit, cpv, atc, storage, authorisation, box, base price EUR, use of a body of size 1, agreement
ARTICLES = [
    ("all-amoxicilline", "Amoxicilline FICTIVE 1 g, flacon", "GOODS", "flacon", "33651100", "J01CA04", "AMBIENT", "PUI", 10, 1.9, 900, "all-pharmacie"),
    ("all-paracetamol", "Paracétamol FICTIF 1 g, poche", "GOODS", "poche", "33661200", "N02BE01", "AMBIENT", "PUI", 20, 0.85, 2_400, "all-pharmacie"),
    ("all-insuline", "Insuline FICTIVE 100 UI/ml, cartouche", "GOODS", "cartouche", "33615100", "A10AB01", "COLD_2_8", "PUI", 5, 6.4, 160, "all-pharmacie"),
    ("all-reactif-nfs", "Réactif FICTIF de numération, test", "GOODS", "test", "33696500", "", "COLD_2_8", "", 100, 0.62, 9_000, "all-labo"),
    ("all-automate", "Automate FICTIF de biologie, location par mois", "SERVICE", "mois", "38434500", "", "AMBIENT", "", 1, 1450.0, 2, "all-labo"),
    ("all-paie", "Paie FICTIVE, par bulletin", "SERVICE", "bulletin", "79211110", "", "AMBIENT", "", 1, 14.5, 420, "all-support"),
    ("all-repas", "Restauration FICTIVE, par repas", "SERVICE", "repas", "55320000", "", "AMBIENT", "", 1, 6.3, 5_200, "all-support"),
    ("all-energie", "Suivi d'énergie FICTIF, par mois", "SERVICE", "mois", "71314200", "", "AMBIENT", "", 1, 310.0, 2, "all-support"),
]
CHARTER = "Charte de l'alliance FICTIVE"
FOUNDERS = [body[0] for body in BODIES if body[3] == "FULL"]
JSON = {
    "decision_rules": {"rules": [
        {"subject": subject, "valid_from": SINCE, "counting": "WEIGHTS", "quorum_basis": "MEMBERS", "quorum": {"share": "2/3"},
         "majority_basis": "ALL", "majority": {"share": "2/3"}, "most_proxies": 1, "vote_needed": subject == "ADMISSION",
         "source": f"{CHARTER}, art. {article}"} for subject, article in (("ADMISSION", 9), ("POLICY", 6))]},
    # Each founder has one vote, the associate none.
    "voting_rights": {"rights": [
        {"party_id": f"key:{key}", "college": "Fondateurs", "votes": 1, "valid_from": SINCE} for key in FOUNDERS]
        + [{"party_id": "key:all-clinique", "college": "Associés", "votes": 0, "valid_from": SINCE}]},
    "contribution_rules": {"rules": [
        {"key": "fondateur", "label": "Part des fondateurs", "valid_from": "2026-01-01", "basis": "FLAT", "amount_cents": 240_000,
         "member_kinds": ["FULL"], "source": f"{CHARTER}, art. 12"},
        {"key": "associe", "label": "Part des associés", "valid_from": "2026-01-01", "basis": "FLAT", "amount_cents": 90_000,
         "member_kinds": ["ASSOCIATE"], "source": f"{CHARTER}, art. 13"},
        {"key": "service", "label": "Service rendu aux associés", "valid_from": "2026-01-01", "basis": "SPEND_PERCENT", "rate": "2",
         "member_kinds": ["ASSOCIATE"], "source": f"{CHARTER}, art. 13"}]},
    "quality_policy": {"subject": "POLICY", "title": "Politique qualité commune", "decided_on": "2026-03-12",
                       "resolution": "Un manuel qualité commun, des audits croisés chaque année. FICTIF.",
                       "votes": [{"party_id": f"key:{key}", "choice": "ABSTAIN" if key == "all-cancer" else "FOR"} for key in FOUNDERS]},
    # The candidate is refused at first: two votes too few; then admitted.
    "admissions": [
        {"subject": "ADMISSION", "title": f"Admission de l'association candidate{again}", "decided_on": day, "candidate_party_id": "key:all-candidat",
         "candidate_kind": "FULL", "effect_from": "2026-11-01",
         "votes": [{"party_id": f"key:{key}", "choice": "AGAINST" if key in against else "FOR"} for key in FOUNDERS]}
        for again, day, against in (("", "2026-09-10", {"all-had", "all-ssr", "all-cardio"}), (", second examen", "2026-10-15", {"all-cardio"}))],
}


def write(name, columns, rows):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main():
    out = {name: [] for name in base.COLUMNS}

    def party(n, key, kind, name, status):
        out["parties"].append([key, kind, name, base.fictitious_siret(SERIAL + n), "", base.fictitious_gln((SERIAL + n) * 10_000),
                               *(status or ("", "")), SINCE if status else ""])

    for n, (key, name, site, _, status, authorisations, _) in enumerate(BODIES):
        party(n, key, "ESTABLISHMENT", name, status)
        out["sites"].append([f"{key}-1", key, site, "", base.fictitious_gln((SERIAL + n) * 10_000 + 1), f"{n + 1} cours FICTIF", "35000", "RENNES",
                             "", "", authorisations])
    for n, (key, name) in enumerate(FIRMS.items(), 50):
        party(n, key, "FIRM", name, None)
    party(60, "all-pui", "PLATFORM", "Pharmacie partagée FICTIVE de l'alliance", None)
    out["sites"].append([PHARMACY, "all-pui", "Pharmacie à usage intérieur partagée FICTIVE", "", base.fictitious_gln((SERIAL + 60) * 10_000 + 1),
                         "60 cours FICTIF", "35000", "RENNES", "", "", COVERED])
    out["groups"].append([GROUP, "Alliance FICTIVE de la Vallée", "ALLIANCE", "all-fondation", PHARMACY])
    members = [body for body in BODIES if body[3]]
    for key, _, _, kind, *_ in members:
        out["members"].append([GROUP, key, kind, SINCE, ""])

    # The fondation awards by mandate of the others: no text gives an alliance that competence.
    people = [("acheteur.alliance", "PURCHASING_OFFICER", GROUP, "all-fondation"), ("auditeur.alliance", "AUDITOR", GROUP, "all-fondation")]
    for key, *_ in members:
        people += [(f"demandeur.{key}", "MEMBER_REQUESTER", GROUP, key), (f"receveur.{key}", "MEMBER_RECEIVER", GROUP, key)]
    people += [(f"fournisseur.{key}", "SUPPLIER", "", key) for key in FIRMS] + [("pharmacie.alliance", "PLATFORM_OPERATOR", "", "all-pui")]
    out["people"].append(["admin", "Camille Exemple", "admin@example.org"])
    out["grants"].append(["admin", "ADMINISTRATOR", "", ""])
    for n, (login, role, group, key) in enumerate(people):
        name = f"{['Camille', 'Dominique', 'Claude', 'Alix', 'Sacha', 'Andrea'][n % 6]} {['Exemple', 'Fictif', 'Modèle', 'Échantillon'][n // 6 % 4]}"
        out["people"].append([login, name, f"{login}@example.org"])
        out["grants"].append([login, role, group, key])

    named, uncovered = {}, []
    for key, number, title, lots, who in AGREEMENTS:
        named[key] = who
        out["agreements"].append([key, GROUP, number, title, "INTERMEDIARY", "POOLED_ORDER", "2025-01-01", "2028-12-31", "all-fondation",
                                  "Consommation FICTIVE nulle à l'ouverture"])
        for lot, (lot_title, holder) in enumerate(lots, 1):
            out["lots"].append([key, lot, lot_title, holder, 400_000_000, 0, 0])
        for member, last in who.items():
            out["beneficiaries"].append([key, member, "2025-01-01", last])
    for key, label, kind, unit, cpv, atc, storage, authorisation, box, price, use, agreement in ARTICLES:
        out["articles"].append([key, label, kind, "E48" if kind == "SERVICE" else "C62", unit, cpv, atc, storage, authorisation,
                                "true" if authorisation == "PUI" else "false", "false", "2.1" if atc else "20", "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "true" if box == 1 else "false"])
        if box > 1:
            out["packagings"].append([key, "BOX", f"boîte de {box}", "UNIT", box, "", "", "true"])
        pack, needed = "UNIT" if box == 1 else "BOX", 0
        for member, _, _, _, _, _, size in members:
            # Who opted in asks, and some who did not: they are told why not. The mutual opts into the pharmacy later.
            asks = member in named[agreement] or (member, agreement) in (("all-mutualiste", "all-pharmacie"), ("all-clinique", "all-pharmacie"))
            if not asks:
                continue
            if (member, agreement) in (("all-ssr", "all-pharmacie"), ("all-clinique", "all-pharmacie")) and key != "all-amoxicilline":
                continue
            if member == "all-cardio" and agreement == "all-labo" and key != "all-reactif-nfs":
                continue
            dice = base.Dice(GROUP, "need", member, key)
            packs = max(1, round(use * (size if unit != "mois" else 1) * dice.between(0.7, 1.3) / box))
            need = [GROUP, ROUND, member, f"{member}-1", key, pack, packs, f"{member.upper()}-{len(out['needs']) + 1:04d}", "2027-12-15"]
            if (member, agreement) == ("all-ssr", "all-pharmacie"):
                uncovered.append(need)
                continue
            out["needs"].append(need)
            needed += packs * box
            paid = price * max(0.85, min(1.3, base.Dice(GROUP, "paid", member, key).bell(1.0, 0.06)))
            out["reference_prices"].append([GROUP, member, key, base.price_text(paid), "2025-10-15", "Facture FICTIVE 2025-10"])
        for step, (share, cut) in enumerate([(0, 1.0), (0.3, 0.93), (0.6, 0.86)]):
            least = 0 if step == 0 else max(step + 1, base.two_digits(needed * share))
            out["prices"].append([agreement, 1, key, pack, least, base.price_text(price * cut), 1, "2025-01-01", "2028-12-31"])
    out["break_bulk"].append([PHARMACY, "all-reactif-nfs", "BOX"])
    out["rounds"].append([GROUP, ROUND, "Commande FICTIVE de l'alliance", "2026-11-16", "2027-11-30", PHARMACY, "|".join(one[0] for one in AGREEMENTS)])
    for name in base.COLUMNS:
        if out[name] or name not in base.MAY_BE_MISSING:
            write(f"{name}.csv", base.COLUMNS[name], out[name])
    # What a site that the pharmacy's authorisation does not cover asks for: apart, for it is refused.
    write("uncovered.csv", base.COLUMNS["needs"], uncovered)
    for name, value in JSON.items():
        (HERE / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
