//! Requests.

use std::collections::HashSet;

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault, Role,
    id::{AgreementId, ArticleId, Id, Kind, LotId, PartyId, PooledOrderId, ReservationId},
};
use proto::tendering::v1 as pb;

use crate::domain::agreement::{
    Draft, LARGEST_CENTS, MOST_BENEFICIARIES_AT_ONCE, MOST_LOTS, Naming, NewLot, PurchasingRole, Terms, TierBasis,
};

/// Questions asked at once at most.
const MOST_QUESTIONS: usize = 20_000;
/// Longest evidence, in characters.
const MOST_EVIDENCE: usize = 1_000;
/// Shares of a reservation at most: what membership answers in one call.
const MOST_SHARES: usize = 2_000;

/// Collects what is wrong with fields.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldFault>);

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldFault::new(field, detail));
    }

    pub(super) fn id<K: Kind>(&mut self, field: impl Into<String>, text: &str) -> Option<Id<K>> {
        text.parse().map_err(|error: kit::id::IdError| self.add(field, error.to_string())).ok()
    }

    fn date(&mut self, field: impl Into<String>, text: &str) -> Option<NaiveDate> {
        // The length keeps out what chrono would forgive, such as 2026-1-5.
        let parsed = if text.len() == 10 { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None };
        if parsed.is_none() {
            self.add(field, format!("{text:?} is not an ISO date such as 2026-11-21"));
        }
        parsed
    }

    /// An empty text is none; a faulty one is none too, with its fault.
    pub(super) fn optional_date(&mut self, field: impl Into<String>, text: &str) -> Option<NaiveDate> {
        if text.is_empty() { None } else { self.date(field, text) }
    }

    pub(super) fn text(&mut self, field: impl Into<String>, text: &str, longest: usize) -> String {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.add(field, "must not be empty");
        } else if trimmed.chars().count() > longest {
            self.add(field, format!("must have {longest} characters at most"));
        }
        trimmed.to_owned()
    }

    pub(super) fn cents(&mut self, field: impl Into<String>, cents: i64) {
        if !(0..=LARGEST_CENTS).contains(&cents) {
            self.add(field, format!("must be from 0 to {LARGEST_CENTS} cents"));
        }
    }

    pub(super) fn count(&mut self, field: &str, count: usize, least: usize, most: usize) {
        if !(least..=most).contains(&count) {
            self.add(field, format!("must have {least} to {most} entries, not {count}"));
        }
    }

    /// Rows of a page: 50 by default.
    pub(super) fn page_size(&mut self, asked: i32, most: usize) -> usize {
        match usize::try_from(asked) {
            Ok(0) => 50,
            Ok(size) if size <= most => size,
            Ok(_) | Err(_) => {
                self.add("page.size", format!("must be from 0 to {most}"));
                0
            }
        }
    }

    pub(super) fn not_on_input(&mut self, field: impl Into<String>, is_there: bool) {
        if is_there {
            self.add(field, "is given by the service: leave it empty");
        }
    }

    /// The parsed value when nothing was wrong.
    pub(super) fn finish<T>(self, parsed: Option<T>) -> Result<T, Failure> {
        match parsed {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(Failure::invalid(self.0)),
        }
    }
}

/// The agreement to be entered, as far as each field alone can tell.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn draft_from_proto(request: &pb::EnterAgreementRequest) -> Result<Draft, Failure> {
    let agreement = request.agreement.as_ref().ok_or_else(|| Failure::invalid_field("agreement", "must be there"))?;
    let mut faults = Faults::default();
    faults.not_on_input("agreement.id", !agreement.id.is_empty());
    let terms = terms_from_proto(&mut faults, agreement);
    faults.count("agreement.lots", agreement.lots.len(), 1, MOST_LOTS);
    let lots: Vec<NewLot> =
        agreement.lots.iter().enumerate().filter_map(|(index, lot)| lot_from_proto(&mut faults, index, lot)).collect();
    faults.count("agreement.beneficiaries", agreement.beneficiaries.len(), 0, MOST_BENEFICIARIES_AT_ONCE);
    let beneficiaries = namings_from_proto(&mut faults, "agreement.beneficiaries", &agreement.beneficiaries);
    for (index, _) in agreement.beneficiaries.iter().enumerate().filter(|(_, one)| !one.evidence.is_empty()) {
        let detail = "is for buyers added later: the agreement's source says where these are named";
        faults.add(format!("agreement.beneficiaries[{index}].evidence"), detail);
    }
    faults.finish(terms.map(|terms| Draft { terms, lots, beneficiaries }))
}

