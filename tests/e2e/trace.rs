//! Design decision 16, as an OTLP collector receives it: one trace across gateway, services, events and SQL; metrics and logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::any_value::Value,
    resource::v1::Resource,
};
use tonic::{Request, Response, Status};

use crate::shared::shared;

/// What was received.
#[derive(Default)]
struct Received {
    /// Service, trace, span name.
    spans: Vec<(String, Vec<u8>, String)>,
    /// Service, metric name.
    metrics: BTreeSet<(String, String)>,
    /// Services that sent log records.
    logs: BTreeSet<String>,
}

/// An OTLP collector that keeps what it gets. Lives on a thread of its own, beyond any one test's runtime.
pub struct Collector {
    /// Where it listens.
    pub url: String,
    received: Arc<Mutex<Received>>,
}

#[derive(Clone)]
struct Keep(Arc<Mutex<Received>>);

fn service_of(resource: Option<&Resource>) -> String {
    resource
        .iter()
        .flat_map(|resource| &resource.attributes)
        .find(|attribute| attribute.key == "service.name")
        .and_then(|attribute| attribute.value.as_ref()?.value.as_ref())
        .map_or_else(String::new, |value| match value {
            Value::StringValue(name) => name.clone(),
            other => format!("{other:?}"),
        })
}

#[tonic::async_trait]
impl TraceService for Keep {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let service = service_of(resource.resource.as_ref());
            let mut received = self.0.lock().unwrap();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                received.spans.push((service.clone(), span.trace_id, span.name));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Keep {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        for resource in request.into_inner().resource_metrics {
            let service = service_of(resource.resource.as_ref());
            let mut received = self.0.lock().unwrap();
            for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                received.metrics.insert((service.clone(), metric.name));
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Keep {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        for resource in request.into_inner().resource_logs {
            let service = service_of(resource.resource.as_ref());
            if resource.scope_logs.iter().any(|scope| !scope.log_records.is_empty()) {
                self.0.lock().unwrap().logs.insert(service);
            }
        }
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl Collector {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let kept = Keep(received.clone());
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let incoming =
                    tonic::transport::server::TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
                tonic::transport::Server::builder()
                    .add_service(TraceServiceServer::new(kept.clone()))
                    .add_service(MetricsServiceServer::new(kept.clone()))
                    .add_service(LogsServiceServer::new(kept))
                    .serve_with_incoming(incoming)
                    .await
                    .unwrap();
            });
        });
        Self { url, received }
    }

    fn traces(&self) -> BTreeMap<Vec<u8>, BTreeSet<(String, String)>> {
        let mut traces: BTreeMap<Vec<u8>, BTreeSet<(String, String)>> = BTreeMap::new();
        for (service, trace, name) in self.received.lock().unwrap().spans.iter() {
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

#[tokio::test]
async fn every_process_sends_logs_and_every_service_measures_its_calls() {
    let collector = &shared().await.collector;
    let services = ["membership", "catalogue", "tendering", "demand", "logistics"];
    let mut missing = Vec::new();
    for _ in 0..60 {
        {
            let received = collector.received.lock().unwrap();
            let measured =
                |service: &str| received.metrics.contains(&(service.to_owned(), "rpc.server.duration".to_owned()));
            missing =
                services.iter().filter(|service| !measured(service) || !received.logs.contains(**service)).collect();
        }
        if missing.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no metrics or no logs from {missing:?}");
}
