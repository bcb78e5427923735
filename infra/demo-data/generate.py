#!/usr/bin/env python3
"""Build, or check, the demo data set of Centrale.

    python3 infra/demo-data/generate.py --source ../shared/data          # writes next to this file
    python3 infra/demo-data/generate.py --source ../shared/data --out DIR
    python3 infra/demo-data/generate.py --check infra/demo-data          # needs no source

Hospitals and medicines are real and keep their names; everything else is invented, from the seed and the rules
below (README.md states them in words). The folder written here is committed, so that the demo runs on a machine
without the source files; this script is kept so that anybody can see where each figure comes from.

Only the standard library is used, and of `random` only `Random.random()` seeded by a string: that is the part whose
output Python guarantees from one version to the next.
"""

import argparse
import csv
import math
import random
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

SEED = "20261121"

# --------------------------------------------------------------------------------------------------------------------
# The format: columns of every file. README.md describes each of them.
# --------------------------------------------------------------------------------------------------------------------

COLUMNS = {
    "parties": "key kind name siret finess gln buyer_status buyer_status_evidence buyer_status_on",
    "contacts": "party_key email",
    "delegations": "group_key delegator_party_key to_party_key acts amount_max_cents valid_from valid_to evidence",
    "sites": "key party_key name finess gln address postcode city latitude longitude authorisations",
    "groups": "key name form awarding_party_key platform_site_key",
    "members": "group_key party_key kind valid_from valid_to",
    "people": "login name email",
    "grants": "login role group_key party_key",
    "articles": "key label kind base_unit base_unit_label cpv atc storage_class required_authorisation medicine "
                "sterile_device vat_rate cip13 gtin",
    "packagings": "article_key code label contains_code contains_count gtin cip13 orderable",
    "agreements": "key group_key number title role tier_basis starts_on ends_on awarding_party_key source",
    "lots": "agreement_key lot_number title holder_party_key maximum_cents minimum_cents consumed_cents",
    "beneficiaries": "agreement_key party_key valid_from valid_to",
    "prices": "agreement_key lot_number article_key packaging_code tier_min_units unit_price order_multiple_packs "
              "valid_from valid_to",
    "reference_prices": "group_key party_key article_key unit_price dated_on evidence",
    "break_bulk": "platform_site_key article_key packaging_code",
    "rounds": "group_key key title opens_on closes_on platform_site_key agreement_keys",
    "needs": "group_key round_key party_key site_key article_key packaging_code quantity reference needed_by",
    "shipments": "supplier_party_key article_key shipped_percent outstanding_percent",
    "damages": "platform_site_key article_key damaged_percent",
    "lot_consumption": "agreement_key lot_number party_key amount_cents as_of source",
    "member_codes": "group_key party_key code article_key label",
    "consumption": "group_key party_key code month units amount_cents as_of source",
    "open_orders": "group_key party_key site_key agreement_key lot_number article_key packaging_code ordered_units "
                   "delivered_units unit_price ordered_on number as_of source",
    # Consultations, from the census to the signature. A folder may do without these seven.
    "censuses": "key group_key title opens_on closes_on period_months",
    "census_needs": "census_key party_key site_key article_key packaging_code quantity commitment reference",
    "consultations": "key census_key title duration_months margin_percent procedure published_at deadline opened_at "
                     "awarded_at signed_at agreement_key agreement_number",
    "criteria": "consultation_key criterion_key title kind weight",
    "tenders": "key consultation_key supplier_party_key sent_at",
    "tender_prices": "tender_key article_key packaging_code order_multiple_packs tier_min_units unit_price",
    "tender_answers": "tender_key criterion_key answer mark comment",
}
# What existed before the first day: files that a folder may do without.
OPENING = ("lot_consumption", "member_codes", "consumption", "open_orders")
MAY_BE_MISSING = {"contacts", "delegations", "censuses", "census_needs", "consultations", "criteria", "tenders", "tender_prices",
                  "tender_answers"} | set(OPENING)
COLUMNS = {name: columns.split() for name, columns in COLUMNS.items()}

# --------------------------------------------------------------------------------------------------------------------
# Small helpers
# --------------------------------------------------------------------------------------------------------------------


class Dice:
    """A named, reproducible source of chance: adding a draw in one section leaves every other section unchanged."""

    def __init__(self, *names):
        self._random = random.Random(":".join((SEED,) + names)).random

    def chance(self, probability):
        return self._random() < probability

    def between(self, low, high):
        return low + (high - low) * self._random()

    def log_between(self, low, high):
        """Each factor equally likely, as prices and consumptions are: many small, few large."""
        return math.exp(self.between(math.log(low), math.log(high)))

    def bell(self, mean, spread):
        """Sum of three uniform draws, scaled to the standard deviation `spread`: a bell without tails."""
        return mean + spread * 2 * (self._random() + self._random() + self._random() - 1.5)

    def pick(self, weighted):
        """One of [(value, weight), ...]."""
        left = self._random() * sum(weight for _, weight in weighted)
        for value, weight in weighted:
            left -= weight
            if left < 0:
                return value
        return weighted[-1][0]


