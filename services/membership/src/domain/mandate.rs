//! Who holds which office, and whether a mandate keeps the rule of its office: election, term, seats, alternation.
//!
//! Alternation goes by terms: each term belongs to another side than the one before, and who ends a predecessor's term stays on its
//! side. An office may be opposed to another: on no day are both held on the same side.

use chrono::{Months, NaiveDate};
use kit::id::{DecisionId, MandateId, PartyId};
use serde::{Deserialize, Serialize};

use super::{
    Dated, Period, Reason,
    governance_error::GovernanceError,
    voting::{State, Subject},
};

/// An office of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Office {
    /// President (présidence).
    President,
    /// Vice-president.
    VicePresident,
    /// Administrator of a GCS (administrateur).
    Administrator,
    /// Its deputy (administrateur suppléant).
    Deputy,
}

impl Office {
    /// Every office.
    pub const ALL: [Self; 4] = [Self::President, Self::VicePresident, Self::Administrator, Self::Deputy];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::President => "PRESIDENT",
            Self::VicePresident => "VICE_PRESIDENT",
            Self::Administrator => "ADMINISTRATOR",
            Self::Deputy => "DEPUTY",
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::President => "la présidence",
            Self::VicePresident => "la vice-présidence",
            Self::Administrator => "l'administration",
            Self::Deputy => "la suppléance",
        }
    }
}

/// Members that count as one in an alternation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// Who is of it.
    pub parties: Vec<PartyId>,
}

/// What holds for an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeRule {
    /// How many hold it at once.
    pub seats: i32,
    /// Longest term in months; none: without limit.
    pub term_months: Option<u32>,
    /// Whether its holder is elected.
    pub elected: bool,
    /// Whether each term goes to another side than the one before.
    pub alternates: bool,
    /// An office that is never on the same side.
    pub opposed_to: Option<Office>,
    /// The sides.
    pub sides: Vec<Side>,
}

impl OfficeRule {
    fn side(&self, party: PartyId) -> Option<&str> {
        self.sides.iter().find(|side| side.parties.contains(&party)).map(|side| side.name.as_str())
    }
}

/// An office held for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// Id.
    pub id: MandateId,
    /// Which office.
    pub office: Office,
    /// For which member.
    pub party: PartyId,
    /// Name of the member.
    pub party_name: String,
    /// Who. Personal data.
    pub holder: String,
    /// First day, and last one as planned.
    pub period: Period,
    /// Last day when it ended before.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended before.
    pub end_reason: String,
    /// The election.
    pub decision: Option<DecisionId>,
    /// Whether it ends the predecessor's term.
    pub completes: bool,
    /// The rules that it keeps.
    pub reasons: Vec<Reason>,
}

impl Mandate {
    /// When it runs, an early end counted.
    #[must_use]
    pub fn runs(&self) -> Period {
        Period::new(self.period.from(), self.ended_on.or(self.period.to())).unwrap_or(self.period)
    }
}

/// The decision on which a mandate rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// What it was about.
    pub subject: Subject,
    /// To which office.
    pub office: Option<Office>,
    /// Whose representative was elected.
    pub candidate: Option<PartyId>,
    /// What became of it.
    pub state: State,
    /// When.
    pub on: NaiveDate,
    /// Its number.
    pub number: String,
}

/// The last day of a term of so many months.
fn last_of_term(from: NaiveDate, months: u32) -> Option<NaiveDate> {
    from.checked_add_months(Months::new(months)).and_then(|next| next.pred_opt())
}

