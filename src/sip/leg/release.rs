//! The end of a leg: BYE of either side, CANCEL, and exactly one `Released`.

use super::{Farewell, Leg, Phase, full};
use crate::model::WorkerTime;
use crate::sip::endpoint::clients::Outcome;
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey};
use crate::sip::endpoint::{LegEvent, OrderError, Reason, ReleaseReason, ReleasedBy};
use crate::sip::message::Method;
use crate::sip::readers;

impl Leg {
    /// BYE, CANCEL or a refusal, whichever the leg's state wants. A second order changes nothing.
    pub(crate) fn release(&mut self, core: &mut Core, at: WorkerTime, reason: Option<Reason>, unanswered: u16) -> Result<(), OrderError> {
        let reason_value = reason.as_ref().map(written);
        match &mut self.phase {
            Phase::Offered(_) => self.reject(core, at, unanswered, None, reason),
            Phase::Calling(_) => {
                self.cancel(core, at, reason_value, None);
                Ok(())
            }
            Phase::Up => {
                let farewell = Farewell { by: ReleasedBy::Local, why: ReleaseReason::Bye, reason: reason_value };
                if self.unacked.as_ref().is_some_and(|unacked| unacked.initial) {
                    self.phase = Phase::Closing(farewell);
                    return Ok(());
                }
                self.try_bye(core, at, farewell).map_err(full)
            }
            Phase::Closing(_) | Phase::Leaving(_) | Phase::Gone => Ok(()),
        }
    }

    /// BYE; if no transaction is to be had for it the leg is gone all the same.
    pub(super) fn bye(&mut self, core: &mut Core, at: WorkerTime, farewell: Farewell) {
        if self.try_bye(core, at, farewell.clone()).is_err() {
            self.gone(core, farewell.by, farewell.why);
        }
    }

    fn try_bye(&mut self, core: &mut Core, at: WorkerTime, farewell: Farewell) -> Result<(), usize> {
        let Some(mut request) = self.request(Method::Bye) else { return Err(0) };
        if let Some(reason) = &farewell.reason {
            request.headers.push("Reason", reason);
        }
        self.send(core, at, request)?;
        self.timers.clear();
        self.unacked = None;
        self.ours = None;
        self.phase = Phase::Leaving(farewell);
        Ok(())
    }

    /// Any final answer, or none, ends the wait (RFC 3261 section 15.1.1).
    pub(super) fn bye_answered(&mut self, core: &mut Core, outcome: Outcome) {
        if let Outcome::Response(response) = &outcome
            && response.is_provisional()
        {
            return;
        }
        if let Phase::Leaving(farewell) = &self.phase {
            let (by, why) = (farewell.by, farewell.why);
            self.gone(core, by, why);
        }
    }

    pub(super) fn on_bye(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey) {
        core.respond(at, server, Reply::new(200));
        match &self.phase {
            Phase::Offered(offered) => {
                let (invite, tag) = (offered.server.clone(), offered.tag.clone());
                core.respond(at, &invite, Reply::tagged(487, &tag));
                self.gone(core, ReleasedBy::Remote, ReleaseReason::Cancelled);
            }
            Phase::Up | Phase::Closing(_) => self.gone(core, ReleasedBy::Remote, ReleaseReason::Bye),
            // Crossing: our own BYE is answered yet, or times out.
            Phase::Leaving(_) | Phase::Calling(_) | Phase::Gone => {}
        }
    }

    /// The dialog is lost without a goodbye (RFC 3261 section 12.2.1.2): say BYE for good order.
    pub(super) fn lost(&mut self, core: &mut Core, at: WorkerTime, why: ReleaseReason) {
        if matches!(self.phase, Phase::Up | Phase::Closing(_)) {
            self.bye(core, at, Farewell { by: ReleasedBy::Network, why, reason: None });
        }
    }

    /// Nobody could hear the answer to an INVITE whose connection is gone; a dialog that is up goes on over a new one, to the peer's Contact.
    pub(crate) fn connection_lost(&mut self, core: &mut Core, at: WorkerTime) {
        if let Phase::Offered(offered) = &self.phase {
            // The transaction wants its final answer, even if nobody hears it.
            let (server, tag) = (offered.server.clone(), offered.tag.clone());
            core.respond(at, &server, Reply::tagged(503, &tag));
            self.gone(core, ReleasedBy::Network, ReleaseReason::TransportLost);
        }
        if let Some(dialog) = &mut self.dialog {
            dialog.forget_connection();
        }
    }

    /// The last word.
    pub(super) fn gone(&mut self, core: &mut Core, by: ReleasedBy, why: ReleaseReason) {
        if !self.is_gone() {
            self.phase = Phase::Gone;
            self.timers.clear();
            core.tell(LegEvent::Released { leg: self.key, by, why });
        }
    }
}

/// As RFC 3326 writes it.
pub(super) fn written(reason: &Reason) -> String {
    readers::Reason { protocol: reason.protocol.clone(), cause: Some(reason.cause), text: reason.text.clone() }.to_string()
}
