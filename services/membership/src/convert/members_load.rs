//! Rows of a members file. Their faults are told by row and column in French, all at once: their reader filled in a spreadsheet.

use chrono::NaiveDate;
use kit::{
    Failure,
    error::RowFault,
    id::{PartyId, PractitionerId, SiteId},
};
use proto::membership::v1 as pb;

use super::{person::parse_email, practitioner::place_from_proto};
use crate::domain::{BuyerStatus, Finess, Gln, Key, MemberKind, PartyRow, PractitionerRow, Row, Rpps, Siret, SiteRow};

/// Rows in one load at most.
const MOST_ROWS: usize = 5_000;

/// Reads rows; those at fault are left out, with their faults beside.
///
/// # Errors
/// `INVALID_INPUT` when there are none or too many.
pub fn rows_from_proto(rows: &[pb::MemberRow], faults_before: usize) -> Result<(Vec<Row>, Vec<RowFault>), Failure> {
    let least = usize::from(faults_before == 0);
    if !(least..=MOST_ROWS).contains(&rows.len()) {
        return Err(Failure::invalid_field("rows", format!("must have 1 to {MOST_ROWS} rows, has {}", rows.len())));
    }
    let mut faults = Vec::new();
    let read = rows.iter().filter_map(|row| Cells { row, faults: &mut faults }.read()).collect();
    Ok((read, faults))
}

struct Cells<'a> {
    row: &'a pb::MemberRow,
    faults: &'a mut Vec<RowFault>,
}

