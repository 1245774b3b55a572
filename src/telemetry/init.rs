//! Starting the log, and the spans where they are wanted.

use super::otlp::{self, Exporting, OtlpConfig, OtlpError};
use super::span;
use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Error)]
pub enum InitError {
    #[error("{level:?} is no log filter; write info, or voice_worker=debug,info")]
    Level {
        level: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("the log is started already")]
    Started(#[source] tracing_subscriber::util::TryInitError),
    #[error(transparent)]
    Otlp(#[from] OtlpError),
}

/// Sends log lines to standard error, and spans to a collector if one is named: then a task has to run what is answered. `level` is a level or a
/// list of `target=level`. Once a process.
pub fn init(format: LogFormat, level: &str, otlp: Option<OtlpConfig>) -> Result<Option<Exporting>, InitError> {
    let filter: Targets = level.parse().map_err(|source| InitError::Level { level: level.to_owned(), source })?;
    // Spans are for the collector; a log line says its own conversation.
    let filter = filter.with_target(span::TARGET, LevelFilter::OFF);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let mut layers = vec![lines.with_filter(filter).boxed()];
    let mut exporting = None;
    if let Some(config) = otlp {
        let (spans, sends) = otlp::pipeline(config)?;
        layers.push(spans);
        exporting = Some(sends);
    }
    registry().with(layers).try_init().map_err(InitError::Started)?;
    Ok(exporting)
}
