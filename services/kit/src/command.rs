//! One command is one transaction: change, event and reply together (design decisions 2 and 4).

use bytes::Bytes;
use prost::Message;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    db::{Db, Tx},
    error::{CommonError, Failure},
    id::NO_GROUP,
    identity::{Caller, Scope},
    telemetry,
};

/// What claiming a request id gives.
#[expect(clippy::large_enum_variant, reason = "made once a command and taken apart at once")]
pub enum Claim<R> {
    /// First time: do the work in this transaction and [`Command::finish`] it.
    Fresh(Command),
    /// Done before: this was the answer.
    Replayed(R),
}

/// A command being carried out. Dereferences to its [`Tx`].
pub struct Command {
    tx: Tx,
    subject: String,
    method: &'static str,
    request_id: Uuid,
}

impl std::ops::Deref for Command {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}
impl std::ops::DerefMut for Command {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

/// Parses a request id.
///
/// # Errors
/// `INVALID_INPUT` on field `request_id`.
pub fn parse_request_id(text: &str) -> Result<Uuid, Failure> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| !id.is_nil())
        .ok_or_else(|| Failure::invalid_field("request_id", "must be a UUID chosen by the caller"))
}

impl Db {
    /// Opens the transaction of a command and claims its request id. A duplicate waits for the first, then gets its reply.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` when the id came with another body; `WRONG_SESSION` in a party session, which never writes.
    pub async fn command<R: Message + Default>(
        &self,
        caller: &Caller,
        method: &'static str,
        request_id: &str,
        request: &impl Message,
    ) -> Result<Claim<R>, Failure> {
        let request_id = parse_request_id(request_id)?;
        self.command_hashed(caller, method, request_id, Sha256::digest(request.encode_to_vec()).as_slice()).await
    }

    /// As [`Db::command`] for a request that is not one message: `hash` stands for its body.
    ///
    /// # Errors
    /// As [`Db::command`].
    pub async fn command_hashed<R: Message + Default>(
        &self,
        caller: &Caller,
        method: &'static str,
        request_id: Uuid,
        hash: &[u8],
    ) -> Result<Claim<R>, Failure> {
        let group = match caller.scope {
            Scope::Group(group) => group,
            Scope::Deployment => NO_GROUP,
            Scope::Party(_) => return Err(CommonError::WrongSession("a group").into()),
        };
        let mut tx = self.begin(caller).await?;
        tx.group = Some(group);
        let claimed = sqlx::query(
            "INSERT INTO idempotency (group_id, subject, method, request_id, request_hash) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(group)
        .bind(&caller.subject)
        .bind(method)
        .bind(request_id)
        .bind(hash)
        .execute(tx.conn())
        .await?
        .rows_affected();
        if claimed == 1 {
            return Ok(Claim::Fresh(Command { tx, subject: caller.subject.clone(), method, request_id }));
        }
        let (stored_hash, reply): (Vec<u8>, Option<Vec<u8>>) = sqlx::query_as(
            "SELECT request_hash, reply FROM idempotency
             WHERE group_id = $1 AND subject = $2 AND method = $3 AND request_id = $4",
        )
        .bind(group)
        .bind(&caller.subject)
        .bind(method)
        .bind(request_id)
        .fetch_one(tx.conn())
        .await?;
        tx.rollback().await?;
        if stored_hash != hash {
            return Err(CommonError::RequestIdReused(request_id.to_string()).into());
        }
        let reply = reply.ok_or_else(|| Failure::internal("a claimed request id without reply was committed"))?;
        Ok(Claim::Replayed(R::decode(Bytes::from(reply)).map_err(Failure::internal)?))
    }
}

impl Command {
    /// Stores the reply and commits.
    ///
    /// # Errors
    /// When the commit fails; then nothing has happened.
    pub async fn finish<R: Message>(mut self, reply: R) -> Result<R, Failure> {
        let group = self.tx.group.unwrap_or(NO_GROUP);
        sqlx::query(
            "UPDATE idempotency SET reply = $5 WHERE group_id = $1 AND subject = $2 AND method = $3 AND request_id = $4",
        )
        .bind(group)
        .bind(&self.subject)
        .bind(self.method)
        .bind(self.request_id)
        .bind(reply.encode_to_vec())
        .execute(self.tx.conn())
        .await?;
        self.tx.commit().await?;
        Ok(reply)
    }

    /// Undoes everything, the claim included.
    ///
    /// # Errors
    /// When the database is away; then too nothing has happened.
    pub async fn abandon(self) -> Result<(), Failure> {
        self.tx.rollback().await
    }
}

impl Tx {
    /// Appends an event to the log, in this transaction. Lock the aggregate first and append last, so that the events of one
    /// aggregate keep their order.
    ///
    /// # Errors
    /// When the transaction has no group, or the database is away.
    pub async fn append(&mut self, aggregate: Uuid, kind: &str, payload: &impl Message) -> Result<(), Failure> {
        self.append_as(Uuid::now_v7(), aggregate, kind, payload).await
    }

    /// As [`Tx::append`] with the event's id chosen by the caller, who gives it out as a proof.
    ///
    /// # Errors
    /// As [`Tx::append`].
    pub async fn append_as(
        &mut self,
        event_id: Uuid,
        aggregate: Uuid,
        kind: &str,
        payload: &impl Message,
    ) -> Result<(), Failure> {
        let group = self.group.ok_or_else(|| Failure::internal("an event needs a group"))?;
        let recorded_at = self.now().await?;
        let actor = self.actor.clone();
        sqlx::query(
            "WITH appended AS (
               INSERT INTO event (group_id, event_id, recorded_at, aggregate_id, kind, payload, trace_parent, actor)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING group_id, event_id, recorded_at)
             INSERT INTO event_unstamped (group_id, event_id, recorded_at) SELECT * FROM appended",
        )
        .bind(group)
        .bind(event_id)
        .bind(recorded_at)
        .bind(aggregate)
        .bind(kind)
        .bind(payload.encode_to_vec())
        .bind(telemetry::current_trace_parent())
        .bind(actor)
        .execute(self.conn())
        .await?;
        self.appended = true;
        Ok(())
    }
}
