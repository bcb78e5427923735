//! The server around a service: health, reflection, traces, deadlines, limits and a graceful stop.

use std::{convert::Infallible, future::Future, time::Duration};

use http::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::telemetry;

/// Calls handled at once by one process at most; more wait in HTTP/2 flow control.
const CONCURRENCY: usize = 512;
/// Longest a call may run, whatever its caller asks for.
const LONGEST: Duration = Duration::from_secs(600);

/// A stop that SIGTERM or SIGINT asks for.
#[must_use]
pub fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                tracing::info!("stop asked for");
                token.cancel();
            }
            _ => tracing::error!("signals cannot be heard"),
        }
    });
    stop
}

/// Serves gRPC until `stop`, then lets running calls end. `ready` says, once a second, whether the service can work.
///
/// # Errors
/// When the transport fails.
pub async fn serve<R, F>(
    listener: TcpListener,
    routes: Routes,
    ready: R,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    R: Fn() -> F + Send + 'static,
    F: Future<Output = bool> + Send,
{
    let (reporter, health) = tonic_health::server::health_reporter();
    let watch_stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let state = if watch_stop.is_cancelled() {
                tonic_health::ServingStatus::NotServing
            } else if ready().await {
                tonic_health::ServingStatus::Serving
            } else {
                tonic_health::ServingStatus::NotServing
            };
            reporter.set_service_status("", state).await;
            if watch_stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = watch_stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    });
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    let mut routes = routes.add_service(health);
    match reflection {
        Ok(reflection) => routes = routes.add_service(reflection),
        Err(error) => tracing::error!(%error, "no reflection"),
    }
    // The builder's own `tcp_nodelay` does not reach a listener that we bring: an answer of more than one segment would wait 40 ms
    // for a delayed acknowledgement (seen).
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .timeout(LONGEST)
        .concurrency_limit_per_connection(CONCURRENCY)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_adaptive_window(Some(true))
        .layer(TraceLayer)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, async move { stop.cancelled().await })
        .await
}

/// Opens a span per call that continues the caller's trace, and measures it.
#[derive(Debug, Clone, Copy)]
struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;
    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner }
    }
}

#[derive(Debug, Clone)]
struct Traced<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        tracing::instrument::Instrumented<futures::future::BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let span = tracing::info_span!("grpc", rpc.method = %request.uri().path());
        if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
            telemetry::continue_trace(&span, parent);
        }
        let method = request.uri().path().to_owned();
        let started = std::time::Instant::now();
        let answer = self.inner.call(request);
        let measured: futures::future::BoxFuture<'static, _> = Box::pin(async move {
            let answer = answer.await;
            telemetry::record_call(&method, started.elapsed());
            answer
        });
        measured.instrument(span)
    }
}
