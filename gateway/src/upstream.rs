//! Calls to the services. The gateway is the outermost caller, so it alone tries again (design decision 3).

use std::{future::Future, time::Duration};

use kit::{
    Failure,
    client::{DEFAULT_DEADLINE, Peer},
    error::CommonError,
    identity::Caller,
};
use proto::{
    catalogue::v1::catalogue_service_client::CatalogueServiceClient,
    demand::v1::{
        demand_service_client::DemandServiceClient, figures_service_client::FiguresServiceClient,
        member_change_service_client::MemberChangeServiceClient, opening_service_client::OpeningServiceClient,
    },
    events::v1::event_log_service_client::EventLogServiceClient,
    logistics::v1::logistics_service_client::LogisticsServiceClient,
    membership::v1::{
        bouquet_service_client::BouquetServiceClient, contribution_service_client::ContributionServiceClient,
        governance_service_client::GovernanceServiceClient, label_service_client::LabelServiceClient,
        membership_service_client::MembershipServiceClient, rights_service_client::RightsServiceClient,
    },
    tendering::v1::{
        consultation_service_client::ConsultationServiceClient, tendering_service_client::TenderingServiceClient,
    },
};
use tonic::{Code, Request, Response, Status, transport::Channel};
use tonic_types::StatusExt as _;

/// The five services.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Who is who.
    pub membership: Peer,
    /// What can be bought.
    pub catalogue: Peer,
    /// Under which contract.
    pub tendering: Peer,
    /// Who needs and orders what.
    pub demand: Peer,
    /// How it gets there.
    pub logistics: Peer,
}

impl Peers {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> [&Peer; 5] {
        [&self.membership, &self.catalogue, &self.tendering, &self.demand, &self.logistics]
    }

    /// One by its name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Peer> {
        self.all().into_iter().find(|peer| peer.audience() == name)
    }
}

/// Largest answer accepted from a service: 500 rows of the widest list are well below it.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Pauses before the second, third and fourth attempt: about as long as a service takes to start again.
const PAUSES: [Duration; 3] = [Duration::from_millis(150), Duration::from_millis(700), Duration::from_millis(2_000)];

/// Longest that work on a whole round or a file may take.
pub const LONG: Duration = Duration::from_secs(600);

/// Sends one unary request as `caller`, again where the service could not be reached. Every changing message carries its
/// request id, so a second arrival of the same message has no second effect.
///
/// # Errors
/// What the service answered, or that it could not be reached.
pub async fn call<Q, A, S, F>(peer: &Peer, caller: &Caller, message: Q, send: S) -> Result<A, Failure>
where
    Q: Clone,
    S: Fn(Channel, Request<Q>) -> F,
    F: Future<Output = Result<Response<A>, Status>>,
{
    call_within(DEFAULT_DEADLINE, peer, caller, message, send).await
}

/// As [`call`] with a deadline of its own.
///
/// # Errors
/// As [`call`].
pub async fn call_within<Q, A, S, F>(
    deadline: Duration,
    peer: &Peer,
    caller: &Caller,
    message: Q,
    send: S,
) -> Result<A, Failure>
where
    Q: Clone,
    S: Fn(Channel, Request<Q>) -> F,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        // A statement lives 60 s and carries the deadline of this attempt: made afresh each time.
        let request = peer.request_within(caller, message.clone(), deadline)?;
        let status = match send(peer.channel(), request).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        match pauses.next() {
            Some(pause) if unreached(&status) => {
                tracing::warn!(service = peer.audience(), code = ?status.code(), error = status.message(), "trying again");
                tokio::time::sleep(pause).await;
            }
            // Whoever asked may try again with the same key.
            Some(_) | None if unreached(&status) => {
                return Err(CommonError::Unavailable(status.message().to_owned()).into());
            }
            Some(_) | None => return Err(status.into()),
        }
    }
}

