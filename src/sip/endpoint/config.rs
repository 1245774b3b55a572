//! What the endpoint is told once, when it is made. Every table has its bound here.

use super::address::Transport;
use crate::model::Millis;
use crate::sip::transaction::Timers;
use std::net::SocketAddr;

/// Settings of the endpoint. `Config::new` has sound values for everything but the listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The sockets the shell has open; the first one of a transport is what Via and Contact of outbound requests show.
    pub listeners: Vec<Listener>,
    /// `User-Agent` and `Server` header.
    pub user_agent: String,
    /// User part of our Contact.
    pub contact_user: String,
    pub timers: Timers,
    pub limits: Limits,
    pub session: SessionTimers,
    pub reliable: ReliableProvisionals,
    pub refer: ReferPolicy,
}

impl Config {
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            user_agent: "voice-worker".to_owned(),
            contact_user: "worker".to_owned(),
            timers: Timers::default(),
            limits: Limits::default(),
            session: SessionTimers::default(),
            reliable: ReliableProvisionals::WhenRequired,
            refer: ReferPolicy::default(),
        }
    }
}

/// One local socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub transport: Transport,
    /// As `Source::local` will show it.
    pub local: SocketAddr,
    /// What others can reach us by, where that is not `local` (NAT, wildcard bind); a host name or an IP address without brackets.
    pub advertised: Option<(String, u16)>,
}

/// Bounds of every table. What happens at each bound is written with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Server transactions; a request beyond it is answered 503 with Retry-After without state, an ACK or CANCEL is dropped; both counted.
    pub server_transactions: usize,
    /// Client transactions; an order beyond it fails with `OrderError::Full`, a request the endpoint itself wants (refresh) ends the leg.
    pub client_transactions: usize,
    /// Legs; an INVITE beyond it is answered 503 with Retry-After, `originate` fails with `OrderError::Full`.
    pub legs: usize,
    /// Messages waiting for `poll_transmit`; the oldest is dropped and counted (resends make it good).
    pub transmits: usize,
    /// Facts waiting for `poll_event`; while it is full `receive` drops requests and responses, counted (resends make it good).
    pub events: usize,
    /// Early dialogs of one outbound INVITE; a further fork is not followed (its 2xx is acknowledged and ended all the same).
    pub forks: usize,
    /// `Retry-After` of our own 503, in seconds.
    pub retry_after_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            server_transactions: 65_536,
            client_transactions: 65_536,
            legs: 4_096,
            transmits: 65_536,
            events: 65_536,
            forks: 8,
            retry_after_seconds: 5,
        }
    }
}

/// RFC 4028.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// Do we ask for session timers in our own INVITEs, and run one where the peer supports but does not ask?
    pub enabled: bool,
    /// The interval we ask for, in seconds.
    pub expires_seconds: u32,
    /// The smallest interval we accept, in seconds; at least 90 (RFC 4028 section 5).
    pub min_seconds: u32,
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self { enabled: true, expires_seconds: 1_800, min_seconds: 90 }
    }
}

/// When our own provisional responses are sent reliably (RFC 3262).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReliableProvisionals {
    /// Only where the caller says `Require: 100rel`.
    WhenRequired,
    /// Also where the caller says `Supported: 100rel`.
    WhenSupported,
}

/// What becomes of a REFER the peer sends us. Either way it is told as `LegEvent::ReferRequested`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferPolicy {
    /// Refused with this final status (300–699): the worker lets nobody place calls through it.
    Refuse(u16),
    /// Left open for `Order::AnswerRefer`; 480 where none comes within half of 64*T1. For phones.
    Report,
}

impl Default for ReferPolicy {
    fn default() -> Self {
        Self::Refuse(603)
    }
}

/// What OPTIONS is answered with; 503 takes the worker out of a balancer (drain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptionsStatus {
    #[default]
    Available,
    Draining,
}

/// `Originate` without its own limit rings this long before it is cancelled.
pub(crate) const DEFAULT_RING_TIMEOUT: Millis = Millis::from_secs(180);
