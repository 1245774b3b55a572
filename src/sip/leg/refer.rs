//! REFER of ours, its implicit subscription and the NOTIFYs (RFC 3515), in every order they really come.

use super::modify::GLARE_TRIES;
use super::{Leg, Phase, full};
use crate::model::WorkerTime;
use crate::sip::endpoint::clients::{Answered, ClientKey, Outcome};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey};
use crate::sip::endpoint::{LegEvent, LegTimer, OrderError, SubscriptionEnd};
use crate::sip::message::{Method, Request};
use crate::sip::readers::{self, Event, MediaType, NameAddr, Sipfrag, SubscriptionState};

/// REFERs of a leg remembered by number, so that their late NOTIFYs are known.
const PAST_MAX: usize = 16;

/// The last REFER of ours on this leg.
pub(super) struct ReferWatch {
    /// `None` while it waits for its turn after a crossing.
    key: Option<ClientKey>,
    /// CSeq of the REFER: the id of its subscription.
    seq: u32,
    state: State,
    order: Referral,
    tries: u8,
    /// The peer named it by its id.
    named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No final answer to the REFER yet.
    Asked,
    /// 2xx came, or a NOTIFY that proves it.
    Accepted,
    /// A final status line came, or the subscription ended: later NOTIFYs are answered and mean nothing.
    Done,
    /// By order, or because its answer never came: the same.
    Abandoned,
    /// There is no subscription: a NOTIFY gets 481.
    Refused,
}

/// What a REFER says.
#[derive(Clone, Debug)]
pub(crate) struct Referral {
    pub(crate) refer_to: NameAddr,
    pub(crate) referred_by: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl ReferWatch {
    pub(super) fn rekey(&mut self, old: &ClientKey, new: &ClientKey, seq: u32) {
        if self.key.as_ref() == Some(old) {
            self.key = Some(new.clone());
            // Whoever counts from the second REFER names it by its own CSeq.
            self.seq = seq;
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Asked | State::Accepted)
    }
}

impl Leg {
    pub(crate) fn refer(&mut self, core: &mut Core, at: WorkerTime, order: Referral) -> Result<(), OrderError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(self.wrong_state("refer"));
        }
        if self.refer.as_ref().is_some_and(ReferWatch::is_open) {
            return Err(OrderError::Busy { leg: self.key, verb: "refer" });
        }
        self.try_refer(core, at, order, 1).map_err(full)
    }

    fn try_refer(&mut self, core: &mut Core, at: WorkerTime, order: Referral, tries: u8) -> Result<(), usize> {
        let Some(mut request) = self.request(Method::Refer) else { return Err(0) };
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
        request.headers.push("Refer-To", order.refer_to.to_string());
        if let Some(by) = &order.referred_by {
            request.headers.push("Referred-By", bracketed(by));
        }
        for (name, value) in &order.headers {
            request.headers.push(name, value);
        }
        let key = self.send(core, at, request)?;
        if let Some(old) = self.refer.replace(ReferWatch { key: Some(key), seq, state: State::Asked, order, tries, named: false }) {
            if self.past_refers.len() >= PAST_MAX {
                self.past_refers.remove(0);
            }
            self.past_refers.push(old.seq);
        }
        Ok(())
    }

    pub(super) fn try_refer_again(&mut self, core: &mut Core, at: WorkerTime) {
        let Some((order, tries)) = self.refer.as_ref().map(|watch| (watch.order.clone(), watch.tries + 1)) else { return };
        if self.try_refer(core, at, order, tries).is_err() {
            self.refer = None;
            core.tell(LegEvent::ReferAnswered { leg: self.key, status: 503 });
        }
    }

    pub(crate) fn abandon_refer(&mut self) -> Result<(), OrderError> {
        let Some(watch) = &mut self.refer else { return Err(self.wrong_state("abandon a REFER it never sent")) };
        if watch.is_open() {
            watch.state = State::Abandoned;
        }
        self.timers.remove(&LegTimer::ReferGlare);
        Ok(())
    }

    /// A refused REFER ends nothing but the transfer.
    pub(super) fn refer_answered(&mut self, core: &mut Core, at: WorkerTime, answered: &Answered) {
        let status = match &answered.outcome {
            Outcome::Response(response) if response.is_provisional() => return,
            Outcome::Response(response) => response.status,
            Outcome::TimedOut => 408,
            Outcome::TransportLost => 503,
        };
        let Some(watch) = self.refer.as_mut().filter(|watch| watch.key.as_ref() == Some(&answered.key)) else { return };
        if watch.state != State::Asked {
            return;
        }
        if status == 491 && watch.tries < GLARE_TRIES {
            watch.key = None;
            self.set_glare_timer(core, at, LegTimer::ReferGlare);
            return;
        }
        watch.state = match (&answered.outcome, status) {
            (_, 200..=299) => State::Accepted,
            (Outcome::Response(_), _) => State::Refused,
            // The REFER may have arrived all the same.
            (Outcome::TimedOut | Outcome::TransportLost, _) => State::Abandoned,
        };
        core.tell(LegEvent::ReferAnswered { leg: self.key, status });
        if let (State::Accepted, Outcome::Response(response)) = (watch.state, &answered.outcome)
            && response.headers.get("Refer-Sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
        {
            self.end_watch(core, SubscriptionEnd::NeverMade);
        }
    }

    /// Nothing more will be told of the REFER.
    pub(super) fn end_watch(&mut self, core: &mut Core, why: SubscriptionEnd) {
        if let Some(watch) = self.refer.as_mut().filter(|watch| watch.is_open()) {
            watch.state = State::Done;
            core.tell(LegEvent::ReferEnded { leg: self.key, why });
        }
    }

    pub(super) fn on_notify(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let Some(event) = refer_event(request) else {
            core.respond(at, server, Reply::new(489).with("Allow-Events", "refer"));
            return;
        };
        match self.subscription_of(&event) {
            Subscription::Unknown => {
                core.counts.stale_notifies += 1;
                core.respond(at, server, Reply::new(481));
            }
            // Not 481: there are peers that take it for the end of the whole call (RFC 3261 section 12.2.1.2).
            Subscription::Past => {
                core.counts.stale_notifies += 1;
                core.respond(at, server, Reply::new(200));
            }
            Subscription::Current => {
                core.respond(at, server, Reply::new(200));
                self.notified(core, request);
            }
        }
    }

    /// Several REFERs of a dialog are told apart by the CSeq of each (RFC 3515 section 2.4.6). One without an id is for the one under way, unless
    /// this peer is known to name it.
    fn subscription_of(&mut self, event: &Event) -> Subscription {
        let id = event.id.as_ref().map(|id| id.trim().parse::<u32>());
        let Some(watch) = &mut self.refer else { return Subscription::Unknown };
        let current = match id {
            Some(Ok(id)) if id == watch.seq => {
                watch.named = true;
                true
            }
            Some(Ok(id)) if self.past_refers.contains(&id) => return Subscription::Past,
            Some(Ok(_) | Err(_)) => return Subscription::Unknown,
            None => !watch.named || self.past_refers.is_empty(),
        };
        match watch.state {
            State::Refused => Subscription::Unknown,
            State::Asked | State::Accepted if current => Subscription::Current,
            State::Asked | State::Accepted | State::Done | State::Abandoned => Subscription::Past,
        }
    }

    fn notified(&mut self, core: &mut Core, request: &Request) {
        let Some(watch) = &mut self.refer else { return };
        if watch.state == State::Asked {
            // NOTIFY before the 202: it says the same.
            core.tell(LegEvent::ReferAnswered { leg: self.key, status: 202 });
            watch.state = State::Accepted;
        }
        let status = reported(request);
        if let Some(status) = status {
            core.tell(LegEvent::ReferProgress { leg: self.key, status });
        }
        let state = request.headers.get("Subscription-State").and_then(|value| SubscriptionState::read(value).ok());
        if status.is_some_and(|status| status >= 200) {
            watch.state = State::Done;
        } else if let Some(state) = state.filter(SubscriptionState::is_terminated) {
            self.end_watch(core, why_ended(state.reason.as_deref()));
        }
    }
}

