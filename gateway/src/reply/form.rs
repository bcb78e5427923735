//! What a supplier fills in: read tolerantly, every fault told beside its field, nothing typed is lost.

use std::collections::HashMap;

use chrono::NaiveDate;
use proto::demand::v1::LineAnswer;

use crate::order_file::sheet::Item;

/// Most characters of a reason.
const REASON_LIMIT: usize = 500;

/// One line as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// Packs accepted.
    pub packs: String,
    /// Day promised.
    pub date: String,
    /// Nothing of it.
    pub refused: bool,
    /// Why less than ordered.
    pub reason: String,
}

/// What is wrong with a line, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// With the packs.
    pub packs: Option<String>,
    /// With the day.
    pub date: Option<String>,
    /// With the reason.
    pub reason: Option<String>,
}

impl Faults {
    /// Every one, with the name of its field.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &String)> {
        [("packs", &self.packs), ("date", &self.date), ("reason", &self.reason)]
            .into_iter()
            .filter_map(|(field, fault)| Some((field, fault.as_ref()?)))
    }
}

/// A form that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Everything is accepted.
    pub all: bool,
    /// Day promised for everything.
    pub date: String,
    /// What is wrong with that day.
    pub date_fault: Option<String>,
    /// In the order of the page.
    pub lines: Vec<(Typed, Faults)>,
}

impl Filled {
    /// An untouched form: everything as it was ordered.
    pub fn untouched(items: &[Item]) -> Self {
        let line = |item: &Item| (Typed { packs: ordered(item).to_string(), ..Typed::default() }, Faults::default());
        Self { lines: items.iter().map(line).collect(), ..Self::default() }
    }

    /// Reads a form's fields.
    pub fn read(body: &[u8], items: &[Item]) -> Self {
        let fields: HashMap<String, String> = form_fields(body);
        let of = |name: String| fields.get(&name).map(|value| value.trim().to_owned()).unwrap_or_default();
        let line = |index: usize| Typed {
            packs: of(format!("packs{index}")),
            date: of(format!("date{index}")),
            refused: fields.contains_key(&format!("refused{index}")),
            reason: of(format!("reason{index}")),
        };
        let lines = (0..items.len()).map(|index| (line(index), Faults::default())).collect();
        Self { all: of("answer".into()) == "all", date: of("date".into()), date_fault: None, lines }
    }

    /// The answer that it makes; none when anything is wrong, which then stands beside its field.
    pub fn answers(&mut self, items: &[Item]) -> Option<Vec<LineAnswer>> {
        if self.all {
            return self.accepted(items);
        }
        let mut answers = Vec::with_capacity(items.len());
        let mut fine = true;
        for (item, (typed, faults)) in items.iter().zip(&mut self.lines) {
            *faults = Faults::default();
            let packs = if typed.refused { Some(0) } else { packs(typed, item, faults) };
            let promised_on = day(&typed.date).unwrap_or_else(|fault| {
                faults.date = Some(fault);
                String::new()
            });
            if typed.reason.chars().count() > REASON_LIMIT {
                faults.reason = Some(format!("Le motif doit tenir en {REASON_LIMIT} caractères."));
            } else if packs.is_some_and(|packs| packs < ordered(item)) && typed.reason.is_empty() {
                faults.reason = Some("Indiquez le motif : vous n'acceptez pas toute la quantité.".to_owned());
            }
            fine &= *faults == Faults::default();
            answers.push(LineAnswer {
                pooled_line_id: item.pooled_line_id.clone(),
                accepted_units: packs.unwrap_or_default() * item.pack_units,
                promised_on,
                reason: typed.reason.clone(),
            });
        }
        fine.then_some(answers)
    }

    fn accepted(&mut self, items: &[Item]) -> Option<Vec<LineAnswer>> {
        let promised_on = day(&self.date).map_err(|fault| self.date_fault = Some(fault)).ok()?;
        let answer = |item: &Item| LineAnswer {
            pooled_line_id: item.pooled_line_id.clone(),
            accepted_units: item.units,
            promised_on: promised_on.clone(),
            reason: String::new(),
        };
        Some(items.iter().map(answer).collect())
    }
}

