#!/usr/bin/env python3
"""Build the data set of the scenario `ght`: groupements hospitaliers de territoire, made of the hospital file by one rule.

    python3 infra/demo-data/groups/ght/generate.py --source ../shared/data               # 3 groups, next to this file
    python3 infra/demo-data/groups/ght/generate.py --source ../shared/data --groups 130 --out DIR/ght

A département becomes one GHT for each nine establishments begun; `--groups N` takes the first N, by département. Establishments are
rows of hospitals-fr.csv with their own names, FINESS numbers and places; everything else is invented from the seed and the rules below,
which README.md states in words.
"""

import argparse
import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1]
sys.path.insert(0, str(DEMO))
import generate as base  # noqa: E402  (the demo's own generator: draws, numbers, columns)

LARGEST_GROUP = 9
# The file has no beds: the kind of establishment says which is largest, then how many of the file's rows are within ten kilometres.
# Second figure: what it uses, against the smallest.
KINDS = {
    "Centre Hospitalier Régional (C.H.R.)": (0, 12),
    "Centre Hospitalier (C.H.)": (1, 5),
    "Centre hospitalier, ex Hôpital local": (2, 1),
    "Centre Hospitalier Spécialisé lutte Maladies Mentales": (3, 2),
}
# Names that say that the row is a part of an establishment.
PART = re.compile(r"\b(CMP|CATTP|HOP JOUR|HOPITAL DE JOUR|HJ|USLD|SSR|CEGIDD|CENTRE DE JOUR|UNITE|FOYER|APPART|ANTENNE|MAISON|CPEF|CSAPA|CENTRE DE SOINS)\b")
# Serial numbers 44000.. are this scenario's own in SIRET and GLN.
SERIAL = 44000
PUBLIC = "Établissement public de santé, personne morale de droit public (CSP L6141-1) ; ligne « public » de l'extrait FINESS"
FIRM = "ght-fournitures"
# key, label, unit, cpv, vat, box size, base price EUR, use of the smallest in two months
ARTICLES = [
    ("ght-gant", "Gant d'examen en nitrile FICTIF des GHT", "gant", "33141420", "20", 100, 0.045, 2500),
    ("ght-perfuseur", "Perfuseur FICTIF des GHT, usage unique", "perfuseur", "33194100", "20", 50, 0.9, 400),
    ("ght-gel", "Gel hydroalcoolique FICTIF des GHT, flacon de 500 ml", "flacon", "33741300", "20", 12, 2.4, 120),
]
FIRST = ["Camille", "Dominique", "Claude", "Alix", "Sacha", "Andrea", "Maxime", "Charlie"]


def around(row, places):
    """How many places are within ten kilometres, more or less: a degree of latitude is 111 km, one of longitude 75 km here."""
    if not row["lat"] or not row["lon"]:
        return 0
    north, east = float(row["lat"]), float(row["lon"])
    return sum(((lat - north) * 111) ** 2 + ((lon - east) * 75) ** 2 <= 100 for lat, lon in places)


def establishments(source):
    """Rows of the file by département, the largest first: public, of a hospital's kind, with an original FINESS number (three zeros after
    the département, four for psychiatry, whose outposts have the others), one for each name."""
    with open(source / "hospitals-fr.csv", encoding="utf-8", newline="") as file:
        rows = [dict(row, finess=row["id"].zfill(9)) for row in csv.DictReader(file)]
    places = [(float(row["lat"]), float(row["lon"])) for row in rows if row["lat"] and row["lon"]]
    found = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row["finess"]):
        finess, name = row["finess"], row["hospital_name"].split(" - ")[0]
        if (row["facility_type"] in KINDS and row["public_private"] == "public" and finess[2:5] == "000" and finess[:2] != "98"
                and not (finess[5] != "0" and KINDS[row["facility_type"]][0] == 3) and not PART.search(row["hospital_name"])):
            found[finess[:2]].setdefault(name, dict(row, name=name))
    for department in sorted(found):
        yield department, sorted(found[department].values(), key=lambda row: (
            KINDS[row["facility_type"]][0], -around(row, places), row["finess"]))


