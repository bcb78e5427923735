//! What to do when the answer is no: the nearest way to buy the same thing lawfully. Another lot in force from which the same member
//! may buy it today comes first; else what must be done, or waited for.

use chrono::NaiveDate;
use kit::id::{AgreementId, LotId};

use super::{LotTerms, Question, Rule};
use crate::domain::text;

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlternativeKind {
    /// Buy from another lot, today.
    OtherLot,
    /// Wait until a day.
    Wait,
    /// Get the support establishment's delegation, or a wider one.
    GetDelegation,
    /// Be named in the next contract notice.
    BeNamed,
    /// Join the group.
    Join,
    /// Award a new contract.
    NewProcedure,
}

/// The nearest alternative to a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// What would help.
    pub kind: AlternativeKind,
    /// OTHER_LOT: from which lot.
    pub lot: Option<LotId>,
    /// OTHER_LOT: under which agreement.
    pub agreement: Option<AgreementId>,
    /// WAIT: until which day.
    pub from: Option<NaiveDate>,
    /// One French sentence.
    pub text: String,
}

/// Another lot of the group from which the member may buy on the day, with how many of the wanted articles it prices.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The lot.
    pub lot: &'a LotTerms,
    /// Articles in common, at least 1.
    pub shared: usize,
}

/// The nearest alternative to a refusal by a rule; none to a permission. Of several lots the one that has most of the articles,
/// then the one that lasts longest, then the one that was entered first.
#[must_use]
pub fn nearest(question: &Question<'_>, rule: Rule, candidates: &[Candidate<'_>]) -> Option<Alternative> {
    if rule == Rule::Entitled {
        return None;
    }
    let others = candidates.iter().filter(|candidate| candidate.lot.lot_id != question.lot.lot_id);
    let best = others.max_by_key(|one| (one.shared, one.lot.ends_on, std::cmp::Reverse(one.lot.lot_id)));
    Some(best.map_or_else(|| what_to_do(question, rule), |best| other_lot(best)))
}

fn other_lot(best: &Candidate<'_>) -> Alternative {
    let lot = best.lot;
    let text = format!(
        "Achetez sur le lot {} « {} » de l'accord-cadre {}, où cet acheteur a droit ce jour : {} article(s) en commun, valable \
         jusqu'au {}.",
        lot.lot_number,
        lot.lot_title,
        lot.agreement_number,
        best.shared,
        text::date(lot.ends_on)
    );
    let (lot, agreement) = (Some(lot.lot_id), Some(lot.agreement_id));
    Alternative { kind: AlternativeKind::OtherLot, lot, agreement, from: None, text }
}

fn what_to_do(question: &Question<'_>, rule: Rule) -> Alternative {
    let (on, lot) = (question.on, question.lot);
    let number = &lot.agreement_number;
    let (kind, from, text) = match rule {
        Rule::AgreementNotInForce if on < lot.starts_on => {
            let text = format!("Attendez le {}, premier jour de l'accord-cadre {number}.", text::date(lot.starts_on));
            (AlternativeKind::Wait, Some(lot.starts_on), text)
        }
        Rule::BeneficiaryNotNamed | Rule::JoinedAfterPublication | Rule::AgreementNotInForce => {
            match question.namings.iter().map(|naming| naming.valid_from).filter(|from| on < *from).min() {
                Some(from) if rule == Rule::BeneficiaryNotNamed => {
                    let text =
                        format!("Attendez le {}, premier jour où l'accord-cadre {number} le nomme.", text::date(from));
                    (AlternativeKind::Wait, Some(from), text)
                }
                Some(_) | None if rule == Rule::AgreementNotInForce => {
                    let text = format!(
                        "L'accord-cadre {number} a pris fin le {} et aucun autre en vigueur n'a ces articles : passez un nouveau marché.",
                        text::date(lot.ends_on)
                    );
                    (AlternativeKind::NewProcedure, None, text)
                }
                Some(_) | None => {
                    let text = "Faites nommer cet acheteur dans l'avis de la prochaine consultation, au besoin sans quantité ferme, ou \
                                passez un marché pour lui : aucun autre accord-cadre en vigueur ne le sert."
                        .to_owned();
                    (AlternativeKind::BeNamed, None, text)
                }
            }
        }
        Rule::NotAMember => {
            let text = "Faites adhérer cet acheteur au groupement comme sa convention le permet, avec effet au jour de la commande."
                .to_owned();
            (AlternativeKind::Join, None, text)
        }
        Rule::GhtDelegationMissing | Rule::GhtDelegationExceeded => {
            let support = question.member.and_then(|member| member.ght.as_ref()).map(|ght| ght.support_name.as_str());
            let support = support.unwrap_or("l'établissement support");
            let amount =
                question.amount_cents.map_or_else(String::new, |cents| format!(" d'au moins {}", text::euros(cents)));
            let text = format!(
                "Demandez à {support} d'enregistrer pour cet acheteur une délégation de signature pour commander{amount}, avec effet \
                 au {}.",
                text::date(on)
            );
            (AlternativeKind::GetDelegation, None, text)
        }
        // Nothing has to be done; `nearest` does not ask.
        Rule::Entitled => (AlternativeKind::OtherLot, None, String::new()),
    };
    Alternative { kind, lot: None, agreement: None, from, text }
}
