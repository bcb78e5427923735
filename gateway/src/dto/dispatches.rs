//! Placed orders on their way to their suppliers.

use proto::demand::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::convert::some;

/// State of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DispatchState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// To be sent.
    Waiting,
    /// A mail server took it.
    Sent,
    /// The supplier has no e-mail address: its order goes as a file.
    NoAddress,
    /// A mail server refused it for good.
    Failed,
}

impl From<i32> for DispatchState {
    fn from(value: i32) -> Self {
        match pb::DispatchState::try_from(value) {
            Ok(pb::DispatchState::Waiting) => Self::Waiting,
            Ok(pb::DispatchState::Sent) => Self::Sent,
            Ok(pb::DispatchState::NoAddress) => Self::NoAddress,
            Ok(pb::DispatchState::Failed) => Self::Failed,
            Ok(pb::DispatchState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// A placed order on its way to its supplier by e-mail.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Dispatch {
    /// `dsp_…`.
    #[schema(example = "dsp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// State.
    pub state: DispatchState,
    /// 1, and one more each time it was sent again.
    pub sending: i32,
    /// Failures in a row.
    pub attempts: i32,
    /// Not before, RFC 3339, real time; absent unless waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub next_try_at: Option<String>,
    /// What went wrong last; absent when nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Connection error: Connection refused (os error 111)")]
    pub last_error: Option<String>,
    /// Address that the last mail went to; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "commandes@example.org")]
    pub sent_to: Option<String>,
    /// Its Message-ID; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "<dsp_0198c2f07a3b7c11a2d34e5f60718293.1@centrale.example.org>")]
    pub message_id: Option<String>,
    /// RFC 3339, business time; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub sent_at: Option<String>,
}

impl From<pb::Dispatch> for Dispatch {
    fn from(value: pb::Dispatch) -> Self {
        Self {
            id: value.id,
            pooled_order_id: value.pooled_order_id,
            supplier_id: value.supplier_id,
            state: value.state.into(),
            sending: value.sending,
            attempts: value.attempts,
            next_try_at: some(value.next_try_at),
            last_error: some(value.last_error),
            sent_to: some(value.sent_to),
            message_id: some(value.message_id),
            sent_at: some(value.sent_at),
        }
    }
}

/// A page of dispatches.
#[derive(Debug, Serialize, ToSchema)]
pub struct DispatchPage {
    /// By id.
    pub dispatches: Vec<Dispatch>,
    /// Whether this deployment sends mail (`CENTRALE_SMTP_URL`); without it, orders wait.
    pub mail_configured: bool,
    /// For the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
