//! The SIP user agent, as data.
//!
//! Purpose: everything between a datagram and a fact about a leg, as pure functions and state machines that are handed the time.
//!
//! - [`message`] and [`headers`]: the one message type everyone speaks, on rsip's header vocabulary.
//! - [`wire`]: bytes to messages and back; what is wrong with a message and how it is answered is decided there, once.
//! - [`readers`]: one typed header a file, each with the grammar of its RFC and the tolerance real peers need.
//! - [`uri`]: `SipUri`, `TelUri`; a peer's URI is kept as it was written.
//! - [`auth`]: digest, as a client and as a server.
//! - [`sdp`]: which audio flows where; an answer is a function of the offer at hand.
//! - [`endpoint`]: owns every transaction, dialog and leg: datagram, order or tick in; message and fact out.
//! - [`trunk`], [`acl`]: who may call, and what may be dialled.
//! - [`shell`]: the sockets.
//!
//! Does not do: sockets, clocks, randomness. Those are handed in.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

pub mod acl;
pub mod auth;
mod dialog;
pub mod endpoint;
pub mod headers;
mod leg;
pub mod message;
pub mod readers;
pub mod sdp;
pub mod shell;
mod transaction;
pub mod trunk;
pub mod uri;
pub mod wire;
