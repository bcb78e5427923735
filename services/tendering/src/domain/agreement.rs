//! What an agreement must be when it is entered, and who may enter it.

use std::collections::HashSet;

use chrono::{Months, NaiveDate};
use kit::{
    error::FieldFault,
    id::{AgreementId, GroupId, LotId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{
    TenderingError,
    ceiling::Ceiling,
    entitlement::{GroupFacts, GroupForm, MemberFacts},
    law::{Law, LegalRule},
    lot_consumption::Consumption,
    text,
};

/// Lots of an agreement at most.
pub const MOST_LOTS: usize = 500;
/// Beneficiaries sent at once at most.
pub const MOST_BENEFICIARIES_AT_ONCE: usize = 1_000;
/// Beneficiary rows of an agreement at most, so that it fits one answer.
pub const MOST_BENEFICIARIES: i64 = 5_000;
/// Largest amount: 10 thousand billion euros in cents. Sums of 2,000 of them still fit 64 bits.
pub const LARGEST_CENTS: i64 = 1_000_000_000_000_000;

/// The two roles of a central purchasing body (centrale d'achat, CCP L2113-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PurchasingRole {
    /// Role 1 (grossiste): buys, stocks and sells on.
    Wholesaler,
    /// Role 2 (intermédiaire): awards; each member orders and pays.
    Intermediary,
}

impl PurchasingRole {
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wholesaler => "WHOLESALER",
            Self::Intermediary => "INTERMEDIARY",
        }
    }
}

/// On which quantity a price tier is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TierBasis {
    /// The pooled order of all members.
    #[default]
    PooledOrder,
    /// Each buyer's own order form.
    OrderForm,
    /// What goes to each delivery point.
    DeliveryPoint,
}

impl TierBasis {
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PooledOrder => "POOLED_ORDER",
            Self::OrderForm => "ORDER_FORM",
            Self::DeliveryPoint => "DELIVERY_POINT",
        }
    }
}

/// What an agreement says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Natural key in the group.
    pub key: String,
    /// Legal number.
    pub number: String,
    /// Title.
    pub title: String,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// On which quantity tiers are read.
    pub tier_basis: TierBasis,
    /// First day.
    pub starts_on: NaiveDate,
    /// Last day.
    pub ends_on: NaiveDate,
    /// Who awarded.
    pub awarding_party: PartyId,
    /// Where the opening data comes from.
    pub source: String,
    /// When the contract notice was published; none when it is not known.
    pub published_on: Option<NaiveDate>,
}

/// A lot to be entered. Amounts in cents EUR without VAT, 0 to [`LARGEST_CENTS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLot {
    /// Number in the agreement, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// Holder (titulaire).
    pub holder: PartyId,
    /// Ceiling.
    pub maximum_cents: i64,
    /// Guaranteed minimum.
    pub minimum_cents: i64,
    /// Consumed before.
    pub opening_cents: i64,
}

/// A buyer named in the contract notice, for some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    /// Who.
    pub party: PartyId,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day; none for the agreement's end.
    pub valid_to: Option<NaiveDate>,
}

/// An agreement to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its terms.
    pub terms: Terms,
    /// 1 to [`MOST_LOTS`].
    pub lots: Vec<NewLot>,
    /// At most [`MOST_BENEFICIARIES_AT_ONCE`].
    pub beneficiaries: Vec<Naming>,
}

/// A lot as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Its id.
    pub id: LotId,
    /// Number in the agreement.
    pub number: i32,
    /// Title.
    pub title: String,
    /// Holder.
    pub holder: PartyId,
    /// Guaranteed minimum, cents EUR.
    pub minimum_cents: i64,
    /// Its ceiling.
    pub ceiling: Ceiling,
    /// What members had consumed before, by member; empty in lists.
    pub consumption: Vec<Consumption>,
}

/// An agreement as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// Its group.
    pub group: GroupId,
    /// Its terms.
    pub terms: Terms,
    /// By number.
    pub lots: Vec<Lot>,
    /// By party and first day; empty in lists.
    pub beneficiaries: Vec<Naming>,
}

