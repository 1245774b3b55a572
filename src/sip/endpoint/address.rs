//! Where messages come from and go to, as plain data.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// The transports of RFC 3261 section 18 this worker speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// No resends are needed over a stream (RFC 3261 section 17).
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// As Via writes it.
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// As the `transport` parameter of a URI writes it.
    pub const fn uri_name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// 5060, or 5061 over TLS (RFC 3261 section 19.1.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri_name())
    }
}

/// A TCP or TLS connection, numbered by the shell; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub transport: Transport,
    /// The address of ours it arrived at.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// `None` for datagrams.
    pub connection: Option<ConnectionId>,
}

/// Where a message must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `connection` is to be used while it lives; otherwise a new one to `remote` is opened.
    Address { transport: Transport, remote: SocketAddr, connection: Option<ConnectionId> },
    /// A host that is no IP address: the shell resolves it (RFC 3263; `port` `None` asks for SRV first) and may cache the answer.
    Name { transport: Transport, host: String, port: Option<u16> },
}

impl Destination {
    pub const fn transport(&self) -> Transport {
        match self {
            Self::Address { transport, .. } | Self::Name { transport, .. } => *transport,
        }
    }

    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Address { connection, .. } => *connection,
            Self::Name { .. } => None,
        }
    }
}

/// Names one message handed out, so that the shell can say it could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransmitId(pub u64);

/// One message to put on the wire, whole. Order matters within one destination.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    pub id: TransmitId,
    pub destination: Destination,
    pub bytes: Arc<[u8]>,
}

/// A message may hold numbers and credentials: `Debug` shows its length.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit").field("id", &self.id).field("destination", &self.destination).field("bytes", &self.bytes.len()).finish()
    }
}
