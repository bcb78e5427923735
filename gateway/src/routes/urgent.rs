//! Urgent orders, outside any round.

use axum::{Json, extract::State, http::StatusCode};
use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Body,
    dto::{
        all,
        needs::NeedInput,
        orders::{OrderForm, PooledOrder, PooledOrderLine},
    },
    idempotency::RequestId,
    problem::Problem,
    session::Session,
    upstream::{call, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(place_urgent_order))
}

/// An order that cannot wait for a round.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UrgentOrderInput {
    /// `agr_…` in the order in which they are tried, 1 to 50.
    pub agreement_ids: Vec<String>,
    /// `pty_…` of the member it is for.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…` of the platform through which it goes where it may; absent means straight to the sites.
    pub platform_site_id: Option<String>,
    /// 1 to 100 lines, all from one lot.
    pub lines: Vec<NeedInput>,
    /// Why it cannot wait, 1 to 200 characters.
    #[schema(example = "Rupture de stock après un afflux aux urgences")]
    pub reason: String,
    /// Number in the payer's accounts; may be absent where its status requires none.
    #[schema(example = "ENG-2026-0042")]
    pub commitment_number: Option<String>,
}

/// An urgent order with its order form.
#[derive(Serialize, ToSchema)]
pub struct UrgentOrder {
    /// PLACED; still PLACING when that took too long: send the same request again with the same key.
    pub order: PooledOrder,
    /// Its order form.
    pub forms: Vec<OrderForm>,
    /// Its lines.
    pub lines: Vec<PooledOrderLine>,
    /// `rnd_…` of the round made for it.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub round_id: String,
}

/// Orders for one member now, outside any round, with every check of a round: who may buy, what remains of the maximum, whole
/// packs, routes, commitment. Refused with the rule and its source, nothing half done.
#[utoipa::path(post, path = "/v1/groups/{group_id}/urgent-orders", tag = "orders", request_body = UrgentOrderInput, responses((status = 201, body = UrgentOrder)))]
async fn place_urgent_order(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(input): Body<UrgentOrderInput>,
) -> Result<(StatusCode, Json<UrgentOrder>), Problem> {
    let request = pb::PlaceUrgentOrderRequest {
        request_id,
        agreement_ids: input.agreement_ids,
        party_id: input.party_id,
        platform_site_id: input.platform_site_id.unwrap_or_default(),
        lines: all(input.lines),
        reason: input.reason,
        commitment_number: input.commitment_number.unwrap_or_default(),
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).place_urgent_order(request).await
    })
    .await?;
    if !answer.errors.is_empty() {
        let count = i64::try_from(answer.errors.len()).unwrap_or(i64::MAX);
        return Err(Problem::rows("NEEDS_INVALID", count, all(answer.errors)));
    }
    let order = UrgentOrder {
        order: promised(answer.order, "order")?.into(),
        forms: all(answer.forms),
        lines: all(answer.lines),
        round_id: answer.round_id,
    };
    Ok((StatusCode::CREATED, Json(order)))
}
