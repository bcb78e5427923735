//! A members file: practitioners with their establishments, sites and memberships, against what there is. All faults are found at once,
//! by row and column; what is there already is not written again, so the same file twice changes nothing.
//!
//! The registry is everybody's: a file adds to it, as an administrator only, and never changes what it says. A number that contradicts
//! it is a fault of the file.

use chrono::NaiveDate;
use kit::{
    error::RowFault,
    id::{PartyId, PractitionerId, SiteId},
};

use super::{
    Attachment, BuyerStatus, Finess, Gln, Key, Member, MemberKind, Party, PartyKind, Period, PlaceKind, Practitioner,
    Rpps, Signature, Siret, Site, months_after,
};

/// Whether who loads may add to the deployment's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registrar {
    /// An administrator.
    Yes,
    /// An officer of the group: establishments and sites must be there.
    No,
}

/// A practitioner as a row has it.
#[derive(Debug, Clone)]
pub struct PractitionerRow {
    /// Its id, if it is new.
    pub fresh: PractitionerId,
    /// Number in the shared register.
    pub rpps: Rpps,
    /// Name.
    pub name: String,
    /// Address for notices.
    pub email: String,
    /// First day in the group.
    pub joined_on: NaiveDate,
    /// When it signed the charter in force.
    pub signed_on: Option<NaiveDate>,
    /// What kind of place the row's establishment is to it.
    pub place: PlaceKind,
}

/// An establishment as a row has it.
#[derive(Debug, Clone)]
pub struct PartyRow {
    /// Its id, if it is new.
    pub fresh: PartyId,
    /// Natural key.
    pub key: Option<Key>,
    /// Name.
    pub name: String,
    /// Numbers.
    pub siret: Option<Siret>,
    /// Principal site's or legal person's.
    pub finess: Option<Finess>,
    /// GS1 location number.
    pub gln: Option<Gln>,
    /// Status, if it is new.
    pub status: BuyerStatus,
    /// What it rests on.
    pub evidence: String,
    /// Since when.
    pub status_on: Option<NaiveDate>,
    /// How it belongs to the group itself, and since when.
    pub member: Option<(MemberKind, NaiveDate)>,
}

/// A site as a row has it.
#[derive(Debug, Clone)]
pub struct SiteRow {
    /// Its id, if it is new.
    pub fresh: SiteId,
    /// Natural key.
    pub key: Option<Key>,
    /// Name.
    pub name: String,
    /// The site's own number.
    pub finess: Option<Finess>,
    /// GS1 location number.
    pub gln: Option<Gln>,
    /// Street and number.
    pub address: String,
    /// 5 digits, or empty.
    pub postcode: String,
    /// Town.
    pub city: String,
}

/// A row whose cells are readable.
#[derive(Debug, Clone)]
pub struct Row {
    /// In the file, from 1.
    pub number: i64,
    /// Who.
    pub practitioner: Option<PractitionerRow>,
    /// Where.
    pub party: Option<PartyRow>,
    /// At which site of it.
    pub site: Option<SiteRow>,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Parties that share a key or a number with a row.
    pub parties: Vec<Party>,
    /// Sites that do.
    pub sites: Vec<Site>,
    /// Practitioners of the group with one of the rows' RPPS numbers.
    pub practitioners: Vec<Practitioner>,
    /// Memberships, past ones too, of the parties in the group.
    pub members: Vec<Member>,
    /// Versions of the charter and their first day, from the oldest.
    pub charters: Vec<(i32, NaiveDate)>,
    /// Months from joining to the first audit; none where the group has no label.
    pub first_audit_months: Option<u32>,
}