/// Whose NOTIFY it is.
enum Subscription {
    Current,
    /// Of a REFER that is settled, abandoned, or not the last one.
    Past,
    /// Of none that was accepted.
    Unknown,
}

/// `None` for another package. Event may be missing: there are gateways that leave it out of a NOTIFY about a REFER.
fn refer_event(request: &Request) -> Option<Event> {
    match request.headers.get("Event") {
        Some(value) => Event::read(value).ok().filter(|event| event.is("refer")),
        None => reported(request).map(|_| Event { package: "refer".to_owned(), id: None }),
    }
}

/// The status in the body, whatever the body calls itself.
fn reported(request: &Request) -> Option<u16> {
    let kind = request.headers.get("Content-Type").and_then(|value| MediaType::read(value).ok());
    let part = kind.and_then(|kind| readers::part(&kind, &request.body, "message/sipfrag"));
    Sipfrag::read(part.unwrap_or(&request.body)).ok().map(|line| line.status)
}

/// RFC 6665 section 4.1.3.
fn why_ended(reason: Option<&str>) -> SubscriptionEnd {
    match reason.unwrap_or_default().to_ascii_lowercase().as_str() {
        "rejected" => SubscriptionEnd::Rejected,
        "timeout" => SubscriptionEnd::TimedOut,
        "giveup" | "deactivated" | "probation" => SubscriptionEnd::GaveUp,
        "noresource" | "invariant" => SubscriptionEnd::NoResource,
        _ => SubscriptionEnd::Unsaid,
    }
}

fn bracketed(uri: &str) -> String {
    if uri.contains('<') { uri.to_owned() } else { format!("<{uri}>") }
}
