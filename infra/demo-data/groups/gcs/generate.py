#!/usr/bin/env python3
"""Build the data set of the scenario `gcs`: an e-health GCS of 113 members of seven kinds.

    python3 infra/demo-data/groups/gcs/generate.py        # writes next to this file, byte for byte the same

Needs nothing but the folder infra/demo-data: hospitals are taken from it as they are (real, with their own names and FINESS
numbers); everything else is invented from the seed and the rules below, which README.md states in words.
"""

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1]
sys.path.insert(0, str(DEMO))
import generate as base  # noqa: E402  (the demo's own generator: draws, numbers, columns)

GROUP, GHT, BODY = "gcs", "gcs-ght", "gcs-esante"
ROUND, AGREEMENT = "gcs-2027-01", "gcs-services"
SINCE = "2024-01-02"
SERIAL = 70_000  # This scenario's own range, in SIRET and GLN.

# Kind, how many, stem of the key, name, votes of each.
KINDS = [
    ("Établissements de santé", 71, "gcs-clinique", "Clinique FICTIVE", 4),
    ("Unions professionnelles", 7, "gcs-union", "Union régionale FICTIVE", 6),
    ("Médico-social", 18, "gcs-ms", "Établissement médico-social FICTIF", 2),
    ("Maisons de santé", 2, "gcs-msp", "Maison de santé pluriprofessionnelle FICTIVE", 1),
    ("Permanence des soins", 3, "gcs-pds", "Permanence des soins FICTIVE", 1),
    ("Coordination en cancérologie", 1, "gcs-3c", "Centre de coordination en cancérologie FICTIF", 3),
    ("Réseaux de santé", 11, "gcs-reseau", "Réseau de santé FICTIF", 1),
]
UNIONS = ["médecins", "pharmaciens", "infirmiers", "masseurs-kinésithérapeutes", "chirurgiens-dentistes", "biologistes", "sages-femmes"]
# Public hospitals of a GHT that are members too: its support first. Invented, so that no scenario says of a real one whose party it is.
PUBLIC = [("gcs-chu", "Centre hospitalier universitaire FICTIF du Menhir"), ("gcs-ch-dolmen", "Centre hospitalier FICTIF du Dolmen"),
          ("gcs-ch-cairn", "Centre hospitalier FICTIF du Cairn")]
# Who orders in the round, with its size.
BUYERS = {"gcs-ch-dolmen": 3.0, "gcs-ch-cairn": 1.6, "gcs-clinique-01": 2.2, "gcs-clinique-02": 1.7, "gcs-clinique-03": 1.3,
          "gcs-clinique-04": 1.0, "gcs-union-01": 1.5, "gcs-ms-01": 0.7, "gcs-ms-02": 0.5, "gcs-msp-01": 0.4, "gcs-pds-01": 0.6,
          "gcs-3c-01": 0.8, "gcs-reseau-01": 0.3}
FIRMS = {"gcs-imagerie": "Partage d'images FICTIF Goémon", "gcs-telemed": "Télémédecine FICTIVE Sillage", "gcs-visio": "Visioconférence FICTIVE Balise"}
LOTS = {1: ("Partage d'images", "gcs-imagerie"), 2: ("Télémédecine", "gcs-telemed"), 3: ("Visioconférence et coordination", "gcs-visio")}
# key, label, what is counted, pack, base price EUR, use in a year by a buyer of size 1, lot
ARTICLES = [
    ("gcs-img-acte", "Partage d'images FICTIF : examen partagé", "acte", 100, 1.35, 24_000, 1),
    ("gcs-avis-acte", "Second avis d'imagerie FICTIF", "acte", 10, 21.0, 420, 1),
    ("gcs-telecons-acte", "Téléconsultation FICTIVE", "acte", 10, 4.6, 3_000, 2),
    ("gcs-telexp-acte", "Téléexpertise FICTIVE", "acte", 10, 6.2, 1_500, 2),
    ("gcs-visio-util", "Visioconférence FICTIVE, par utilisateur et mois", "utilisateur-mois", 1, 5.4, 1_900, 3),
    ("gcs-msg-util", "Messagerie sécurisée FICTIVE, par utilisateur et mois", "utilisateur-mois", 1, 1.9, 3_600, 3),
    ("gcs-dossier-mois", "Dossier de coordination FICTIF, par mois", "mois", 1, 640.0, 12, 3),
    ("gcs-aide-mois", "Assistance FICTIVE, par mois", "mois", 1, 390.0, 12, 3),
]
CLAUSE = "Convention constitutive FICTIVE"

