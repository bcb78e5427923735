//! Placed orders leave by e-mail. Demand keeps what is to be sent; every replica of the gateway leases from it, makes the
//! files, sends, and records what became of it. It stands in the gateway because the gateway makes the files and knows
//! where its own pages are; nothing is kept here.
//!
//! A mail is sent at least once and recorded once: a sender that dies after the mail server took a mail and before that is
//! recorded leaves the lease to run out, and the same mail goes out again under the same Message-ID, by which mail programs
//! know a repeated one. Crash tests make the process die there: `gateway:mail:sent` ([`kit::fail_at`]).

mod message;

use std::time::Duration;

use kit::{
    Failure,
    fail_at::FailAt,
    id::GroupId,
    identity::{Caller, Scope},
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{self, PoolConfig},
};
use proto::{
    demand::v1::{DispatchOutcome, LeaseDispatchesRequest, LeasedDispatch, RecordDispatchRequest},
    membership::v1::BatchGetPartiesRequest,
};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    App,
    order_file::{self, Format, PDF_LINES, gather},
    upstream::{call, demand, membership},
};

/// How long a sender sleeps when nothing is due.
const POLL: Duration = Duration::from_millis(500);
/// How long it sleeps when demand is away.
const AWAY: Duration = Duration::from_secs(2);
/// Longest that a mail server may take; well within the lease.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where mails go.
#[derive(Clone)]
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Right-hand side of a Message-ID.
    host: String,
    lease_s: i32,
    fail_at: FailAt,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The transport holds a password.
        write!(f, "Post(from {})", self.from)
    }
}

impl Post {
    /// A mail server by its URL (`smtp://host:25`, `smtps://user:password@host`), and who the mails are from.
    ///
    /// # Errors
    /// Which variable is wrong and how.
    pub fn new(
        url: &str,
        from: &str,
        public_url: &str,
        lease_s: i32,
        fail_at: FailAt,
    ) -> Result<Self, (&'static str, String)> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| ("CENTRALE_SMTP_URL", error.to_string()))?
            .timeout(Some(PATIENCE))
            .pool_config(PoolConfig::new().max_size(2).idle_timeout(Duration::from_secs(20)))
            .build();
        let from: Mailbox = from
            .parse::<Mailbox>()
            .map_err(|error| ("CENTRALE_MAIL_FROM", format!("{error}: give `Name <address>`")))?;
        let host = public_url.split("://").nth(1).unwrap_or(public_url);
        let host = host.split(['/', ':']).next().filter(|host| !host.is_empty()).unwrap_or("localhost").to_owned();
        Ok(Self { transport, from, host, lease_s, fail_at })
    }
}

/// What became of a dispatch.
enum Outcome {
    Sent { to: String, message_id: String },
    NoAddress,
    Failed(String),
    Later(String),
}