/// What a load adds.
#[derive(Debug, Clone, Default)]
pub struct MembersLoad {
    /// New to the registry.
    pub parties: Vec<Party>,
    /// New to the registry.
    pub sites: Vec<Site>,
    /// New to the group, with their attachments and signature.
    pub practitioners: Vec<Practitioner>,
    /// New attachments of practitioners that are there.
    pub attachments: Vec<(PractitionerId, Attachment)>,
    /// New memberships.
    pub members: Vec<Member>,
    /// Rows that said nothing new.
    pub unchanged: i64,
    /// Everything that is wrong; then nothing of the above is to be done.
    pub faults: Vec<RowFault>,
}

fn fault(row: i64, column: &'static str, value: &str, problem: impl Into<String>, remedy: &str) -> RowFault {
    RowFault { row, column, value: value.to_owned(), problem: problem.into(), remedy: remedy.to_owned() }
}

const MEND_FILE: &str = "Corrigez le fichier, ou faites corriger le registre par un administrateur.";

impl MembersLoad {
    /// Works out what rows add to what there is. A charter must be signed by today.
    #[must_use]
    pub fn plan(rows: &[Row], known: &Known, registrar: Registrar, today: NaiveDate) -> Self {
        let mut load = Self::default();
        for row in rows {
            let before = load.size();
            let party = row.party.as_ref().and_then(|party| load.party(row.number, party, known, registrar));
            if let Some(site) = &row.site {
                load.site(row.number, site, party, known, registrar);
            }
            if let (Some(id), Some((kind, from))) = (party, row.party.as_ref().and_then(|party| party.member)) {
                load.member(row.number, id, kind, from, known);
            }
            if let Some(practitioner) = &row.practitioner {
                load.practitioner(row.number, practitioner, party, known, today);
            }
            if load.size() == before {
                load.unchanged += 1;
            }
        }
        load
    }

    fn size(&self) -> usize {
        let practitioners: usize = self.practitioners.iter().map(|one| 1 + one.attachments.len()).sum();
        self.parties.len()
            + self.sites.len()
            + practitioners
            + self.attachments.len()
            + self.members.len()
            + self.faults.len()
    }

    /// The establishment of a row: one that is there, or a new one.
    fn party(&mut self, number: i64, row: &PartyRow, known: &Known, registrar: Registrar) -> Option<PartyId> {
        let alike: Vec<&Party> =
            known.parties.iter().chain(&self.parties).filter(|party| row.is_alike(party)).collect();
        let faults = match alike.as_slice() {
            [] => return self.new_party(number, row, registrar),
            [party] => row.contradictions(number, party),
            [one, other, ..] => {
                let problem = format!(
                    "La clé et les numéros désignent deux établissements : « {} » et « {} ».",
                    one.key, other.key
                );
                vec![fault(number, "establishment", "", problem, MEND_FILE)]
            }
        };
        let id = alike[0].id;
        if faults.is_empty() {
            return Some(id);
        }
        self.faults.extend(faults);
        None
    }

    fn new_party(&mut self, number: i64, row: &PartyRow, registrar: Registrar) -> Option<PartyId> {
        let mut faults = Vec::new();
        let shown = row.shown();
        if registrar == Registrar::No {
            faults.push(fault(
                number,
                "establishment",
                &shown,
                "Cet établissement n'est pas au registre.",
                "Faites charger le fichier par un administrateur, ou corrigez la clé ou le numéro.",
            ));
        }
        if row.key.is_none() {
            faults.push(fault(
                number,
                "establishment",
                &shown,
                "Un établissement qui n'est pas au registre demande une clé.",
                "Indiquez une clé courte et unique, par exemple « cabinet-quimper-1 ».",
            ));
        }
        if row.name.is_empty() {
            faults.push(fault(
                number,
                "establishment_name",
                "",
                "Un établissement qui n'est pas au registre demande un nom.",
                "Indiquez son nom.",
            ));
        }
        if row.status == BuyerStatus::AssertedNot && (row.evidence.is_empty() || row.status_on.is_none()) {
            faults.push(fault(
                number,
                "buyer_status",
                row.status.name(),
                "Déclarer ne pas être pouvoir adjudicateur demande une preuve et sa date (CCP L1211-1).",
                "Remplissez les deux colonnes, ou indiquez UNKNOWN.",
            ));
        }
        if !faults.is_empty() {
            self.faults.extend(faults);
            return None;
        }
        self.parties.push(Party {
            id: row.fresh,
            key: row.key.clone()?,
            kind: PartyKind::Establishment,
            name: row.name.clone(),
            siret: row.siret.clone(),
            finess: row.finess.clone(),
            gln: row.gln.clone(),
            buyer_status: Some(row.status),
            buyer_status_evidence: row.evidence.clone(),
            buyer_status_on: row.status_on,
            contact_email: None,
        });
        Some(row.fresh)
    }

