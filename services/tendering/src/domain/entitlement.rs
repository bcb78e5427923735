//! May this member buy from this lot on this day? A pure function of facts, answered with the rule, its source and the
//! figures. There is no override: only a new legal act makes a refusal a permission.
//!
//! Asked in this order, the first refusal decides:
//! 1. the agreement is in force on the day (CCP R2162-5);
//! 2. the buyer is named in the contract notice for the day (CCP R2162-6, CJUE C-216/17), or stands in the place of one that is;
//!    belonging to the group is not enough, least of all for who joined after the notice was published;
//! 3. the buyer is a member of the group on the day. A GCS de moyens serves its own members only, not its associates
//!    (CSP L6133-1, since 1 January 2020); for the other forms the group's convention says so, and a named associate or
//!    partner may buy;
//! 4. a buyer that is a party to a GHT beside this group has its support establishment's delegation, up to its amount
//!    (CSP L6132-3 I 3°): the purchasing function is the support's. Under its own GHT's contracts it needs none (R6132-16).
//!
//! What to do after a refusal is in [`alternative`].
//!
//! A buyer whose status is not known is treated as a contracting authority, and the answer says so.

pub mod alternative;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use kit::id::{AgreementId, LotId, PartyId};
use serde::{Deserialize, Serialize};

use super::{
    agreement::Naming,
    law::{Law, LegalRule},
    text,
};

/// Legal form of a group (forme juridique).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupForm {
    /// Groupement hospitalier de territoire.
    Ght,
    /// Groupement de coopération sanitaire de moyens.
    GcsMoyens,
    /// Groupement d'intérêt public acting as central purchasing body.
    GipCentrale,
    /// Groupement d'intérêt économique.
    Gie,
    /// Groupement de commandes.
    GroupementCommandes,
    /// Charter without legal personality.
    Charter,
    /// Alliance.
    Alliance,
}

/// How a party belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// Full member.
    Full,
    /// Associate: rights as its convention says.
    Associate,
    /// Partner of a GHT (CSP L6132-7).
    Partner,
}

impl MemberKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Associate => "ASSOCIATE",
            Self::Partner => "PARTNER",
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::Full => "membre",
            Self::Associate => "associé",
            Self::Partner => "partenaire",
        }
    }
}

/// Whether a party is bound by the Code de la commande publique (CCP L1211-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyerStatus {
    /// Public-law body.
    PublicLaw,
    /// Private body that is a contracting authority.
    PrivateContractingAuthority,
    /// Declares, with evidence, that it is not one.
    AssertedNot,
    /// Not known: treated as a contracting authority.
    Unknown,
}

impl BuyerStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::PublicLaw => "PUBLIC_LAW",
            Self::PrivateContractingAuthority => "PRIVATE_CONTRACTING_AUTHORITY",
            Self::AssertedNot => "ASSERTED_NOT",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What membership says of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    /// Legal form.
    pub form: GroupForm,
    /// Who awards; none where each member does.
    pub awarding_party: Option<PartyId>,
    /// The text that the form's rules come from.
    pub rules_source: String,
}

/// What membership says of a member on the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// Its name.
    pub name: String,
    /// How it belongs.
    pub kind: MemberKind,
    /// Its buyer status on the day.
    pub buyer_status: BuyerStatus,
    /// Since when it has belonged without a gap.
    pub since: Option<NaiveDate>,
    /// The GHT to which it is a party beside this group.
    pub ght: Option<GhtFacts>,
    /// Whom it took over, each with the first day on which it stands in its place.
    pub predecessors: Vec<(PartyId, NaiveDate)>,
}

/// A GHT to which a member of another group is a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GhtFacts {
    /// The support establishment.
    pub support: PartyId,
    /// Name of the support establishment.
    pub support_name: String,
    /// Its widest delegation to order on the day; none for none.
    pub delegation: Option<OrderDelegation>,
}

/// A support's delegation to order, on a day on which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderDelegation {
    /// First day.
    pub from: NaiveDate,
    /// Last day; none until it is revoked.
    pub to: Option<NaiveDate>,
    /// Largest amount of an order without VAT, cents EUR; none for no limit.
    pub limit_cents: Option<i64>,
}

/// A lot with what its agreement says of its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotTerms {
    /// Lot.
    pub lot_id: LotId,
    /// Number of the lot.
    pub lot_number: i32,
    /// Title of the lot.
    pub lot_title: String,
    /// Agreement.
    pub agreement_id: AgreementId,
    /// Legal number of the agreement.
    pub agreement_number: String,
    /// First day.
    pub starts_on: NaiveDate,
    /// Last day.
    pub ends_on: NaiveDate,
    /// When the contract notice was published; none when it is not known.
    pub published_on: Option<NaiveDate>,
}

