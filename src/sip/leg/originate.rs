//! An INVITE of ours, until its final answer.

use super::redirect::{Onward, first_contact};
use super::{Farewell, Leg, Phase, full, session};
use crate::model::WorkerTime;
use crate::sip::auth::Account;
use crate::sip::dialog::{Dialog, DialogKey};
use crate::sip::endpoint::clients::{Answered, ClientKey, Outcome, Owned};
use crate::sip::endpoint::config::DEFAULT_RING_TIMEOUT;
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::{LegEvent, LegKey, LegTimer, OrderError, Originate, ReleaseReason, ReleasedBy};
use crate::sip::headers::is_token;
use crate::sip::message::{Method, Request, Response};
use crate::sip::readers::{MinSe, NameAddr, RAck, RSeq, SessionExpires};
use crate::sip::sdp::{self, HoldState, NegotiatedAudio, PendingOffer, SdpSession};
use crate::sip::uri::Uri;
use std::collections::BTreeMap;

/// Headers the endpoint writes itself.
const RESERVED: [&str; 16] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Content-Length",
    "Content-Type",
    "Max-Forwards",
    "Route",
    "Record-Route",
    "Allow",
    "Supported",
    "Require",
    "Session-Expires",
    "Min-SE",
];

pub(super) struct Calling {
    key: ClientKey,
    pending: PendingOffer,
    /// By To tag; an entry ends with the phase.
    early: BTreeMap<String, Early>,
    cancel: Option<Cancelling>,
    session_retried: bool,
    /// Where a 3xx may lead.
    pub(super) onward: Option<Onward>,
}

/// A fork that rings.
struct Early {
    dialog: Dialog,
    rseq: Option<u32>,
    answered: Option<NegotiatedAudio>,
}

/// CANCEL was ordered; it leaves with the first provisional response.
struct Cancelling {
    /// The CANCEL is out.
    sent: bool,
    reason: Option<String>,
    /// The status to report, where nobody ordered the end.
    failed: Option<u16>,
}

impl Calling {
    pub(super) fn dialog_keys(&self) -> Vec<DialogKey> {
        self.early.values().map(|early| early.dialog.key.clone()).collect()
    }

    pub(super) fn rekey(&mut self, old: &ClientKey, new: &ClientKey) {
        if self.key == *old {
            self.key = new.clone();
            self.early.clear();
        }
    }

    /// The INVITE went out again, to somebody else.
    pub(super) fn start_over(&mut self, key: ClientKey) {
        self.key = key;
        self.early.clear();
        self.session_retried = false;
    }

    pub(super) fn accept_cseq(&mut self, request: &Request, seq: u32) -> bool {
        let tag = request.headers.from_tag().unwrap_or_default();
        self.early.get_mut(&tag).is_some_and(|early| early.dialog.accept_cseq(seq).is_ok())
    }
}

/// Checks the names and values an order brings.
pub(crate) fn check_headers(headers: &[(String, String)]) -> Result<(), OrderError> {
    for (name, value) in headers {
        let why = if !is_token(name) {
            "the name is no token"
        } else if RESERVED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            "the endpoint writes it itself"
        } else if value.chars().any(char::is_control) {
            "the value has control characters"
        } else {
            continue;
        };
        return Err(OrderError::Invalid { what: "a header", why: format!("{}: {why}", name.escape_debug()) });
    }
    Ok(())
}

/// Refuses what is no URI.
pub(crate) fn check_uri(what: &'static str, uri: &str) -> Result<(), OrderError> {
    match Uri::read(uri) {
        Ok(_) => Ok(()),
        Err(error) => Err(OrderError::Invalid { what, why: error.to_string() }),
    }
}

