//! Dispatches to protobuf.

use proto::demand::v1 as wire;

use super::time_to_proto;
use crate::{domain::dispatch::DispatchState, store::dispatches::Dispatch};

/// A dispatch.
#[must_use]
pub fn dispatch_to_proto(dispatch: Dispatch) -> wire::Dispatch {
    let Dispatch { row, state } = dispatch;
    let waiting = state == DispatchState::Waiting;
    wire::Dispatch {
        id: row.id.to_string(),
        pooled_order_id: row.pooled_order_id.to_string(),
        supplier_id: row.supplier_id.to_string(),
        state: match state {
            DispatchState::Waiting => wire::DispatchState::Waiting,
            DispatchState::Sent => wire::DispatchState::Sent,
            DispatchState::NoAddress => wire::DispatchState::NoAddress,
            DispatchState::Failed => wire::DispatchState::Failed,
        }
        .into(),
        sending: row.sending,
        attempts: row.attempts,
        next_try_at: if waiting { time_to_proto(row.next_try_at) } else { String::new() },
        last_error: row.last_error,
        sent_to: row.sent_to.unwrap_or_default(),
        message_id: row.message_id.unwrap_or_default(),
        sent_at: row.sent_at.map(time_to_proto).unwrap_or_default(),
    }
}
