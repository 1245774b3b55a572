//! The caller is on hold while somebody is found for him; then the two are bridged. Drives the machine of `call::transfer::consult`.
//!
//! Rules where the contract is silent:
//! - What the caller says or types on hold goes nowhere: nobody asked him, and what he mutters on hold is not for the assistant. The recogniser
//!   does not listen to him, keys are dropped without a trace, and both work again when he is back. What he said or typed before the hold is
//!   kept. After the bridge it is all for the human.
//! - A key of the human decides from the briefing on; a spoken word only once the question was asked, because people answer with "yes?".
//! - What an operator writes is spoken to the caller on hold, before the next dial; once he is bridged it is refused.
//! - A turn that comes late retunes no keypad; one that asks for another transfer is answered `AlreadyInProgress` when this one is over.
//! - Once bridged, the assistant's limit on the call's length is the worker's limit on bridged calls instead.

mod orders;

use super::Phase;
use super::ending::{Ending, LastWords};
use super::talking::{self, Talking};
use crate::call::core::Core;
use crate::call::legs;
use crate::call::playback::Shield;
use crate::call::supervisor::Supervisor;
use crate::call::transfer::{Consult, Fact, Finish, Ledger, Next, Plan, State, Step, Timer, keyed, of_status, spoken};
use crate::call::{AdminOrder, AnswerVerdict, Command, Event, LegFailure, ReleaseReason, ReleasedBy, TimerKind};
use crate::model::{
    CallTime, CallTransferIntent, EndCause, FailureReason, LegId, Millis, Notice, Redacted, RequestId, TransferOutcome, TurnInput,
    TurnResult, UtteranceId, WarmTransferConfig,
};

#[derive(Debug)]
pub(crate) struct Consulting {
    back: Box<Talking>,
    intent: CallTransferIntent,
    warm: WarmTransferConfig,
    why: Why,
    plan: Plan,
    consult: Consult,
    ledger: Ledger,
    supervisor: Option<Supervisor>,
    compose: Option<RequestId>,
    briefing: Option<Redacted<String>>,
    bridge: Option<RequestId>,
    /// The REFER with Replaces that is out.
    handover: Option<Step>,
    /// Known once the call ends for a reason that is not the transfer's.
    ends: Option<EndCause>,
    /// What was told of the transfer's end; told once.
    told: Option<TransferOutcome>,
    started: CallTime,
    refused: u32,
}

/// What the second leg is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A warm transfer.
    Warm,
    /// In place of a REFER that failed; the caller was told.
    AfterRefer,
    /// In place of a REFER, on a trunk that refuses them.
    InsteadOfRefer,
}

/// What a transfer brings along from its beginning.
pub(crate) struct Case {
    pub(crate) intent: CallTransferIntent,
    pub(crate) ledger: Ledger,
    pub(crate) started: CallTime,
    pub(crate) refused: u32,
}

impl Consulting {
    pub(crate) fn begin(mut back: Box<Talking>, case: Case, why: Why, core: &mut Core) -> Phase {
        back.close_ears(core);
        core.order(Command::StopListening { leg: LegId::CALLER });
        let Case { intent, ledger, started, refused } = case;
        let warm = intent.warm.clone().unwrap_or_default();
        let plan = orders::plan(&intent, &warm, why, core);
        let mut consult = Consult::new(&plan, core.now);
        if let Some(deadline) = core.drain {
            consult.shorten(deadline, &mut Vec::new());
        }
        let consulting = Self {
            back,
            intent,
            warm,
            why,
            plan,
            consult,
            ledger,
            supervisor: None,
            compose: None,
            briefing: None,
            bridge: None,
            handover: None,
            ends: None,
            told: None,
            started,
            refused,
        };
        Box::new(consulting).take(Fact::Begun, core)
    }

    pub(crate) fn kept(&self) -> (usize, usize) {
        self.back.kept()
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.consult.state() == State::Bridged { "bridged" } else { "transferring" }
    }

