//! INVITE with Replaces (RFC 3891): which leg is meant, may it be had, and the exchange of the dialogs under it.

use super::servers::{Reply, ServerKey};
use super::{Endpoint, LegKey, OrderError, Source};
use crate::model::WorkerTime;
use crate::sip::dialog::DialogKey;
use crate::sip::leg::refer_to::Replaced;
use crate::sip::leg::replace::NO_SUCH_DIALOG;
use crate::sip::message::{Method, Request};
use crate::sip::readers::Replaces;

impl Endpoint {
    /// The other leg's dialog, for the Refer-To of a REFER on `leg`.
    pub(super) fn replaceable(&self, leg: LegKey, other: LegKey) -> Result<Replaced, OrderError> {
        if leg == other {
            return Err(OrderError::Invalid { what: "an attended transfer", why: format!("{leg} cannot replace itself") });
        }
        self.legs.get(&other).ok_or(OrderError::NoSuchLeg(other))?.replaceable()
    }

    /// Replaces belongs into an INVITE outside any dialog, alone (RFC 3891 section 3).
    pub(super) fn misplaced_replaces(request: &Request) -> bool {
        request.headers.contains("Replaces")
            && (request.method != Method::Invite || request.headers.to_tag().is_some() || request.headers.contains("Join"))
    }

    /// The leg an INVITE asks for; `Ok(None)` for one that asks for none, else the status that refuses it.
    pub(super) fn wanted_leg(&self, request: &Request) -> Result<Option<LegKey>, u16> {
        let Some(value) = request.headers.get("Replaces") else { return Ok(None) };
        let Ok(replaces) = Replaces::read(value) else { return Err(400) };
        let dialog = DialogKey { call_id: replaces.call_id, local_tag: replaces.to_tag, remote_tag: replaces.from_tag };
        let found = self.dialogs.get(&dialog).and_then(|key| self.legs.get(key)).ok_or(NO_SUCH_DIALOG)?;
        // A leg that went on under another peer is not found by whoever it left.
        found.yields(replaces.early_only).map(|()| Some(found.key()))
    }

    /// Refuses an INVITE that wants a leg it cannot have.
    pub(super) fn refuse_replacing(&mut self, at: WorkerTime, key: &ServerKey, status: u16) {
        let tag = self.core.token();
        self.core.respond(at, key, Reply::tagged(status, &tag));
    }

    /// See [`Order::Replace`](super::Order::Replace).
    pub(super) fn replace(&mut self, at: WorkerTime, by: LegKey) -> Result<(), OrderError> {
        let mut heir = self.legs.remove(&by).ok_or(OrderError::NoSuchLeg(by))?;
        let Some(key) = heir.replaces() else {
            let refused = OrderError::WrongState { leg: by, verb: "replace a leg", state: "no INVITE with Replaces that waits" };
            self.put_back(at, heir);
            return Err(refused);
        };
        let refused = match self.legs.get(&key).map(|leg| (leg.yields(false), leg.estate(), leg.held())) {
            Some((Ok(()), Some(estate), held)) => match heir.succeed(&mut self.core, at, &estate, held) {
                Ok(()) => {
                    self.exchange(at, heir, key, by);
                    return Ok(());
                }
                Err(error) => (error, 488),
            },
            Some((Err(status), _, _)) => (OrderError::NoSuchLeg(key), status),
            Some((Ok(()), None, _)) | None => (OrderError::NoSuchLeg(key), NO_SUCH_DIALOG),
        };
        heir.refuse_succession(&mut self.core, at, refused.1);
        self.put_back(at, heir);
        Err(refused.0)
    }

    /// The heir goes on as `key`; who had that key ends unheard as `by`.
    fn exchange(&mut self, at: WorkerTime, mut heir: crate::sip::leg::Leg, key: LegKey, by: LegKey) {
        let Some(mut old) = self.legs.remove(&key) else { return };
        for known in std::mem::take(&mut old.indexed).into_iter().chain(std::mem::take(&mut heir.indexed)) {
            self.dialogs.remove(&known);
        }
        self.core.exchange_keys(key, by);
        old.bow_out(&mut self.core, at, by);
        self.put_back(at, old);
        self.put_back(at, heir);
    }

    pub(super) fn invite(&mut self, at: WorkerTime, from: &Source, key: &ServerKey, request: &Request) {
        if self.legs.len() >= self.core.config.limits.legs {
            self.core.counts.overloaded += 1;
            let seconds = self.core.config.limits.retry_after_seconds.to_string();
            let tag = self.core.token();
            self.core.respond(at, key, Reply::tagged(503, &tag).with("Retry-After", seconds));
            return;
        }
        match self.wanted_leg(request) {
            Ok(replaces) => {
                if let Some(leg) = crate::sip::leg::Leg::incoming(&mut self.core, at, key, request, from, replaces) {
                    self.put_back(at, leg);
                }
            }
            Err(status) => self.refuse_replacing(at, key, status),
        }
    }
}
