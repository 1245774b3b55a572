//! Typed views of header values, one header (or family) a file.
//!
//! Owns: the grammar of each header this worker acts on, read from one value (`read(&str)`) and, where we send it, printed by `Display`.
//! A reader takes what real peers write (blanks around separators, unquoted oddities) and refuses what it cannot understand with a [`ReadError`]
//! that names the header and the fault but never repeats the value: values hold numbers, names and digests.
//!
//! Does not do: lists (the wire has split comma lists already; a reader sees one element), deciding what a refusal means (400, ignore, drop): the
//! caller does.

mod authorization;
mod challenge;
mod cseq;
mod dtmf_info;
mod event;
mod max_forwards;
mod media_type;
mod multipart;
mod name_addr;
mod params;
mod rack;
mod reason;
mod replaces;
mod retry_after;
pub(crate) mod scan;
mod session_expires;
mod sipfrag;
mod subscription_state;
mod tokens;
mod via;

#[cfg(test)]
mod tests;

pub use authorization::Credentials;
pub use challenge::{Challenge, DigestAlgorithm, Qop};
pub use cseq::CSeq;
pub use dtmf_info::DtmfInfo;
pub use event::Event;
pub use max_forwards::MaxForwards;
pub use media_type::MediaType;
pub(crate) use multipart::part;
pub use name_addr::NameAddr;
pub use params::Params;
pub use rack::{RAck, RSeq};
pub use reason::Reason;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use session_expires::{MinSe, Refresher, SessionExpires};
pub use sipfrag::Sipfrag;
pub use subscription_state::{SubscriptionState, SubscriptionStatus};
pub use tokens::Tokens;
pub use via::{Transport, Via};

/// A header value that could not be read: where and what, never the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {what}")]
pub struct ReadError {
    pub header: &'static str,
    pub what: &'static str,
}

impl ReadError {
    pub(crate) const fn new(header: &'static str, what: &'static str) -> Self {
        Self { header, what }
    }
}