    fn site(&mut self, number: i64, row: &SiteRow, party: Option<PartyId>, known: &Known, registrar: Registrar) {
        // Without an establishment there is a fault already, or the row needs one.
        let Some(party) = party else {
            if self.faults.last().is_none_or(|last| last.row != number) {
                self.faults.push(fault(
                    number,
                    "site",
                    &row.shown(),
                    "Un site sans établissement.",
                    "Indiquez l'établissement dont c'est un site.",
                ));
            }
            return;
        };
        let alike: Vec<&Site> = known.sites.iter().chain(&self.sites).filter(|site| row.is_alike(site)).collect();
        let mut faults = Vec::new();
        match alike.as_slice() {
            [] => {
                if registrar == Registrar::No {
                    let remedy = "Faites charger le fichier par un administrateur, ou corrigez la clé ou le numéro.";
                    faults.push(fault(number, "site", &row.shown(), "Ce site n'est pas au registre.", remedy));
                }
                if row.key.is_none() || row.name.is_empty() {
                    let problem = "Un site qui n'est pas au registre demande une clé et un nom.";
                    faults.push(fault(number, "site", &row.shown(), problem, "Remplissez les deux colonnes."));
                }
            }
            [site] => faults.extend(row.contradictions(number, site, party)),
            [one, other, ..] => {
                let problem =
                    format!("La clé et les numéros désignent deux sites : « {} » et « {} ».", one.key, other.key);
                faults.push(fault(number, "site", "", problem, MEND_FILE));
            }
        }
        if let (true, true, Some(key)) = (alike.is_empty(), faults.is_empty(), row.key.clone()) {
            self.sites.push(Site {
                id: row.fresh,
                key,
                party_id: party,
                name: row.name.clone(),
                finess: row.finess.clone(),
                gln: row.gln.clone(),
                address: row.address.clone(),
                postcode: row.postcode.clone(),
                city: row.city.clone(),
                position: None,
                authorisations: Vec::new(),
            });
        }
        self.faults.extend(faults);
    }

    fn member(&mut self, number: i64, party: PartyId, kind: MemberKind, from: NaiveDate, known: &Known) {
        let Some(period) = Period::new(from, None) else { return };
        let there =
            known.members.iter().chain(&self.members).find(|one| one.party_id == party && one.period.overlaps(period));
        match there {
            None => self.members.push(Member { party_id: party, kind, period }),
            Some(one) if one.kind == kind && one.period.from() == from => {}
            Some(one) => {
                let problem = format!(
                    "L'établissement appartient déjà au groupe depuis le {}.",
                    one.period.from().format("%d/%m/%Y")
                );
                let remedy = "Reprenez ce jour et cette qualité, ou laissez les deux cellules vides.";
                self.faults.push(fault(number, "member_from", &from.to_string(), problem, remedy));
            }
        }
    }