/// Everything that one answer rests on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks to buy.
    pub party: PartyId,
    /// On which day.
    pub on: NaiveDate,
    /// From which lot.
    pub lot: &'a LotTerms,
    /// For how much without VAT, cents EUR; none to ask for any amount.
    pub amount_cents: Option<i64>,
    /// The namings under the agreement of the party and of those that it took over, as [`namings_of`] gives them.
    pub namings: &'a [Naming],
    /// The party as a member on the day; none when it is not one.
    pub member: Option<&'a MemberFacts>,
    /// Its group.
    pub group: &'a GroupFacts,
    /// The texts of law.
    pub law: &'a Law,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rule {
    /// Refused: the agreement is not in force.
    AgreementNotInForce,
    /// Refused: not named as beneficiary for the day.
    BeneficiaryNotNamed,
    /// Refused: not named, and a member only since the notice was published.
    JoinedAfterPublication,
    /// Refused: not a member of the group.
    NotAMember,
    /// Refused: a party to a GHT without its support's delegation.
    GhtDelegationMissing,
    /// Refused: above the amount of its support's delegation.
    GhtDelegationExceeded,
    /// Allowed.
    Entitled,
}

impl Rule {
    /// Stable key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgreementNotInForce => "AGREEMENT_NOT_IN_FORCE",
            Self::BeneficiaryNotNamed => "BENEFICIARY_NOT_NAMED",
            Self::JoinedAfterPublication => "JOINED_AFTER_PUBLICATION",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::GhtDelegationMissing => "GHT_DELEGATION_MISSING",
            Self::GhtDelegationExceeded => "GHT_DELEGATION_EXCEEDED",
            Self::Entitled => "ENTITLED",
        }
    }
}

/// Why it is allowed or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule that decided.
    pub rule: Rule,
    /// Article or convention that the rule comes from.
    pub source: String,
    /// French, with the figures and dates.
    pub text: String,
    /// The facts used, by name.
    pub facts: BTreeMap<String, String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// Yes or no.
    pub allowed: bool,
    /// The rule that decided, its source and the facts.
    pub reason: Reason,
}

/// How a party is named under an agreement: by itself, and from the day on which it stands in their place by those that it took over.
#[must_use]
pub fn namings_of<'n>(
    party: PartyId,
    member: Option<&MemberFacts>,
    named: impl Fn(PartyId) -> &'n [Naming],
) -> Vec<Naming> {
    let mut namings = named(party).to_vec();
    for (predecessor, since) in member.into_iter().flat_map(|member| &member.predecessors) {
        let still = named(*predecessor).iter().filter(|naming| naming.valid_to.is_none_or(|last| *since <= last));
        namings.extend(still.map(|naming| Naming { valid_from: naming.valid_from.max(*since), ..*naming }));
    }
    namings
}

/// Answers one question.
#[must_use]
pub fn decide(question: &Question<'_>) -> Entitlement {
    let (rule, source, text) = refusal(question).unwrap_or_else(|| permission(question));
    Entitlement { allowed: rule == Rule::Entitled, reason: Reason { rule, source, text, facts: facts(question) } }
}

type Decision = (Rule, String, String);

fn refusal(question: &Question<'_>) -> Option<Decision> {
    let (rule, source, why) = if question.on < question.lot.starts_on || question.on > question.lot.ends_on {
        not_in_force(question)
    } else if !question.namings.iter().any(|naming| covers(naming, question)) {
        not_named(question)
    } else {
        not_a_member(question).or_else(|| not_delegated(question))?
    };
    let text =
        format!("Achat refusé le {} pour {} : {why} Règle : {source}.", text::date(question.on), buyer(question));
    Some((rule, source, text))
}

fn not_in_force(question: &Question<'_>) -> Decision {
    let lot = question.lot;
    let source = question.law.article(LegalRule::AgreementNotInForce, question.on).to_owned();
    let why = format!(
        "l'accord-cadre {} n'est valable que du {} au {} et une commande ne se passe que pendant sa durée de validité.",
        lot.agreement_number,
        text::date(lot.starts_on),
        text::date(lot.ends_on)
    );
    (Rule::AgreementNotInForce, source, why)
}

