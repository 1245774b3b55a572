//! An INVITE to us, until its ACK.

use super::release::written;
use super::replace::Succession;
use super::session::{self, TooSmall};
use super::{Farewell, Leg, Phase};
use crate::model::{Millis, Redacted, WorkerTime};
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::core::{ALLOW, Core, SUPPORTED};
use crate::sip::endpoint::servers::{Reply, ServerKey, way_back};
use crate::sip::endpoint::{
    Destination, IncomingCall, LegEvent, LegKey, LegTimer, OrderError, Reason, ReleaseReason, ReleasedBy, ReliableProvisionals, Source,
};
use crate::sip::message::Request;
use crate::sip::readers::{RAck, SessionExpires};
use crate::sip::sdp::{self, LocalMedia, Offer, PendingOffer, SdpError};
use std::sync::Arc;

/// An INVITE without a final answer.
pub(super) struct Offered {
    pub(super) server: ServerKey,
    pub(super) tag: String,
    seq: u32,
    /// `None`: a late offer, ours goes into the 200.
    offer: Option<Offer>,
    reliable: bool,
    next_rseq: u32,
    session: Option<(session::Session, SessionExpires)>,
    /// The leg it asks for (RFC 3891).
    pub(super) replaces: Option<LegKey>,
}

/// A reliable 1xx without its PRACK (RFC 3262 section 3).
pub(super) struct Provisional {
    rseq: u32,
    seq: u32,
    destination: Destination,
    bytes: Arc<[u8]>,
    interval: Millis,
}

/// A 2xx of ours without its ACK (RFC 3261 section 13.3.1.4).
pub(super) struct Unacked {
    pub(super) seq: u32,
    destination: Destination,
    bytes: Arc<[u8]>,
    interval: Millis,
    /// Our offer, if the ACK must bring the answer.
    pub(super) late: Option<PendingOffer>,
    /// False for a re-INVITE.
    pub(super) initial: bool,
}

/// The offer in a request; `None` where there is none.
pub(super) fn offer_in(request: &Request) -> Result<Option<Offer>, SdpError> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let content_type = request.headers.get("Content-Type").unwrap_or("application/sdp");
    Offer::parse(sdp::sdp_part(content_type, &request.body)?).map(Some)
}

/// The refusal of a description.
pub(super) fn unusable(error: &SdpError) -> Reply {
    let reply = Reply::new(error.status());
    let reply = if error.status() == 415 { reply.with("Accept", "application/sdp") } else { reply };
    match error.warning_code() {
        Some(code) => reply.with("Warning", format!("{code} voice-worker \"{}\"", error.to_string().replace(['"', '\\'], "'"))),
        None => reply,
    }
}

impl Leg {
    /// Takes an INVITE outside any dialog: 100 at once, `Incoming` to the user. `None` if it was refused here.
    pub(crate) fn incoming(
        core: &mut Core,
        at: WorkerTime,
        server: &ServerKey,
        request: &Request,
        from: &Source,
        replaces: Option<LegKey>,
    ) -> Option<Self> {
        let tag = core.token();
        let offer = match offer_in(request) {
            Ok(offer) => offer,
            Err(error) => {
                let mut reply = unusable(&error);
                reply.to_tag = Some(tag);
                core.respond(at, server, reply);
                return None;
            }
        };
        let session = match session::agree(core, request) {
            Ok(session) => session,
            Err(TooSmall(minimum)) => {
                core.respond(at, server, Reply::tagged(422, &tag).with("Min-SE", minimum.to_string()));
                return None;
            }
        };
        core.respond(at, server, Reply::new(100));
        let required = request.headers.has_token("Require", "100rel");
        let supported = request.headers.has_token("Supported", "100rel");
        let reliable = required || (supported && core.config.reliable == ReliableProvisionals::WhenSupported);
        let key = core.leg_key();
        let face = core.face_of(from);
        let has_offer = offer.is_some();
        let next_rseq = u32::try_from(core.between(1, 1 << 20)).unwrap_or(1);
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
        let offered = Offered { server: server.clone(), tag: tag.clone(), seq, offer, reliable, next_rseq, session, replaces };
        let mut leg = Self::new(core, key, face, Phase::Offered(Box::new(offered)), false);
        let fallback = match way_back(request, from) {
            Destination::Address { transport, connection, .. } => Destination::Address { transport, remote: from.remote, connection },
            named @ Destination::Name { .. } => named,
        };
        leg.dialog = Some(Dialog::uas(request, &tag, fallback));
        leg.peer_updates = request.headers.has_token("Allow", "UPDATE");
        core.servers.set_leg(server, key);
        let call = Box::new(facts(request, from, has_offer));
        match replaces {
            None => core.tell(LegEvent::Incoming { leg: key, call }),
            Some(wanted) => {
                let patience = Millis(core.config.timers.give_up().0 / 2);
                leg.set_timer(LegTimer::ReplaceUndecided, at, patience);
                core.tell(LegEvent::ReplaceRequested { leg: wanted, by: key, call });
            }
        }
        Some(leg)
    }

