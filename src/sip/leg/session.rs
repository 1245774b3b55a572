//! The session timer of RFC 4028.

use super::{Farewell, Leg, Phase};
use crate::model::{Millis, WorkerTime};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::Reply;
use crate::sip::endpoint::{LegTimer, ReleaseReason, ReleasedBy};
use crate::sip::headers::Headers;
use crate::sip::message::Request;
use crate::sip::readers::{MinSe, Refresher, SessionExpires};

/// A session that must be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) seconds: u32,
    pub(super) we_refresh: bool,
}

/// The interval of a request is too small: the Min-SE of our 422.
pub(super) struct TooSmall(pub(super) u32);

/// What we agree to as the one who answers (RFC 4028 section 9).
pub(super) fn agree(core: &Core, request: &Request) -> Result<Option<(Session, SessionExpires)>, TooSmall> {
    let ours = core.config.session;
    let minimum = ours.min_seconds.max(MinSe::DEFAULT.seconds);
    let supports = request.headers.has_token("Supported", "timer") || request.headers.has_token("Require", "timer");
    let asked = request.headers.get("Session-Expires").and_then(|value| SessionExpires::read(value).ok());
    let peer_minimum =
        request.headers.get("Min-SE").and_then(|value| MinSe::read(value).ok()).map_or(minimum, |min| min.seconds.max(minimum));
    match asked {
        Some(asked) if asked.seconds < minimum && supports => Err(TooSmall(minimum)),
        Some(asked) => {
            let seconds = asked.seconds.max(minimum).min(ours.expires_seconds.max(peer_minimum));
            let peer = supports && asked.refresher != Some(Refresher::Uas);
            Ok(Some(agreed(seconds, !peer)))
        }
        None if supports && ours.enabled => Ok(Some(agreed(ours.expires_seconds.max(peer_minimum), true))),
        None => Ok(None),
    }
}

fn agreed(seconds: u32, we_refresh: bool) -> (Session, SessionExpires) {
    let refresher = if we_refresh { Refresher::Uas } else { Refresher::Uac };
    (Session { seconds, we_refresh }, SessionExpires { seconds, refresher: Some(refresher) })
}

/// Puts what was agreed into our 2xx.
pub(super) fn announce(reply: Reply, agreed: Option<&(Session, SessionExpires)>) -> Reply {
    let Some((session, expires)) = agreed else { return reply };
    let reply = reply.with("Session-Expires", expires.to_string());
    if session.we_refresh { reply } else { reply.with("Require", "timer") }
}

/// What the 2xx to a request of ours says (RFC 4028 section 7.2).
pub(super) fn granted(headers: &Headers) -> Option<Session> {
    let expires = headers.get("Session-Expires").and_then(|value| SessionExpires::read(value).ok())?;
    Some(Session { seconds: expires.seconds.max(MinSe::DEFAULT.seconds), we_refresh: expires.refresher != Some(Refresher::Uas) })
}

impl Leg {
    /// Asks for a session timer; keeps the present refresher.
    pub(super) fn ask_session(&self, core: &Core, request: &mut Request) {
        let ours = core.config.session;
        let (seconds, refresher) = match self.session {
            Some(session) if session.we_refresh => (session.seconds, Some(Refresher::Uac)),
            Some(session) => (session.seconds, Some(Refresher::Uas)),
            None if ours.enabled => (ours.expires_seconds, None),
            None => return,
        };
        request.headers.set("Session-Expires", SessionExpires { seconds, refresher }.to_string());
        request.headers.set("Min-SE", ours.min_seconds.max(MinSe::DEFAULT.seconds).to_string());
    }

    /// The session was refreshed just now: half the interval for the one who refreshes, the whole less a third (at most 32 s) for the other
    /// (RFC 4028 section 10).
    pub(super) fn run_session(&mut self, at: WorkerTime, session: Option<Session>) {
        self.session = session;
        self.timers.remove(&LegTimer::Refresh);
        self.timers.remove(&LegTimer::SessionExpiry);
        let Some(Session { seconds, we_refresh }) = session else { return };
        let early = if we_refresh { 0 } else { (seconds / 3).min(32) };
        self.set_timer(LegTimer::SessionExpiry, at, Millis::from_secs(u64::from(seconds - early)));
        if we_refresh {
            self.set_timer(LegTimer::Refresh, at, Millis::from_secs(u64::from(seconds / 2)));
        }
    }

    pub(super) fn session_expired(&mut self, core: &mut Core, at: WorkerTime) {
        if matches!(self.phase, Phase::Up) {
            let farewell = Farewell {
                by: ReleasedBy::Network,
                why: ReleaseReason::SessionExpired,
                reason: Some("SIP;cause=408;text=\"Session expired\"".to_owned()),
            };
            self.bye(core, at, farewell);
        }
    }
}
