//! Prices on the wire, and agreements as tendering tells them.

use std::collections::HashSet;

use kit::{Failure, id::PriceId, money::parse_unit_price};
use proto::{
    catalogue::v1::{ListPricesRequest, Price as ProtoPrice, SetPricesRequest, Tier as ProtoTier},
    tendering::v1::{Agreement, OfferedTier, PricesAwarded},
};
use rust_decimal::Decimal;

use super::{Faults, id, parse_day, text};
use crate::domain::{
    price::{AgreementTerms, Filter, MULTIPLE_LIMIT, Offer, Period, Price, Tier, TierError, Tiers},
    reference::Reference,
};

/// Prices of one call at most.
const PRICES_LIMIT: usize = 1_000;
/// Agreements of one call at most: each costs a call to tendering.
const AGREEMENTS_LIMIT: usize = 20;

/// A price as asked: the article still has to be found.
#[derive(Debug, Clone)]
pub(crate) struct AskedPrice {
    /// How the article is named.
    pub(crate) article: Reference,
    /// The rest.
    pub(crate) offer: Offer,
}

/// The prices of a request.
pub(crate) fn prices_to_set(request: &SetPricesRequest) -> Result<Vec<AskedPrice>, Failure> {
    let mut faults = Faults::default();
    if request.prices.is_empty() || request.prices.len() > PRICES_LIMIT {
        faults.add("prices", format!("must be 1 to {PRICES_LIMIT}, got {}", request.prices.len()));
        return faults.finish(None);
    }
    let agreements: HashSet<&str> = request.prices.iter().map(|price| price.agreement_id.as_str()).collect();
    if agreements.len() > AGREEMENTS_LIMIT {
        faults.add("prices", format!("must be of {AGREEMENTS_LIMIT} agreements at most, are of {}", agreements.len()));
    }
    let mut prices = Vec::with_capacity(request.prices.len());
    for (index, sent) in request.prices.iter().enumerate() {
        prices.push(price(&mut faults, &format!("prices[{index}]"), sent));
    }
    faults.finish(prices.into_iter().collect())
}

fn price(faults: &mut Faults, path: &str, sent: &ProtoPrice) -> Option<AskedPrice> {
    let at = |field: &str| format!("{path}.{field}");
    let agreement = id(faults, at("agreement_id"), &sent.agreement_id);
    let lot = id(faults, at("lot_id"), &sent.lot_id);
    let supplier = id(faults, at("supplier_id"), &sent.supplier_id);
    let reference = Reference::parse(&sent.article_id);
    let article = faults
        .keep(at("article_id"), reference.ok_or("must be art_…, key:…, or a product code with a right check digit"));
    let packaging_code = text(faults, at("packaging_code"), &sent.packaging_code, 20);
    let multiple = sent.order_multiple_packs;
    let in_range = (1..=MULTIPLE_LIMIT).contains(&multiple);
    let multiple = faults.keep(
        at("order_multiple_packs"),
        if in_range { Ok(multiple) } else { Err(format!("must be 1 to {MULTIPLE_LIMIT}")) },
    );
    let tiers = tiers(faults, path, &sent.tiers);
    let from = faults.keep(at("valid_from"), parse_day(&sent.valid_from));
    let to = faults.keep(at("valid_to"), parse_day(&sent.valid_to));
    let period = match (from, to) {
        (Some(from), Some(to)) => {
            faults.keep(at("valid_to"), Period::new(from, to).ok_or("must not lie before valid_from"))
        }
        (None, _) | (_, None) => None,
    };
    Some(AskedPrice {
        article: article?,
        offer: Offer {
            agreement: agreement?,
            lot: lot?,
            supplier: supplier?,
            packaging_code: packaging_code?,
            order_multiple_packs: multiple?,
            tiers: tiers?,
            period: period?,
        },
    })
}

fn tiers(faults: &mut Faults, path: &str, sent: &[ProtoTier]) -> Option<Tiers> {
    let mut tiers = Vec::with_capacity(sent.len());
    for (index, tier) in sent.iter().enumerate() {
        let unit_price =
            faults.keep(format!("{path}.tiers[{index}].unit_price"), parse_unit_price(&tier.unit_price))?;
        tiers.push(Tier { min_units: tier.min_units, unit_price });
    }
    match Tiers::new(tiers) {
        Ok(tiers) => Some(tiers),
        Err(found) => {
            for (index, error) in found {
                let field = match error {
                    TierError::TierCount(_) => format!("{path}.tiers"),
                    TierError::NotFromZero(_) | TierError::NotRising { .. } => {
                        format!("{path}.tiers[{index}].min_units")
                    }
                    TierError::PriceRises { .. } => format!("{path}.tiers[{index}].unit_price"),
                };
                faults.add(field, error);
            }
            None
        }
    }
}

