//! Turning an approved plan into pooled orders with their order forms, and starting the process that places each.

use std::collections::{BTreeMap, HashMap};

use kit::{
    Caller, Failure, Role,
    command::{Claim, Command},
    id::{GroupId, LotId, OrderFormId, PartyId, PooledOrderId},
    signature::Signatures,
    telemetry,
};
use proto::demand::v1::{PlaceOrdersRequest, PlaceOrdersResponse};
use uuid::Uuid;

use super::{
    App,
    plans::{changed, plan_id},
    signing::check_may_order,
};
use crate::{
    convert::orders::order_to_proto,
    domain::{buyers::Buyer, form::FormTotals, process::Step},
    store::{
        order_rows::{self, LotTotal, MemberTotal, NewForm, NewOrder},
        orders,
        plans::{self, Plan},
        processes::{self, NewProcess},
    },
};

/// The forms of one pooled order, by who orders, receives and pays.
type Forms = BTreeMap<Buyer, FormTotals>;

impl App {
    /// Makes the pooled orders of an approved plan, one per lot and supplier, PLACING; a process places each.
    ///
    /// # Errors
    /// `NOT_FOUND`, `PLAN_WRONG_STATE`, `MISSING_COMMITMENTS` with the buyers that have given none, `ABOVE_DELEGATION` with the
    /// figures, `NO_DELEGATION`, and what membership answers.
    pub async fn place_orders(
        &self,
        caller: &Caller,
        request: PlaceOrdersRequest,
    ) -> Result<PlaceOrdersResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let rights = self.order_rights(caller).await?;
        self.place_orders_knowing(caller, &request, &rights).await
    }

    /// The part of [`App::place_orders`] behind membership's answer.
    ///
    /// # Errors
    /// As [`App::place_orders`].
    pub async fn place_orders_knowing(
        &self,
        caller: &Caller,
        request: &PlaceOrdersRequest,
        rights: &Signatures,
    ) -> Result<PlaceOrdersResponse, Failure> {
        let group = caller.group()?;
        let id = plan_id(&request.plan_id)?;
        let method = "centrale.demand.v1.DemandService/PlaceOrders";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let plan = plans::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
        check_may_order(caller, rights, plan.amount_cents)?;
        let made = place(&mut command, group, &caller.subject, plan).await?;
        let mut reply = Vec::with_capacity(made.len());
        for id in made {
            let order =
                orders::find(command.conn(), id).await?.ok_or_else(|| Failure::not_found("pooled order", id))?;
            reply.push(order_to_proto(order)?);
        }
        command.finish(PlaceOrdersResponse { orders: reply }).await
    }
}

/// Makes the pooled orders of a locked plan, PLACING, and starts the process of each.
pub(super) async fn place(
    command: &mut Command,
    group: GroupId,
    by: &str,
    mut plan: Plan,
) -> Result<Vec<PooledOrderId>, Failure> {
    let id = plan.id;
    let missing = plans::missing_commitments(command.conn(), group, id).await?;
    plan.state = plan.state.place(&id, &missing)?;
    plan.version += 1;
    let mut members: HashMap<LotId, Vec<MemberTotal>> = HashMap::new();
    for total in order_rows::member_totals(command.conn(), group, id).await? {
        members.entry(total.lot_id).or_default().push(total);
    }
    let commitments = plans::commitments(command.conn(), group, id).await?.into_iter().collect();
    let mut made = Vec::new();
    for lot in order_rows::lots(command.conn(), group, id).await? {
        let members = members.remove(&lot.lot_id).unwrap_or_default();
        let order = make_order(command, group, &plan, lot, &members, &commitments).await?;
        start(command, group, by, &order).await?;
        made.push(order.id);
    }
    plans::save_state(command.conn(), group, &plan).await?;
    command.append(id.uuid(), "demand.plan_placed.v1", &changed(&plan)).await?;
    Ok(made)
}

/// Writes one pooled order, its forms and its order lines.
async fn make_order(
    command: &mut Command,
    group: GroupId,
    plan: &Plan,
    lot: LotTotal,
    members: &[MemberTotal],
    commitments: &HashMap<PartyId, String>,
) -> Result<NewOrder, Failure> {
    let buyer = |member| plan.form.buyer(lot.wholesale, member);
    let mut forms = Forms::new();
    for total in members {
        let form = forms.entry(buyer(total.party_id)).or_default();
        form.add(total.vat_rate, total.amount_cents).map_err(Failure::internal)?;
    }
    let form_count = i64::try_from(forms.len()).map_err(Failure::internal)?;
    let number = command.next_number("CG").await?;
    let order = NewOrder { id: PooledOrderId::new(), number, round_id: plan.round_id, form_count, lot: lot.clone() };
    order_rows::insert_order(command.conn(), group, plan, &order).await?;
    let numbers = command.next_numbers("BC", form_count).await?;
    let mut new = Vec::with_capacity(forms.len());
    for ((buyer, totals), number) in forms.into_iter().zip(numbers) {
        new.push(NewForm {
            id: OrderFormId::new(),
            order: order.id,
            supplier: lot.supplier_id,
            number,
            buyer,
            commitment: commitments.get(&buyer.payer).cloned(),
            amount_cents: totals.amount_cents().map_err(Failure::internal)?,
            vat_cents: totals.vat_cents().map_err(Failure::internal)?,
        });
    }
    order_rows::insert_forms(command.conn(), group, &new).await?;
    let form_of: HashMap<Buyer, OrderFormId> = new.iter().map(|form| (form.buyer, form.id)).collect();
    for lines in lot.lines.chunks(order_rows::LINES_AT_ONCE) {
        let points = order_rows::point_totals(command.conn(), group, lines).await?;
        let mut of_points = Vec::with_capacity(points.len());
        for point in &points {
            let form = form_of.get(&buyer(point.party_id));
            of_points.push(
                *form.ok_or_else(|| Failure::internal(format!("no form of {} in {}", point.party_id, order.id)))?,
            );
        }
        order_rows::insert_order_lines(command.conn(), group, &order, &points, &of_points).await?;
    }
    Ok(order)
}

/// Starts the process that places an order. What costs nothing takes nothing of a ceiling and is announced at once.
async fn start(command: &mut Command, group: GroupId, approved_by: &str, order: &NewOrder) -> Result<(), Failure> {
    let step = if order.lot.amount_cents == 0 { Step::Announce } else { Step::Reserve };
    let process = NewProcess {
        id: Uuid::now_v7(),
        order: order.id,
        step,
        amount_cents: None,
        approved_by: approved_by.to_owned(),
    };
    processes::insert(command.conn(), group, &telemetry::current_trace_parent(), &process).await
}
