//! Orders to protobuf.

use kit::{
    Failure,
    db::corrupt,
    id::{ArticleId, PartyId, SiteId},
};
use proto::{common::v1 as common, demand::v1 as wire};

use super::{
    Fields,
    plans::{reasons_to_proto, route_to_proto},
    time_to_proto,
};
use crate::{
    domain::{order::OrderState, savings::MemberSavings},
    store::{
        books::{Balance, BalanceKey},
        orders::{Form, Order, OrderLine, PooledLine},
    },
};

const fn state_to_proto(state: OrderState) -> wire::PooledOrderState {
    match state {
        OrderState::Placing => wire::PooledOrderState::Placing,
        OrderState::Placed => wire::PooledOrderState::Placed,
        OrderState::Answered => wire::PooledOrderState::Answered,
        OrderState::Refused => wire::PooledOrderState::Refused,
    }
}

/// A pooled order.
///
/// # Errors
/// Internal when its reasons cannot be read.
pub fn order_to_proto(order: Order) -> Result<wire::PooledOrder, Failure> {
    let row = order.row;
    let opening = row.opening_party_id.map(|party| wire::OpeningOrder {
        party_id: party.to_string(),
        ordered_on: row.opening_ordered_on.map(|day| day.to_string()).unwrap_or_default(),
        as_of: row.opening_as_of.map(|day| day.to_string()).unwrap_or_default(),
        source: row.opening_source.clone().unwrap_or_default(),
    });
    Ok(wire::PooledOrder {
        id: row.id.to_string(),
        group_id: row.group_id.to_string(),
        number: row.number,
        plan_id: row.plan_id.map(|plan| plan.to_string()).unwrap_or_default(),
        agreement_id: row.agreement_id.to_string(),
        lot_id: row.lot_id.to_string(),
        supplier_id: row.supplier_id.to_string(),
        state: state_to_proto(order.state).into(),
        amount_cents: row.amount_cents,
        units_ordered: row.units_ordered,
        reasons: reasons_to_proto(&row.reasons)?,
        placed_at: row.placed_at.map(time_to_proto).unwrap_or_default(),
        form_count: row.form_count,
        version: row.version,
        answer_means: row.answer_means.unwrap_or_default(),
        answered_by: row.answered_by.unwrap_or_default(),
        cancelled_cents: row.cancelled_cents,
        platform_site_id: row.platform_site_id.map(|id| id.to_string()).unwrap_or_default(),
        opening,
    })
}

/// One article of a pooled order.
#[must_use]
pub fn pooled_line_to_proto(line: PooledLine) -> wire::PooledOrderLine {
    wire::PooledOrderLine {
        id: line.id.to_string(),
        article_id: line.article_id.to_string(),
        packaging_code: line.packaging_code,
        pack_units: line.pack_units,
        packs: line.packs,
        units_ordered: line.units_ordered,
        units_cancelled: line.units_cancelled,
        unit_price: line.unit_price.normalize().to_string(),
        amount_cents: line.amount_cents,
        promised_on: line.promised_on.map(|day| day.to_string()).unwrap_or_default(),
        vat_rate: line.vat_rate.normalize().to_string(),
        answer_reason: line.answer_reason,
    }
}

/// An order form.
///
/// # Errors
/// Internal when its state cannot be read.
pub fn form_to_proto(form: Form) -> Result<wire::OrderForm, Failure> {
    let state = OrderState::parse(&form.state).ok_or_else(|| corrupt("order_form", "state", form.id))?;
    Ok(wire::OrderForm {
        id: form.id.to_string(),
        group_id: form.group_id.to_string(),
        pooled_order_id: form.pooled_order_id.to_string(),
        number: form.number,
        orderer_id: form.orderer_id.to_string(),
        receiver_id: form.receiver_id.to_string(),
        payer_id: form.payer_id.to_string(),
        commitment_number: form.commitment_number.unwrap_or_default(),
        amount_cents: form.amount_cents,
        vat_cents: form.vat_cents,
        supplier_id: form.supplier_id.to_string(),
        state: state_to_proto(state).into(),
    })
}

/// An order line.
#[must_use]
pub fn order_line_to_proto(line: OrderLine) -> wire::OrderLine {
    let kind = if line.kind == "SERVICE" { common::LineKind::Service } else { common::LineKind::Goods };
    wire::OrderLine {
        id: line.id.to_string(),
        order_form_id: line.order_form_id.to_string(),
        pooled_order_id: line.pooled_order_id.to_string(),
        pooled_line_id: line.pooled_line_id.to_string(),
        party_id: line.party_id.to_string(),
        site_id: line.site_id.to_string(),
        route: route_to_proto(&line.route).into(),
        article_id: line.article_id.to_string(),
        packaging_code: line.packaging_code,
        pack_units: line.pack_units,
        units_ordered: line.units_ordered,
        units_cancelled: line.units_cancelled,
        units_delivered: line.units_delivered,
        units_outstanding: line.units_ordered - line.units_cancelled - line.units_delivered,
        unit_price: line.unit_price.normalize().to_string(),
        amount_cents: line.amount_cents,
        cancelled_cents: line.cancelled_cents,
        kind: kind.into(),
        group_id: line.group_id.to_string(),
    }
}

/// A balance.
#[must_use]
pub fn balance_to_proto(balance: &Balance) -> wire::Balance {
    wire::Balance {
        party_id: balance.party_id.to_string(),
        article_id: balance.article_id.to_string(),
        site_id: balance.site_id.to_string(),
        units_ordered: balance.ordered,
        units_delivered: balance.delivered,
        units_cancelled: balance.cancelled,
        units_outstanding: balance.ordered - balance.delivered - balance.cancelled,
    }
}

/// Key of a balance, as pages carry it.
#[must_use]
pub fn balance_key_to_proto((party, article, site): BalanceKey) -> String {
    format!("{party}:{article}:{site}")
}

/// Reads the key of a balance; none for the first page.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn balance_key(text: &str) -> Result<Option<BalanceKey>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut parts = text.split(':');
    let mut fields = Fields::default();
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (party, article, site) = (part(), part(), part());
    let party: Option<PartyId> = fields.id("page.after", &party);
    let article: Option<ArticleId> = fields.id("page.after", &article);
    let site: Option<SiteId> = fields.id("page.after", &site);
    fields.check(parts.next().is_none(), "page.after", "must be a key given by next_after");
    fields.finish()?;
    Ok(party.zip(article).zip(site).map(|((party, article), site)| (party, article, site)))
}

/// Savings of one member.
#[must_use]
pub fn savings_to_proto(savings: &MemberSavings) -> wire::MemberSavings {
    wire::MemberSavings {
        party_id: savings.party.to_string(),
        reference_cents: savings.reference_cents,
        paid_cents: savings.paid_cents,
        savings_cents: savings.committed_cents(),
        lines_with_reference: savings.lines_with_reference,
        lines_without_reference: savings.lines_without_reference,
        received_savings_cents: savings.received_cents(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_key_round_trips() {
        let key = (PartyId::new(), ArticleId::new(), SiteId::new());
        assert_eq!(balance_key(&balance_key_to_proto(key)).unwrap(), Some(key));
        assert_eq!(balance_key("").unwrap(), None);
        assert!(balance_key("pty_1").is_err());
        assert!(balance_key(&format!("{}:x", balance_key_to_proto(key))).is_err());
    }
}