# ------------------------------------------------------------------------------------------ what the routes take as it is
ADMINISTRATION = {
    "decision_rules": {"rules": [
        {"subject": subject, "valid_from": SINCE, "counting": "WEIGHTS", "quorum_basis": "VOTES", "quorum": {"share": "1/2", "strictly": True},
         "quorum_on_second_call": False, "majority_basis": "CAST", "majority": {"share": "1/2", "strictly": True}, "most_proxies": 2,
         "vote_needed": False, "source": f"{CLAUSE}, art. 16"} for subject in ("ELECTION", "BUDGET")]},
    "offices": {"offices": [
        {"office": office, "valid_from": SINCE, "seats": 1, "term_months": 36, "elected": True, "source": f"{CLAUSE}, art. 18"}
        for office in ("ADMINISTRATOR", "DEPUTY")]},
    "mandates": [
        {"office": "ADMINISTRATOR", "party_id": "key:gcs-clinique-01", "holder_name": "Camille Exemple", "starts_on": "2026-07-01", "ends_on": "2029-06-30"},
        {"office": "DEPUTY", "party_id": "key:gcs-union-01", "holder_name": "Dominique Fictif", "starts_on": "2026-07-01", "ends_on": "2029-06-30"},
    ],
}
# An assembly that few came to, its second call, and the election of the deputy; last: the part of the members that come.
ELECTIONS = [
    ("first-call", "Élection de l'administrateur", "2026-06-04", False, "ADMINISTRATOR", "gcs-clinique-01", 0.30),
    ("second-call", "Élection de l'administrateur, seconde convocation", "2026-06-18", True, "ADMINISTRATOR", "gcs-clinique-01", 0.60),
    ("deputy", "Élection de l'administrateur suppléant", "2026-06-25", False, "DEPUTY", "gcs-union-01", 0.72),
]
# The support's, for one of the two parties to its GHT that are members; the other has none.
DELEGATION = {"to_party_id": "key:gcs-ch-dolmen", "acts": ["ORDER"], "amount_max_cents": 20_000_000, "valid_from": "2026-11-01", "valid_to": "2028-12-31",
              "evidence": "Décision FICTIVE 2026-14 de la directrice de l'établissement support"}
