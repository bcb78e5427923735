//! What members had consumed of a lot before it was entered here (invariant T6): dated opening figures with their source. A lot's
//! members are entered at once, their sum being the lot's opening consumption, so that no part of it is nobody's.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use kit::{
    error::RowFault,
    id::{AgreementId, LotId, PartyId},
};

use super::{
    agreement::LARGEST_CENTS,
    text::{date, euros},
};

/// What one member had consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumption {
    /// Who.
    pub party: PartyId,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Up to which day.
    pub as_of: NaiveDate,
    /// Where the figure comes from.
    pub source: String,
}

/// A row as far as each of its cells alone can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedRow {
    /// Row, from 1.
    pub row: i64,
    /// `agr_…`, `key:…`, or a number.
    pub agreement: String,
    /// Number of the lot.
    pub lot_number: i32,
    /// `pty_…`, `key:…`, `siret:…`, `finess:…`.
    pub party: String,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Up to which day.
    pub as_of: NaiveDate,
    /// Where the figure comes from.
    pub source: String,
}

/// What is known of a lot that rows name.
#[derive(Debug, Clone)]
pub struct KnownLot {
    /// Its id.
    pub id: LotId,
    /// Its agreement.
    pub agreement: AgreementId,
    /// The agreement's number, for people.
    pub agreement_number: String,
    /// Its own number.
    pub number: i32,
    /// Consumed before it was entered, cents EUR.
    pub opening_cents: i64,
    /// Buyers named in the agreement, on whatever days.
    pub named: HashSet<PartyId>,
    /// What was entered before.
    pub entered: Vec<Consumption>,
}

/// What becomes of good rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// To be written, by lot.
    pub new: BTreeMap<LotId, Vec<Consumption>>,
    /// Rows that are there already, the same.
    pub unchanged: i64,
}

/// A row with its member.
type Named<'a> = (&'a TypedRow, PartyId);

