//! One leg: an INVITE on its way, the dialog it makes, and everything that happens in it. One verb a file.
//!
//! - `accept`: an INVITE to us: ring, answer, refuse, CANCEL, ACK, PRACK of our 1xx.
//! - `originate`: an INVITE of ours: provisional responses, PRACK, 2xx and its forks, refusals.
//! - `redirect`: 3xx to an INVITE of ours.
//! - `modify`: re-INVITE and UPDATE of either side, hold, crossing requests.
//! - `session`: the session timer of RFC 4028.
//! - `refer`: REFER of ours and its NOTIFYs.
//! - `refer_to`: whom a REFER of ours names, with the dialog to replace.
//! - `referee`: REFER of the peer and our NOTIFYs.
//! - `replace`: an INVITE of another peer that takes a leg over (RFC 3891).
//! - `info`: keys.
//! - `release`: BYE of either side, CANCEL, and the one `Released`.
//!
//! Owns: the dialog, its SDP session, its timers. A leg is handed the endpoint's [`Core`] for the length of one call and holds no reference.
//!
//! Does not do: finding the leg a message belongs to, transactions, admission.

mod accept;
mod info;
mod modify;
pub(crate) mod originate;
mod redirect;
pub(crate) mod refer;
pub(crate) mod refer_to;
mod referee;
mod release;
pub(crate) mod replace;
mod session;

use super::auth::{Account, ClientSession};
use super::dialog::{Dialog, DialogKey};
use super::endpoint::clients::{Answered, ClientKey, Outcome, Owned};
use super::endpoint::core::{Core, Face};
use super::endpoint::servers::{Reply, ServerKey};
use super::endpoint::{Destination, LegKey, LegTimer, OrderError, ReleaseReason, ReleasedBy, TimerReason};
use super::message::{Method, Request};
use super::sdp::{HoldState, LocalMedia, NegotiatedAudio, SdpSession};
use crate::model::{Millis, WorkerTime};
use std::collections::BTreeMap;

use accept::{Offered, Provisional, Unacked};
use modify::Ours;
use originate::Calling;
use refer::ReferWatch;
use referee::Referee;
use replace::Succession;
use session::Session;

pub(crate) struct Leg {
    key: LegKey,
    face: Face,
    phase: Phase,
    /// Of an inbound leg from the start, of an outbound one from its 2xx.
    dialog: Option<Dialog>,
    sdp: SdpSession,
    local: Option<LocalMedia>,
    hold: HoldState,
    media: Option<NegotiatedAudio>,
    /// Our last 2xx to an INVITE, until its ACK.
    unacked: Option<Unacked>,
    /// The reliable 1xx that waits for its PRACK.
    provisional: Option<Provisional>,
    /// Our own re-INVITE or UPDATE.
    ours: Option<Ours>,
    refer: Option<ReferWatch>,
    /// CSeq of the REFERs before that one.
    past_refers: Vec<u32>,
    referee: Option<Referee>,
    session: Option<Session>,
    peer_updates: bool,
    account: Option<Account>,
    standings: Vec<ClientSession>,
    timers: BTreeMap<LegTimer, WorkerTime>,
    /// We made the Call-ID: decides the wait after a crossing (RFC 3261 section 14.1).
    outbound: bool,
    /// Our INVITE, once it was answered: a further 2xx to it is another fork.
    first_invite: Option<ClientKey>,
    /// It took another dialog's place, until that is told.
    succession: Option<Succession>,
    /// The keys this leg is found by; kept by the endpoint.
    pub(crate) indexed: Vec<DialogKey>,
}

enum Phase {
    Offered(Box<Offered>),
    Calling(Box<Calling>),
    Up,
    /// A BYE was ordered while our 2xx waits for its ACK (RFC 3261 section 15).
    Closing(Farewell),
    /// BYE is out.
    Leaving(Farewell),
    Gone,
}

/// How a leg ends once its BYE is through.
#[derive(Clone, Debug)]
struct Farewell {
    by: ReleasedBy,
    why: ReleaseReason,
    reason: Option<String>,
}

