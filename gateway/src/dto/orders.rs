//! Pooled orders, order forms and what became of them.

use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::{LineKind, Reason},
    shipments::Route,
};

/// State of a pooled order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PooledOrderState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// The process is reserving on the ceiling.
    Placing,
    /// Reserved, confirmed and announced to the supplier.
    Placed,
    /// The supplier has answered every line.
    Answered,
    /// The ceiling or the beneficiary check refused it.
    Refused,
}

impl From<i32> for PooledOrderState {
    fn from(value: i32) -> Self {
        match pb::PooledOrderState::try_from(value) {
            Ok(pb::PooledOrderState::Placing) => Self::Placing,
            Ok(pb::PooledOrderState::Placed) => Self::Placed,
            Ok(pb::PooledOrderState::Answered) => Self::Answered,
            Ok(pb::PooledOrderState::Refused) => Self::Refused,
            Ok(pb::PooledOrderState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PooledOrderState> for i32 {
    fn from(value: PooledOrderState) -> Self {
        let value = match value {
            PooledOrderState::Unspecified => pb::PooledOrderState::Unspecified,
            PooledOrderState::Placing => pb::PooledOrderState::Placing,
            PooledOrderState::Placed => pb::PooledOrderState::Placed,
            PooledOrderState::Answered => pb::PooledOrderState::Answered,
            PooledOrderState::Refused => pb::PooledOrderState::Refused,
        };
        value.into()
    }
}

/// An envelope: what one supplier delivers to several buyers under one lot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PooledOrder {
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// Legal number in the group, e.g. `CG-2026-0001`; of an order placed before Centrale the member's own.
    #[schema(example = "CG-2026-0001")]
    pub number: String,
    /// `pln_…`; absent for an order placed before Centrale.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pln_0198c2f07a3b7c11a2d34e5f60718293")]
    pub plan_id: Option<String>,
    /// Of an order placed before Centrale, where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningOrder>,
    /// `agr_…`.
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub agreement_id: String,
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// State.
    pub state: PooledOrderState,
    /// Cents EUR without VAT.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// Base units ordered.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Why it was allowed or refused.
    pub reasons: Vec<Reason>,
    /// RFC 3339; absent until placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub placed_at: Option<String>,
    /// Order forms in it.
    pub form_count: i64,
    /// Changes at each change; for ETag.
    pub version: i64,
    /// How the answer came: PORTAL, EMAIL_LINK, PHONE, EMAIL, FILE; absent until answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_means: Option<String>,
    /// Who entered the answer, `prs_…`; `link:pty_…` for who had the supplier's link.
    #[schema(example = "prs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub answered_by: String,
    /// Cents EUR of what was cancelled since.
    pub cancelled_cents: i64,
}

impl From<pb::PooledOrder> for PooledOrder {
    fn from(value: pb::PooledOrder) -> Self {
        Self {
            id: value.id,
            group_id: value.group_id,
            number: value.number,
            plan_id: some(value.plan_id),
            opening: value.opening.map(Into::into),
            agreement_id: value.agreement_id,
            lot_id: value.lot_id,
            supplier_id: value.supplier_id,
            state: value.state.into(),
            amount_cents: value.amount_cents,
            units_ordered: value.units_ordered,
            reasons: all(value.reasons),
            placed_at: some(value.placed_at),
            form_count: value.form_count,
            version: value.version,
            answer_means: some(value.answer_means),
            answered_by: value.answered_by,
            cancelled_cents: value.cancelled_cents,
        }
    }
}

/// What is told of an order placed before Centrale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpeningOrder {
    /// `pty_…` of the member that placed it.
    pub party_id: String,
    /// Day of the order, ISO date.
    #[schema(format = Date)]
    pub ordered_on: String,
    /// Day on which it was drawn up, ISO date.
    #[schema(format = Date)]
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

impl From<pb::OpeningOrder> for OpeningOrder {
    fn from(value: pb::OpeningOrder) -> Self {
        let pb::OpeningOrder { party_id, ordered_on, as_of, source } = value;
        Self { party_id, ordered_on, as_of, source }
    }
}

/// One article of a pooled order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PooledOrderLine {
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Pack.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Packs ordered.
    pub packs: i64,
    /// Base units ordered.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Base units cancelled.
    pub units_cancelled: i64,
    /// EUR without VAT per base unit.
    #[schema(example = "0.0842")]
    pub unit_price: String,
    /// Cents EUR.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// ISO date promised by the supplier; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub promised_on: Option<String>,
    /// VAT rate in percent.
    #[schema(example = "2.1")]
    pub vat_rate: String,
    /// Why the supplier accepted less than was ordered, in its words; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Rupture jusqu'à fin janvier")]
    pub answer_reason: Option<String>,
}

impl From<pb::PooledOrderLine> for PooledOrderLine {
    fn from(value: pb::PooledOrderLine) -> Self {
        Self {
            id: value.id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            pack_units: value.pack_units,
            packs: value.packs,
            units_ordered: value.units_ordered,
            units_cancelled: value.units_cancelled,
            unit_price: value.unit_price,
            amount_cents: value.amount_cents,
            promised_on: some(value.promised_on),
            vat_rate: value.vat_rate,
            answer_reason: some(value.answer_reason),
        }
    }
}

/// A buyer's own order (bon de commande, CCP R2162-13) inside a pooled order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OrderForm {
    /// `orf_…`.
    #[schema(example = "orf_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// Legal number in the group, e.g. `BC-2026-0001`.
    #[schema(example = "BC-2026-0001")]
    pub number: String,
    /// `pty_…` of who orders.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub orderer_id: String,
    /// `pty_…` of who receives.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub receiver_id: String,
    /// `pty_…` of who pays.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub payer_id: String,
    /// Commitment number; absent where the payer's status does not require one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EJ-2026-0117")]
    pub commitment_number: Option<String>,
    /// Cents EUR without VAT.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// VAT in cents EUR, per rate on the total.
    pub vat_cents: i64,
    /// `pty_…` of the supplier.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// State of its pooled order.
    pub state: PooledOrderState,
}

impl From<pb::OrderForm> for OrderForm {
    fn from(value: pb::OrderForm) -> Self {
        Self {
            id: value.id,
            group_id: value.group_id,
            pooled_order_id: value.pooled_order_id,
            number: value.number,
            orderer_id: value.orderer_id,
            receiver_id: value.receiver_id,
            payer_id: value.payer_id,
            commitment_number: some(value.commitment_number),
            amount_cents: value.amount_cents,
            vat_cents: value.vat_cents,
            supplier_id: value.supplier_id,
            state: value.state.into(),
        }
    }
}

/// What one delivery point gets of one article.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OrderLine {
    /// `orl_…`.
    #[schema(example = "orl_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `orf_…`.
    #[schema(example = "orf_0198c2f07a3b7c11a2d34e5f60718293")]
    pub order_form_id: String,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// `pll_…` of the pooled line it is part of.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// How it gets there.
    pub route: Route,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Pack.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Base units ordered.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Base units cancelled.
    pub units_cancelled: i64,
    /// Base units delivered and certified.
    pub units_delivered: i64,
    /// ordered − cancelled − delivered.
    pub units_outstanding: i64,
    /// EUR without VAT per base unit.
    #[schema(example = "0.0842")]
    pub unit_price: String,
    /// Cents EUR.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// Cents EUR of the cancelled part.
    pub cancelled_cents: i64,
    /// Goods or service.
    pub kind: LineKind,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
}

