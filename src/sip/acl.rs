//! Who may talk SIP to this worker, by source address; asked before a byte of a message is read.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses messages are taken from. The default admits this machine alone: a worker that nobody configured is no open relay on a public
/// address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Cidr>", into = "Vec<Cidr>")]
pub struct AccessList(Vec<Cidr>);

impl AccessList {
    /// Exactly these networks; none at all means the default.
    pub fn new(networks: impl IntoIterator<Item = Cidr>) -> Self {
        let networks: Vec<Cidr> = networks.into_iter().collect();
        if networks.is_empty() { Self::default() } else { Self(networks) }
    }

    /// An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`, as a dual-stack socket shows it) counts as the IPv4 address.
    pub fn allows(&self, source: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(source))
    }

    /// This list and the sources of the trunks: who is a trunk need not be listed twice.
    pub fn with(mut self, more: impl IntoIterator<Item = Cidr>) -> Self {
        for network in more {
            if !self.0.contains(&network) {
                self.0.push(network);
            }
        }
        self
    }

    pub fn networks(&self) -> &[Cidr] {
        &self.0
    }
}

impl Default for AccessList {
    fn default() -> Self {
        Self(vec![Cidr { network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), prefix: 8 }, Cidr::host(IpAddr::V6(Ipv6Addr::LOCALHOST))])
    }
}

impl From<Vec<Cidr>> for AccessList {
    fn from(networks: Vec<Cidr>) -> Self {
        Self::new(networks)
    }
}

impl From<AccessList> for Vec<Cidr> {
    fn from(list: AccessList) -> Self {
        list.0
    }
}

/// A network such as `10.1.0.0/16`, or one address. No bit is set behind the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The network of one address.
    pub fn host(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self { network, prefix: width(network) }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.network) && masked(address, self.prefix) == self.network
    }

    /// Length of the prefix in bits; the longer one of two networks that contain an address describes it better.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let text = text.trim();
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let network: IpAddr = address.parse().map_err(|_| CidrError::Address { text: shown(text) })?;
        let Some(prefix) = prefix else { return Ok(Self::host(network)) };
        let most = width(network);
        let prefix: u8 = prefix.parse().ok().filter(|bits| *bits <= most).ok_or_else(|| CidrError::Prefix { text: shown(text), most })?;
        let first = masked(network, prefix);
        if first != network {
            return Err(CidrError::HostBits { text: shown(text), network: format!("{first}/{prefix}") });
        }
        if network != network.to_canonical() {
            return Err(CidrError::Mapped { text: shown(text), plain: network.to_canonical() });
        }
        Ok(Self { network, prefix })
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// Why a network is refused when the configuration is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    #[error("'{text}' does not begin with an IP address; write a network such as 192.0.2.0/24 or one address")]
    Address { text: String },
    #[error("'{text}' needs a prefix length of 0 to {most} after the slash")]
    Prefix { text: String, most: u8 },
    #[error("'{text}' names an address within a network; write {network}, or the address without its prefix length")]
    HostBits { text: String, network: String },
    #[error("'{text}' is an IPv4 network written as IPv6; write it as IPv4, from {plain} on")]
    Mapped { text: String, plain: IpAddr },
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(networks: &[&str]) -> AccessList {
        AccessList::new(networks.iter().map(|network| network.parse().unwrap()))
    }

    #[test]
    fn a_worker_without_configuration_hears_only_its_own_machine() {
        for list in [AccessList::default(), list(&[]), serde_json::from_str("[]").unwrap()] {
            for (source, allowed) in [
                ("127.0.0.1", true),
                ("127.255.0.9", true),
                ("::1", true),
                ("::ffff:127.0.0.1", true),
                ("128.0.0.1", false),
                ("192.0.2.1", false),
                ("::2", false),
                ("::ffff:192.0.2.1", false),
            ] {
                assert_eq!(list.allows(source.parse().unwrap()), allowed, "{source}");
            }
        }
    }

    #[test]
    fn a_configured_list_replaces_the_default() {
        let list = list(&["192.0.2.0/24", "2001:db8::/32", "203.0.113.7"]);
        for (source, allowed) in [
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("203.0.113.7", true),
            ("203.0.113.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("::ffff:192.0.2.4", true),
            ("127.0.0.1", false),
        ] {
            assert_eq!(list.allows(source.parse().unwrap()), allowed, "{source}");
        }
        assert!(list.with(["127.0.0.0/8".parse().unwrap()]).allows("127.0.0.1".parse().unwrap()));
        assert!(self::list(&["0.0.0.0/0"]).allows("8.8.8.8".parse().unwrap()));
        assert!(!self::list(&["0.0.0.0/0"]).allows("2001:db8::1".parse().unwrap()), "all of IPv4 is not all of IPv6");
    }

    #[test]
    fn a_network_that_is_not_one_says_what_to_write() {
        for (text, word) in [
            ("example.com", "192.0.2.0/24"),
            ("", "192.0.2.0/24"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "as IPv4"),
        ] {
            let error = text.parse::<Cidr>().unwrap_err().to_string();
            assert!(error.contains(word), "'{error}' lacks '{word}'");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn a_network_holds_exactly_the_addresses_with_its_prefix(bits in any::<u32>(), other in any::<u32>(), prefix in 0_u8..=32) {
            let network = Cidr { network: masked(IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix), prefix };
            let same = prefix == 0 || (bits ^ other) >> (32 - u32::from(prefix)) == 0;
            prop_assert_eq!(network.contains(IpAddr::V4(Ipv4Addr::from_bits(other))), same);
            prop_assert_eq!(network.to_string().parse::<Cidr>().unwrap(), network);
        }
    }
}
