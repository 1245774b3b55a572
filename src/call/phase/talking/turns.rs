//! Turns of the conversation: asking, speaking, and reading what came back, in the contract's order.

use super::Talking;
use crate::call::TimerKind;
use crate::call::core::Core;
use crate::call::phase::Phase;
use crate::call::phase::answering::FirstWords;
use crate::call::phase::ending::LastWords;
use crate::call::phase::transferring::Transferring;
use crate::call::playback::Shield;
use crate::call::turn::{Thinking, TurnLoop};
use crate::model::{EndCause, Notice, RuntimeStatus, TurnId, TurnInput, TurnResult};

/// Failed turns in a row after which the call is given up.
const FAILURES_MAX: u32 = 3;

impl Talking {
    pub(super) fn start_turn(&mut self, input: TurnInput, core: &mut Core) {
        core.confirm_cut();
        let shield = self.shield(core);
        self.turn = TurnLoop::Thinking(Thinking::start(input, shield, core));
    }

    /// The first turn was asked for while the call rang; what it said meanwhile is spoken now.
    pub(super) fn first_words(mut self, first: FirstWords, core: &mut Core) -> Phase {
        let shield = if core.settings.voice.first_speaking.interruptible { self.shield(core) } else { Shield::Polite };
        match first {
            FirstWords::None => {}
            FirstWords::Computing { turn, held } => {
                let mut thinking = Thinking::adopt(turn, TurnInput::Started, shield);
                for text in &held {
                    thinking.speak(text.expose(), core);
                }
                self.turn = TurnLoop::Thinking(thinking);
            }
            FirstWords::Ready { turn, held, result } => {
                let mut thinking = Thinking::adopt(turn, TurnInput::Started, shield);
                for text in &held {
                    thinking.speak(text.expose(), core);
                }
                return Box::new(self).read(thinking, &result, core);
            }
            FirstWords::Failed => return Box::new(self).failed(&TurnInput::Started, "", core),
        }
        Box::new(self).settle(core)
    }

    pub(super) fn turn_speech(&mut self, turn: TurnId, text: &str, core: &mut Core) {
        match &mut self.turn {
            TurnLoop::Thinking(thinking) if thinking.turn == turn => thinking.speak(text, core),
            TurnLoop::Thinking(_) | TurnLoop::Idle => core.stale("turn_speech"),
        }
    }

    pub(super) fn turn_ready(mut self: Box<Self>, turn: TurnId, result: &TurnResult, core: &mut Core) -> Phase {
        match self.turn.take(turn) {
            Some(thinking) => self.read(thinking, result, core),
            None => {
                core.stale("turn_ready");
                self.settle(core)
            }
        }
    }

    pub(super) fn turn_failed(mut self: Box<Self>, turn: TurnId, error: String, core: &mut Core) -> Phase {
        match self.turn.take(turn) {
            Some(thinking) => {
                core.notify(Notice::TurnFailed { turn, error });
                let input = thinking.input.clone();
                thinking.close("", core);
                self.failed(&input, "", core)
            }
            None => {
                core.stale("turn_failed");
                self.settle(core)
            }
        }
    }

    pub(super) fn turn_timed_out(mut self: Box<Self>, core: &mut Core) -> Phase {
        let TurnLoop::Thinking(thinking) = std::mem::replace(&mut self.turn, TurnLoop::Idle) else { return self.settle(core) };
        core.notify(Notice::TurnTimedOut { turn: thinking.turn });
        let input = thinking.input.clone();
        thinking.cancel(core);
        self.failed(&input, "", core)
    }

    /// Status and error first, then `dtmf_input`, then `call_transfer`, then `handoff` (contract section 2).
    fn read(mut self: Box<Self>, thinking: Thinking, result: &TurnResult, core: &mut Core) -> Phase {
        let turn = thinking.turn;
        let ends = match result.status {
            RuntimeStatus::EndRequested | RuntimeStatus::EndProcessing | RuntimeStatus::Ended => true,
            RuntimeStatus::Idle | RuntimeStatus::RunningTurn | RuntimeStatus::Error => false,
        };
        let error = match (&result.error, result.status) {
            (Some(error), _) => Some(error.clone()),
            (None, RuntimeStatus::Error) => Some("the runtime is in status error".to_owned()),
            (None, _) => None,
        };
        let said = result.messages.iter().map(|message| message.content.trim()).collect::<Vec<_>>().join(" ");
        let input = thinking.input.clone();
        let spoke = !thinking.is_silent();
        thinking.close(&said, core);
        if self.collector.retune(result.dtmf_input.as_ref()) {
            self.order_collecting(core);
        }
        if let Some(error) = error {
            core.notify(Notice::TurnFailed { turn, error });
            if !ends {
                return self.failed(&input, if spoke { "spoken" } else { &said }, core);
            }
        }
        self.failures = 0;
        if ends {
            if result.call_transfer.is_some() {
                core.notify(Notice::TransferRefused { why: "the same turn ended the session".to_owned() });
            }
            return self.end(EndCause::AssistantEnded, LastWords::PlayOut, core);
        }
        if result.handoff.is_some() {
            core.notify(Notice::HandoffRequested { turn });
        }
        self.read_waiting(result, core);
        match &result.call_transfer {
            Some(intent) => Transferring::begin(self, intent.clone(), core),
            None => self.settle(core),
        }
    }

    /// A turn failed. `said` is what it said all the same; where that is nothing, the caller hears an apology, or the greeting the turn should
    /// have been.
    fn failed(mut self: Box<Self>, input: &TurnInput, said: &str, core: &mut Core) -> Phase {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            return self.give_up(core);
        }
        if said.trim().is_empty() {
            let greeting = core.settings.voice.first_speaking.text.as_ref().map(|text| text.as_str().to_owned());
            let text = match (input, greeting) {
                // A template is for the runtime to fill.
                (TurnInput::Started, Some(greeting)) if !greeting.contains("{{") => greeting,
                _ => core.settings.texts.apology.clone(),
            };
            core.say(None, &text, self.shield(core));
        }
        self.settle(core)
    }

    /// The engine cannot go on: the last words are the worker's own.
    pub(super) fn give_up(self: Box<Self>, core: &mut Core) -> Phase {
        let text = core.settings.texts.apology_and_goodbye.clone();
        core.say(None, &text, Shield::Whole);
        self.end(EndCause::EngineFailed, LastWords::PlayOut, core)
    }

    /// What the caller said so far is kept; what he says on hold is not heard.
    pub(in crate::call::phase) fn close_ears(&mut self, core: &mut Core) {
        core.timers.stop(TimerKind::FinalWords);
        core.timers.stop(TimerKind::InterDigit);
        self.assume_final(core);
        self.hearing.forget();
    }

    /// Nothing more is collected while the caller is being transferred.
    pub(in crate::call::phase) fn lay_down(&mut self, core: &mut Core) {
        self.stop_music(core);
        core.timers.stop(TimerKind::Silence);
        core.timers.stop(TimerKind::BargeIn);
        core.confirm_cut();
    }
}
