//! Group commit (design decision 4). A hot command, one need or one reservation, costs more in a transaction of its own than its
//! work does. Such commands wait in a lane, and up to [`TOGETHER`] of them go through one transaction: all of it happens or
//! nothing, each is judged by itself, and a refused one is answered alone.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::future::join_all;
use prost::Message;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::{
    command::parse_request_id,
    db::{Db, Tx},
    error::{CommonError, Failure},
    id::GroupId,
    identity::{Caller, Scope},
    telemetry,
};

/// Commands in one transaction at most.
pub const TOGETHER: usize = 32;
/// Commands that wait in one lane at most; more are told to try again.
const WAITING: usize = 2_000;

/// A command with who asks for it, under which request id.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    /// Who.
    pub caller: Caller,
    /// What.
    pub what: T,
    request_id: Uuid,
    hash: [u8; 32],
    trace_parent: String,
}

impl<T> Asked<T> {
    /// What the caller of `request` asks for, in the present trace.
    ///
    /// # Errors
    /// `INVALID_INPUT` on field `request_id`.
    pub fn new(caller: &Caller, request_id: &str, request: &impl Message, what: T) -> Result<Self, Failure> {
        Ok(Self {
            caller: caller.clone(),
            what,
            request_id: parse_request_id(request_id)?,
            hash: Sha256::digest(request.encode_to_vec()).into(),
            trace_parent: telemetry::current_trace_parent(),
        })
    }
}

struct Waiting<T, R> {
    asked: Arc<Asked<T>>,
    answer: oneshot::Sender<Result<R, Failure>>,
    span: Span,
}

/// The commands waiting in a lane, from the first, and how many transactions work for it.
#[derive(Debug)]
struct Lane<T, R> {
    waiting: VecDeque<Waiting<T, R>>,
    working: usize,
}

/// Lanes of commands, by what they have in common. So many transactions at once work for a lane in a process; other replicas have
/// lanes of their own.
#[derive(Debug)]
pub struct Lanes<K, T, R> {
    lanes: Arc<Mutex<HashMap<K, Lane<T, R>>>>,
    at_once: usize,
}

impl<K, T, R> Clone for Lanes<K, T, R> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone(), at_once: self.at_once }
    }
}

impl<K, T, R> Lanes<K, T, R> {
    /// Lanes for which `at_once` transactions work: one where all commands of a lane change the same row, more where some can look
    /// things up while others commit.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { lanes: Arc::default(), at_once }
    }
}

impl<T, R> std::fmt::Debug for Waiting<T, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiting({})", self.asked.request_id)
    }
}

impl<K, T, R> Lanes<K, T, R>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    /// Puts a command into a lane and waits for its answer. `work` carries out several commands and answers each, or fails as a
    /// whole: then each is tried alone, so that none suffers for another. A caller that goes away undoes nothing.
    ///
    /// # Errors
    /// What the command comes to; `UNAVAILABLE` when too many wait.
    pub async fn ask<W, F>(&self, lane: K, asked: Asked<T>, work: W) -> Result<R, Failure>
    where
        W: Fn(Vec<Arc<Asked<T>>>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Result<R, Failure>>, Failure>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { asked: Arc::new(asked), answer, span: Span::current() };
        if self.enter(&lane, waiting)? {
            tokio::spawn(self.clone().drive(lane, work));
        }
        answered.await.map_err(|_| Failure::internal("a command in a lane was not answered"))?
    }

    /// Whether one more is to work for the lane.
    fn enter(&self, lane: &K, waiting: Waiting<T, R>) -> Result<bool, Failure> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(lane.clone()).or_insert_with(|| Lane { waiting: VecDeque::new(), working: 0 });
        if lane.waiting.len() >= WAITING {
            return Err(CommonError::Unavailable(format!("{WAITING} commands wait already")).into());
        }
        lane.waiting.push_back(waiting);
        let one_more = lane.working < self.at_once;
        lane.working += usize::from(one_more);
        Ok(one_more)
    }

    async fn drive<W, F>(self, lane: K, work: W)
    where
        W: Fn(Vec<Arc<Asked<T>>>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Result<R, Failure>>, Failure>> + Send + 'static,
    {
        while let Some(batch) = self.next(&lane) {
            carry_out(batch, &work).await;
        }
    }

    /// The next commands of a lane; none ends one's work for it.
    fn next(&self, key: &K) -> Option<Vec<Waiting<T, R>>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get_mut(key)?;
        let batch = first_of(&mut lane.waiting);
        if batch.is_empty() {
            lane.working -= 1;
            if lane.working == 0 {
                lanes.remove(key);
            }
            return None;
        }
        Some(batch)
    }
}