def gtin_check_digit(body):
    """GS1 mod 10: weights 3, 1, 3, ... from the right. Serves GTIN-13, GTIN-14, GLN and CIP13."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body)))
    return str(-total % 10)


def gtin_is_valid(number, lengths):
    return number.isdigit() and len(number) in lengths and gtin_check_digit(number[:-1]) == number[-1]


def luhn_sum(number):
    total = 0
    for i, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total


def luhn_check_digit(body):
    return str(-luhn_sum(body + "0") % 10)


def siret_is_valid(number):
    """SIREN (9) and SIRET (14) both carry a Luhn digit."""
    return number.isdigit() and len(number) == 14 and luhn_sum(number[:9]) % 10 == 0 and luhn_sum(number) % 10 == 0


def fictitious_siret(serial):
    # No SIREN begins with 000: visibly nobody's number, yet it passes both checks.
    siren = f"000{serial:05d}"
    siren += luhn_check_digit(siren)
    return siren + "0001" + luhn_check_digit(siren + "0001")


def fictitious_gln(serial):
    # 299: inside GS1's restricted-circulation range (200-299), never issued to a company.
    body = f"299{serial:09d}"
    return body + gtin_check_digit(body)


def fictitious_gtin13(serial):
    body = f"200{serial:09d}"
    return body + gtin_check_digit(body)


def gtin14(indicator, gtin13_):
    """A higher packaging level: indicator digit, then the contained GTIN without its check digit, then a new one."""
    body = f"{indicator}{gtin13_[:12]}"
    return body + gtin_check_digit(body)


def slug(text):
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def price_text(value):
    """EUR per base unit: 4 places, 6 below 5 cents (one gram of pasta), trailing zeros dropped."""
    places = "0.000001" if value < 0.05 else "0.0001"
    amount = Decimal(repr(value)).quantize(Decimal(places), ROUND_HALF_UP)
    text = format(amount, "f").rstrip("0").rstrip(".")
    return text


def ceil_to(value, step):
    return -(-value // step) * step


def months(start, end):
    return (date.fromisoformat(end) - date.fromisoformat(start)).days / 30.4


def two_digits(value):
    """Round to two significant digits: thresholds in a price list are round numbers."""
    if value < 100:
        return max(1, round(value))
    scale = 10 ** (len(str(int(value))) - 2)
    return int(round(value / scale)) * scale


# --------------------------------------------------------------------------------------------------------------------
# Establishments: which rows of hospitals-fr.csv belong together
# --------------------------------------------------------------------------------------------------------------------

# The extract lists sites, not legal persons, so which sites make one establishment is written here. First site:
# the principal one. The party's name is the name of the row in `named` (default: the first), cut before its site part.
ESTABLISHMENTS = {
    # the territory group, Finistère
    "brest": dict(sites=["290004324", "290000058", "290000256", "290004340", "290017946"]),
    "quimper": dict(sites=["290000025", "290000066", "290017599"]),
    "morlaix": dict(sites=["290000033", "290008291"]),
    "landerneau": dict(sites=["290000173"]),
    "douarnenez": dict(sites=["290000181", "290008853"]),
    "gourmelen": dict(sites=["290000918", "290024462"]),
    "lesneven": dict(sites=["290000322"]),
    "lanmeur": dict(sites=["290000389"]),
    "saint-renan": dict(sites=["290001015"]),
    "crozon": dict(sites=["290000272"]),
    # the GCS, Côtes-d'Armor and Morbihan
    "saint-brieuc": dict(sites=["220000012", "220019061"]),
    "lannion": dict(sites=["220000368", "220005557"]),
    "guingamp": dict(sites=["220000343", "220022420"]),
    "dinan": dict(sites=["220000095", "220006472"]),
    "paimpol": dict(sites=["220000541", "220006423"]),
    "treguier": dict(sites=["220001259", "220007645"]),
    "lamballe": dict(sites=["220000566", "220000574", "220006456"]),
    "centre-bretagne": dict(sites=["560000143", "220000483"]),
    "ploermel": dict(sites=["560000192"]),
    # the groupement de commandes, Ille-et-Vilaine
    "rennes": dict(sites=["350000741", "350007084", "350006771"], named="350007084"),
    "saint-malo": dict(sites=["350000147", "350013629"]),
    "fougeres": dict(sites=["350000154"]),
    "redon": dict(sites=["350000162", "560000473"]),
}
SITE_PART = re.compile(r"(\s*-?\s*SITE.*|\s+- HOPITAL.*)$")

# Beds drawn per site by facility type: the source has no bed count (its column is empty everywhere).
BEDS_BY_TYPE = {
    "Centre Hospitalier Régional (C.H.R.)": (250, 600),
    "Centre Hospitalier (C.H.)": (150, 380),
    "Centre Hospitalier Spécialisé lutte Maladies Mentales": (120, 240),
    "Centre hospitalier, ex Hôpital local": (60, 130),
    "Etablissement de Soins Longue Durée": (40, 90),
}
# What a site may receive. A long-stay unit without a pharmacy (PUI) is served by its establishment's principal site.
FULL = "PUI|STERILE_DEVICES|COLD_CHAIN"

GHT, GCS, GDC = "ght", "gcs", "gdc"
GROUP_MEMBERS = {
    GHT: ["brest", "quimper", "morlaix", "landerneau", "douarnenez", "gourmelen", "lesneven", "lanmeur",
          "saint-renan", "crozon"],
    GCS: ["saint-brieuc", "lannion", "guingamp", "dinan", "paimpol", "treguier", "lamballe", "centre-bretagne",
          "ploermel", "morlaix"],
    GDC: ["rennes", "saint-malo", "fougeres", "redon"],
}
# Ploërmel joined after the GCS had launched its hotel agreement, so it is not named there (CCP R2162-6).
LATE_MEMBER, LATE_MEMBER_FROM, CLOSED_AGREEMENT = "ploermel", "2026-06-01", "gcs-hot"

FIRMS = {
    "aubepine": "Laboratoire FICTIF Aubépine",
    "ponant": "Distribution médicale FICTIVE du Ponant",
    "aulne": "Répartition pharmaceutique FICTIVE de l'Aulne",
    "bruyere": "Grossiste pharmaceutique FICTIF Bruyère",
    "korrigan": "Dispositifs médicaux FICTIFS Korrigan",
    "goemon": "Pansements FICTIFS Goémon",
    "argoat": "Répartition pharmaceutique FICTIVE d'Argoat",
    "ajonc": "Comptoir médical FICTIF Ajonc",
    "blavet": "Alimentation FICTIVE du Blavet",
    "hermine": "Textiles hospitaliers FICTIFS Hermine",
    "megalithe": "Papeterie FICTIVE Mégalithe",
    "vilaine": "Hygiène et services FICTIFS de la Vilaine",
}

PLATFORMS = {
    # key: (party name, site key, site name, postcode, city, latitude, longitude, authorisations)
    "pf-iroise": ("Plateforme logistique FICTIVE de l'Iroise", "pf-iroise-1",
                  "Plateforme FICTIVE de l'Iroise (avec PUI)", "29400", "LANDIVISIAU", "48.51000", "-4.05000", FULL),
    # No pharmacy here: medicines and sterile devices go straight from the supplier to the members.
    "pf-argoat": ("Plateforme logistique FICTIVE de l'Argoat", "pf-argoat-1",
                  "Plateforme FICTIVE de l'Argoat (sans PUI)", "22600", "LOUDEAC", "48.18000", "-2.76000", "COLD_CHAIN"),
}

# --------------------------------------------------------------------------------------------------------------------
# Medicines: which presentations of the public database
# --------------------------------------------------------------------------------------------------------------------

# name prefix | what the name must contain | t (tablet, capsule) or i (vial, ampoule, bag, syringe) | ATC | C: 2-8 °C
# The ATC code and the storage class are not in the extract; they are added here by substance.
MEDICINES = """
PARACETAMOL|500 mg|t|N02BE01
PARACETAMOL|1 g|t|N02BE01
PARACETAMOL|10 mg/ml|i|N02BE01
IBUPROFENE|400 mg|t|M01AE01
KETOPROFENE|100 mg|i|M01AE03
KETOPROFENE|100 mg|t|M01AE03
NEFOPAM|20 mg|i|N02BG06
TRAMADOL|50 mg|t|N02AX02
TRAMADOL|100 mg|i|N02AX02
AMOXICILLINE|500 mg|t|J01CA04
AMOXICILLINE|1 g|t|J01CA04
AMOXICILLINE|1 g|i|J01CA04
AMOXICILLINE/ACIDE CLAVULANIQUE|1 g|i|J01CR02
AMOXICILLINE/ACIDE CLAVULANIQUE|500 mg|t|J01CR02
CEFTRIAXONE|1 g|i|J01DD04
CEFTRIAXONE|2 g|i|J01DD04
CEFOTAXIME|1 g|i|J01DD01
CEFAZOLINE|1 g|i|J01DB04
CEFTAZIDIME|1 g|i|J01DD02
CEFEPIME|1 g|i|J01DE01
PIPERACILLINE TAZOBACTAM|4 g|i|J01CR05
PIPERACILLINE/TAZOBACTAM|4 g|i|J01CR05
IMIPENEM|500 mg|i|J01DH51
MEROPENEM|1 g|i|J01DH02
VANCOMYCINE|1 g|i|J01XA01
VANCOMYCINE|500 mg|i|J01XA01
GENTAMICINE|80 mg|i|J01GB03
AMIKACINE|500 mg|i|J01GB06
CIPROFLOXACINE|500 mg|t|J01MA02
LEVOFLOXACINE|500 mg|t|J01MA12
OFLOXACINE|200 mg|t|J01MA01
CLARITHROMYCINE|500 mg|t|J01FA09
AZITHROMYCINE|250 mg|t|J01FA10
DOXYCYCLINE|100 mg|t|J01AA02
METRONIDAZOLE|500 mg|i|J01XD01
CLOXACILLINE|1 g|i|J01CF02
FLUCONAZOLE|100 mg|t|J02AC01
FLUCONAZOLE|2 mg/ml|i|J02AC01
ACICLOVIR|250 mg|i|J05AB01
VALACICLOVIR|500 mg|t|J05AB11
OMEPRAZOLE|20 mg|t|A02BC01
OMEPRAZOLE|40 mg|i|A02BC01
PANTOPRAZOLE|40 mg|t|A02BC02
PANTOPRAZOLE|40 mg|i|A02BC02
ESOMEPRAZOLE|40 mg|t|A02BC05
DOMPERIDONE|10 mg|t|A03FA03
METOCLOPRAMIDE|10 mg|i|A03FA01
ONDANSETRON|2 mg/ml|i|A04AA01
ONDANSETRON|8 mg|t|A04AA01
PHLOROGLUCINOL|40 mg|i|A03AX12
METFORMINE|500 mg|t|A10BA02
METFORMINE|1000 mg|t|A10BA02
GLICLAZIDE|30 mg|t|A10BB09
LANTUS|flacon|i|A10AE04|C
NOVORAPID|100 unités|i|A10AB05|C
HUMALOG|flacon|i|A10AB04|C
FUROSEMIDE|40 mg|t|C03CA01
FUROSEMIDE|20 mg|i|C03CA01
SPIRONOLACTONE|25 mg|t|C03DA01
HYDROCHLOROTHIAZIDE|25 mg|t|C03AA03
BISOPROLOL|2,5 mg|t|C07AB07
BISOPROLOL|10 mg|t|C07AB07
ATENOLOL|50 mg|t|C07AB03
AMLODIPINE|5 mg|t|C08CA01
AMLODIPINE|10 mg|t|C08CA01
NICARDIPINE|10 mg|i|C08CA04
RAMIPRIL|2,5 mg|t|C09AA05
RAMIPRIL|5 mg|t|C09AA05
PERINDOPRIL|4 mg|t|C09AA04
LOSARTAN|50 mg|t|C09CA01
IRBESARTAN|150 mg|t|C09CA04
VALSARTAN|80 mg|t|C09CA03
CANDESARTAN|8 mg|t|C09CA06
ATORVASTATINE|20 mg|t|C10AA05
ATORVASTATINE|40 mg|t|C10AA05
SIMVASTATINE|20 mg|t|C10AA01
PRAVASTATINE|20 mg|t|C10AA03
AMIODARONE|200 mg|t|C01BD01
AMIODARONE|150 mg|i|C01BD01
NORADRENALINE|2 mg/ml|i|C01CA03
ADRENALINE|1 mg/ml|i|C01CA24
EPHEDRINE|30 mg|i|C01CA26
CLOPIDOGREL|75 mg|t|B01AC04
LOVENOX|4000 UI|i|B01AB05
HEPARINE|5 000 UI|i|B01AB01
FRAGMINE|5 000|i|B01AB04
CHLORURE DE SODIUM|0,9|i|B05BB01
GLUCOSE|5 POUR CENT|i|B05BA03
GLUCOSE|10 POUR CENT|i|B05BA03
CHLORURE DE POTASSIUM|10|i|B05XA01
EAU POUR PREPARATIONS INJECTABLES||i|V07AB
RINGER|LACTATE|i|B05BB01
BICARBONATE DE SODIUM|1,4|i|B05XA02
MANNITOL|20|i|B05BC01
PREDNISOLONE|20 mg|t|H02AB06
PREDNISONE|5 mg|t|H02AB07
METHYLPREDNISOLONE|40 mg|i|H02AB04
HYDROCORTISONE|100 mg|i|H02AB09
OXYTOCINE|5 UI|i|H01BB02|C
SYNTOCINON|5|i|H01BB02|C
ATRACURIUM|10 mg/ml|i|M03AC04|C
CISATRACURIUM|2 mg/ml|i|M03AC11|C
ROCURONIUM|10 mg/ml|i|M03AC09|C
SUXAMETHONIUM|50 mg/ml|i|M03AB01|C
CASPOFUNGINE|50 mg|i|J02AX04|C
NEORECORMON|30 000|i|B03XA01|C
NEORECORMON|10 000|i|B03XA01|C
PROPOFOL|10 mg/ml|i|N01AX10
LIDOCAINE|10 mg/ml|i|N01BB02
ROPIVACAINE|2 mg/ml|i|N01BB09
BUPIVACAINE|5 mg/ml|i|N01BB01
HALOPERIDOL|5 mg|i|N05AD01
RISPERIDONE|1 mg|t|N05AX08
RISPERIDONE|2 mg|t|N05AX08
OLANZAPINE|5 mg|t|N05AH03
QUETIAPINE|50 mg|t|N05AH04
ESCITALOPRAM|10 mg|t|N06AB10
SERTRALINE|50 mg|t|N06AB06
PAROXETINE|20 mg|t|N06AB05
MIRTAZAPINE|15 mg|t|N06AX11
VENLAFAXINE|75 mg|t|N06AX16
LEVETIRACETAM|500 mg|t|N03AX14
LAMOTRIGINE|100 mg|t|N03AX09
GABAPENTINE|300 mg|t|N03AX12
DONEPEZIL|10 mg|t|N06DA02
ALLOPURINOL|100 mg|t|M04AA01
CETIRIZINE|10 mg|t|R06AE07
MONTELUKAST|10 mg|t|R03DC03
"""
WITHOUT_ACCOUNT = "hermine"
MEDICINE_COUNT = 100

# Units per box, read from the label in words, only where it can be read in one way: one count, no second component
# ("avec", "+", " - "), and for blisters no count of blisters ("3 plaquettes de 10" could be read as 10 or as 30).
TABLETS = re.compile(r"^(?:plaquette|pilulier|flacon|tube)\(s\) [^\d]*? de (\d+) +(comprimé|gélule|capsule)\(s\)$")
VIALS = re.compile(r"^(\d+) (ampoule|flacon|poche|seringue)\(s\)([^\d]*?)(?: de \d+(?:,\d+)? +(?:ml|mg|g))?$")
SECOND_COMPONENT = re.compile(r" - |\+|;|\bavec\b|\bet\b")

CPV_BY_ATC = [  # longest prefix first
    ("J01", "33651100"), ("J02", "33651200"), ("J05", "33651400"), ("B01", "33621100"), ("B05", "33621400"),
    ("C01", "33622100"), ("C03", "33622300"), ("C07", "33622600"), ("C08", "33622700"), ("C09", "33622800"),
    ("C", "33622000"), ("B", "33621000"), ("A02", "33611000"), ("N01", "33661100"), ("N02", "33661200"),
    ("N03", "33661300"), ("N05", "33661500"), ("N", "33661000"), ("M01", "33632100"), ("M03", "33632200"),
    ("M04", "33632300"), ("", "33600000"),
]

# --------------------------------------------------------------------------------------------------------------------
# Invented articles
# --------------------------------------------------------------------------------------------------------------------

# family: (CPV, VAT %, storage, sterile, price range in EUR per base unit, units per bed for the round)
FAMILIES = {
    "gants": ("18424300", "20", "AMBIENT", False, (0.02, 0.07), (60, 300)),
    "protection": ("18143000", "20", "AMBIENT", False, (0.04, 0.60), (8, 80)),
    "chirurgie": ("33141420", "20", "AMBIENT", True, (0.25, 0.70), (2, 10)),
    "injection": ("33141310", "20", "AMBIENT", True, (0.03, 0.60), (5, 60)),
    "perfusion": ("33141200", "20", "AMBIENT", True, (0.30, 3.00), (1, 12)),
    "pansement": ("33141110", "20", "AMBIENT", True, (0.05, 1.20), (3, 40)),
    "bande": ("33141110", "20", "AMBIENT", False, (0.15, 1.50), (1, 8)),
    "imagerie": ("33140000", "20", "AMBIENT", True, (4.00, 18.0), (0.05, 0.30)),
    "desinfection": ("33631600", "20", "AMBIENT", False, (1.20, 6.00), (0.3, 3)),
    "friction": ("33741300", "20", "FLAMMABLE", False, (0.90, 4.50), (0.5, 4)),
    "bidon": ("39831200", "20", "AMBIENT", False, (0.001, 0.004), (150, 900)),
    "incontinence": ("33771000", "20", "AMBIENT", False, (0.10, 0.45), (10, 70)),
    "dechets": ("44619000", "20", "AMBIENT", False, (0.30, 4.50), (0.5, 4)),
    "papier": ("33760000", "20", "AMBIENT", False, (0.50, 4.00), (0.5, 5)),
    "bureau": ("30192000", "20", "AMBIENT", False, (0.10, 5.00), (0.2, 3)),
    "linge": ("39518000", "20", "AMBIENT", False, (1.20, 14.0), (0.1, 1.2)),
    "epicerie-g": ("15800000", "5.5", "AMBIENT", False, (0.0009, 0.006), (200, 1500)),
    "epicerie-ml": ("15800000", "5.5", "AMBIENT", False, (0.0007, 0.004), (200, 1500)),
    "epicerie-p": ("15893000", "5.5", "AMBIENT", False, (0.06, 0.40), (10, 60)),
    "frais": ("15550000", "5.5", "COLD_2_8", False, (0.12, 0.60), (10, 50)),
    "surgele": ("15331170", "5.5", "FROZEN", False, (0.002, 0.009), (200, 900)),
    "service": ("50421000", "20", "AMBIENT", False, (45.0, 160.0), (0.005, 0.03)),
}

# Where the family's CPV code is too broad for an article.
CPV_BY_STEM = {
    "aiguille": "33141320", "perfuseur": "33194120", "prolong": "33194120", "robinet": "33194120",
    "transfuseur": "33194220", "compr-gaze": "33141118", "compr-nt": "33141119", "compr-ns": "33141119",
    "bande-crepe": "33141113", "sparadrap": "33141112", "surblouse": "35113490", "savon": "33711900",
    "dasri": "33141123", "essuie": "33763000", "ph": "33761000", "ramette": "30197630", "enveloppe": "30199230",
    "stylo": "30192121", "classeur": "30197210", "drap": "39512100", "couverture": "39511100",
    "serviette": "39514100", "tunique": "33199000", "pantalon": "33199000", "pates": "15851100", "riz": "15614200",
    "cafe": "15861000", "huile": "15411100",
}

# family | key | label, {} = variant | variants | base unit code, French singular | box label x count | carton label x
# count of boxes (or -) | pack that the supplier sells. Every name here is generic: no brand, no maker.
INVENTED = """
gants|gant-nitrile|Gant d'examen nitrile non stérile, taille {}|XS,S,M,L,XL|C62 gant|boîte de 100 gants x100|carton de 10 boîtes x10|CARTON
gants|gant-vinyle|Gant d'examen vinyle non poudré, taille {}|S,M,L,XL|C62 gant|boîte de 100 gants x100|carton de 10 boîtes x10|CARTON
gants|gant-latex|Gant d'examen latex non poudré, taille {}|S,M,L|C62 gant|boîte de 100 gants x100|carton de 10 boîtes x10|BOX
gants|gant-long|Gant nitrile manchette longue, taille {}|S,M,L|C62 gant|boîte de 50 gants x50|carton de 10 boîtes x10|CARTON
protection|masque-chir|Masque chirurgical à usage unique, type {}|II,IIR,IIR pédiatrique|H87 masque|boîte de 50 masques x50|carton de 20 boîtes x20|CARTON
protection|masque-ffp2|Masque de protection FFP2, forme {}|bec de canard,coque|H87 masque|boîte de 20 masques x20|carton de 12 boîtes x12|CARTON
protection|charlotte|Charlotte à clip non tissée, couleur {}|blanche,bleue|H87 pièce|sachet de 100 x100|carton de 10 sachets x10|CARTON
protection|surchaussure|Surchaussure {}|polyéthylène,non tissée antidérapante|H87 pièce|sachet de 100 x100|carton de 10 sachets x10|CARTON
protection|tablier|Tablier à usage unique {}|blanc,bleu|H87 pièce|rouleau de 100 x100|carton de 10 rouleaux x10|CARTON
protection|surblouse|Surblouse d'isolement à manches longues, taille {}|M,L,XL|H87 pièce|sachet de 10 x10|carton de 10 sachets x10|BOX
protection|lunettes|Protection oculaire, {}|lunettes,visière|H87 pièce|boîte de 10 x10|-|BOX
chirurgie|gant-chir|Gant chirurgical stérile sans latex, taille {}|6,6.5,7,7.5,8,8.5|PR paire|boîte de 50 paires x50|carton de 4 boîtes x4|BOX
injection|ser-ll|Seringue 3 pièces Luer lock stérile {} ml|1,2.5,5,10,20,30,50|H87 seringue|boîte de 100 x100|carton de 8 boîtes x8|BOX
injection|ser-ls|Seringue 2 pièces Luer slip stérile {} ml|2,5,10,20|H87 seringue|boîte de 100 x100|carton de 8 boîtes x8|BOX
injection|aiguille|Aiguille hypodermique stérile {} G|18,19,21,23,25,26|H87 aiguille|boîte de 100 x100|carton de 10 boîtes x10|BOX
perfusion|cath-court|Cathéter veineux court sécurisé stérile {} G|14,16,18,20,22,24|H87 cathéter|boîte de 50 x50|carton de 4 boîtes x4|BOX
perfusion|perfuseur|Perfuseur stérile {}|par gravité,3 voies,opaque|H87 perfuseur|boîte de 25 x25|carton de 6 boîtes x6|BOX
perfusion|prolong|Prolongateur de perfusion stérile {} cm|10,25,50,100,150|H87 prolongateur|boîte de 50 x50|carton de 4 boîtes x4|BOX
perfusion|robinet|Robinet stérile {}|3 voies,rampe 3 robinets|H87 robinet|boîte de 50 x50|-|BOX
perfusion|epicran|Microperfuseur à ailettes sécurisé stérile {} G|21,23,25|H87 pièce|boîte de 50 x50|carton de 10 boîtes x10|BOX
perfusion|transfuseur|Transfuseur stérile {}|simple,à poire|H87 transfuseur|boîte de 25 x25|-|BOX
pansement|compr-gaze|Compresse de gaze stérile {} cm|5x5,7.5x7.5,10x10,30x30|H87 compresse|boîte de 100 x100|carton de 12 boîtes x12|BOX
pansement|compr-nt|Compresse non tissée stérile {} cm|5x5,7.5x7.5,10x10|H87 compresse|boîte de 100 x100|carton de 12 boîtes x12|BOX
pansement|pst-adh|Pansement adhésif stérile {} cm|5x7,8x10,8x15,10x20,10x25|H87 pansement|boîte de 50 x50|carton de 6 boîtes x6|BOX
pansement|pst-hydro|Pansement hydrocolloïde stérile {} cm|10x10,15x15,20x20|H87 pansement|boîte de 10 x10|carton de 10 boîtes x10|BOX
pansement|film|Film transparent stérile {} cm|6x7,10x12,15x20|H87 film|boîte de 50 x50|-|BOX
pansement|set-pst|Set à pansement stérile, modèle {}|A,B,C|H87 set|carton de 40 sets x40|-|BOX
bande|bande-crepe|Bande de crêpe 4 m x {} cm|5,7,10,15|H87 bande|sachet de 20 x20|carton de 10 sachets x10|CARTON
bande|sparadrap|Sparadrap {}|tissé 2 cm,tissé 5 cm,microporeux 2.5 cm|H87 rouleau|boîte de 12 x12|carton de 8 boîtes x8|BOX
bande|compr-ns|Compresse non stérile {} cm|7.5x7.5,10x10|H87 compresse|sachet de 100 x100|carton de 20 sachets x20|CARTON
imagerie|set-contr|Set d'injection de produit de contraste stérile, {}|scanner simple,scanner double,IRM,angiographie,ligne patient 1.5 m,ligne patient 2.5 m|H87 set|boîte de 20 sets x20|carton de 2 boîtes x2|BOX
imagerie|gaine-sonde|Gaine stérile de sonde d'échographie, {}|15x120 cm,20x60 cm|H87 gaine|boîte de 20 x20|-|BOX
friction|sha|Solution hydroalcoolique, flacon de {} ml|100,300,500,1000|H87 flacon|carton de 12 flacons x12|-|BOX
desinfection|savon|Savon doux pour les mains, flacon de {} ml|500,1000|H87 flacon|carton de 12 flacons x12|-|BOX
desinfection|lingette|Lingettes désinfectantes de surface, boîte de {}|100,200|H87 boîte|carton de 12 boîtes x12|-|BOX
desinfection|antisept|Antiseptique cutané incolore (fictif), flacon de {} ml|125,250,500|H87 flacon|carton de 12 flacons x12|-|BOX
bidon|detergent|Détergent désinfectant {}, en bidon|sols et surfaces,dispositifs,sanitaires|MLT millilitre|bidon de 5 litres x5000|carton de 4 bidons x4|BOX
incontinence|change|Change complet {}|jour S,jour M,jour L,jour XL,nuit M,nuit L|H87 change|sachet de 20 x20|carton de 4 sachets x4|CARTON
incontinence|alese|Alèse absorbante {} cm|40x60,60x60,60x90|H87 alèse|sachet de 30 x30|carton de 6 sachets x6|CARTON
incontinence|gant-toil|Gant de toilette à usage unique {}|non tissé,molletonné|H87 gant|sachet de 50 x50|carton de 20 sachets x20|CARTON
dechets|dasri|Collecteur d'aiguilles DASRI {} litres|0.6,1.8,3,6,12|H87 collecteur|carton de 20 x20|-|BOX
dechets|sac-dasri|Sac DASRI jaune {} litres|30,50,110|H87 sac|rouleau de 25 x25|carton de 10 rouleaux x10|CARTON
papier|essuie|Essuie-mains {}|pliés en Z,en bobine|H87 paquet|carton de 20 paquets x20|-|BOX
papier|ph|Papier hygiénique {}|petit rouleau,grand rouleau|H87 rouleau|paquet de 12 rouleaux x12|carton de 4 paquets x4|CARTON
papier|drap-exam|Drap d'examen en rouleau {} cm|50,70|H87 rouleau|carton de 9 rouleaux x9|-|BOX
bureau|ramette|Ramette de papier 500 feuilles {}|A4 80 g,A4 recyclé,A3 80 g|H87 ramette|carton de 5 ramettes x5|palette de 40 cartons x40|BOX
bureau|etiquette|Étiquettes pour dossier patient, planche {}|A4 24 étiquettes,A4 65 étiquettes|H87 planche|boîte de 100 planches x100|-|BOX
bureau|enveloppe|Enveloppe {}|C4,C5,DL à fenêtre|H87 enveloppe|boîte de 500 x500|-|BOX
bureau|stylo|Stylo à bille {}|bleu,noir,rouge|H87 stylo|boîte de 50 x50|-|BOX
bureau|classeur|Classeur à levier, dos {} mm|50,80|H87 classeur|carton de 10 x10|-|BOX
linge|drap|Drap plat {}|180x310 cm,240x310 cm|H87 drap|paquet de 10 x10|carton de 5 paquets x5|BOX
linge|taie|Taie {}|d'oreiller 60x60 cm,de traversin|H87 taie|paquet de 20 x20|carton de 5 paquets x5|BOX
linge|couverture|Couverture non feu {}|polaire,polyester|H87 couverture|paquet de 5 x5|-|BOX
linge|chemise|Chemise de malade, taille {}|enfant,adulte,XXL|H87 chemise|paquet de 20 x20|-|BOX
linge|tunique|Tunique de soignant, taille {}|S,M,L,XL|H87 tunique|paquet de 10 x10|carton de 5 paquets x5|BOX
linge|pantalon|Pantalon de soignant, taille {}|S,M,L,XL|H87 pantalon|paquet de 10 x10|carton de 5 paquets x5|BOX
linge|serviette|Serviette éponge {}|50x90 cm,70x140 cm|H87 serviette|paquet de 20 x20|-|BOX
epicerie-g|pates|Pâtes alimentaires, {}|coquillettes,macaroni,vermicelles|GRM gramme|sac de 5 kg x5000|carton de 2 sacs x2|CARTON
epicerie-g|riz|Riz {}|long étuvé,rond|GRM gramme|sac de 5 kg x5000|carton de 2 sacs x2|CARTON
epicerie-g|sec|Denrée sèche : {}|farine de blé,semoule fine,lentilles vertes,sucre en poudre,purée en flocons|GRM gramme|sac de 5 kg x5000|carton de 2 sacs x2|CARTON
epicerie-g|cafe|Café moulu {}|standard,décaféiné|GRM gramme|paquet de 1 kg x1000|carton de 10 paquets x10|CARTON
epicerie-ml|boisson|Boisson en brique : {}|lait UHT demi-écrémé,jus d'orange,jus de pomme|MLT millilitre|brique de 1 litre x1000|carton de 12 briques x12|CARTON
epicerie-ml|huile|Huile de {}|tournesol,colza|MLT millilitre|bidon de 5 litres x5000|carton de 3 bidons x3|BOX
epicerie-p|portion|Portion individuelle : {}|compote de pommes,confiture d'abricots,biscottes par 2,sucre en bûchette,chocolat en poudre,gelée de groseille|H87 portion|boîte de 120 portions x120|carton de 4 boîtes x4|CARTON
epicerie-p|eau-gel|Eau gélifiée {}|menthe,grenadine,citron|H87 pot|barquette de 24 pots x24|carton de 4 barquettes x4|CARTON
frais|laitage|Dessert lacté : {}|yaourt nature,yaourt aux fruits,fromage blanc,crème vanille,crème chocolat|H87 pot|barquette de 24 pots x24|carton de 4 barquettes x4|BOX
frais|portion-f|Portion fraîche : {}|beurre 10 g,fromage fondu,oeuf dur,jambon blanc|H87 portion|barquette de 50 portions x50|carton de 4 barquettes x4|BOX
surgele|surg|Surgelé : {}|haricots verts,épinards hachés,julienne de légumes,filet de colin,pain de légumes,pommes noisettes|GRM gramme|sachet de 2.5 kg x2500|carton de 4 sachets x4|CARTON
service|maint|Maintenance préventive : visite de {}|pousse-seringue,moniteur,lit médicalisé,autoclave|E48 visite|-|-|UNIT
"""

# Which families a lot holds; the pharmacy lots choose medicines with a test instead.
# agreement, lot, title, holder, content
ORAL, INJECTABLE, ANTI_INFECTIVE, COLD = "oral", "injectable", "anti-infectieux", "froid"
LOTS = [
    ("ght-med", 1, "Médicaments par voie orale", "aulne", [ORAL]),
    ("ght-med", 2, "Médicaments injectables", "bruyere", [INJECTABLE]),
    ("ght-med", 3, "Anti-infectieux", "aulne", [ANTI_INFECTIVE]),
    ("ght-med", 4, "Médicaments conservés entre 2 et 8 °C", "bruyere", [COLD]),
    ("ght-dms", 1, "Gants et protections à usage unique", "ponant", ["gants", "protection"]),
    ("ght-dms", 2, "Injection et perfusion", "korrigan", ["injection", "perfusion"]),
    ("ght-dms", 3, "Pansements et gants de chirurgie", "goemon", ["pansement", "bande", "chirurgie"]),
    ("ght-dms", 4, "Hygiène, désinfection et incontinence", "aubepine",
     ["desinfection", "friction", "bidon", "incontinence", "dechets"]),
    ("ght-dms", 5, "Consommables d'imagerie", "korrigan", ["imagerie"]),
    ("gcs-pha", 1, "Médicaments par voie orale", "argoat", [ORAL]),
    ("gcs-pha", 2, "Médicaments injectables", "argoat", [INJECTABLE, COLD]),
    ("gcs-pha", 3, "Injection et perfusion stériles", "ajonc", ["injection", "perfusion"]),
    ("gcs-pha", 4, "Pansements stériles", "ajonc", ["pansement"]),
    ("gcs-hot", 1, "Épicerie et boissons", "blavet", ["epicerie-g", "epicerie-ml", "epicerie-p"]),
    ("gcs-hot", 2, "Produits frais et surgelés", "blavet", ["frais", "surgele"]),
    ("gcs-hot", 3, "Linge et vêtements professionnels", "hermine", ["linge"]),
    ("gcs-hot", 4, "Hygiène et incontinence", "ponant", ["desinfection", "friction", "bidon", "incontinence"]),
    ("gcs-hot", 5, "Gants et protections à usage unique", "ponant", ["gants", "protection"]),
    ("gdc-hyg", 1, "Papier et fournitures de bureau", "megalithe", ["papier", "bureau"]),
    ("gdc-hyg", 2, "Désinfection et déchets", "vilaine", ["desinfection", "friction", "dechets"]),
    ("gdc-hyg", 3, "Gants d'examen", "vilaine", ["gants"]),
    ("gdc-hyg", 4, "Maintenance préventive", "vilaine", ["service"]),
]
AGREEMENTS = {
    # key: group, number, title, tier basis, starts, ends, awarding party
    "ght-med": (GHT, "FICTIF-2026-001", "Accord-cadre FICTIF Médicaments", "POOLED_ORDER", "2026-01-01",
                "2028-12-31", "brest"),
    "ght-dms": (GHT, "FICTIF-2026-002", "Accord-cadre FICTIF Dispositifs médicaux et hygiène", "POOLED_ORDER",
                "2026-03-01", "2028-12-31", "brest"),
    "gcs-pha": (GCS, "FICTIF-2026-101", "Accord-cadre FICTIF Produits pharmaceutiques et dispositifs stériles",
                "POOLED_ORDER", "2026-09-01", "2028-12-31", "gcs-armor"),
    "gcs-hot": (GCS, "FICTIF-2026-102", "Accord-cadre FICTIF Produits hôteliers", "POOLED_ORDER", "2026-02-01",
                "2028-12-31", "gcs-armor"),
    "gdc-hyg": (GDC, "FICTIF-2026-201", "Accord-cadre FICTIF Hygiène, papeterie et maintenance", "ORDER_FORM",
                "2026-04-01", "2028-12-31", "rennes"),
}
# The lot that is nearly used up, so that its pooled order is refused; and one that ends near its ceiling.
EXHAUSTED_LOT, WARNING_LOT = ("ght-dms", 5), ("gcs-hot", 4)

ROUNDS = {
    GHT: ("ght-2027-01", "Commandes groupées FICTIVES du GHT, janvier-février 2027", "pf-iroise-1"),
    GCS: ("gcs-2027-01", "Commandes groupées FICTIVES du GCS, janvier-février 2027", "pf-argoat-1"),
    GDC: ("gdc-2027-01", "Commandes groupées FICTIVES du groupement, janvier-février 2027", "pf-argoat-1"),
}
OPENS_ON, CLOSES_ON = "2026-11-16", "2026-12-18"
DELIVERY_DAYS = ["2027-01-11", "2027-01-25", "2027-02-08", "2027-02-22"]  # Mondays

# A census of the GHT for what none of its agreements covers, and the consultation drawn up from it. Every date is lawful: 33
# days between publication and deadline (CCP R2161-3 asks for 30), 12 between notification and signature (R2182-1: 11).
CENSUS = dict(
    key="ght-recensement-2026", group=GHT, title="Recensement FICTIF du GHT : papier d'hygiène et fournitures de bureau",
    opens_on="2026-09-01", closes_on="2026-09-18", period_months=12, contents=["papier", "bureau"])
CONSULTATION = dict(
    key="ght-papier", title="Accord-cadre FICTIF Papier d'hygiène et fournitures de bureau", duration_months=36,
    margin_percent=20, procedure="OPEN", published_at="2026-09-24T08:00:00Z", deadline="2026-10-27T11:00:00Z",
    opened_at="2026-10-28T08:00:00Z", awarded_at="2026-11-05T09:00:00Z", signed_at="2026-11-17T09:00:00Z",
    agreement_key="ght-pap", agreement_number="FICTIF-2026-003")
CRITERIA = [
    ("PRIX", "Prix du panier", "PRICE", 60),
    ("QUAL", "Qualité et essais", "QUALITY", 25),
    ("ENV", "Papier recyclé ou issu de forêts gérées, emballages repris", "ENVIRONMENTAL", 15),
]
# tender, firm, sent at, families that it prices, price against the base, marks (QUAL, ENV)
TENDERS = [
    ("vilaine-1", "vilaine", "2026-10-12T14:20:00Z", ["papier"], 0.98, ("7.5", "8")),
    ("megalithe", "megalithe", "2026-10-20T09:05:00Z", ["papier", "bureau"], 0.96, ("8", "7")),
    ("ponant", "ponant", "2026-10-23T16:40:00Z", ["papier", "bureau"], 1.01, ("8.5", "6")),
    ("vilaine-2", "vilaine", "2026-10-26T17:55:00Z", ["papier"], 0.93, ("7.5", "8")),  # replaces vilaine-1
    ("ajonc", "ajonc", "2026-10-27T11:00:01Z", ["papier", "bureau"], 0.80, ("9", "9")),  # one second late
]

# What goes wrong. Only invented articles and fictitious firms: no real laboratory ever ships short here.
SHIPMENTS = [
    ("ponant", "gant-nitrile-m", 70, 30),  # the rest comes later
    ("ponant", "masque-chir-iir", 60, 10),  # 10 % comes later, 30 % never
    ("blavet", "surg-filet-de-colin", 90, 0),  # 10 % never
]
DAMAGES = [("pf-iroise-1", "sha-500", 2)]

FIRST_NAMES = ("Camille Dominique Claude Alix Maxime Charlie Morgan Sacha Andrea Lou Yaël Noa Eden Ange Gwenn Maël "
               "Loïs Jocelyn Swann Ariel Élie Stéphane Frédérique Pascale Danièle Joëlle Michèle Renée Valéry "
               "Marie-Claude").split()
LAST_NAMES = ["Exemple", "Fictif", "Modèle", "Échantillon"]

# --------------------------------------------------------------------------------------------------------------------
# Reading the sources
# --------------------------------------------------------------------------------------------------------------------


def read_hospitals(source):
    with open(source / "hospitals-fr.csv", encoding="utf-8-sig", newline="") as file:
        # The registry number lost its leading zero in the extract.
        return {row["id"].zfill(9): row for row in csv.DictReader(file)}


def read_medicines(source):
    """Marketed presentations, approved for hospitals, whose units per box can be read without doubt."""
    names = {}
    with open(source / "bdpm" / "CIS_bdpm.txt", encoding="utf-8") as file:
        for line in file:
            f = line.rstrip("\n").split("\t")
            if f[4] == "Autorisation active" and f[6] == "Commercialisée":
                names[f[0]] = f[1].strip()
    found = []
    with open(source / "bdpm" / "CIS_CIP_bdpm.txt", encoding="utf-8") as file:
        for line in file:
            f = line.rstrip("\n").split("\t")
            label = " ".join(f[2].split())
            if (f[0] not in names or f[3] != "Présentation active" or f[4] != "Déclaration de commercialisation"
                    or f[7] != "oui" or SECOND_COMPONENT.search(label)):
                continue
            if match := TABLETS.match(label):
                found.append(("t", names[f[0]], int(match[1]), match[2], label, f[6]))
            elif match := VIALS.match(label):
                unit = "seringue préremplie" if "préremplie" in match[3] else match[2]
                found.append(("i", names[f[0]], int(match[1]), unit, label, f[6]))
    return sorted(found, key=lambda m: m[5])


def read_cpv(source):
    with open(source / "cpv" / "cpv_2008_fr_parent.csv", encoding="utf-8-sig", newline="") as file:
        return {row["id"][:8] for row in csv.DictReader(file)}


# --------------------------------------------------------------------------------------------------------------------
# Building
# --------------------------------------------------------------------------------------------------------------------


class Article:
    """What the later sections need to know about an article besides its rows."""

    def __init__(self, key, stem, content, price_range, use_range, order_pack, factors, required, storage,
                 break_bulk):
        dice = Dice("article", key)
        self.key, self.content, self.order_pack, self.factors = key, content, order_pack, factors
        self.required, self.storage, self.break_bulk = required, storage, break_bulk
        # Sizes of one glove cost about the same: the price is the stem's, the article's own part is small.
        self.base_price = Dice("stem", stem).log_between(*price_range) * dice.between(0.88, 1.12)
        self.use_per_bed = dice.log_between(*use_range)

    def order_units(self):
        return self.factors[self.order_pack]


def build_parties(hospitals, out):
    """Parties and sites; returns beds per site and the sites of each establishment."""
    beds, sites_of, serial = {}, {}, 0

    def identifiers():
        nonlocal serial
        serial += 1
        return fictitious_siret(serial), fictitious_gln(serial)

    for key, setup in ESTABLISHMENTS.items():
        dice = Dice("beds", key)
        rows = [hospitals[finess] for finess in setup["sites"]]
        assert all(row["public_private"] == "public" for row in rows), key
        name = hospitals[setup.get("named", setup["sites"][0])]["hospital_name"]
        siret, gln = identifiers()
        out["parties"].append([key, "ESTABLISHMENT", SITE_PART.sub("", " ".join(name.split())), siret,
                               setup["sites"][0], gln, "PUBLIC_LAW",
                               "Établissement public de santé, personne morale de droit public (CSP L6141-1) ; ligne "
                               "« public » de l'extrait FINESS", "2026-01-01"])
        sites_of[key] = []
        for number, (finess, row) in enumerate(zip(setup["sites"], rows), 1):
            site = f"{key}-{number}"
            kind = row["facility_type"]
            low, high = BEDS_BY_TYPE[kind]
            beds[site] = round(dice.between(low, high))
            if number == 1 or kind.startswith("Centre Hospitalier Régional"):
                authorisations = FULL
            else:
                authorisations = "COLD_CHAIN" if "Longue Durée" in kind else "STERILE_DEVICES|COLD_CHAIN"
            sites_of[key].append((site, set(authorisations.split("|"))))
            site_name = " ".join(row["hospital_name"].split())
            address = " ".join(f"{row['house_number']} {row['street']}".split())
            out["sites"].append([site, key, site_name, finess, fictitious_gln(1000 + len(out["sites"])), address,
                                 row["postcode"], row["city"], f"{float(row['lat']):.5f}", f"{float(row['lon']):.5f}",
                                 authorisations])
    siret, gln = identifiers()
    # A GCS is a legal person and awards itself; made of public persons only, it is one of public law.
    out["parties"].append(["gcs-armor", "ESTABLISHMENT", "GCS FICTIF de moyens Armor-Argoat", siret, "", gln,
                           "PUBLIC_LAW", "GCS formé de seules personnes publiques (CSP L6133-3) ; convention FICTIVE",
                           "2026-01-01"])
    for key, name in FIRMS.items():
        siret, gln = identifiers()
        out["parties"].append([key, "FIRM", name, siret, "", gln, "", "", ""])
    for key, (name, site, site_name, postcode, city, lat, lon, authorisations) in PLATFORMS.items():
        siret, gln = identifiers()
        out["parties"].append([key, "PLATFORM", name, siret, "", gln, "", "", ""])
        out["sites"].append([site, key, site_name, "", fictitious_gln(1000 + len(out["sites"])),
                             "1 RUE DE L'EXEMPLE FICTIF", postcode, city, lat, lon, authorisations])
    return beds, sites_of


def build_groups_and_people(out):
    out["groups"] += [
        [GHT, "GHT FICTIF de l'Iroise", "GHT", "brest", "pf-iroise-1"],
        [GCS, "GCS FICTIF de moyens Armor-Argoat", "GCS_MOYENS", "gcs-armor", "pf-argoat-1"],
        [GDC, "Groupement de commandes FICTIF Haute-Vilaine", "GROUPEMENT_COMMANDES", "rennes", "pf-argoat-1"],
    ]
    for group, members in GROUP_MEMBERS.items():
        for party in members:
            since = LATE_MEMBER_FROM if party == LATE_MEMBER else "2026-01-01"
            out["members"].append([group, party, "FULL", since, ""])

    def person(login):
        number = len(out["people"])
        name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // len(FIRST_NAMES)]}"
        out["people"].append([login, name, f"{login}@example.org"])
        return login

    def grant(login, role, group="", party=""):
        out["grants"].append([login, role, group, party])

    grant(person("admin"), "ADMINISTRATOR")
    for group, employer in ((GHT, "brest"), (GCS, "gcs-armor"), (GDC, "rennes")):
        grant(person(f"acheteur.{group}"), "PURCHASING_OFFICER", group, employer)
        grant(person(f"auditeur.{group}"), "AUDITOR", group, employer)
    # Whoever requests never certifies receipt: two people for every member.
    for party in ESTABLISHMENTS:
        groups = [group for group, members in GROUP_MEMBERS.items() if party in members]
        for word, role in (("demandeur", "MEMBER_REQUESTER"), ("receveur", "MEMBER_RECEIVER")):
            login = person(f"{word}.{party}")
            for group in groups:
                grant(login, role, group, party)
    # One firm has no account: its orders leave as files, and an officer enters what it answers.
    for party in FIRMS:
        if party != WITHOUT_ACCOUNT:
            grant(person(f"fournisseur.{party}"), "SUPPLIER", party=party)
    for party in PLATFORMS:
        grant(person(f"plateforme.{party}"), "PLATFORM_OPERATOR", party=party)


def build_medicines(candidates, cpv, out):
    """The first MEDICINE_COUNT lines of MEDICINES that have a presentation; CIP13 order breaks ties."""
    articles, used = [], set()
    for line in MEDICINES.split("\n"):
        if len(articles) == MEDICINE_COUNT or not line:
            continue
        prefix, contains, form, atc, *cold = line.split("|")
        cold = cold == ["C"]
        # Tablets in blisters of 20 to 100, injectables by 5 or more, are what hospitals order; cold ones may be single.
        low, high = (20, 100) if form == "t" else (1 if cold else 5, 100)
        dose = re.compile(rf"(?<![\d,.]){re.escape(contains)}(?!\d)")
        match = next((m for m in candidates if m[0] == form and m[1].startswith(prefix + " ") and dose.search(m[1])
                      and low <= m[2] <= high and m[5] not in used and m[1] not in used), None)
        if match is None:
            continue
        _, name, per_box, unit, label, cip13 = match
        used |= {cip13, name}
        key = "m-" + slug(" ".join(name.split(",")[0].split()[:1])) + "-" + cip13[5:12]
        code = next(c for p, c in CPV_BY_ATC if atc.startswith(p))
        assert code in cpv
        price, use = {("t", False): ((0.02, 0.30), (4, 40)), ("i", False): ((0.30, 4.00), (0.8, 10)),
                      ("i", True): ((1.50, 18.0), (0.05, 0.6))}[form, cold]
        content = COLD if cold else ANTI_INFECTIVE if atc.startswith("J") else ORAL if form == "t" else INJECTABLE
        factors = {"UNIT": 1, "BOX": per_box}
        out["articles"].append([key, name, "GOODS", "C62", unit, code, atc, "COLD_2_8" if cold else "AMBIENT", "PUI",
                                "true", "false", "2.1", "", ""])
        out["packagings"].append([key, "UNIT", unit, "", "", "", "", "false"])
        out["packagings"].append([key, "BOX", label, "UNIT", per_box, "", cip13, "true"])
        # An outer carton for every other medicine: its count is invented, so it carries no identifier.
        if Dice("carton", key).chance(0.5):
            count = Dice("carton-count", key).pick([(10, 3), (20, 2), (48, 1)])
            out["packagings"].append([key, "CARTON", f"carton de {count} boîtes (fictif)", "BOX", count, "", "",
                                      "true"])
            factors["CARTON"] = per_box * count
        articles.append(Article(key, f"{prefix} {form}", content, price, use, "BOX", factors, "PUI",
                                "COLD_2_8" if cold else "AMBIENT", False))
    assert len(articles) == MEDICINE_COUNT, len(articles)
    return articles


def build_invented(cpv, out):
    articles, serial = [], 0
    for line in INVENTED.strip().split("\n"):
        family, stem, template, variants, unit, box, carton, order_pack = line.split("|")
        code, vat, storage, sterile, price, use = FAMILIES[family]
        code = CPV_BY_STEM.get(stem, code)
        assert code in cpv, code
        unit_code, unit_label = unit.split(" ", 1)
        for variant in variants.split(","):
            key = f"{stem}-{slug(variant.replace('.', ''))}" if "." in variant else f"{stem}-{slug(variant)}"
            label = template.format(variant.replace(".", ",") if re.search(r"\d\.\d", variant) else variant)
            required = "STERILE_DEVICES" if sterile else ""
            service = family == "service"
            out["articles"].append([key, label, "SERVICE" if service else "GOODS", unit_code, unit_label, code, "",
                                    storage, required, "false", "true" if sterile else "false", vat, "", ""])
            factors, top = {"UNIT": 1}, None

            def pack(pack_code, pack_label, inside="", count=""):
                nonlocal serial
                number = ""
                if pack_code in ("UNIT", "BOX") and unit_code not in ("GRM", "MLT", "E48") or pack_code == "BOX":
                    serial += 1
                    number = fictitious_gtin13(serial)
                elif pack_code in ("CARTON", "PALLET"):
                    number = gtin14(1 if pack_code == "CARTON" else 2, top)
                out["packagings"].append([key, pack_code, pack_label, inside, count, number, "",
                                          "true" if pack_code != "UNIT" or service else "false"])
                return number

            pack("UNIT", unit_label)
            inside = "UNIT"
            for text in (box, carton):
                if text == "-":
                    continue
                pack_label, count = text.rsplit(" x", 1)
                pack_code = "BOX" if text is box else "PALLET" if pack_label.startswith("palette") else "CARTON"
                number = pack(pack_code, pack_label.replace(".", ","), inside, int(count))
                top = top or number
                factors[pack_code] = factors[inside] * int(count)
                inside = pack_code
            articles.append(Article(key, stem, family, price, use, order_pack, factors, required, storage,
                                    order_pack == "CARTON" and not sterile))
    return articles


def build_needs(articles, beds, sites_of, out):
    """One line per member, site, article and delivery day; returns per (group, article) what each member asked for."""
    by_content = defaultdict(list)
    for article in articles:
        by_content[article.content].append(article)
    catalogue = {}  # (agreement, lot) -> articles
    for agreement, lot, _, _, contents in LOTS:
        chosen = [a for content in contents for a in by_content[content]]
        if agreement == "gcs-pha" and lot in (1, 2):
            # The GCS buys about half of the medicines: two groups rarely hold the same list.
            chosen = [a for a in chosen if Dice("gcs-medicine", a.key).chance(0.55)]
        catalogue[agreement, lot] = chosen

    awarded = [a for content in CENSUS["contents"] for a in by_content[content]]
    group_of = {key: setup[0] for key, setup in AGREEMENTS.items()} | {CONSULTATION["agreement_key"]: CENSUS["group"]}
    # Last, so that the lines of the other agreements keep their references.
    bought = {**catalogue, (CONSULTATION["agreement_key"], 1): awarded}

    asked = defaultdict(dict)  # (group, article key) -> party -> units, rounded up to what is sold, line by line
    exact = defaultdict(int)  # (group, article key) -> units as asked, named beneficiaries only
    for group, members in GROUP_MEMBERS.items():
        round_key = ROUNDS[group][0]
        for party in members:
            lines, late_lines = 0, 0
            total_beds = sum(beds[site] for site, _ in sites_of[party])
            breadth = min(0.97, 0.60 + total_beds / 1500)  # a large hospital uses more of the catalogue
            for (agreement, lot), content in bought.items():
                if group_of[agreement] != group:
                    continue
                closed = agreement == CLOSED_AGREEMENT and party == LATE_MEMBER
                for article in content:
                    dice = Dice("need", group, party, article.key)
                    if closed:
                        # A deliberate few: the member may ask, and is told that this agreement does not name it.
                        if lot != 1 or late_lines == 5:
                            continue
                    elif not dice.chance(breadth):
                        continue
                    # Each member has its habit: the same article is asked for in units here, in cartons there.
                    large_unit = article.factors.get("BOX", 1) >= 1000
                    weights = {"UNIT": 6 if large_unit else 25, "BOX": 50, "CARTON": 25, "PALLET": 0}
                    packs = [(pack, weights[pack]) for pack in article.factors]
                    habit = dice.pick(packs)
                    for site, authorisations in sites_of[party]:
                        principal = site.endswith("-1")
                        if article.required and article.required not in authorisations:
                            continue
                        if not principal and not dice.chance(0.55):
                            continue
                        share = beds[site] if len(sites_of[party]) > 1 and not article.required else total_beds * (
                            0.6 if principal else 0.2)
                        units = article.use_per_bed * share * dice.log_between(0.6, 1.6)
                        count = 1 if article.content == "service" else dice.pick([(1, 19), (2, 38), (3, 43)])
                        if closed:
                            count = 1
                        days = sorted(DELIVERY_DAYS, key=lambda _: dice.between(0, 1))[:count]
                        for day in sorted(days):
                            pack = habit if dice.chance(0.9) else dice.pick(packs)
                            wanted = units / count * dice.between(0.8, 1.2)
                            if pack == "UNIT" and article.content != "service":
                                # Three people in four think in whole packs even when they type units.
                                step = article.factors["BOX"] if dice.chance(0.75) or large_unit else 10
                                quantity = max(step, int(round(wanted / step)) * step)
                            else:
                                quantity = max(1, int(round(wanted / article.factors[pack])))
                            if pack == "CARTON" and quantity * article.factors[pack] > 3 * wanted:
                                pack = "BOX"  # nobody asks for a carton to use a tenth of it
                                quantity = max(1, int(round(wanted / article.factors[pack])))
                            lines += 1
                            late_lines += closed
                            reference = f"{party[:3].upper()}-{lines:04d}"
                            out["needs"].append([group, round_key, party, site, article.key, pack, quantity, reference,
                                                 day])
                            if not closed:
                                base = quantity * article.factors[pack]
                                exact[group, article.key] += base
                                previous = asked[group, article.key].get(party, 0)
                                asked[group, article.key][party] = previous + ceil_to(base, article.order_units())
    return catalogue, awarded, asked, exact


def build_census(awarded, asked, exact, beds, sites_of, out):
    """What the members estimate for a year, and what firms offer: prices that the pooled round lets fall by one tier."""
    census, group = CENSUS["key"], CENSUS["group"]
    out["censuses"].append([census, group, CENSUS["title"], CENSUS["opens_on"], CENSUS["closes_on"],
                            CENSUS["period_months"]])
    for party in GROUP_MEMBERS[group]:
        total_beds = sum(beds[site] for site, _ in sites_of[party])
        lines = 0
        for article in awarded:
            dice = Dice("census", party, article.key)
            if party not in asked.get((group, article.key), {}):
                continue
            units = article.use_per_bed * total_beds * CENSUS["period_months"] / 2 * dice.between(0.8, 1.2)
            quantity = max(1, int(round(units / article.factors["BOX"])))
            commitment = dice.pick([("INDICATIVE", 60), ("MINIMUM", 25), ("FIRM", 15)])
            lines += 1
            out["census_needs"].append([census, party, f"{party}-1", article.key, "BOX", quantity, commitment,
                                        f"{party[:3].upper()}-R{lines:03d}"])
    out["consultations"].append([CONSULTATION["key"], census] + [CONSULTATION[c] for c in COLUMNS["consultations"][2:]])
    for key, title, kind, weight in CRITERIA:
        out["criteria"].append([CONSULTATION["key"], key, title, kind, weight])
    for key, firm, sent_at, contents, factor, marks in TENDERS:
        out["tenders"].append([key, CONSULTATION["key"], firm, sent_at])
        for article in awarded:
            if article.content not in contents:
                continue
            # Not the tender's key: what replaces is the same list at another level.
            dice = Dice("tender", firm, article.key)
            price = article.base_price * factor * dice.between(0.95, 1.05)
            step = article.order_units()
            largest = max(asked.get((group, article.key), {}).values(), default=0)
            pooled = exact.get((group, article.key), 0)
            high = two_digits((largest + (pooled - largest) * dice.between(0.25, 0.75)) / step) * step
            if high <= largest:
                high = (largest // step + 1) * step
            for tier, unit_price in ((0, price), (high, price * dice.between(0.86, 0.92))):
                out["tender_prices"].append([key, article.key, article.order_pack, 1, tier, price_text(unit_price)])
        for (criterion, _, kind, _), mark in zip(CRITERIA[1:], marks):
            answer = {"QUALITY": "Fiches techniques FICTIVES et échantillons remis",
                      "ENVIRONMENTAL": "Part de fibres recyclées FICTIVE : 60 %, cartons repris"}[kind]
            out["tender_answers"].append([key, criterion, answer, mark, f"Note FICTIVE de la commission sur {criterion}"])


def build_contracts(catalogue, asked, exact, articles, out):
    for key, (group, number, title, basis, starts, ends, awarding) in AGREEMENTS.items():
        out["agreements"].append([key, group, number, title, "INTERMEDIARY", basis, starts, ends, awarding,
                                  "Consommation FICTIVE arrêtée au 2026-11-15, tirée par generate.py (graine "
                                  f"{SEED})"])
        for party in GROUP_MEMBERS[group]:
            if not (key == CLOSED_AGREEMENT and party == LATE_MEMBER):
                out["beneficiaries"].append([key, party, starts, ""])

    for agreement, lot, title, holder, _ in LOTS:
        group, _, _, basis, starts, ends, _ = AGREEMENTS[agreement]
        cheapest = dearest = 0.0  # of the pooled order, to set the ceiling
        for article in catalogue[agreement, lot]:
            dice = Dice("price", agreement, article.key)
            base = article.base_price * dice.between(0.95, 1.05)
            multiple = dice.pick([(1, 87), (2, 10), (5, 3)]) if article.order_pack == "BOX" else 1
            step = article.order_units()
            per_member = asked.get((group, article.key), {})
            pooled = exact.get((group, article.key), 0)
            largest = max(per_member.values(), default=0)
            steps = [base, base * dice.between(0.91, 0.95), base * dice.between(0.83, 0.88)]
            tiers = [0]
            if pooled and article.content != "service":
                # Third tier: above what the largest member asks for alone, below what all ask for together.
                high = largest + (pooled - largest) * dice.between(0.25, 0.75)
                low = largest * dice.between(0.4, 0.7)
                if dice.chance(0.08):
                    high = pooled * dice.between(1.1, 1.4)  # a few top tiers stay out of reach
                low, high = two_digits(low / step) * step, two_digits(high / step) * step
                if high <= largest:
                    high = (largest // step + 1) * step
                tiers += [t for t in (low, high) if t > tiers[-1]] if low < high else [high]
            for tier, price in zip(tiers, steps):
                out["prices"].append([agreement, lot, article.key, article.order_pack, tier, price_text(price),
                                      multiple, starts, ends])
            cheapest += pooled * steps[-1]
            dearest += sum(ceil_to(q, step * multiple) for q in per_member.values()) * steps[0] * 1.1
        # A round buys for two months: what was consumed since the start, and the ceiling for the whole term, follow.
        dice = Dice("ceiling", agreement, str(lot))
        consumed = round(cheapest / 2 * months(starts, "2026-11-15") * dice.between(0.7, 1.1))
        if (agreement, lot) == EXHAUSTED_LOT:
            # Estimated too low at the award: whatever the tier reached, the pooled order is above what is left.
            maximum = ceil_to(round(consumed + cheapest * 0.55), 1000)
        elif (agreement, lot) == WARNING_LOT:
            maximum = ceil_to(round(consumed + dearest * 1.4), 1000)
        else:
            maximum = ceil_to(round(dearest / 2 * months(starts, ends) * dice.between(1.0, 1.4)), 1000)
        minimum = ceil_to(round(maximum * 0.1), 1000) if dice.chance(0.5) else 0
        out["lots"].append([agreement, lot, title, holder, maximum * 100, minimum * 100, consumed * 100])

    # What each member paid last year: its own price, spread around the same base as the agreement's. Large hospitals
    # already bought well, some of them better than the pool: the demo must show those who lose too.
    by_key = {article.key: article for article in articles}
    seen = set()
    for row in out["needs"]:
        group, party, key = row[0], row[2], row[4]
        if (group, party, key) in seen:
            continue
        seen.add((group, party, key))
        dice = Dice("reference", party, key)  # not the group: a hospital in two groups paid one price
        if dice.chance(0.02):
            continue  # bought for the first time: no reference, hence no saving to claim
        mean = 0.97 if party in ("brest", "rennes", "quimper", "saint-brieuc") else 1.05
        factor = min(1.35, max(0.78, dice.bell(mean, 0.09)))
        month = int(dice.between(1, 13))
        out["reference_prices"].append([group, party, key, price_text(by_key[key].base_price * factor),
                                        f"2025-{month:02d}-15", f"Bordereau FICTIF 2025-{month:02d}"])


def build_logistics(catalogue, awarded, out):
    for group, (key, title, platform) in ROUNDS.items():
        keys = [a for a, setup in AGREEMENTS.items() if setup[0] == group]
        if group == CENSUS["group"]:
            keys.append(CONSULTATION["agreement_key"])
        out["rounds"].append([group, key, title, OPENS_ON, CLOSES_ON, platform, "|".join(keys)])
    # A platform opens the pack that the supplier sells (code given) and hands out what it contains. Never medicines
    # nor sterile devices, and not frozen food: an opened carton would thaw.
    done = set()
    contents = [(AGREEMENTS[agreement][0], content) for (agreement, _), content in catalogue.items()]
    for group, content in contents + [(CENSUS["group"], awarded)]:
        platform = ROUNDS[group][2]
        for article in content:
            if article.break_bulk and article.storage != "FROZEN" and (platform, article.key) not in done:
                done.add((platform, article.key))
                out["break_bulk"].append([platform, article.key, article.order_pack])
    out["shipments"] += [list(row) for row in SHIPMENTS]
    out["damages"] += [list(row) for row in DAMAGES]


# --------------------------------------------------------------------------------------------------------------------
# What exists on the first day, drawn from the other files alone, so that any folder can be given it (--opening)
# --------------------------------------------------------------------------------------------------------------------

AS_OF = "2026-11-15"
# How often a member orders an article: the months in which it shows.
RHYTHMS = [(range(12), 10), ((1, 4, 7, 10), 45), ((2, 8), 45)]


def split(total, weights):
    """Whole parts in proportion, by largest remainder, first come first served."""
    everything = sum(weights)
    parts = [total * weight // everything for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % everything))
    for index in by_rest[:total - sum(parts)]:
        parts[index] += 1
    return parts


def build_opening(tables):
    """Rows of the four opening files, from the rows of the others as dictionaries."""
    factor = {}
    for row in tables["packagings"]:
        inside = factor.get((row["article_key"], row["contains_code"]), 1)
        factor[row["article_key"], row["code"]] = inside * int(row["contains_count"] or 1)
    group_of = {row["key"]: row["group_key"] for row in tables["agreements"]}
    label = {row["key"]: row["label"] for row in tables["articles"]}
    kind = {row["key"]: row["kind"] for row in tables["articles"]}
    priced = {}  # (group, article) -> its price row at the first tier
    for row in tables["prices"]:
        priced.setdefault((group_of[row["agreement_key"]], row["article_key"]), row)
    named = {(row["agreement_key"], row["party_key"]) for row in tables["beneficiaries"]}
    paid = {(row["group_key"], row["party_key"], row["article_key"]): Decimal(row["unit_price"])
            for row in tables["reference_prices"]}
    # What a member asks for in a round: two months of it.
    asked, site_of = Counter(), {}
    for row in tables["needs"]:
        # What only a consultation gives a price had no agreement before.
        if (row["group_key"], row["article_key"]) not in priced:
            continue
        key = (row["group_key"], row["party_key"], row["article_key"])
        asked[key] += int(row["quantity"]) * factor[row["article_key"], row["packaging_code"]]
        site_of.setdefault(key, row["site_key"])
    out = {name: [] for name in OPENING}
    build_lot_consumption(tables, asked, priced, named, out)
    build_consumption(asked, paid, label, out)
    build_open_orders(asked, site_of, priced, named, factor, kind, out)
    return out


def build_lot_consumption(tables, asked, priced, named, out):
    weight = Counter()
    for (group, party, article), units in asked.items():
        price = priced[group, article]
        if (price["agreement_key"], party) in named:
            worth = int(units * Decimal(price["unit_price"]) * 100)
            weight[price["agreement_key"], price["lot_number"], party] += worth
    for lot in tables["lots"]:
        key = (lot["agreement_key"], lot["lot_number"])
        parties = sorted(party for agreement, number, party in weight if (agreement, number) == key)
        drawn = [max(1, int(weight[*key, party] * Dice("lot-consumption", *key, party).between(0.8, 1.2)))
                 for party in parties]
        if not parties:  # nobody asked: all of it is the first buyer's that is named
            parties, drawn = [min(party for agreement, party in named if agreement == key[0])], [1]
        for party, cents in zip(parties, split(int(lot["consumed_cents"]), drawn)):
            out["lot_consumption"].append([*key, party, cents, AS_OF, "État FICTIF des commandes par membre"])


def build_consumption(asked, paid, label, out):
    taken = set()
    for (group, party, article), units in sorted(asked.items()):
        # Six digits, often with zeros in front: what a spreadsheet spoils first.
        dice = Dice("member-code", party, article)
        code = f"{int(dice.between(1, 400_000)):06d}"
        while (group, party, code) in taken:
            code = f"{int(dice.between(1, 400_000)):06d}"
        taken.add((group, party, code))
        out["member_codes"].append([group, party, code, article, label[article][:60].strip()])
        dice = Dice("consumption", group, party, article)
        months = dice.pick(RHYTHMS)
        for index in months:
            year, month = divmod(2025 * 12 + 10 + index, 12)  # from November 2025 to October 2026
            drawn = max(1, round(units / 2 * 12 / len(months) * dice.between(0.75, 1.25)))
            price = paid.get((group, party, article))
            cents = ""
            if price is not None:
                cents = int((price * drawn * 100).quantize(Decimal(1), ROUND_HALF_UP))
            out["consumption"].append([group, party, code, f"{year}-{month + 1:02d}", drawn, cents, AS_OF, "GEF FICTIVE"])


def build_open_orders(asked, site_of, priced, named, factor, kind, out):
    consumed = {tuple(row[:3]): row[3] for row in out["lot_consumption"]}
    numbers, open_cents = {}, Counter()
    for (group, party, article), units in sorted(asked.items()):
        price = priced[group, article]
        lot = (price["agreement_key"], price["lot_number"])
        dice = Dice("open-order", group, party, article)
        if (lot[0], party) not in named or kind[article] == "SERVICE" or not dice.chance(0.05):
            continue
        pack = factor[article, price["packaging_code"]]
        packs = max(2, units // pack // 6)
        done = int(packs * dice.pick([(0, 50), (0.5, 30), (0.8, 20)]))
        cents = int((Decimal(price["unit_price"]) * packs * pack * 100).quantize(Decimal(1), ROUND_HALF_UP))
        # Ordered is consumed: what a member has on order is part of what it had consumed of the lot.
        if open_cents[*lot, party] + cents > consumed[*lot, party]:
            continue
        open_cents[*lot, party] += cents
        number = numbers.setdefault((group, party, lot), f"{party[:3].upper()}-2026-{len(numbers) + 1:04d}")
        day = f"2026-10-{int(Dice('open-order-day', number).between(1, 29)):02d}"
        out["open_orders"].append([group, party, site_of[group, party, article], *lot, article, price["packaging_code"],
                                   packs * pack, done * pack, price["unit_price"], day, number, AS_OF,
                                   "Commandes FICTIVES en cours"])


def write_table(target, name, rows):
    with open(target / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        # RFC 4180 ends lines with CR LF; git and every reader of ours are as happy with LF, and it is smaller.
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[name])
        writer.writerows(rows)


def add_opening(folder):
    """Writes the opening files of a folder from its other files."""
    tables = {}
    for name in COLUMNS:
        path = folder / f"{name}.csv"
        if path.is_file():
            with open(path, encoding="utf-8", newline="") as file:
                tables[name] = list(csv.DictReader(file))
    for name, rows in build_opening(tables).items():
        write_table(folder, name, rows)


def generate(source, target):
    out = {name: [] for name in COLUMNS if name not in OPENING}
    cpv = read_cpv(source)
    beds, sites_of = build_parties(read_hospitals(source), out)
    build_groups_and_people(out)
    articles = build_medicines(read_medicines(source), cpv, out) + build_invented(cpv, out)
    catalogue, awarded, asked, exact = build_needs(articles, beds, sites_of, out)
    build_contracts(catalogue, asked, exact, articles, out)
    build_logistics(catalogue, awarded, out)
    build_census(awarded, asked, exact, beds, sites_of, out)
    # Hermine has neither an e-mail address nor an account: an officer sends it its order and enters what it answers.
    out["contacts"] = [[row[0], f"commandes.{row[0]}@example.org"] for row in out["parties"]
                       if row[1] == "FIRM" and row[0] != "hermine"]
    # A party to a GHT orders in another group with its support's delegation only (CSP L6132-3).
    supports = {row[0]: row[3] for row in out["groups"] if row[2] == "GHT"}
    parties_to = {row[1]: row[0] for row in out["members"] if row[0] in supports}
    elsewhere = sorted({row[1] for row in out["members"] if row[0] not in supports and row[1] in parties_to})
    out["delegations"] = [[parties_to[party], supports[parties_to[party]], party, "ORDER", "", "2026-01-01", "",
                           "Décision FICTIVE 2026-1 du directeur de l'établissement support"] for party in elsewhere]
    # A GCS that lets one of its members award small contracts in its name.
    out["delegations"].append(["gcs", "gcs-armor", "saint-brieuc", "AWARD", "4000000", "2026-01-01", "2029-12-31",
                               "Délibération FICTIVE 2026-2 de l'assemblée du GCS"])
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in out.items():
        write_table(target, name, rows)
    add_opening(target)


# --------------------------------------------------------------------------------------------------------------------
# Checking: knows the files only, nothing of the rules above, so that it serves anybody's folder
# --------------------------------------------------------------------------------------------------------------------

ENUMS = {
    ("parties", "kind"): "ESTABLISHMENT FIRM PLATFORM",
    ("parties", "buyer_status"): "PUBLIC_LAW PRIVATE_CONTRACTING_AUTHORITY ASSERTED_NOT UNKNOWN",
    ("groups", "form"): "GHT GCS_MOYENS GIP_CENTRALE GIE GROUPEMENT_COMMANDES CHARTER ALLIANCE",
    ("members", "kind"): "FULL ASSOCIATE PARTNER",
    ("grants", "role"): "ADMINISTRATOR PURCHASING_OFFICER MEMBER_REQUESTER MEMBER_RECEIVER SUPPLIER "
                        "PLATFORM_OPERATOR AUDITOR",
    ("articles", "kind"): "GOODS SERVICE",
    ("articles", "storage_class"): "AMBIENT COLD_2_8 FROZEN FLAMMABLE",
    ("articles", "required_authorisation"): "PUI STERILE_DEVICES",
    ("articles", "medicine"): "true false",
    ("articles", "sterile_device"): "true false",
    ("packagings", "code"): "UNIT BOX CARTON PALLET",
    ("packagings", "contains_code"): "UNIT BOX CARTON",
    ("packagings", "orderable"): "true false",
    ("agreements", "role"): "INTERMEDIARY WHOLESALER",
    ("census_needs", "commitment"): "INDICATIVE MINIMUM FIRM",
    ("consultations", "procedure"): "OPEN ADAPTED",
    ("criteria", "kind"): "PRICE QUALITY ENVIRONMENTAL SUPPLY_SECURITY",
    ("agreements", "tier_basis"): "POOLED_ORDER ORDER_FORM DELIVERY_POINT YEAR_CUMULATIVE",
}
AUTHORISATIONS = {"PUI", "STERILE_DEVICES", "COLD_CHAIN"}
OPTIONAL = {
    "parties": "siret finess gln buyer_status buyer_status_evidence buyer_status_on",
    "sites": "finess gln address latitude longitude authorisations",
    "groups": "platform_site_key",
    "members": "valid_to",
    "grants": "group_key party_key",
    "articles": "cpv atc required_authorisation cip13 gtin",
    "packagings": "contains_code contains_count gtin cip13",
    "beneficiaries": "valid_to",
    "delegations": "amount_max_cents valid_to",
    "rounds": "platform_site_key",
    "needs": "",
    "consumption": "amount_cents",
}
UNIQUE = {
    "parties": ["key", "siret", "finess", "gln"],
    "contacts": ["party_key"],
    "delegations": ["group_key delegator_party_key to_party_key acts valid_from"],
    "sites": ["key", "finess", "gln"],
    "groups": ["key"],
    "members": ["group_key party_key valid_from"],
    "people": ["login", "email"],
    "grants": ["login role group_key party_key"],
    "articles": ["key"],
    "packagings": ["article_key code", "gtin", "cip13"],
    "agreements": ["key", "group_key number"],
    "lots": ["agreement_key lot_number"],
    "beneficiaries": ["agreement_key party_key valid_from"],
    "prices": ["agreement_key lot_number article_key packaging_code tier_min_units valid_from"],
    "reference_prices": ["group_key party_key article_key"],
    "break_bulk": ["platform_site_key article_key packaging_code"],
    "rounds": ["group_key key"],
    "needs": ["round_key party_key reference"],
    "shipments": ["supplier_party_key article_key"],
    "damages": ["platform_site_key article_key"],
    "lot_consumption": ["agreement_key lot_number party_key"],
    "member_codes": ["group_key party_key code"],
    "consumption": ["group_key party_key code month"],
    "open_orders": ["group_key party_key number agreement_key lot_number article_key site_key"],
    "censuses": ["key"],
    "census_needs": ["census_key party_key reference"],
    "consultations": ["key", "agreement_key"],
    "criteria": ["consultation_key criterion_key"],
    "tenders": ["key"],
    "tender_prices": ["tender_key article_key packaging_code tier_min_units"],
    "tender_answers": ["tender_key criterion_key"],
}
# columns -> (file, columns) they must be found in; an empty value is left to OPTIONAL
REFERENCES = [
    ("contacts", "party_key", "parties", "key"),
    ("delegations", "group_key", "groups", "key"),
    ("delegations", "delegator_party_key", "parties", "key"),
    ("delegations", "to_party_key", "parties", "key"),
    ("sites", "party_key", "parties", "key"),
    ("groups", "awarding_party_key", "parties", "key"),
    ("groups", "platform_site_key", "sites", "key"),
    ("members", "group_key", "groups", "key"),
    ("members", "party_key", "parties", "key"),
    ("grants", "login", "people", "login"),
    ("grants", "group_key", "groups", "key"),
    ("grants", "party_key", "parties", "key"),
    ("packagings", "article_key", "articles", "key"),
    ("packagings", "article_key contains_code", "packagings", "article_key code"),
    ("agreements", "group_key", "groups", "key"),
    ("agreements", "awarding_party_key", "parties", "key"),
    ("lots", "agreement_key", "agreements", "key"),
    ("lots", "holder_party_key", "parties", "key"),
    ("beneficiaries", "agreement_key", "agreements", "key"),
    ("beneficiaries", "party_key", "parties", "key"),
    ("prices", "agreement_key lot_number", "lots", "agreement_key lot_number"),
    ("prices", "article_key packaging_code", "packagings", "article_key code"),
    ("reference_prices", "group_key party_key", "members", "group_key party_key"),
    ("reference_prices", "article_key", "articles", "key"),
    ("break_bulk", "platform_site_key", "sites", "key"),
    ("break_bulk", "article_key packaging_code", "packagings", "article_key code"),
    ("rounds", "group_key", "groups", "key"),
    ("rounds", "platform_site_key", "sites", "key"),
    ("needs", "group_key round_key", "rounds", "group_key key"),
    ("needs", "group_key party_key", "members", "group_key party_key"),
    ("needs", "party_key site_key", "sites", "party_key key"),
    ("needs", "article_key packaging_code", "packagings", "article_key code"),
    ("shipments", "supplier_party_key", "parties", "key"),
    ("shipments", "article_key", "articles", "key"),
    ("damages", "platform_site_key", "sites", "key"),
    ("damages", "article_key", "articles", "key"),
    ("lot_consumption", "agreement_key lot_number", "lots", "agreement_key lot_number"),
    ("lot_consumption", "agreement_key party_key", "beneficiaries", "agreement_key party_key"),
    ("member_codes", "group_key party_key", "members", "group_key party_key"),
    ("member_codes", "article_key", "articles", "key"),
    ("consumption", "group_key party_key code", "member_codes", "group_key party_key code"),
    ("open_orders", "group_key party_key", "members", "group_key party_key"),
    ("open_orders", "party_key site_key", "sites", "party_key key"),
    ("open_orders", "agreement_key party_key", "beneficiaries", "agreement_key party_key"),
    ("open_orders", "agreement_key lot_number article_key packaging_code", "prices",
     "agreement_key lot_number article_key packaging_code"),
    ("censuses", "group_key", "groups", "key"),
    ("census_needs", "census_key", "censuses", "key"),
    ("census_needs", "party_key site_key", "sites", "party_key key"),
    ("census_needs", "article_key packaging_code", "packagings", "article_key code"),
    ("consultations", "census_key", "censuses", "key"),
    ("criteria", "consultation_key", "consultations", "key"),
    ("tenders", "consultation_key", "consultations", "key"),
    ("tenders", "supplier_party_key", "parties", "key"),
    ("tender_prices", "tender_key", "tenders", "key"),
    ("tender_prices", "article_key packaging_code", "packagings", "article_key code"),
    ("tender_answers", "tender_key", "tenders", "key"),
]
LEVELS = ["UNIT", "BOX", "CARTON", "PALLET"]
KEY = re.compile(r"^[a-z0-9][a-z0-9.-]{0,63}$")
DECIMAL = re.compile(r"^\d{1,12}(\.\d{1,6})?$")
MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
COUNT = re.compile(r"^\d{1,15}$")
INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
COORDINATE = re.compile(r"^-?\d{1,3}(\.\d+)?$")


class Checker:
    def __init__(self, folder):
        self.problems = []
        self.tables = {name: self.read(folder, name) for name in COLUMNS}

    def complain(self, name, line, text):
        self.problems.append(f"{name}.csv:{line}: {text}")

    def read(self, folder, name):
        path = folder / f"{name}.csv"
        if not path.is_file():
            if name in MAY_BE_MISSING:
                return []
            self.complain(name, 0, "missing file")
            return []
        try:
            with open(path, encoding="utf-8", newline="") as file:
                reader = csv.reader(file, strict=True)
                header = next(reader, [])
                if header != COLUMNS[name]:
                    self.complain(name, 1, f"header must be {','.join(COLUMNS[name])}")
                    return []
                rows = []
                for values in reader:
                    if len(values) != len(header):
                        self.complain(name, reader.line_num, f"{len(values)} values for {len(header)} columns")
                        continue
                    rows.append(dict(zip(header, values), line=reader.line_num))
                return rows
        except (UnicodeDecodeError, csv.Error) as error:
            self.complain(name, 0, str(error))
            return []

    def matching(self, name, pattern, columns):
        for row in self.tables[name]:
            for column in columns.split():
                if row[column] and not pattern.match(row[column]):
                    self.complain(name, row["line"], f"{column}: {row[column]!r} is not well formed")

    def check_values(self):
        for name, rows in self.tables.items():
            optional = OPTIONAL.get(name, "").split()
            for row in rows:
                for column in COLUMNS[name]:
                    value = row[column]
                    if not value and column not in optional:
                        self.complain(name, row["line"], f"{column} is empty")
                    if value != value.strip():
                        self.complain(name, row["line"], f"{column} has spaces around it")
                    if value and (name, column) in ENUMS and value not in ENUMS[name, column].split():
                        self.complain(name, row["line"], f"{column}: unknown value {value!r}")
                    if value and (column.endswith("_on") or column in ("valid_from", "valid_to", "needed_by")):
                        try:
                            date.fromisoformat(value)
                        except ValueError:
                            self.complain(name, row["line"], f"{column}: {value!r} is not a date YYYY-MM-DD")
            for columns in UNIQUE[name]:
                names, seen = columns.split(), {}
                for row in rows:
                    values = tuple(row[c] for c in names)
                    if len(names) == 1 and not values[0]:
                        continue
                    if values in seen:
                        self.complain(name, row["line"], f"{columns}: same as line {seen[values]}")
                    seen[values] = row["line"]
        for name, columns, target, target_columns in REFERENCES:
            known = {tuple(row[c] for c in target_columns.split()) for row in self.tables[target]}
            for row in self.tables[name]:
                values = tuple(row[c] for c in columns.split())
                if all(values) and values not in known:
                    self.complain(name, row["line"], f"{columns}: {' '.join(values)} is not in {target}.csv")
        for name in ("parties", "sites", "groups", "articles", "agreements", "rounds", "censuses", "consultations",
                     "tenders"):
            self.matching(name, KEY, "key")
        self.matching("census_needs", COUNT, "quantity")
        self.matching("censuses", COUNT, "period_months")
        self.matching("consultations", COUNT, "duration_months margin_percent")
        self.matching("consultations", INSTANT, "published_at deadline opened_at awarded_at signed_at")
        self.matching("criteria", COUNT, "weight")
        self.matching("tenders", INSTANT, "sent_at")
        self.matching("tender_prices", COUNT, "order_multiple_packs tier_min_units")
        self.matching("tender_prices", DECIMAL, "unit_price")
        self.matching("people", KEY, "login")
        self.matching("contacts", re.compile(r"^[^@\s]+@[^@\s]+$"), "email")
        self.matching("prices", DECIMAL, "unit_price")
        self.matching("reference_prices", DECIMAL, "unit_price")
        self.matching("articles", DECIMAL, "vat_rate")
        self.matching("articles", re.compile(r"^\d{8}$"), "cpv")
        self.matching("articles", re.compile(r"^[A-Z]\d\d([A-Z]([A-Z](\d\d)?)?)?$"), "atc")
        self.matching("articles", re.compile(r"^[A-Z0-9]{2,3}$"), "base_unit")
        self.matching("packagings", COUNT, "contains_count")
        self.matching("lots", COUNT, "lot_number maximum_cents minimum_cents consumed_cents")
        self.matching("prices", COUNT, "tier_min_units order_multiple_packs")
        self.matching("needs", COUNT, "quantity")
        self.matching("shipments", COUNT, "shipped_percent outstanding_percent")
        self.matching("damages", COUNT, "damaged_percent")
        self.matching("lot_consumption", COUNT, "amount_cents")
        self.matching("consumption", COUNT, "units amount_cents")
        self.matching("open_orders", COUNT, "ordered_units delivered_units")
        self.matching("open_orders", DECIMAL, "unit_price")
        self.matching("sites", COORDINATE, "latitude longitude")
        self.matching("sites", re.compile(r"^\d{5}$"), "postcode")
        for name in ("parties", "sites"):
            # FINESS numbers of Corsica hold a letter (2A0000014).
            self.matching(name, re.compile(r"^\d[\dAB]\d{7}$"), "finess")

    def check_numbers(self):
        tests = {"siret": siret_is_valid, "gln": lambda n: gtin_is_valid(n, (13,)),
                 "gtin": lambda n: gtin_is_valid(n, (8, 12, 13, 14)),
                 # 34008 would be a dispensing unit (UCD), not a presentation.
                 "cip13": lambda n: gtin_is_valid(n, (13,)) and n.startswith("3400") and not n.startswith("34008")}
        for name, rows in self.tables.items():
            for column in set(tests) & set(COLUMNS[name]):
                for row in rows:
                    if row[column] and not tests[column](row[column]):
                        self.complain(name, row["line"], f"{column}: {row[column]} fails its check")

    def check_meaning(self):
        t = self.tables
        party_kind = {row["key"]: row["kind"] for row in t["parties"]}
        site = {row["key"]: row for row in t["sites"]}
        article = {row["key"]: row for row in t["articles"]}
        agreement = {row["key"]: row for row in t["agreements"]}
        factor = {}

        for row in t["parties"]:
            if (row["kind"] == "ESTABLISHMENT") != bool(row["buyer_status"]):
                self.complain("parties", row["line"], "buyer_status is for establishments, and for all of them")
            if bool(row["buyer_status"]) != bool(row["buyer_status_on"] and row["buyer_status_evidence"]):
                self.complain("parties", row["line"], "a buyer status needs its evidence and its date")
        for row in t["sites"]:
            if not set(filter(None, row["authorisations"].split("|"))) <= AUTHORISATIONS:
                self.complain("sites", row["line"], f"unknown authorisation in {row['authorisations']!r}")
            if bool(row["latitude"]) != bool(row["longitude"]):
                self.complain("sites", row["line"], "latitude and longitude go together")

        # A platform is a site of a PLATFORM party.
        for name in ("groups", "rounds", "break_bulk", "damages"):
            for row in t[name]:
                key = row["platform_site_key"]
                if key in site and party_kind.get(site[key]["party_key"]) != "PLATFORM":
                    self.complain(name, row["line"], f"{key} is not a site of a platform")
        for name, column, kind in (("members", "party_key", "ESTABLISHMENT"), ("beneficiaries", "party_key",
                                   "ESTABLISHMENT"), ("lots", "holder_party_key", "FIRM"),
                                   ("shipments", "supplier_party_key", "FIRM"), ("contacts", "party_key", "FIRM")):
            for row in t[name]:
                if party_kind.get(row[column], kind) != kind:
                    self.complain(name, row["line"], f"{row[column]} is not of kind {kind}")
        for name, start, end in (("members", "valid_from", "valid_to"), ("agreements", "starts_on", "ends_on"),
                                 ("beneficiaries", "valid_from", "valid_to"), ("rounds", "opens_on", "closes_on"),
                                 ("prices", "valid_from", "valid_to")):
            for row in t[name]:
                if row[end] and row[end] < row[start]:
                    self.complain(name, row["line"], f"{end} is before {start}")

        # Grants: which role needs which scope, and nobody requests and receives for one member.
        needs_scope = {"ADMINISTRATOR": (None, None), "PURCHASING_OFFICER": (True, True), "AUDITOR": (True, None),
                       "MEMBER_REQUESTER": (True, True), "MEMBER_RECEIVER": (True, True), "SUPPLIER": (False, True),
                       "PLATFORM_OPERATOR": (False, True)}
        members = {(row["group_key"], row["party_key"]) for row in t["members"]}
        duties = defaultdict(set)
        for row in t["grants"]:
            for column, needed in zip(("group_key", "party_key"), needs_scope.get(row["role"], (None, None))):
                if needed is not None and needed != bool(row[column]):
                    self.complain("grants", row["line"], f"{row['role']}: {column} must "
                                                         f"{'be given' if needed else 'be empty'}")
            if row["role"].startswith("MEMBER_"):
                if (row["group_key"], row["party_key"]) not in members:
                    self.complain("grants", row["line"], f"{row['party_key']} is not a member of {row['group_key']}")
                duties[row["login"], row["party_key"]].add(row["role"])
        for (login, party), roles in duties.items():
            if len(roles) > 1:
                self.complain("grants", 0, f"{login} both requests and receives for {party}")
        held = {(row["role"], row["group_key"], row["party_key"]) for row in t["grants"]}
        for group, party in sorted(members):
            for role in ("MEMBER_REQUESTER", "MEMBER_RECEIVER"):
                if (role, group, party) not in held:
                    self.complain("grants", 0, f"{party} has no {role} in {group}")

        # Packagings: UNIT is the base unit, each other level contains a lower one, a whole number of times.
        packs = defaultdict(dict)
        for row in t["packagings"]:
            packs[row["article_key"]][row["code"]] = row
        for key in article:
            levels = packs.get(key, {})
            if "UNIT" not in levels:
                self.complain("packagings", 0, f"{key} has no UNIT")
            for code in LEVELS:
                if code not in levels:
                    continue
                row = levels[code]
                inside, count = row["contains_code"], row["contains_count"]
                if code == "UNIT":
                    if inside or count:
                        self.complain("packagings", row["line"], "UNIT contains nothing")
                    factor[key, code] = 1
                elif inside not in LEVELS[:LEVELS.index(code)] or not count.isdigit() or int(count) < 1:
                    self.complain("packagings", row["line"], f"{code} must contain a positive count of a lower level")
                elif (key, inside) in factor:
                    factor[key, code] = factor[key, inside] * int(count)
                if row["gtin"] and row["cip13"] and row["gtin"].zfill(14) != row["cip13"].zfill(14):
                    self.complain("packagings", row["line"], "gtin and cip13 of one pack must be the same number")
        for row in t["articles"]:
            # Contrast media (ATC V08) are kept by radiologists for their own use; any other medicine by a hospital pharmacy.
            if row["medicine"] == "true" and row["required_authorisation"] != "PUI" and not row["atc"].startswith("V08"):
                self.complain("articles", row["line"], "a medicine requires PUI")
            if row["sterile_device"] == "true" and not row["required_authorisation"]:
                self.complain("articles", row["line"], "a sterile device requires an authorisation")

        # Contracts
        for row in t["lots"]:
            if int(row["consumed_cents"]) > int(row["maximum_cents"]) or int(row["maximum_cents"]) == 0:
                self.complain("lots", row["line"], "consumed is above maximum, or there is no maximum (CJEU C-216/17)")
            if int(row["minimum_cents"]) > int(row["maximum_cents"]):
                self.complain("lots", row["line"], "minimum is above maximum")
        for row in t["beneficiaries"]:
            bound = agreement.get(row["agreement_key"])
            if bound and (bound["group_key"], row["party_key"]) not in members:
                self.complain("beneficiaries", row["line"], f"{row['party_key']} is not in the agreement's group")
        tiers, lots_of, multiples = defaultdict(list), defaultdict(set), defaultdict(set)
        for row in t["prices"]:
            pack = packs.get(row["article_key"], {}).get(row["packaging_code"])
            if pack and pack["orderable"] != "true":
                self.complain("prices", row["line"], "the priced pack is not orderable")
            bound = agreement.get(row["agreement_key"])
            if bound and not (bound["starts_on"] <= row["valid_from"] and row["valid_to"] <= bound["ends_on"]):
                self.complain("prices", row["line"], "the price is valid outside its agreement")
            if Decimal(row["unit_price"]) <= 0 or int(row["order_multiple_packs"]) < 1:
                self.complain("prices", row["line"], "price and order multiple are above zero")
            scale = (row["agreement_key"], row["lot_number"], row["article_key"], row["packaging_code"],
                     row["valid_from"])
            tiers[scale].append((int(row["tier_min_units"]), Decimal(row["unit_price"]), row["line"]))
            multiples[scale].add(row["order_multiple_packs"])
            lots_of[row["agreement_key"], row["article_key"]].add(row["lot_number"])
        for scale, steps in tiers.items():
            steps.sort()
            if steps[0][0] > 1:
                self.complain("prices", steps[0][2], "the first tier begins at 0 or 1")
            for (_, before, _), (_, after, line) in zip(steps, steps[1:]):
                if after > before:
                    self.complain("prices", line, "a higher tier must not be dearer")
            if len(multiples[scale]) > 1:
                self.complain("prices", steps[0][2], "one order multiple for all tiers of an article")

        # Consultations: steps follow each other, weights make 100, and what is awarded is not priced elsewhere.
        census = {row["key"]: row for row in t["censuses"]}
        awarded = {}
        for row in t["consultations"]:
            steps = [census[row["census_key"]]["closes_on"]]
            steps += [row[c] for c in ("published_at", "deadline", "opened_at", "awarded_at", "signed_at")]
            if steps != sorted(steps):
                self.complain("consultations", row["line"], "its steps do not follow each other")
            own = [c for c in t["criteria"] if c["consultation_key"] == row["key"]]
            if sum(int(c["weight"]) for c in own) != 100:
                self.complain("consultations", row["line"], "the weights of its criteria do not make 100")
            if [c["kind"] for c in own].count("PRICE") != 1 or "ENVIRONMENTAL" not in [c["kind"] for c in own]:
                self.complain("consultations", row["line"], "one PRICE and an ENVIRONMENTAL criterion (CCP R2152-7)")
            if row["agreement_key"] in agreement:
                self.complain("consultations", row["line"], "its agreement is already in agreements.csv")
            awarded[row["agreement_key"]] = (row, census[row["census_key"]]["group_key"])
            tenders = {tender["key"] for tender in t["tenders"] if tender["consultation_key"] == row["key"]}
            for price in t["tender_prices"]:
                if price["tender_key"] in tenders:
                    lots_of[row["agreement_key"], price["article_key"]] = {"awarded"}
        offered = defaultdict(list)
        for row in t["tender_prices"]:
            offered[row["tender_key"], row["article_key"]].append((int(row["tier_min_units"]), row))
        for steps in offered.values():
            steps.sort(key=lambda step: step[0])
            if steps[0][0] != 0:
                self.complain("tender_prices", steps[0][1]["line"], "the first tier begins at 0")
            for (_, before), (_, after) in zip(steps, steps[1:]):
                if Decimal(after["unit_price"]) > Decimal(before["unit_price"]):
                    self.complain("tender_prices", after["line"], "a higher tier must not be dearer")

        # Rounds and needs
        round_of = {}
        for row in t["rounds"]:
            keys = row["agreement_keys"].split("|")
            round_of[row["key"]] = (row, keys)
            for key in keys:
                bound = agreement.get(key)
                if key in awarded:
                    consultation, group = awarded[key]
                    if group != row["group_key"] or consultation["signed_at"] > row["closes_on"]:
                        self.complain("rounds", row["line"], f"{key} is not signed for this group in time")
                elif bound is None or bound["group_key"] != row["group_key"]:
                    self.complain("rounds", row["line"], f"{key} is not an agreement of this group")
                elif not bound["starts_on"] <= row["closes_on"] <= bound["ends_on"]:
                    self.complain("rounds", row["line"], f"{key} is not in force when the round closes")
            priced = Counter(article_key for key in keys for (a, article_key) in lots_of if a == key)
            for article_key, times in priced.items():
                if times > 1 or any(len(lots_of[k, article_key]) > 1 for k in keys if (k, article_key) in lots_of):
                    self.complain("rounds", row["line"], f"{article_key} is priced in more than one lot of the round")
        for row in t["needs"]:
            if int(row["quantity"]) < 1:
                self.complain("needs", row["line"], "quantity is at least 1")
            if row["round_key"] not in round_of:
                continue
            this_round, keys = round_of[row["round_key"]]
            if not any((key, row["article_key"]) in lots_of for key in keys):
                self.complain("needs", row["line"], f"{row['article_key']} has no price in the round's agreements")
            if row["needed_by"] <= this_round["closes_on"]:
                self.complain("needs", row["line"], "needed before the round closes")
            where, what = site.get(row["site_key"]), article.get(row["article_key"])
            if where and what:
                may = set(where["authorisations"].split("|"))
                if what["required_authorisation"] and what["required_authorisation"] not in may:
                    self.complain("needs", row["line"], f"{row['site_key']} may not receive {row['article_key']}")
                if what["storage_class"] in ("COLD_2_8", "FROZEN") and "COLD_CHAIN" not in may:
                    self.complain("needs", row["line"], f"{row['site_key']} has no cold chain")

        # What exists on the first day: a lot's members sum to what it had consumed, and what is on order is part of that.
        consumed = Counter()
        for row in t["lot_consumption"]:
            consumed[row["agreement_key"], row["lot_number"]] += int(row["amount_cents"])
        for row in t["lots"]:
            key = (row["agreement_key"], row["lot_number"])
            if key in consumed and consumed[key] != int(row["consumed_cents"]):
                self.complain("lots", row["line"], f"its members had consumed {consumed[key]} cents together")
        left = {(row["agreement_key"], row["lot_number"], row["party_key"]): int(row["amount_cents"])
                for row in t["lot_consumption"]}
        for row in t["open_orders"]:
            key = (row["agreement_key"], row["lot_number"], row["party_key"])
            worth = Decimal(row["unit_price"]) * int(row["ordered_units"]) * 100
            left[key] = left.get(key, 0) - int(worth.quantize(Decimal(1), ROUND_HALF_UP))
            if left[key] < 0:
                self.complain("open_orders", row["line"], "more is on order than the member had consumed of the lot")
            for column in ("ordered_units", "delivered_units"):
                if int(row[column]) % factor.get((row["article_key"], row["packaging_code"]), 1):
                    self.complain("open_orders", row["line"], f"{column} is no whole number of packs")
            if int(row["delivered_units"]) > int(row["ordered_units"]):
                self.complain("open_orders", row["line"], "more was delivered than ordered")
        for row in t["consumption"]:
            if not MONTH.match(row["month"]):
                self.complain("consumption", row["line"], f"month: {row['month']!r} is not YYYY-MM")

        # Logistics
        for row in t["break_bulk"]:
            what = article.get(row["article_key"], {})
            if what.get("medicine") == "true" or what.get("sterile_device") == "true":
                self.complain("break_bulk", row["line"], "medicines and sterile devices are never split")
            if row["packaging_code"] == "UNIT":
                self.complain("break_bulk", row["line"], "a UNIT cannot be opened")
        holders = {(row["agreement_key"], row["lot_number"]): row["holder_party_key"] for row in t["lots"]}
        sells = {(holders.get(scale[:2]), scale[2]) for scale in tiers}
        for row in t["shipments"]:
            if int(row["shipped_percent"]) + int(row["outstanding_percent"]) > 100:
                self.complain("shipments", row["line"], "shipped and outstanding are more than what was ordered")
            if (row["supplier_party_key"], row["article_key"]) not in sells:
                self.complain("shipments", row["line"], "this supplier holds no lot with this article")
        for row in t["damages"]:
            if int(row["damaged_percent"]) > 100:
                self.complain("damages", row["line"], "more than 100 % damaged")
        self.factor, self.lots_of, self.holders = factor, lots_of, holders

    def story(self):
        """What the folder will show: sums that a reader can compare with what the system says."""
        t = self.tables
        agreement_group = {row["key"]: row["group_key"] for row in t["agreements"]}
        basis = {row["key"]: row["tier_basis"] for row in t["agreements"]}
        named = {(row["agreement_key"], row["party_key"]) for row in t["beneficiaries"]}
        scale = defaultdict(list)
        for row in t["prices"]:
            scale[row["agreement_key"], row["lot_number"], row["article_key"]].append(
                (int(row["tier_min_units"]), Decimal(row["unit_price"])))
        where = {(agreement_group[a], article): (a, lot) for a, lot, article in scale}
        units, refused = defaultdict(lambda: defaultdict(int)), Counter()
        to_award = 0
        for row in t["needs"]:
            if (row["group_key"], row["article_key"]) not in where:
                to_award += 1
                continue
            agreement, lot = where[row["group_key"], row["article_key"]]
            if (agreement, row["party_key"]) not in named:
                refused[agreement, row["party_key"]] += 1
                continue
            quantity = int(row["quantity"]) * self.factor[row["article_key"], row["packaging_code"]]
            units[agreement, lot, row["article_key"]][row["party_key"]] += quantity

        def price(steps, quantity):
            return min((p for minimum, p in steps if quantity >= minimum))

        value, reached, alone, articles = Counter(), Counter(), Counter(), Counter()
        losers = gainers = 0
        reference = {(row["group_key"], row["party_key"], row["article_key"]): Decimal(row["unit_price"])
                     for row in t["reference_prices"]}
        saving = Counter()
        for (agreement, lot, article), members in units.items():
            steps = scale[agreement, lot, article]
            pooled = sum(members.values())
            pool_price = price(steps, pooled)
            articles[agreement] += 1
            reached[agreement] += pooled >= max(steps)[0] > 0
            alone[agreement] += max(members.values()) >= max(steps)[0] > 0
            for party, quantity in members.items():
                paid = pool_price if basis[agreement] == "POOLED_ORDER" else price(steps, quantity)
                value[agreement, lot] += quantity * paid
                key = (agreement_group[agreement], party, article)
                if key in reference:
                    saving[key[:2]] += quantity * (reference[key] - paid)
                    losers += reference[key] < paid
                    gainers += reference[key] >= paid
        print("lots: pooled value as asked (EUR), maximum, share used after the round")
        for row in t["lots"]:
            key = (row["agreement_key"], row["lot_number"])
            used = (int(row["consumed_cents"]) / 100 + float(value[key])) / (int(row["maximum_cents"]) / 100)
            note = "  <- OVER ITS CEILING" if used > 1 else "  <- warning" if used > 0.7 else ""
            print(f"  {key[0]} lot {key[1]} ({row['holder_party_key']}): {value[key]:.0f} of "
                  f"{int(row['maximum_cents']) / 100:.0f}, {used:.0%}{note}")
        print("last price tier: articles asked, reached together, reached by one member alone")
        for agreement in articles:
            print(f"  {agreement}: {articles[agreement]}, {reached[agreement]}, {alone[agreement]}")
        print(f"members' article prices better than before or equal: {gainers}, worse: {losers}")
        print("saving per member (EUR): " + ", ".join(f"{g}/{p} {v:.0f}" for (g, p), v in saving.items()))
        if to_award:
            print(f"need lines under agreements that consultations make: {to_award}")
        for (agreement, party), lines in refused.items():
            print(f"not named: {party} in {agreement}, {lines} need lines")


def check(folder):
    checker = Checker(folder)
    if not checker.problems:
        checker.check_values()
    if not checker.problems:  # what follows reads numbers and keys without asking again
        checker.check_numbers()
        checker.check_meaning()
    for problem in checker.problems[:100]:
        print(problem)
    if len(checker.problems) > 100:
        print(f"... and {len(checker.problems) - 100} more")
    if checker.problems:
        print(f"{folder}: {len(checker.problems)} problems")
        return 1
    for name, rows in checker.tables.items():
        print(f"{name}.csv: {len(rows)}")
    checker.story()
    print(f"{folder}: no problem found")
    return 0


def main():
    parser = argparse.ArgumentParser(description="Build or check the demo data set of Centrale.")
    parser.add_argument("--source", type=Path, help="folder with hospitals-fr.csv, bdpm/ and cpv/: build")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="where to write the files")
    parser.add_argument("--opening", type=Path, metavar="DIR", help="write what exists on the first day into a folder")
    parser.add_argument("--check", type=Path, metavar="DIR", help="check a folder, yours or this one")
    arguments = parser.parse_args()
    if not arguments.source and not arguments.opening and not arguments.check:
        parser.error("give --source to build, --opening to add the opening files or --check to check")
    if arguments.opening:
        add_opening(arguments.opening)
        return check(arguments.check or arguments.opening)
    if arguments.source:
        generate(arguments.source, arguments.out)
        if not arguments.check:
            return check(arguments.out)
    return check(arguments.check)


if __name__ == "__main__":
    sys.exit(main())
