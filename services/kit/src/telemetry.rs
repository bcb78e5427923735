//! Traces, metrics and logs: structured logs on standard error always; OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
//! One trace goes from the gateway's request through services and events to the SQL.

use std::{collections::HashMap, sync::OnceLock, time::Duration};

use opentelemetry::{
    Context, KeyValue, global,
    metrics::Histogram,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{
    Resource, logs::SdkLoggerProvider, metrics::SdkMeterProvider, propagation::TraceContextPropagator,
    trace::SdkTracerProvider,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Keeps the exporters; flush them before the process ends.
#[derive(Debug)]
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Starts telemetry for a process. Call once, inside the runtime.
    ///
    /// # Errors
    /// When an exporter cannot be made.
    pub fn start(service: &'static str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.namespace", "centrale"))
            .build();
        let otlp = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok_and(|endpoint| !endpoint.is_empty());
        let mut traces = SdkTracerProvider::builder().with_resource(resource.clone());
        let (mut metrics, mut logs) = (None, None);
        if otlp {
            traces = traces.with_batch_exporter(opentelemetry_otlp::SpanExporter::builder().with_tonic().build()?);
            let exporter = opentelemetry_otlp::MetricExporter::builder().with_tonic().build()?;
            let provider =
                SdkMeterProvider::builder().with_resource(resource.clone()).with_periodic_exporter(exporter).build();
            global::set_meter_provider(provider.clone());
            metrics = Some(provider);
            let exporter = opentelemetry_otlp::LogExporter::builder().with_tonic().build()?;
            logs = Some(SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build());
        }
        let traces = traces.build();
        global::set_tracer_provider(traces.clone());
        let level = || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr)
                    .with_filter(level()),
            )
            .with(tracing_opentelemetry::layer().with_tracer(traces.tracer("centrale")).with_filter(level()))
            .with(logs.as_ref().map(|provider| OpenTelemetryTracingBridge::new(provider).with_filter(level())))
            .try_init()?;
        Ok(Self { traces, metrics, logs })
    }

    /// Sends what is left.
    pub fn flush(self) {
        let _ = self.traces.shutdown();
        if let Some(metrics) = self.metrics {
            let _ = metrics.shutdown();
        }
        if let Some(logs) = self.logs {
            let _ = logs.shutdown();
        }
    }
}

/// Counts a finished gRPC call and how long it took (`rpc.server.duration`, seconds, by `rpc.method`).
pub fn record_call(method: &str, took: Duration) {
    static DURATION: OnceLock<Histogram<f64>> = OnceLock::new();
    let duration = DURATION.get_or_init(|| {
        global::meter("centrale")
            .f64_histogram("rpc.server.duration")
            .with_unit("s")
            .with_description("gRPC calls served")
            .build()
    });
    duration.record(took.as_secs_f64(), &[KeyValue::new("rpc.method", method.to_owned())]);
}

/// The W3C `traceparent` of the current span; empty outside a trace.
#[must_use]
pub fn current_trace_parent() -> String {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent").unwrap_or_default()
}

/// The trace id of the current span, 32 hexadecimal digits; empty outside a trace.
#[must_use]
pub fn current_trace_id() -> String {
    let context = Span::current().context();
    let span = context.span();
    let id = span.span_context().trace_id();
    if span.span_context().is_valid() { id.to_string() } else { String::new() }
}

/// Makes a span continue the trace of a `traceparent`, if it is one.
pub fn continue_trace(span: &Span, trace_parent: &str) {
    if trace_parent.is_empty() {
        return;
    }
    let carrier = HashMap::from([("traceparent".to_owned(), trace_parent.to_owned())]);
    let context: Context = TraceContextPropagator::new().extract(&carrier);
    let _ = span.set_parent(context);
}
