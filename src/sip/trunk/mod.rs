//! Trunk profiles: the carriers and exchanges this worker talks to, as data.
//!
//! Owns: which trunk an inbound call belongs to (by source address), where outbound calls of a trunk go, how a number becomes a URI there, what
//! may be dialled at all, and how its REFER behaves.
//!
//! The allow-list is the guard against toll fraud: nothing is dialable unless it is configured. It is asked with the *parsed* destination, never
//! by comparing text, so that `sip:100@pbx.example.evil.example`, a second `@`, header fields or `maddr` cannot slip past it.
//!
//! Does not do: reading configuration files (`settings`), names to addresses (`shell`), registration, sending anything.

mod allow;
mod destination;
mod template;

#[cfg(test)]
mod tests;

pub use allow::{AllowList, AllowedDestination};
pub use destination::{DialString, E164};
pub use template::DestinationTemplate;

use super::acl::Cidr;
use super::endpoint::Transport;
use crate::model::Redacted;
use std::net::IpAddr;
use std::str::FromStr;

/// One trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Unique, 1–64 characters; names the trunk in rows, logs and metrics.
    pub name: String,
    /// Networks its calls come from; empty for a trunk that only takes calls.
    pub sources: Vec<Cidr>,
    /// Where its outbound calls go. `None`: `sip:` destinations go to their own host, numbers cannot be dialled.
    pub outbound: Option<Hop>,
    /// Used when it challenges us.
    pub credentials: Option<TrunkCredentials>,
    /// How a number becomes a URI.
    pub template: DestinationTemplate,
    /// What may be dialled or referred to; empty: nothing.
    pub allow: AllowList,
    pub refer: ReferProfile,
    /// User part of From on calls placed over it; `None`: the number the caller called.
    pub caller_id: Option<String>,
}

/// User and password for digest authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkCredentials {
    pub username: String,
    pub password: Redacted<String>,
}

/// What the trunk's REFER is like, and what is done where it does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferProfile {
    pub mode: ReferMode,
    /// After a failed REFER the call may be bridged through a second leg.
    pub bridge_on_failure: bool,
    /// After a consult the caller is handed over by REFER with Replaces (RFC 3891) instead of being bridged.
    pub replaces: bool,
    /// Header that carries reason and summary to whoever answers: `User-to-User` (RFC 7433) or one of the trunk's own.
    pub header: Option<String>,
    /// Send `Referred-By` (RFC 3892); some carriers refuse a REFER without it, some one with it.
    pub referred_by: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferMode {
    /// Answers, and reports by NOTIFY.
    #[default]
    Works,
    /// Answers 202 and never reports.
    AcceptsWithoutNotify,
    /// Refuses; none is sent.
    Refuses,
}

impl Default for ReferProfile {
    fn default() -> Self {
        Self { mode: ReferMode::default(), bridge_on_failure: false, replaces: false, header: None, referred_by: true }
    }
}

/// A host to send to; `port` `None` leaves it to DNS and the transport's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Name or IP address, an IPv6 one without brackets.
    pub host: String,
    pub port: Option<u16>,
    pub transport: Transport,
}

impl Hop {
    /// From `host`, `host:port` or `[v6]:port`.
    pub fn parse(address: &str, transport: Transport) -> Result<Self, TrunkError> {
        let (host, port) =
            destination::host_and_port(address.trim()).ok_or_else(|| TrunkError::Address { text: destination::shown(address) })?;
        Ok(Self { host, port, transport })
    }

    /// As it stands in a URI.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

/// A destination that passed the allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// For the Request-URI or Refer-To. Holds a telephone number: not for logs.
    pub uri: Redacted<String>,
    /// Where a request to it is sent; `None` if this trunk has no outbound address and the URI names no host (REFER works all the same).
    pub hop: Option<Hop>,
}

