//! re-INVITE and UPDATE of either side: hold, resume, moved media, refresh, and what crosses.

use super::accept::{Unacking, offer_in, unusable};
use super::session::{self, TooSmall};
use super::{Leg, Phase, full};
use crate::model::{Millis, WorkerTime};
use crate::sip::endpoint::clients::{Answered, ClientKey, Outcome};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey};
use crate::sip::endpoint::{LegEvent, LegTimer, OrderError, ReleaseReason};
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::readers::{MinSe, RetryAfter};
use crate::sip::sdp::{self, HoldState, LocalMedia, PendingOffer};
use crate::sip::wire;

/// A crossing request is tried this often in all.
pub(super) const GLARE_TRIES: u8 = 4;

/// Our own re-INVITE or UPDATE.
pub(super) struct Ours {
    /// `None` while it waits for its turn after a crossing.
    key: Option<ClientKey>,
    wanted: Wanted,
    pending: Option<PendingOffer>,
    tries: u8,
}

#[derive(Clone, Debug)]
struct Wanted {
    hold: HoldState,
    media: LocalMedia,
    /// A session refresh: nobody hears of it.
    refresh: bool,
    by_update: bool,
}

impl Ours {
    /// Somebody ordered it and waits for its outcome.
    pub(super) const fn is_wanted(&self) -> bool {
        !self.wanted.refresh
    }

    pub(super) fn rekey(&mut self, old: &ClientKey, new: &ClientKey) {
        if self.key.as_ref() == Some(old) {
            self.key = Some(new.clone());
        }
    }
}