impl Draft {
    /// Everything that is wrong with it but its duration.
    #[must_use]
    pub fn faults(&self, law: &Law) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if self.terms.ends_on < self.terms.starts_on {
            faults.push(FieldFault::new("agreement.ends_on", "must not be before starts_on"));
        }
        if self.terms.published_on.is_some_and(|published| published > self.terms.starts_on) {
            faults.push(FieldFault::new("agreement.published_on", "must not be after starts_on"));
        }
        let mut numbers = HashSet::new();
        for (index, lot) in self.lots.iter().enumerate() {
            let mut fault = |field: &str, detail: String| {
                faults.push(FieldFault::new(format!("agreement.lots[{index}].{field}"), detail));
            };
            if !numbers.insert(lot.number) {
                fault("number", format!("lot {} is there twice", lot.number));
            }
            if lot.maximum_cents == 0 {
                let article = law.article(LegalRule::MaximumCompulsory, self.terms.starts_on);
                fault("maximum_cents", format!("must be at least 1: every lot has a maximum ({article})"));
            } else if lot.opening_cents > lot.maximum_cents {
                fault("opening_consumed_cents", format!("is above the maximum of {}", text::euros(lot.maximum_cents)));
            }
            if lot.minimum_cents > lot.maximum_cents {
                fault("minimum_cents", format!("is above the maximum of {}", text::euros(lot.maximum_cents)));
            }
        }
        faults.extend(naming_faults("agreement.beneficiaries", &self.beneficiaries, &self.terms, None));
        faults
    }

    /// Refuses an agreement that lasts longer than the law allows, from day to day.
    ///
    /// # Errors
    /// `AGREEMENT_TOO_LONG` with the article.
    pub fn check_duration(&self, law: &Law) -> Result<(), TenderingError> {
        let Terms { starts_on, ends_on, .. } = self.terms;
        let Some(provision) = law.on(LegalRule::AgreementLongest, starts_on) else { return Ok(()) };
        let Some(months) = provision.figure else { return Ok(()) };
        let latest = u32::try_from(months).ok().and_then(|count| starts_on.checked_add_months(Months::new(count)));
        if latest.is_none_or(|latest| ends_on <= latest) {
            return Ok(());
        }
        Err(TenderingError::DurationTooLong { starts_on, ends_on, months, legal_source: provision.article.clone() })
    }

    /// Every party that it names, once each.
    #[must_use]
    pub fn parties(&self) -> Vec<PartyId> {
        let mut parties: Vec<PartyId> = std::iter::once(self.terms.awarding_party)
            .chain(self.lots.iter().map(|lot| lot.holder))
            .chain(self.beneficiaries.iter().map(|naming| naming.party))
            .collect();
        parties.sort_unstable();
        parties.dedup();
        parties
    }
}

/// What is wrong with namings under an agreement: days outside its validity, twice the same first day, and a first day
/// before `earliest`.
#[must_use]
pub fn naming_faults(path: &str, namings: &[Naming], terms: &Terms, earliest: Option<NaiveDate>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    for (index, naming) in namings.iter().enumerate() {
        let mut fault =
            |field: &str, detail: String| faults.push(FieldFault::new(format!("{path}[{index}].{field}"), detail));
        if !seen.insert((naming.party, naming.valid_from)) {
            fault("party_id", "is there twice with the same first day".to_owned());
        }
        if naming.valid_from < terms.starts_on || naming.valid_from > terms.ends_on {
            fault("valid_from", format!("is outside the agreement's {} to {}", terms.starts_on, terms.ends_on));
        }
        if let Some(earliest) = earliest
            && naming.valid_from < earliest
        {
            fault("valid_from", format!("must be {earliest} or later: nobody is named for days gone by"));
        }
        if let Some(last) = naming.valid_to
            && (last < naming.valid_from || last > terms.ends_on)
        {
            fault("valid_to", format!("must be from valid_from to the agreement's end, {}", terms.ends_on));
        }
    }
    faults
}

