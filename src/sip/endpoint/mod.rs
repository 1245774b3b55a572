//! The SIP endpoint: owns every transaction, dialog and leg of the worker, as data.
//!
//! In: a datagram or a piece of a stream (`receive`), an order (`order`, `originate`), the passing of time (`tick`), the loss of a connection or of
//! a message (`connection_lost`, `transmit_failed`). Out: messages (`poll_transmit`), facts about legs (`poll_event`), the next deadline with
//! its reason, connections to close (`poll_close`). Nothing happens between calls; the same calls give the same bytes, because tags, branches and Call-IDs come from a
//! seeded generator.
//!
//! A caller drains `poll_transmit` and `poll_event` until both are empty after every call, then sleeps until `next_deadline`.
//!
//! Does not do: sockets, DNS (`Destination::Name`), admission, registration, media. It never decides why a call ends; it carries out orders
//! and reports facts. Every table is bounded by [`Limits`], and `is_empty` is true again 64*T1 after the last leg.

mod address;
mod agenda;
pub(crate) mod clients;
pub(crate) mod config;
pub(crate) mod core;
mod counts;
mod event;
mod order;
mod receive;
mod replace;
pub(crate) mod servers;

#[cfg(test)]
mod tests;

pub use crate::sip::transaction::{TimerName, Timers};
pub use address::{ConnectionId, Destination, Source, Transmit, TransmitId, Transport};
pub use config::{Config, Limits, Listener, OptionsStatus, ReferPolicy, ReliableProvisionals, SessionTimers};
pub use counts::Counts;
pub use event::{IncomingCall, LegEvent, ReleaseReason, ReleasedBy, SubscriptionEnd};
pub use order::{Credentials, LegKey, Order, OrderError, Originate, Reason, Redirects};

use self::agenda::Owner;
use self::core::Core;
use crate::model::WorkerTime;
use crate::sip::dialog::DialogKey;
use crate::sip::leg::originate::check_headers;
use crate::sip::leg::refer::Referral;
use crate::sip::leg::{Leg, refer_to};
use crate::sip::sdp::HoldState;
use crate::sip::wire::StreamFramer;
use std::collections::BTreeMap;

/// See the module.
pub struct Endpoint {
    core: Core,
    /// In with an INVITE of either side, out with `Released` (`put_back`).
    legs: BTreeMap<LegKey, Leg>,
    /// In and out with their leg (`put_back`).
    dialogs: BTreeMap<DialogKey, LegKey>,
    /// Dialogs that ended while a NOTIFY could still come; out after 64*T1 (`tick`).
    lingering: BTreeMap<DialogKey, WorkerTime>,
    /// In with the first bytes of a connection, out with `connection_lost`.
    streams: BTreeMap<ConnectionId, StreamFramer>,
    /// Connections the shell is to close; out with `poll_close`.
    closing: Vec<ConnectionId>,
}

/// Why the endpoint wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerReason {
    /// The last memory of a dialog goes.
    Forget,
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
    /// The same for a REFER.
    ReferGlare,
    /// Nobody decided on the peer's REFER.
    ReferUndecided,
    /// Nobody decided on an INVITE with Replaces.
    ReplaceUndecided,
    /// Outbound: nobody answered.
    RingTimeout,
}