impl Leg {
    /// `Hold`, `Resume` and `Modify`: a re-INVITE with a fresh offer.
    pub(crate) fn modify(
        &mut self,
        core: &mut Core,
        at: WorkerTime,
        hold: Option<HoldState>,
        media: Option<LocalMedia>,
        verb: &'static str,
    ) -> Result<(), OrderError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(self.wrong_state(verb));
        }
        let Some(media) = media.or_else(|| self.local.clone()) else { return Err(self.wrong_state(verb)) };
        if self.ours.is_some() || self.unacked.is_some() {
            return Err(OrderError::Busy { leg: self.key, verb });
        }
        let wanted = Wanted { hold: hold.unwrap_or(self.hold), media, refresh: false, by_update: false };
        self.try_modify(core, at, wanted, 1).map_err(full)
    }

    fn try_modify(&mut self, core: &mut Core, at: WorkerTime, wanted: Wanted, tries: u8) -> Result<(), usize> {
        let mut pending = None;
        let mut body = Vec::new();
        if !wanted.by_update {
            let Ok((offer, kept)) = sdp::offer(&wanted.media, wanted.hold, &mut self.sdp) else { return Err(0) };
            (pending, body) = (Some(kept), offer);
        }
        let method = if wanted.by_update { Method::Update } else { Method::Invite };
        let Some(mut request) = self.request(method) else { return Err(0) };
        if !body.is_empty() {
            request.headers.push("Content-Type", "application/sdp");
            request.body = body;
        }
        self.ask_session(core, &mut request);
        let key = self.send(core, at, request)?;
        self.ours = Some(Ours { key: Some(key), wanted, pending, tries });
        Ok(())
    }

    /// Our refresh is due: UPDATE without a description where the peer takes it, else a re-INVITE that changes nothing.
    pub(super) fn refresh(&mut self, core: &mut Core, at: WorkerTime) {
        if !matches!(self.phase, Phase::Up) {
            return;
        }
        let Some(media) = self.local.clone() else { return };
        if self.ours.is_some() || self.unacked.is_some() {
            self.set_timer(LegTimer::Refresh, at, Millis::from_secs(5));
            return;
        }
        let wanted = Wanted { hold: self.hold, media, refresh: true, by_update: self.peer_updates };
        if self.try_modify(core, at, wanted, 1).is_err() {
            self.lost(core, at, ReleaseReason::DialogLost);
        }
    }

    pub(super) fn try_modify_again(&mut self, core: &mut Core, at: WorkerTime) {
        let Some(ours) = self.ours.take() else { return };
        if self.unacked.is_some() {
            self.ours = Some(ours);
            self.set_timer(LegTimer::Glare, at, Millis(500));
            return;
        }
        if self.try_modify(core, at, ours.wanted, ours.tries + 1).is_err() {
            core.tell(LegEvent::ModifyFailed { leg: self.key, status: 503 });
        }
    }

    pub(super) fn modify_answered(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered) {
        let status = match &answered.outcome {
            Outcome::Response(response) if response.is_provisional() => return,
            Outcome::Response(response) => {
                if response.is_success() && answered.request.method == Method::Invite {
                    self.acknowledge(core, answered, response);
                }
                response.status
            }
            Outcome::TimedOut => 408,
            Outcome::TransportLost => 503,
        };
        let Some(ours) = self.ours.take_if(|ours| ours.key.as_ref() == Some(&answered.key)) else { return };
        match (&answered.outcome, status) {
            (Outcome::Response(response), 200..=299) => self.modified(core, at, ours, response),
            (_, 491) if ours.tries < GLARE_TRIES => {
                self.set_glare_timer(core, at, LegTimer::Glare);
                self.ours = Some(Ours { key: None, ..ours });
            }
            (Outcome::Response(response), 422) if ours.tries < GLARE_TRIES => self.widen_session(core, at, ours, response),
            // It is at an offer of its own just now (RFC 3261 section 14.2).
            (Outcome::Response(response), 500) if ours.tries < GLARE_TRIES && retry_after(response).is_some() => {
                let seconds = retry_after(response).unwrap_or_default();
                self.set_timer(LegTimer::Glare, at, Millis::from_secs(u64::from(seconds)));
                self.ours = Some(Ours { key: None, ..ours });
            }
            // 503 of a proxy is no word about the dialog.
            (Outcome::TimedOut | Outcome::TransportLost, _) | (_, 408 | 481) => self.lost(core, at, ReleaseReason::DialogLost),
            (_, _) if ours.wanted.refresh && ours.wanted.by_update => {
                self.peer_updates = false;
                self.refresh(core, at);
            }
            // A refused refresh leaves the session to its expiry.
            (_, _) if ours.wanted.refresh => {}
            (_, status) => core.tell(LegEvent::ModifyFailed { leg: self.key, status }),
        }
    }

    fn modified(&mut self, core: &mut Core, at: WorkerTime, ours: Ours, response: &Response) {
        if let Some(dialog) = &mut self.dialog {
            dialog.refresh_target(&response.headers);
        }
        self.run_session(at, session::granted(&response.headers));
        let Some(pending) = ours.pending else { return };
        let content_type = response.headers.get("Content-Type").unwrap_or("application/sdp");
        let answer = sdp::sdp_part(content_type, &response.body).and_then(|body| sdp::accept_answer(&pending, body));
        match answer {
            Ok(media) => {
                let changed = self.media.as_ref() != Some(&media);
                self.hold = ours.wanted.hold;
                self.local = Some(ours.wanted.media);
                self.media = Some(media.clone());
                if changed || !ours.wanted.refresh {
                    core.tell(LegEvent::MediaChanged { leg: self.key, media: Box::new(media) });
                }
            }
            Err(error) => core.tell(LegEvent::ModifyFailed { leg: self.key, status: error.status() }),
        }
    }

    /// 422: the next try has the interval the peer wants (RFC 4028 section 7.3).
    fn widen_session(&mut self, core: &mut Core, at: WorkerTime, ours: Ours, response: &Response) {
        let minimum = response.headers.get("Min-SE").and_then(|value| MinSe::read(value).ok()).map_or(0, |minimum| minimum.seconds);
        let we_refresh = self.session.is_none_or(|session| session.we_refresh);
        let seconds = self.session.map_or(minimum, |session| session.seconds.max(minimum));
        self.session = Some(session::Session { seconds, we_refresh });
        if self.try_modify(core, at, ours.wanted, ours.tries + 1).is_err() {
            self.lost(core, at, ReleaseReason::DialogLost);
        }
    }

    /// ACK to the 2xx of a re-INVITE; kept for its copies.
    fn acknowledge(&mut self, core: &mut Core, answered: &Answered, response: &Response) {
        let Some(dialog) = &self.dialog else { return };
        let seq = answered.request.headers.cseq().map_or(0, |cseq| cseq.seq);
        let mut ack = dialog.request(Method::Ack, seq);
        ack.headers.push_first("Via", answered.face.via(&core.branch()));
        let bytes: std::sync::Arc<[u8]> = wire::print(&Message::Request(ack)).into();
        let destination = dialog.destination();
        core.send(destination.clone(), bytes.clone());
        core.clients.keep_ack(&answered.key, response.headers.to_tag().unwrap_or_default(), destination, bytes);
    }

    /// RFC 3261 section 14.1: 2.1–4 s for the side that made the Call-ID, 0–2 s for the other, in steps of 10 ms.
    pub(super) fn set_glare_timer(&mut self, core: &mut Core, at: WorkerTime, timer: LegTimer) {
        let steps = if self.outbound { core.between(210, 401) } else { core.between(0, 201) };
        self.set_timer(timer, at, Millis(steps * 10));
    }

    /// A re-INVITE or a description in an UPDATE meets one of ours that is under way (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn crosses(&self) -> bool {
        self.ours.as_ref().is_some_and(|ours| ours.key.is_some()) || self.unacked.as_ref().is_some_and(|unacked| unacked.late.is_some())
    }

    pub(super) fn on_invite(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        match &self.phase {
            Phase::Up if self.crosses() => {
                core.respond(at, server, Reply::new(491));
                return;
            }
            Phase::Up => {}
            Phase::Offered(_) => {
                core.respond(at, server, Reply::new(500).with("Retry-After", "3"));
                return;
            }
            Phase::Calling(_) => {
                core.respond(at, server, Reply::new(491));
                return;
            }
            Phase::Closing(_) | Phase::Leaving(_) | Phase::Gone => {
                core.respond(at, server, Reply::new(481));
                return;
            }
        }
        // Who asks anew has our 2xx, even if its ACK is late or lost.
        self.acknowledged(core, at, &[]);
        let Some((mut reply, body, late)) = self.renegotiate(core, at, server, request, true) else { return };
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
        reply.status = 200;
        self.accept(core, at, server, reply, body.unwrap_or_default(), Unacking { seq, late, initial: false });
    }

    pub(super) fn on_update(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let up = matches!(self.phase, Phase::Up);
        if !up && !request.body.is_empty() {
            core.respond(at, server, Reply::new(491));
            return;
        }
        if self.crosses() && !request.body.is_empty() {
            core.respond(at, server, Reply::new(491));
            return;
        }
        let Some((mut reply, body, _)) = self.renegotiate(core, at, server, request, false) else { return };
        reply.sdp = body;
        let reply = reply.with("Contact", self.face.contact(&core.config.contact_user));
        core.respond(at, server, reply);
    }

    /// The 200 to a re-INVITE or UPDATE, with an answer made from its offer now, or with our own offer. `None`: it was refused, nothing changed.
    fn renegotiate(
        &mut self,
        core: &mut Core,
        at: WorkerTime,
        server: &ServerKey,
        request: &Request,
        invite: bool,
    ) -> Option<(Reply, Option<Vec<u8>>, Option<PendingOffer>)> {
        let agreed = match session::agree(core, request) {
            Ok(agreed) => agreed,
            Err(TooSmall(minimum)) => {
                core.respond(at, server, Reply::new(422).with("Min-SE", minimum.to_string()));
                return None;
            }
        };
        let described = offer_in(request).and_then(|offer| match (offer, &self.local) {
            (Some(offer), Some(local)) => {
                let (body, media) = sdp::answer(&offer, local, self.hold, &mut self.sdp)?;
                Ok((Some(body), None, Some(media)))
            }
            (None, Some(local)) if invite => {
                let (body, pending) = sdp::offer(local, self.hold, &mut self.sdp)?;
                Ok((Some(body), Some(pending), None))
            }
            (Some(_) | None, _) => Ok((None, None, None)),
        });
        let (body, late, media) = match described {
            Ok(described) => described,
            Err(error) => {
                core.respond(at, server, unusable(&error));
                return None;
            }
        };
        if let Some(dialog) = &mut self.dialog {
            dialog.refresh_target(&request.headers);
        }
        if matches!(self.phase, Phase::Up) {
            self.run_session(at, agreed.map(|(session, _)| session));
        }
        if let Some(media) = media.filter(|media| self.media.as_ref() != Some(media)) {
            self.media = Some(media.clone());
            core.tell(LegEvent::MediaChanged { leg: self.key, media: Box::new(media) });
        }
        Some((session::announce(Reply::new(200), agreed.as_ref()), body, late))
    }
}

/// Seconds to wait, if the peer says so and means less than half a minute.
fn retry_after(response: &Response) -> Option<u32> {
    let value = response.headers.get("Retry-After")?;
    RetryAfter::read(value).ok().map(|after| after.seconds).filter(|seconds| *seconds <= 30)
}
