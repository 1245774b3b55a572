//! Facts about legs, past tense. `Released` is always the last word about a leg, and comes exactly once.

use super::address::Source;
use super::order::LegKey;
use crate::model::{Digit, Millis, Redacted};
use crate::sip::sdp::NegotiatedAudio;

/// What happened to a leg.
#[derive(Clone, Debug, PartialEq)]
pub enum LegEvent {
    /// An INVITE outside any dialog; 100 is sent already. Answer it with `Ring`, `Answer`, `Reject` or `Release`.
    Incoming { leg: LegKey, call: Box<IncomingCall> },
    /// Outbound: 180–183 came. `early_media` is what its SDP agrees on.
    Ringing { leg: LegKey, status: u16, early_media: Option<Box<NegotiatedAudio>> },
    /// Outbound: 2xx came and is acknowledged.
    Answered { leg: LegKey, media: Box<NegotiatedAudio> },
    /// Inbound: our 2xx is acknowledged and media is agreed.
    Confirmed { leg: LegKey, media: Box<NegotiatedAudio> },
    /// Outbound: a final response of 300 or above, or none (408), or no transport (503). `Released` follows.
    Failed { leg: LegKey, status: u16, reason: Option<String>, contact: Option<String> },
    /// The leg is gone.
    Released { leg: LegKey, by: ReleasedBy, why: ReleaseReason },
    /// A re-INVITE or UPDATE of either side changed the media.
    MediaChanged { leg: LegKey, media: Box<NegotiatedAudio> },
    /// Our `Hold`, `Resume` or `Modify` was refused, or crossed with the peer's until the retries were used up (491); the old media stands.
    ModifyFailed { leg: LegKey, status: u16 },
    /// A key by INFO.
    Digit { leg: LegKey, digit: Digit, duration: Option<Millis> },
    /// The final answer to our REFER; 408 where none came, 491 after the retries of a crossing.
    ReferAnswered { leg: LegKey, status: u16 },
    /// A NOTIFY with a status line of the referred call, in CSeq order; 200 and above is final.
    ReferProgress { leg: LegKey, status: u16 },
    /// The subscription ended without a final status line: what becomes of the transfer will not be told.
    ReferEnded { leg: LegKey, why: SubscriptionEnd },
    /// The peer asked us to call someone; it is refused already, or waits for `Order::AnswerRefer` (`Config::refer`).
    ReferRequested { leg: LegKey, refer_to: Redacted<String> },
    /// Outbound: the callee sent us on, and the INVITE went out again to another contact of a 3xx.
    Redirected { leg: LegKey, status: u16, to: Redacted<String> },
    /// An INVITE with Replaces (RFC 3891) wants to take this leg's place: answer with `Order::Replace { by }` or refuse `by`; 603 where neither
    /// comes within half of 64*T1.
    ReplaceRequested { leg: LegKey, by: LegKey, call: Box<IncomingCall> },
    /// Another peer took this leg over: from now on it is the one at the other end, with this media.
    Replaced { leg: LegKey, media: Box<NegotiatedAudio> },
}

impl LegEvent {
    /// The leg it is about.
    pub const fn leg(&self) -> LegKey {
        match self {
            Self::Incoming { leg, .. }
            | Self::Ringing { leg, .. }
            | Self::Answered { leg, .. }
            | Self::Confirmed { leg, .. }
            | Self::Failed { leg, .. }
            | Self::Released { leg, .. }
            | Self::MediaChanged { leg, .. }
            | Self::ModifyFailed { leg, .. }
            | Self::Digit { leg, .. }
            | Self::ReferAnswered { leg, .. }
            | Self::ReferProgress { leg, .. }
            | Self::ReferEnded { leg, .. }
            | Self::ReferRequested { leg, .. }
            | Self::Redirected { leg, .. }
            | Self::ReplaceRequested { leg, .. }
            | Self::Replaced { leg, .. } => *leg,
        }
    }
}

/// The facts of an INVITE that admission and the call need; header values as the peer wrote them.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingCall {
    pub source: Source,
    pub call_id: String,
    /// The Request-URI.
    pub target: Redacted<String>,
    pub from: Redacted<String>,
    pub to: Redacted<String>,
    pub asserted_identity: Vec<Redacted<String>>,
    pub diversion: Vec<Redacted<String>>,
    pub user_to_user: Option<Redacted<String>>,
    pub user_agent: Option<String>,
    pub authorization: Option<Redacted<String>>,
    /// True if the INVITE brought an SDP offer; false is a late offer: ours goes into the 200.
    pub has_offer: bool,
}

/// Why the subscription of a REFER ended early (RFC 6665 section 4.1.3, RFC 4488).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// `Refer-Sub: false`: there never was one.
    NeverMade,
    /// `rejected`: the peer does not tell us.
    Rejected,
    /// `timeout`: it ran out before the referred call was decided.
    TimedOut,
    /// `giveup`, `deactivated` or `probation`: the peer stops telling for reasons of its own.
    GaveUp,
    /// `noresource`, `invariant`: there is nothing more to tell.
    NoResource,
    /// No reason, or one nobody knows.
    Unsaid,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasedBy {
    Remote,
    Local,
    /// Time-outs and lost transports: nobody said goodbye.
    Network,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    Bye,
    /// CANCEL before the answer.
    Cancelled,
    /// A final refusal, ours or theirs.
    Rejected {
        status: u16,
    },
    /// 2xx without ACK for 64*T1 (RFC 3261 section 13.3.1.4).
    NeverAcknowledged,
    /// A reliable provisional response without PRACK for 64*T1 (RFC 3262 section 3).
    NeverPracked,
    /// RFC 4028: the refresh did not come or failed.
    SessionExpired,
    /// Our in-dialog request was answered 408 or 481, or not at all.
    DialogLost,
    TransportLost,
    /// The ACK brought no answer to our offer, or one we cannot use.
    NoMedia,
}
