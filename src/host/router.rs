//! From SIP legs to calls: which call a leg belongs to.

use super::inbox::{Fact, Inbox};
use crate::model::{ConversationId, LegId};
use crate::sip::endpoint::{LegEvent, LegKey};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Router {
    legs: Mutex<BTreeMap<LegKey, Owner>>,
}

#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) leg: LegId,
    pub(super) conversation: ConversationId,
    pub(super) inbox: Inbox,
}

/// What became of a fact.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Routed {
    Delivered,
    /// No call owns this leg: it is nobody's and must be released.
    Orphan,
    /// A last word about a leg nobody owns any more.
    Over,
}

impl Router {
    pub(super) fn add(&self, key: LegKey, owner: Owner) {
        self.lock().insert(key, owner);
    }

    /// Hands the fact to its call. `Released` is a leg's last fact: the row goes with it.
    pub(super) fn route(&self, event: LegEvent) -> Routed {
        let (key, released) = (event.leg(), matches!(event, LegEvent::Released { .. }));
        let owner = if released { self.lock().remove(&key) } else { self.lock().get(&key).cloned() };
        match owner {
            Some(owner) if owner.inbox.is_closed() && !released => Routed::Orphan,
            Some(owner) => {
                owner.inbox.put(Fact::Leg { leg: owner.leg, event });
                Routed::Delivered
            }
            None if released => Routed::Over,
            None => Routed::Orphan,
        }
    }

    /// Legs whose call is gone, or does not know them; `knows` says the latter of a live call.
    pub(super) fn orphans(&self, knows: impl Fn(ConversationId, LegId) -> bool) -> Vec<LegKey> {
        let owned: Vec<(LegKey, Owner)> = self.lock().iter().map(|(key, owner)| (*key, owner.clone())).collect();
        owned
            .into_iter()
            .filter(|(_, owner)| owner.inbox.is_closed() || !knows(owner.conversation, owner.leg))
            .map(|(key, _)| key)
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LegKey, Owner>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
