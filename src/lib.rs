//! voice-worker: the open voice-worker host daemon.

pub mod call;
pub mod media;
pub mod model;
pub mod replay;
pub mod runtime;
pub mod sip;

pub mod api;
pub mod speech;
pub mod store;
pub mod telemetry;

pub mod cli;
pub mod host;
pub mod settings;