impl Leg {
    pub(crate) fn originate(core: &mut Core, at: WorkerTime, call: Originate) -> Result<Self, OrderError> {
        check_headers(&call.headers)?;
        check_uri("the target", &call.target)?;
        check_uri("the caller", &call.from)?;
        let transport = call.destination.transport();
        let face = core.face(transport, None).ok_or(OrderError::NoListener(transport))?;
        let mut sdp = SdpSession::new(core.number());
        let (body, pending) = sdp::offer(&call.media, HoldState::Active, &mut sdp)
            .map_err(|error| OrderError::Invalid { what: "the media", why: error.to_string() })?;

        let mut from = NameAddr::new(&call.from).with_tag(&core.token());
        from.display = call.from_display.clone();
        let mut request = Request::new(Method::Invite, call.target.clone());
        request.headers.push("From", from.to_string());
        request.headers.push("To", NameAddr::new(&call.target).to_string());
        request.headers.push("Call-ID", format!("{}@{}", core.token(), face.host()));
        request.headers.push("CSeq", "1 INVITE");
        request.headers.push("Max-Forwards", "70");
        request.headers.push("Contact", face.contact(&core.config.contact_user));
        core.dress(&mut request);
        for (name, value) in &call.headers {
            request.headers.push(name, value);
        }
        request.headers.push("Content-Type", "application/sdp");
        request.body = body;

        let key = core.leg_key();
        let ask = core.config.session;
        if ask.enabled {
            request.headers.push("Session-Expires", SessionExpires { seconds: ask.expires_seconds, refresher: None }.to_string());
            request.headers.push("Min-SE", ask.min_seconds.max(MinSe::DEFAULT.seconds).to_string());
        }
        let owned = Owned { leg: Some(key), authorized: false };
        let onward = call.redirects.map(|redirects| Onward::new(redirects, &call.destination, &call.target));
        let client = core.start(at, request, call.destination, face.clone(), owned).map_err(full)?;
        let calling = Calling { key: client, pending, early: BTreeMap::new(), cancel: None, session_retried: false, onward };
        let mut leg = Self::new(core, key, face, Phase::Calling(Box::new(calling)), true);
        leg.sdp = sdp;
        leg.local = Some(call.media);
        leg.account = call.credentials.map(|one| Account { username: one.username, password: one.password });
        leg.set_timer(LegTimer::RingTimeout, at, call.ring_timeout.unwrap_or(DEFAULT_RING_TIMEOUT));
        Ok(leg)
    }

    pub(super) fn is_first_invite(&self, key: &ClientKey) -> bool {
        matches!(&self.phase, Phase::Calling(calling) if calling.key == *key) || self.first_invite.as_ref() == Some(key)
    }

    pub(super) fn cancel_wanted(&self) -> bool {
        matches!(&self.phase, Phase::Calling(calling) if calling.cancel.is_some())
    }

    pub(super) fn first_invite_answered(&mut self, core: &mut Core, at: WorkerTime, answered: Answered) {
        let Phase::Calling(_) = &self.phase else {
            // Another fork picked up as well (RFC 3261 section 13.2.2.4).
            if let Outcome::Response(response) = &answered.outcome
                && response.is_success()
            {
                end_fork(core, at, &answered, response);
            }
            return;
        };
        match &answered.outcome {
            Outcome::Response(response) if response.is_provisional() => self.rings(core, at, &answered, response),
            Outcome::Response(response) if response.is_success() => self.picked_up(core, at, &answered, response),
            Outcome::Response(response) if response.status == 422 && self.ask_longer(core, at, &answered, response) => {}
            Outcome::Response(_) | Outcome::TimedOut | Outcome::TransportLost if self.go_on(core, at, &answered) => {}
            Outcome::Response(response) => {
                let contact = first_contact(response);
                let why = ReleaseReason::Rejected { status: response.status };
                self.call_failed(core, response.status, Some(response.reason.clone()), contact, (ReleasedBy::Remote, why));
            }
            Outcome::TimedOut => {
                self.call_failed(core, 408, None, None, (ReleasedBy::Network, ReleaseReason::Rejected { status: 408 }));
            }
            Outcome::TransportLost => self.call_failed(core, 503, None, None, (ReleasedBy::Network, ReleaseReason::TransportLost)),
        }
    }