/// Takes commands from the front. The same request a second time stays for the next transaction, which finds the first's answer.
fn first_of<T, R>(queue: &mut VecDeque<Waiting<T, R>>) -> Vec<Waiting<T, R>> {
    let mut names = HashSet::new();
    let (mut batch, mut again) = (Vec::new(), Vec::new());
    while batch.len() < TOGETHER {
        let Some(waiting) = queue.pop_front() else { break };
        if names.insert((waiting.asked.caller.subject.clone(), waiting.asked.request_id)) {
            batch.push(waiting);
        } else {
            again.push(waiting);
        }
    }
    for waiting in again.into_iter().rev() {
        queue.push_front(waiting);
    }
    batch
}

async fn carry_out<T, R, W, F>(batch: Vec<Waiting<T, R>>, work: &W)
where
    W: Fn(Vec<Arc<Asked<T>>>) -> F,
    F: Future<Output = Result<Vec<Result<R, Failure>>, Failure>> + Send + 'static,
    R: Send + 'static,
{
    // In the trace of the first: a span has one parent.
    let span = batch.first().map_or_else(Span::none, |first| first.span.clone());
    let asked: Vec<_> = batch.iter().map(|waiting| waiting.asked.clone()).collect();
    match guarded(work(asked), span).await {
        Ok(answers) if answers.len() == batch.len() => {
            for (waiting, answer) in batch.into_iter().zip(answers) {
                // Whoever asked may have gone.
                drop(waiting.answer.send(answer));
            }
        }
        Ok(_) => tracing::error!("a lane's commands and answers differ in number"),
        Err(failure) if batch.len() == 1 => {
            if let Some(only) = batch.into_iter().next() {
                drop(only.answer.send(Err(failure)));
            }
        }
        Err(failure) => {
            tracing::warn!(error = %failure, commands = batch.len(), "commands fail together, trying each alone");
            let alone = batch.into_iter().map(|waiting| async move {
                let answers = guarded(work(vec![waiting.asked.clone()]), waiting.span.clone()).await;
                let answer = answers.and_then(|mut answers| {
                    answers.pop().unwrap_or_else(|| Err(Failure::internal("a command without answer")))
                });
                drop(waiting.answer.send(answer));
            });
            join_all(alone).await;
        }
    }
}

/// In a task of its own: a panic must not leave a lane without anybody who works for it.
async fn guarded<A: Send + 'static>(
    work: impl Future<Output = Result<A, Failure>> + Send + 'static,
    span: Span,
) -> Result<A, Failure> {
    tokio::spawn(work.instrument(span)).await.map_err(Failure::internal)?
}

/// One transaction for the commands of several callers of one group. Dereferences to its [`Tx`].
///
/// Order in it: the locks, each kind in a fixed order; [`Shared::answered`]; judging and writing; [`Shared::finish`]. So a
/// command and its repetition in another replica meet at the lock and the second finds the answer of the first.
pub struct Shared {
    tx: Tx,
    group: GroupId,
    method: &'static str,
}

