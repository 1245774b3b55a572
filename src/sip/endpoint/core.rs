//! What every leg shares: transactions, identifiers, output queues, counters.

use super::address::{Destination, Source, Transmit, TransmitId, Transport};
use super::agenda::{Agenda, Owner};
use super::clients::Clients;
use super::config::{Config, OptionsStatus};
use super::counts::Counts;
use super::event::LegEvent;
use super::order::LegKey;
use super::servers::Servers;
use crate::model::Millis;
use crate::sip::message::Request;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Methods we answer, for Allow.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY";
/// Extensions we speak, for Supported and against Require.
pub(crate) const SUPPORTED: [&str; 3] = ["timer", "100rel", "replaces"];

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) servers: Servers,
    pub(crate) agenda: Agenda,
    pub(crate) counts: Counts,
    pub(crate) options: OptionsStatus,
    transmits: VecDeque<Transmit>,
    events: VecDeque<LegEvent>,
    /// Legs nobody hears of any more: their old users have another leg under that key. Out with `forget_leg`.
    hushed: BTreeSet<LegKey>,
    rng: StdRng,
    next_transmit: u64,
    next_leg: u64,
}

/// How we show ourselves in Via and Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) transport: Transport,
    host: String,
    port: u16,
}

impl Face {
    pub(crate) fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {}:{};branch={branch};rport", self.transport.via_name(), self.host, self.port)
    }

    /// Contact value. A datagram needs no transport parameter.
    pub(crate) fn contact(&self, user: &str) -> String {
        match self.transport {
            Transport::Udp => format!("<sip:{user}@{}:{}>", self.host, self.port),
            Transport::Tcp | Transport::Tls => format!("<sip:{user}@{}:{};transport={}>", self.host, self.port, self.transport),
        }
    }

    /// `host:port`, for a Call-ID or to see whether a Via is our own.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl Core {
    pub(crate) fn new(mut config: Config, seed: u64) -> Self {
        // A timer of no length would be due for ever.
        config.timers.t1 = config.timers.t1.max(Millis(1));
        config.timers.t2 = config.timers.t2.max(config.timers.t1);
        Self {
            config,
            clients: Clients::default(),
            servers: Servers::default(),
            agenda: Agenda::default(),
            counts: Counts::default(),
            options: OptionsStatus::Available,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            hushed: BTreeSet::new(),
            rng: StdRng::seed_from_u64(seed),
            next_transmit: 0,
            next_leg: 0,
        }
    }

    /// 64 random bits as a token: tags, branches, Call-IDs (RFC 3261 section 19.3 asks for 32).
    pub(crate) fn token(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    pub(crate) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.token())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// In `low..high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.rng.next_u64() % (high - low).max(1)
    }

    pub(crate) fn leg_key(&mut self) -> LegKey {
        self.next_leg += 1;
        LegKey(self.next_leg)
    }

    /// The listener that stands for `local`, else the first of that transport, else `local` itself.
    pub(crate) fn face(&self, transport: Transport, local: Option<SocketAddr>) -> Option<Face> {
        let of_transport = || self.config.listeners.iter().filter(|listener| listener.transport == transport);
        let listener = of_transport().find(|listener| Some(listener.local) == local).or_else(|| of_transport().next());
        let (host, port) = match (listener, local) {
            (Some(listener), _) if listener.advertised.is_some() => listener.advertised.clone()?,
            (Some(listener), Some(local)) if listener.local.ip().is_unspecified() => (local.ip().to_string(), listener.local.port()),
            (Some(listener), _) => (listener.local.ip().to_string(), listener.local.port()),
            (None, Some(local)) => (local.ip().to_string(), local.port()),
            (None, None) => return None,
        };
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        Some(Face { transport, host, port })
    }

    pub(crate) fn face_of(&self, source: &Source) -> Face {
        let local = source.local;
        self.face(source.transport, Some(local)).unwrap_or_else(|| Face {
            transport: source.transport,
            host: local.ip().to_string(),
            port: local.port(),
        })
    }

    /// Queues one message. When the queue is full the oldest goes: it will be sent again if it matters.
    pub(crate) fn send(&mut self, destination: Destination, bytes: Arc<[u8]>) -> TransmitId {
        if self.transmits.len() >= self.config.limits.transmits {
            self.transmits.pop_front();
            self.counts.dropped_full += 1;
        }
        self.next_transmit += 1;
        let id = TransmitId(self.next_transmit);
        self.transmits.push_back(Transmit { id, destination, bytes });
        id
    }

    /// Queues one fact. The bound is kept at the door: see [`has_room`](Self::has_room).
    pub(crate) fn tell(&mut self, event: LegEvent) {
        if !self.hushed.contains(&event.leg()) {
            self.events.push_back(event);
        }
    }

    /// Nothing more is told of this leg.
    pub(crate) fn hush(&mut self, leg: LegKey) {
        self.hushed.insert(leg);
    }

    /// What belongs to the one leg belongs to the other from now on, both ways.
    pub(crate) fn exchange_keys(&mut self, one: LegKey, other: LegKey) {
        self.clients.exchange_keys(one, other);
        self.servers.exchange_keys(one, other);
        self.agenda.set(Owner::Leg(one), None);
        self.agenda.set(Owner::Leg(other), None);
    }

    /// False while nobody reads the facts: then nothing new is taken in.
    pub(crate) fn has_room(&self) -> bool {
        self.events.len() < self.config.limits.events
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<LegEvent> {
        self.events.pop_front()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.transmits.is_empty() && self.events.is_empty() && self.clients.is_empty() && self.servers.is_empty() && self.hushed.is_empty()
    }

    pub(crate) fn forget_leg(&mut self, leg: LegKey) {
        self.agenda.set(Owner::Leg(leg), None);
        self.hushed.remove(&leg);
    }

    /// Headers every request of ours has, besides those of its dialog.
    pub(crate) fn dress(&self, request: &mut Request) {
        request.headers.set("User-Agent", &self.config.user_agent);
        request.headers.set("Allow", ALLOW);
        request.headers.set("Supported", SUPPORTED.join(", "));
    }
}