/// Refuses whoever does not act for the awarding party (T5). In a GHT awarding is the support establishment's (CSP R6132-16).
/// A group that names no awarding party lets each member award for itself.
///
/// # Errors
/// `NOT_THE_AWARDING_PARTY` with the group's awarding party and the text that says so.
pub fn check_awarding(
    group: &GroupFacts,
    acts_for: Option<PartyId>,
    awarding_party: PartyId,
    law: &Law,
    day: NaiveDate,
) -> Result<(), TenderingError> {
    let of_group = group.awarding_party.unwrap_or(awarding_party);
    if acts_for == Some(awarding_party) && awarding_party == of_group {
        return Ok(());
    }
    let of_form = match group.form {
        GroupForm::Ght => law.article(LegalRule::GhtSupportAwards, day),
        GroupForm::GcsMoyens
        | GroupForm::GipCentrale
        | GroupForm::Gie
        | GroupForm::GroupementCommandes
        | GroupForm::Charter
        | GroupForm::Alliance => "",
    };
    let legal_source = if of_form.is_empty() { group.rules_source.clone() } else { of_form.to_owned() };
    let awarding_party = group.awarding_party.map_or_else(String::new, |party| party.to_string());
    Err(TenderingError::NotTheAwardingParty { awarding_party, legal_source })
}

