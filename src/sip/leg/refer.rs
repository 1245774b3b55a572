//! REFER of ours, its implicit subscription and the NOTIFYs (RFC 3515), in every order they really come.

use super::modify::GLARE_TRIES;
use super::{Leg, Phase, full};
use crate::model::WorkerTime;
use crate::sip::endpoint::clients::{Answered, ClientKey, Outcome};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey};
use crate::sip::endpoint::{LegEvent, LegTimer, OrderError};
use crate::sip::message::{Method, Request};
use crate::sip::readers::{Event, Sipfrag, SubscriptionState};

/// The last REFER of ours on this leg.
pub(super) struct ReferWatch {
    /// `None` while it waits for its turn after a crossing.
    key: Option<ClientKey>,
    /// CSeq of the REFER: the id of its subscription.
    seq: u32,
    state: State,
    order: Ordered,
    tries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No final answer to the REFER yet.
    Asked,
    /// 2xx came, or a NOTIFY that proves it.
    Accepted,
    /// A final status line came, or the subscription ended: later NOTIFYs are answered and mean nothing.
    Done,
    /// Refused, or abandoned by order: later NOTIFYs get 481.
    Forgotten,
}

#[derive(Clone, Debug)]
struct Ordered {
    refer_to: String,
    referred_by: Option<String>,
    headers: Vec<(String, String)>,
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
    pub(crate) fn refer(
        &mut self,
        core: &mut Core,
        at: WorkerTime,
        refer_to: String,
        referred_by: Option<String>,
        headers: Vec<(String, String)>,
    ) -> Result<(), OrderError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(self.wrong_state("refer"));
        }
        if self.refer.as_ref().is_some_and(ReferWatch::is_open) {
            return Err(OrderError::Busy { leg: self.key, verb: "refer" });
        }
        self.try_refer(core, at, Ordered { refer_to, referred_by, headers }, 1).map_err(full)
    }

    fn try_refer(&mut self, core: &mut Core, at: WorkerTime, order: Ordered, tries: u8) -> Result<(), usize> {
        let Some(mut request) = self.request(Method::Refer) else { return Err(0) };
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
        request.headers.push("Refer-To", bracketed(&order.refer_to));
        if let Some(by) = &order.referred_by {
            request.headers.push("Referred-By", bracketed(by));
        }
        for (name, value) in &order.headers {
            request.headers.push(name, value);
        }
        let key = self.send(core, at, request)?;
        self.refer = Some(ReferWatch { key: Some(key), seq, state: State::Asked, order, tries });
        Ok(())
    }

    pub(super) fn try_refer_again(&mut self, core: &mut Core, at: WorkerTime) {
        let Some(watch) = self.refer.take() else { return };
        let tries = watch.tries + 1;
        if self.try_refer(core, at, watch.order, tries).is_err() {
            core.tell(LegEvent::ReferAnswered { leg: self.key, status: 503 });
        }
    }

    pub(crate) fn abandon_refer(&mut self) -> Result<(), OrderError> {
        let Some(watch) = &mut self.refer else { return Err(self.wrong_state("abandon a REFER it never sent")) };
        watch.state = State::Forgotten;
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
        watch.state = if (200..300).contains(&status) { State::Accepted } else { State::Forgotten };
        core.tell(LegEvent::ReferAnswered { leg: self.key, status });
    }

    pub(super) fn on_notify(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let event = request.headers.get("Event").and_then(|value| Event::read(value).ok());
        let Some(event) = event.filter(|event| event.is("refer")) else {
            core.respond(at, server, Reply::new(489).with("Allow-Events", "refer"));
            return;
        };
        let ours = |watch: &&mut ReferWatch| {
            watch.state != State::Forgotten && event.id.as_ref().is_none_or(|id| id.trim().parse() == Ok(watch.seq))
        };
        let Some(watch) = self.refer.as_mut().filter(ours) else {
            core.counts.stale_notifies += 1;
            core.respond(at, server, Reply::new(481));
            return;
        };
        core.respond(at, server, Reply::new(200));
        if watch.state == State::Done {
            core.counts.stale_notifies += 1;
            return;
        }
        if watch.state == State::Asked {
            // NOTIFY before the 202: it says the same.
            core.tell(LegEvent::ReferAnswered { leg: self.key, status: 202 });
            watch.state = State::Accepted;
        }
        let terminated = request.headers.get("Subscription-State").and_then(|value| SubscriptionState::read(value).ok());
        let terminated = terminated.is_some_and(|state| state.is_terminated());
        let status = Sipfrag::read(&request.body).ok().map(|line| line.status);
        if let Some(status) = status {
            core.tell(LegEvent::ReferProgress { leg: self.key, status });
        }
        let settled = status.is_some_and(|status| status >= 200);
        if terminated && !settled {
            core.tell(LegEvent::ReferEnded { leg: self.key });
        }
        if settled || terminated {
            watch.state = State::Done;
        }
    }
}

fn bracketed(uri: &str) -> String {
    if uri.contains('<') { uri.to_owned() } else { format!("<{uri}>") }
}