/// Whether a mandate keeps the rule of its office, given the office's other mandates, those of the opposed office, and the decision that
/// it names.
///
/// # Errors
/// `MANDATE_REFUSED` with the rule that it breaks.
pub fn check(
    rule: &Dated<OfficeRule>,
    new: &Mandate,
    same: &[Mandate],
    opposed: &[Mandate],
    election: Option<&Election>,
) -> Result<Vec<Reason>, GovernanceError> {
    let refused = |rule_key: &'static str, why: String| GovernanceError::MandateRefused {
        rule: rule_key,
        source_text: rule.source.clone(),
        why,
    };
    let kept = |rule_key: &str, text: String| Reason::new(rule_key, &rule.source, text, &[]);
    let mut reasons = Vec::new();
    if rule.body.elected {
        let number = check_election(new, election).map_err(|why| refused("ELECTION", why))?;
        reasons.push(kept("ELECTION", format!("Élection par la décision {number}.")));
    }
    if let Some(months) = rule.body.term_months {
        let last = last_of_term(new.period.from(), months);
        if new.period.to().is_none() || new.period.to() > last {
            let last = last.map(|day| day.to_string()).unwrap_or_default();
            return Err(refused("TERM", format!("Un mandat dure {months} mois au plus : jusqu'au {last}.")));
        }
        reasons.push(kept("TERM", format!("Mandat de {months} mois au plus.")));
    }
    let together = same.iter().filter(|other| other.runs().overlaps(new.runs())).collect::<Vec<_>>();
    if usize::try_from(rule.body.seats).is_ok_and(|seats| together.len() >= seats) {
        let holders: Vec<&str> = together.iter().map(|other| other.party_name.as_str()).collect();
        let why = format!(
            "{} siège(s) pour {}, déjà pourvu(s) à ces dates : {}.",
            rule.body.seats,
            new.office.french(),
            holders.join(", ")
        );
        return Err(refused("SEATS", why));
    }
    if rule.body.alternates {
        let text = check_alternation(&rule.body, new, same).map_err(|why| refused("ALTERNATION", why))?;
        reasons.push(kept("ALTERNATION", text));
    }
    if let Some(office) = rule.body.opposed_to {
        let mine = rule.body.side(new.party);
        let beside = opposed
            .iter()
            .find(|other| other.runs().overlaps(new.runs()) && mine.is_some() && rule.body.side(other.party) == mine);
        if let Some(other) = beside {
            let why = format!(
                "{} est tenue pour « {} », du même côté « {} », du {}.",
                office.french(),
                other.party_name,
                mine.unwrap_or_default(),
                other.period.from()
            );
            return Err(refused("OPPOSED_OFFICE", why));
        }
        reasons.push(kept("OPPOSED_OFFICE", format!("{} n'est pas tenue du même côté.", office.french())));
    }
    Ok(reasons)
}

/// The number of the election, when it is one to this office, of this member, adopted and not later than the mandate.
fn check_election(new: &Mandate, election: Option<&Election>) -> Result<String, String> {
    let Some(election) = election else {
        return Err(format!("{} se pourvoit par élection : indiquez la décision.", new.office.french()));
    };
    let number = &election.number;
    if election.subject != Subject::Election || election.office != Some(new.office) {
        return Err(format!("La décision {number} n'est pas une élection à cette fonction."));
    }
    if election.candidate != Some(new.party) {
        return Err(format!("La décision {number} n'a pas élu le représentant de « {} ».", new.party_name));
    }
    if election.state != State::Adopted {
        return Err(format!("La décision {number} n'a pas été adoptée."));
    }
    if election.on > new.period.from() {
        return Err(format!("Le mandat commencerait avant la décision {number} du {}.", election.on));
    }
    Ok(number.clone())
}

fn check_alternation(rule: &OfficeRule, new: &Mandate, same: &[Mandate]) -> Result<String, String> {
    let Some(side) = rule.side(new.party) else {
        return Err(format!("« {} » n'est d'aucun côté de l'alternance.", new.party_name));
    };
    let previous = same
        .iter()
        .filter(|other| other.period.from() < new.period.from())
        .max_by_key(|other| (other.period.from(), other.id));
    if new.completes {
        let Some(previous) = previous else { return Err("Aucun mandat précédent à achever.".to_owned()) };
        if rule.side(previous.party) != Some(side) {
            return Err(format!(
                "Le mandat de « {} » s'achève du même côté : « {} ».",
                previous.party_name,
                rule.side(previous.party).unwrap_or_default()
            ));
        }
        if previous.period.to().is_some() && (new.period.to().is_none() || new.period.to() > previous.period.to()) {
            let last = previous.period.to().map(|day| day.to_string()).unwrap_or_default();
            return Err(format!("Le mandat à achever finit le {last}."));
        }
        return Ok(format!("Achève le mandat de « {} », côté « {side} ».", previous.party_name));
    }
    let following = same
        .iter()
        .filter(|other| other.period.from() > new.period.from() && !other.completes)
        .min_by_key(|other| (other.period.from(), other.id));
    for other in [previous, following].into_iter().flatten() {
        if rule.side(other.party) == Some(side) {
            return Err(format!(
                "{} alterne à chaque mandat : celui du {} est tenu pour « {} », du même côté « {side} ».",
                new.office.french(),
                other.period.from(),
                other.party_name
            ));
        }
    }
    Ok(match previous {
        Some(previous) => format!(
            "Alternance : « {side} » après « {} » ({}).",
            rule.side(previous.party).unwrap_or_default(),
            previous.party_name
        ),
        None => format!("Premier mandat de l'alternance : « {side} »."),
    })
}

#[cfg(test)]
mod tests;