/// Whether the service may not have worked on the call: it could not be reached, the connection broke, or it said that it
/// is not available. A refusal of ours always says why in its details.
#[must_use]
pub fn unreached(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        // How tonic tells a connection that breaks in the middle of a call.
        Code::Unknown | Code::Internal | Code::Cancelled => {
            status.get_details_error_info().is_none()
                && std::error::Error::source(status).is_some()
                && !timed_out(status)
        }
        Code::Ok
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// Whether the client's own deadline ended the call. tonic tells it as a cancellation.
#[must_use]
pub fn timed_out(status: &Status) -> bool {
    status.code() == Code::DeadlineExceeded
        || (status.code() == Code::Cancelled && status.message().contains("Timeout"))
}

/// A client of membership.
#[must_use]
pub fn membership(channel: Channel) -> MembershipServiceClient<Channel> {
    MembershipServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of membership's governance.
#[must_use]
pub fn governance(channel: Channel) -> GovernanceServiceClient<Channel> {
    GovernanceServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of membership's contributions.
#[must_use]
pub fn contributions(channel: Channel) -> ContributionServiceClient<Channel> {
    ContributionServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of demand's figures.
#[must_use]
pub fn figures(channel: Channel) -> FiguresServiceClient<Channel> {
    FiguresServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of membership's rights.
#[must_use]
pub fn rights(channel: Channel) -> RightsServiceClient<Channel> {
    RightsServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of membership's services and practitioners.
#[must_use]
pub fn bouquet(channel: Channel) -> BouquetServiceClient<Channel> {
    BouquetServiceClient::new(channel)
        .max_decoding_message_size(LARGEST_ANSWER)
        .max_encoding_message_size(LARGEST_ANSWER)
}

/// A client of membership's charters and labels.
#[must_use]
pub fn label(channel: Channel) -> LabelServiceClient<Channel> {
    LabelServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of catalogue.
#[must_use]
pub fn catalogue(channel: Channel) -> CatalogueServiceClient<Channel> {
    CatalogueServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of tendering.
#[must_use]
pub fn tendering(channel: Channel) -> TenderingServiceClient<Channel> {
    TenderingServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of tendering's consultations.
#[must_use]
pub fn consultations(channel: Channel) -> ConsultationServiceClient<Channel> {
    ConsultationServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of demand.
#[must_use]
pub fn demand(channel: Channel) -> DemandServiceClient<Channel> {
    DemandServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of demand's changes of members.
#[must_use]
pub fn member_changes(channel: Channel) -> MemberChangeServiceClient<Channel> {
    MemberChangeServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of logistics.
#[must_use]
pub fn opening(channel: Channel) -> OpeningServiceClient<Channel> {
    OpeningServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client.
#[must_use]
pub fn logistics(channel: Channel) -> LogisticsServiceClient<Channel> {
    LogisticsServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// A client of any service's event log.
#[must_use]
pub fn event_log(channel: Channel) -> EventLogServiceClient<Channel> {
    EventLogServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}

/// The field of an answer that the contract promises.
///
/// # Errors
/// `INTERNAL` when the service broke its contract.
pub fn promised<T>(field: Option<T>, what: &'static str) -> Result<T, Failure> {
    field.ok_or_else(|| Failure::internal(format!("answer without {what}")))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use kit::identity::{Scope, Signer, generate_key};

    use super::*;

    async fn attempts_for(status: Status) -> u32 {
        let (pem, _) = generate_key("gateway").unwrap();
        let peer = Peer::new("demand", "http://127.0.0.1:1", Signer::from_pem("gateway", &pem).unwrap()).unwrap();
        let count = AtomicU32::new(0);
        let caller = Caller::service("gateway", Scope::Deployment);
        let answer: Result<(), Failure> = call(&peer, &caller, (), |_, _: Request<()>| {
            count.fetch_add(1, Ordering::Relaxed);
            let status = status.clone();
            async move { Err(status) }
        })
        .await;
        assert!(answer.is_err());
        count.into_inner()
    }

    #[tokio::test]
    async fn an_unreachable_service_is_asked_four_times_and_a_refusal_once() {
        assert_eq!(attempts_for(Status::unavailable("connection refused")).await, 4);
        assert_eq!(attempts_for(Status::failed_precondition("round is closed")).await, 1);
        assert_eq!(attempts_for(Status::internal("bug")).await, 1, "said by the service itself");
        assert_eq!(attempts_for(Status::deadline_exceeded("too long")).await, 1);
    }
}