impl Cells<'_> {
    fn fault(&mut self, column: &'static str, value: &str, problem: String, remedy: &str) {
        let remedy = remedy.to_owned();
        self.faults.push(RowFault { row: self.row.row, column, value: value.to_owned(), problem, remedy });
    }

    /// A cell that may be empty, and the fault of one that cannot be read.
    fn maybe<T, E>(
        &mut self,
        column: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        problem: &str,
        remedy: &str,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        let read = parse(text).ok();
        if read.is_none() {
            self.fault(column, text, format!("« {text} » {problem}"), remedy);
        }
        read
    }

    fn key(&mut self, column: &'static str, text: &str) -> Option<Key> {
        let remedy = "Lettres sans accent, chiffres, points, tirets ; par exemple « cabinet-quimper-1 ».";
        self.maybe(column, text, Key::parse, "n'est pas une clé.", remedy)
    }

    fn finess(&mut self, column: &'static str, text: &str) -> Option<Finess> {
        let remedy = "Un FINESS a 9 caractères ; mettez la colonne au format Texte, un zéro en tête se perd.";
        self.maybe(column, text, Finess::parse, "n'est pas un numéro FINESS.", remedy)
    }

    fn gln(&mut self, column: &'static str, text: &str) -> Option<Gln> {
        let remedy = "Un GLN a 13 chiffres, dont une clé : vérifiez-le.";
        self.maybe(column, text, Gln::parse, "n'est pas un GLN : sa longueur ou sa clé est fausse.", remedy)
    }

    fn date(&mut self, column: &'static str, text: &str) -> Option<NaiveDate> {
        let remedy = "Écrivez le jour, le mois et l'année, par exemple 31/03/2026.";
        self.maybe(column, text, str::parse, "n'est pas une date.", remedy)
    }

    fn text(&mut self, column: &'static str, text: &str, most: usize) -> String {
        let count = text.chars().count();
        if count > most {
            self.fault(column, text, format!("Le texte a {count} caractères."), &format!("{most} caractères au plus."));
        } else if text.chars().any(char::is_control) {
            self.fault(
                column,
                text,
                "Le texte contient un retour à la ligne ou un caractère spécial.".into(),
                "Écrivez-le sur une ligne.",
            );
        }
        text.trim().to_owned()
    }

    fn read(mut self) -> Option<Row> {
        let before = self.faults.len();
        let row = self.row;
        let practitioner = self.practitioner();
        let party = self.party();
        let site = self.site();
        let asked_practitioner = !row.rpps.is_empty() || !row.name.is_empty();
        if !asked_practitioner && party.is_none() && self.faults.len() == before {
            let problem = "La ligne ne nomme ni praticien ni établissement.".to_owned();
            self.fault("", "", problem, "Remplissez-la, ou supprimez-la.");
        }
        (self.faults.len() == before).then_some(Row { number: row.row, practitioner, party, site })
    }

    fn practitioner(&mut self) -> Option<PractitionerRow> {
        let row = self.row;
        if row.rpps.is_empty() && row.name.is_empty() {
            let strays =
                [("email", &row.email), ("joined_on", &row.joined_on), ("charter_signed_on", &row.charter_signed_on)];
            for (column, text) in strays.into_iter().filter(|(_, text)| !text.is_empty()) {
                let problem = "La ligne n'a pas de praticien.".to_owned();
                self.fault(column, text, problem, "Indiquez son RPPS et son nom, ou videz la cellule.");
            }
            return None;
        }
        let remedy = "Un RPPS a 11 chiffres ; mettez la colonne au format Texte.";
        let rpps = self.maybe("rpps", &row.rpps, Rpps::parse, "n'est pas un numéro RPPS.", remedy);
        if row.rpps.is_empty() {
            self.fault("rpps", "", "Le RPPS manque.".into(), remedy);
        }
        if row.name.is_empty() {
            self.fault("name", "", "Le nom manque.".into(), "Indiquez le nom du praticien.");
        }
        let name = self.text("name", &row.name, 200);
        let email =
            self.maybe("email", &row.email, parse_email, "n'est pas une adresse.", "Vérifiez-la, ou videz la cellule.");
        let joined_on = self.date("joined_on", &row.joined_on);
        if row.joined_on.is_empty() {
            self.fault("joined_on", "", "Le jour d'adhésion manque.".into(), "Indiquez-le, par exemple 31/03/2026.");
        }
        let signed_on = self.date("charter_signed_on", &row.charter_signed_on);
        let place = place_from_proto(row.place());
        if place.is_none() {
            self.fault("place", "", "Le lieu d'exercice manque.".into(), "Indiquez CABINET ou HOPITAL.");
        }
        Some(PractitionerRow {
            fresh: PractitionerId::new(),
            rpps: rpps?,
            name,
            email: email.unwrap_or_default(),
            joined_on: joined_on?,
            signed_on,
            place: place?,
        })
    }

    fn party(&mut self) -> Option<PartyRow> {
        let row = self.row;
        let empty = pb::Party::default();
        let party = row.establishment.as_ref().unwrap_or(&empty);
        let named = !party.key.is_empty() || !party.siret.is_empty() || !party.finess.is_empty();
        let member_kind = match row.member_kind() {
            pb::MemberKind::Unspecified => None,
            pb::MemberKind::Full => Some(MemberKind::Full),
            pb::MemberKind::Associate => Some(MemberKind::Associate),
            pb::MemberKind::Partner => Some(MemberKind::Partner),
        };
        if !named {
            if !party.name.is_empty() || !party.gln.is_empty() || member_kind.is_some() || !row.member_from.is_empty() {
                let problem = "L'établissement n'est pas désigné.".to_owned();
                self.fault("establishment", "", problem, "Indiquez sa clé, son SIRET ou son FINESS.");
            }
            return None;
        }
        let key = self.key("establishment", &party.key);
        let name = self.text("establishment_name", &party.name, 200);
        let remedy = "Un SIRET a 14 chiffres, dont des clés ; mettez la colonne au format Texte.";
        let siret = self.maybe(
            "siret",
            &party.siret,
            Siret::parse,
            "n'est pas un SIRET : sa longueur ou sa clé est fausse.",
            remedy,
        );
        let finess = self.finess("finess", &party.finess);
        let gln = self.gln("gln", &party.gln);
        let evidence = self.text("buyer_status_evidence", &party.buyer_status_evidence, 1_000);
        let status_on = self.date("buyer_status_on", &party.buyer_status_on);
        let member_from = self.date("member_from", &row.member_from);
        match (member_kind, row.member_from.is_empty()) {
            (Some(_), true) => {
                self.fault("member_from", "", "Le jour d'adhésion de l'établissement manque.".into(), "Indiquez-le.");
            }
            (None, false) => {
                let problem = "La qualité de membre de l'établissement manque.".to_owned();
                self.fault("member_kind", "", problem, "Indiquez MEMBRE, ASSOCIE ou PARTENAIRE, ou videz la date.");
            }
            (Some(_), false) | (None, true) => {}
        }
        let status = match party.buyer_status() {
            // Not known: treated as a contracting authority (CCP L1211-1).
            pb::BuyerStatus::Unspecified | pb::BuyerStatus::Unknown => BuyerStatus::Unknown,
            pb::BuyerStatus::PublicLaw => BuyerStatus::PublicLaw,
            pb::BuyerStatus::PrivateContractingAuthority => BuyerStatus::PrivateContractingAuthority,
            pb::BuyerStatus::AssertedNot => BuyerStatus::AssertedNot,
        };
        let member = member_kind.zip(member_from);
        Some(PartyRow { fresh: PartyId::new(), key, name, siret, finess, gln, status, evidence, status_on, member })
    }

    fn site(&mut self) -> Option<SiteRow> {
        let empty = pb::Site::default();
        let row = self.row;
        let site = row.site.as_ref().unwrap_or(&empty);
        if site.key.is_empty() && site.finess.is_empty() && site.gln.is_empty() {
            let strays = [
                ("site_name", &site.name),
                ("address", &site.address),
                ("postcode", &site.postcode),
                ("city", &site.city),
            ];
            for (column, text) in strays.into_iter().filter(|(_, text)| !text.is_empty()) {
                self.fault(
                    column,
                    text,
                    "La ligne n'a pas de site.".into(),
                    "Indiquez la clé du site, ou videz la cellule.",
                );
            }
            return None;
        }
        let postcode = |text: &str| {
            let digits = text.len() == 5 && text.bytes().all(|digit| digit.is_ascii_digit());
            if digits { Ok(text.to_owned()) } else { Err(()) }
        };
        let remedy = "Un code postal a 5 chiffres ; mettez la colonne au format Texte.";
        Some(SiteRow {
            fresh: SiteId::new(),
            key: self.key("site", &site.key),
            name: self.text("site_name", &site.name, 200),
            finess: self.finess("site_finess", &site.finess),
            gln: self.gln("site_gln", &site.gln),
            address: self.text("address", &site.address, 300),
            postcode: self
                .maybe("postcode", &site.postcode, postcode, "n'est pas un code postal.", remedy)
                .unwrap_or_default(),
            city: self.text("city", &site.city, 100),
        })
    }
}
