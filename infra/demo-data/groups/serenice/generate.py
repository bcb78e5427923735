#!/usr/bin/env python3
"""Build the data set of the scenario `serenice`: a GIE of radiologists.

    python3 infra/demo-data/groups/serenice/generate.py        # writes next to this file, byte for byte the same

Needs nothing but the folder infra/demo-data: hospitals are taken from it as they are (real, with their own names and FINESS
numbers); everything else is invented from the seed and the rules below, which README.md states in words.
"""

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1]
sys.path.insert(0, str(DEMO))
import generate as base  # noqa: E402  (the demo's own generator: draws, numbers, columns)

GROUP = "serenice"
TODAY = date(2026, 11, 23)
PRACTICES = 16
HOSPITALS = {"brest": 8, "quimper": 5, "morlaix": 3, "ploermel": 2}
GROWTH, GROWTH_PRACTICES = 920, 230

TOWNS = [("29200", "BREST"), ("29000", "QUIMPER"), ("56100", "LORIENT"), ("56000", "VANNES"), ("22000", "SAINT-BRIEUC"),
         ("35000", "RENNES"), ("35400", "SAINT-MALO"), ("29600", "MORLAIX"), ("22300", "LANNION"), ("56300", "PONTIVY"),
         ("35600", "REDON"), ("29270", "CARHAIX"), ("22100", "DINAN"), ("56800", "PLOERMEL"), ("35300", "FOUGERES"),
         ("29900", "CONCARNEAU")]
NAMES = ["du Goéland", "du Courlis", "de la Sterne", "du Héron", "de l'Huîtrier", "du Cormoran", "de la Bernache", "du Macareux",
         "du Tadorne", "de l'Aigrette", "du Fou de Bassan", "du Pluvier", "du Bécasseau", "de l'Avocette", "du Pétrel", "du Grèbe"]
FIRST = ["Camille", "Dominique", "Claude", "Alix", "Sacha", "Andrea", "Maxime", "Charlie", "Noa", "Eden", "Lou", "Morgan", "Yaël",
         "Ange", "Céleste", "Élie"]
LAST = ["Exemple", "Fictif", "Modèle", "Échantillon"]