    pub(crate) fn ring(&mut self, core: &mut Core, at: WorkerTime) -> Result<(), OrderError> {
        if !matches!(self.phase, Phase::Offered(_)) {
            return Err(self.wrong_state("ring"));
        }
        self.say_ringing(core, at);
        Ok(())
    }

    fn say_ringing(&mut self, core: &mut Core, at: WorkerTime) {
        let Phase::Offered(offered) = &mut self.phase else { return };
        if self.provisional.is_some() {
            return;
        }
        let mut reply = Reply::tagged(180, &offered.tag).with("Contact", self.face.contact(&core.config.contact_user)).with("Allow", ALLOW);
        if offered.reliable {
            reply = reply.with("Require", "100rel").with("RSeq", offered.next_rseq.to_string());
        }
        let sent = core.respond(at, &offered.server, reply);
        if let (true, Some((destination, bytes))) = (offered.reliable, sent) {
            let interval = core.config.timers.t1;
            self.provisional = Some(Provisional { rseq: offered.next_rseq, seq: offered.seq, destination, bytes, interval });
            offered.next_rseq += 1;
            self.set_timer(LegTimer::ResendProvisional, at, interval);
            self.set_timer(LegTimer::Prack, at, core.config.timers.give_up());
        }
        self.set_timer(LegTimer::RingAgain, at, Millis::from_secs(60));
    }

    pub(super) fn ring_again(&mut self, core: &mut Core, at: WorkerTime) {
        self.say_ringing(core, at);
    }

    pub(super) fn resend_provisional(&mut self, core: &mut Core, at: WorkerTime) {
        let Some(provisional) = &mut self.provisional else { return };
        provisional.interval = Millis(provisional.interval.0 * 2);
        let interval = provisional.interval;
        core.counts.resent += 1;
        core.send(provisional.destination.clone(), provisional.bytes.clone());
        self.set_timer(LegTimer::ResendProvisional, at, interval);
    }

    pub(super) fn never_pracked(&mut self, core: &mut Core, at: WorkerTime) {
        if let Phase::Offered(offered) = &self.phase {
            let (server, tag) = (offered.server.clone(), offered.tag.clone());
            core.respond(at, &server, Reply::tagged(504, &tag));
            self.gone(core, ReleasedBy::Network, ReleaseReason::NeverPracked);
        }
        self.provisional = None;
    }

    pub(super) fn on_prack(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let rack = request.headers.get("RAck").and_then(|value| RAck::read(value).ok());
        let fits = |one: &Provisional| rack.as_ref().is_some_and(|rack| rack.rseq.0 == one.rseq && rack.cseq == one.seq);
        if !self.provisional.as_ref().is_some_and(fits) {
            core.respond(at, server, Reply::new(481));
            return;
        }
        self.provisional = None;
        self.timers.remove(&LegTimer::ResendProvisional);
        self.timers.remove(&LegTimer::Prack);
        core.respond(at, server, Reply::new(200));
    }

