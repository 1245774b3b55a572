//! From the offer to a leg that is up.
//!
//! Inbound: ring, ask the runtime for the first words, answer when they are there or after a short deadline, wait for the ACK. Outbound: the
//! INVITE is out already; wait for the callee. What the runtime says meanwhile is held back until the leg is up.

use super::Phase;
use super::ending::{Ending, LastWords};
use super::talking::Talking;
use crate::call::core::Core;
use crate::call::legs::{self, LegState};
use crate::call::{AdminOrder, Command, Direction, Event, LegFailure, TimerKind};
use crate::model::{Digit, EndCause, FirstSpeaker, LegId, Notice, Redacted, TurnId, TurnInput, TurnResult};

/// Keys that wait for the leg. When full, further ones are dropped with a notice.
const KEYS_MAX: usize = 64;
/// Operators' words that wait for the leg. When full, further ones are refused with a notice.
const ORDERS_MAX: usize = 8;
/// Sentences of the first turn that wait for the leg. When full, the rest is spoken when the turn is closed.
const HELD_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct Answering {
    first: FirstWords,
    step: Step,
    /// Keys typed before the ACK: they open the first collection.
    keys: Vec<Digit>,
    /// What an operator wrote meanwhile: spoken once the leg is up.
    orders: Vec<Redacted<String>>,
}

#[derive(Debug)]
enum Step {
    /// Inbound: the first words are being made.
    Preparing,
    /// Inbound: 200 is out.
    Answered,
    /// Outbound: 18x seen or not.
    Dialing { rang: bool },
}

/// What the runtime says first, as far as it is known when the leg comes up.
#[derive(Debug)]
pub(crate) enum FirstWords {
    /// The caller speaks first.
    None,
    Computing {
        turn: TurnId,
        held: Vec<Redacted<String>>,
    },
    Ready {
        turn: TurnId,
        held: Vec<Redacted<String>>,
        result: Box<TurnResult>,
    },
    Failed,
}

impl Answering {
    pub(crate) fn begin(core: &mut Core) -> Phase {
        let first = match core.settings.voice.first_speaking.first_speaker {
            FirstSpeaker::Agent => None,
            FirstSpeaker::User => Some(FirstWords::None),
        };
        let step = match core.direction {
            Direction::Inbound => {
                core.order(Command::Ring { leg: LegId::CALLER });
                Step::Preparing
            }
            Direction::Outbound => {
                core.arm(TimerKind::Setup, core.settings.deadlines.setup);
                Step::Dialing { rang: false }
            }
        };
        let first = first.unwrap_or_else(|| FirstWords::Computing { turn: core.run_turn(TurnInput::Started), held: Vec::new() });
        let phase = Self { first, step, keys: Vec::new(), orders: Vec::new() };
        match (&phase.step, &phase.first) {
            (Step::Preparing, FirstWords::None) => phase.answer(core),
            (Step::Preparing, _) => {
                core.arm(TimerKind::Greeting, core.settings.deadlines.greeting);
                Phase::Answering(phase)
            }
            (Step::Answered | Step::Dialing { .. }, _) => Phase::Answering(phase),
        }
    }