    fn practitioner(
        &mut self,
        number: i64,
        row: &PractitionerRow,
        party: Option<PartyId>,
        known: &Known,
        today: NaiveDate,
    ) {
        let Some(party) = party else {
            if self.faults.last().is_none_or(|last| last.row != number) {
                self.faults.push(fault(
                    number,
                    "establishment",
                    "",
                    "Un praticien est rattaché à un cabinet ou à un hôpital.",
                    "Indiquez la clé, le SIRET ou le FINESS de l'établissement.",
                ));
            }
            return;
        };
        let Some(period) = Period::new(row.joined_on, None) else { return };
        let attachment = Attachment { party_id: party, kind: row.place, period, party_name: String::new() };
        let is_it = |one: &&Practitioner| one.rpps == row.rpps;
        if let Some(there) = known.practitioners.iter().find(is_it) {
            self.faults.extend(row.differences(number, there));
            let attached = |one: &Attachment| one.party_id == party && one.period.overlaps(period);
            let added = self.attachments.iter().any(|(id, one)| *id == there.id && attached(one));
            if !added && !there.attachments.iter().any(attached) {
                self.attachments.push((there.id, attachment));
            }
            return;
        }
        if let Some(place) = self.practitioners.iter().position(|one| one.rpps == row.rpps) {
            let faults = row.differences(number, &self.practitioners[place]);
            self.faults.extend(faults);
            let attachments = &mut self.practitioners[place].attachments;
            if !attachments.iter().any(|one| one.party_id == party) {
                attachments.push(attachment);
            }
            return;
        }
        match signature(row, known, today) {
            Ok(signature) => self.practitioners.push(Practitioner {
                id: row.fresh,
                rpps: row.rpps.clone(),
                name: row.name.clone(),
                email: row.email.clone(),
                period,
                attachments: vec![attachment],
                signature,
                level: None,
                audit_due_on: known.first_audit_months.map(|months| months_after(row.joined_on, months)),
            }),
            Err((problem, remedy)) => {
                let value = row.signed_on.map(|day| day.to_string()).unwrap_or_default();
                self.faults.push(fault(number, "charter_signed_on", &value, problem, &remedy));
            }
        }
    }
}

/// The signature with which somebody joins: of the charter in force on that day, where the group has one.
fn signature(row: &PractitionerRow, known: &Known, today: NaiveDate) -> Result<Option<Signature>, (String, String)> {
    let in_force =
        |day: NaiveDate| known.charters.iter().rev().find(|(_, from)| *from <= day).map(|(version, _)| *version);
    let french = |day: NaiveDate| day.format("%d/%m/%Y").to_string();
    match (row.signed_on, in_force(row.joined_on)) {
        (None, None) => Ok(None),
        (None, Some(version)) => Err((
            format!(
                "La charte (version {version}) est en vigueur le {} : adhérer, c'est la signer.",
                french(row.joined_on)
            ),
            "Indiquez le jour de la signature.".to_owned(),
        )),
        (Some(signed_on), _) if signed_on > today => Err((
            format!("La signature serait du {}, après aujourd'hui.", french(signed_on)),
            "Indiquez le jour de la signature, une fois signée.".to_owned(),
        )),
        (Some(signed_on), _) => match in_force(signed_on) {
            Some(version) => Ok(Some(Signature { version, signed_on, signed_by: row.name.clone() })),
            None => Err((
                format!("Le groupe n'avait pas de charte le {}.", french(signed_on)),
                "Publiez d'abord la charte, ou laissez la cellule vide.".to_owned(),
            )),
        },
    }
}

impl PractitionerRow {
    /// What a row says otherwise than what is there.
    fn differences(&self, number: i64, there: &Practitioner) -> Vec<RowFault> {
        let mut faults = Vec::new();
        let mut differs = |column, said: &str, is: String| {
            let problem = format!("Le praticien {} est connu avec « {is} ».", self.rpps);
            faults.push(fault(
                number,
                column,
                said,
                problem,
                "Reprenez la même valeur, ou corrigez la fiche du praticien.",
            ));
        };
        if self.name != there.name {
            differs("name", &self.name, there.name.clone());
        }
        if self.email != there.email {
            differs("email", &self.email, there.email.clone());
        }
        if self.joined_on != there.period.from() {
            differs("joined_on", &self.joined_on.to_string(), there.period.from().to_string());
        }
        faults
    }
}