    /// 200 with an answer computed from the offer at hand.
    pub(crate) fn answer(&mut self, core: &mut Core, at: WorkerTime, media: LocalMedia) -> Result<(), OrderError> {
        let Phase::Offered(offered) = &mut self.phase else { return Err(self.wrong_state("answer")) };
        let key = self.key;
        let (body, late) = match &offered.offer {
            Some(offer) => {
                let (body, agreed) = sdp::answer(offer, &media, self.hold, &mut self.sdp).map_err(|error| unfit(&error, key))?;
                self.media = Some(agreed);
                (body, None)
            }
            None => {
                let (body, pending) = sdp::offer(&media, self.hold, &mut self.sdp).map_err(|error| unfit(&error, key))?;
                (body, Some(pending))
            }
        };
        let (server, tag, seq, session) = (offered.server.clone(), offered.tag.clone(), offered.seq, offered.session);
        self.local = Some(media);
        self.phase = Phase::Up;
        for timer in [LegTimer::RingAgain, LegTimer::ResendProvisional, LegTimer::ReplaceUndecided] {
            self.timers.remove(&timer);
        }
        self.timers.remove(&LegTimer::Prack);
        let reply = session::announce(Reply::tagged(200, &tag), session.as_ref());
        self.accept(core, at, &server, reply, body, Unacking { seq, late, initial: true });
        self.run_session(at, session.map(|(session, _)| session));
        Ok(())
    }

    /// Sends a 2xx to an INVITE and keeps it until its ACK.
    pub(super) fn accept(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, reply: Reply, body: Vec<u8>, unacking: Unacking) {
        let mut reply = reply
            .with("Contact", self.face.contact(&core.config.contact_user))
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED.join(", "));
        reply.sdp = Some(body);
        let Some((destination, bytes)) = core.respond(at, server, reply) else { return };
        let interval = core.config.timers.t1;
        let Unacking { seq, late, initial } = unacking;
        self.unacked = Some(Unacked { seq, destination, bytes, interval, late, initial });
        self.set_timer(LegTimer::ResendAnswer, at, interval);
        self.set_timer(LegTimer::Acknowledge, at, core.config.timers.give_up());
    }

    pub(super) fn resend_answer(&mut self, core: &mut Core, at: WorkerTime) {
        let Some(unacked) = &mut self.unacked else { return };
        unacked.interval = Millis(unacked.interval.0 * 2).min(core.config.timers.t2);
        let interval = unacked.interval;
        core.counts.resent += 1;
        core.send(unacked.destination.clone(), unacked.bytes.clone());
        self.set_timer(LegTimer::ResendAnswer, at, interval);
    }

    /// RFC 3261 section 13.3.1.4: the dialog is up but the session should end with BYE.
    pub(super) fn never_acknowledged(&mut self, core: &mut Core, at: WorkerTime) {
        if self.unacked.take().is_none() {
            return;
        }
        let farewell = match &self.phase {
            Phase::Closing(farewell) => farewell.clone(),
            Phase::Offered(_) | Phase::Calling(_) | Phase::Up | Phase::Leaving(_) | Phase::Gone => Farewell {
                by: ReleasedBy::Network,
                why: ReleaseReason::NeverAcknowledged,
                reason: Some("SIP;cause=408;text=\"ACK missing\"".to_owned()),
            },
        };
        self.bye(core, at, farewell);
    }

    /// ACK to a 2xx of ours; a copy changes nothing.
    pub(crate) fn on_ack(&mut self, core: &mut Core, at: WorkerTime, ack: &Request) {
        let seq = ack.headers.cseq().map_or(0, |cseq| cseq.seq);
        if self.unacked.as_ref().is_none_or(|unacked| unacked.seq != seq) {
            return;
        }
        let content_type = ack.headers.get("Content-Type").unwrap_or("application/sdp");
        let body = sdp::sdp_part(content_type, &ack.body).unwrap_or_default().to_vec();
        self.acknowledged(core, at, &body);
    }

    /// The 2xx arrived, by its ACK or by what only can come after it.
    pub(super) fn acknowledged(&mut self, core: &mut Core, at: WorkerTime, body: &[u8]) {
        let Some(unacked) = self.unacked.take() else { return };
        self.timers.remove(&LegTimer::ResendAnswer);
        self.timers.remove(&LegTimer::Acknowledge);
        if let Phase::Closing(farewell) = &self.phase {
            let farewell = farewell.clone();
            self.bye(core, at, farewell);
            return;
        }
        let mut changed = unacked.initial;
        if let Some(pending) = unacked.late {
            match sdp::accept_answer(&pending, body) {
                Ok(media) => {
                    changed |= self.media.as_ref() != Some(&media);
                    self.media = Some(media);
                }
                Err(_) if unacked.initial => {
                    let reason = Some("SIP;cause=488;text=\"No usable answer in ACK\"".to_owned());
                    self.bye(core, at, Farewell { by: ReleasedBy::Network, why: ReleaseReason::NoMedia, reason });
                    return;
                }
                // The old media stands.
                Err(_) => changed = false,
            }
        }
        if let (true, Some(media)) = (changed, self.media.clone().map(Box::new)) {
            let leg = self.key;
            core.tell(match self.succession.take_if(|_| unacked.initial) {
                Some(Succession::WasUp) => LegEvent::Replaced { leg, media },
                Some(Succession::WasRinging) => LegEvent::Answered { leg, media },
                None if unacked.initial => LegEvent::Confirmed { leg, media },
                None => LegEvent::MediaChanged { leg, media },
            });
        }
    }

    pub(crate) fn reject(
        &mut self,
        core: &mut Core,
        at: WorkerTime,
        status: u16,
        retry_after: Option<u32>,
        reason: Option<Reason>,
    ) -> Result<(), OrderError> {
        let Phase::Offered(offered) = &self.phase else { return Err(self.wrong_state("reject")) };
        if !(300..700).contains(&status) {
            return Err(OrderError::Invalid { what: "the status of a refusal", why: format!("{status} is not in 300-699") });
        }
        let mut reply = Reply::tagged(status, &offered.tag);
        if let Some(seconds) = retry_after {
            reply = reply.with("Retry-After", seconds.to_string());
        }
        if let Some(reason) = &reason {
            reply = reply.with("Reason", written(reason));
        }
        let server = offered.server.clone();
        core.respond(at, &server, reply);
        self.gone(core, ReleasedBy::Local, ReleaseReason::Rejected { status });
        Ok(())
    }

    /// CANCEL of the INVITE: 487 while it is not answered, nothing afterwards (RFC 3261 section 9.2).
    pub(crate) fn on_cancel(&mut self, core: &mut Core, at: WorkerTime) {
        if let Phase::Offered(offered) = &self.phase {
            let (server, tag) = (offered.server.clone(), offered.tag.clone());
            core.respond(at, &server, Reply::tagged(487, &tag));
            self.gone(core, ReleasedBy::Remote, ReleaseReason::Cancelled);
        }
    }

    /// Our To tag, for the 200 to a CANCEL (RFC 3261 section 9.2).
    pub(crate) fn local_tag(&self) -> Option<String> {
        self.dialog.as_ref().map(|dialog| dialog.key.local_tag.clone())
    }
}

