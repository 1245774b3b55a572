//! The SIP user agent, as data.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

pub mod acl;
pub mod endpoint;
pub mod sdp;
pub mod shell;
mod transaction;
pub mod trunk;
