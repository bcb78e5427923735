//! The supplier's answer to a pooled order.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Caller, Failure, Role,
    command::Claim,
    id::{self, PlanLineId},
};
use proto::demand::v1::{AcceptedLine, AnswerOrderRequest, AnswerOrderResponse, OrderAnswered};

use super::{
    App,
    cancellations::{self, Cause},
    orders::order_id,
    rounds::check_version,
};
use crate::{
    convert::{Fields, orders::order_to_proto},
    domain::{
        order::{Means, OrderState},
        sharing::{Part, share_refusal},
    },
    store::{
        books::{self, LineBooks},
        orders::{self, Order, PooledLine, Said},
    },
};

/// Accepted lines in one event.
const LINES_PER_EVENT: usize = 5_000;

/// Most characters of a supplier's reason.
const REASON_LIMIT: usize = 500;

/// What a supplier says about one line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    refused_units: i64,
    promised_on: Option<NaiveDate>,
    reason: String,
}

impl App {
    /// Records the supplier's answer: every line once, or none at all to accept everything. What is refused is shared over the
    /// delivery points behind the line, and goes back to the ceiling.
    ///
    /// # Errors
    /// `NOT_FOUND` also for another supplier's order; `WRONG_MEANS`, `VERSION_CHANGED`, `ORDER_NOT_PLACED`, `INVALID_INPUT`.
    pub async fn answer_order(
        &self,
        caller: &Caller,
        request: AnswerOrderRequest,
    ) -> Result<AnswerOrderResponse, Failure> {
        caller.require(&[Role::Supplier, Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let id = order_id(&request.pooled_order_id)?;
        let by_supplier = !caller.has(&[Role::PurchasingOfficer]);
        let means = Means::parse(&request.means, by_supplier)?;
        let method = "centrale.demand.v1.DemandService/AnswerOrder";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let order =
            orders::lock(command.conn(), group, id).await?.filter(|order| !by_supplier || may_answer(caller, order));
        let order = order.ok_or_else(|| Failure::not_found("pooled order", id))?;
        check_version("pooled order", id, request.expected_version, order.row.version)?;
        order.state.answer(&id)?;
        let pooled = orders::pooled_lines(command.conn(), group, id).await?;
        let answers = read_answers(&request, &pooled)?;
        let lines = books::lines(command.conn(), group, id, None).await?;
        let refused = share_answers(&pooled, &answers, &lines)?;
        let now = command.now().await?;
        orders::save_answered(command.conn(), &order.row, means.name(), &caller.subject, now).await?;
        let said = |(id, answer): (&PlanLineId, &Answer)| Said {
            line: *id,
            promised_on: answer.promised_on,
            reason: answer.reason.clone(),
        };
        let said: Vec<Said> = answers.iter().map(said).collect();
        orders::save_said(command.conn(), group, &said).await?;
        let refused: Vec<(&LineBooks, i64)> = lines.iter().zip(refused).collect();
        let cancelled =
            cancellations::book(&mut command, group, &order, &refused, Cause::Answer, &caller.subject).await?;
        for event in answered_events(&order, &refused) {
            command.append(id.uuid(), "demand.order_answered.v1", &event).await?;
        }
        if let Some(event) = cancelled {
            command.append(id.uuid(), "demand.units_cancelled.v1", &event).await?;
        }
        let order = orders::find(command.conn(), id).await?.ok_or_else(|| Failure::not_found("pooled order", id))?;
        command.finish(AnswerOrderResponse { order: Some(order_to_proto(order)?) }).await
    }
}

/// Whether a supplier may know of the order: its own, once placed. Anything else is not there.
fn may_answer(caller: &Caller, order: &Order) -> bool {
    let known = match order.state {
        OrderState::Placed | OrderState::Answered => true,
        OrderState::Placing | OrderState::Refused => false,
    };
    known && caller.acts_for == Some(order.row.supplier_id)
}

/// Reads the answer to every line: each once, whole packs, not more than ordered. None at all accepts everything.
fn read_answers(request: &AnswerOrderRequest, pooled: &[PooledLine]) -> Result<HashMap<PlanLineId, Answer>, Failure> {
    let mut answers = HashMap::with_capacity(request.lines.len());
    if request.lines.is_empty() {
        return Ok(answers);
    }
    let by_id: HashMap<PlanLineId, &PooledLine> = pooled.iter().map(|line| (line.id, line)).collect();
    let mut fields = Fields::default();
    for (index, answer) in request.lines.iter().enumerate() {
        let path = |field: &str| format!("lines[{index}].{field}");
        let Some(id) = fields.id::<id::PlanLine>(path("pooled_line_id"), &answer.pooled_line_id) else { continue };
        let Some(line) = by_id.get(&id) else {
            fields.fault(path("pooled_line_id"), format!("{id} is not a line of this order"));
            continue;
        };
        let units = answer.accepted_units;
        let within = (0..=line.units_ordered).contains(&units) && units % line.pack_units == 0;
        fields.check(
            within,
            path("accepted_units"),
            format!("must be whole packs of {} units, from 0 to {}", line.pack_units, line.units_ordered),
        );
        let promised_on =
            if answer.promised_on.is_empty() { None } else { fields.date(path("promised_on"), &answer.promised_on) };
        let reason = answer.reason.trim().to_owned();
        let short = reason.chars().count() <= REASON_LIMIT;
        fields.check(short, path("reason"), format!("must have at most {REASON_LIMIT} characters"));
        let refused_units = line.units_ordered - units;
        if answers.insert(id, Answer { refused_units, promised_on, reason }).is_some() {
            fields.fault(path("pooled_line_id"), format!("{id} is answered twice"));
        }
    }
    for line in pooled.iter().filter(|line| !answers.contains_key(&line.id)) {
        fields.fault("lines", format!("{} is not answered: answer every line, or none to accept everything", line.id));
    }
    fields.finish()?;
    Ok(answers)
}

/// Base units refused per order line, beside the lines, which stand by id.
fn share_answers(
    pooled: &[PooledLine],
    answers: &HashMap<PlanLineId, Answer>,
    lines: &[LineBooks],
) -> Result<Vec<i64>, Failure> {
    let mut behind: HashMap<PlanLineId, Vec<usize>> = HashMap::new();
    for (index, line) in lines.iter().enumerate() {
        behind.entry(line.pooled_line_id).or_default().push(index);
    }
    let mut refused = vec![0; lines.len()];
    for line in pooled {
        let units = answers.get(&line.id).map_or(0, |answer| answer.refused_units);
        let indexes = behind.get(&line.id).map(Vec::as_slice).unwrap_or_default();
        let part = |&index: &usize| Part { units: lines[index].books().ordered, break_bulk: lines[index].break_bulk };
        let parts: Vec<Part> = indexes.iter().map(part).collect();
        for (&index, units) in indexes.iter().zip(share_refusal(line.pack_units, units, &parts)?) {
            refused[index] = units;
        }
    }
    Ok(refused)
}

/// What logistics may expect, in chunks; one event even when everything was refused.
fn answered_events(order: &Order, refused: &[(&LineBooks, i64)]) -> Vec<OrderAnswered> {
    let accepted = refused.iter().filter_map(|&(line, refused)| {
        let units = line.books().ordered - refused;
        (units > 0).then(|| AcceptedLine {
            order_line_id: line.id.to_string(),
            pooled_line_id: line.pooled_line_id.to_string(),
            party_id: line.party_id.to_string(),
            site_id: line.site_id.to_string(),
            route: line.route.clone(),
            article_id: line.article_id.to_string(),
            packaging_code: line.packaging_code.clone(),
            pack_units: line.pack_units,
            units,
        })
    });
    let accepted: Vec<AcceptedLine> = accepted.collect();
    let platform = accepted.iter().any(|line| line.route == "PLATFORM").then_some(order.row.platform_site_id).flatten();
    let event = |lines: &[AcceptedLine]| OrderAnswered {
        pooled_order_id: order.row.id.to_string(),
        supplier_id: order.row.supplier_id.to_string(),
        platform_site_id: platform.map(|id| id.to_string()).unwrap_or_default(),
        lines: lines.to_vec(),
        number: order.row.number.clone(),
    };
    if accepted.is_empty() {
        return vec![event(&[])];
    }
    accepted.chunks(LINES_PER_EVENT).map(event).collect()
}