/// The offer at hand and our media do not go together; the user decides about the leg.
fn unfit(error: &SdpError, leg: LegKey) -> OrderError {
    match error.warning_code() {
        Some(305) => OrderError::NoCommonCodec(leg),
        Some(_) | None => OrderError::UnusableOffer { leg, status: error.status(), why: error.to_string() },
    }
}

/// What a 2xx waits for.
pub(super) struct Unacking {
    pub(super) seq: u32,
    pub(super) late: Option<PendingOffer>,
    pub(super) initial: bool,
}

fn facts(request: &Request, from: &Source, has_offer: bool) -> IncomingCall {
    let one = |name: &str| request.headers.get(name).map(Redacted::from);
    let all = |name: &'static str| request.headers.all(name).take(8).map(Redacted::from).collect();
    IncomingCall {
        source: *from,
        call_id: request.headers.get("Call-ID").unwrap_or_default().to_owned(),
        target: Redacted::new(request.target.clone()),
        from: one("From").unwrap_or_default(),
        to: one("To").unwrap_or_default(),
        asserted_identity: all("P-Asserted-Identity"),
        diversion: all("Diversion"),
        user_to_user: one("User-to-User"),
        user_agent: request.headers.get("User-Agent").map(str::to_owned),
        authorization: one("Authorization"),
        has_offer,
    }
}
