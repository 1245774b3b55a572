//! What operators see: log lines, metrics, and nothing that a caller said or typed.
//!
//! Owns: starting the log, the spans and their way to a collector, the one list of metric names with their bounded labels, the translation of each [`crate::model::Notice`] into one log
//! line and one metric, masking, and printing an error with its causes.
//!
//! Does not do: keep state about calls. Gauges are not counted up and down; each is asked of the collection that owns the things when the page is
//! rendered, so it cannot drift.

mod chain;
mod init;
mod metrics;
mod notice;
mod otlp;
mod redact;
pub mod span;

pub use chain::Chain;
pub use init::{InitError, LogFormat, init};
pub use metrics::{Counter, Gauge, Gauges, Histogram, Metrics, MetricsError, count};
pub use notice::report;
pub use otlp::{Exporting, OtlpConfig, OtlpError};
pub use redact::{mask_digits, mask_number};
pub use span::AskFigures;