/// Refuses to award for a party to a GHT beside a group in which each member awards for itself: its purchasing function is its
/// support establishment's (CSP L6132-3 I 3°), and no charter gives it back. The support itself is not such a party.
///
/// # Errors
/// `NOT_THE_AWARDING_PARTY` with the support establishment and the article.
pub fn check_beside_a_ght(
    group: &GroupFacts,
    awarding: Option<&MemberFacts>,
    law: &Law,
    day: NaiveDate,
) -> Result<(), TenderingError> {
    match awarding.and_then(|member| member.ght.as_ref()) {
        Some(ght) if group.awarding_party.is_none() => Err(TenderingError::NotTheAwardingParty {
            awarding_party: ght.support.to_string(),
            legal_source: law.article(LegalRule::GhtSupportAwards, day).to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        entitlement::{BuyerStatus, GhtFacts, MemberKind},
        law::Provision,
    };

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn law() -> Law {
        let provision = |rule: &str, article: &str, figure| Provision {
            rule: rule.to_owned(),
            valid_from: day("2019-04-01"),
            valid_to: None,
            article: article.to_owned(),
            figure,
        };
        Law(vec![
            provision("AGREEMENT_LONGEST", "CCP L2125-1", Some(48)),
            provision("GHT_SUPPORT_AWARDS", "CSP R6132-16", None),
            provision("MAXIMUM_COMPULSORY", "CCP R2162-4", None),
        ])
    }

    fn draft(starts_on: &str, ends_on: &str) -> Draft {
        Draft {
            terms: Terms {
                key: "k".into(),
                number: "n".into(),
                title: "t".into(),
                role: PurchasingRole::Intermediary,
                tier_basis: TierBasis::PooledOrder,
                starts_on: day(starts_on),
                ends_on: day(ends_on),
                awarding_party: PartyId::new(),
                source: "s".into(),
                published_on: None,
            },
            lots: vec![NewLot {
                number: 1,
                title: "l".into(),
                holder: PartyId::new(),
                maximum_cents: 1_000,
                minimum_cents: 0,
                opening_cents: 1_000,
            }],
            beneficiaries: Vec::new(),
        }
    }

    #[test]
    fn four_years_from_day_to_day_are_allowed_and_one_day_more_is_not() {
        assert_eq!(draft("2024-02-29", "2028-02-29").check_duration(&law()), Ok(()));
        assert_eq!(draft("2024-01-01", "2028-01-01").check_duration(&law()), Ok(()));
        let refusal = draft("2024-01-01", "2028-01-02").check_duration(&law()).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "agreement from 2024-01-01 to 2028-01-02 lasts more than 48 months (CCP L2125-1)"
        );
    }

    #[test]
    fn every_fault_of_a_draft_is_told_at_once() {
        assert_eq!(draft("2025-01-01", "2026-12-31").faults(&law()), Vec::new());
        let mut bad = draft("2025-01-01", "2024-12-31");
        let lot = bad.lots[0].clone();
        bad.lots = vec![
            NewLot { opening_cents: 1_001, ..lot.clone() },
            NewLot { maximum_cents: 0, opening_cents: 0, ..lot.clone() },
            NewLot { number: 3, minimum_cents: 1_001, ..lot },
        ];
        let fields: Vec<String> = bad.faults(&law()).into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "agreement.ends_on",
                "agreement.lots[0].opening_consumed_cents",
                "agreement.lots[1].number",
                "agreement.lots[1].maximum_cents",
                "agreement.lots[2].minimum_cents",
            ]
        );
    }

    #[test]
    fn nobody_is_named_outside_the_agreement_or_for_days_gone_by() {
        let terms = draft("2025-01-01", "2026-12-31").terms;
        let party = PartyId::new();
        let naming = |from: &str, to: Option<&str>| Naming { party, valid_from: day(from), valid_to: to.map(day) };
        let fields = |namings: &[Naming], earliest: Option<&str>| -> Vec<String> {
            naming_faults("b", namings, &terms, earliest.map(day)).into_iter().map(|fault| fault.field).collect()
        };
        assert!(fields(&[naming("2025-01-01", None), naming("2026-12-31", Some("2026-12-31"))], None).is_empty());
        assert_eq!(fields(&[naming("2024-12-31", None)], None), ["b[0].valid_from"]);
        assert_eq!(fields(&[naming("2025-01-01", Some("2027-01-01"))], None), ["b[0].valid_to"]);
        assert_eq!(fields(&[naming("2025-06-01", Some("2025-05-31"))], None), ["b[0].valid_to"]);
        assert_eq!(fields(&[naming("2025-06-01", None), naming("2025-06-01", None)], None), ["b[1].party_id"]);
        assert_eq!(fields(&[naming("2025-06-01", None)], Some("2025-06-02")), ["b[0].valid_from"]);
        assert!(fields(&[naming("2025-06-02", None)], Some("2025-06-02")).is_empty());
    }

    #[test]
    fn only_the_officer_of_the_awarding_party_passes_and_the_source_follows_the_form() {
        let (support, other, today) = (PartyId::new(), PartyId::new(), day("2026-11-21"));
        let group =
            |form, awarding_party| GroupFacts { form, awarding_party, rules_source: "convention, art. 4".into() };
        let check = |group: &GroupFacts, acts_for, awarding| check_awarding(group, acts_for, awarding, &law(), today);
        let ght = group(GroupForm::Ght, Some(support));
        assert_eq!(check(&ght, Some(support), support), Ok(()));
        for (acts_for, awarding) in
            [(Some(other), support), (None, support), (Some(other), other), (Some(support), other)]
        {
            let refusal = TenderingError::NotTheAwardingParty {
                awarding_party: support.to_string(),
                legal_source: "CSP R6132-16".into(),
            };
            assert_eq!(check(&ght, acts_for, awarding), Err(refusal));
        }
        let refusal = check(&group(GroupForm::Gie, Some(support)), Some(other), support).unwrap_err();
        assert!(refusal.to_string().contains("convention, art. 4"));
        let charter = group(GroupForm::Charter, None);
        assert_eq!(check(&charter, Some(other), other), Ok(()));
        assert!(check(&charter, Some(other), support).is_err());
    }

    #[test]
    fn a_charter_does_not_give_back_what_a_ght_took() {
        let (support, today) = (PartyId::new(), day("2026-11-21"));
        let of_ght = Some(GhtFacts { support, support_name: "CHU".into(), delegation: None });
        let member = |ght| MemberFacts {
            name: "CH".into(),
            kind: MemberKind::Full,
            buyer_status: BuyerStatus::PublicLaw,
            since: None,
            ght,
            predecessors: Vec::new(),
        };
        let group =
            |form, awarding_party| GroupFacts { form, awarding_party, rules_source: "convention, art. 4".into() };
        let check = |group: &GroupFacts, ght| check_beside_a_ght(group, Some(&member(ght)), &law(), today);
        let charter = group(GroupForm::Charter, None);
        let refusal = TenderingError::NotTheAwardingParty {
            awarding_party: support.to_string(),
            legal_source: "CSP R6132-16".into(),
        };
        assert_eq!(check(&charter, of_ght.clone()), Err(refusal));
        assert_eq!(check(&charter, None), Ok(()), "the support, or of no GHT");
        assert_eq!(check(&group(GroupForm::GroupementCommandes, Some(support)), of_ght), Ok(()), "its coordinator's");
        assert_eq!(check_beside_a_ght(&charter, None, &law(), today), Ok(()));
    }
}
