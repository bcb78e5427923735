//! Orders that members placed before Centrale and that are not delivered yet. Their amount is part of what the lot had consumed when
//! it was entered: together they may never be more than that, for the lot and for each member whose part is known, and nothing is
//! reserved a second time.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use kit::{
    error::RowFault,
    french::euros,
    id::{AgreementId, ArticleId, LotId, PartyId, SiteId},
    money::{amount_cents, parse_unit_price},
};
use rust_decimal::Decimal;

use super::{
    need::LineKind,
    opening::{Faults, Known, SOURCE_LIMIT, day},
};

/// Longest number of an order, characters.
pub const NUMBER_LIMIT: usize = 60;

/// A row as typed.
#[derive(Debug, Clone, Default)]
pub struct TypedOrder {
    /// Row, from 1.
    pub row: i64,
    /// Reference of the member.
    pub party: String,
    /// Reference of its site.
    pub site: String,
    /// Reference of the agreement.
    pub agreement: String,
    /// Number of the lot.
    pub lot_number: i32,
    /// Reference of the supplier; may be empty.
    pub supplier: String,
    /// Own code or reference of the article.
    pub article: String,
    /// What the member calls it.
    pub label: String,
    /// Pack; may be empty.
    pub packaging: String,
    /// Base units ordered.
    pub ordered: i64,
    /// Base units that came already.
    pub delivered: i64,
    /// EUR without VAT per base unit.
    pub unit_price: String,
    /// ISO date.
    pub ordered_on: String,
    /// The member's own.
    pub number: String,
    /// ISO date.
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

/// A lot that orders may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLot {
    /// Its id.
    pub id: LotId,
    /// Its agreement.
    pub agreement: AgreementId,
    /// Its holder.
    pub holder: PartyId,
    /// For people: agreement and lot.
    pub name: String,
    /// Consumed before it was entered, cents EUR.
    pub opening_cents: i64,
    /// What of it is known to be whose.
    pub by_member: HashMap<PartyId, i64>,
}

/// An article as orders need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedArticle {
    /// Its id.
    pub id: ArticleId,
    /// Goods or service.
    pub kind: LineKind,
    /// Percent.
    pub vat_rate: Decimal,
    /// Base units by pack.
    pub packs: BTreeMap<String, i64>,
    /// The pack that the reference names, if it names one.
    pub named: String,
}

/// A line to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// Row, from 1.
    pub row: i64,
    /// Where the goods are waited for.
    pub site: SiteId,
    /// Of what.
    pub article: ArticleId,
    /// Goods or service.
    pub kind: LineKind,
    /// Pack.
    pub packaging: String,
    /// Base units in it.
    pub pack_units: i64,
    /// Base units ordered.
    pub ordered: i64,
    /// Base units that came already.
    pub delivered: i64,
    /// EUR without VAT per base unit.
    pub unit_price: Decimal,
    /// Cents EUR without VAT of all that was ordered.
    pub amount_cents: i64,
    /// Percent.
    pub vat_rate: Decimal,
}

/// What makes lines one order: the member, its number, the lot.
pub type OrderKey = (PartyId, String, LotId);

/// An order to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Its lot.
    pub lot: KnownLot,
    /// When it was placed.
    pub ordered_on: NaiveDate,
    /// As of which day it is told.
    pub as_of: NaiveDate,
    /// Where it comes from.
    pub source: String,
    /// Its lines, each article and site once.
    pub lines: Vec<NewLine>,
}

impl NewOrder {
    /// Cents EUR of all its lines.
    #[must_use]
    pub fn amount_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.amount_cents).sum()
    }

    /// Base units ordered.
    #[must_use]
    pub fn ordered(&self) -> i64 {
        self.lines.iter().map(|line| line.ordered).sum()
    }

    /// Base units that came already.
    #[must_use]
    pub fn delivered(&self) -> i64 {
        self.lines.iter().map(|line| line.delivered).sum()
    }
}

