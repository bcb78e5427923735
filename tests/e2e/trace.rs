//! One trace across gateway, services, events and SQL (design decision 16), as an OTLP collector receives it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use tonic::{Request, Response, Status};

use crate::shared::shared;

/// Spans received: (service, trace, span name).
type Spans = Arc<Mutex<Vec<(String, Vec<u8>, String)>>>;

/// An OTLP collector that keeps what it gets. Lives on a thread of its own, beyond any one test's runtime.
pub struct Collector {
    /// Where it listens.
    pub url: String,
    spans: Spans,
}

struct Keep(Spans);

#[tonic::async_trait]
impl TraceService for Keep {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let service = resource
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes)
                .find(|attribute| attribute.key == "service.name")
                .and_then(|attribute| attribute.value.as_ref()?.value.as_ref())
                .map_or_else(String::new, |value| match value {
                    Value::StringValue(name) => name.clone(),
                    other => format!("{other:?}"),
                });
            let mut spans = self.0.lock().unwrap();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push((service.clone(), span.trace_id, span.name));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let spans = Spans::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let kept = Keep(spans.clone());
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let incoming =
                    tonic::transport::server::TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
                tonic::transport::Server::builder()
                    .add_service(TraceServiceServer::new(kept))
                    .serve_with_incoming(incoming)
                    .await
                    .unwrap();
            });
        });
        Self { url, spans }
    }

    fn traces(&self) -> BTreeMap<Vec<u8>, BTreeSet<(String, String)>> {
        let mut traces: BTreeMap<Vec<u8>, BTreeSet<(String, String)>> = BTreeMap::new();
        for (service, trace, name) in self.spans.lock().unwrap().iter() {
            traces.entry(trace.clone()).or_default().insert((service.clone(), name.clone()));
        }
        traces
    }
}

#[tokio::test]
async fn one_trace_goes_from_the_gateway_through_services_and_events_to_the_sql() {
    let collector = &shared().await.collector;
    let mut best = BTreeSet::new();
    // Exporters send every few seconds.
    for _ in 0..60 {
        for spans in collector.traces().into_values() {
            let has = |service: &str, name: &str| spans.iter().any(|(s, n)| s == service && n == name);
            let gateway = spans.iter().any(|(service, _)| service == "gateway");
            if gateway && has("demand", "grpc") && has("demand", "db.transaction") && has("logistics", "event.apply") {
                return;
            }
            if spans.len() > best.len() {
                best = spans;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no trace has all four; the widest has {best:?}");
}