fn terms_from_proto(faults: &mut Faults, agreement: &pb::Agreement) -> Option<Terms> {
    let key = faults.text("agreement.key", &agreement.key, 100);
    let number = faults.text("agreement.number", &agreement.number, 100);
    let title = faults.text("agreement.title", &agreement.title, 300);
    let source = faults.text("agreement.source", &agreement.source, 1_000);
    let role = match pb::PurchasingRole::try_from(agreement.role) {
        Ok(pb::PurchasingRole::Wholesaler) => Some(PurchasingRole::Wholesaler),
        Ok(pb::PurchasingRole::Intermediary) => Some(PurchasingRole::Intermediary),
        Ok(pb::PurchasingRole::Unspecified) | Err(_) => {
            faults.add("agreement.role", "must be PURCHASING_ROLE_WHOLESALER or PURCHASING_ROLE_INTERMEDIARY");
            None
        }
    };
    let tier_basis = match pb::TierBasis::try_from(agreement.tier_basis) {
        Ok(pb::TierBasis::PooledOrder) => Some(TierBasis::PooledOrder),
        Ok(pb::TierBasis::OrderForm) => Some(TierBasis::OrderForm),
        Ok(pb::TierBasis::DeliveryPoint) => Some(TierBasis::DeliveryPoint),
        Ok(pb::TierBasis::Unspecified) | Err(_) => {
            faults.add("agreement.tier_basis", "must be TIER_BASIS_POOLED_ORDER, _ORDER_FORM or _DELIVERY_POINT");
            None
        }
    };
    let starts_on = faults.date("agreement.starts_on", &agreement.starts_on);
    let ends_on = faults.date("agreement.ends_on", &agreement.ends_on);
    let published_on = faults.optional_date("agreement.published_on", &agreement.published_on);
    let awarding_party = faults.id("agreement.awarding_party_id", &agreement.awarding_party_id);
    Some(Terms {
        key,
        number,
        title,
        role: role?,
        tier_basis: tier_basis?,
        starts_on: starts_on?,
        ends_on: ends_on?,
        awarding_party: awarding_party?,
        source,
        published_on,
    })
}

fn lot_from_proto(faults: &mut Faults, index: usize, lot: &pb::Lot) -> Option<NewLot> {
    let path = |field: &str| format!("agreement.lots[{index}].{field}");
    faults.not_on_input(path("id"), !lot.id.is_empty());
    faults.not_on_input(path("consumed_cents"), lot.consumed_cents != 0);
    faults.not_on_input(path("reserved_cents"), lot.reserved_cents != 0);
    faults.not_on_input(path("remaining_cents"), lot.remaining_cents != 0);
    if lot.number < 1 {
        faults.add(path("number"), "must be 1 or more");
    }
    let title = faults.text(path("title"), &lot.title, 300);
    faults.cents(path("maximum_cents"), lot.maximum_cents);
    faults.cents(path("minimum_cents"), lot.minimum_cents);
    faults.cents(path("opening_consumed_cents"), lot.opening_consumed_cents);
    let holder = faults.id(path("holder_id"), &lot.holder_id)?;
    Some(NewLot {
        number: lot.number,
        title,
        holder,
        maximum_cents: lot.maximum_cents,
        minimum_cents: lot.minimum_cents,
        opening_cents: lot.opening_consumed_cents,
    })
}

