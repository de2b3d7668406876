//! Traces, exported by OTLP over HTTP as the standard variables say; nothing is done where they name no collector.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::task::spawn_blocking;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{Layer, layer};

use super::exporter::Client;

/// What this process is called where `OTEL_SERVICE_NAME` says nothing.
const SERVICE: &str = env!("CARGO_PKG_NAME");
/// Where the library says what a process is called.
const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// Whether spans are exported. The subscriber of logs and spans is one for the process, and so is this.
static ON: AtomicBool = AtomicBool::new(false);

/// The exporter of spans.
pub struct Traces(SdkTracerProvider);

/// Traces can't be exported.
#[derive(Debug, thiserror::Error)]
#[error("traces can't be exported as OTEL_EXPORTER_OTLP_ENDPOINT and its like say")]
pub struct TracesError(#[from] ExporterBuildError);

impl Traces {
    /// An exporter to the collector that the standard variables name, with their sampler and resource. Call it in a
    /// runtime, which then does the sending.
    ///
    /// # Errors
    /// When a variable can't be understood.
    pub fn start() -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder().with_http().with_http_client(Client::here()).build()?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
        Ok(Self(provider.build()))
    }

    /// Sends what is left; nothing is exported after.
    pub async fn finish(self) {
        // It waits for its own thread, which waits for this runtime.
        let finished = spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = finished {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }

    /// What hands spans over.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer(SERVICE));
        layer::Layer::boxed(layer.with_threads(false).with_location(false).with_tracked_inactivity(false))
    }
}

/// Spans are exported from now on.
pub(super) fn switch_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether spans are exported: what only a trace shows need not be recorded else.
#[must_use]
pub fn is_traced() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Makes a span part of the caller's trace, where its `traceparent` names one.
pub fn continue_trace(span: &tracing::Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // A span that no layer exports has no parent either.
    drop(span.set_parent(context));
}

fn resource() -> Resource {
    let resource = Resource::builder().build();
    let named = resource.get(&SERVICE_NAME).map(|name| name.to_string());
    let name = named.filter(|name| !name.starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let name = name.unwrap_or_else(|| SERVICE.to_owned());
    Resource::builder().with_service_name(name).with_attribute(version).build()
}