    pub(crate) fn on_event(mut self: Box<Self>, event: Event, core: &mut Core) -> Phase {
        if let Some(leg) = event.leg().filter(|leg| *leg != LegId::CALLER) {
            return self.of_supervisor(leg, event, core);
        }
        match event {
            Event::ReferAnswered { request, status, .. } => return self.handed(|step| step.answered(request, status), core),
            Event::ReferProgress { request, status, .. } => return self.handed(|step| step.progressed(request, status), core),
            Event::ReferEnded { request, .. } => return self.handed(|step| step.subscription_ended(request), core),
            Event::BriefingComposed { request, text } => return self.composed(request, text, core),
            Event::BridgeUp { request } if self.bridge == Some(request) => return self.take(Fact::Joined, core),
            Event::BridgeFailed { request, .. } if self.bridge == Some(request) => return self.take(Fact::NotJoined, core),
            Event::PlaybackStarted { utterance } => match self.speaker(utterance) {
                Some(supervisor) => supervisor.playback_started(utterance, core),
                None => core.playback_started(utterance),
            },
            Event::PlaybackEnded { utterance, report } => match self.speaker(utterance) {
                Some(supervisor) => {
                    supervisor.playback_ended(utterance, report);
                    return self.briefed(core);
                }
                None => core.playback_ended(utterance, report),
            },
            Event::PlaybackFailed { utterance } => match self.speaker(utterance) {
                Some(supervisor) => {
                    supervisor.playback_failed(utterance, core);
                    return self.briefed(core);
                }
                None => core.playback_failed(utterance),
            },
            Event::LegHeld { held, .. } => core.legs.held = held,
            Event::MediaLost { .. } if core.legs.held || self.handover.is_some() => {}
            Event::MediaLost { .. } => return self.ends(EndCause::MediaLost, core),
            Event::LegReleased { by, why, .. } => return self.caller_left(by, why, core),
            Event::LegFailed { why, .. } => return self.caller_failed(why, core),
            Event::Ordered(AdminOrder::HangUp { reason }) => return self.ends(EndCause::AdminEnded(reason), core),
            Event::Ordered(AdminOrder::ResolveHandoff) => return self.ends(EndCause::HandoffResolved, core),
            Event::Ordered(AdminOrder::Say { text }) => self.operator_says(text.expose(), core),
            Event::Ordered(AdminOrder::DecideApproval { approval, approved }) => self.back.keep_decision(approval, approved, core),
            Event::Overloaded => return self.ends(EndCause::Overloaded, core),
            Event::Draining { deadline } => return self.draining(deadline, core),
            Event::TurnReady { result, .. } => self.late_turn(&result, core),
            Event::Tick
            | Event::SpeechStarted { .. }
            | Event::SpeechEnded { .. }
            | Event::PartialTranscript { .. }
            | Event::Transcript { .. }
            | Event::RecognitionFailed { .. }
            | Event::DigitPressed { .. } => {}
            Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::AnswerClassified { .. }
            | Event::TurnSpeech { .. }
            | Event::TurnFailed { .. }
            | Event::SessionEnded { .. } => core.stale(event.name()),
            Event::Offered(_) | Event::LegRinging { .. } | Event::LegAnswered { .. } => core.unexpected(&event, "transferring"),
        }
        self.proceed(core)
    }

