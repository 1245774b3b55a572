//! Calling out: a second INVITE through the call's trunk, with a media leg of its own.
//!
//! Three walls stand before the INVITE: the trunk's allow-list, the attempts of this call, the attempts of the worker in an hour. What does not
//! pass is told to the core and counted; nothing is sent.

use super::dialling::Dialled;
use super::driver::Driver;
use super::inbox::Fact;
use super::legs::{local_media, media_sink};
use super::line::{Goodbye, Line, Release};
use super::referral::wire_headers;
use super::router::Owner;
use super::shells::Shells;
use super::translate;
use crate::call::{Event, LegFailure, ReleaseReason, ReleasedBy};
use crate::media::LegMediaConfig;
use crate::model::{EndCause, LegId, Millis, Redacted};
use crate::sip::endpoint::{OrderError, Originate};
use crate::sip::sdp::LocalMedia;
use crate::sip::trunk::TrunkError;
use crate::telemetry::{Counter, count};
use std::net::IpAddr;
use std::sync::Arc;

/// A leg the core wants dialled.
pub(super) struct Wanted {
    pub(super) leg: LegId,
    pub(super) destination: Redacted<String>,
    pub(super) headers: Vec<(String, Redacted<String>)>,
    pub(super) ring: Millis,
}

impl Driver {
    pub(super) fn dial(&mut self, wanted: Wanted) {
        let leg = wanted.leg;
        if let Err(why) = self.try_dial(wanted) {
            self.pending.push_back(Event::LegFailed { leg, why });
        }
    }

    fn try_dial(&mut self, wanted: Wanted) -> Result<(), LegFailure> {
        let Wanted { leg, destination, headers, ring } = wanted;
        let dialled = self.shells.dialling.dial(&self.legs.trunk, destination.expose()).map_err(|error| self.refused(&error))?;
        if !self.may_call_out() {
            return Err(LegFailure::LimitReached);
        }
        let address = local_address(&self.shells, &dialled).or_else(|| self.legs.address()).ok_or(LegFailure::Transport)?;
        // Not the caller's numbers again: each leg counts from somewhere else.
        let seed = self.conversation.0.as_u64_pair().1.rotate_left(leg.0 % 64).wrapping_add(u64::from(leg.0));
        let media_config = LegMediaConfig { seed, media_timeout: self.shells.media_timeout, ..LegMediaConfig::default() };
        let media = self.shells.media.open(media_config, media_sink(leg, self.inbox.clone())).map_err(|error| {
            tracing::error!(conversation = %self.conversation, %error, "no media for a second leg");
            LegFailure::Overloaded
        })?;
        let (line, media) = (Line::dialling(), Arc::new(media));
        let from = self.shells.from_uri(dialled.caller_id.as_deref().unwrap_or(self.called.expose()));
        let originate =
            invite(dialled, from, local_media(address, media.local_port(), &self.shells.codecs), wire_headers(headers.into_iter()), ring);
        self.legs.add(leg, line.clone(), media, address);
        call_out(&self.shells, Owner { leg, conversation: self.conversation, inbox: self.inbox.clone() }, line, originate);
        Ok(())
    }

    fn refused(&self, error: &TrunkError) -> LegFailure {
        tracing::warn!(conversation = %self.conversation, %error, "a leg was not dialled");
        count(Counter::CallsRefused, "destination", 1);
        match error {
            TrunkError::NotAllowed { .. } | TrunkError::Destination { .. } => LegFailure::NotAllowed,
            _ => LegFailure::Transport,
        }
    }

    /// Takes one outbound attempt of this call and of this hour; false where there is none left.
    pub(super) fn may_call_out(&mut self) -> bool {
        let why = if self.attempts >= self.shells.calling.attempts_per_call {
            format!(
                "the call's limit of {} outbound attempts is reached (transfer.attempts_per_call)",
                self.shells.calling.attempts_per_call
            )
        } else if let Err(limit) = self.shells.calling.guard.take(self.shells.clock.now()) {
            limit.to_string()
        } else {
            self.attempts += 1;
            return true;
        };
        tracing::warn!(conversation = %self.conversation, why, "an outbound attempt was refused before anything was sent");
        count(Counter::CallsRefused, "limit", 1);
        false
    }

    pub(super) fn release(&mut self, leg: LegId, cause: EndCause) {
        // Silence within one frame, whatever else the release has to wait for; and the other side of a bridge hears nothing more of it.
        self.part_from(leg);
        self.legs.silence(leg);
        let goodbye = Goodbye { reason: translate::reason_header(cause), unanswered_status: cause.sip_status() };
        match self.legs.release(leg, goodbye.clone()) {
            Some(Release::Now(_)) => self.order(leg, |key, _| goodbye.order(key)),
            Some(Release::Later) => {}
            // There never was a leg, or there is none any more: nobody else will say so.
            Some(Release::Never) | None => {
                self.legs.released(leg);
                self.pending.push_back(Event::LegReleased { leg, by: ReleasedBy::Local, why: ReleaseReason::Cancelled });
            }
        }
    }
}

/// The INVITE of a leg.
pub(super) fn invite(dialled: Dialled, from: String, media: LocalMedia, headers: Vec<(String, String)>, ring: Millis) -> Originate {
    Originate {
        target: dialled.target.into_exposed(),
        from,
        from_display: None,
        destination: dialled.hop,
        credentials: dialled.credentials,
        media,
        headers,
        ring_timeout: Some(ring),
        redirects: Some(dialled.redirects),
    }
}

/// Sends it. The leg is known to the router before the first fact about it; one that nobody wants any more by then is released.
pub(super) fn call_out(shells: &Arc<Shells>, owner: Owner, line: Line, originate: Originate) {
    let shells_then = Arc::clone(shells);
    shells.sip.originate(originate, move |answer| match answer {
        Ok(key) => {
            let goodbye = line.connected(key);
            shells_then.router.add(key, owner);
            if let Some(goodbye) = goodbye {
                shells_then.sip.order(goodbye.order(key), |_| {});
            }
        }
        Err(error) => {
            tracing::warn!(conversation = %owner.conversation, leg = %owner.leg, %error, "the SIP endpoint did not dial a leg");
            line.refused();
            let why = if matches!(error, OrderError::Full { .. }) { LegFailure::Overloaded } else { LegFailure::Transport };
            owner.inbox.put(Fact::Core(Event::LegFailed { leg: owner.leg, why }));
        }
    });
}

/// The address of ours that a peer behind this hop reaches: the configured one, or the one the machine would send from.
pub(super) fn local_address(shells: &Shells, dialled: &Dialled) -> Option<IpAddr> {
    shells.media_address.or_else(|| {
        let remote = dialled.address?;
        let unbound: std::net::SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = std::net::UdpSocket::bind(unbound).ok()?;
        socket.connect(remote).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    })
}