/// Whether a value is given and the same.
fn same<T: PartialEq>(given: Option<&T>, there: Option<&T>) -> bool {
    given.is_some() && given == there
}

impl PartyRow {
    fn is_alike(&self, party: &Party) -> bool {
        same(self.key.as_ref(), Some(&party.key))
            || same(self.siret.as_ref(), party.siret.as_ref())
            || same(self.finess.as_ref(), party.finess.as_ref())
            || same(self.gln.as_ref(), party.gln.as_ref())
    }

    fn shown(&self) -> String {
        let numbers = [
            self.key.as_ref().map(Key::as_str),
            self.siret.as_ref().map(Siret::as_str),
            self.finess.as_ref().map(Finess::as_str),
        ];
        numbers.into_iter().flatten().next().unwrap_or_default().to_owned()
    }

    /// What a row says otherwise than the party that it names.
    fn contradictions(&self, number: i64, party: &Party) -> Vec<RowFault> {
        let mut faults = Vec::new();
        if party.kind != PartyKind::Establishment {
            let problem = format!("« {} » n'est pas un établissement.", party.key);
            faults.push(fault(number, "establishment", party.key.as_str(), problem, MEND_FILE));
        }
        let mut differs = |column, said: Option<&str>, is: Option<&str>| {
            if let Some(said) = said.filter(|said| Some(*said) != is) {
                let is = is.unwrap_or("aucun");
                let problem = format!("« {} » est au registre avec « {is} », pas « {said} ».", party.key);
                faults.push(fault(number, column, said, problem, MEND_FILE));
            }
        };
        differs("establishment", self.key.as_ref().map(Key::as_str), Some(party.key.as_str()));
        differs("siret", self.siret.as_ref().map(Siret::as_str), party.siret.as_ref().map(Siret::as_str));
        differs("finess", self.finess.as_ref().map(Finess::as_str), party.finess.as_ref().map(Finess::as_str));
        differs("gln", self.gln.as_ref().map(Gln::as_str), party.gln.as_ref().map(Gln::as_str));
        faults
    }
}

impl SiteRow {
    fn is_alike(&self, site: &Site) -> bool {
        same(self.key.as_ref(), Some(&site.key))
            || same(self.finess.as_ref(), site.finess.as_ref())
            || same(self.gln.as_ref(), site.gln.as_ref())
    }

    fn shown(&self) -> String {
        let key = self.key.as_ref().map(Key::as_str);
        key.or(self.finess.as_ref().map(Finess::as_str)).unwrap_or(&self.name).to_owned()
    }

    fn contradictions(&self, number: i64, site: &Site, party: PartyId) -> Vec<RowFault> {
        let mut faults = Vec::new();
        if site.party_id != party {
            let problem = format!("Le site « {} » est celui d'un autre établissement.", site.key);
            faults.push(fault(number, "site", site.key.as_str(), problem, MEND_FILE));
        }
        let mut differs = |column, said: Option<&str>, is: Option<&str>| {
            if let Some(said) = said.filter(|said| Some(*said) != is) {
                let problem =
                    format!("« {} » est au registre avec « {} », pas « {said} ».", site.key, is.unwrap_or("aucun"));
                faults.push(fault(number, column, said, problem, MEND_FILE));
            }
        };
        differs("site", self.key.as_ref().map(Key::as_str), Some(site.key.as_str()));
        differs("site_finess", self.finess.as_ref().map(Finess::as_str), site.finess.as_ref().map(Finess::as_str));
        differs("site_gln", self.gln.as_ref().map(Gln::as_str), site.gln.as_ref().map(Gln::as_str));
        faults
    }
}

#[cfg(test)]
mod tests;
