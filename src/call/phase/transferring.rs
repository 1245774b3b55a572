//! A cold transfer under way. The caller keeps the assistant until the transfer is known to have succeeded.
//!
//! Rules where the contract is silent:
//! - No turn runs meanwhile: words and keys are kept, in order, for when the caller is back; nothing they say cuts the words before the REFER.
//! - A second intent can only come from an answer that is not current; it is refused, and the runtime is told when the first one is over.
//! - Media that stops after the REFER was accepted has moved to the other call: no loss.
//! - The peer's BYE after the acceptance is the transfer's success (pains 4); before it, the caller hung up.

use super::Phase;
use super::consulting::{Case, Consulting, Why};
use super::ending::{Ending, LastWords};
use super::talking::{self, Talking};
use crate::call::core::Core;
use crate::call::legs;
use crate::call::playback::Shield;
use crate::call::transfer::{self, Attempt, Ledger, Mark, Next, Step};
use crate::call::{AdminOrder, Command, Direction, Event, LegFailure, ReferProfile, ReleaseReason, ReleasedBy, TimerKind};
use crate::model::{
    AttemptWay, CallTransferIntent, EndCause, FallbackMode, LegId, MessageMode, Millis, Notice, Redacted, RequestId, TransferMode,
    TransferOutcome, TurnInput, TurnResult,
};

#[derive(Debug)]
pub(crate) struct Transferring {
    back: Box<Talking>,
    attempt: Attempt,
    ledger: Ledger,
    step: Step,
    summary: Summary,
    /// Intents that came while this one ran.
    refused: u32,
}

/// What the conversation was about, for a header of the REFER.
#[derive(Debug)]
enum Summary {
    /// Asked of the runtime; the REFER waits a little.
    Asked(RequestId),
    Ready(Option<Redacted<String>>),
}

impl Transferring {
    pub(crate) fn begin(mut back: Box<Talking>, intent: CallTransferIntent, core: &mut Core) -> Phase {
        if let Some(refusal) = transfer::refusal(&intent, &core.settings, core.attempts, core.drain, core.now) {
            core.notify(Notice::TransferRefused { why: refusal.outcome.word().to_owned() });
            return back.resume(&refusal.text, vec![talking::transfer_ended(refusal.outcome, intent.on_failure)], core);
        }
        back.lay_down(core);
        core.player.protect();
        core.say(None, intent.connecting_text.as_deref().unwrap_or_default(), Shield::Whole);
        let summary = Summary::ask(&intent, core);
        let (attempt, ledger) = (Attempt::new(intent, core.now), Ledger::new(core));
        Box::new(Self { back, attempt, ledger, step: Step::Speaking, summary, refused: 0 }).proceed(core)
    }

    pub(crate) fn kept(&self) -> (usize, usize) {
        self.back.kept()
    }