    fn rings(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered, response: &Response) {
        let (leg, limit) = (self.key, core.config.limits.forks);
        let face = self.face.clone();
        let Phase::Calling(calling) = &mut self.phase else { return };
        if let Some(cancel) = &mut calling.cancel {
            if !cancel.sent && core.clients.may_cancel(&calling.key) {
                cancel.sent = true;
                core.cancel(at, &calling.key, cancel.reason.clone());
            }
            return;
        }
        let Some(tag) = response.headers.to_tag().filter(|_| response.status > 100) else { return };
        if !calling.early.contains_key(&tag) {
            if calling.early.len() >= limit {
                return;
            }
            let dialog = Dialog::uac(&answered.request, response, answered.destination.clone());
            calling.early.insert(tag.clone(), Early { dialog, rseq: None, answered: None });
        }
        let Some(early) = calling.early.get_mut(&tag) else { return };
        if response.headers.has_token("Require", "100rel") && !early.prack(core, at, leg, &face, answered, response) {
            return;
        }
        if early.answered.is_none() && !response.body.is_empty() {
            let content_type = response.headers.get("Content-Type").unwrap_or("application/sdp");
            let body = sdp::sdp_part(content_type, &response.body);
            early.answered = body.and_then(|body| sdp::accept_answer(&calling.pending, body)).ok();
        }
        let early_media = early.answered.as_ref().map(|media| Box::new(media.clone()));
        core.tell(LegEvent::Ringing { leg, status: response.status, early_media });
    }

    fn picked_up(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered, response: &Response) {
        let Phase::Calling(calling) = std::mem::replace(&mut self.phase, Phase::Up) else { return };
        let mut calling = *calling;
        self.first_invite = Some(calling.key.clone());
        self.timers.clear();
        let early = calling.early.remove(&response.headers.to_tag().unwrap_or_default());
        let mut dialog = Dialog::uac(&answered.request, response, answered.destination.clone());
        if let Some(early) = &early {
            dialog.inherit(&early.dialog);
        }
        acknowledge(core, &dialog, answered, response);
        self.dialog = Some(dialog);
        self.peer_updates = response.headers.has_token("Allow", "UPDATE");
        if let Some(cancel) = calling.cancel {
            // Our CANCEL crossed their 2xx: end what they think is a call.
            if let Some(status) = cancel.failed {
                core.tell(LegEvent::Failed { leg: self.key, status, reason: None, contact: None });
            }
            self.bye(core, at, Farewell { by: ReleasedBy::Local, why: ReleaseReason::Cancelled, reason: cancel.reason });
            return;
        }
        let content_type = response.headers.get("Content-Type").unwrap_or("application/sdp");
        let answer = match early.and_then(|early| early.answered) {
            Some(media) if response.body.is_empty() => Ok(media),
            Some(_) | None => sdp::sdp_part(content_type, &response.body).and_then(|body| sdp::accept_answer(&calling.pending, body)),
        };
        match answer {
            Ok(media) => {
                self.media = Some(media.clone());
                self.run_session(at, session::granted(&response.headers));
                core.tell(LegEvent::Answered { leg: self.key, media: Box::new(media) });
            }
            Err(error) => {
                core.tell(LegEvent::Failed { leg: self.key, status: 488, reason: Some(error.to_string()), contact: None });
                let reason = Some("SIP;cause=488;text=\"No usable answer\"".to_owned());
                self.bye(core, at, Farewell { by: ReleasedBy::Local, why: ReleaseReason::NoMedia, reason });
            }
        }
    }

    /// 422: once more with the interval they want (RFC 4028 section 7.3).
    fn ask_longer(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered, response: &Response) -> bool {
        let leg = self.key;
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let Some(minimum) = response.headers.get("Min-SE").and_then(|value| MinSe::read(value).ok()) else { return false };
        if calling.session_retried || calling.cancel.is_some() {
            return false;
        }
        let seconds = core.config.session.expires_seconds.max(minimum.seconds);
        let seq = answered.request.headers.cseq().map_or(1, |cseq| cseq.seq) + 1;
        let mut request = answered.request.clone();
        request.headers.set("CSeq", format!("{seq} INVITE"));
        request.headers.set("Session-Expires", seconds.to_string());
        request.headers.set("Min-SE", minimum.to_string());
        let owned = Owned { leg: Some(leg), authorized: answered.owned.authorized };
        let Ok(key) = core.start(at, request, answered.destination.clone(), answered.face.clone(), owned) else { return false };
        calling.key = key;
        calling.early.clear();
        calling.session_retried = true;
        true
    }

