//! Trunks as calls use them: which one a call came over, and where it may be sent on to.

use crate::model::OrganisationId;
use crate::sip::trunk::{AllowList, DestinationTemplate, ReferProfile, Trunk, TrunkError, Trunks};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Calls from an allowed address that belongs to no trunk come over this one. Nothing can be dialled over it.
pub const NO_TRUNK: &str = "local";

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
            refer: ReferProfile::default(),
        };
        Self { trunks, owners, none }
    }

    pub(super) fn trunk_of(&self, source: IpAddr) -> CameOver {
        let trunk = self.trunks.by_source(source).unwrap_or(&self.none);
        CameOver { name: trunk.name.clone(), organisation: self.owners.get(&trunk.name).copied() }
    }

    /// What goes into Refer-To for this destination, if it may be dialled over the trunk.
    pub(super) fn refer_to(&self, trunk: &str, destination: &str) -> Result<Referral, TrunkError> {
        let trunk = self.trunks.by_name(trunk).unwrap_or(&self.none);
        let target = trunk.target(destination)?;
        Ok(Referral { refer_to: target.uri.into_exposed(), with_referred_by: trunk.refer.referred_by })
    }
}

pub(super) struct Referral {
    pub(super) refer_to: String,
    pub(super) with_referred_by: bool,
}
