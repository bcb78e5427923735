//! What time it is.

use chrono::SecondsFormat;
use kit::{Caller, Failure, Scope};
use proto::membership::v1::{GetClockRequest, GetClockResponse};

use super::App;
use crate::store;

impl App {
    /// Business time, and how far it stands from real time.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn get_clock(&self, caller: &Caller, _: GetClockRequest) -> Result<GetClockResponse, Failure> {
        // Time belongs to no group; a deployment session reads it whoever asks.
        let caller = Caller { scope: Scope::Deployment, ..caller.clone() };
        let mut tx = self.db.begin(&caller).await?;
        let now = tx.now().await?;
        let offset_s = store::clock_offset_s(tx.conn()).await?;
        tx.rollback().await?;
        Ok(GetClockResponse { now: now.to_rfc3339_opts(SecondsFormat::Micros, true), offset_s })
    }
}