    fn call_failed(
        &mut self,
        core: &mut Core,
        status: u16,
        reason: Option<String>,
        contact: Option<String>,
        (by, why): (ReleasedBy, ReleaseReason),
    ) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let leg = self.key;
        match calling.cancel.take() {
            Some(cancel) => {
                if let Some(status) = cancel.failed {
                    core.tell(LegEvent::Failed { leg, status, reason: None, contact: None });
                }
                self.gone(core, ReleasedBy::Local, ReleaseReason::Cancelled);
            }
            None => {
                core.tell(LegEvent::Failed { leg, status, reason, contact });
                self.gone(core, by, why);
            }
        }
    }

    /// CANCEL, now or with the first provisional response; the final response is awaited either way.
    pub(super) fn cancel(&mut self, core: &mut Core, at: WorkerTime, reason: Option<String>, failed: Option<u16>) {
        self.timers.remove(&LegTimer::RingTimeout);
        let Phase::Calling(calling) = &mut self.phase else { return };
        if calling.cancel.is_some() {
            return;
        }
        let sent = core.clients.may_cancel(&calling.key);
        if sent {
            core.cancel(at, &calling.key, reason.clone());
        }
        calling.cancel = Some(Cancelling { sent, reason, failed });
    }

    pub(super) fn rang_out(&mut self, core: &mut Core, at: WorkerTime) {
        self.cancel(core, at, Some("SIP;cause=408;text=\"No answer\"".to_owned()), Some(408));
    }
}

impl Early {
    /// PRACK of a reliable 1xx (RFC 3262 section 4). False for a copy or one out of order: it is not handled.
    fn prack(
        &mut self,
        core: &mut Core,
        at: WorkerTime,
        leg: LegKey,
        face: &super::Face,
        answered: &Answered,
        response: &Response,
    ) -> bool {
        let Some(rseq) = response.headers.get("RSeq").and_then(|value| RSeq::read(value).ok()) else { return true };
        if self.rseq.is_some_and(|last| rseq.0 != last.wrapping_add(1)) {
            return false;
        }
        self.rseq = Some(rseq.0);
        let Ok(cseq) = answered.request.headers.cseq() else { return false };
        let seq = self.dialog.next_cseq();
        let mut request = self.dialog.request(Method::Prack, seq);
        request.headers.push("RAck", RAck { rseq, cseq: cseq.seq, method: cseq.method }.to_string());
        core.dress(&mut request);
        let owned = Owned { leg: Some(leg), authorized: false };
        core.start(at, request, self.dialog.destination(), face.clone(), owned).is_ok()
    }
}

/// ACK to the 2xx of an INVITE outside a dialog; kept for the copies of the 2xx.
fn acknowledge(core: &mut Core, dialog: &Dialog, answered: &Answered, response: &Response) {
    let seq = answered.request.headers.cseq().map_or(1, |cseq| cseq.seq);
    let mut ack = dialog.request(Method::Ack, seq);
    for name in ["Authorization", "Proxy-Authorization"] {
        answered.request.headers.all(name).for_each(|value| ack.headers.push(name, value));
    }
    ack.headers.push_first("Via", answered.face.via(&core.branch()));
    let bytes: std::sync::Arc<[u8]> = crate::sip::wire::print(&ack.into()).into();
    let destination = dialog.destination();
    core.send(destination.clone(), bytes.clone());
    core.clients.keep_ack(&answered.key, response.headers.to_tag().unwrap_or_default(), destination, bytes);
}

/// A 2xx nobody wants: ACK, then BYE (RFC 3261 section 13.2.2.4).
pub(crate) fn end_fork(core: &mut Core, at: WorkerTime, answered: &Answered, response: &Response) {
    core.counts.forked_answers += 1;
    let mut dialog = Dialog::uac(&answered.request, response, answered.destination.clone());
    acknowledge(core, &dialog, answered, response);
    let seq = dialog.next_cseq();
    let mut bye = dialog.request(Method::Bye, seq);
    core.dress(&mut bye);
    // If no transaction is to be had the peer's own timers end it.
    let _ = core.start(at, bye, dialog.destination(), answered.face.clone(), Owned { leg: None, authorized: true });
}