fn not_named(question: &Question<'_>) -> Decision {
    let number = &question.lot.agreement_number;
    if question.namings.is_empty()
        && let Some(since) = question.member.and_then(|member| member.since)
        && let Some(published) = question.lot.published_on.filter(|published| *published < since)
    {
        let source = question.law.article(LegalRule::JoinedAfterPublication, question.on).to_owned();
        let why = format!(
            "membre depuis le {}, cet acheteur est entré après la publication de l'avis de l'accord-cadre {number}, le {}, et n'y \
             est pas nommé : qui entre après l'engagement de la procédure n'en bénéficie pas.",
            text::date(since),
            text::date(published)
        );
        return (Rule::JoinedAfterPublication, source, why);
    }
    let source = question.law.article(LegalRule::BeneficiaryNotNamed, question.on).to_owned();
    let mut why = if question.namings.is_empty() {
        format!("cet acheteur n'est pas nommé parmi les bénéficiaires de l'accord-cadre {number}.")
    } else {
        let periods: Vec<String> = question.namings.iter().map(|naming| period(naming, question.lot)).collect();
        format!("l'accord-cadre {number} ne le nomme bénéficiaire que {}.", periods.join(" et "))
    };
    if question.member.is_some() {
        why.push_str(" Appartenir au groupement ne suffit pas :");
    } else {
        why.push_str(" En effet,");
    }
    why.push_str(
        " seuls commandent les acheteurs identifiés dans l'avis de marché ou les documents de la consultation.",
    );
    (Rule::BeneficiaryNotNamed, source, why)
}

fn not_a_member(question: &Question<'_>) -> Option<Decision> {
    let full_only = match question.group.form {
        GroupForm::GcsMoyens => question.law.on(LegalRule::GcsMembersOnly, question.on),
        GroupForm::Ght
        | GroupForm::GipCentrale
        | GroupForm::Gie
        | GroupForm::GroupementCommandes
        | GroupForm::Charter
        | GroupForm::Alliance => None,
    };
    let standing = match (question.member.map(|member| member.kind), full_only) {
        (None, _) => "cet acheteur n'est pas membre du groupement à cette date".to_owned(),
        (Some(kind @ (MemberKind::Associate | MemberKind::Partner)), Some(_)) => {
            format!("cet acheteur est {} du groupement sans en être membre", kind.french())
        }
        (Some(MemberKind::Full), _) | (Some(MemberKind::Associate | MemberKind::Partner), None) => return None,
    };
    Some(match full_only {
        Some(provision) => {
            let since = text::date(provision.valid_from);
            let why = format!(
                "{standing} et, depuis le {since}, un groupement de coopération sanitaire de moyens n'agit que pour le compte \
                 de ses membres."
            );
            (Rule::NotAMember, provision.article.clone(), why)
        }
        None => {
            let own = &question.group.rules_source;
            let source = if own.is_empty() { "convention constitutive du groupement".to_owned() } else { own.clone() };
            let why = format!("{standing} et le groupement réserve ses accords-cadres à ceux qui lui appartiennent.");
            (Rule::NotAMember, source, why)
        }
    })
}

/// Of a party to a GHT elsewhere, which is a public establishment by law: an unknown status is treated as one.
fn not_delegated(question: &Question<'_>) -> Option<Decision> {
    let member = question.member.filter(|member| member.buyer_status != BuyerStatus::AssertedNot)?;
    let ght = member.ght.as_ref()?;
    let provision = question.law.on(LegalRule::GhtDelegation, question.on)?;
    let support = &ght.support_name;
    let (rule, why) = match &ght.delegation {
        None => {
            let why = format!(
                "partie à un GHT dont {support} est l'établissement support, cet acheteur ne commande hors des marchés de son GHT \
                 qu'avec une délégation de signature de {support}, et aucune n'est enregistrée pour ce jour."
            );
            (Rule::GhtDelegationMissing, why)
        }
        Some(OrderDelegation { limit_cents: Some(limit), from, to })
            if question.amount_cents.is_some_and(|a| a > *limit) =>
        {
            let asked = question.amount_cents.unwrap_or_default();
            let why = format!(
                "la délégation de {support} {} s'arrête à {} par commande, et celle-ci est de {}, soit {} de plus.",
                text::period(*from, *to),
                text::euros(*limit),
                text::euros(asked),
                text::euros(asked - limit)
            );
            (Rule::GhtDelegationExceeded, why)
        }
        Some(_) => return None,
    };
    Some((rule, provision.article.clone(), why))
}

