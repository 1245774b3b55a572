//! The SIP endpoint's task: UDP and TCP sockets around the pure [`Endpoint`](super::endpoint::Endpoint).
//!
//! Owns: the sockets and connections, the access list's gate in front of the parser, name look-ups, the queue of orders. One task ([`run`]) does it
//! all and spawns nothing; the host spawns that task, gives it a clock and takes the facts. Nothing in its loop waits but the loop itself: a
//! connection that does not take our bytes or a name that is not found holds up nobody else.
//!
//! Bounds and what happens at each: orders 1,024 (the order fails back), connections (closed at the door, counted), bytes waiting for a connection
//! (closed, its transactions fail), look-ups and messages behind them (the message fails), datagrams handled before the others get their turn.
//!
//! Does not do: anything about SIP itself, TLS, NAPTR and SRV.

mod bind;
mod counts;
mod handle;
mod resolve;
mod run;
mod tcp;
mod udp;

#[cfg(test)]
mod tests;

pub use bind::Sockets;
pub use counts::{ShellCounts, Snapshot};
pub use handle::{OrderQueue, SipHandle, order_queue};
pub use run::run;

use super::acl::AccessList;
use super::endpoint::Transport;
use crate::model::{Millis, WorkerTime};
use std::net::SocketAddr;
use std::sync::Arc;

/// The worker's clock; only the host has one.
pub type Clock = Arc<dyn Fn() -> WorkerTime + Send + Sync>;

/// What the shell is told once.
#[derive(Clone, Debug)]
pub struct ShellConfig {
    /// UDP sockets to open; port 0 takes a free one.
    pub udp: Vec<SocketAddr>,
    /// TCP sockets to listen on. Without one, TCP is still used for calls out.
    pub tcp: Vec<SocketAddr>,
    /// Everyone else is dropped without an answer and counted, OPTIONS too: a stranger does not learn that somebody is here.
    pub access: AccessList,
    pub limits: ShellLimits,
}

/// Bounds of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShellLimits {
    /// TCP connections, both ways together; one more is closed at once, or the message that needs it fails.
    pub connections: usize,
    /// An accepted connection on which nothing came for this long is closed. Longer than session refreshes are apart (RFC 4028: 15 min by
    /// custom), so that a connection lives as long as its calls.
    pub idle: Millis,
    /// An accepted connection that says nothing for this long after it was opened is closed.
    pub first_bytes: Millis,
    /// Time for one connection to be opened, and for one message to be written.
    pub patience: Millis,
    /// Messages waiting for one connection; at one more it is closed.
    pub write_queue: usize,
    /// Names looked up at once; a message to a further one fails.
    pub lookups: usize,
    /// Messages waiting for one name; one more fails.
    pub behind_lookup: usize,
    pub lookup_patience: Millis,
    /// How long an answer of DNS is used.
    pub lookup_kept: Millis,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            idle: Millis::from_secs(1_860),
            first_bytes: Millis::from_secs(30),
            patience: Millis::from_secs(5),
            write_queue: 256,
            lookups: 64,
            behind_lookup: 256,
            lookup_patience: Millis::from_secs(5),
            lookup_kept: Millis::from_secs(60),
        }
    }
}

/// Why the shell could not open its sockets.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    #[error(
        "SIP over {transport}: {address} is taken by another program; stop it (find it with `ss -lpn 'sport = :{port}'`) or set another SIP port",
        port = address.port()
    )]
    Taken { transport: Transport, address: SocketAddr },
    #[error("SIP over {transport}: {address} is no address of this machine; set one that `ip address` shows, or 0.0.0.0 for all")]
    NotOurs { transport: Transport, address: SocketAddr },
    #[error(
        "SIP over {transport}: no permission to open {address}; ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the service's unit), or \
         set a port from 1024 on"
    )]
    Forbidden { transport: Transport, address: SocketAddr },
    #[error("SIP over {transport}: {address} could not be opened: {source}")]
    Other { transport: Transport, address: SocketAddr, source: std::io::Error },
    #[error("SIP has no socket at all; configure at least one address for UDP or TCP")]
    NoSocket,
}
