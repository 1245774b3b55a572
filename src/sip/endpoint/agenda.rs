//! Who wants to be woken when: one entry for each transaction and leg, in time order.

use super::clients::ClientKey;
use super::order::LegKey;
use super::servers::ServerKey;
use crate::model::WorkerTime;
use std::collections::{BTreeMap, BTreeSet};

/// Owner of a deadline. The order breaks ties, so that a run is reproducible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Client(ClientKey),
    Server(ServerKey),
    Leg(LegKey),
    /// Dialogs that ended while a NOTIFY could still come.
    Lingering,
}

/// Entries go in with `set` and out with `set(.., None)`, which everything that removes its owner calls.
#[derive(Default)]
pub(crate) struct Agenda {
    by_time: BTreeSet<(WorkerTime, Owner)>,
    by_owner: BTreeMap<Owner, WorkerTime>,
}

impl Agenda {
    pub(crate) fn set(&mut self, owner: Owner, due: Option<WorkerTime>) {
        if self.by_owner.get(&owner).copied() == due {
            return;
        }
        if let Some(old) = self.by_owner.remove(&owner) {
            self.by_time.remove(&(old, owner.clone()));
        }
        if let Some(due) = due {
            self.by_owner.insert(owner.clone(), due);
            self.by_time.insert((due, owner));
        }
    }

    pub(crate) fn first(&self) -> Option<&(WorkerTime, Owner)> {
        self.by_time.first()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }
}