/// Sends until stopped.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(post) = app.post.clone() else {
        tracing::warn!("CENTRALE_SMTP_URL is not set: placed orders wait to be sent");
        return;
    };
    while !stop.is_cancelled() {
        let wait = match send_next(&app, &post).await {
            Ok(true) => continue,
            Ok(false) => POLL,
            Err(error) => {
                tracing::warn!(%error, "no order sent, trying again");
                AWAY
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Sends one order that is due; whether there was one.
async fn send_next(app: &App, post: &Post) -> Result<bool, Failure> {
    let own = Caller::service("gateway", Scope::Deployment);
    // One at a time: the lease covers what is being done, not what waits for it.
    let request = LeaseDispatchesRequest { limit: 1, lease_s: post.lease_s };
    let answer = call(&app.peers.demand, &own, request, |channel, request| async move {
        demand(channel).lease_dispatches(request).await
    })
    .await?;
    let Some(leased) = answer.leased.into_iter().next() else { return Ok(false) };
    let group: GroupId = leased.group_id.parse().map_err(Failure::internal)?;
    let own = Caller::service("gateway", Scope::Group(group));
    let outcome = send(app, post, &own, &leased).await.unwrap_or_else(|failure| {
        tracing::warn!(error = %failure, dispatch = leased.dispatch_id, "order not sent, trying again later");
        Outcome::Later(failure.reason())
    });
    if matches!(outcome, Outcome::Sent { .. }) {
        post.fail_at.reached("mail", "sent");
    }
    record(app, &own, &leased, outcome).await?;
    Ok(true)
}

async fn send(app: &App, post: &Post, own: &Caller, leased: &LeasedDispatch) -> Result<Outcome, Failure> {
    let request = BatchGetPartiesRequest { refs: vec![leased.supplier_id.clone()] };
    let answer = call(&app.peers.membership, own, request, |channel, request| async move {
        membership(channel).batch_get_parties(request).await
    })
    .await?;
    let address = answer.found.into_iter().filter_map(|found| found.party).map(|party| party.contact_email).next();
    let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(Outcome::NoAddress) };
    let Ok(to) = address.parse::<Mailbox>() else {
        return Ok(Outcome::Failed(format!("{address} is not an address that can be written to")));
    };
    let source = gather::gather(app, own, &leased.pooled_order_id).await?;
    let mut formats = vec![Format::Xlsx];
    if source.lines.len() <= PDF_LINES {
        formats.insert(0, Format::Pdf);
    }
    let link = app.link_key.reply_to(own.group()?, &leased.pooled_order_id, &leased.supplier_id)?;
    let link = format!("{}/r/{link}", app.public_url);
    let about = message::About::of(&source, &link);
    let files = order_file::written(app, source, &formats).await?;
    let message_id = message_id(leased, &post.host);
    let mail = message::write(&post.from, to, &message_id, &about, files).map_err(Failure::internal)?;
    match post.transport.send(mail).await {
        Ok(_) => Ok(Outcome::Sent { to: address, message_id }),
        Err(error) if refused_for_good(&error) => Ok(Outcome::Failed(said(&error))),
        Err(error) => Ok(Outcome::Later(said(&error))),
    }
}

/// The same for every attempt of a sending.
fn message_id(leased: &LeasedDispatch, host: &str) -> String {
    format!("<{}.{}@{host}>", leased.dispatch_id, leased.sending)
}

/// A server said no to this mail, as opposed to not now, or to us.
fn refused_for_good(error: &smtp::Error) -> bool {
    error.is_permanent()
}

/// An error with its causes.
fn said(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

async fn record(app: &App, own: &Caller, leased: &LeasedDispatch, outcome: Outcome) -> Result<(), Failure> {
    let mut request = RecordDispatchRequest {
        request_id: request_id(leased, &outcome).to_string(),
        dispatch_id: leased.dispatch_id.clone(),
        sending: leased.sending,
        holder: leased.holder.clone(),
        ..RecordDispatchRequest::default()
    };
    match outcome {
        Outcome::Sent { to, message_id } => {
            request.set_outcome(DispatchOutcome::Sent);
            (request.sent_to, request.message_id) = (to, message_id);
        }
        Outcome::NoAddress => request.set_outcome(DispatchOutcome::NoAddress),
        Outcome::Failed(error) => {
            request.set_outcome(DispatchOutcome::Failed);
            request.error = error;
        }
        Outcome::Later(error) => {
            request.set_outcome(DispatchOutcome::Later);
            request.error = error;
        }
    }
    call(
        &app.peers.demand,
        own,
        request,
        |channel, request| async move { demand(channel).record_dispatch(request).await },
    )
    .await?;
    Ok(())
}

/// One per lease: what a lease came to is recorded once, however often the record is sent.
fn request_id(leased: &LeasedDispatch, outcome: &Outcome) -> Uuid {
    let sent = matches!(outcome, Outcome::Sent { .. });
    let digest = Sha256::digest(format!("{}\n{}\n{}\n{sent}", leased.dispatch_id, leased.sending, leased.holder));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
