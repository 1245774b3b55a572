//! The end, one sequence with a deadline on each step: last words → played out → leg released → close pipeline → closed.
//!
//! The cause was decided by whoever began this phase and does not change any more: what happens during the end only shortens it.

use super::{Closed, Phase};
use crate::call::core::Core;
use crate::call::legs::LegState;
use crate::call::{AdminOrder, Command, Direction, Event, LegFailure, TimerKind};
use crate::model::{EndCause, LegId, Millis, Notice, RequestId};

/// A release order that could not be queued is given again after this, so often.
const RELEASE_AGAIN: Millis = Millis(500);
const RELEASE_ORDERS_MAX: u32 = 3;

/// Whether the caller hears the end of what is being said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastWords {
    /// Cut at once.
    None,
    /// What is queued plays out, uninterrupted, then the leg is released.
    PlayOut,
}

#[derive(Debug)]
pub(crate) struct Ending {
    cause: EndCause,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Speaking,
    /// The order is out; `orders` counts it and those that could not be queued.
    Releasing {
        order: Command,
        orders: u32,
    },
    /// The order could not be queued.
    ReleasingAgain {
        order: Command,
        orders: u32,
    },
    Closing {
        request: RequestId,
    },
    /// Everything is closed but a second leg that was never reported gone.
    LastLegs,
}

impl Ending {
    pub(crate) fn begin(cause: EndCause, words: LastWords, core: &mut Core) -> Phase {
        core.confirm_cut();
        core.stop_timers();
        if core.legs.caller == LegState::Up {
            core.order(Command::StopListening { leg: LegId::CALLER });
            if words == LastWords::PlayOut && !core.player.is_quiet() {
                core.player.protect();
                core.rewatch_playback();
                core.arm(TimerKind::LastWords, core.settings.deadlines.last_words);
                return Phase::Ending(Self { cause, step: Step::Speaking });
            }
        }
        Self::release(cause, core)
    }

    fn release(cause: EndCause, core: &mut Core) -> Phase {
        core.hush();
        core.stop_timers();
        let Some(order) = core.legs.release(cause) else { return Self::close(cause, core) };
        core.order(order.clone());
        core.arm(TimerKind::Release, core.settings.deadlines.release);
        Phase::Ending(Self { cause, step: Step::Releasing { order, orders: 1 } })
    }

    fn close(cause: EndCause, core: &mut Core) -> Phase {
        core.hush();
        core.settle_heard();
        core.stop_timers();
        let request = core.new_request();
        core.order(Command::EndSession { request, cause, triggered_by: cause.triggered_by() });
        core.arm(TimerKind::Close, core.settings.deadlines.close);
        Phase::Ending(Self { cause, step: Step::Closing { request } })
    }

    pub(crate) fn on_event(self, event: Event, core: &mut Core) -> Phase {
        match event {
            Event::LegReleased { .. } => match self.step {
                Step::Speaking | Step::Releasing { .. } | Step::ReleasingAgain { .. } => Self::close(self.cause, core),
                Step::Closing { .. } | Step::LastLegs => Phase::Ending(self),
            },
            Event::LegFailed { why, .. } => self.leg_failed(why, core),
            Event::PlaybackStarted { utterance } => {
                core.playback_started(utterance);
                self.listen_out(core)
            }
            Event::PlaybackEnded { utterance, report } => {
                core.playback_ended(utterance, report);
                self.listen_out(core)
            }
            Event::PlaybackFailed { utterance } => {
                core.playback_failed(utterance);
                self.listen_out(core)
            }
            Event::SessionEnded { request } => match self.step {
                Step::Closing { request: asked } if asked == request => self.finish(core),
                Step::Speaking | Step::Releasing { .. } | Step::ReleasingAgain { .. } | Step::Closing { .. } | Step::LastLegs => {
                    core.stale("session_ended");
                    Phase::Ending(self)
                }
            },
            Event::Ordered(AdminOrder::HangUp { .. }) | Event::Overloaded | Event::MediaLost { .. } => self.hurry(core),
            Event::TurnSpeech { .. }
            | Event::TurnReady { .. }
            | Event::TurnFailed { .. }
            | Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BriefingComposed { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. } => {
                core.stale(event.name());
                Phase::Ending(self)
            }
            Event::Ordered(AdminOrder::Say { .. }) => {
                core.notify(Notice::SayRefused { phase: "ending".to_owned() });
                Phase::Ending(self)
            }
            Event::Offered(_) | Event::Ordered(AdminOrder::DecideApproval { .. }) => {
                core.unexpected(&event, "ending");
                Phase::Ending(self)
            }
            // Facts that are true and change nothing any more; a crossing 200 is released by its own leg.
            Event::Tick
            | Event::LegRinging { .. }
            | Event::LegAnswered { .. }
            | Event::LegHeld { .. }
            | Event::SpeechStarted { .. }
            | Event::SpeechEnded { .. }
            | Event::PartialTranscript { .. }
            | Event::Transcript { .. }
            | Event::RecognitionFailed { .. }
            | Event::DigitPressed { .. }
            | Event::Ordered(AdminOrder::ResolveHandoff)
            | Event::Draining { .. } => Phase::Ending(self),
        }
    }

