//! Starting the log.

use thiserror::Error;
use tracing_subscriber::filter::Targets;
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
}

/// Sends log lines to standard error. `level` is a level or a list of `target=level`. Once a process.
pub fn init(format: LogFormat, level: &str) -> Result<(), InitError> {
    let filter: Targets = level.parse().map_err(|source| InitError::Level { level: level.to_owned(), source })?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    registry().with(lines.with_filter(filter)).try_init().map_err(InitError::Started)
}