FINANCES = {
    "contribution_rules": {"rules": [
        {"key": "forfait", "label": "Part fixe", "valid_from": "2026-01-01", "basis": "FLAT", "amount_cents": 30_000, "source": "AG FICTIVE du 11/12/2025, n° 1"},
        {"key": "depense", "label": "Part de la dépense", "valid_from": "2026-01-01", "basis": "SPEND_PERCENT", "rate": "0.5", "source": "AG FICTIVE du 11/12/2025, n° 2"},
        {"key": "commande", "label": "Par commande", "valid_from": "2026-01-01", "basis": "PER_ORDER", "amount_cents": 1_500, "source": "AG FICTIVE du 11/12/2025, n° 3"},
        {"key": "tranches", "label": "Par tranches, plafonnée", "valid_from": "2026-01-01", "basis": "TIERS",
         "tiers": [{"from_cents": 0, "rate": "1"}, {"from_cents": 2_000_000, "rate": "0.4"}], "yearly_cap_cents": 50_000, "source": "AG FICTIVE du 11/12/2025, n° 4"},
        {"key": "equipe", "label": "Équipe, selon les voix", "valid_from": "2026-01-01", "basis": "SHARED", "amount_cents": 3_000_000, "shared_by": "VOTES", "source": "AG FICTIVE du 11/12/2025, n° 5"},
    ]},
    # What the regional agency pays falls to zero by dated steps.
    "grants": {"steps": [
        {"key": "ars", "label": "Subvention d'amorçage", "funder": "ARS FICTIVE", "valid_from": f"{year}-01-01",
         **({"valid_to": f"{year}-12-31"} if year < 2027 else {}), "yearly_cents": cents, "source": "Convention FICTIVE ARS 2024-7"}
        for year, cents in ((2024, 9_000_000), (2025, 6_000_000), (2026, 3_000_000), (2027, 0))]},
    "logistics_costs": {"costs": [
        {"month": f"2026-{month:02d}", "label": "Hébergement des plateformes", "amount_cents": 45_000, "shared_by": "EQUAL", "source": "Comptabilité FICTIVE du GCS"}
        for month in range(1, 13)]},
    # Each declared by its member.
    "declared_savings": [
        {"party_id": f"key:{party}", "month": month, "kind": "AVOIDED_EXAM", "label": label, "quantity": count, "unit_cents": cents,
         "evidence": f"Registre FICTIF de partage d'images, extraction du {day}"}
        for party, month, label, count, cents, day in (
            ("gcs-clinique-01", "2026-09", "Scanners redondants évités", 34, 10_900, "05/10/2026"),
            ("gcs-ch-dolmen", "2026-10", "IRM redondantes évitées", 21, 21_000, "04/11/2026"))],
}


def rows_of(name):
    with open(DEMO / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def write(name, columns, rows, delimiter=",", end="\n"):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=end, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)


def write_json(name, value):
    """The keys as they are, each element of a list on its line."""
    def lines(value):
        if isinstance(value, list):
            return "[\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value) + "\n]"
        if isinstance(value, dict) and any(isinstance(one, list) for one in value.values()):
            return "{" + ", ".join(f"{json.dumps(key)}: {lines(one)}" for key, one in value.items()) + "}"
        return json.dumps(value, ensure_ascii=False)

    (HERE / name).write_text(lines(value) + "\n", encoding="utf-8")


def status_of(kind, n):
    """Public bodies are; others by turns assert that they are not, are, or have not said."""
    if kind == "Établissements de santé" or kind == "Médico-social":
        return [("ASSERTED_NOT", "Société FICTIVE, capital privé"), ("UNKNOWN", "Non déclaré : FICTIF"),
                ("PRIVATE_CONTRACTING_AUTHORITY", "Association FICTIVE financée pour l'essentiel sur fonds publics (CCP L1211-1)")][n % 3]
    if kind == "Unions professionnelles":
        return ("UNKNOWN", "Association de la loi de 1901 FICTIVE, statut non tranché")
    return ("ASSERTED_NOT", "Association FICTIVE sans financement public majoritaire")