impl Trunk {
    /// What a transfer's or an outbound call's `destination` becomes on this trunk, if it is allowed: a number goes through the template,
    /// `tel:` and `sip:` stay as they are.
    pub fn target(&self, destination: &str) -> Result<Target, TrunkError> {
        let dialled = DialString::from_str(destination)?;
        if !self.allow.permits(&dialled) {
            return Err(TrunkError::NotAllowed { trunk: self.name.clone(), kind: dialled.kind() });
        }
        let uri = match &dialled {
            DialString::Number(number) => self.template.fill(number, self.outbound.as_ref())?,
            DialString::Tel { .. } | DialString::Sip { .. } => dialled.uri(),
        };
        let hop = match self.outbound.clone() {
            Some(hop) => Some(hop),
            None => DialString::from_str(&uri).ok().and_then(|filled| filled.hop()),
        };
        Ok(Target { uri: Redacted::new(uri), hop })
    }

    /// The longest prefix of `sources` that holds the address.
    fn match_length(&self, source: IpAddr) -> Option<u8> {
        self.sources.iter().filter(|network| network.contains(source)).map(Cidr::prefix).max()
    }
}

/// All trunks, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trunks(Vec<Trunk>);

impl Trunks {
    /// Refuses names that repeat or are no names, and one network in two trunks: which of them a call belongs to would be a matter of luck.
    pub fn new(trunks: Vec<Trunk>) -> Result<Self, TrunkError> {
        for (place, trunk) in trunks.iter().enumerate() {
            if trunk.name.is_empty() || trunk.name.chars().count() > 64 || trunk.name.chars().any(char::is_control) {
                return Err(TrunkError::Name { name: destination::shown(&trunk.name) });
            }
            for earlier in &trunks[..place] {
                if earlier.name == trunk.name {
                    return Err(TrunkError::NameTwice { name: trunk.name.clone() });
                }
                if let Some(network) = trunk.sources.iter().find(|network| earlier.sources.contains(network)) {
                    return Err(TrunkError::SourceTwice { network: *network, first: earlier.name.clone(), second: trunk.name.clone() });
                }
            }
        }
        Ok(Self(trunks))
    }

    pub fn by_name(&self, name: &str) -> Option<&Trunk> {
        self.0.iter().find(|trunk| trunk.name == name)
    }

    /// The trunk a call from this address belongs to: the one with the narrowest network around it.
    pub fn by_source(&self, source: IpAddr) -> Option<&Trunk> {
        let matches = self.0.iter().filter_map(|trunk| trunk.match_length(source).map(|length| (length, trunk)));
        matches.max_by_key(|(length, _)| *length).map(|(_, trunk)| trunk)
    }

    /// Every trunk's sources, for the access list.
    pub fn sources(&self) -> impl Iterator<Item = Cidr> {
        self.0.iter().flat_map(|trunk| trunk.sources.iter().copied())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.0.iter()
    }
}

/// Why a trunk's configuration or a destination is refused. No text holds a destination: it is a telephone number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrunkError {
    #[error("'{name}' cannot name a trunk: 1 to 64 characters, none of them a control character")]
    Name { name: String },
    #[error("two trunks are named '{name}': rename one")]
    NameTwice { name: String },
    #[error("the network {network} is in the sources of the trunks '{first}' and '{second}': leave it in one of them")]
    SourceTwice { network: Cidr, first: String, second: String },
    #[error("'{text}' is no address of a trunk: write host, host:port or [ipv6]:port")]
    Address { text: String },
    #[error("the destination template '{template}' cannot be used: {problem}")]
    Template { template: String, problem: &'static str },
    #[error("'{entry}' cannot be allowed as a destination: {problem}")]
    AllowEntry { entry: String, problem: &'static str },
    #[error("the destination cannot be dialled: {problem}")]
    Destination { problem: &'static str },
    #[error("trunk '{trunk}' does not allow this destination ({kind}): add it to allow_destinations of that trunk if it shall be dialled")]
    NotAllowed { trunk: String, kind: &'static str },
}
