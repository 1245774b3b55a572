//! Spans to a collector: OTLP over HTTP with protobuf bodies.
//!
//! Ended spans wait in a bounded queue; a task takes them out in batches and sends them. Full: a span is dropped and counted; no call waits for
//! a collector. A batch that the collector does not take is counted and dropped too.

use super::metrics::{Counter, count};
use super::span::TARGET;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor};
use std::fmt;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::Registry;

/// Spans that wait to be sent.
const QUEUE_MAX: usize = 4_096;
/// Spans in one request.
const BATCH_MAX: usize = 512;
/// A batch that is not full is sent this long after its first span.
const BATCH_WAIT: Duration = Duration::from_secs(2);
/// One request.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// What a stopping worker gives the last spans.
const LAST_WITHIN: Duration = Duration::from_secs(3);

/// Where spans go.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// The collector's base URL (`http://127.0.0.1:4318`); `/v1/traces` is added where it is missing.
    pub endpoint: String,
    /// `service.instance.id`: the worker's name.
    pub instance: String,
    /// Sends the requests; carries the collector's credentials, if it wants any.
    pub client: reqwest::Client,
}

#[derive(Debug, Error)]
#[error("spans cannot be sent to {endpoint}")]
pub struct OtlpError {
    endpoint: String,
    #[source]
    source: opentelemetry_otlp::ExporterBuildError,
}

/// The sending side: a task has to run it, or nothing is sent.
pub struct Exporting {
    queue: mpsc::Receiver<SpanData>,
    exporter: OtlpExporter,
    /// Ends tracing when the task does.
    _provider: SdkTracerProvider,
}

impl fmt::Debug for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporting").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

/// A layer of the process's one subscriber.
pub(super) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// A layer that takes this program's own spans, and nothing of any library, and the side that sends them.
pub(super) fn pipeline(config: OtlpConfig) -> Result<(BoxedLayer, Exporting), OtlpError> {
    let endpoint = traces_url(&config.endpoint);
    let exporter = OtlpExporter::builder().with_http().with_http_client(config.client).with_endpoint(&endpoint).with_timeout(SEND_WITHIN);
    let mut exporter = exporter.build().map_err(|source| OtlpError { endpoint, source })?;
    let resource = Resource::builder()
        .with_service_name("voice-worker")
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", config.instance),
        ])
        .build();
    exporter.set_resource(&resource);
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(Queue(sender)).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("voice-worker"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_level(false)
        .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO));
    Ok((layer.boxed(), Exporting { queue, exporter, _provider: provider }))
}

impl Exporting {
    /// Sends until `stop`, then what is left.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut batch, BATCH_MAX) => {
                    if taken == 0 {
                        return;
                    }
                    let room = BATCH_MAX - batch.len();
                    let more = async { while batch.len() < BATCH_MAX && self.queue.recv_many(&mut batch, room.max(1)).await > 0 {} };
                    let stopped = tokio::select! {
                        () = &mut stop => true,
                        _ = timeout(BATCH_WAIT, more) => false,
                    };
                    self.send(std::mem::take(&mut batch)).await;
                    if stopped {
                        break;
                    }
                }
                () = &mut stop => break,
            }
        }
        let _ = timeout(LAST_WITHIN, self.send_rest()).await;
    }

    async fn send_rest(&mut self) {
        let mut batch = Vec::new();
        while let Ok(span) = self.queue.try_recv() {
            batch.push(span);
            if batch.len() == BATCH_MAX {
                self.send(std::mem::take(&mut batch)).await;
            }
        }
        if !batch.is_empty() {
            self.send(batch).await;
        }
    }

    async fn send(&self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        if let Err(error) = self.exporter.export(batch).await {
            tracing::warn!(%error, spans, "spans were not taken by the collector");
            count(Counter::SpansDropped, "refused", spans);
        }
    }
}

/// Puts ended spans into the queue.
#[derive(Debug)]
struct Queue(mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            count(Counter::SpansDropped, "full", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn traces_url(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_once() {
        assert_eq!(traces_url("http://c:4318/"), "http://c:4318/v1/traces");
        assert_eq!(traces_url("http://c:4318/v1/traces"), "http://c:4318/v1/traces");
    }
}
