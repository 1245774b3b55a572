//! The SIP endpoint: owns every transaction, dialog and leg of the worker, as data.
//!
//! In: a datagram or a piece of a stream (`receive`), an order (`order`, `originate`), the passing of time (`tick`), the loss of a connection or of
//! a message (`connection_lost`, `transmit_failed`). Out: messages (`poll_transmit`), facts about legs (`poll_event`), the next deadline with
//! its reason. Nothing happens between calls; the same calls give the same bytes, because tags, branches and Call-IDs come from a
//! seeded generator.
//!
//! A caller drains `poll_transmit` and `poll_event` until both are empty after every call, then sleeps until `next_deadline`.
//!
//! Does not do: sockets, DNS (`Destination::Name`), admission, registration, media. It never decides why a call ends; it carries out orders
//! and reports facts. Every table is bounded by [`Limits`], and `is_empty` is true again 64*T1 after the last leg.

mod address;
mod config;
mod counts;
mod event;
mod order;

pub use crate::sip::transaction::{TimerName, Timers};
pub use address::{ConnectionId, Destination, Source, Transmit, TransmitId, Transport};
pub use config::{Config, Limits, Listener, OptionsStatus, ReliableProvisionals, SessionTimers};
pub use counts::Counts;
pub use event::{IncomingCall, LegEvent, ReleaseReason, ReleasedBy};
pub use order::{Credentials, LegKey, Order, OrderError, Originate, Reason};

use crate::model::WorkerTime;

/// See the module.
pub struct Endpoint {
    config: Config,
}

/// Why the endpoint wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerReason {
    /// A transaction timer of RFC 3261 table 4.
    Transaction(TimerName),
    Leg(LegKey, LegTimer),
}

/// Timers of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegTimer {
    /// Resend our 2xx (RFC 3261 section 13.3.1.4).
    ResendAnswer,
    /// 64*T1 without ACK: BYE.
    Acknowledge,
    /// Resend our reliable 1xx (RFC 3262 section 3).
    ResendProvisional,
    /// 64*T1 without PRACK: refuse the INVITE.
    Prack,
    /// Say 180 again each minute, so that no proxy gives up (RFC 3261 section 13.3.1.1).
    RingAgain,
    /// Our refresh is due (RFC 4028 section 10).
    Refresh,
    /// The session expired: BYE.
    SessionExpiry,
    /// Try a request again that crossed with the peer's (RFC 3261 section 14.1).
    Glare,
    /// Outbound: nobody answered.
    RingTimeout,
    /// Outbound: the CANCEL brought no final response.
    CancelGiveUp,
}

impl Endpoint {
    /// `seed` makes every tag, branch, Call-ID and nonce; two workers must not share one.
    pub fn new(config: Config, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// One datagram, or bytes of a stream as they came (framed here, by connection).
    pub fn receive(&mut self, at: WorkerTime, from: Source, bytes: &[u8]) {
        let _ = (at, from, bytes);
    }

    /// The stream is gone: its half-read message is dropped and requests waiting for an answer on it fail.
    pub fn connection_lost(&mut self, at: WorkerTime, conn: ConnectionId) {
        let _ = (at, conn);
    }

    /// That message could not be sent (no route, name not found, connection refused): its transaction fails as if 503 had come.
    pub fn transmit_failed(&mut self, at: WorkerTime, id: TransmitId) {
        let _ = (at, id);
    }

    /// Carries out an order or says why not; see [`Order`] for the fact that answers each.
    pub fn order(&mut self, at: WorkerTime, order: Order) -> Result<(), OrderError> {
        let _ = (at, order);
        Ok(())
    }

    /// Calls someone. Answered by `Ringing`*, then `Answered` or `Failed` and `Released`.
    pub fn originate(&mut self, at: WorkerTime, call: Originate) -> Result<LegKey, OrderError> {
        let _ = (at, call);
        Err(OrderError::Full { table: "legs", limit: self.config.limits.legs })
    }

    /// Runs every timer that is due.
    pub fn tick(&mut self, at: WorkerTime) {
        let _ = at;
    }

    /// The next message to put on the wire.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    /// The next fact.
    pub fn poll_event(&mut self) -> Option<LegEvent> {
        None
    }

    /// When to call `tick`, and what for.
    pub fn next_deadline(&self) -> Option<(WorkerTime, TimerReason)> {
        None
    }

    /// No transaction, dialog, leg or waiting output is left.
    pub fn is_empty(&self) -> bool {
        true
    }

    pub fn counts(&self) -> Counts {
        Counts::default()
    }
}
