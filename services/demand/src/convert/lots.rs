//! The draft of a consultation.

use proto::{catalogue::v1::Article, demand::v1 as wire};

use crate::domain::lots::{Described, Line, Lot, Span};

/// What the catalogue says of an article.
pub(crate) fn described(article: &Article) -> Described {
    let sold = article.packagings.iter().filter(|level| level.orderable);
    Described {
        label: article.label.clone(),
        cpv: article.cpv.clone(),
        packagings: sold.map(|level| level.code.clone()).collect(),
    }
}

/// Lots with their figures; the rest is left to the caller.
pub(crate) fn draft_to_proto(lots: &[Lot], span: Span) -> wire::DraftConsultationResponse {
    let unpriced = lots.iter().flat_map(|lot| &lot.lines).filter(|line| line.reference_price.is_none());
    wire::DraftConsultationResponse {
        lots: lots.iter().map(lot_to_proto).collect(),
        duration_months: span.duration_months,
        margin_percent: span.margin_percent,
        articles_without_price: unpriced.map(|line| line.asked.article.to_string()).collect(),
        ..wire::DraftConsultationResponse::default()
    }
}

fn lot_to_proto(lot: &Lot) -> wire::DraftLot {
    wire::DraftLot {
        number: lot.number,
        cpv_class: lot.cpv_class.clone(),
        title: lot.title.clone(),
        estimated_cents: lot.estimated_cents,
        maximum_cents: lot.maximum_cents,
        lines: lot.lines.iter().map(line_to_proto).collect(),
    }
}

fn line_to_proto(line: &Line) -> wire::DraftLine {
    wire::DraftLine {
        article_id: line.asked.article.to_string(),
        label: line.described.label.clone(),
        units: line.asked.units,
        minimum_units: line.asked.minimum_units,
        firm_units: line.asked.firm_units,
        quantity: line.quantity,
        reference_price: line.reference_price.map(|price| price.to_string()).unwrap_or_default(),
        value_cents: line.value_cents,
        packaging_codes: line.described.packagings.clone(),
    }
}