# Partner firms, then suppliers. Serial numbers 600.. are this scenario's own in SIRET and GLN.
FIRMS = {
    "ser-rh": "Ressources humaines FICTIVES Ancre",
    "ser-juridique": "Cabinet juridique FICTIF Amer",
    "ser-telerad": "Téléradiologie FICTIVE Phare",
    "ser-contraste": "Produits de contraste FICTIFS Lumen",
    "ser-consommables": "Consommables d'imagerie FICTIFS Iris",
    "ser-maintenance": "Maintenance d'imagerie FICTIVE Estran",
}
SERVICES = [
    ("centrale-achats", "Centrale d'achat", GROUP, "MONTH", 0, 0, 1),
    ("rh", "Ressources humaines et paie", "ser-rh", "USER_MONTH", 4900, 12, 3),
    ("juridique", "Conseil juridique", "ser-juridique", "MONTH", 3900, 12, 2),
    ("teleradiologie", "Téléradiologie de nuit", "ser-telerad", "ACT", 1800, 6, 1),
]
# key, label, kind, unit, cpv, atc, medicine, vat, box size, base price EUR, monthly use of a radiologist, lot
ARTICLES = [
    ("ser-iode-300", "Produit de contraste iodé FICTIF 300 mg I/ml, flacon de 100 ml", "GOODS", "flacon", "33696800", "V08AB05", True, "10", 10, 14.2, 24, 1),
    ("ser-iode-350", "Produit de contraste iodé FICTIF 350 mg I/ml, flacon de 100 ml", "GOODS", "flacon", "33696800", "V08AB05", True, "10", 10, 16.9, 30, 1),
    ("ser-iode-350-500", "Produit de contraste iodé FICTIF 350 mg I/ml, flacon de 500 ml", "GOODS", "flacon", "33696800", "V08AB05", True, "10", 6, 71.0, 4, 1),
    ("ser-gado-15", "Produit de contraste gadoliné FICTIF 0,5 mmol/ml, flacon de 15 ml", "GOODS", "flacon", "33696800", "V08CA02", True, "10", 10, 23.5, 18, 1),
    ("ser-gado-20", "Produit de contraste gadoliné FICTIF 0,5 mmol/ml, flacon de 20 ml", "GOODS", "flacon", "33696800", "V08CA02", True, "10", 10, 28.4, 12, 1),
    ("ser-baryte", "Suspension barytée FICTIVE, flacon de 300 ml", "GOODS", "flacon", "33696800", "V08BA01", True, "10", 12, 6.1, 3, 1),
    ("ser-gel-echo", "Gel d'échographie FICTIF, flacon de 250 ml", "GOODS", "flacon", "33141000", "", False, "20", 12, 1.15, 9, 2),
    ("ser-gant", "Gant d'examen en nitrile FICTIF", "GOODS", "gant", "33141420", "", False, "20", 100, 0.044, 420, 2),
    ("ser-tubulure", "Tubulure d'injecteur FICTIVE, usage unique", "GOODS", "tubulure", "33141000", "", False, "20", 50, 2.6, 40, 2),
    ("ser-seringue", "Seringue d'injecteur FICTIVE 200 ml", "GOODS", "seringue", "33141310", "", False, "20", 25, 5.4, 26, 2),
    ("ser-drap", "Drap d'examen FICTIF, rouleau de 50 m", "GOODS", "rouleau", "33772000", "", False, "20", 12, 2.9, 14, 2),
    ("ser-maint-irm", "Maintenance préventive FICTIVE : visite d'IRM", "SERVICE", "visite", "50421000", "", False, "20", 1, 2400.0, 0.1, 3),
    ("ser-maint-scanner", "Maintenance préventive FICTIVE : visite de scanner", "SERVICE", "visite", "50421000", "", False, "20", 1, 1850.0, 0.15, 3),
    ("ser-maint-echo", "Maintenance préventive FICTIVE : visite d'échographe", "SERVICE", "visite", "50421000", "", False, "20", 1, 210.0, 0.3, 3),
]
AGREEMENT = "ser-imagerie"
LOTS = {1: ("Produits de contraste", "ser-contraste"), 2: ("Consommables d'imagerie", "ser-consommables"),
        3: ("Maintenance des équipements", "ser-maintenance")}

CRITERIA = [
    ("permanence-des-soins", "Participe à la permanence des soins du territoire", "TERRITORY", 30),
    ("delai-de-rendez-vous", "Tient les délais de rendez-vous publiés par le groupe", "TERRITORY", 20),
    ("lien-ville-hopital", "Partage ses examens avec l'hôpital et les médecins traitants", "TERRITORY", 25),
    ("depistage", "Participe aux dépistages organisés et à la prévention", "TERRITORY", 25),
    ("relecture-croisee", "Relit avec ses confrères, et fait relire", "TEAM", 30),
    ("formation", "Se forme et forme les manipulateurs", "TEAM", 20),
    ("internes", "Accueille des internes", "TEAM", 20),
    ("qualite-de-vie", "Tient les engagements de qualité de vie au travail", "TEAM", 30),
]
LEVELS = [(1, "Engagé", 40, 40), (2, "Confirmé", 60, 60), (3, "Exemplaire", 85, 85)]
# What an audit finds, letter by letter in the order of the criteria, for each level that comes out: M met, P partly, N not met.
FINDINGS = {3: "MMMMMMMM", 2: "MPMPMPMP", 1: "PPPPPPPP", 0: "PNNPNPNN"}
# First audit, then the second one two years later: every outcome occurs.
COURSES = [(3, 3), (2, 3), (1, 1), (0, 1), (3, 2), (2, 0), (1, 0), (0, 0)]

