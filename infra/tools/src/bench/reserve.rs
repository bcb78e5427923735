//! Reservations on one hot ceiling over gRPC, beside one-row UPDATE transactions.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use kit::{
    client::Peer,
    id::{GroupId, PooledOrderId},
    identity::{Caller, Scope, Signer},
};
use proto::tendering::v1::{ReservationShare, ReserveRequest, tendering_service_client::TenderingServiceClient};
use uuid::Uuid;

use super::{
    CONNECTIONS, RUNS,
    import::uuid_of,
    report::Ratio,
    scratch::Scratch,
    wire::share_out,
    world::{Group, World},
};

/// Cents of one reservation.
const CENTS: i64 = 12_345;
/// Connections that the callers share, as a service's callers would.
const CHANNELS: usize = 8;

/// Measures; `signing_key` is the key of demand, which reserves in daily work.
///
/// # Errors
/// When a reservation is refused, or the two ceilings differ at the end.
pub async fn measure(
    world: &World,
    scratch: &Scratch,
    group: &Group,
    url: &str,
    signing_key: &Path,
) -> anyhow::Result<Ratio> {
    let amount = world.size.reservations;
    let (group_id, lot) = (uuid_of(&group.id)?, group.lots.first().context("no lot")?.clone());
    let lot_id = uuid_of(&lot)?;
    let signer = Signer::read("demand", signing_key)?;
    let scope = Scope::Group(group.id.parse::<GroupId>()?);
    let caller = Caller::service("demand", scope);
    let peers = (0..CHANNELS).map(|_| Peer::new("tendering", url, signer.clone())).collect::<Result<Vec<_>, _>>()?;
    let mut conn = scratch.connect().await?;
    sqlx::query("INSERT INTO ceiling SELECT * FROM tendering.ceiling WHERE group_id = $1 AND lot_id = $2")
        .bind(group_id)
        .bind(lot_id)
        .execute(&mut conn)
        .await?;
    let mut ratio = Ratio {
        key: "reserve_ratio",
        unit: "reservations",
        amount: amount as u64,
        aim: 0.5,
        ours: Vec::new(),
        baseline: Vec::new(),
        checked: String::new(),
    };
    for _ in 0..RUNS {
        scratch.settle().await?;
        let callers = (0..CONNECTIONS).map(|n| peers[n % CHANNELS].clone()).collect();
        let (lot, caller, parties) = (lot.clone(), caller.clone(), world.parties[..group.members].to_vec());
        let took = share_out(callers, amount, move |peer: Peer, next| {
            let (lot, caller, parties) = (lot.clone(), caller.clone(), parties.clone());
            async move {
                let mut client = TenderingServiceClient::new(peer.channel());
                while let Some(index) = next.take() {
                    let share =
                        ReservationShare { party_id: parties[index % parties.len()].clone(), amount_cents: CENTS };
                    let request = ReserveRequest {
                        request_id: Uuid::now_v7().to_string(),
                        lot_id: lot.clone(),
                        order_id: PooledOrderId::new().to_string(),
                        shares: vec![share],
                    };
                    let request = peer.request(&caller, request).map_err(|failure| anyhow!("{failure}"))?;
                    client.reserve(request).await?;
                }
                Ok(())
            }
        })
        .await?;
        ratio.ours.push(took);
        scratch.settle().await?;
        let took = share_out(scratch.connections(CONNECTIONS).await?, amount, move |mut conn, next| async move {
            while next.take().is_some() {
                sqlx::query(
                    "UPDATE ceiling SET reserved_cents = reserved_cents + $3 WHERE group_id = $1 AND lot_id = $2",
                )
                .bind(group_id)
                .bind(lot_id)
                .bind(CENTS)
                .execute(&mut conn)
                .await?;
            }
            Ok(())
        })
        .await?;
        ratio.baseline.push(took);
        let cents: Vec<i64> = sqlx::query_scalar(
            "SELECT reserved_cents FROM tendering.ceiling WHERE group_id = $1 AND lot_id = $2
             UNION ALL SELECT reserved_cents FROM bench.ceiling WHERE group_id = $1 AND lot_id = $2
             UNION ALL SELECT sum(amount_cents)::bigint FROM tendering.reservation WHERE group_id = $1 AND lot_id = $2 AND state = 'RESERVED'",
        )
        .bind(group_id)
        .bind(lot_id)
        .fetch_all(&mut conn)
        .await?;
        ensure!(cents.windows(2).all(|pair| pair[0] == pair[1]), "ceilings and reservations differ: {cents:?}");
        ratio.checked = format!("both ceilings and the reservations hold {} cents", cents[0]);
    }
    Ok(ratio)
}