fn namings_from_proto(faults: &mut Faults, path: &str, beneficiaries: &[pb::Beneficiary]) -> Vec<Naming> {
    let mut namings = Vec::with_capacity(beneficiaries.len());
    for (index, beneficiary) in beneficiaries.iter().enumerate() {
        let party = faults.id(format!("{path}[{index}].party_id"), &beneficiary.party_id);
        let valid_from = faults.date(format!("{path}[{index}].valid_from"), &beneficiary.valid_from);
        let valid_to = faults.optional_date(format!("{path}[{index}].valid_to"), &beneficiary.valid_to);
        if let (Some(party), Some(valid_from)) = (party, valid_from) {
            namings.push(Naming { party, valid_from, valid_to });
        }
    }
    namings
}

/// Beneficiaries to be added, with their agreement; each with where the notice names it, which may be empty.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn beneficiaries_from_proto(
    request: &pb::AddBeneficiariesRequest,
) -> Result<(AgreementId, Vec<Naming>, Vec<String>), Failure> {
    let mut faults = Faults::default();
    let agreement = faults.id("agreement_id", &request.agreement_id);
    faults.count("beneficiaries", request.beneficiaries.len(), 1, MOST_BENEFICIARIES_AT_ONCE);
    let namings = namings_from_proto(&mut faults, "beneficiaries", &request.beneficiaries);
    let mut evidence = Vec::with_capacity(request.beneficiaries.len());
    for (index, beneficiary) in request.beneficiaries.iter().enumerate() {
        let given = beneficiary.evidence.trim();
        if given.chars().count() > MOST_EVIDENCE {
            faults.add(
                format!("beneficiaries[{index}].evidence"),
                format!("must have {MOST_EVIDENCE} characters at most"),
            );
        }
        evidence.push(given.to_owned());
    }
    faults.finish(agreement.map(|agreement| (agreement, namings, evidence)))
}

/// The id of an agreement.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn agreement_id_from_proto(text: &str) -> Result<AgreementId, Failure> {
    let mut faults = Faults::default();
    let id = faults.id("agreement_id", text);
    faults.finish(id)
}

/// Which agreements, and which page of them.
pub struct ListInput {
    /// Only those in force on this day.
    pub in_force_on: Option<NaiveDate>,
    /// After this one.
    pub after: Option<AgreementId>,
    /// Rows wanted.
    pub size: usize,
}

/// A list request. Pages have 50 rows by default, 500 at most, 5,000 for services.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn list_from_proto(caller: &Caller, request: &pb::ListAgreementsRequest) -> Result<ListInput, Failure> {
    let mut faults = Faults::default();
    let in_force_on = faults.optional_date("in_force_on", &request.in_force_on);
    let page = request.page.clone().unwrap_or_default();
    let after = if page.after.is_empty() { None } else { faults.id("page.after", &page.after) };
    let size = faults.page_size(page.size, if caller.has(&[Role::Service]) { 5_000 } else { 500 });
    faults.finish(Some(ListInput { in_force_on, after, size }))
}

/// One question about entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedEntitlement {
    /// Who.
    pub party: PartyId,
    /// From which lot.
    pub lot: LotId,
    /// Which article, for an alternative.
    pub article: Option<ArticleId>,
    /// For how much without VAT, cents EUR.
    pub amount_cents: Option<i64>,
}

impl AskedEntitlement {
    /// Whether a party may buy anything from a lot.
    #[must_use]
    pub const fn any(party: PartyId, lot: LotId) -> Self {
        Self { party, lot, article: None, amount_cents: None }
    }
}

/// Questions about entitlement.
pub struct CheckInput {
    /// In the order asked.
    pub questions: Vec<AskedEntitlement>,
    /// For which day; none for today.
    pub on: Option<NaiveDate>,
}