CHARTER = """# Territoire

Nous assurons avec les hôpitaux la permanence des soins en imagerie. Nous publions nos délais de rendez-vous et les tenons.

Nous partageons les examens avec ceux qui soignent le patient, en ville comme à l'hôpital, pour qu'aucun ne soit refait sans raison.

# Équipe

Nous relisons nos examens entre confrères. Nous formons et accueillons. Nous veillons à la qualité de vie de ceux qui travaillent avec nous.

# Achats

Nous achetons ensemble ce qui peut l'être, au besoin vrai, et suivons ce que le groupe a conclu.

# Transparence

Deux ans après notre adhésion, puis tous les deux ans, nous sommes audités critère par critère. Le niveau obtenu est public.
"""


def rows_of(name):
    with open(DEMO / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def write(name, columns, rows, delimiter=",", end="\n"):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=end, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)


def person(serial):
    """A name that says that it is nobody's; the number makes it one person's."""
    return f"Dr {FIRST[serial % len(FIRST)]} {LAST[serial // len(FIRST) % len(LAST)]} {serial:04d}"


def rpps(serial):
    # No RPPS number begins with zeros: visibly nobody's.
    return f"000{serial:08d}"


def months_later(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, 28))


def main():
    out = {name: [] for name in base.COLUMNS}
    hospital_rows = {row[0]: row for row in rows_of("parties") if row[0] in HOSPITALS}
    out["parties"].append([GROUP, "ESTABLISHMENT", "GIE FICTIF Sérénice", base.fictitious_siret(60000), "",
                           base.fictitious_gln(600000000), "UNKNOWN", "GIE de membres publics et privés, statut non tranché : FICTIF",
                           "2022-01-03"])
    practices = [f"ser-cab-{n:02d}" for n in range(1, PRACTICES + 1)]
    for n, key in enumerate(practices):
        # One practice in four has not said whether it is a contracting authority: it is treated as one.
        status = ("UNKNOWN", "Non déclaré : FICTIF") if n % 4 == 3 else ("ASSERTED_NOT", "Société d'exercice libéral FICTIVE, capital privé")
        out["parties"].append([key, "ESTABLISHMENT", f"Cabinet de radiologie FICTIF {NAMES[n]}", base.fictitious_siret(60100 + n), "",
                               base.fictitious_gln(600000100 + n), *status, "2022-01-03"])
        postcode, city = TOWNS[n]
        for site in range(2 if n % 5 == 0 else 1):
            out["sites"].append([f"{key}-{site + 1}", key, f"Cabinet FICTIF {NAMES[n]}, site {site + 1}", "",
                                 base.fictitious_gln(600001000 + n * 10 + site), f"{n + 1} rue FICTIVE", postcode, city, "", "", ""])
    for key in HOSPITALS:
        out["parties"].append(hospital_rows[key])
        out["sites"] += [row for row in rows_of("sites") if row[1] == key]
    for n, (key, name) in enumerate(FIRMS.items()):
        out["parties"].append([key, "FIRM", name, base.fictitious_siret(60050 + n), "", base.fictitious_gln(600000050 + n), "", "", ""])
    out["groups"].append([GROUP, "GIE FICTIF Sérénice, radiologues de Bretagne", "GIE", GROUP, ""])
    members = practices + ["morlaix"]
    for key in members:
        # The hospital of Morlaix is an associate by its own decision; the others have radiologists in the GIE and nothing more.
        kind = "ASSOCIATE" if key == "morlaix" else "FULL"
        out["members"].append([GROUP, key, kind, "2022-01-03", ""])

    people = [("acheteur.serenice", "PURCHASING_OFFICER", GROUP, GROUP), ("auditeur.serenice", "AUDITOR", GROUP, GROUP)]
    for key in members:
        people += [(f"demandeur.{GROUP}.{key}", "MEMBER_REQUESTER", GROUP, key), (f"receveur.{GROUP}.{key}", "MEMBER_RECEIVER", GROUP, key)]
    people += [(f"fournisseur.{key}", "SUPPLIER", "", key) for key in ("ser-contraste", "ser-consommables", "ser-maintenance")]
    out["people"].append(["admin", "Camille Exemple", "admin@example.org"])
    out["grants"].append(["admin", "ADMINISTRATOR", "", ""])
    for n, (login, role, group, party) in enumerate(people):
        out["people"].append([login, f"{FIRST[n % len(FIRST)]} {LAST[n // len(FIRST) % len(LAST)]}", f"{login}@example.org"])
        out["grants"].append([login, role, group, party])

    out["agreements"].append([AGREEMENT, GROUP, "FICTIF-SER-2024-01", "Accord-cadre FICTIF Imagerie", "INTERMEDIARY", "POOLED_ORDER",
                              "2024-01-01", "2027-12-31", GROUP, "Consommation FICTIVE nulle à l'ouverture"])
    for number, (title, holder) in LOTS.items():
        out["lots"].append([AGREEMENT, number, title, holder, 900_000_000, 0, 0])
    for key in members:
        out["beneficiaries"].append([AGREEMENT, key, "2024-01-01", ""])

    radiologists = {key: 62 // PRACTICES + (n < 62 % PRACTICES) for n, key in enumerate(practices)}
    sites_of = {}
    for row in out["sites"]:
        sites_of.setdefault(row[1], []).append(row[0])
    for key, label, kind, unit, cpv, atc, medicine, vat, box, price, use, lot in ARTICLES:
        out["articles"].append([key, label, kind, "E48" if kind == "SERVICE" else "C62", unit, cpv, atc, "AMBIENT", "",
                                "true" if medicine else "false", "false", vat, "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "true" if box == 1 else "false"])
        if box > 1:
            out["packagings"].append([key, "BOX", f"boîte de {box}", "UNIT", box, "", "", "true"])
        pack = "UNIT" if box == 1 else "BOX"
        needed = 0
        for member in members:
            count = radiologists.get(member, HOSPITALS.get(member, 0))
            dice = base.Dice(GROUP, "need", member, key)
            if member == "morlaix" and lot != 1:
                continue  # its own agreements cover the rest
            units = use * 2 * count * dice.between(0.6, 1.5)
            packs = max(1, round(units / box)) if dice.chance(0.9) or lot == 1 else 0
            if packs:
                site = sites_of[member][0 if dice.chance(0.8) else -1]
                reference = f"{member.upper()}-{len(out['needs']) + 1:04d}"
                out["needs"].append([GROUP, "ser-2027-01", member, site, key, pack, packs, reference, "2027-01-18"])
                needed += packs * box
            paid = price * max(0.85, min(1.3, base.Dice(GROUP, "paid", member, key).bell(1.06, 0.08)))
            out["reference_prices"].append([GROUP, member, key, base.price_text(paid), "2025-10-15", "Facture FICTIVE 2025-10"])
        # The second tier is below what all ask for together, the third above what any member asks for alone.
        for step, (share, cut) in enumerate([(0, 1.0), (0.3, 0.93), (0.7, 0.86)]):
            least = 0 if step == 0 else max(step + 1, base.two_digits(needed * share))
            out["prices"].append([AGREEMENT, lot, key, pack, least, base.price_text(price * cut), 1, "2024-01-01", "2027-12-31"])
    out["rounds"].append([GROUP, "ser-2027-01", "Commande FICTIVE de Sérénice, janvier-février 2027", "2026-11-16", "2026-12-18", "", AGREEMENT])
    out["shipments"].append(["ser-consommables", "ser-gel-echo", 75, 25])
    for name in base.COLUMNS:
        if out[name] or name not in base.MAY_BE_MISSING:
            write(f"{name}.csv", base.COLUMNS[name], out[name])

    # ------------------------------------------------------------------------------------------ the scenario's own files
    write("services.csv", "key name provider_party_key price_unit price_cents term_months notice_months offered_from".split(),
          [[*row, "2022-01-03"] for row in SERVICES])
    (HERE / "charter.md").write_text(CHARTER, encoding="utf-8")
    write("label_criteria.csv", "key title axis points".split(), CRITERIA)
    write("label_levels.csv", "level name territory_percent team_percent".split(), LEVELS)

    places = [key for key in practices for _ in range(radiologists[key])] + [key for key, count in HOSPITALS.items() for _ in range(count)]
    # Spread over practices and hospitals alike.
    order = sorted(range(len(places)), key=lambda n: base.Dice(GROUP, "order", str(n)).between(0, 1))
    practitioners, audits, subscriptions = [], [], []
    for serial, n in enumerate(order, 1):
        # 24 founders of 2022, 20 of 2024, 36 since 2025.
        if serial <= 24:
            joined = date(2022, 2, 1) + timedelta(days=9 * serial)
        elif serial <= 44:
            joined = date(2024, 2, 1) + timedelta(days=9 * (serial - 24))
        else:
            joined = date(2025, 1, 6) + timedelta(days=17 * (serial - 44))
        place = places[n]
        kind = "HOSPITAL" if place in HOSPITALS else "PRACTICE"
        practitioners.append([rpps(serial), person(serial), f"radiologue.{serial:04d}@example.org", joined.isoformat(),
                              joined.isoformat(), kind, place])
        if serial <= 24:
            first, second = COURSES[(serial - 1) % len(COURSES)]
            held = months_later(joined, 24) + timedelta(days=5)
            audits.append([rpps(serial), held.isoformat(), FINDINGS[first]])
            audits.append([rpps(serial), min(months_later(held, 24 if first else 12) + timedelta(days=5), TODAY).isoformat(), FINDINGS[second]])
        elif serial <= 36:
            held = months_later(joined, 24) + timedelta(days=5)
            audits.append([rpps(serial), held.isoformat(), FINDINGS[[3, 2, 1, 0][serial % 4]]])
        dice = base.Dice(GROUP, "services", str(serial))
        for key, *_ in SERVICES:
            # Everybody in a practice takes the purchasing service: it is how it buys. Hospital radiologists do not buy through it.
            if key == "centrale-achats" and kind == "HOSPITAL":
                continue
            if key == "centrale-achats" or dice.chance({"rh": 0.4, "juridique": 0.3, "teleradiologie": 0.6}[key]):
                subscriptions.append([rpps(serial), key, max(joined, date(2025, 1, 1)).isoformat()])
    write("practitioners.csv", "rpps name email joined_on charter_signed_on place party_key".split(), practitioners)
    write("subscriptions.csv", "rpps service_key starts_on".split(), subscriptions)
    # By date, as they were held.
    write("audits.csv", "rpps held_on findings".split(), sorted(audits, key=lambda row: (row[1], row[0])))

    # Those who join by file, as a secretary fills it in: `;`, French headers and dates, Windows line ends.
    header = ("RPPS;Nom;Courriel;Adhésion;Charte signée le;Lieu d'exercice;Établissement;Nom de l'établissement;SIRET;FINESS;GLN;"
              "Statut d'acheteur;Preuve du statut;Date du statut;Site;Nom du site;GLN du site;Adresse;Code postal;Ville;Qualité;"
              "Membre depuis").split(";")
    finess = {key: hospital_rows[key][4] for key in HOSPITALS}
    growth = []
    for n in range(GROWTH):
        serial = 81 + n
        about = [rpps(serial), person(serial), f"radiologue.{serial:04d}@example.org", "20/11/2026", "20/11/2026"]
        if n % 23 == 22:
            # A hospital's radiologist: the hospital is known by its FINESS number and becomes nothing.
            hospital = list(HOSPITALS)[n % len(HOSPITALS)]
            growth.append([*about, "HOPITAL", "", "", "", finess[hospital], *[""] * 12])
            continue
        practice = n % GROWTH_PRACTICES
        postcode, city = TOWNS[practice % len(TOWNS)]
        name = f"Imagerie FICTIVE {city.title()} {practice + 1:03d}"
        key = f"ser-n-{practice + 1:03d}"
        growth.append([*about, "CABINET", key, name, base.fictitious_siret(61000 + practice), "", base.fictitious_gln(610000000 + practice),
                       "ASSERTED_NOT", "Société d'exercice libéral FICTIVE, capital privé", "01/06/2026", f"{key}-1", f"{name}, site 1",
                       base.fictitious_gln(610001000 + practice), f"{practice + 1} quai FICTIF", postcode, city, "MEMBRE", "20/11/2026"])
    write("growth.csv", header, growth, delimiter=";", end="\r\n")


if __name__ == "__main__":
    main()
