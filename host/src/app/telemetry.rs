//! What the process says of itself: its log, and its spans to an OpenTelemetry collector where one is configured. The
//! only user of the OpenTelemetry crates; knows nothing of what the spans are about.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::Failure;
use crate::config;

/// Spans that may wait to be sent; those that come then are dropped.
const QUEUE: usize = 8_192;
/// How many are sent at once.
const BATCH: usize = 512;
/// How long a span waits for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take over each batch, attempts to send it again included.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last spans may take at the end.
const FLUSH: Duration = Duration::from_secs(5);
/// How often it is said that the collector does not take spans.
const REMINDER: Duration = Duration::from_secs(60);

/// Owns the thread that sends spans, where there is one: dropping it sends what is left, or gives up after a while.
pub(super) struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Starts the log alone.
pub(super) fn start_log() {
    tracing_subscriber::registry().with(log()).init();
}

impl Telemetry {
    /// Starts the log, and spans where there is a collector for them.
    pub(super) fn start(collector: Option<&config::Telemetry>) -> Result<Self, Failure> {
        let Some(collector) = collector else {
            start_log();
            return Ok(Self { provider: None });
        };
        let provider = provider(collector)?;
        tracing_subscriber::registry().with(spans(provider.tracer("tribunal"))).with(log()).init();
        Ok(Self { provider: Some(provider) })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "the last spans may not have reached the collector");
        }
    }
}

/// Makes the span a part of the trace that the client named in `traceparent`, if it named one.
pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() || !headers.contains_key("traceparent") {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    // It fails for a span that has begun, which this one has not.
    let _ = span.set_parent(context);
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// Events on standard error. Spans are not for it, so that they cost nothing where nobody else wants them.
fn log<S>() -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let wanted = EnvFilter::try_from_env("TRIBUNAL_LOG").unwrap_or_else(|_| "info".into());
    let layer = fmt::layer().with_writer(stderr);
    let layer = if stderr().is_terminal() { layer } else { layer.with_ansi(false) };
    layer.with_filter(wanted.and(filter_fn(|metadata| metadata.is_event() && !is_chatter(metadata))))
}

/// What the OpenTelemetry crates say of each batch that was not taken, and of the end: [`Reported`] says the one once in a
/// while, and [`Telemetry`] the other.
fn is_chatter(metadata: &Metadata<'_>) -> bool {
    let name = metadata.name();
    let is_said = name.starts_with("Export.") || name.ends_with(".ExportError") || name.contains(".Shutdown.");
    metadata.target().starts_with("opentelemetry") && (is_said || *metadata.level() > Level::WARN)
}

/// The host's own spans, with the warnings and errors that happened in them.
fn spans<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let wanted = filter_fn(|metadata| {
        metadata.target().starts_with("tribunal") && (metadata.is_span() || *metadata.level() <= Level::WARN)
    });
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_context_activation(false)
        .with_filter(wanted.with_max_level_hint(LevelFilter::INFO))
}

fn provider(collector: &config::Telemetry) -> Result<SdkTracerProvider, Failure> {
    let url = collector.endpoint.traces();
    let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(client)
        .with_endpoint(&url)
        .with_timeout(PATIENCE)
        .build()?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(DELAY)
        .build();
    let reported = Reported { exporter, url, lost: Mutex::default() };
    let processor = BatchSpanProcessor::builder(reported).with_batch_config(batches).build();
    let resource = Resource::builder()
        .with_service_name(collector.service_name.to_string())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())
}

/// Sends spans and says once in a while how many were lost.
#[derive(Debug)]
struct Reported {
    exporter: opentelemetry_otlp::SpanExporter,
    url: String,
    lost: Mutex<Lost>,
}

#[derive(Debug, Default)]
struct Lost {
    spans: usize,
    said: Option<Instant>,
}

impl SpanExporter for Reported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(()) => {
                if lost.said.take().is_some() {
                    tracing::info!(url = self.url, lost = lost.spans, "the collector takes spans again");
                    lost.spans = 0;
                }
            }
            Err(error) => {
                lost.spans += count;
                if lost.said.is_none_or(|said| said.elapsed() > REMINDER) {
                    lost.said = Some(Instant::now());
                    tracing::warn!(url = self.url, lost = lost.spans, %error, "the collector does not take spans");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_made_only_for_a_collector() {
        let made = || {
            let (span, _entered) = (tracing::info_span!("here"), tracing::info_span!("around").entered());
            (!span.is_disabled(), !Span::current().is_disabled())
        };
        assert_eq!(tracing::subscriber::with_default(tracing_subscriber::registry().with(log()), made), (false, false));
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let both = tracing_subscriber::registry().with(spans(tracer)).with(log());
        assert_eq!(tracing::subscriber::with_default(both, made), (true, true));
    }
}
