#!/usr/bin/env python3
"""Build the data set of the scenario `g4`: four public hospitals under a charter, parties to one GHT.

    python3 infra/demo-data/groups/g4/generate.py --source ../shared/data   # writes next to this file, byte for byte the same

Hospitals are rows of hospitals-fr.csv with their own names, FINESS numbers and places; everything else is invented from the seed and
the rules below, which README.md states in words.
"""

import argparse
import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1]
sys.path.insert(0, str(DEMO))
import generate as base  # noqa: E402  (the demo's own generator: draws, numbers, columns)

CHARTER, GHT = "g4", "g4-ght"
SUPPORT = "g4-amiens"
# key: FINESS number of its main site. The university hospital, then the three others.
HOSPITALS = {SUPPORT: "800000192", "g4-beauvais": "600000194", "g4-abbeville": "800000143", "g4-doullens": "800000226"}
# How much each uses, against the smallest of the four.
SIZE = {SUPPORT: 8, "g4-beauvais": 4, "g4-abbeville": 2, "g4-doullens": 1}
PLATFORM = "g4-plateforme"
FIRMS = {"g4-fournitures": "Fournitures hospitalières FICTIVES Somme", "g4-reactifs": "Réactifs de laboratoire FICTIFS Oise"}
# Serial numbers 74000.. are this scenario's own in SIRET and GLN.
SERIAL = 74000
PUBLIC = "Établissement public de santé, personne morale de droit public (CSP L6141-1) ; ligne « public » de l'extrait FINESS"
# key, label, unit, cpv, vat, box size, base price EUR, use of the smallest in two months, lot
ARTICLES = [
    ("g4-gant", "Gant d'examen en nitrile FICTIF du G4", "gant", "33141420", "20", 100, 0.042, 12000, 1),
    ("g4-masque", "Masque chirurgical FICTIF du G4", "masque", "33140000", "20", 50, 0.031, 9000, 1),
    ("g4-perfuseur", "Perfuseur FICTIF du G4, usage unique", "perfuseur", "33194100", "20", 50, 0.86, 1500, 1),
    ("g4-compresse", "Compresse non stérile FICTIVE du G4", "compresse", "33141110", "20", 200, 0.019, 16000, 1),
    ("g4-tube-edta", "Tube de prélèvement EDTA FICTIF du G4", "tube", "33192500", "20", 100, 0.11, 4000, 2),
    ("g4-reactif-nfs", "Réactif de numération FICTIF du G4", "dose", "33696500", "20", 250, 0.38, 3000, 2),
]
AGREEMENT = "g4-fournitures-2026"
LOTS = {1: ("Fournitures de soins", "g4-fournitures"), 2: ("Laboratoire", "g4-reactifs")}
FIRST = ["Camille", "Dominique", "Claude", "Alix", "Sacha", "Andrea", "Maxime", "Charlie"]


