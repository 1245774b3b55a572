//! 3xx to an INVITE of ours: on to the contacts it names, best first, none that must not be dialled, and not for ever
//! (RFC 3261 sections 8.1.3.4 and 19.1.5).

use super::{Leg, Phase};
use crate::model::{Redacted, WorkerTime};
use crate::sip::dialog::destination_of;
use crate::sip::endpoint::clients::{Answered, Outcome, Owned};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::{Destination, LegEvent, Redirects};
use crate::sip::headers::Headers;
use crate::sip::message::Response;
use crate::sip::readers::{NameAddr, SessionExpires};
use crate::sip::trunk::DialString;
use crate::sip::uri::Uri;
use std::collections::VecDeque;
use std::str::FromStr;

/// Contacts still to be tried.
pub(super) struct Onward {
    redirects: Redirects,
    /// Where and whom the first INVITE was for: its credentials are for nobody else.
    home: (Destination, String),
    waiting: VecDeque<String>,
    /// Everything called so far, so that two who redirect to each other come to an end.
    called: Vec<String>,
}

impl Onward {
    pub(super) fn new(redirects: Redirects, destination: &Destination, target: &str) -> Self {
        Self { redirects, home: (destination.clone(), target.to_owned()), waiting: VecDeque::new(), called: vec![target.to_owned()] }
    }

    /// Takes in the contacts of a 3xx: they go before those of an earlier one (RFC 3261 section 16.5 searches depth first).
    fn learn(&mut self, headers: &Headers) {
        for contact in contacts(headers).into_iter().rev() {
            let permitted = DialString::from_str(&contact).is_ok_and(|dialled| self.redirects.allow.permits(&dialled));
            let known = self.called.contains(&contact) || self.waiting.contains(&contact);
            if permitted && !known && self.waiting.len() < usize::from(self.redirects.limit) {
                self.waiting.push_front(contact);
            }
        }
    }

    fn next(&mut self) -> Option<String> {
        // The first of `called` is the one we were asked to call.
        if self.called.len() > usize::from(self.redirects.limit) {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.called.push(next.clone());
        Some(next)
    }

    /// The trunk stays the way to whoever lives at the host that was dialled, and to numbers; others are called where they say they are.
    fn way_to(&self, target: &str) -> Destination {
        let same_host = |one: &str, other: &str| match (Uri::read(one), Uri::read(other)) {
            (Ok(Uri::Sip(one)), Ok(Uri::Sip(other))) => one.host.same(&other.host) && one.port == other.port,
            (_, _) => false,
        };
        if same_host(target, &self.home.1) {
            return self.home.0.clone();
        }
        destination_of(target).unwrap_or_else(|| self.home.0.clone())
    }
}

/// Contacts of a 3xx by falling q (RFC 3261 section 20.10); as they stand where it is the same or missing.
fn contacts(headers: &Headers) -> Vec<String> {
    let mut found: Vec<(u16, String)> = headers
        .all("Contact")
        .filter_map(|value| NameAddr::read(value).ok())
        .filter(|contact| !contact.is_wildcard())
        .map(|contact| (contact.params.get("q").map_or(1_000, |q| permille(&q)), contact.uri))
        .collect();
    found.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    found.into_iter().map(|(_, uri)| uri).collect()
}

/// `0.75` as 750; what is no qvalue counts least.
fn permille(text: &str) -> u16 {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("1", Ok(0)) => 1_000,
        ("0" | "", Ok(part)) => part,
        (_, _) => 0,
    }
}

impl Leg {
    /// True if the INVITE went out again to another contact. A redirection adds contacts; any other failure goes on to the next one, unless
    /// it is a 6xx: then nobody wants the call (RFC 3261 section 21.6).
    pub(super) fn go_on(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered) -> bool {
        let status = match &answered.outcome {
            Outcome::Response(response) => response.status,
            Outcome::TimedOut => 408,
            Outcome::TransportLost => 503,
        };
        if status >= 600 || self.cancel_wanted() {
            return false;
        }
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let Some(onward) = &mut calling.onward else { return false };
        if let Outcome::Response(response) = &answered.outcome
            && matches!(response.status, 300..=302)
        {
            onward.learn(&response.headers);
        }
        while let Some(target) = self.next_contact() {
            if self.call_contact(core, at, answered, &target) {
                core.tell(LegEvent::Redirected { leg: self.key, status, to: Redacted::new(target) });
                return true;
            }
        }
        false
    }

    fn next_contact(&mut self) -> Option<String> {
        let Phase::Calling(calling) = &mut self.phase else { return None };
        calling.onward.as_mut()?.next()
    }

    /// The same call to somebody else: same Call-ID, From and To, the next CSeq.
    fn call_contact(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered, target: &str) -> bool {
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let Some(onward) = &calling.onward else { return false };
        let destination = onward.way_to(target);
        let strange = destination != onward.home.0;
        let Some(face) = core.face(destination.transport(), None) else { return false };
        let mut request = answered.request.clone();
        request.target = target.to_owned();
        let seq = request.headers.cseq().map_or(1, |cseq| cseq.seq) + 1;
        request.headers.set("CSeq", format!("{seq} INVITE"));
        request.headers.set("Contact", face.contact(&core.config.contact_user));
        request.headers.remove("Authorization");
        request.headers.remove("Proxy-Authorization");
        if core.config.session.enabled {
            let seconds = core.config.session.expires_seconds;
            request.headers.set("Session-Expires", SessionExpires { seconds, refresher: None }.to_string());
        }
        let owned = Owned { leg: Some(self.key), authorized: false };
        let Ok(key) = core.start(at, request, destination, face.clone(), owned) else { return false };
        calling.start_over(key);
        core.counts.redirected += 1;
        self.face = face;
        if strange {
            // A trunk's credentials are not for whoever it sends us to.
            self.account = None;
            self.standings.clear();
        }
        true
    }
}

/// Contact of a 3xx that was not followed, for whoever wants to try it.
pub(super) fn first_contact(response: &Response) -> Option<String> {
    contacts(&response.headers).into_iter().next().filter(|_| (300..400).contains(&response.status))
}