/// The questions of a check.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn check_from_proto(request: &pb::CheckEntitlementsRequest) -> Result<CheckInput, Failure> {
    let mut faults = Faults::default();
    faults.count("questions", request.questions.len(), 1, MOST_QUESTIONS);
    let mut questions = Vec::with_capacity(request.questions.len());
    for (index, question) in request.questions.iter().enumerate() {
        let party = faults.id(format!("questions[{index}].party_id"), &question.party_id);
        let lot = faults.id(format!("questions[{index}].lot_id"), &question.lot_id);
        let article = if question.article_id.is_empty() {
            None
        } else {
            faults.id(format!("questions[{index}].article_id"), &question.article_id)
        };
        if let Some(cents) = question.amount_cents {
            faults.cents(format!("questions[{index}].amount_cents"), cents);
        }
        let amount_cents = question.amount_cents;
        questions.extend(party.zip(lot).map(|(party, lot)| AskedEntitlement { party, lot, article, amount_cents }));
    }
    let on = faults.optional_date("on", &request.on);
    faults.finish(Some(CheckInput { questions, on }))
}

/// What one party takes of a reservation.
#[derive(Debug, Clone, Copy)]
pub struct WantedShare {
    /// Who.
    pub party: PartyId,
    /// Cents EUR, 0 to [`LARGEST_CENTS`].
    pub amount_cents: i64,
}

/// A reservation asked for.
#[derive(Debug, Clone)]
pub struct WantedReservation {
    /// On which lot.
    pub lot: LotId,
    /// For which order.
    pub order: PooledOrderId,
    /// Distinct parties; at least one amount is above 0.
    pub shares: Vec<WantedShare>,
}

impl WantedReservation {
    /// Cents EUR to be reserved: the shares' sum.
    #[must_use]
    pub fn amount_cents(&self) -> i64 {
        self.shares.iter().map(|share| share.amount_cents).sum()
    }

    /// Who takes a share.
    #[must_use]
    pub fn parties(&self) -> Vec<PartyId> {
        self.shares.iter().map(|share| share.party).collect()
    }
}

/// A reservation asked for.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn wanted_from_proto(request: &pb::ReserveRequest) -> Result<WantedReservation, Failure> {
    let mut faults = Faults::default();
    let lot = faults.id("lot_id", &request.lot_id);
    let order = faults.id("order_id", &request.order_id);
    faults.count("shares", request.shares.len(), 1, MOST_SHARES);
    let mut seen = HashSet::new();
    let mut shares = Vec::with_capacity(request.shares.len());
    for (index, share) in request.shares.iter().enumerate() {
        faults.cents(format!("shares[{index}].amount_cents"), share.amount_cents);
        if let Some(party) = faults.id(format!("shares[{index}].party_id"), &share.party_id) {
            if !seen.insert(party) {
                faults.add(format!("shares[{index}].party_id"), "is there twice");
            }
            shares.push(WantedShare { party, amount_cents: share.amount_cents });
        }
    }
    if request.shares.iter().all(|share| share.amount_cents == 0) {
        faults.add("shares", "must take at least 1 cent together");
    }
    let wanted = lot.zip(order).map(|(lot, order)| WantedReservation { lot, order, shares });
    faults.finish(wanted)
}

/// The id of a reservation.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn reservation_id_from_proto(text: &str) -> Result<ReservationId, Failure> {
    let mut faults = Faults::default();
    let id = faults.id("reservation_id", text);
    faults.finish(id)
}

/// What is to be given back: reservation and cents EUR, 1 or more.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn release_from_proto(request: &pb::ReleaseReservationRequest) -> Result<(ReservationId, i64), Failure> {
    let mut faults = Faults::default();
    let id = faults.id("reservation_id", &request.reservation_id);
    if request.amount_cents < 1 {
        faults.add("amount_cents", "must be 1 or more");
    }
    faults.finish(id.map(|id| (id, request.amount_cents)))
}