/// Reads a row: the order it belongs to, what it says of that order, and its line.
///
/// # Errors
/// Every fault of the row.
pub fn read(
    typed: &TypedOrder,
    known: &Known,
    article: Option<&OrderedArticle>,
    lot: Option<&KnownLot>,
    supplier: Option<PartyId>,
    today: NaiveDate,
) -> Result<(OrderKey, NewOrder), Vec<RowFault>> {
    let mut faults = Faults::of(typed.row);
    let party = faults.member(&typed.party, known);
    faults.article(&typed.article, known);
    let site = known.site.filter(|(_, owner)| party.is_none_or(|party| party == *owner)).map(|(site, _)| site);
    if site.is_none() {
        let problem = format!("« {} » n'est pas un site de ce membre.", typed.site);
        faults.add(
            "site",
            &typed.site,
            problem,
            "Indiquez le site qui attend la livraison : finess:…, gln:…, key:… ou sit_….",
        );
    }
    let Some(lot) = lot else {
        let problem =
            format!("Le groupement n'a pas de lot {} dans un accord-cadre « {} ».", typed.lot_number, typed.agreement);
        faults.add(
            "agreement",
            &typed.agreement,
            problem,
            "Indiquez le numéro de l'accord-cadre (ou agr_…, key:…) et du lot.",
        );
        return Err(faults.found);
    };
    if !typed.supplier.is_empty() && supplier != Some(lot.holder) {
        let problem = format!("« {} » n'est pas le titulaire du {}.", typed.supplier, lot.name);
        faults.add("supplier", &typed.supplier, problem, "Vérifiez le lot, ou laissez la cellule vide.");
    }
    let pack = article.and_then(|article| pack(&mut faults, typed, article));
    let price = parse_unit_price(&typed.unit_price).ok();
    let amount = price.and_then(|price| amount_cents(price, typed.ordered).ok());
    if amount.is_none() {
        let remedy = "Écrivez le prix hors taxes par unité de base, 6 décimales au plus : 0.0731.";
        faults.add("unit_price", &typed.unit_price, "Ce n'est pas un prix unitaire.", remedy);
    }
    let (as_of, ordered_on) = (day(&typed.as_of), day(&typed.ordered_on));
    if as_of.is_none_or(|day| day > today) {
        let problem = format!("« {} » n'est pas une date d'arrêté passée.", typed.as_of);
        faults.add("as_of", &typed.as_of, problem, "Écrivez le jour où l'état a été arrêté : 2026-11-15.");
    }
    if ordered_on.is_none_or(|day| as_of.is_some_and(|as_of| day > as_of)) {
        let problem = format!("« {} » n'est pas une date de commande antérieure à l'arrêté.", typed.ordered_on);
        faults.add("ordered_on", &typed.ordered_on, problem, "Écrivez 2026-10-24.");
    }
    for (column, text, limit) in [("number", &typed.number, NUMBER_LIMIT), ("source", &typed.source, SOURCE_LIMIT)] {
        if !(1..=limit).contains(&text.chars().count()) {
            let problem = format!("La cellule est vide ou dépasse {limit} caractères.");
            faults.add(column, text, problem, "Indiquez votre numéro de commande et d'où vient l'état.");
        }
    }
    match (party, site, article, pack, price, amount, as_of, ordered_on) {
        (
            Some(party),
            Some(site),
            Some(article),
            Some((packaging, pack_units)),
            Some(price),
            Some(amount),
            Some(as_of),
            Some(day),
        ) if faults.found.is_empty() => {
            let line = NewLine {
                row: typed.row,
                site,
                article: article.id,
                kind: article.kind,
                packaging,
                pack_units,
                ordered: typed.ordered,
                delivered: typed.delivered,
                unit_price: price,
                amount_cents: amount,
                vat_rate: article.vat_rate,
            };
            let source = typed.source.clone();
            let order = NewOrder { lot: lot.clone(), ordered_on: day, as_of, source, lines: vec![line] };
            Ok(((party, typed.number.clone(), lot.id), order))
        }
        (_, _, _, _, _, _, _, _) => Err(faults.found),
    }
}

/// The pack ordered and its base units, once the quantities are whole ones of it.
fn pack(faults: &mut Faults, typed: &TypedOrder, article: &OrderedArticle) -> Option<(String, i64)> {
    let code = if typed.packaging.is_empty() { &article.named } else { &typed.packaging };
    let Some(&units) = article.packs.get(code) else {
        let codes = article.packs.keys().cloned().collect::<Vec<_>>().join(", ");
        let remedy = format!("Choisissez parmi : {codes}.");
        faults.add("packaging", &typed.packaging, "L'article n'a pas ce conditionnement.", remedy);
        return None;
    };
    let whole = |quantity: i64| quantity.checked_rem(units) == Some(0);
    if typed.ordered < 1 || !whole(typed.ordered) {
        let problem =
            format!("La quantité commandée n'est pas un nombre de conditionnements entiers de {units} unités.");
        faults.add(
            "ordered_units",
            &typed.ordered.to_string(),
            problem,
            "Comptez en unités de base, par conditionnements entiers.",
        );
    }
    if !(0..=typed.ordered).contains(&typed.delivered) || !whole(typed.delivered) {
        let problem =
            format!("La quantité déjà livrée dépasse la commande ou entame un conditionnement de {units} unités.");
        faults.add(
            "delivered_units",
            &typed.delivered.to_string(),
            problem,
            "Indiquez de 0 à la quantité commandée, par conditionnements entiers.",
        );
    }
    Some((code.clone(), units))
}

