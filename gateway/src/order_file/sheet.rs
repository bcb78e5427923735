//! What an order's workbook, PDF and reply page show: the envelope, each buyer's order form, its delivery points and their
//! lines, with figures that add up. Nothing here knows how it is drawn.

use std::collections::{BTreeMap, HashMap};

use kit::{
    Failure,
    conversion::{Level, counted, packagings},
    money::percent_of,
};
use proto::{
    catalogue::v1::Article,
    demand::v1 as pb,
    membership::v1::{Party, Site},
};
use rust_decimal::Decimal;

use super::gather::Source;

/// A pooled order, ready to be shown.
#[derive(Debug)]
pub struct Sheet {
    /// Legal number.
    pub number: String,
    /// Name of the group.
    pub group: String,
    /// Number and title of the agreement.
    pub agreement: String,
    /// Number and title of the lot.
    pub lot: String,
    /// Who delivers.
    pub supplier: Company,
    /// RFC 3339; empty until placed.
    pub placed_at: String,
    /// Where lines that go through the platform are shipped to.
    pub platform: Option<Place>,
    /// What is to be shipped, by article, all buyers together.
    pub articles: Vec<Item>,
    /// By number.
    pub forms: Vec<Form>,
    /// Of all forms.
    pub totals: Totals,
    /// Cents EUR without VAT cancelled since the order was placed.
    pub cancelled_cents: i64,
}

/// A buyer's order (bon de commande).
#[derive(Debug)]
pub struct Form {
    /// Legal number.
    pub number: String,
    /// Commitment number (numéro d'engagement); may be empty.
    pub commitment: String,
    /// Who orders.
    pub orderer: Company,
    /// Who receives.
    pub receiver: String,
    /// Who pays.
    pub payer: Company,
    /// By member and site.
    pub points: Vec<Point>,
    /// Of its lines.
    pub totals: Totals,
}

/// Where lines of a form are for, and where they are shipped to.
#[derive(Debug)]
pub struct Point {
    /// Member they are for.
    pub member: String,
    /// Site they are for.
    pub site: Place,
    /// The platform, when they go through it.
    pub by_platform: bool,
    /// Its lines, by article.
    pub lines: Vec<Item>,
}

/// So much of one article.
#[derive(Debug)]
pub struct Item {
    /// `pll_…` of the pooled line.
    pub pooled_line_id: String,
    /// Code that a supplier knows.
    pub code: String,
    /// Label.
    pub label: String,
    /// Code of the packaging.
    pub packaging_code: String,
    /// Label of the base unit.
    pub unit: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Whole packs ordered; none where the platform opens packs for several sites.
    pub packs: Option<i64>,
    /// Base units ordered.
    pub units: i64,
    /// Base units of it cancelled since.
    pub cancelled: i64,
    /// `4 cartons × 10 boîtes × 30 comprimés = 1 200 comprimés`.
    pub conversion: String,
    /// EUR per base unit without VAT, as a decimal.
    pub unit_price: String,
    /// Cents EUR without VAT of what was ordered.
    pub amount_cents: i64,
    /// Percent, as a decimal.
    pub vat_rate: String,
    /// ISO date promised by the supplier; may be empty.
    pub promised_on: String,
    /// Why it accepted less, in its words; may be empty.
    pub reason: String,
}

/// Who somebody is.
#[derive(Debug, Default)]
pub struct Company {
    /// Name.
    pub name: String,
    /// 14 digits; may be empty.
    pub siret: String,
}

/// Where something is.
#[derive(Debug, Default, Clone)]
pub struct Place {
    /// Name.
    pub name: String,
    /// FINESS number; may be empty.
    pub finess: String,
    /// Street, postcode and town on one line.
    pub address: String,
}

/// Amounts in cents EUR, VAT per rate on the total at that rate (design decision 7).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Totals {
    /// By rate in percent: without VAT, and the VAT.
    pub by_rate: BTreeMap<Decimal, (i64, i64)>,
    /// Without VAT.
    pub amount_cents: i64,
    /// VAT.
    pub vat_cents: i64,
}

impl Totals {
    /// With VAT.
    #[must_use]
    pub const fn with_vat_cents(&self) -> i64 {
        self.amount_cents + self.vat_cents
    }

    fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Result<Self, Failure> {
        let mut by_rate: BTreeMap<Decimal, (i64, i64)> = BTreeMap::new();
        for item in items {
            let rate: Decimal = item.vat_rate.parse().map_err(Failure::internal)?;
            by_rate.entry(rate.normalize()).or_default().0 += item.amount_cents;
        }
        for (rate, (amount, vat)) in &mut by_rate {
            *vat = percent_of(*rate, *amount).map_err(Failure::internal)?;
        }
        Ok(Self::sum(by_rate))
    }

    /// Several forms together: what each owes is rounded on its own.
    fn together<'a>(forms: impl Iterator<Item = &'a Self>) -> Self {
        let mut by_rate: BTreeMap<Decimal, (i64, i64)> = BTreeMap::new();
        for (rate, (amount, vat)) in forms.flat_map(|totals| &totals.by_rate) {
            let sum = by_rate.entry(*rate).or_default();
            *sum = (sum.0 + amount, sum.1 + vat);
        }
        Self::sum(by_rate)
    }

    fn sum(by_rate: BTreeMap<Decimal, (i64, i64)>) -> Self {
        let (amount_cents, vat_cents) =
            by_rate.values().fold((0, 0), |sum, (amount, vat)| (sum.0 + amount, sum.1 + vat));
        Self { by_rate, amount_cents, vat_cents }
    }
}