fn permission(question: &Question<'_>) -> Decision {
    let lot = question.lot;
    let mut source = question.law.article(LegalRule::Entitled, question.on).to_owned();
    let named: Vec<String> =
        question.namings.iter().filter(|naming| covers(naming, question)).map(|naming| period(naming, lot)).collect();
    let mut text = format!(
        "Achat permis le {} pour {} : {} du groupement, il est nommé bénéficiaire {} de l'accord-cadre {} (lot {}), valable du \
         {} au {}. Règle : {source}.",
        text::date(question.on),
        buyer(question),
        question.member.map_or("membre", |member| member.kind.french()),
        named.join(" et "),
        lot.agreement_number,
        lot.lot_number,
        text::date(lot.starts_on),
        text::date(lot.ends_on)
    );
    let own = |naming: &Naming| naming.party == question.party && covers(naming, question);
    if !question.namings.iter().any(own) {
        text.push_str(" Il y tient la place de l'établissement nommé, qu'il a repris.");
    }
    if let Some(ght) = question.member.and_then(|member| member.ght.as_ref())
        && let Some(delegation) = ght.delegation
    {
        let article = question.law.article(LegalRule::GhtDelegation, question.on);
        let limit = delegation.limit_cents.map_or_else(
            || "sans limite de montant".to_owned(),
            |limit| format!("jusqu'à {} par commande", text::euros(limit)),
        );
        let given = text::period(delegation.from, delegation.to);
        text.push_str(&format!(" Délégation de {} {given}, {limit} ({article}).", ght.support_name));
        source = format!("{source} ; {article}");
    }
    if strictly_treated(question) {
        let article = question.law.article(LegalRule::StatusUnknownIsStrict, question.on);
        text.push_str(" Son statut d'acheteur n'étant pas établi, il est traité comme pouvoir adjudicateur");
        text.push_str(&format!(" ({article})."));
        source = format!("{source} ; {article}");
    }
    (Rule::Entitled, source, text)
}

fn covers(naming: &Naming, question: &Question<'_>) -> bool {
    naming.valid_from <= question.on && question.on <= naming.valid_to.unwrap_or(question.lot.ends_on)
}

fn period(naming: &Naming, lot: &LotTerms) -> String {
    format!("du {} au {}", text::date(naming.valid_from), text::date(naming.valid_to.unwrap_or(lot.ends_on)))
}

fn buyer(question: &Question<'_>) -> String {
    question.member.map_or_else(|| format!("l'établissement {}", question.party), |member| member.name.clone())
}

fn strictly_treated(question: &Question<'_>) -> bool {
    question.member.is_some_and(|member| member.buyer_status == BuyerStatus::Unknown)
}

fn facts(question: &Question<'_>) -> BTreeMap<String, String> {
    let lot = question.lot;
    let mut facts = BTreeMap::from([
        ("on".to_owned(), question.on.to_string()),
        ("party".to_owned(), question.party.to_string()),
        ("agreement".to_owned(), lot.agreement_id.to_string()),
        ("agreement_number".to_owned(), lot.agreement_number.clone()),
        ("lot_number".to_owned(), lot.lot_number.to_string()),
        ("starts_on".to_owned(), lot.starts_on.to_string()),
        ("ends_on".to_owned(), lot.ends_on.to_string()),
        ("is_member".to_owned(), question.member.is_some().to_string()),
    ]);
    if let Some(member) = question.member {
        facts.insert("party_name".to_owned(), member.name.clone());
        facts.insert("member_kind".to_owned(), member.kind.name().to_owned());
        facts.insert("buyer_status".to_owned(), member.buyer_status.name().to_owned());
        if let Some(since) = member.since {
            facts.insert("member_since".to_owned(), since.to_string());
        }
        if let Some(ght) = &member.ght {
            facts.insert("ght_support".to_owned(), ght.support_name.clone());
            facts.insert("ght_delegated".to_owned(), ght.delegation.is_some().to_string());
            if let Some(limit) = ght.delegation.and_then(|delegation| delegation.limit_cents) {
                facts.insert("ght_limit_cents".to_owned(), limit.to_string());
            }
        }
        if strictly_treated(question) {
            facts.insert("treated_as".to_owned(), "CONTRACTING_AUTHORITY".to_owned());
        }
    }
    if let Some(published) = lot.published_on {
        facts.insert("published_on".to_owned(), published.to_string());
    }
    if let Some(amount) = question.amount_cents {
        facts.insert("amount_cents".to_owned(), amount.to_string());
    }
    let shown = question.namings.iter().find(|naming| covers(naming, question)).or_else(|| question.namings.first());
    if let Some(naming) = shown {
        if naming.party != question.party {
            facts.insert("named_as".to_owned(), naming.party.to_string());
        }
        facts.insert("named_from".to_owned(), naming.valid_from.to_string());
        facts.insert("named_to".to_owned(), naming.valid_to.unwrap_or(lot.ends_on).to_string());
    }
    facts
}

#[cfg(test)]
mod tests;