def write(name, columns, rows):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of hospitals-fr.csv")
    arguments = parser.parse_args()
    with open(arguments.source / "hospitals-fr.csv", encoding="utf-8", newline="") as file:
        source = {row["id"].zfill(9): row for row in csv.DictReader(file)}
    out = {name: [] for name in base.COLUMNS}
    for n, (key, finess) in enumerate(HOSPITALS.items()):
        row = source[finess]
        out["parties"].append([key, "ESTABLISHMENT", row["hospital_name"], base.fictitious_siret(SERIAL + n), finess,
                               base.fictitious_gln(SERIAL * 10_000 + n), "PUBLIC_LAW", PUBLIC, "2026-01-01"])
        address = " ".join(filter(None, [row["house_number"], row["street"]]))
        out["sites"].append([f"{key}-1", key, row["hospital_name"], finess, base.fictitious_gln(SERIAL * 10_000 + 100 + n), address,
                             row["postcode"], row["city"], row["lat"], row["lon"], base.FULL])
    out["parties"].append([PLATFORM, "PLATFORM", "Plateforme logistique FICTIVE du G4", base.fictitious_siret(SERIAL + 20), "",
                           base.fictitious_gln(SERIAL * 10_000 + 20), "", "", ""])
    out["sites"].append([f"{PLATFORM}-1", PLATFORM, "Plateforme FICTIVE du G4 (avec PUI)", "", base.fictitious_gln(SERIAL * 10_000 + 120),
                         "1 rue FICTIVE", "80000", "AMIENS", "49.92000", "2.27000", base.FULL])
    for n, (key, name) in enumerate(FIRMS.items()):
        out["parties"].append([key, "FIRM", name, base.fictitious_siret(SERIAL + 30 + n), "", base.fictitious_gln(SERIAL * 10_000 + 30 + n),
                               "", "", ""])
    out["groups"].append([CHARTER, "G4 FICTIF, charte de quatre hôpitaux publics", "CHARTER", SUPPORT, f"{PLATFORM}-1"])
    out["groups"].append([GHT, "GHT FICTIF des quatre du G4", "GHT", SUPPORT, f"{PLATFORM}-1"])
    for group in (CHARTER, GHT):
        out["members"] += [[group, key, "FULL", "2026-01-01", ""] for key in HOSPITALS]

    # The last officer of a group is who loads its agreements: it acts for the support.
    people = [(f"acheteur.{key}", "PURCHASING_OFFICER", key) for key in reversed(HOSPITALS)] + [("auditeur.g4", "AUDITOR", SUPPORT)]
    for key in HOSPITALS:
        people += [(f"demandeur.{key}", "MEMBER_REQUESTER", key), (f"receveur.{key}", "MEMBER_RECEIVER", key)]
    out["people"].append(["admin", "Camille Exemple", "admin@example.org"])
    out["grants"].append(["admin", "ADMINISTRATOR", "", ""])
    named = [(login, [(role, CHARTER, party), (role, GHT, party)]) for login, role, party in people]
    named += [(f"fournisseur.{key}", [("SUPPLIER", "", key)]) for key in FIRMS]
    named.append((f"plateforme.{PLATFORM}", [("PLATFORM_OPERATOR", "", PLATFORM)]))
    for n, (login, grants) in enumerate(named):
        out["people"].append([login, f"{FIRST[n % len(FIRST)]} Exemple", f"{login}@example.org"])
        out["grants"] += [[login, *grant] for grant in grants]

    out["agreements"].append([AGREEMENT, GHT, "FICTIF-G4-2026-01", "Accord-cadre FICTIF Fournitures et laboratoire", "INTERMEDIARY",
                              "POOLED_ORDER", "2026-01-01", "2029-12-31", SUPPORT, "Consommation FICTIVE nulle à l'ouverture"])
    for number, (title, holder) in LOTS.items():
        out["lots"].append([AGREEMENT, number, title, holder, 500_000_000, 0, 0])
    out["beneficiaries"] += [[AGREEMENT, key, "2026-01-01", ""] for key in HOSPITALS]
    for key, label, unit, cpv, vat, box, price, use, lot in ARTICLES:
        out["articles"].append([key, label, "GOODS", "C62", unit, cpv, "", "AMBIENT", "", "false", "false", vat, "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "false"])
        out["packagings"].append([key, "BOX", f"boîte de {box}", "UNIT", box, "", "", "true"])
        needed = 0
        for member in HOSPITALS:
            packs = max(1, round(use * SIZE[member] * base.Dice(CHARTER, "need", member, key).between(0.7, 1.4) / box))
            out["needs"].append([GHT, "g4-2027-01", member, f"{member}-1", key, "BOX", packs,
                                 f"{member.upper()}-{len(out['needs']) + 1:04d}", "2027-01-18"])
            needed += packs * box
            paid = price * max(0.9, min(1.3, base.Dice(CHARTER, "paid", member, key).bell(1.08, 0.07)))
            out["reference_prices"].append([GHT, member, key, base.price_text(paid), "2025-10-15", "Facture FICTIVE 2025-10"])
        for step, (share, cut) in enumerate([(0, 1.0), (0.3, 0.94), (0.7, 0.88)]):
            least = 0 if step == 0 else max(step + 1, base.two_digits(needed * share))
            out["prices"].append([AGREEMENT, lot, key, "BOX", least, base.price_text(price * cut), 1, "2026-01-01", "2029-12-31"])
    out["rounds"].append([GHT, "g4-2027-01", "Commande FICTIVE du G4, janvier-février 2027", "2026-11-16", "2026-12-18", f"{PLATFORM}-1",
                          AGREEMENT])
    for name in base.COLUMNS:
        if out[name] or name not in base.MAY_BE_MISSING:
            write(f"{name}.csv", base.COLUMNS[name], out[name])


if __name__ == "__main__":
    main()
