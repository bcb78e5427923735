//! Orders placed before Centrale.

use std::collections::{BTreeMap, HashMap};

use kit::{
    Caller, Failure, Scope,
    command::Command,
    id::{ArticleId, GroupId, OrderFormId, OrderLineId, PlanLineId, PooledOrderId},
};
use proto::{
    common::v1::Page,
    demand::v1::{AcceptedLine, OpeningOrderEntered, OrderAnswered},
    tendering::v1::{GetAgreementRequest, ListAgreementsRequest, tendering_service_client::TenderingServiceClient},
};
use rust_decimal::Decimal;

use super::{Faults, Load, lookup::Lookup, within};
use crate::{
    app::App,
    convert,
    domain::{
        form::FormTotals,
        opening::clash,
        opening_orders::{
            KnownLot, NewLine, NewOrder, OrderKey, OrderedArticle, TypedOrder, beyond_opening, gather, read,
        },
    },
    store::opening_orders as store,
};

/// Most rows of open orders.
const ORDERS_LIMIT: usize = 5_000;
/// Lines in one event.
const LINES_PER_EVENT: usize = 5_000;

/// What orders name beyond what other opening rows do.
#[derive(Default)]
pub(super) struct OrderLookup {
    /// By agreement as written, and number of the lot.
    lots: HashMap<(String, i32), KnownLot>,
    agreements_read: bool,
    articles: HashMap<ArticleId, OrderedArticle>,
}

impl Load {
    pub(super) fn orders(
        &mut self,
        rows: Vec<TypedOrder>,
        lookup: &Lookup,
        orders: &OrderLookup,
    ) -> Result<(), Failure> {
        for typed in rows {
            let known = lookup.known(&typed.party, &typed.site, &typed.article);
            if known.article.is_none() {
                self.faults.unmatched(typed.row, &typed.article, &typed.label, &known, true);
            }
            let article = known
                .article
                .and_then(|id| orders.articles.get(&id))
                .map(|article| OrderedArticle { named: lookup.pack(&typed.article).to_owned(), ..article.clone() });
            let lot = orders.lots.get(&(typed.agreement.clone(), typed.lot_number));
            let supplier = lookup.party(&typed.supplier);
            self.order_rows += 1;
            match read(&typed, &known, article.as_ref(), lot, supplier, self.today) {
                Ok((key, order)) => {
                    if let Err(fault) = gather(&mut self.orders, key, order) {
                        self.faults.add(vec![fault]);
                    }
                }
                Err(faults) => self.faults.add(faults),
            }
        }
        within(self.order_rows, ORDERS_LIMIT)
    }
}

impl App {
    /// Looks up the lots and articles that order rows name, once members and articles are known.
    pub(super) async fn look_up_orders(
        &self,
        group: GroupId,
        lookup: &Lookup,
        orders: &mut OrderLookup,
        rows: &[TypedOrder],
    ) -> Result<(), Failure> {
        if !orders.agreements_read {
            orders.lots = self.opening_lots(group).await?;
            orders.agreements_read = true;
        }
        let found = rows.iter().filter_map(|row| lookup.known(&row.party, "", &row.article).article);
        let mut missing: Vec<ArticleId> = found.filter(|id| !orders.articles.contains_key(id)).collect();
        missing.sort_unstable();
        missing.dedup();
        let refs: Vec<String> = missing.iter().map(ToString::to_string).collect();
        for (_, found) in self.find_articles(group, &refs).await? {
            let Some(article) = found.article else { continue };
            let vat_rate: Decimal = article.vat_rate.parse().map_err(Failure::internal)?;
            let known = convert::known_article(article)?;
            let packs = known.packagings.iter().map(|pack| (pack.code.clone(), pack.base_units)).collect();
            let named = String::new();
            orders.articles.insert(known.id, OrderedArticle { id: known.id, kind: known.kind, vat_rate, packs, named });
        }
        Ok(())
    }

    /// The lots of the group's agreements, by every way in which an agreement may be written.
    async fn opening_lots(&self, group: GroupId) -> Result<HashMap<(String, i32), KnownLot>, Failure> {
        let caller = || Self::own(Scope::Group(group));
        let mut client = TenderingServiceClient::new(self.tendering.channel());
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let page = Some(Page { size: 500, after });
            let request = ListAgreementsRequest { in_force_on: String::new(), page };
            let reply = client.list_agreements(self.tendering.request(&caller(), request)?).await?.into_inner();
            ids.extend(reply.agreements.into_iter().map(|agreement| agreement.id));
            after = reply.next_after;
            if after.is_empty() {
                break;
            }
        }
        let mut found = HashMap::new();
        for agreement_id in ids {
            // Only one agreement alone tells what its members had consumed.
            let request = self.tendering.request(&caller(), GetAgreementRequest { agreement_id })?;
            let Some(agreement) = client.get_agreement(request).await?.into_inner().agreement else { continue };
            for lot in agreement.lots {
                let by_member = lot.opening_by_member.into_iter();
                let known = KnownLot {
                    id: lot.id.parse().map_err(Failure::internal)?,
                    agreement: agreement.id.parse().map_err(Failure::internal)?,
                    holder: lot.holder_id.parse().map_err(Failure::internal)?,
                    name: format!("lot {} de {}", lot.number, agreement.number),
                    opening_cents: lot.opening_consumed_cents,
                    by_member: by_member
                        .map(|member| Ok((member.party_id.parse().map_err(Failure::internal)?, member.amount_cents)))
                        .collect::<Result<_, Failure>>()?,
                };
                for written in [agreement.id.clone(), format!("key:{}", agreement.key), agreement.number.clone()] {
                    found.insert((written, lot.number), known.clone());
                }
            }
        }
        Ok(found)
    }
}