def groups_of(source, count):
    """(key, name, establishments), dealt out like cards, so that each group of a département has one of its largest as its support."""
    groups = []
    for department, rows in establishments(source):
        hands = -(-len(rows) // LARGEST_GROUP)
        for hand in range(hands):
            groups.append((f"ght-{department.lower()}-{hand + 1}", f"GHT FICTIF du département {department}, n° {hand + 1}", rows[hand::hands]))
    if not 1 <= count <= len(groups):
        sys.exit(f"--groups : de 1 à {len(groups)}")
    return groups[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of hospitals-fr.csv")
    parser.add_argument("--groups", type=int, default=3, help="how many GHT (default 3)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write (default: next to this file)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    out = {name: [] for name in base.COLUMNS}
    groups = groups_of(arguments.source, arguments.groups)

    out["parties"].append([FIRM, "FIRM", "Fournitures hospitalières FICTIVES des GHT", base.fictitious_siret(SERIAL), "",
                           base.fictitious_gln(SERIAL * 10_000), "", "", ""])
    # Takes a member over in the scenario.
    out["parties"].append(["ght-fusion", "ESTABLISHMENT", "Centre hospitalier FICTIF né d'une fusion", base.fictitious_siret(SERIAL + 1), "",
                           base.fictitious_gln(SERIAL * 10_000 + 1), "PUBLIC_LAW", "Arrêté FICTIF de création", "2026-01-01"])
    people = [("admin", "ADMINISTRATOR", "", "")]
    for key, label, unit, cpv, vat, box, price, _ in ARTICLES:
        out["articles"].append([key, label, "GOODS", "C62", unit, cpv, "", "AMBIENT", "", "false", "false", vat, "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "false"])
        out["packagings"].append([key, "BOX", f"boîte de {box}", "UNIT", box, "", "", "true"])
    serial = 10
    for group, name, rows in groups:
        keys = [f"ght-{row['finess'].lower()}" for row in rows]
        support, agreement, round_key = keys[0], f"{group}-2026", f"{group}-2027-01"
        out["groups"].append([group, name, "GHT", support, ""])
        for key, row in zip(keys, rows):
            out["parties"].append([key, "ESTABLISHMENT", row["name"], base.fictitious_siret(SERIAL + serial), row["finess"].upper(),
                                   base.fictitious_gln(SERIAL * 10_000 + serial), "PUBLIC_LAW", PUBLIC, "2026-01-01"])
            address = " ".join(filter(None, [row["house_number"], row["street"]]))
            out["sites"].append([f"{key}-1", key, row["hospital_name"], row["finess"].upper(),
                                 base.fictitious_gln(SERIAL * 10_000 + 5_000 + serial), address, row["postcode"], row["city"], row["lat"],
                                 row["lon"], ""])
            out["members"].append([group, key, "FULL", "2026-01-01", ""])
            serial += 1
        # The last officer of a group is who loads its agreement: the support's director. One officer more acts for the last member.
        people += [(f"acheteur.{group}", "PURCHASING_OFFICER", group, keys[-1]), (f"adjoint.{group}", "PURCHASING_OFFICER", group, support),
                   (f"directeur.{group}", "PURCHASING_OFFICER", group, support)]
        for key in keys:
            people += [(f"demandeur.{key}", "MEMBER_REQUESTER", group, key), (f"receveur.{key}", "MEMBER_RECEIVER", group, key)]
        out["agreements"].append([agreement, group, f"FICTIF-{group.upper()}-01", "Accord-cadre FICTIF Fournitures de soins", "INTERMEDIARY",
                                  "POOLED_ORDER", "2026-01-01", "2029-12-31", support, "Consommation FICTIVE nulle à l'ouverture"])
        out["lots"].append([agreement, 1, "Fournitures de soins", FIRM, 500_000_000, 0, 0])
        out["beneficiaries"] += [[agreement, key, "2026-01-01", ""] for key in keys]
        for article, _, _, _, _, box, price, use in ARTICLES:
            needed = 0
            for key, row in zip(keys, rows):
                size = KINDS[row["facility_type"]][1]
                packs = max(1, round(use * size * base.Dice(group, "need", key, article).between(0.7, 1.4) / box))
                out["needs"].append([group, round_key, key, f"{key}-1", article, "BOX", packs, f"{key.upper()}-{article.upper()}", "2027-01-18"])
                needed += packs * box
                paid = price * max(0.9, min(1.3, base.Dice(group, "paid", key, article).bell(1.08, 0.07)))
                out["reference_prices"].append([group, key, article, base.price_text(paid), "2025-10-15", "Facture FICTIVE 2025-10"])
            for step, (share, cut) in enumerate([(0, 1.0), (0.3, 0.94), (0.7, 0.88)]):
                least = 0 if step == 0 else max(step + 1, base.two_digits(needed * share))
                out["prices"].append([agreement, 1, article, "BOX", least, base.price_text(price * cut), 1, "2026-01-01", "2029-12-31"])
        out["rounds"].append([group, round_key, "Commande FICTIVE, janvier-février 2027", "2026-11-16", "2026-12-18", "", agreement])
    people.append((f"fournisseur.{FIRM}", "SUPPLIER", "", FIRM))
    for n, (login, role, group, party) in enumerate(people):
        out["people"].append([login, f"{FIRST[n % len(FIRST)]} Exemple", f"{login}@example.org"])
        out["grants"].append([login, role, group, party])
    for name in base.COLUMNS:
        if out[name] or name not in base.MAY_BE_MISSING:
            with open(arguments.out / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(base.COLUMNS[name])
                writer.writerows(out[name])
    print(f"{len(groups)} GHT, {len(out['members'])} établissements")


if __name__ == "__main__":
    main()