impl From<pb::OrderLine> for OrderLine {
    fn from(value: pb::OrderLine) -> Self {
        Self {
            id: value.id,
            order_form_id: value.order_form_id,
            pooled_order_id: value.pooled_order_id,
            pooled_line_id: value.pooled_line_id,
            party_id: value.party_id,
            site_id: value.site_id,
            route: value.route.into(),
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            pack_units: value.pack_units,
            units_ordered: value.units_ordered,
            units_cancelled: value.units_cancelled,
            units_delivered: value.units_delivered,
            units_outstanding: value.units_outstanding,
            unit_price: value.unit_price,
            amount_cents: value.amount_cents,
            cancelled_cents: value.cancelled_cents,
            kind: value.kind.into(),
            group_id: value.group_id,
        }
    }
}

/// The supplier's answer to one line.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineAnswer {
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Base units accepted; the rest of the line is refused and cancelled. Whole packs.
    pub accepted_units: i64,
    /// ISO date; may be absent.
    #[schema(example = "2026-03-02", format = Date)]
    pub promised_on: Option<String>,
    /// Why less is accepted than was ordered, at most 500 characters; may be absent.
    #[schema(example = "Rupture jusqu'à fin janvier")]
    pub reason: Option<String>,
}

impl From<LineAnswer> for pb::LineAnswer {
    fn from(value: LineAnswer) -> Self {
        Self {
            pooled_line_id: value.pooled_line_id,
            accepted_units: value.accepted_units,
            promised_on: value.promised_on.unwrap_or_default(),
            reason: value.reason.unwrap_or_default(),
        }
    }
}

/// What became of what was ordered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Balance {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// Base units ordered.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Base units delivered and certified.
    pub units_delivered: i64,
    /// Base units cancelled.
    pub units_cancelled: i64,
    /// Base units outstanding.
    pub units_outstanding: i64,
}

impl From<pb::Balance> for Balance {
    fn from(value: pb::Balance) -> Self {
        Self {
            party_id: value.party_id,
            article_id: value.article_id,
            site_id: value.site_id,
            units_ordered: value.units_ordered,
            units_delivered: value.units_delivered,
            units_cancelled: value.units_cancelled,
            units_outstanding: value.units_outstanding,
        }
    }
}

/// Savings of one member (gains achat), without VAT.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberSavings {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Reference price × units ordered, for lines that have one, cents EUR.
    pub reference_cents: i64,
    /// Paid for the same lines, cents EUR.
    pub paid_cents: i64,
    /// reference − paid; negative for a member that loses.
    pub savings_cents: i64,
    /// Lines with a reference price.
    pub lines_with_reference: i64,
    /// Lines without one, left out.
    pub lines_without_reference: i64,
    /// The same difference on what was delivered and certified, provisional until invoiced, cents EUR.
    pub received_savings_cents: i64,
}

impl From<pb::MemberSavings> for MemberSavings {
    fn from(value: pb::MemberSavings) -> Self {
        Self {
            party_id: value.party_id,
            reference_cents: value.reference_cents,
            paid_cents: value.paid_cents,
            savings_cents: value.savings_cents,
            lines_with_reference: value.lines_with_reference,
            lines_without_reference: value.lines_without_reference,
            received_savings_cents: value.received_savings_cents,
        }
    }
}

/// Pooled orders, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct PooledOrderPage {
    /// This page's rows.
    pub orders: Vec<PooledOrder>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Order forms, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderFormPage {
    /// This page's rows.
    pub forms: Vec<OrderForm>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Order lines, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderLinePage {
    /// This page's rows.
    pub lines: Vec<OrderLine>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Balances, by party, article and site.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalancePage {
    /// This page's rows.
    pub balances: Vec<Balance>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