impl std::ops::Deref for Shared {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}
impl std::ops::DerefMut for Shared {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

/// What was answered before to each of some commands, where anything was.
pub type Answered<R> = Vec<Option<Result<R, Failure>>>;

/// An event of one of the commands.
#[derive(Debug, Clone)]
pub struct NewEvent<'a, T> {
    /// Whose.
    pub asked: &'a Asked<T>,
    /// About what.
    pub aggregate: Uuid,
    /// Its kind.
    pub kind: &'static str,
    /// Encoded.
    pub payload: Vec<u8>,
}

impl Db {
    /// Opens a transaction for commands of one group.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn shared(&self, group: GroupId, method: &'static str) -> Result<Shared, Failure> {
        let tx = self.begin(&Caller::service(self.schema(), Scope::Group(group))).await?;
        Ok(Shared { tx, group, method })
    }
}

impl Shared {
    /// What was answered before to each command; `REQUEST_ID_REUSED` where the id came with another body. Call it after the
    /// locks.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn answered<T, R: Message + Default>(&mut self, asked: &[&Asked<T>]) -> Result<Answered<R>, Failure> {
        let found: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(
            // The limit keeps each a look into the index: while a table fills, the planner may think that reading all of it is less.
            "SELECT a.place, i.request_hash, i.reply
             FROM unnest($3::text[], $4::uuid[]) WITH ORDINALITY AS a (subject, request_id, place)
             CROSS JOIN LATERAL (
               SELECT i.request_hash, i.reply FROM idempotency i
               WHERE i.group_id = $1 AND i.subject = a.subject AND i.method = $2 AND i.request_id = a.request_id LIMIT 1) i",
        )
        .bind(self.group)
        .bind(self.method)
        .bind(asked.iter().map(|asked| asked.caller.subject.as_str()).collect::<Vec<_>>())
        .bind(asked.iter().map(|asked| asked.request_id).collect::<Vec<_>>())
        .fetch_all(self.tx.conn())
        .await?;
        let mut answered: Answered<R> = asked.iter().map(|_| None).collect();
        for (place, hash, reply) in found {
            let index = usize::try_from(place - 1).map_err(Failure::internal)?;
            let (Some(asked), Some(answer)) = (asked.get(index), answered.get_mut(index)) else { continue };
            *answer = Some(if hash == asked.hash {
                let reply =
                    reply.ok_or_else(|| Failure::internal("a claimed request id without reply was committed"))?;
                Ok(R::decode(Bytes::from(reply)).map_err(Failure::internal)?)
            } else {
                Err(CommonError::RequestIdReused(asked.request_id.to_string()).into())
            });
        }
        Ok(answered)
    }

    /// Appends events, in this order, each in the name and the trace of its command.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn append_all<T>(&mut self, events: &[NewEvent<'_, T>]) -> Result<(), Failure> {
        let recorded_at = self.tx.now().await?;
        sqlx::query(
            "WITH appended AS (
               INSERT INTO event (group_id, recorded_at, event_id, aggregate_id, kind, payload, trace_parent, actor)
               SELECT $1, $2, e.* FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::text[], $8::text[]) AS e
               RETURNING group_id, event_id, recorded_at)
             INSERT INTO event_unstamped (group_id, event_id, recorded_at) SELECT * FROM appended",
        )
        .bind(self.group)
        .bind(recorded_at)
        .bind(events.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.aggregate).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.kind).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.payload.as_slice()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.asked.trace_parent.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.asked.caller.subject.as_str()).collect::<Vec<_>>())
        .execute(self.tx.conn())
        .await?;
        self.tx.appended |= !events.is_empty();
        Ok(())
    }

    /// Gives the transaction up: nothing has happened.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn abandon(self) -> Result<(), Failure> {
        self.tx.rollback().await
    }

    /// Keeps the replies of the commands that were done, and commits. False when one of their request ids has been answered by
    /// another transaction meanwhile: nothing has happened then, and whoever asks again finds that answer.
    ///
    /// # Errors
    /// When the commit fails; then nothing has happened.
    pub async fn finish<T, R: Message>(mut self, done: &[(&Asked<T>, &R)]) -> Result<bool, Failure> {
        if done.is_empty() {
            return self.tx.rollback().await.map(|()| true);
        }
        let mut sorted: Vec<_> = done.iter().collect();
        // Two transactions that wait for each other's ids do so in one order.
        sorted.sort_by_key(|(asked, _)| (asked.caller.subject.as_str(), asked.request_id));
        let kept = sqlx::query(
            "INSERT INTO idempotency (group_id, method, subject, request_id, request_hash, reply)
             SELECT $1, $2, d.* FROM unnest($3::text[], $4::uuid[], $5::bytea[], $6::bytea[]) AS d ON CONFLICT DO NOTHING",
        )
        .bind(self.group)
        .bind(self.method)
        .bind(sorted.iter().map(|(asked, _)| asked.caller.subject.as_str()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|(asked, _)| asked.request_id).collect::<Vec<_>>())
        .bind(sorted.iter().map(|(asked, _)| asked.hash.as_slice()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|(_, reply)| reply.encode_to_vec()).collect::<Vec<_>>())
        .execute(self.tx.conn())
        .await?
        .rows_affected();
        if usize::try_from(kept).ok() == Some(done.len()) {
            return self.tx.commit().await.map(|()| true);
        }
        self.tx.rollback().await.map(|()| false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proto::demand::v1::CloseRoundRequest;

    use super::*;

    fn asked(what: usize, request_id: Uuid) -> Asked<usize> {
        let caller = Caller::service("demand", Scope::Deployment);
        Asked::new(&caller, &request_id.to_string(), &CloseRoundRequest::default(), what).unwrap()
    }

    #[tokio::test]
    async fn commands_that_wait_go_together_and_each_gets_its_own_answer() {
        let lanes: Lanes<u8, usize, usize> = Lanes::new(1);
        let largest = Arc::new(AtomicUsize::new(0));
        let calls = (0..100).map(|n| {
            let largest = largest.clone();
            lanes.ask(1, asked(n, Uuid::now_v7()), move |batch| {
                let largest = largest.clone();
                async move {
                    largest.fetch_max(batch.len(), Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(batch.iter().map(|asked| Ok(asked.what)).collect())
                }
            })
        });
        let answers = join_all(calls).await;
        assert!(answers.iter().enumerate().all(|(n, answer)| matches!(answer, Ok(told) if *told == n)));
        assert_eq!(largest.load(Ordering::Relaxed), TOGETHER);
    }

    #[tokio::test]
    async fn one_that_breaks_the_transaction_does_not_take_the_others_with_it() {
        let lanes: Lanes<u8, usize, usize> = Lanes::new(2);
        let calls = (0..40).map(|n| {
            lanes.ask(1, asked(n, Uuid::now_v7()), |batch: Vec<Arc<Asked<usize>>>| async move {
                assert!(!batch.iter().any(|asked| asked.what == 7), "a panic");
                if batch.iter().any(|asked| asked.what == 13) {
                    return Err(Failure::internal("cannot"));
                }
                Ok(batch.iter().map(|asked| Ok(asked.what)).collect())
            })
        });
        for (n, answer) in join_all(calls).await.into_iter().enumerate() {
            assert_eq!(answer.is_err(), n == 7 || n == 13, "{n}");
        }
        let again = lanes
            .ask(1, asked(50, Uuid::now_v7()), |batch| async move { Ok(batch.iter().map(|a| Ok(a.what)).collect()) });
        assert_eq!(again.await.ok(), Some(50), "the lane goes on");
    }

    #[tokio::test]
    async fn the_same_request_twice_is_never_in_one_transaction() {
        let lanes: Lanes<u8, usize, usize> = Lanes::new(2);
        let id = Uuid::now_v7();
        let calls = (0..20).map(|n| {
            lanes.ask(1, asked(n, id), |batch| async move {
                assert_eq!(batch.len(), 1);
                Ok(batch.iter().map(|asked| Ok(asked.what)).collect())
            })
        });
        assert!(join_all(calls).await.iter().all(Result::is_ok));
    }
}