impl Leg {
    fn new(core: &mut Core, key: LegKey, face: Face, phase: Phase, outbound: bool) -> Self {
        Self {
            key,
            face,
            phase,
            dialog: None,
            sdp: SdpSession::new(core.number()),
            local: None,
            hold: HoldState::Active,
            media: None,
            unacked: None,
            provisional: None,
            ours: None,
            refer: None,
            past_refers: Vec::new(),
            referee: None,
            session: None,
            peer_updates: false,
            account: None,
            standings: Vec::new(),
            timers: BTreeMap::new(),
            outbound,
            first_invite: None,
            succession: None,
            indexed: Vec::new(),
        }
    }

    pub(crate) const fn key(&self) -> LegKey {
        self.key
    }

    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone)
    }

    /// A NOTIFY may still follow the BYE.
    pub(crate) const fn awaits_notify(&self) -> bool {
        matches!(&self.refer, Some(watch) if watch.is_open())
    }

    pub(crate) fn dialog_keys(&self) -> Vec<DialogKey> {
        match (&self.phase, &self.dialog) {
            (Phase::Calling(calling), _) => calling.dialog_keys(),
            (_, Some(dialog)) => vec![dialog.key.clone()],
            (_, None) => Vec::new(),
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerReason)> {
        self.timers.iter().map(|(timer, due)| (*due, TimerReason::Leg(self.key, *timer))).min()
    }

    /// True if the leg lives on this connection.
    pub(crate) fn destination(&self) -> Option<Destination> {
        self.dialog.as_ref().map(Dialog::destination)
    }

    /// Runs the timers that are due, one after the other.
    pub(crate) fn tick(&mut self, core: &mut Core, at: WorkerTime) {
        while let Some((timer, _)) = self.timers.iter().map(|(timer, due)| (*timer, *due)).find(|(_, due)| *due <= at) {
            self.timers.remove(&timer);
            match timer {
                LegTimer::ResendAnswer => self.resend_answer(core, at),
                LegTimer::Acknowledge => self.never_acknowledged(core, at),
                LegTimer::ResendProvisional => self.resend_provisional(core, at),
                LegTimer::Prack => self.never_pracked(core, at),
                LegTimer::RingAgain => self.ring_again(core, at),
                LegTimer::Refresh => self.refresh(core, at),
                LegTimer::SessionExpiry => self.session_expired(core, at),
                LegTimer::Glare => self.try_modify_again(core, at),
                LegTimer::ReferGlare => self.try_refer_again(core, at),
                LegTimer::ReferUndecided => self.refer_undecided(core, at),
                LegTimer::ReplaceUndecided => self.replace_undecided(core, at),
                LegTimer::RingTimeout => self.rang_out(core, at),
            }
        }
    }

    /// A request within the dialog; the transaction exists, the dialog was matched.
    pub(crate) fn on_request(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
        let in_order = match (&mut self.phase, &mut self.dialog) {
            (Phase::Calling(calling), _) => calling.accept_cseq(request, seq),
            (_, Some(dialog)) => dialog.accept_cseq(seq).is_ok(),
            (_, None) => false,
        };
        if !in_order {
            core.counts.out_of_order += 1;
            core.respond(at, server, Reply::new(500).with("Warning", "399 voice-worker \"CSeq below the last one\""));
            return;
        }
        match request.method {
            Method::Invite => self.on_invite(core, at, server, request),
            Method::Update => self.on_update(core, at, server, request),
            Method::Bye => self.on_bye(core, at, server),
            Method::Notify => self.on_notify(core, at, server, request),
            Method::Refer => self.on_refer(core, at, server, request),
            Method::Info => self.on_info(core, at, server, request),
            Method::Prack => self.on_prack(core, at, server, request),
            Method::Options => {
                core.respond(at, server, self.options_reply(core));
            }
            Method::Ack | Method::Cancel => {}
            Method::Register | Method::Subscribe | Method::Message | Method::Publish | Method::Other(_) => {
                core.respond(at, server, Reply::new(405).with("Allow", super::endpoint::core::ALLOW));
            }
        }
    }

    fn options_reply(&self, core: &Core) -> Reply {
        use super::endpoint::core::{ALLOW, SUPPORTED};
        let contact = self.face.contact(&core.config.contact_user);
        Reply::new(200)
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED.join(", "))
            .with("Accept", "application/sdp")
            .with("Contact", contact)
    }

    /// What came of a request of this leg.
    pub(crate) fn on_answer(&mut self, core: &mut Core, at: WorkerTime, answered: Answered) {
        if let Outcome::Response(response) = &answered.outcome
            && matches!(response.status, 401 | 407)
            && let Some((again, seq)) = self.authorize(core, at, &answered)
        {
            self.rekey(&answered.key, &again, seq);
            return;
        }
        match answered.request.method {
            Method::Invite if self.is_first_invite(&answered.key) => self.first_invite_answered(core, at, answered),
            Method::Invite | Method::Update => self.modify_answered(core, at, &answered),
            Method::Refer => self.refer_answered(core, at, &answered),
            Method::Bye => self.bye_answered(core, answered.outcome),
            Method::Notify => self.notify_answered(core, at, &answered.key, &answered.outcome),
            Method::Ack
            | Method::Cancel
            | Method::Options
            | Method::Register
            | Method::Subscribe
            | Method::Info
            | Method::Prack
            | Method::Message
            | Method::Publish
            | Method::Other(_) => {}
        }
    }

    /// Answers a challenge once, with a new CSeq and branch (RFC 3261 section 22.2).
    fn authorize(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered) -> Option<(ClientKey, u32)> {
        let Outcome::Response(response) = &answered.outcome else { return None };
        let account = self.account.clone().filter(|_| !answered.owned.authorized)?;
        if self.cancel_wanted() && answered.request.method == Method::Invite {
            return None;
        }
        let mut fresh = ClientSession::from_response(response, None).ok()?;
        let mut request = answered.request.clone();
        let used = request.headers.cseq().ok()?.seq;
        let seq = match &mut self.dialog {
            Some(dialog) => {
                dialog.raise_cseq(used);
                dialog.next_cseq()
            }
            None => used + 1,
        };
        request.headers.set("CSeq", format!("{seq} {}", request.method));
        request.headers.remove(fresh.side().credentials_header());
        let cnonce = core.token();
        fresh.sign_request(&account, &mut request, &cnonce);
        self.standings.retain(|old| old.side() != fresh.side() || old.realm() != fresh.realm());
        if self.standings.len() < 8 {
            self.standings.push(fresh);
        }
        let owned = Owned { leg: Some(self.key), authorized: true };
        core.start(at, request, answered.destination.clone(), answered.face.clone(), owned).ok().map(|key| (key, seq))
    }

    fn rekey(&mut self, old: &ClientKey, new: &ClientKey, seq: u32) {
        if let Phase::Calling(calling) = &mut self.phase {
            calling.rekey(old, new);
        }
        if let Some(ours) = &mut self.ours {
            ours.rekey(old, new);
        }
        if let Some(watch) = &mut self.refer {
            watch.rekey(old, new, seq);
        }
        self.rekey_notify(old, new);
    }

    /// Sends a request in the dialog, with credentials where a challenge was answered before.
    fn send(&mut self, core: &mut Core, at: WorkerTime, mut request: Request) -> Result<ClientKey, usize> {
        let Some(destination) = self.destination() else { return Err(0) };
        core.dress(&mut request);
        if matches!(request.method, Method::Invite | Method::Update | Method::Refer | Method::Notify) {
            request.headers.set("Contact", self.face.contact(&core.config.contact_user));
        }
        if let Some(account) = self.account.clone() {
            for standing in &mut self.standings {
                let cnonce = core.token();
                standing.sign_request(&account, &mut request, &cnonce);
            }
        }
        let face = core.face(destination.transport(), None).filter(|face| face.transport != self.face.transport);
        let face = face.unwrap_or_else(|| self.face.clone());
        core.start(at, request, destination, face, Owned { leg: Some(self.key), authorized: false })
    }

    /// A request with the next CSeq.
    fn request(&mut self, method: Method) -> Option<Request> {
        let dialog = self.dialog.as_mut()?;
        let seq = dialog.next_cseq();
        Some(dialog.request(method, seq))
    }

    fn set_timer(&mut self, timer: LegTimer, at: WorkerTime, span: Millis) {
        self.timers.insert(timer, at.after(span));
    }

    fn wrong_state(&self, verb: &'static str) -> OrderError {
        let state = match &self.phase {
            Phase::Offered(_) => "not answered yet",
            Phase::Calling(_) => "still being called",
            Phase::Up => "up",
            Phase::Closing(_) | Phase::Leaving(_) => "being released",
            Phase::Gone => "gone",
        };
        OrderError::WrongState { leg: self.key, verb, state }
    }
}

/// The table of client transactions is full.
fn full(limit: usize) -> OrderError {
    OrderError::Full { table: "client transactions", limit }
}