/// Packs ordered of a pooled line, which is whole packs.
pub fn ordered(item: &Item) -> i64 {
    item.packs.unwrap_or_default()
}

fn packs(typed: &Typed, item: &Item, faults: &mut Faults) -> Option<i64> {
    let digits: String = typed.packs.chars().filter(|letter| !letter.is_whitespace()).collect();
    let most = ordered(item);
    let packs = digits.parse().ok().filter(|packs| (0..=most).contains(packs));
    if packs.is_none() {
        let most = kit::french::grouped(most);
        faults.packs = Some(format!("Indiquez un nombre entier de conditionnements, de 0 à {most}."));
    }
    packs
}

/// A day as ISO; empty for none. `31/12/2026` is understood too, for browsers without a date field.
fn day(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    ["%Y-%m-%d", "%d/%m/%Y"]
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
        .map(|day| day.to_string())
        .ok_or_else(|| "Indiquez une date comme 31/12/2026.".to_owned())
}

/// The fields of a form; what cannot be read is not there.
fn form_fields(body: &[u8]) -> HashMap<String, String> {
    let Ok(text) = std::str::from_utf8(body) else { return HashMap::new() };
    let Ok(uri) = format!("/?{text}").parse() else { return HashMap::new() };
    axum::extract::Query::<HashMap<String, String>>::try_from_uri(&uri).map(|query| query.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_file::{sheet::Sheet, tests::source};

    fn items() -> Vec<Item> {
        Sheet::of(&source(2)).unwrap().articles
    }

    #[test]
    fn accepting_everything_answers_every_line_in_full_on_the_day_given() {
        let items = items();
        let mut filled = Filled::read(b"answer=all&date=2026-12-24", &items);
        let answers = filled.answers(&items).unwrap();
        assert_eq!(answers.len(), 2);
        for (answer, item) in answers.iter().zip(&items) {
            assert_eq!((answer.accepted_units, answer.promised_on.as_str()), (item.units, "2026-12-24"));
        }
        let mut wrong = Filled::read(b"answer=all&date=demain", &items);
        assert_eq!(wrong.answers(&items), None);
        assert!(wrong.date_fault.is_some() && wrong.date == "demain");
    }

    #[test]
    fn a_line_is_cut_in_whole_packs_or_refused_with_a_reason() {
        let items = items();
        let body = "answer=lines&packs0=2&date0=24%2F12%2F2026&reason0=Rupture+%26+retard&packs1=9&refused1=on&reason1=Arr%C3%AAt%C3%A9";
        let answers = Filled::read(body.as_bytes(), &items).answers(&items).unwrap();
        assert_eq!((answers[0].accepted_units, answers[0].promised_on.as_str()), (600, "2026-12-24"));
        assert_eq!(answers[0].reason, "Rupture & retard");
        assert_eq!((answers[1].accepted_units, answers[1].reason.as_str()), (0, "Arrêté"));
    }

    #[test]
    fn every_fault_stands_beside_its_field_and_nothing_typed_is_lost() {
        let items = items();
        let mut filled =
            Filled::read(b"answer=lines&packs0=2,5&date0=31/02/2026&packs1=0&reason1=&date1=2026-12-24", &items);
        assert_eq!(filled.answers(&items), None);
        let told: Vec<&str> = filled.lines[0].1.all().map(|(field, _)| field).collect();
        assert_eq!(told, ["packs", "date"]);
        assert_eq!(filled.lines[1].1.all().map(|(field, _)| field).collect::<Vec<_>>(), ["reason"]);
        assert_eq!((filled.lines[0].0.packs.as_str(), filled.lines[0].0.date.as_str()), ("2,5", "31/02/2026"));
        assert_eq!(filled.lines[1].0.date, "2026-12-24");
        // A form of another page, or nothing readable, is a form with faults, not an answer.
        assert_eq!(Filled::read(b"\xff", &items).answers(&items), None);
    }
}