    /// A fact of the second leg: judged as such, never as the caller's.
    fn of_supervisor(mut self: Box<Self>, leg: LegId, event: Event, core: &mut Core) -> Phase {
        let Some(supervisor) = self.supervisor.as_mut().filter(|supervisor| supervisor.leg() == leg) else {
            core.stale(event.name());
            return self.proceed(core);
        };
        let fact = match event {
            Event::LegRinging { .. } => Fact::Rang,
            Event::LegAnswered { .. } => Fact::Answered,
            Event::LegFailed { why, .. } => {
                let reason = of_failure(why);
                if legs::is_gone(&event) { Fact::Refused(reason) } else { Fact::Broken(reason) }
            }
            Event::LegReleased { .. } => Fact::Left,
            Event::AnswerClassified { verdict, .. } => Fact::Classified { machine: verdict == AnswerVerdict::Machine },
            Event::SpeechStarted { .. } | Event::SpeechEnded { .. } | Event::PartialTranscript { .. } => Fact::Heard,
            Event::Transcript { text, .. } if self.consult.state() == State::Deciding => Fact::Chose(spoken(text.expose())),
            Event::Transcript { .. } => Fact::Heard,
            Event::DigitPressed { digit, .. } => keyed(digit).map_or(Fact::Heard, Fact::Chose),
            Event::MediaLost { .. } if supervisor.held => return self.proceed(core),
            Event::MediaLost { .. } => Fact::Broken(FailureReason::SupervisorHungUp),
            Event::LegHeld { held, .. } => {
                supervisor.held = held;
                return self.proceed(core);
            }
            Event::RecognitionFailed { .. } => {
                supervisor.recognition_failed(core);
                return self.proceed(core);
            }
            Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::Offered(_)
            | Event::Tick
            | Event::BriefingComposed { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::PlaybackStarted { .. }
            | Event::PlaybackEnded { .. }
            | Event::PlaybackFailed { .. }
            | Event::TurnSpeech { .. }
            | Event::TurnReady { .. }
            | Event::TurnFailed { .. }
            | Event::SessionEnded { .. }
            | Event::Ordered(_)
            | Event::Draining { .. }
            | Event::Overloaded => {
                core.stale(event.name());
                return self.proceed(core);
            }
        };
        if matches!(fact, Fact::Left | Fact::Refused(_)) {
            self.supervisor = None;
        }
        self.take(fact, core)
    }

    pub(crate) fn on_due(self: Box<Self>, kind: TimerKind, core: &mut Core) -> Phase {
        let timer = match kind {
            TimerKind::Hold => Timer::Hold,
            TimerKind::Dial => Timer::Dial,
            TimerKind::Classify => Timer::Classify,
            TimerKind::Compose => Timer::Compose,
            TimerKind::Briefing => Timer::Briefing,
            TimerKind::SupervisorSilence => Timer::Silence,
            TimerKind::BridgeConfirm => Timer::Confirm,
            TimerKind::Reassurance => Timer::Reassure,
            TimerKind::Utterance => {
                core.playback_overdue();
                return self.proceed(core);
            }
            TimerKind::MaxDuration => return self.ends(EndCause::MaxDuration, core),
            TimerKind::Drain => return self.ends(EndCause::ServerShutdown, core),
            TimerKind::Greeting
            | TimerKind::Setup
            | TimerKind::Acknowledge
            | TimerKind::BargeIn
            | TimerKind::Resume
            | TimerKind::FinalWords
            | TimerKind::InterDigit
            | TimerKind::Turn
            | TimerKind::Silence
            | TimerKind::ReferRetry
            | TimerKind::ReferAnswer
            | TimerKind::ReferNotify
            | TimerKind::ReferTotal
            | TimerKind::Waiting
            | TimerKind::WaitingOver
            | TimerKind::LegRelease
            | TimerKind::LastWords
            | TimerKind::Release
            | TimerKind::Close => return self.proceed(core),
        };
        self.take(Fact::Due(timer), core)
    }

    /// One fact through the machine, its orders carried out, and what follows at once.
    fn take(mut self: Box<Self>, fact: Fact, core: &mut Core) -> Phase {
        let mut orders = Vec::new();
        self.consult.step(&self.plan, core.now, fact, &mut orders);
        match self.carry_out(orders, core) {
            Some(finish) => self.finish(finish, core),
            None => self.proceed(core),
        }
    }

    /// The announcement has played: on with it.
    fn proceed(self: Box<Self>, core: &mut Core) -> Phase {
        if self.consult.waits_for_quiet() && core.player.is_quiet() {
            return self.take(Fact::Quiet, core);
        }
        Phase::Consulting(self)
    }

    fn finish(mut self: Box<Self>, finish: Finish, core: &mut Core) -> Phase {
        match finish {
            Finish::Back(why) => self.give_back(TransferOutcome::NotReached { why }, core),
            Finish::Transferred => {
                self.tell(TransferOutcome::Confirmed, core);
                Ending::begin(EndCause::Transferred, LastWords::None, core)
            }
            Finish::CallerLeft => {
                self.tell(TransferOutcome::CallerHungUp, core);
                self.back.end(self.ends.unwrap_or(EndCause::CallerHungUp), LastWords::None, core)
            }
            Finish::CallEnds => {
                self.tell(TransferOutcome::Interrupted, core);
                self.back.end(self.ends.unwrap_or(EndCause::EngineFailed), LastWords::None, core)
            }
        }
    }

    /// The caller is back with the assistant. Where the intent names a node to go on with, that node has the words.
    fn give_back(mut self: Box<Self>, outcome: TransferOutcome, core: &mut Core) -> Phase {
        self.tell(outcome, core);
        core.order(Command::Listen { leg: LegId::CALLER });
        let text = match (&self.intent.on_failure, self.why) {
            (Some(_), _) => String::new(),
            (None, Why::Warm) => self.warm.failure_text.as_str().to_owned(),
            (None, Why::AfterRefer | Why::InsteadOfRefer) => core.settings.texts.transfer_failed.clone(),
        };
        let Self { back, intent, refused, .. } = *self;
        let mut news: Vec<TurnInput> = vec![talking::transfer_ended(outcome, intent.on_failure)];
        if refused > 0 {
            news.push(talking::transfer_ended(TransferOutcome::AlreadyInProgress, None));
        }
        back.resume(&text, news, core)
    }

    fn tell(&mut self, outcome: TransferOutcome, core: &mut Core) {
        if self.told.is_none() {
            self.told = Some(outcome);
            let took = Millis(u64::try_from(core.now.since(self.started).as_millis()).unwrap_or(u64::MAX));
            core.notify(Notice::TransferEnded { outcome: outcome.word().to_owned(), attempts: self.ledger.attempts(), took });
        }
    }

    fn ends(mut self: Box<Self>, cause: EndCause, core: &mut Core) -> Phase {
        self.ends = Some(cause);
        self.take(Fact::CallEnds, core)
    }

    /// His BYE after an accepted REFER is its success (pains 4); any other goodbye is his own.
    fn caller_left(mut self: Box<Self>, by: ReleasedBy, why: ReleaseReason, core: &mut Core) -> Phase {
        let handed = matches!(self.handover, Some(Step::Accepted(_)));
        if handed && (by, why) == (ReleasedBy::Remote, ReleaseReason::Bye) {
            return self.take(Fact::HandedOver, core);
        }
        self.ends = Some(legs::cause_of_release(by, why));
        self.take(Fact::CallerLeft, core)
    }

    fn caller_failed(self: Box<Self>, why: LegFailure, core: &mut Core) -> Phase {
        if self.handover.is_some() && why == LegFailure::Overloaded {
            return self.take(Fact::HandOverFailed, core);
        }
        self.ends(legs::cause_of_failure(core.direction, why, true), core)
    }

    fn handed(mut self: Box<Self>, next: impl FnOnce(Step) -> Next, core: &mut Core) -> Phase {
        let fact = match self.handover.map_or(Next::Stale, next) {
            Next::Over(outcome) if outcome.succeeded() => Fact::HandedOver,
            Next::Over(_) | Next::Again => Fact::HandOverFailed,
            Next::Accept(request) => {
                self.handover = Some(Step::Accepted(request));
                return self.proceed(core);
            }
            Next::Stay | Next::Patience => return self.proceed(core),
            Next::Stale => {
                core.stale("refer");
                return self.proceed(core);
            }
        };
        self.take(fact, core)
    }

    fn composed(mut self: Box<Self>, request: RequestId, text: Redacted<String>, core: &mut Core) -> Phase {
        if self.compose != Some(request) {
            core.stale("briefing_composed");
            return self.proceed(core);
        }
        self.compose = None;
        self.briefing = Some(text);
        self.take(Fact::Composed, core)
    }

    fn speaker(&mut self, utterance: UtteranceId) -> Option<&mut Supervisor> {
        self.supervisor.as_mut().filter(|supervisor| supervisor.owns(utterance))
    }

    fn briefed(self: Box<Self>, core: &mut Core) -> Phase {
        if self.supervisor.as_ref().is_some_and(Supervisor::is_quiet) { self.take(Fact::Briefed, core) } else { self.proceed(core) }
    }

    fn operator_says(&self, text: &str, core: &mut Core) {
        if self.consult.state().is_hold() && self.bridge.is_none() {
            core.say(None, text, Shield::Whole);
        } else {
            core.notify(Notice::SayRefused { phase: self.name().to_owned() });
        }
    }

    /// Nothing begins that cannot end before the deadline; what is under way may go on until then.
    fn draining(mut self: Box<Self>, deadline: CallTime, core: &mut Core) -> Phase {
        core.begin_drain(deadline);
        let mut orders = Vec::new();
        self.consult.shorten(deadline, &mut orders);
        self.carry_out(orders, core);
        self.proceed(core)
    }

    fn late_turn(&mut self, result: &TurnResult, core: &mut Core) {
        core.stale("turn_ready");
        if result.call_transfer.is_some() {
            self.refused = self.refused.saturating_add(1);
            core.notify(Notice::TransferRefused { why: TransferOutcome::AlreadyInProgress.word().to_owned() });
        }
    }
}

fn of_failure(why: LegFailure) -> FailureReason {
    match why {
        LegFailure::Status { status } => of_status(status),
        LegFailure::NoAnswer => FailureReason::NoAnswer,
        LegFailure::NoMedia | LegFailure::Overloaded | LegFailure::Transport => FailureReason::Unreachable,
        LegFailure::NotAllowed => FailureReason::NotAllowed,
        LegFailure::LimitReached => FailureReason::LimitReached,
    }
}