/// Puts a line to its order.
///
/// # Errors
/// When it says something else of the order than the lines before it, or the same article and site again.
pub fn gather(orders: &mut BTreeMap<OrderKey, NewOrder>, key: OrderKey, new: NewOrder) -> Result<(), RowFault> {
    let Some(order) = orders.get_mut(&key) else {
        orders.insert(key, new);
        return Ok(());
    };
    let Some(line) = new.lines.into_iter().next() else { return Ok(()) };
    let fault = |column, problem: String| RowFault {
        row: line.row,
        column,
        value: key.1.clone(),
        problem,
        remedy: "Une commande a une date, un arrêté et une source, et chaque article une ligne par site.".to_owned(),
    };
    if (order.ordered_on, order.as_of, &order.source) != (new.ordered_on, new.as_of, &new.source) {
        return Err(fault("number", format!("La commande « {} » a déjà une autre date ou une autre source.", key.1)));
    }
    if let Some(same) = order.lines.iter().find(|known| (known.article, known.site) == (line.article, line.site)) {
        return Err(fault("article", format!("La ligne {} demande déjà le même article pour le même site.", same.row)));
    }
    order.lines.push(line);
    Ok(())
}

/// Holds orders to be entered, with those that are there already (cents by lot and member), against what lots had consumed.
#[must_use]
pub fn beyond_opening(orders: &BTreeMap<OrderKey, NewOrder>, there: &HashMap<(LotId, PartyId), i64>) -> Vec<RowFault> {
    let mut of_lots: BTreeMap<LotId, (i64, &NewOrder)> = BTreeMap::new();
    let mut of_members: BTreeMap<(LotId, PartyId), (i64, &NewOrder)> = BTreeMap::new();
    for ((party, _, lot), order) in orders {
        of_lots.entry(*lot).or_insert((0, order)).0 += order.amount_cents();
        of_members.entry((*lot, *party)).or_insert((0, order)).0 += order.amount_cents();
    }
    let fault = |order: &NewOrder, problem: String| RowFault {
        row: order.lines.first().map_or(0, |line| line.row),
        column: "agreement",
        value: order.lot.name.clone(),
        problem,
        remedy:
            "Une commande en cours est déjà consommée : retirez-la, ou saisissez le lot avec ce qu'il avait consommé."
                .to_owned(),
    };
    let mut faults = Vec::new();
    for (lot, (cents, order)) in of_lots {
        let before: i64 = there.iter().filter(|((other, _), _)| *other == lot).map(|(_, cents)| cents).sum();
        if before + cents > order.lot.opening_cents {
            let problem = format!(
                "{} : {} de commandes en cours, {} déjà consommés à la saisie du lot.",
                order.lot.name,
                euros(before + cents),
                euros(order.lot.opening_cents)
            );
            faults.push(fault(order, problem));
        }
    }
    for ((lot, party), (cents, order)) in of_members {
        let before = there.get(&(lot, party)).copied().unwrap_or_default();
        let known = order.lot.by_member.get(&party).copied().or((!order.lot.by_member.is_empty()).then_some(0));
        if let Some(consumed) = known.filter(|consumed| before + cents > *consumed) {
            let problem = format!(
                "{} : {} de commandes en cours pour ce membre, qui en avait consommé {}.",
                order.lot.name,
                euros(before + cents),
                euros(consumed)
            );
            faults.push(fault(order, problem));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(opening_cents: i64) -> KnownLot {
        KnownLot {
            id: LotId::new(),
            agreement: AgreementId::new(),
            holder: PartyId::new(),
            name: "lot 1 de AC-1".into(),
            opening_cents,
            by_member: HashMap::new(),
        }
    }

    fn article() -> OrderedArticle {
        OrderedArticle {
            id: ArticleId::new(),
            kind: LineKind::Goods,
            vat_rate: Decimal::from(20),
            packs: BTreeMap::from([("BOX".to_owned(), 100), ("UNIT".to_owned(), 1)]),
            named: "BOX".into(),
        }
    }

    fn typed() -> TypedOrder {
        TypedOrder {
            row: 1,
            party: "key:brest".into(),
            site: "key:brest-1".into(),
            agreement: "AC-1".into(),
            lot_number: 1,
            article: "012345".into(),
            ordered: 1_000,
            delivered: 300,
            unit_price: "0.0731".into(),
            ordered_on: "2026-10-24".into(),
            number: "BRE-1".into(),
            as_of: "2026-11-15".into(),
            source: "GEF".into(),
            ..TypedOrder::default()
        }
    }

    fn known(article: &OrderedArticle) -> Known {
        let party = PartyId::new();
        let site = Some((SiteId::new(), party));
        Known { member: Some(party), party_exists: true, site, article: Some(article.id), near: None }
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
    }

    #[test]
    fn a_row_is_whole_packs_at_its_own_price_and_its_order_keeps_its_number() {
        let (article, lot) = (article(), lot(10_000));
        let known = known(&article);
        let (key, order) = read(&typed(), &known, Some(&article), Some(&lot), None, today()).unwrap();
        assert_eq!(
            (key.1.as_str(), order.amount_cents(), order.ordered(), order.delivered()),
            ("BRE-1", 7_310, 1_000, 300)
        );
        let told = |typed: TypedOrder| -> Vec<&'static str> {
            let faults = read(&typed, &known, Some(&article), Some(&lot), None, today()).unwrap_err();
            faults.into_iter().map(|fault| fault.column).collect()
        };
        assert_eq!(told(TypedOrder { ordered: 1_050, ..typed() }), ["ordered_units"]);
        assert_eq!(told(TypedOrder { delivered: 1_100, ..typed() }), ["delivered_units"]);
        assert_eq!(told(TypedOrder { delivered: 350, ..typed() }), ["delivered_units"]);
        assert_eq!(told(TypedOrder { packaging: "CARTON".into(), ..typed() }), ["packaging"]);
        assert_eq!(told(TypedOrder { supplier: "key:x".into(), ..typed() }), ["supplier"]);
        let late = TypedOrder { ordered_on: "2026-11-16".into(), number: String::new(), ..typed() };
        assert_eq!(told(late), ["ordered_on", "number"]);
    }

    #[test]
    fn an_article_stands_once_in_an_order_and_an_order_has_one_date() {
        let (article, lot) = (article(), lot(10_000));
        let known = known(&article);
        let read = |typed: TypedOrder| read(&typed, &known, Some(&article), Some(&lot), None, today()).unwrap();
        let mut orders = BTreeMap::new();
        let (key, order) = read(typed());
        gather(&mut orders, key, order).unwrap();
        let (key, order) = read(TypedOrder { row: 2, ..typed() });
        assert_eq!(gather(&mut orders, key, order).unwrap_err().column, "article");
        let (key, order) = read(TypedOrder { row: 3, ordered_on: "2026-10-25".into(), ..typed() });
        assert_eq!(gather(&mut orders, key, order).unwrap_err().column, "number");
    }

    #[test]
    fn what_is_on_order_is_never_more_than_the_lot_and_its_member_had_consumed() {
        let article = article();
        let known = known(&article);
        let party = known.member.unwrap();
        let beyond = |lot: &KnownLot, before: i64| {
            let (key, order) = read(&typed(), &known, Some(&article), Some(lot), None, today()).unwrap();
            let there = HashMap::from([((lot.id, party), before)]);
            beyond_opening(&BTreeMap::from([(key, order)]), &there).len()
        };
        assert_eq!(beyond(&lot(7_310), 0), 0);
        assert_eq!(beyond(&lot(7_309), 0), 1);
        assert_eq!(beyond(&lot(7_310), 1), 1, "with what is there already");
        let split = |cents| KnownLot { by_member: HashMap::from([(party, cents), (PartyId::new(), 9)]), ..lot(10_000) };
        assert_eq!((beyond(&split(7_310), 0), beyond(&split(7_309), 0)), (0, 1));
        let others = KnownLot { by_member: HashMap::from([(PartyId::new(), 10_000)]), ..lot(10_000) };
        assert_eq!(beyond(&others, 0), 1, "a member without a part had consumed nothing");
    }
}
