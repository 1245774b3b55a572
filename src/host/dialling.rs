//! Trunks as calls use them: which one a call came over, and where it may be sent on to.

use crate::call::{ReferProfile, TransferProfile};
use crate::model::{OrganisationId, Redacted};
use crate::sip::endpoint::{Credentials, Destination, Redirects};
use crate::sip::trunk::{AllowList, DestinationTemplate, ReferMode, Trunk, TrunkCredentials, TrunkError, Trunks};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Calls from an allowed address that belongs to no trunk come over this one. Nothing can be dialled over it.
pub const NO_TRUNK: &str = "local";

/// Contacts of 3xx answers that are called in place of the one who redirects; each must be on the allow-list.
const REDIRECTS: u8 = 3;

#[derive(Clone, Debug)]
pub struct Dialling {
    trunks: Trunks,
    owners: BTreeMap<String, OrganisationId>,
    none: Trunk,
}

/// The trunk a call came over.
pub(super) struct CameOver {
    pub(super) name: String,
    pub(super) organisation: Option<OrganisationId>,
}

impl Dialling {
    /// `owners`: the organisation of each trunk that is not the worker's own.
    pub fn new(trunks: Trunks, owners: BTreeMap<String, OrganisationId>) -> Self {
        let none = Trunk {
            name: NO_TRUNK.to_owned(),
            sources: Vec::new(),
            outbound: None,
            credentials: None,
            template: DestinationTemplate::default(),
            allow: AllowList::default(),
            refer: crate::sip::trunk::ReferProfile::default(),
            caller_id: None,
        };
        Self { trunks, owners, none }
    }

    pub(super) fn trunk_of(&self, source: IpAddr) -> CameOver {
        let trunk = self.trunks.by_source(source).unwrap_or(&self.none);
        CameOver { name: trunk.name.clone(), organisation: self.owners.get(&trunk.name).copied() }
    }

    /// What goes into Refer-To for this destination, if it may be dialled over the trunk.
    pub(super) fn refer_to(&self, trunk: &str, destination: &str) -> Result<Referral, TrunkError> {
        let trunk = self.trunk(trunk);
        let target = trunk.target(destination)?;
        Ok(Referral { refer_to: target.uri.into_exposed(), with_referred_by: trunk.refer.referred_by })
    }

    /// What an INVITE to this destination needs, if it may be dialled over the trunk.
    pub(super) fn dial(&self, trunk: &str, destination: &str) -> Result<Dialled, TrunkError> {
        let trunk = self.trunk(trunk);
        let target = trunk.target(destination)?;
        let hop = target.hop.ok_or(TrunkError::Destination { problem: "this trunk has no address that calls go to" })?;
        let address = hop.host.parse().ok().map(|ip| SocketAddr::new(ip, hop.port.unwrap_or_else(|| hop.transport.default_port())));
        let transport = hop.transport;
        let destination = match address {
            Some(remote) => Destination::Address { transport, remote, connection: None },
            None => Destination::Name { transport, host: hop.host, port: hop.port },
        };
        let credentials = trunk.credentials.clone();
        Ok(Dialled {
            target: target.uri,
            hop: destination,
            address,
            credentials: credentials.map(|TrunkCredentials { username, password }| Credentials { username, password }),
            caller_id: trunk.caller_id.clone(),
            redirects: Redirects { allow: trunk.allow.clone(), limit: REDIRECTS },
        })
    }

    /// What the core may expect of transfers over this trunk.
    pub(super) fn profile(&self, trunk: &str, attempts_per_call: u32) -> TransferProfile {
        let trunk = self.trunk(trunk);
        let refer = match trunk.refer.mode {
            ReferMode::Works => ReferProfile::Works,
            ReferMode::AcceptsWithoutNotify => ReferProfile::AcceptsWithoutNotify,
            ReferMode::Refuses => ReferProfile::Refuses,
        };
        TransferProfile {
            refer,
            bridge_on_failure: trunk.refer.bridge_on_failure,
            replaces: trunk.refer.replaces,
            header: trunk.refer.header.clone(),
            // A trunk without an address reaches `sip:` destinations at their own hosts.
            dials: trunk.name != NO_TRUNK,
            attempts_per_call,
        }
    }

    /// Whose calls over this trunk are, where they are not the worker's own.
    pub(super) fn owner(&self, trunk: &str) -> Option<OrganisationId> {
        self.owners.get(trunk).copied()
    }

    fn trunk(&self, name: &str) -> &Trunk {
        self.trunks.by_name(name).unwrap_or(&self.none)
    }
}

pub(super) struct Referral {
    pub(super) refer_to: String,
    pub(super) with_referred_by: bool,
}

/// A destination that may be dialled, and how.
#[derive(Clone, Debug)]
pub(super) struct Dialled {
    pub(super) target: Redacted<String>,
    pub(super) hop: Destination,
    /// Of the hop, where it is no name.
    pub(super) address: Option<SocketAddr>,
    pub(super) credentials: Option<Credentials>,
    pub(super) caller_id: Option<String>,
    pub(super) redirects: Redirects,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::endpoint::Transport;
    use crate::sip::trunk::Hop;

    fn dialling(outbound: Option<&str>, allow: &[&str]) -> Dialling {
        let trunk = Trunk {
            name: "carrier".to_owned(),
            sources: Vec::new(),
            outbound: outbound.map(|address| Hop::parse(address, Transport::Udp).unwrap()),
            credentials: None,
            template: DestinationTemplate::default(),
            allow: AllowList::parse(allow).unwrap(),
            refer: crate::sip::trunk::ReferProfile { bridge_on_failure: true, ..crate::sip::trunk::ReferProfile::default() },
            caller_id: Some("+4930".to_owned()),
        };
        Dialling::new(Trunks::new(vec![trunk]).unwrap(), BTreeMap::new())
    }

    #[test]
    fn toll_fraud_a_destination_outside_the_list_has_no_route_and_no_trunk_dials_nothing() {
        let dialling = dialling(Some("192.0.2.7:5070"), &["+4930"]);
        assert!(matches!(dialling.dial("carrier", "+900123456").unwrap_err(), TrunkError::NotAllowed { .. }));
        assert!(dialling.dial(NO_TRUNK, "+4930123456").is_err());
        assert!(dialling.dial("another", "+4930123456").is_err());
        let dialled = dialling.dial("carrier", "+4930123456").unwrap();
        assert_eq!(dialled.target.expose(), "sip:+4930123456@192.0.2.7:5070;user=phone");
        assert_eq!((dialled.address, dialled.caller_id.as_deref()), ("192.0.2.7:5070".parse().ok(), Some("+4930")));
    }

    #[test]
    fn a_sip_destination_goes_to_its_own_host_where_the_trunk_has_no_address() {
        let dialling = dialling(None, &["sip:*@pbx.example.net", "+4930"]);
        let dialled = dialling.dial("carrier", "sip:agent@pbx.example.net").unwrap();
        assert!(matches!(dialled.hop, Destination::Name { ref host, port: None, .. } if host == "pbx.example.net"));
        assert!(dialling.dial("carrier", "+4930123456").is_err(), "a number needs the trunk's address");
    }

    #[test]
    fn the_core_is_told_what_the_trunk_can_do() {
        let dialling = dialling(None, &[]);
        let profile = dialling.profile("carrier", 7);
        assert!(profile.bridge_on_failure && profile.dials && profile.attempts_per_call == 7);
        assert!(!dialling.profile(NO_TRUNK, 7).dials);
    }
}