/// Judges rows with lots by (agreement as written, number) and parties by reference.
///
/// # Errors
/// Every fault, by row.
pub fn judge(
    rows: &[TypedRow],
    today: NaiveDate,
    lots: &HashMap<(String, i32), KnownLot>,
    parties: &HashMap<String, PartyId>,
) -> Result<Entry, Vec<RowFault>> {
    let mut faults = Vec::new();
    let mut of_lots: BTreeMap<LotId, (&KnownLot, Vec<Named<'_>>)> = BTreeMap::new();
    for row in rows {
        let lot = lots.get(&(row.agreement.clone(), row.lot_number));
        let party = parties.get(&row.party);
        faults.extend(faults_of(row, today, lot, party));
        if let (Some(lot), Some(party)) = (lot, party) {
            of_lots.entry(lot.id).or_insert_with(|| (lot, Vec::new())).1.push((row, *party));
        }
    }
    let mut entry = Entry::default();
    for (id, (lot, rows)) in of_lots {
        match judge_lot(lot, &rows) {
            Ok(Some(new)) => drop(entry.new.insert(id, new)),
            Ok(None) => entry.unchanged += i64::try_from(rows.len()).unwrap_or(i64::MAX),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        return Ok(entry);
    }
    faults.sort_by_key(|fault| fault.row);
    Err(faults)
}

fn faults_of(row: &TypedRow, today: NaiveDate, lot: Option<&KnownLot>, party: Option<&PartyId>) -> Vec<RowFault> {
    let mut faults = Vec::new();
    let mut fault = |column, value: String, problem: String, remedy: &str| {
        faults.push(RowFault { row: row.row, column, value, problem, remedy: remedy.to_owned() });
    };
    if lot.is_none() {
        let problem =
            format!("Le groupement n'a pas de lot {} dans un accord-cadre « {} ».", row.lot_number, row.agreement);
        let remedy = "Indiquez le numéro de l'accord-cadre (ou agr_…, key:…) et celui du lot.";
        fault("agreement", row.agreement.clone(), problem, remedy);
    }
    match (party, lot) {
        (None, _) => {
            let problem = format!("L'établissement « {} » est inconnu.", row.party);
            fault("member", row.party.clone(), problem, "Indiquez finess:…, siret:…, key:… ou pty_….");
        }
        (Some(party), Some(lot)) if !lot.named.contains(party) => {
            let problem = format!(
                "« {} » n'est pas nommé dans l'accord-cadre {} (CCP R2162-6).",
                row.party, lot.agreement_number
            );
            let remedy = "Vérifiez l'établissement ; seuls les acheteurs nommés ont pu commander.";
            fault("member", row.party.clone(), problem, remedy);
        }
        (Some(_), Some(_) | None) => {}
    }
    if !(0..=LARGEST_CENTS).contains(&row.amount_cents) {
        let problem = "Le montant est négatif ou trop grand.".to_owned();
        fault("amount", row.amount_cents.to_string(), problem, "Indiquez le montant hors taxes, 0 ou plus.");
    }
    if row.as_of > today {
        let problem = format!("La date d'arrêté {} est dans l'avenir.", date(row.as_of));
        fault("as_of", row.as_of.to_string(), problem, "Indiquez le jour auquel le montant a été arrêté.");
    }
    faults
}

/// What is new of a lot's rows; none when they are there already, the same.
fn judge_lot(lot: &KnownLot, rows: &[Named<'_>]) -> Result<Option<Vec<Consumption>>, Vec<RowFault>> {
    let mut faults = Vec::new();
    let mut seen: HashMap<PartyId, i64> = HashMap::with_capacity(rows.len());
    for (row, party) in rows {
        if let Some(first) = seen.insert(*party, row.row) {
            let problem = format!("« {} » est déjà à la ligne {first} pour ce lot.", row.party);
            let remedy = "Une ligne par établissement et par lot : additionnez les montants.".to_owned();
            faults.push(RowFault { row: row.row, column: "member", value: row.party.clone(), problem, remedy });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut new: Vec<Consumption> = rows
        .iter()
        .map(|(row, party)| Consumption {
            party: *party,
            amount_cents: row.amount_cents,
            as_of: row.as_of,
            source: row.source.clone(),
        })
        .collect();
    new.sort_by_key(|row| row.party);
    let first = rows.first().map_or(0, |(row, _)| row.row);
    let about_lot = |problem: String, remedy: &str| RowFault {
        row: first,
        column: "amount",
        value: String::new(),
        problem,
        remedy: remedy.to_owned(),
    };
    if !lot.entered.is_empty() {
        if lot.entered == new {
            return Ok(None);
        }
        let problem = format!(
            "La consommation d'ouverture du lot {} de {} est déjà saisie, avec d'autres chiffres.",
            lot.number, lot.agreement_number
        );
        return Err(vec![about_lot(
            problem,
            "Elle se saisit une fois, pour tous les membres ; consultez celle qui est en place.",
        )]);
    }
    let sum: i128 = new.iter().map(|row| i128::from(row.amount_cents)).sum();
    if sum != i128::from(lot.opening_cents) {
        let problem = format!(
            "Lot {} de {} : les membres ont {}, le lot {} déjà consommés à sa saisie.",
            lot.number,
            lot.agreement_number,
            euros(i64::try_from(sum).unwrap_or(i64::MAX)),
            euros(lot.opening_cents)
        );
        return Err(vec![about_lot(problem, "Indiquez tous les membres du lot, pour un total égal au déjà consommé.")]);
    }
    Ok(Some(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    struct Scene {
        lots: HashMap<(String, i32), KnownLot>,
        parties: HashMap<String, PartyId>,
    }

    fn scene() -> Scene {
        let (brest, quimper, stranger) = (PartyId::new(), PartyId::new(), PartyId::new());
        let lot = KnownLot {
            id: LotId::new(),
            agreement: AgreementId::new(),
            agreement_number: "AC-1".into(),
            number: 1,
            opening_cents: 1_000,
            named: HashSet::from([brest, quimper]),
            entered: Vec::new(),
        };
        let names = [("key:brest", brest), ("key:quimper", quimper), ("key:rennes", stranger)];
        Scene {
            lots: HashMap::from([(("AC-1".to_owned(), 1), lot)]),
            parties: names.map(|(name, id)| (name.to_owned(), id)).into(),
        }
    }

    fn row(row: i64, party: &str, amount_cents: i64) -> TypedRow {
        TypedRow {
            row,
            agreement: "AC-1".into(),
            lot_number: 1,
            party: party.into(),
            amount_cents,
            as_of: day(15),
            source: "GEF".into(),
        }
    }

    fn told(scene: &Scene, rows: &[TypedRow]) -> Vec<(i64, &'static str)> {
        let faults = judge(rows, day(21), &scene.lots, &scene.parties).unwrap_err();
        faults.into_iter().map(|fault| (fault.row, fault.column)).collect()
    }

    #[test]
    fn members_that_sum_to_the_opening_consumption_are_entered_once() {
        let mut scene = scene();
        let rows = [row(1, "key:brest", 700), row(2, "key:quimper", 300)];
        let entry = judge(&rows, day(21), &scene.lots, &scene.parties).unwrap();
        let new = entry.new.into_values().next().unwrap();
        assert_eq!((new.len(), entry.unchanged), (2, 0));
        scene.lots.values_mut().for_each(|lot| lot.entered.clone_from(&new));
        let again = judge(&rows, day(21), &scene.lots, &scene.parties).unwrap();
        assert!(again.new.is_empty() && again.unchanged == 2);
        assert_eq!(told(&scene, &[row(1, "key:brest", 1_000)]), [(1, "amount")], "entered with other figures");
    }

    #[test]
    fn another_sum_a_doubled_member_and_one_not_named_are_told() {
        let scene = scene();
        assert_eq!(told(&scene, &[row(4, "key:brest", 999)]), [(4, "amount")]);
        let doubled = [row(1, "key:brest", 500), row(2, "key:brest", 500)];
        assert_eq!(told(&scene, &doubled), [(2, "member")]);
        let rows = [row(1, "key:rennes", 1_000), TypedRow { as_of: day(22), ..row(2, "key:nobody", -1) }];
        assert_eq!(told(&scene, &rows), [(1, "member"), (2, "member"), (2, "amount"), (2, "as_of")]);
        let rows = [TypedRow { lot_number: 9, ..row(1, "key:brest", 1) }];
        assert_eq!(told(&scene, &rows), [(1, "agreement")]);
    }
}