impl Sheet {
    /// Lays an order out.
    ///
    /// # Errors
    /// When the services' figures do not fit together.
    pub fn of(source: &Source) -> Result<Self, Failure> {
        let order = &source.order;
        let of_pooled: HashMap<&str, &pb::PooledOrderLine> =
            source.pooled.iter().map(|line| (line.id.as_str(), line)).collect();
        let mut points: HashMap<&str, BTreeMap<PointKey, Vec<Item>>> = HashMap::new();
        for line in &source.lines {
            let pooled = of_pooled
                .get(line.pooled_line_id.as_str())
                .ok_or_else(|| Failure::internal(format!("{} is in no line of {}", line.id, order.id)))?;
            let key = PointKey {
                member: company(source, &line.party_id).name,
                site: place(source, &line.site_id).name,
                site_id: line.site_id.clone(),
                by_platform: line.route() == pb::Route::Platform,
            };
            points.entry(&line.order_form_id).or_default().entry(key).or_default().push(item(source, pooled, line));
        }
        let mut forms = Vec::with_capacity(source.forms.len());
        for form in source.forms.values() {
            forms.push(of_form(source, form, points.remove(form.id.as_str()).unwrap_or_default())?);
        }
        forms.sort_by(|one, other| one.number.cmp(&other.number));
        let lot = source.agreement.lots.iter().find(|lot| lot.id == order.lot_id);
        let mut articles: Vec<_> = source.pooled.iter().map(|line| pooled_item(source, line)).collect();
        articles.sort_by(|one, other| one.label.cmp(&other.label));
        Ok(Self {
            number: order.number.clone(),
            group: source.group.clone(),
            agreement: format!("{} — {}", source.agreement.number, source.agreement.title),
            lot: lot.map(|lot| format!("{} — {}", lot.number, lot.title)).unwrap_or_default(),
            supplier: company(source, &order.supplier_id),
            placed_at: order.placed_at.clone(),
            platform: Some(&order.platform_site_id).filter(|id| !id.is_empty()).map(|id| place(source, id)),
            articles,
            totals: Totals::together(forms.iter().map(|form| &form.totals)),
            forms,
            cancelled_cents: order.cancelled_cents,
        })
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PointKey {
    member: String,
    site: String,
    site_id: String,
    by_platform: bool,
}

fn of_form(source: &Source, form: &pb::OrderForm, points: BTreeMap<PointKey, Vec<Item>>) -> Result<Form, Failure> {
    let points: Vec<Point> = points
        .into_iter()
        .map(|(key, mut lines)| {
            lines.sort_by(|one, other| one.label.cmp(&other.label));
            Point { member: key.member, site: place(source, &key.site_id), by_platform: key.by_platform, lines }
        })
        .collect();
    let totals = Totals::of(points.iter().flat_map(|point| &point.lines))?;
    if (totals.amount_cents, totals.vat_cents) != (form.amount_cents, form.vat_cents) {
        return Err(Failure::internal(format!("the lines of {} do not add up to it", form.id)));
    }
    Ok(Form {
        number: form.number.clone(),
        commitment: form.commitment_number.clone(),
        orderer: company(source, &form.orderer_id),
        receiver: company(source, &form.receiver_id).name,
        payer: company(source, &form.payer_id),
        points,
        totals,
    })
}

fn company(source: &Source, id: &str) -> Company {
    let of = |party: &Party| Company { name: party.name.clone(), siret: party.siret.clone() };
    source.parties.get(id).map(of).unwrap_or_default()
}

fn place(source: &Source, id: &str) -> Place {
    let of = |site: &Site| {
        let town = format!("{} {}", site.postcode, site.city);
        let parts = [site.address.as_str(), town.trim()];
        Place {
            name: site.name.clone(),
            finess: site.finess.clone(),
            address: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        }
    };
    source.sites.get(id).map(of).unwrap_or_default()
}

fn item(source: &Source, pooled: &pb::PooledOrderLine, line: &pb::OrderLine) -> Item {
    Item {
        packs: (line.units_ordered % line.pack_units.max(1) == 0).then(|| line.units_ordered / line.pack_units.max(1)),
        units: line.units_ordered,
        cancelled: line.units_cancelled,
        conversion: conversion(source.articles.get(&line.article_id), line, line.units_ordered),
        amount_cents: line.amount_cents,
        ..pooled_item(source, pooled)
    }
}

fn pooled_item(source: &Source, line: &pb::PooledOrderLine) -> Item {
    let article = source.articles.get(&line.article_id);
    let packed = pb::OrderLine {
        packaging_code: line.packaging_code.clone(),
        pack_units: line.pack_units,
        ..Default::default()
    };
    Item {
        pooled_line_id: line.id.clone(),
        code: article.map_or(line.article_id.as_str(), |article| code(article, &line.packaging_code)).to_owned(),
        label: article.map(|article| article.label.clone()).unwrap_or_default(),
        packaging_code: line.packaging_code.clone(),
        unit: article.map(|article| article.base_unit_label.clone()).unwrap_or_default(),
        pack_units: line.pack_units,
        packs: Some(line.packs),
        units: line.units_ordered,
        cancelled: line.units_cancelled,
        conversion: conversion(article, &packed, line.units_ordered),
        unit_price: line.unit_price.clone(),
        amount_cents: line.amount_cents,
        vat_rate: line.vat_rate.clone(),
        promised_on: line.promised_on.clone(),
        reason: line.answer_reason.clone(),
    }
}

/// How packs become base units, in words. Catalogue may have changed its packagings since: then the order's own figures.
fn conversion(article: Option<&Article>, line: &pb::OrderLine, units: i64) -> String {
    let Some(article) = article else { return units.to_string() };
    let level = |level: &proto::catalogue::v1::Packaging| Level {
        code: level.code.clone(),
        label: level.label.clone(),
        contains: Some((level.contains_code.clone(), level.contains_count)).filter(|(code, _)| !code.is_empty()),
    };
    let levels: Vec<Level> = article.packagings.iter().map(level).collect();
    let known = packagings(&levels, &article.base_unit_label).unwrap_or_default();
    let packaging =
        known.into_iter().find(|known| known.code == line.packaging_code && known.base_units == line.pack_units);
    match packaging {
        // Some labels begin with what is inside: `10 ampoules de 2 ml`.
        Some(mut packaging) if units % line.pack_units == 0 => {
            if packaging.label.starts_with(|first: char| first.is_ascii_digit()) {
                packaging.label = "conditionnement".to_owned();
            }
            packaging.in_words(units / line.pack_units, units)
        }
        Some(_) | None => counted(units, &article.base_unit_label),
    }
}

/// What was cancelled meanwhile must not be shipped.
pub const fn net_units(line: &pb::OrderLine) -> i64 {
    line.units_ordered - line.units_cancelled
}

/// `sit_…` that the supplier ships to.
pub fn destination<'a>(source: &'a Source, line: &'a pb::OrderLine) -> &'a str {
    if line.route() == pb::Route::Platform { &source.order.platform_site_id } else { &line.site_id }
}

/// The identifier that a supplier knows: that of the packaging ordered, any of the article's, or our key.
pub fn code<'a>(article: &'a Article, packaging: &str) -> &'a str {
    let of_packaging = article.packagings.iter().find(|level| level.code == packaging);
    let any = article.packagings.iter().flat_map(|level| &level.identifiers);
    of_packaging
        .and_then(|level| level.identifiers.first())
        .or_else(|| any.clone().next())
        .map_or(article.key.as_str(), |identifier| identifier.value.as_str())
}