def main():
    out = {name: [] for name in base.COLUMNS}
    serial = iter(range(SERIAL, SERIAL + 1_000))

    def party(key, kind, name, status=("", ""), finess=""):
        number = next(serial)
        row = [key, kind, name, base.fictitious_siret(number), finess, base.fictitious_gln(number * 10_000), *status, SINCE if status[0] else ""]
        out["parties"].append(row)
        return row

    real = [row for row in rows_of("parties") if row[1] == "ESTABLISHMENT" and row[4]]
    party(BODY, "ESTABLISHMENT", "GCS FICTIF e-santé", ("PRIVATE_CONTRACTING_AUTHORITY", "Groupement FICTIF formé de pouvoirs adjudicateurs (CCP L1211-1)"))
    for key, name in PUBLIC:
        party(key, "ESTABLISHMENT", name, ("PUBLIC_LAW", "Établissement public de santé FICTIF (CSP L6141-1)"))
    party("gcs-ancien", "ESTABLISHMENT", "Clinique FICTIVE qui s'est retirée", ("ASSERTED_NOT", "Société FICTIVE, capital privé"))
    for key, name in FIRMS.items():
        party(key, "FIRM", name)
    out["parties"] += real

    # The members: who orders is in the registry, the others come by the members file.
    header = ("Établissement;Nom de l'établissement;SIRET;FINESS;GLN;Statut d'acheteur;Preuve du statut;Date du statut;Site;Nom du site;"
              "GLN du site;Adresse;Code postal;Ville;Qualité;Membre depuis").split(";")
    joins, rights = [], []
    for kind, count, stem, name, votes in KINDS:
        known = [row for row in real] + [row for row in out["parties"] if row[0] in dict(PUBLIC)] if stem == "gcs-clinique" else []
        for row in known:
            # By the FINESS number where there is one, by the key where not.
            joins.append(["" if row[4] else row[0], "", "", row[4], *[""] * 10, "MEMBRE", "02/01/2024"])
            rights.append((row[0], kind, votes + 2 if row[0] in ("brest", "rennes", "gcs-chu") else votes))
        for n in range(1, count - len(known) + 1):
            key = f"{stem}-{n:02d}"
            full = f"{name} : {UNIONS[n - 1]}" if stem == "gcs-union" else f"{name} n° {n}"
            status = status_of(kind, n)
            if key in BUYERS:
                row = party(key, "ESTABLISHMENT", full, status)
                joins.append([key, "", row[3], "", row[5], *[""] * 9, "MEMBRE", "02/01/2024"])
            else:
                number = next(serial)
                joins.append([key, full, base.fictitious_siret(number), "", base.fictitious_gln(number * 10_000), *status, "02/01/2024", f"{key}-1",
                              f"{full}, site", base.fictitious_gln(number * 10_000 + 1), f"{n} allée FICTIVE", "35000", "RENNES", "MEMBRE", "02/01/2024"])
            rights.append((key, kind, votes))
    assert len(joins) == 113

    for n, key in enumerate([*BUYERS, "gcs-chu"]):
        name = next(row[2] for row in out["parties"] if row[0] == key)
        out["sites"].append([f"{key}-1", key, f"{name}, site", "", base.fictitious_gln(SERIAL * 10_000 + 9_000_000 + n), f"{n + 1} rue FICTIVE", "35000", "RENNES", "", "", ""])
    out["groups"].append([GROUP, "GCS FICTIF e-santé", "GCS_MOYENS", BODY, ""])
    out["groups"].append([GHT, "GHT FICTIF du Menhir", "GHT", "gcs-chu", ""])
    for key in BUYERS:
        out["members"].append([GROUP, key, "FULL", SINCE, ""])
    out["members"].append([GROUP, "gcs-ancien", "FULL", SINCE, "2025-12-31"])
    for key, _ in PUBLIC:
        out["members"].append([GHT, key, "FULL", SINCE, ""])

    people = [("acheteur.gcs", "PURCHASING_OFFICER", GROUP, BODY), ("auditeur.gcs", "AUDITOR", GROUP, BODY),
              ("directeur.gcs-chu", "PURCHASING_OFFICER", GHT, "gcs-chu")]
    for group, party_key, *_ in out["members"]:
        people += [(f"demandeur.{party_key}", "MEMBER_REQUESTER", group, party_key), (f"receveur.{party_key}", "MEMBER_RECEIVER", group, party_key)]
    people += [(f"fournisseur.{key}", "SUPPLIER", "", key) for key in FIRMS]
    out["people"].append(["admin", "Camille Exemple", "admin@example.org"])
    out["grants"].append(["admin", "ADMINISTRATOR", "", ""])
    names = {}
    for login, role, group, party_key in people:
        if login not in names:
            names[login] = f"{['Camille', 'Dominique', 'Claude', 'Alix', 'Sacha', 'Andrea', 'Maxime', 'Charlie'][len(names) % 8]} {['Exemple', 'Fictif', 'Modèle', 'Échantillon'][len(names) // 8 % 4]}"
            out["people"].append([login, names[login], f"{login}@example.org"])
        out["grants"].append([login, role, group, party_key])

    out["agreements"].append([AGREEMENT, GROUP, "FICTIF-GCS-2025-01", "Accord-cadre FICTIF Services numériques", "INTERMEDIARY", "POOLED_ORDER",
                              "2025-01-01", "2028-12-31", BODY, "Consommation FICTIVE nulle à l'ouverture"])
    for number, (title, holder) in LOTS.items():
        out["lots"].append([AGREEMENT, number, title, holder, 900_000_000, 0, 0])
    # One has left the group: being named does not make it a member.
    for key in [*BUYERS, "gcs-ancien"]:
        out["beneficiaries"].append([AGREEMENT, key, "2025-01-01", ""])
    for key, label, unit, pack, price, use, lot in ARTICLES:
        out["articles"].append([key, label, "SERVICE", "E48", unit, "48814000", "", "AMBIENT", "", "false", "false", "20", "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "true" if pack == 1 else "false"])
        if pack > 1:
            out["packagings"].append([key, "BOX", f"lot de {pack} actes", "UNIT", pack, "", "", "true"])
        code, needed = "UNIT" if pack == 1 else "BOX", 0
        for member, size in BUYERS.items():
            dice = base.Dice(GROUP, "need", member, key)
            if member.startswith(("gcs-ms", "gcs-reseau")) and lot == 1:
                continue  # no imaging
            packs = max(1, round(use * (size if unit != "mois" else 1) * dice.between(0.7, 1.3) / pack))
            out["needs"].append([GROUP, ROUND, member, f"{member}-1", key, code, packs, f"{member.upper()}-{len(out['needs']) + 1:04d}", "2027-12-15"])
            needed += packs * pack
            paid = price * max(0.8, min(1.3, base.Dice(GROUP, "paid", member, key).bell(0.97, 0.06)))
            out["reference_prices"].append([GROUP, member, key, base.price_text(paid), "2025-10-15", "Facture FICTIVE 2025-10"])
        for step, (share, cut) in enumerate([(0, 1.0), (0.3, 0.93), (0.6, 0.86)]):
            least = 0 if step == 0 else max(step + 1, base.two_digits(needed * share))
            out["prices"].append([AGREEMENT, lot, key, code, least, base.price_text(price * cut), 1, "2025-01-01", "2028-12-31"])
    out["rounds"].append([GROUP, ROUND, "Services FICTIFS du GCS pour 2027", "2026-11-16", "2027-11-30", "", AGREEMENT])
    for name in base.COLUMNS:
        if out[name] or name not in base.MAY_BE_MISSING:
            write(f"{name}.csv", base.COLUMNS[name], out[name])

    # ------------------------------------------------------------------------------------------ the scenario's own files
    write("adherents.csv", header, joins, delimiter=";", end="\r\n")
    write_json("voting_rights.json", {"rights": [{"party_id": f"key:{key}", "college": kind, "votes": votes, "valid_from": SINCE} for key, kind, votes in rights]})
    for name, value in {**ADMINISTRATION, **FINANCES, "delegation": DELEGATION}.items():
        write_json(f"{name}.json", value)
    decisions = []
    for key, title, day, second, office, candidate, presence in ELECTIONS:
        votes, here = [], []
        for member, _, _ in rights:
            dice = base.Dice(GROUP, "vote", key, member)
            if not (dice.chance(presence) or member == candidate):
                continue
            votes.append({"party_id": f"key:{member}", "choice": dice.pick([("FOR", 0.72), ("AGAINST", 0.18), ("ABSTAIN", 0.10)])})
            here.append(member)
        # Some that stay at home give their proxy, one to each that holds any.
        away = [member for member, _, _ in rights if member not in here][:6]
        for member, holder in zip(away, here):
            votes.append({"party_id": f"key:{member}", "choice": "FOR", "represented_by": f"key:{holder}"})
        decisions.append({"subject": "ELECTION", "title": title, "decided_on": day, "second_call": second, "office": office,
                          "candidate_party_id": f"key:{candidate}", "votes": votes})
    write_json("elections.json", decisions)


if __name__ == "__main__":
    main()
