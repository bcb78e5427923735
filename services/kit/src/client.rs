//! Calls to other services: with a signed statement, the trace and a deadline.

use std::time::Duration;

use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

use crate::{
    error::Failure,
    identity::{Caller, STATEMENT_KEY, Signer},
    telemetry,
};

/// Another service, as seen from this process.
#[derive(Debug, Clone)]
pub struct Peer {
    audience: &'static str,
    channel: Channel,
    signer: Signer,
}

/// Deadline of a call that sets none.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);

impl Peer {
    /// A peer at a URL; connects when first needed and again when the connection is lost.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn new(audience: &'static str, url: &str, signer: Signer) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(Duration::from_secs(2))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .connect_lazy();
        Ok(Self { audience, channel, signer })
    }

    /// The service's name.
    #[must_use]
    pub const fn audience(&self) -> &'static str {
        self.audience
    }

    /// The connection, for a generated client.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A request that says who calls, under which trace, and how long it may take.
    ///
    /// # Errors
    /// When signing fails.
    pub fn request<T>(&self, caller: &Caller, message: T) -> Result<Request<T>, Failure> {
        self.request_within(caller, message, DEFAULT_DEADLINE)
    }

    /// As [`Peer::request`] with a deadline of its own.
    ///
    /// # Errors
    /// When signing fails.
    pub fn request_within<T>(&self, caller: &Caller, message: T, deadline: Duration) -> Result<Request<T>, Failure> {
        let statement = self.signer.state(caller, self.audience)?;
        let mut request = Request::new(message);
        request.set_timeout(deadline);
        let metadata = request.metadata_mut();
        metadata.insert(STATEMENT_KEY, MetadataValue::try_from(statement).map_err(Failure::internal)?);
        if let Ok(value) = MetadataValue::try_from(telemetry::current_trace_parent())
            && !value.is_empty()
        {
            metadata.insert("traceparent", value);
        }
        Ok(request)
    }
}
