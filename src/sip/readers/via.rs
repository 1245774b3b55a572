//! Via: where the answer goes.

use super::{Params, ReadError, scan};
use crate::sip::headers::is_token;
use crate::sip::uri::Host;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The sent-protocol's transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
    Other(String),
}

impl Transport {
    pub fn read(text: &str) -> Self {
        const KNOWN: [(&str, Transport); 5] =
            [("UDP", Transport::Udp), ("TCP", Transport::Tcp), ("TLS", Transport::Tls), ("WS", Transport::Ws), ("WSS", Transport::Wss)];
        let found = KNOWN.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map_or_else(|| Self::Other(text.to_owned()), |(_, transport)| transport)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
            Self::Other(name) => name,
        }
    }

    /// RFC 3261 section 17: retransmissions are the transport's business.
    pub fn is_reliable(&self) -> bool {
        matches!(self, Self::Tcp | Self::Tls | Self::Ws | Self::Wss)
    }

    pub fn default_port(&self) -> u16 {
        match self {
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
            Self::Udp | Self::Tcp | Self::Other(_) => 5060,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One Via element (RFC 3261 section 20.42).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    pub transport: Transport,
    /// sent-by.
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
}

impl Via {
    /// A Via of our own; asks for `rport` (RFC 3581).
    pub fn new(transport: Transport, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Self { transport, host, port, params }
    }

    /// Blanks around `/`, `:` and `;` are legal and taken.
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new("Via", what);
        let (head, tail) = scan::cut(value, b';');
        let mut protocol = head.splitn(3, '/').map(str::trim);
        let (name, version, rest) = (protocol.next(), protocol.next(), protocol.next());
        let (Some(name), Some(version), Some(rest)) = (name, version, rest) else { return Err(fault("no sent-protocol")) };
        // Another version is read too: the 505 must find its way back.
        if !name.eq_ignore_ascii_case("SIP") || !is_token(version) {
            return Err(fault("the protocol is not SIP"));
        }
        let (transport, sent_by) = rest.split_once([' ', '\t']).ok_or(fault("no sent-by"))?;
        if !is_token(transport) {
            return Err(fault("no transport"));
        }
        let (host, port) = Host::read_with_port(sent_by.trim()).ok_or(fault("sent-by is no host and port"))?;
        let params = Params::read_tail(tail, "Via")?;
        Ok(Self { transport: Transport::read(transport), host, port, params })
    }

    pub fn branch(&self) -> Option<String> {
        self.params.get("branch")
    }

    /// The branch, if it is one RFC 3261 transactions may be matched by: the magic cookie and something after it (section 8.1.1.7).
    pub fn unique_branch(&self) -> Option<String> {
        self.branch().filter(|branch| branch.get(..7).is_some_and(|cookie| cookie.eq_ignore_ascii_case("z9hG4bK")) && branch.len() > 7)
    }

    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The port in `rport`, once the receiver has filled it in.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(|text| scan::number(&text)).filter(|port| *port != 0)
    }

    /// Notes where the request really came from: `received` if sent-by says otherwise or `rport` was asked for (RFC 3261 section 18.2.1, RFC 3581
    /// section 4).
    pub fn note_source(&mut self, source: SocketAddr) {
        let ip = source.ip().to_canonical();
        let wants_rport = self.params.has("rport");
        if wants_rport || self.host.ip() != Some(ip) {
            self.params.set("received", Some(&ip.to_string()));
        }
        if wants_rport {
            self.params.set("rport", Some(&source.port().to_string()));
        }
    }

    /// Where a response over an unreliable transport goes (RFC 3261 section 18.2.2, RFC 3581 section 4); `maddr` is not followed: a peer may not
    /// point our answers at a third party.
    pub fn reply_to(&self) -> (Host, u16) {
        let host = self.received().map_or_else(|| self.host.clone(), Host::from);
        let port = self.rport().or(self.port).unwrap_or_else(|| self.transport.default_port());
        (host, port)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