    pub(crate) fn on_event(mut self: Box<Self>, event: Event, core: &mut Core) -> Phase {
        match event {
            Event::ReferAnswered { request, status, .. } => {
                let next = self.step.answered(request, status);
                return self.follow(next, &event, core);
            }
            Event::ReferProgress { request, status, .. } => {
                let next = self.step.progressed(request, status);
                return self.follow(next, &event, core);
            }
            Event::ReferEnded { request, .. } => {
                let next = self.step.subscription_ended(request);
                return self.follow(next, &event, core);
            }
            Event::BriefingComposed { request, text } => match self.summary {
                Summary::Asked(asked) if asked == request => {
                    core.timers.stop(TimerKind::Compose);
                    self.summary = Summary::Ready(Some(text));
                }
                Summary::Asked(_) | Summary::Ready(_) => core.stale("briefing_composed"),
            },
            Event::PlaybackStarted { utterance } => core.playback_started(utterance),
            Event::PlaybackEnded { utterance, report } => core.playback_ended(utterance, report),
            Event::PlaybackFailed { utterance } => core.playback_failed(utterance),
            Event::SpeechStarted { .. } | Event::SpeechEnded { .. } | Event::PartialTranscript { .. } | Event::Transcript { .. } => {
                self.back.overhear(event, core)
            }
            Event::DigitPressed { digit, .. } => self.back.keep_key(digit, core),
            Event::RecognitionFailed { leg } => {
                self.back.restart_recogniser(leg, core);
            }
            Event::LegHeld { held, .. } => core.legs.held = held,
            Event::MediaLost { .. } => return self.media_lost(core),
            Event::LegReleased { by, why, .. } => return self.leg_released(by, why, core),
            Event::LegFailed { why, .. } => return self.leg_failed(why, core),
            Event::Ordered(AdminOrder::HangUp { reason }) => return self.interrupted(EndCause::AdminEnded(reason), core),
            Event::Ordered(AdminOrder::ResolveHandoff) => return self.interrupted(EndCause::HandoffResolved, core),
            Event::Ordered(AdminOrder::Say { text }) => core.say(None, text.expose(), Shield::Whole),
            Event::Overloaded => return self.interrupted(EndCause::Overloaded, core),
            Event::Draining { deadline } => return self.draining(deadline, core),
            Event::TurnReady { result, .. } => self.late_turn(&result, core),
            Event::Tick => {}
            Event::Ordered(AdminOrder::DecideApproval { approval, approved }) => self.back.keep_decision(approval, approved, core),
            Event::TurnSpeech { .. }
            | Event::TurnFailed { .. }
            | Event::SessionEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. } => core.stale(event.name()),
            Event::Offered(_) | Event::LegRinging { .. } | Event::LegAnswered { .. } => core.unexpected(&event, "transferring"),
        }
        self.proceed(core)
    }

    pub(crate) fn on_due(mut self: Box<Self>, kind: TimerKind, core: &mut Core) -> Phase {
        match kind {
            TimerKind::Utterance => core.playback_overdue(),
            TimerKind::FinalWords => self.back.assume_final(core),
            // An operator may be speaking just then: the REFER waits for their words, too.
            TimerKind::ReferRetry => self.step = Step::Speaking,
            TimerKind::ReferAnswer => return self.over(TransferOutcome::NoResponse, core),
            // On such a trunk the acceptance is all there is to know.
            TimerKind::ReferNotify | TimerKind::ReferTotal if core.settings.transfer.refer == ReferProfile::AcceptsWithoutNotify => {
                return self.over(TransferOutcome::Presumed, core);
            }
            TimerKind::ReferNotify | TimerKind::ReferTotal => return self.over(TransferOutcome::NoNotify, core),
            TimerKind::Compose => self.summary = Summary::Ready(None),
            TimerKind::MaxDuration => return self.interrupted(EndCause::MaxDuration, core),
            TimerKind::Drain => return self.interrupted(EndCause::ServerShutdown, core),
            TimerKind::Greeting
            | TimerKind::Setup
            | TimerKind::Acknowledge
            | TimerKind::BargeIn
            | TimerKind::Resume
            | TimerKind::InterDigit
            | TimerKind::Turn
            | TimerKind::Silence
            | TimerKind::Classify
            | TimerKind::Reassurance
            | TimerKind::SupervisorSilence
            | TimerKind::Dial
            | TimerKind::Briefing
            | TimerKind::BridgeConfirm
            | TimerKind::Hold
            | TimerKind::Waiting
            | TimerKind::WaitingOver
            | TimerKind::LegRelease
            | TimerKind::LastWords
            | TimerKind::Release
            | TimerKind::Close => {}
        }
        self.proceed(core)
    }

    /// The words before the REFER have played: send it.
    fn proceed(self: Box<Self>, core: &mut Core) -> Phase {
        match self.step {
            Step::Speaking if core.player.is_quiet() => match (&self.summary, self.attempt.intent.mode, core.settings.transfer.refer) {
                (_, TransferMode::Warm, _) => self.consult(Why::Warm, core),
                (_, TransferMode::Cold, ReferProfile::Refuses) => self.consult(Why::InsteadOfRefer, core),
                (Summary::Asked(_), _, _) => Phase::Transferring(self),
                (Summary::Ready(_), _, ReferProfile::Works | ReferProfile::AcceptsWithoutNotify) => self.refer(core),
            },
            Step::Speaking | Step::Waiting | Step::Asked(_) | Step::Accepted(_) => Phase::Transferring(self),
        }
    }

    /// A second leg from here on: a warm transfer, or a bridge in place of a REFER.
    fn consult(self: Box<Self>, why: Why, core: &mut Core) -> Phase {
        core.timers.stop(TimerKind::Compose);
        let Self { back, attempt, ledger, refused, .. } = *self;
        let case = Case { intent: attempt.intent, ledger, started: attempt.started, refused };
        Consulting::begin(back, case, why, core)
    }

    fn refer(mut self: Box<Self>, core: &mut Core) -> Phase {
        let request = core.new_request();
        self.attempt.tries += 1;
        core.attempts = core.attempts.saturating_add(1);
        self.step = Step::Asked(request);
        self.ledger.mark(Mark::Dialled { destination: 0 }, &self.attempt.intent, AttemptWay::Refer, core);
        let headers = self.headers(core);
        let reason = self.attempt.intent.reason.clone().filter(|_| headers.is_empty());
        core.notify(Notice::TransferStarted { attempt: self.attempt.tries });
        core.order(Command::Refer {
            leg: LegId::CALLER,
            request,
            destination: self.attempt.intent.destination.clone().into(),
            reason: reason.map(Into::into),
            headers,
        });
        core.arm(TimerKind::ReferAnswer, core.settings.deadlines.refer_answer);
        Phase::Transferring(self)
    }

    /// Reason and summary, where the trunk has a header for them.
    fn headers(&self, core: &Core) -> Vec<(String, Redacted<String>)> {
        let Some(name) = core.settings.transfer.header.clone() else { return Vec::new() };
        let summary = match &self.summary {
            Summary::Ready(summary) => summary.as_ref().map(|text| text.expose().trim().to_owned()),
            Summary::Asked(_) => None,
        };
        let told: Vec<String> =
            self.attempt.intent.reason.clone().into_iter().chain(summary).filter(|text| !text.trim().is_empty()).collect();
        if told.is_empty() { Vec::new() } else { vec![(name, Redacted::new(told.join("; ")))] }
    }

    fn follow(mut self: Box<Self>, next: Next, event: &Event, core: &mut Core) -> Phase {
        match next {
            Next::Stay => {}
            Next::Stale => core.stale(event.name()),
            Next::Accept(request) => {
                self.step = Step::Accepted(request);
                core.timers.stop(TimerKind::ReferAnswer);
                core.arm(TimerKind::ReferNotify, core.settings.deadlines.refer_notify);
                core.arm(TimerKind::ReferTotal, core.settings.deadlines.refer_total);
            }
            Next::Patience => core.arm(TimerKind::ReferNotify, core.settings.deadlines.refer_notify),
            Next::Again => {
                core.timers.stop(TimerKind::ReferAnswer);
                if !self.attempt.glare() {
                    return self.over(TransferOutcome::Glare, core);
                }
                self.step = Step::Waiting;
                core.arm(TimerKind::ReferRetry, glare_pause(core));
            }
            Next::Over(outcome) => return self.over(outcome, core),
        }
        Phase::Transferring(self)
    }

    /// One try is over: success, another try, or back to the assistant.
    fn over(mut self: Box<Self>, outcome: TransferOutcome, core: &mut Core) -> Phase {
        self.forget_refer(outcome, core);
        if outcome.succeeded() {
            self.note(outcome, FallbackMode::None, core);
            self.notify_ended(outcome, core);
            return Ending::begin(EndCause::Transferred, LastWords::None, core);
        }
        let left = core.attempts < core.settings.transfer.attempts_per_call && transfer::fits(&core.settings, core.drain, core.now);
        if self.attempt.may_retry(outcome) && left {
            self.note(outcome, FallbackMode::Retry, core);
            let own = self.attempt.intent.retry_text.as_ref().map(|text| text.as_str().to_owned());
            core.say(None, &own.unwrap_or_else(|| core.settings.texts.transfer_retry.clone()), Shield::Whole);
            self.step = Step::Speaking;
            return self.proceed(core);
        }
        if core.settings.transfer.bridge_on_failure && core.settings.transfer.dials && left && transfer::may_bridge(outcome) {
            self.note(outcome, FallbackMode::Bridge, core);
            return self.consult(Why::AfterRefer, core);
        }
        self.note(outcome, FallbackMode::Assistant, core);
        let text = core.settings.texts.transfer_failed.clone();
        self.give_back(outcome, &text, core)
    }

    /// In the books: how the try that is out ended.
    fn note(&mut self, outcome: TransferOutcome, then: FallbackMode, core: &mut Core) {
        let mark = transfer::failure(outcome).map_or(Mark::Ended, |why| Mark::Failed { why, then });
        if self.step.request().is_some() {
            self.ledger.mark(mark, &self.attempt.intent, AttemptWay::Refer, core);
        }
    }

    /// The caller is back with the assistant. Where the intent names a node to go on with, that node has the words; else `text` is spoken.
    fn give_back(self: Box<Self>, outcome: TransferOutcome, text: &str, core: &mut Core) -> Phase {
        self.notify_ended(outcome, core);
        let Self { back, attempt, refused, .. } = *self;
        let text = if attempt.intent.on_failure.is_some() { "" } else { text };
        let mut news: Vec<TurnInput> = vec![talking::transfer_ended(outcome, attempt.intent.on_failure)];
        if refused > 0 {
            news.push(talking::transfer_ended(TransferOutcome::AlreadyInProgress, None));
        }
        back.resume(text, news, core)
    }

    /// The call ends for another reason.
    fn interrupted(self: Box<Self>, cause: EndCause, core: &mut Core) -> Phase {
        self.end(TransferOutcome::Interrupted, cause, core)
    }

    fn end(mut self: Box<Self>, outcome: TransferOutcome, cause: EndCause, core: &mut Core) -> Phase {
        self.note(outcome, FallbackMode::None, core);
        self.forget_refer(outcome, core);
        self.notify_ended(outcome, core);
        self.back.end(cause, LastWords::None, core)
    }

    fn leg_released(self: Box<Self>, by: ReleasedBy, why: ReleaseReason, core: &mut Core) -> Phase {
        match (self.step, by, why) {
            (Step::Accepted(_), ReleasedBy::Remote, ReleaseReason::Bye) => self.over(TransferOutcome::Presumed, core),
            (_, ReleasedBy::Remote, ReleaseReason::Bye) => self.end(TransferOutcome::CallerHungUp, EndCause::CallerHungUp, core),
            (Step::Accepted(_), _, _) => self.end(TransferOutcome::Unknown, legs::cause_of_release(by, why), core),
            (_, _, _) => self.interrupted(legs::cause_of_release(by, why), core),
        }
    }

    fn leg_failed(self: Box<Self>, why: LegFailure, core: &mut Core) -> Phase {
        match (self.step, why) {
            (Step::Asked(_), LegFailure::Overloaded) => self.over(TransferOutcome::NoResponse, core),
            (_, _) => self.interrupted(legs::cause_of_failure(core.direction, why, true), core),
        }
    }

    fn media_lost(self: Box<Self>, core: &mut Core) -> Phase {
        match self.step {
            Step::Accepted(_) => Phase::Transferring(self),
            Step::Speaking | Step::Waiting | Step::Asked(_) if core.legs.held => Phase::Transferring(self),
            Step::Speaking | Step::Waiting | Step::Asked(_) => self.interrupted(EndCause::MediaLost, core),
        }
    }

    /// A transfer that has not started and cannot end before the deadline does not start.
    fn draining(self: Box<Self>, deadline: crate::model::CallTime, core: &mut Core) -> Phase {
        core.begin_drain(deadline);
        match self.step {
            Step::Speaking | Step::Waiting if !self.fits(core) => {
                core.timers.stop(TimerKind::ReferRetry);
                core.timers.stop(TimerKind::Compose);
                core.hush();
                self.notify_ended(TransferOutcome::Interrupted, core);
                let text = core.settings.texts.draining.clone();
                let Self { back, attempt, .. } = *self;
                back.resume(&text, vec![talking::transfer_ended(TransferOutcome::Interrupted, attempt.intent.on_failure)], core)
            }
            Step::Speaking | Step::Waiting | Step::Asked(_) | Step::Accepted(_) => self.proceed(core),
        }
    }

    fn fits(&self, core: &Core) -> bool {
        transfer::refusal(&self.attempt.intent, &core.settings, 0, core.drain, core.now).is_none()
    }

    fn late_turn(&mut self, result: &TurnResult, core: &mut Core) {
        core.stale("turn_ready");
        if result.call_transfer.is_some() {
            self.refused = self.refused.saturating_add(1);
            core.notify(Notice::TransferRefused { why: TransferOutcome::AlreadyInProgress.word().to_owned() });
        }
    }

    /// Stops what waits for the REFER's answers; tells the SIP module to drop those that may still come.
    fn forget_refer(&self, outcome: TransferOutcome, core: &mut Core) {
        for kind in [TimerKind::ReferRetry, TimerKind::ReferAnswer, TimerKind::ReferNotify, TimerKind::ReferTotal] {
            core.timers.stop(kind);
        }
        let open = matches!(outcome, TransferOutcome::NoNotify | TransferOutcome::NoResponse | TransferOutcome::Interrupted);
        if let (Some(request), true) = (self.step.request(), open) {
            core.order(Command::AbandonRefer { leg: LegId::CALLER, request });
        }
    }

    fn notify_ended(&self, outcome: TransferOutcome, core: &mut Core) {
        let took = Millis(u64::try_from(core.now.since(self.attempt.started).as_millis()).unwrap_or(u64::MAX));
        core.notify(Notice::TransferEnded { outcome: outcome.word().to_owned(), attempts: self.attempt.tries, took });
    }
}

impl Summary {
    fn ask(intent: &CallTransferIntent, core: &mut Core) -> Self {
        if core.settings.transfer.header.is_none() || intent.mode == TransferMode::Warm {
            return Self::Ready(None);
        }
        let request = core.new_request();
        let deadline = core.now.after(core.settings.deadlines.compose);
        core.order(Command::ComposeBriefing { request, mode: MessageMode::AiSummary, template: None, deadline });
        core.arm(TimerKind::Compose, core.settings.deadlines.compose);
        Self::Asked(request)
    }
}

/// RFC 3261 section 14.1: who made the call waits 2.1–4 s after a 491, the other 0–2 s.
fn glare_pause(core: &Core) -> Millis {
    match core.direction {
        Direction::Outbound => Millis(2_100 + core.seed % 1_900),
        Direction::Inbound => Millis(10 + core.seed % 1_990),
    }
}
