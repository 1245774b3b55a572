//! REFER of the peer: who asked us to call someone is told how that call goes (RFC 3515), one NOTIFY after the other.

use super::{Leg, Phase};
use crate::model::{Redacted, WorkerTime};
use crate::sip::endpoint::clients::{ClientKey, Outcome};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey, phrase};
use crate::sip::endpoint::{LegEvent, LegTimer, OrderError, ReferPolicy};
use crate::sip::message::{Method, Request};
use crate::sip::readers::{Sipfrag, SubscriptionState, SubscriptionStatus};
use std::collections::VecDeque;

/// Progress that waits for its turn; beyond it provisional progress is dropped, a final word takes the place of the last one.
const WAITING_MAX: usize = 8;
/// How long we say the subscription lives, in seconds; no call is set up for longer.
const EXPIRES_SECONDS: u32 = 180;

/// The peer's last REFER on this leg.
pub(super) enum Referee {
    /// `AnswerRefer` is awaited.
    Undecided {
        server: ServerKey,
        seq: u32,
    },
    Reporting(Reporting),
}

pub(super) struct Reporting {
    /// CSeq of the REFER: names this subscription among those of the dialog.
    seq: u32,
    waiting: VecDeque<Progress>,
    /// The NOTIFY that is not answered yet.
    out: Option<ClientKey>,
    /// The final one is sent or waits.
    settled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    status: u16,
    last: bool,
}

impl Leg {
    /// The peer asks us to call someone.
    pub(super) fn on_refer(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let Some(refer_to) = request.headers.get("Refer-To") else {
            core.respond(at, server, Reply::new(400).with("Warning", "399 voice-worker \"no Refer-To\""));
            return;
        };
        let refer_to = Redacted::from(refer_to);
        match core.config.refer {
            ReferPolicy::Refuse(status) => {
                core.respond(at, server, Reply::new(status));
            }
            ReferPolicy::Report if !matches!(self.phase, Phase::Up) || self.is_referee() => {
                core.respond(at, server, Reply::new(491));
                return;
            }
            ReferPolicy::Report => {
                let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
                self.referee = Some(Referee::Undecided { server: server.clone(), seq });
                // In time for the peer to hear it before it gives up (RFC 4320 section 4).
                let patience = crate::model::Millis(core.config.timers.give_up().0 / 2);
                self.set_timer(LegTimer::ReferUndecided, at, patience);
            }
        }
        core.tell(LegEvent::ReferRequested { leg: self.key, refer_to });
    }

    /// 202 and the first NOTIFY (RFC 3515 section 2.4.4), or a refusal.
    pub(crate) fn answer_refer(&mut self, core: &mut Core, at: WorkerTime, status: u16) -> Result<(), OrderError> {
        if !(200..700).contains(&status) {
            return Err(OrderError::Invalid { what: "the answer to a REFER", why: format!("{status} is no final status") });
        }
        let Some(Referee::Undecided { server, seq }) = self.referee.take_if(|referee| matches!(referee, Referee::Undecided { .. })) else {
            return Err(self.wrong_state("answer a REFER that nobody sent"));
        };
        self.timers.remove(&LegTimer::ReferUndecided);
        let contact = self.face.contact(&core.config.contact_user);
        core.respond(at, &server, Reply::new(status).with("Contact", contact));
        if (200..300).contains(&status) {
            self.referee = Some(Referee::Reporting(Reporting { seq, waiting: VecDeque::new(), out: None, settled: false }));
            return self.notify_refer(core, at, 100, false);
        }
        Ok(())
    }

    /// NOTIFY with the status of the referred call; the last one ends the subscription.
    pub(crate) fn notify_refer(&mut self, core: &mut Core, at: WorkerTime, status: u16, last: bool) -> Result<(), OrderError> {
        let up = matches!(self.phase, Phase::Up);
        let Some(Referee::Reporting(reporting)) = self.referee.as_mut().filter(|_| up) else {
            return Err(self.wrong_state("tell the progress of a REFER it did not accept"));
        };
        if reporting.settled {
            return Err(self.wrong_state("add to the final word about a REFER"));
        }
        reporting.settled = last;
        if reporting.waiting.len() >= WAITING_MAX {
            if !last {
                return Ok(());
            }
            reporting.waiting.pop_back();
        }
        reporting.waiting.push_back(Progress { status, last });
        self.next_notify(core, at);
        Ok(())
    }

    /// The answer to a NOTIFY, or none: the next one may go. A peer that knows no subscription gets none.
    pub(super) fn notify_answered(&mut self, core: &mut Core, at: WorkerTime, key: &ClientKey, outcome: &Outcome) {
        let Some(Referee::Reporting(reporting)) = &mut self.referee else { return };
        if reporting.out.as_ref() != Some(key) {
            return;
        }
        match outcome {
            Outcome::Response(response) if response.is_provisional() => return,
            Outcome::Response(response) if response.status < 300 => reporting.out = None,
            Outcome::Response(_) | Outcome::TimedOut | Outcome::TransportLost => {
                reporting.out = None;
                reporting.waiting.clear();
            }
        }
        self.next_notify(core, at);
    }

    pub(super) fn refer_undecided(&mut self, core: &mut Core, at: WorkerTime) {
        if let Some(server) = self.take_undecided_refer() {
            core.respond(at, &server, Reply::new(480));
        }
    }

    /// The REFER nobody decided on, for whoever ends this leg: its transaction wants an answer.
    pub(crate) fn take_undecided_refer(&mut self) -> Option<ServerKey> {
        match self.referee.take_if(|referee| matches!(referee, Referee::Undecided { .. })) {
            Some(Referee::Undecided { server, .. }) => Some(server),
            Some(Referee::Reporting(_)) | None => None,
        }
    }

    pub(super) fn rekey_notify(&mut self, old: &ClientKey, new: &ClientKey) {
        if let Some(Referee::Reporting(reporting)) = &mut self.referee
            && reporting.out.as_ref() == Some(old)
        {
            reporting.out = Some(new.clone());
        }
    }

    fn is_referee(&self) -> bool {
        match &self.referee {
            Some(Referee::Undecided { .. }) => true,
            Some(Referee::Reporting(reporting)) => !reporting.settled,
            None => false,
        }
    }

    /// One at a time: two that overtake each other on the way would be refused for their CSeq.
    fn next_notify(&mut self, core: &mut Core, at: WorkerTime) {
        let Some(Referee::Reporting(reporting)) = &mut self.referee else { return };
        if reporting.out.is_some() || !matches!(self.phase, Phase::Up) {
            return;
        }
        let Some(progress) = reporting.waiting.pop_front() else { return };
        let seq = reporting.seq;
        let Some(mut request) = self.request(Method::Notify) else { return };
        request.headers.push("Event", format!("refer;id={seq}"));
        request.headers.push("Subscription-State", state(progress).to_string());
        request.headers.push("Content-Type", "message/sipfrag;version=2.0");
        request.body = Sipfrag::new(progress.status, phrase(progress.status)).to_string().into_bytes();
        let sent = self.send(core, at, request);
        if let Some(Referee::Reporting(reporting)) = &mut self.referee {
            reporting.out = sent.ok();
        }
    }
}

fn state(progress: Progress) -> SubscriptionState {
    if progress.last {
        SubscriptionState { reason: Some("noresource".to_owned()), ..SubscriptionState::new(SubscriptionStatus::Terminated) }
    } else {
        SubscriptionState { expires: Some(EXPIRES_SECONDS), ..SubscriptionState::new(SubscriptionStatus::Active) }
    }
}