    pub(crate) fn on_event(mut self, event: Event, core: &mut Core) -> Phase {
        match event {
            Event::LegRinging { .. } => {
                if let Step::Dialing { rang } = &mut self.step {
                    *rang = true;
                }
                Phase::Answering(self)
            }
            Event::LegAnswered { .. } => match self.step {
                Step::Answered | Step::Dialing { .. } => Talking::begin(self.first, &self.keys, &self.orders, core),
                Step::Preparing => self.unexpected(&event, core),
            },
            Event::LegFailed { why, .. } => self.failed(why, core),
            Event::LegReleased { by, why, .. } => self.end(legs::cause_of_release(by, why), core),
            Event::TurnSpeech { turn, text } => self.speech(turn, text, core),
            Event::TurnReady { turn, result } => self.ready(turn, result, core),
            Event::TurnFailed { turn, error } => self.turn_failed(turn, error, core),
            Event::Ordered(AdminOrder::HangUp { reason }) => self.end(EndCause::AdminEnded(reason), core),
            Event::Ordered(AdminOrder::ResolveHandoff) => self.end(EndCause::HandoffResolved, core),
            Event::Ordered(AdminOrder::Say { text }) => {
                if self.orders.len() < ORDERS_MAX {
                    self.orders.push(text);
                } else {
                    core.notify(Notice::SayRefused { phase: "answering".to_owned() });
                }
                Phase::Answering(self)
            }
            Event::Overloaded => self.end(EndCause::Overloaded, core),
            Event::Draining { deadline } => {
                core.begin_drain(deadline);
                Phase::Answering(self)
            }
            Event::DigitPressed { leg, digit, .. } => {
                if self.keys.len() < KEYS_MAX {
                    self.keys.push(digit);
                } else {
                    core.notify(Notice::DigitsDropped { leg, count: 1 });
                }
                Phase::Answering(self)
            }
            Event::Tick => Phase::Answering(self),
            Event::PlaybackStarted { .. }
            | Event::PlaybackEnded { .. }
            | Event::PlaybackFailed { .. }
            | Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BriefingComposed { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::SessionEnded { .. } => {
                core.stale(event.name());
                Phase::Answering(self)
            }
            Event::Offered(_)
            | Event::LegHeld { .. }
            | Event::MediaLost { .. }
            | Event::SpeechStarted { .. }
            | Event::SpeechEnded { .. }
            | Event::PartialTranscript { .. }
            | Event::Transcript { .. }
            | Event::RecognitionFailed { .. }
            | Event::Ordered(AdminOrder::DecideApproval { .. }) => self.unexpected(&event, core),
        }
    }

    pub(crate) fn on_due(self, kind: TimerKind, core: &mut Core) -> Phase {
        match kind {
            TimerKind::Greeting => self.answer(core),
            TimerKind::Setup => self.end(EndCause::CalleeNoAnswer, core),
            TimerKind::Acknowledge => self.end(EndCause::NeverAcknowledged, core),
            TimerKind::Drain => self.end(EndCause::ServerShutdown, core),
            TimerKind::Turn => {
                if let FirstWords::Computing { turn, .. } = self.first {
                    core.notify(Notice::TurnTimedOut { turn });
                    core.cancel_turn(turn);
                }
                Self { first: FirstWords::Failed, ..self }.proceed(core)
            }
            TimerKind::BargeIn
            | TimerKind::Resume
            | TimerKind::FinalWords
            | TimerKind::InterDigit
            | TimerKind::Utterance
            | TimerKind::Silence
            | TimerKind::ReferRetry
            | TimerKind::ReferAnswer
            | TimerKind::ReferNotify
            | TimerKind::ReferTotal
            | TimerKind::Classify
            | TimerKind::Compose
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
            | TimerKind::Close
            | TimerKind::MaxDuration => Phase::Answering(self),
        }
    }

    fn speech(mut self, turn: TurnId, text: Redacted<String>, core: &mut Core) -> Phase {
        match &mut self.first {
            FirstWords::Computing { turn: current, held } if *current == turn => {
                core.arm(TimerKind::Turn, core.settings.deadlines.turn);
                if held.len() < HELD_MAX {
                    held.push(text);
                }
                self.proceed(core)
            }
            FirstWords::None | FirstWords::Computing { .. } | FirstWords::Ready { .. } | FirstWords::Failed => {
                self.stale("turn_speech", core)
            }
        }
    }

    fn ready(self, turn: TurnId, result: Box<TurnResult>, core: &mut Core) -> Phase {
        match self.first {
            FirstWords::Computing { turn: current, held } if current == turn => {
                core.timers.stop(TimerKind::Turn);
                Self { first: FirstWords::Ready { turn, held, result }, ..self }.proceed(core)
            }
            FirstWords::None | FirstWords::Computing { .. } | FirstWords::Ready { .. } | FirstWords::Failed => {
                self.stale("turn_ready", core)
            }
        }
    }

    fn turn_failed(self, turn: TurnId, error: String, core: &mut Core) -> Phase {
        match self.first {
            FirstWords::Computing { turn: current, .. } if current == turn => {
                core.close_turn();
                core.notify(Notice::TurnFailed { turn, error });
                Self { first: FirstWords::Failed, ..self }.proceed(core)
            }
            FirstWords::None | FirstWords::Computing { .. } | FirstWords::Ready { .. } | FirstWords::Failed => {
                self.stale("turn_failed", core)
            }
        }
    }

    /// The first words are there, or known not to come: no reason to ring any longer.
    fn proceed(self, core: &mut Core) -> Phase {
        match self.step {
            Step::Preparing => self.answer(core),
            Step::Answered | Step::Dialing { .. } => Phase::Answering(self),
        }
    }

    fn answer(self, core: &mut Core) -> Phase {
        core.timers.stop(TimerKind::Greeting);
        core.order(Command::Answer { leg: LegId::CALLER });
        core.legs.caller = LegState::Answering;
        core.arm(TimerKind::Acknowledge, core.settings.deadlines.acknowledge);
        Phase::Answering(Self { step: Step::Answered, ..self })
    }

    fn failed(self, why: LegFailure, core: &mut Core) -> Phase {
        let rang = matches!(self.step, Step::Dialing { rang: true });
        let gone = matches!(why, LegFailure::Status { .. } | LegFailure::NoAnswer);
        match core.direction {
            Direction::Outbound if gone => core.legs.caller = LegState::Gone,
            // The 200 never left: the offer is still owed its final response.
            Direction::Inbound if matches!(why, LegFailure::NoMedia | LegFailure::Overloaded) => core.legs.caller = LegState::Offered,
            Direction::Inbound | Direction::Outbound => {}
        }
        self.end(legs::cause_of_failure(core.direction, why, rang), core)
    }

    fn end(self, cause: EndCause, core: &mut Core) -> Phase {
        if let FirstWords::Computing { turn, .. } = self.first {
            core.cancel_turn(turn);
        }
        Ending::begin(cause, LastWords::None, core)
    }

    fn stale(self, what: &str, core: &mut Core) -> Phase {
        core.stale(what);
        Phase::Answering(self)
    }

    fn unexpected(self, event: &Event, core: &mut Core) -> Phase {
        core.unexpected(event, "answering");
        Phase::Answering(self)
    }
}