impl Endpoint {
    /// `seed` makes every tag, branch and Call-ID; two workers must not share one.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            core: Core::new(config, seed),
            legs: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            lingering: BTreeMap::new(),
            streams: BTreeMap::new(),
            closing: Vec::new(),
        }
    }

    /// The stream is gone: its half-read message is dropped, requests waiting for an answer on it fail, and INVITEs that came over it and were
    /// not answered are over. Legs that are up live on: their next request opens a new connection.
    pub fn connection_lost(&mut self, at: WorkerTime, conn: ConnectionId) {
        self.streams.remove(&conn);
        for key in self.core.clients_on(conn) {
            if let Some(answered) = self.core.fail_client(&key) {
                self.answered(at, answered);
            }
        }
        let on = |leg: &Leg| leg.destination().is_some_and(|to| to.connection() == Some(conn));
        let legs: Vec<LegKey> = self.legs.iter().filter(|(_, leg)| on(leg)).map(|(key, _)| *key).collect();
        for key in legs {
            self.with_leg(at, key, |leg, core| leg.connection_lost(core, at));
        }
    }

    /// That message could not be sent (no route, name not found, connection refused): its transaction fails as if 503 had come.
    pub fn transmit_failed(&mut self, at: WorkerTime, id: TransmitId) {
        if let Some(answered) = self.core.fail_transmit(at, id) {
            self.answered(at, answered);
        }
    }

    /// Carries out an order or says why not; see [`Order`] for the fact that answers each.
    pub fn order(&mut self, at: WorkerTime, order: Order) -> Result<(), OrderError> {
        match order {
            Order::Ring { leg } => self.try_leg(at, leg, |leg, core| leg.ring(core, at)),
            Order::Answer { leg, media } => self.try_leg(at, leg, |leg, core| leg.answer(core, at, media)),
            Order::Reject { leg, status, retry_after_seconds, reason } => {
                self.try_leg(at, leg, |leg, core| leg.reject(core, at, status, retry_after_seconds, reason))
            }
            Order::Release { leg, reason, unanswered_status } => {
                self.try_leg(at, leg, |leg, core| leg.release(core, at, reason, unanswered_status))
            }
            Order::Refer { leg, refer_to, referred_by, headers, invite_headers, replaces } => {
                check_headers(&headers)?;
                check_headers(&invite_headers)?;
                let replaced = replaces.map(|other| self.replaceable(leg, other)).transpose()?;
                let refer_to = refer_to::compose(&refer_to, invite_headers, replaced)?;
                self.try_leg(at, leg, |leg, core| leg.refer(core, at, Referral { refer_to, referred_by, headers }))
            }
            Order::Replace { by } => self.replace(at, by),
            Order::AbandonRefer { leg } => self.try_leg(at, leg, |leg, _| leg.abandon_refer()),
            Order::AnswerRefer { leg, status } => self.try_leg(at, leg, |leg, core| leg.answer_refer(core, at, status)),
            Order::NotifyRefer { leg, status, last } => self.try_leg(at, leg, |leg, core| leg.notify_refer(core, at, status, last)),
            Order::Hold { leg } => self.try_leg(at, leg, |leg, core| leg.modify(core, at, Some(HoldState::Held), None, "hold")),
            Order::Resume { leg } => self.try_leg(at, leg, |leg, core| leg.modify(core, at, Some(HoldState::Active), None, "resume")),
            Order::Modify { leg, media } => self.try_leg(at, leg, |leg, core| leg.modify(core, at, None, Some(media), "modify")),
            Order::SendDigit { leg, digit, duration } => self.try_leg(at, leg, |leg, core| leg.send_digit(core, at, digit, duration)),
            Order::SetOptionsStatus(status) => {
                self.core.options = status;
                Ok(())
            }
        }
    }

    /// Calls someone. Answered by `Ringing`*, then `Answered`, or `Failed` and `Released`.
    pub fn originate(&mut self, at: WorkerTime, call: Originate) -> Result<LegKey, OrderError> {
        let limit = self.core.config.limits.legs;
        if self.legs.len() >= limit {
            return Err(OrderError::Full { table: "legs", limit });
        }
        let leg = Leg::originate(&mut self.core, at, call)?;
        let key = leg.key();
        self.put_back(at, leg);
        Ok(key)
    }

    /// Runs every timer that is due, in time order.
    pub fn tick(&mut self, at: WorkerTime) {
        while let Some((due, owner)) = self.core.agenda.first().filter(|(due, _)| *due <= at).cloned() {
            match &owner {
                Owner::Client(key) => {
                    if let Some(answered) = self.core.tick_client(at, key) {
                        self.answered(at, answered);
                    }
                }
                Owner::Server(key) => self.core.tick_server(at, key),
                Owner::Leg(key) => self.with_leg(at, *key, |leg, core| leg.tick(core, at)),
                Owner::Lingering => {
                    self.lingering.retain(|_, until| *until > at);
                    self.schedule_lingering();
                }
            }
            if self.core.agenda.first().is_some_and(|next| *next == (due, owner)) {
                // Cannot happen; a timer that stays due must not hold up the worker.
                break;
            }
        }
    }

    /// The next message to put on the wire.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.core.poll_transmit()
    }

    /// The next fact.
    pub fn poll_event(&mut self) -> Option<LegEvent> {
        self.core.poll_event()
    }

    /// The next connection to be closed, after what waits for it is written; `connection_lost` follows.
    pub fn poll_close(&mut self) -> Option<ConnectionId> {
        self.closing.pop()
    }

    /// When to call `tick`, and what for.
    pub fn next_deadline(&self) -> Option<(WorkerTime, TimerReason)> {
        let (due, owner) = self.core.agenda.first()?;
        let reason = match owner {
            Owner::Client(key) => self.core.clients.next_deadline(key),
            Owner::Server(key) => self.core.servers.next_deadline(key),
            Owner::Leg(key) => self.legs.get(key).and_then(Leg::next_deadline).map(|(_, reason)| reason),
            Owner::Lingering => None,
        };
        Some((*due, reason.unwrap_or(TimerReason::Forget)))
    }

    /// No transaction, dialog, leg or waiting output is left.
    pub fn is_empty(&self) -> bool {
        self.core.is_quiet() && self.core.agenda.is_empty() && self.legs.is_empty() && self.dialogs.is_empty() && self.lingering.is_empty()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            legs: self.legs.len(),
            dialogs: self.dialogs.len(),
            client_transactions: self.core.clients.len(),
            server_transactions: self.core.servers.len(),
            ..self.core.counts
        }
    }

    fn try_leg(
        &mut self,
        at: WorkerTime,
        key: LegKey,
        verb: impl FnOnce(&mut Leg, &mut Core) -> Result<(), OrderError>,
    ) -> Result<(), OrderError> {
        let mut leg = self.legs.remove(&key).ok_or(OrderError::NoSuchLeg(key))?;
        let done = verb(&mut leg, &mut self.core);
        self.put_back(at, leg);
        done
    }

    fn with_leg(&mut self, at: WorkerTime, key: LegKey, verb: impl FnOnce(&mut Leg, &mut Core)) {
        if let Some(mut leg) = self.legs.remove(&key) {
            verb(&mut leg, &mut self.core);
            self.put_back(at, leg);
        }
    }

    /// The only way into and out of the tables of legs and dialogs.
    fn put_back(&mut self, at: WorkerTime, mut leg: Leg) {
        let gone = leg.is_gone();
        let keys = if gone { Vec::new() } else { leg.dialog_keys() };
        if keys != leg.indexed || gone {
            let linger = gone && leg.awaits_notify();
            for old in std::mem::take(&mut leg.indexed) {
                self.dialogs.remove(&old);
                if linger && self.lingering.len() < self.core.config.limits.legs {
                    self.lingering.insert(old, at.after(self.core.config.timers.give_up()));
                    self.schedule_lingering();
                }
            }
            for key in &keys {
                self.dialogs.insert(key.clone(), leg.key());
            }
            leg.indexed = keys;
        }
        if gone {
            if let Some(server) = leg.take_undecided_refer() {
                self.core.respond(at, &server, servers::Reply::new(481));
            }
            self.core.forget_leg(leg.key());
        } else {
            self.core.agenda.set(Owner::Leg(leg.key()), leg.next_deadline().map(|(due, _)| due));
            self.legs.insert(leg.key(), leg);
        }
    }

    fn schedule_lingering(&mut self) {
        self.core.agenda.set(Owner::Lingering, self.lingering.values().min().copied());
    }
}
