//! Orders to the endpoint, imperative, and why one is refused.

use super::address::Destination;
use super::config::OptionsStatus;
use crate::model::{Digit, Millis, Redacted};
use crate::sip::sdp::LocalMedia;
use crate::sip::trunk::AllowList;
use std::fmt;

/// Names a leg: one dialog (or one INVITE on its way to one). Never used twice in the life of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LegKey(pub u64);

impl LegKey {
    pub(crate) fn exchanged(self, one: Self, other: Self) -> Self {
        if self == one {
            other
        } else if self == other {
            one
        } else {
            self
        }
    }
}

impl fmt::Display for LegKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip-leg-{}", self.0)
    }
}

/// What a leg or the endpoint is to do. One that cannot be carried out is refused with a typed error and changes nothing.
#[derive(Clone, Debug)]
pub enum Order {
    /// 180 to an unanswered inbound leg. A second one sends the 180 again.
    Ring { leg: LegKey },
    /// 200 with an answer computed from the leg's offer now (or with our offer, where the INVITE had none). Answered by `Confirmed`.
    Answer { leg: LegKey, media: LocalMedia },
    /// Final refusal (300–699) of an unanswered inbound leg. Answered by `Released`.
    Reject { leg: LegKey, status: u16, retry_after_seconds: Option<u32>, reason: Option<Reason> },
    /// BYE to a leg that is up, CANCEL to one we called that still rings, `unanswered_status` to one that called us and was not answered.
    /// Idempotent while the leg lives. Answered by `Released`.
    Release { leg: LegKey, reason: Option<Reason>, unanswered_status: u16 },
    /// REFER on this leg. Answered by `ReferAnswered`; one at a time.
    Refer {
        leg: LegKey,
        /// Whom the peer shall call: a URI or a whole name-addr. May be empty where `replaces` is given: then it is the Contact of that leg's peer.
        refer_to: String,
        referred_by: Option<String>,
        /// Headers of the REFER itself.
        headers: Vec<(String, String)>,
        /// Headers of the INVITE the peer will send, escaped into Refer-To (RFC 3261 section 19.1.1); not with a `tel:` URI.
        invite_headers: Vec<(String, String)>,
        /// Attended transfer (RFC 5589 section 7): the peer's INVITE takes the place of this leg, which must be up.
        replaces: Option<LegKey>,
    },
    /// Nobody wants to hear of the last REFER any more: its later NOTIFYs are answered 200 and raise no event, and another REFER may go.
    AbandonRefer { leg: LegKey },
    /// Answers `ReplaceRequested`: `by` is answered with the media of the leg it asked for and takes that leg's key; the old dialog is
    /// ended with BYE (or CANCEL) unseen. Answered by `Replaced`, or refused as RFC 3891 section 3 says and answered by `Released` of `by`.
    Replace { by: LegKey },
    /// Answers the REFER told by `ReferRequested` under `ReferPolicy::Report` (200–699). With 2xx a NOTIFY with 100 follows at once.
    AnswerRefer { leg: LegKey, status: u16 },
    /// NOTIFY with the status of the call a REFER asked for; `last` ends its subscription. They go out one after the other.
    NotifyRefer { leg: LegKey, status: u16, last: bool },
    /// Re-INVITE with `sendonly` (or `inactive`). Answered by `MediaChanged` or `ModifyFailed`.
    Hold { leg: LegKey },
    /// Re-INVITE that takes the peer back from our hold. Answered by `MediaChanged` or `ModifyFailed`.
    Resume { leg: LegKey },
    /// Re-INVITE with other media of ours. Answered by `MediaChanged` or `ModifyFailed`.
    Modify { leg: LegKey, media: LocalMedia },
    /// A key as INFO `application/dtmf-relay`.
    SendDigit { leg: LegKey, digit: Digit, duration: Millis },
    /// How OPTIONS is answered from now on.
    SetOptionsStatus(OptionsStatus),
}

/// An outbound call.
#[derive(Clone, Debug)]
pub struct Originate {
    /// Request-URI and To.
    pub target: String,
    /// From URI, without tag.
    pub from: String,
    /// Display name of From.
    pub from_display: Option<String>,
    /// Where the INVITE goes: the trunk, or the target itself.
    pub destination: Destination,
    /// Digest credentials for 401 and 407.
    pub credentials: Option<Credentials>,
    pub media: LocalMedia,
    /// Further headers of the INVITE; names the endpoint writes itself are refused.
    pub headers: Vec<(String, String)>,
    /// CANCEL after this long without an answer; 180 s where `None`.
    pub ring_timeout: Option<Millis>,
    /// Whether a 3xx is followed; `None`: it is a failure like any other, told with its Contact.
    pub redirects: Option<Redirects>,
}

/// Which contacts of a 3xx are called in place of the one who redirects (RFC 3261 section 8.1.3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// Others are passed over.
    pub allow: AllowList,
    /// Contacts called at most, in all.
    pub limit: u8,
}

/// A trunk's user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: Redacted<String>,
}

/// The Reason header of RFC 3326: `SIP;cause=480;text="..."`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub protocol: String,
    pub cause: u16,
    pub text: Option<String>,
}

/// Why an order was refused. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("{0} is gone: take its Released event as the answer")]
    NoSuchLeg(LegKey),
    #[error("{leg} cannot {verb} now, it is {state}")]
    WrongState { leg: LegKey, verb: &'static str, state: &'static str },
    #[error("{leg} has a request of its own under way: wait for its answer, then {verb} again")]
    Busy { leg: LegKey, verb: &'static str },
    #[error("no common codec with the offer of {0}: reject it with 488")]
    NoCommonCodec(LegKey),
    #[error("the offer of {leg} cannot be answered: {why}; reject it with {status}")]
    UnusableOffer { leg: LegKey, status: u16, why: String },
    #[error("the table of {table} is full ({limit}): try again later or raise the limit")]
    Full { table: &'static str, limit: usize },
    #[error("{what} is not usable: {why}")]
    Invalid { what: &'static str, why: String },
    #[error("no listener for transport {0}: add one to the configuration")]
    NoListener(super::Transport),
}