    pub(crate) fn on_due(self, kind: TimerKind, core: &mut Core) -> Phase {
        match kind {
            TimerKind::LastWords => {
                core.notify(Notice::EndStepTimedOut { step: "last_words".to_owned() });
                self.hurry(core)
            }
            TimerKind::Utterance => {
                core.playback_overdue();
                self.listen_out(core)
            }
            TimerKind::Release => self.release_due(core),
            TimerKind::Close => {
                core.notify(Notice::EndStepTimedOut { step: "close".to_owned() });
                self.finish(core)
            }
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
            | TimerKind::MaxDuration
            | TimerKind::Drain => Phase::Ending(self),
        }
    }

    /// The session is closed; no call ends before each of its legs is reported gone, or given up.
    fn finish(self, core: &mut Core) -> Phase {
        if core.legs.has_others() {
            core.stop_timers();
            return Phase::Ending(Self { cause: self.cause, step: Step::LastLegs });
        }
        Closed::begin(self.cause, core)
    }

    pub(crate) fn on_leg_left(self, core: &mut Core) -> Phase {
        match self.step {
            Step::LastLegs if !core.legs.has_others() => Closed::begin(self.cause, core),
            Step::LastLegs | Step::Speaking | Step::Releasing { .. } | Step::ReleasingAgain { .. } | Step::Closing { .. } => {
                Phase::Ending(self)
            }
        }
    }

    /// The last words are out (or lost): the leg goes.
    fn listen_out(self, core: &mut Core) -> Phase {
        match self.step {
            Step::Speaking if core.player.is_quiet() => Self::release(self.cause, core),
            Step::Speaking | Step::Releasing { .. } | Step::ReleasingAgain { .. } | Step::Closing { .. } | Step::LastLegs => {
                Phase::Ending(self)
            }
        }
    }

    /// Someone cannot wait for the last words.
    fn hurry(self, core: &mut Core) -> Phase {
        match self.step {
            Step::Speaking => Self::release(self.cause, core),
            Step::Releasing { .. } | Step::ReleasingAgain { .. } | Step::Closing { .. } | Step::LastLegs => Phase::Ending(self),
        }
    }

    fn leg_failed(self, why: LegFailure, core: &mut Core) -> Phase {
        match (self.step, why) {
            (Step::Speaking, _) => Self::release(self.cause, core),
            (Step::Releasing { order, orders }, LegFailure::Overloaded) if orders < RELEASE_ORDERS_MAX => {
                core.arm(TimerKind::Release, RELEASE_AGAIN);
                Phase::Ending(Self { cause: self.cause, step: Step::ReleasingAgain { order, orders } })
            }
            // The callee refused before our CANCEL reached it: the leg is gone.
            (Step::Releasing { .. } | Step::ReleasingAgain { .. }, LegFailure::Status { .. } | LegFailure::NoAnswer)
                if core.direction == Direction::Outbound =>
            {
                core.legs.caller = LegState::Gone;
                Self::close(self.cause, core)
            }
            (step, _) => Phase::Ending(Self { cause: self.cause, step }),
        }
    }

    fn release_due(self, core: &mut Core) -> Phase {
        match self.step {
            Step::ReleasingAgain { order, orders } => {
                core.order(order.clone());
                core.arm(TimerKind::Release, core.settings.deadlines.release);
                Phase::Ending(Self { cause: self.cause, step: Step::Releasing { order, orders: orders + 1 } })
            }
            Step::LastLegs => Phase::Ending(self),
            Step::Speaking | Step::Releasing { .. } | Step::Closing { .. } => {
                core.notify(Notice::EndStepTimedOut { step: "release".to_owned() });
                core.legs.caller = LegState::Gone;
                Self::close(self.cause, core)
            }
        }
    }
}