/// The prices of a signed agreement, as tendering's log tells them. One that makes no sense is an internal error.
pub(crate) fn awarded_prices(awarded: &PricesAwarded) -> Result<Vec<AskedPrice>, Failure> {
    let mut faults = Faults::default();
    let prices = awarded.prices.iter().enumerate().map(|(index, sent)| {
        let tier = |tier: &OfferedTier| ProtoTier { min_units: tier.min_units, unit_price: tier.unit_price.clone() };
        let sent = ProtoPrice {
            agreement_id: awarded.agreement_id.clone(),
            lot_id: sent.lot_id.clone(),
            supplier_id: sent.supplier_id.clone(),
            article_id: sent.article_id.clone(),
            packaging_code: sent.packaging_code.clone(),
            order_multiple_packs: sent.order_multiple_packs,
            tiers: sent.tiers.iter().map(tier).collect(),
            valid_from: sent.valid_from.clone(),
            valid_to: sent.valid_to.clone(),
            ..ProtoPrice::default()
        };
        price(&mut faults, &format!("prices[{index}]"), &sent)
    });
    let prices = prices.collect();
    faults.finish(prices)
}

/// What tendering says of an agreement, as far as prices need it. An answer that makes no sense is an internal error.
pub(crate) fn agreement_terms(agreement: &Agreement) -> Result<AgreementTerms, Failure> {
    let wrong =
        |what: &str| Failure::internal(format!("tendering answered agreement {} with wrong {what}", agreement.id));
    let day = |text: &str| parse_day(text).map_err(|_| wrong("dates"));
    let period = Period::new(day(&agreement.starts_on)?, day(&agreement.ends_on)?).ok_or_else(|| wrong("dates"))?;
    let mut holders = std::collections::HashMap::with_capacity(agreement.lots.len());
    for lot in &agreement.lots {
        let (Ok(lot_id), Ok(holder)) = (lot.id.parse(), lot.holder_id.parse()) else { return Err(wrong("lots")) };
        holders.insert(lot_id, holder);
    }
    Ok(AgreementTerms { period, holders })
}

/// Reads a filter.
pub(crate) fn price_filter(request: &ListPricesRequest) -> Result<Filter, Failure> {
    let mut faults = Faults::default();
    let on = if request.on.is_empty() { None } else { faults.keep("on", parse_day(&request.on)) };
    for (field, count, limit) in
        [("agreement_ids", request.agreement_ids.len(), 100), ("article_ids", request.article_ids.len(), 20_000)]
    {
        if count > limit {
            faults.add(field, format!("must be {limit} at most, got {count}"));
        }
    }
    let mut agreements = Vec::with_capacity(request.agreement_ids.len());
    for (index, text) in request.agreement_ids.iter().enumerate() {
        agreements.extend(id(&mut faults, format!("agreement_ids[{index}]"), text));
    }
    let mut articles = Vec::with_capacity(request.article_ids.len());
    for (index, text) in request.article_ids.iter().enumerate() {
        articles.extend(id(&mut faults, format!("article_ids[{index}]"), text));
    }
    faults.finish(Some(Filter { on, agreements, articles }))
}

/// A price with its id and the VAT rate of its article in percent.
pub(crate) fn price_to_proto(price_id: PriceId, price: &Price, vat_rate: Decimal) -> ProtoPrice {
    let offer = &price.offer;
    let tier =
        |tier: &Tier| ProtoTier { min_units: tier.min_units, unit_price: tier.unit_price.normalize().to_string() };
    ProtoPrice {
        id: price_id.to_string(),
        agreement_id: offer.agreement.to_string(),
        lot_id: offer.lot.to_string(),
        supplier_id: offer.supplier.to_string(),
        article_id: price.article.to_string(),
        packaging_code: offer.packaging_code.clone(),
        pack_units: price.pack_units,
        order_multiple_packs: offer.order_multiple_packs,
        tiers: offer.tiers.as_slice().iter().map(tier).collect(),
        valid_from: offer.period.from().to_string(),
        valid_to: offer.period.to().to_string(),
        vat_rate: vat_rate.normalize().to_string(),
    }
}