/// Orders that are not there yet, and how many lines are there already, the same. Faults where an order is there with something
/// else, or where orders come to more than was consumed.
pub(super) async fn new_orders(
    command: &mut Command,
    group: GroupId,
    orders: BTreeMap<OrderKey, NewOrder>,
    faults: &mut Faults,
) -> Result<(BTreeMap<OrderKey, NewOrder>, i64), Failure> {
    let (mut new, mut unchanged) = (BTreeMap::new(), 0_i64);
    for (key, order) in orders {
        let Some((ordered_on, there)) = store::find(command.conn(), group, &key).await? else {
            new.insert(key, order);
            continue;
        };
        let mut told: Vec<store::Line> = order.lines.iter().map(line).collect();
        told.sort_by_key(|line| (line.article_id, line.site_id));
        if ordered_on == order.ordered_on && told == there {
            unchanged += i64::try_from(told.len()).map_err(Failure::internal)?;
            continue;
        }
        let row = order.lines.first().map_or(0, |line| line.row);
        let what = format!("commande du {ordered_on}, {} ligne(s)", there.len());
        faults.add(vec![clash(row, "number", key.1.clone(), &what)]);
    }
    let lots: Vec<_> = new.keys().map(|key| key.2).collect();
    let there = store::amounts(command.conn(), group, &lots).await?;
    faults.add(beyond_opening(&new, &there));
    Ok((new, unchanged))
}

/// A line as it would stand. Prices are kept with six places.
fn line(new: &NewLine) -> store::Line {
    store::Line {
        site_id: new.site,
        article_id: new.article,
        packaging_code: new.packaging.clone(),
        units_ordered: new.ordered,
        units_opening: new.delivered,
        unit_price: new.unit_price,
    }
}

/// Writes orders. Logistics expects what had not come yet, as after a supplier's answer.
pub(super) async fn write_orders(
    command: &mut Command,
    caller: &Caller,
    orders: &BTreeMap<OrderKey, NewOrder>,
) -> Result<(), Failure> {
    let group = caller.group()?;
    let now = command.now().await?;
    for (key, order) in orders {
        let mut totals = FormTotals::default();
        for line in &order.lines {
            totals.add(line.vat_rate, line.amount_cents).map_err(Failure::internal)?;
        }
        let vat_cents = totals.vat_cents().map_err(Failure::internal)?;
        let ids = store::Ids {
            order: PooledOrderId::new(),
            form: OrderFormId::new(),
            lines: order.lines.iter().map(|_| (PlanLineId::new(), OrderLineId::new())).collect(),
        };
        store::insert(command.conn(), group, key, order, &ids, vat_cents, (&caller.subject, now)).await?;
        let entered = OpeningOrderEntered {
            pooled_order_id: ids.order.to_string(),
            lot_id: order.lot.id.to_string(),
            supplier_id: order.lot.holder.to_string(),
            party_id: key.0.to_string(),
            units_ordered: order.ordered(),
            units_delivered: order.delivered(),
            amount_cents: order.amount_cents(),
        };
        command.append(ids.order.uuid(), "demand.opening_order_entered.v1", &entered).await?;
        for event in answered(key, order, &ids) {
            command.append(ids.order.uuid(), "demand.order_answered.v1", &event).await?;
        }
    }
    Ok(())
}

fn answered(key: &OrderKey, order: &NewOrder, ids: &store::Ids) -> Vec<OrderAnswered> {
    let outstanding = order.lines.iter().zip(&ids.lines).filter(|(line, _)| line.ordered > line.delivered);
    let lines: Vec<AcceptedLine> = outstanding
        .map(|(line, (pooled, own))| AcceptedLine {
            order_line_id: own.to_string(),
            pooled_line_id: pooled.to_string(),
            party_id: key.0.to_string(),
            site_id: line.site.to_string(),
            route: "DIRECT".to_owned(),
            article_id: line.article.to_string(),
            packaging_code: line.packaging.clone(),
            pack_units: line.pack_units,
            units: line.ordered - line.delivered,
        })
        .collect();
    lines
        .chunks(LINES_PER_EVENT)
        .map(|lines| OrderAnswered {
            pooled_order_id: ids.order.to_string(),
            supplier_id: order.lot.holder.to_string(),
            platform_site_id: String::new(),
            lines: lines.to_vec(),
            number: key.1.clone(),
        })
        .collect()
}
