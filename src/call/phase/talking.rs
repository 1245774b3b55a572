//! The conversation: one turn at a time, and everything the caller does meanwhile kept in order.
//!
//! Rules where the contract is silent:
//! - A kept input becomes a turn when nothing is computed, nothing plays any more (an interruption makes that so at once) and no keypad
//!   collection is under way. Words too few to interrupt are therefore answered after the speech they fell into, not lost.
//! - The silence timer runs only while the caller could speak and does not: not while anything plays, is computed or collected, while the peer
//!   holds, or while a human was asked for. The maximum duration bounds all of these.

mod turns;
mod waiting;

use super::Phase;
use super::answering::FirstWords;
use super::ending::{Ending, LastWords};
use crate::call::barge::{self, Hearing, Verdict};
use crate::call::collect::{Collector, Kept, Progress};
use crate::call::core::Core;
use crate::call::legs::{self, LegState};
use crate::call::playback::Shield;
use crate::call::silence::{Silence, SilenceStep};
use crate::call::turn::{Inputs, TurnLoop};
use crate::call::{AdminOrder, Command, Event, TimerKind};
use crate::model::{Digit, EndCause, LegId, Millis, Notice, Redacted, SilenceEndAction, SilenceReminderMode, TransferOutcome, TurnInput};
use uuid::Uuid;
use waiting::Human;

/// How often the recogniser is started again before it counts as gone.
const RECOGNISER_RESTARTS: u32 = 2;
/// After the voice that interrupted ended: how long its words may take before it counts as a cough.
const WORDS_TAKE: Millis = Millis(1_500);

#[derive(Debug)]
pub(crate) struct Talking {
    turn: TurnLoop,
    inputs: Inputs,
    collector: Collector,
    hearing: Hearing,
    silence: Silence,
    /// Failed turns in a row.
    failures: u32,
    /// Failures of the recogniser since it last heard words.
    deaf: u32,
    human: Human,
    /// The interruption was none; what it cut goes on once it is known how much was heard.
    false_alarm: bool,
}

/// What an interruption stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// A voice, or words that may change: the cut can be taken back.
    Voice,
    /// Final words.
    Words,
}

impl Talking {
    /// The leg is up: listen, disclose, and say the first words as far as they are known.
    pub(crate) fn begin(first: FirstWords, keys: &[Digit], orders: &[Redacted<String>], core: &mut Core) -> Phase {
        let mut talking = Self {
            turn: TurnLoop::Idle,
            inputs: Inputs::default(),
            collector: Collector::new(&core.settings.voice.dtmf),
            hearing: Hearing::default(),
            silence: Silence::default(),
            failures: 0,
            deaf: 0,
            human: Human::NotAsked,
            false_alarm: false,
        };
        for kind in [TimerKind::Setup, TimerKind::Greeting, TimerKind::Acknowledge] {
            core.timers.stop(kind);
        }
        core.legs.caller = LegState::Up;
        core.arm(TimerKind::MaxDuration, Millis(u64::from(core.settings.voice.max_call_duration_ms.get())));
        core.order(Command::Listen { leg: LegId::CALLER });
        talking.order_collecting(core);
        for digit in keys {
            talking.keep_key(*digit, core);
        }
        if let Some(disclosure) = core.settings.voice.first_speaking.ai_disclosure_text.clone() {
            core.say(None, disclosure.as_str(), Shield::Whole);
        }
        for text in orders {
            core.say(None, text.expose(), Shield::Polite);
        }
        talking.first_words(first, core)
    }

    pub(crate) fn kept(&self) -> (usize, usize) {
        (self.inputs.len(), self.collector.held())
    }

    pub(crate) fn on_event(mut self: Box<Self>, event: Event, core: &mut Core) -> Phase {
        match event {
            Event::TurnSpeech { turn, text } => self.turn_speech(turn, text.expose(), core),
            Event::TurnReady { turn, result } => return self.turn_ready(turn, &result, core),
            Event::TurnFailed { turn, error } => return self.turn_failed(turn, error, core),
            Event::PlaybackStarted { utterance } => core.playback_started(utterance),
            Event::PlaybackEnded { utterance, report } => core.playback_ended(utterance, report),
            Event::PlaybackFailed { utterance } => core.playback_failed(utterance),
            Event::DigitPressed { digit, .. } => self.key(digit, core),
            Event::SpeechStarted { .. } | Event::SpeechEnded { .. } | Event::PartialTranscript { .. } | Event::Transcript { .. } => {
                self.hear(event, Shield::Polite, core)
            }
            Event::RecognitionFailed { leg } => return self.recognition_failed(leg, core),
            Event::LegHeld { held, .. } => core.legs.held = held,
            // A held peer sends nothing: that is no loss.
            Event::MediaLost { .. } if core.legs.held => {}
            Event::MediaLost { .. } => return self.end(EndCause::MediaLost, LastWords::None, core),
            Event::LegReleased { by, why, .. } => return self.end(legs::cause_of_release(by, why), LastWords::None, core),
            Event::LegFailed { why, .. } => {
                return self.end(legs::cause_of_failure(core.direction, why, true), LastWords::None, core);
            }
            Event::Ordered(AdminOrder::HangUp { reason }) => return self.end(EndCause::AdminEnded(reason), LastWords::None, core),
            Event::Ordered(AdminOrder::ResolveHandoff) => return self.end(EndCause::HandoffResolved, LastWords::PlayOut, core),
            Event::Ordered(AdminOrder::Say { text }) => self.operator_speaks(text.expose(), core),
            Event::Ordered(AdminOrder::DecideApproval { approval, approved }) => self.decided(approval, approved, core),
            Event::Overloaded => return self.end(EndCause::Overloaded, LastWords::None, core),
            Event::Draining { deadline } => core.begin_drain(deadline),
            Event::Tick => {}
            Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BriefingComposed { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::SessionEnded { .. } => core.stale(event.name()),
            Event::Offered(_) | Event::LegRinging { .. } | Event::LegAnswered { .. } => core.unexpected(&event, "talking"),
        }
        self.settle(core)
    }

    pub(crate) fn on_due(mut self: Box<Self>, kind: TimerKind, core: &mut Core) -> Phase {
        match kind {
            TimerKind::BargeIn => {
                let verdict = self.hearing.judge_partial(&core.settings.voice, core.now);
                self.apply(verdict, Shield::Polite, Evidence::Voice, core);
            }
            TimerKind::Resume => self.false_alarm = true,
            TimerKind::FinalWords => self.assume_final(core),
            TimerKind::InterDigit => {
                let progress = self.collector.time_out();
                self.collected(progress, core);
            }
            TimerKind::Utterance => core.playback_overdue(),
            TimerKind::Turn => return self.turn_timed_out(core),
            TimerKind::Silence => return self.silence_lasted(core),
            TimerKind::Waiting => self.still_waiting(core),
            TimerKind::WaitingOver => self.waited_too_long(core),
            TimerKind::MaxDuration => return self.end(EndCause::MaxDuration, LastWords::None, core),
            TimerKind::Drain => return self.end(EndCause::ServerShutdown, LastWords::None, core),
            TimerKind::Greeting
            | TimerKind::Setup
            | TimerKind::Acknowledge
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
            | TimerKind::LegRelease
            | TimerKind::LastWords
            | TimerKind::Release
            | TimerKind::Close => {}
        }
        self.settle(core)
    }

    /// Back from a transfer that did not happen: `text` for the caller, the outcome for the runtime.
    pub(crate) fn resume(mut self: Box<Self>, text: &str, news: Vec<TurnInput>, core: &mut Core) -> Phase {
        core.say(None, text, self.shield(core));
        self.wait_on(core);
        for input in news.into_iter().rev() {
            self.inputs.push_first(input, core);
        }
        self.settle(core)
    }

    pub(crate) fn end(mut self: Box<Self>, cause: EndCause, words: LastWords, core: &mut Core) -> Phase {
        self.turn.cancel(core);
        self.stop_music(core);
        Ending::begin(cause, words, core)
    }

    /// Speech of the caller while something else has the floor: kept, judged against nothing.
    pub(crate) fn overhear(&mut self, event: Event, core: &mut Core) {
        self.hear(event, Shield::Open, core);
    }

    /// A key while no collection can take it.
    pub(crate) fn keep_key(&mut self, digit: Digit, core: &mut Core) {
        self.keep(Kept::Asked, digit, core);
    }

    /// A decision for the turn that waits for it; told when the caller is back.
    pub(crate) fn keep_decision(&mut self, approval: Uuid, approved: bool, core: &mut Core) {
        self.decided(approval, approved, core);
    }

    /// The words the caller would have said by now: used where the final ones did not come.
    pub(crate) fn assume_final(&mut self, core: &mut Core) {
        if let Some(words) = self.hearing.assume() {
            core.confirm_cut();
            self.inputs.said(&words, core);
        }
    }

    /// What every step ends with: keys that waited, the next turn, the silence timer.
    fn settle(mut self: Box<Self>, core: &mut Core) -> Phase {
        if core.player.is_broken() {
            return self.end(EndCause::EngineFailed, LastWords::None, core);
        }
        if self.false_alarm {
            self.false_alarm = core.player.is_suspended() && !core.take_back_cut();
        }
        if self.turn.is_idle() && self.inputs.is_empty() && !self.collector.is_collecting() {
            let progress = self.collector.resume(core.now);
            self.collected(progress, core);
        }
        if self.turn.is_idle()
            && core.player.is_empty()
            && !self.collector.is_collecting()
            && let Some(input) = self.inputs.next()
        {
            self.start_turn(input, core);
        }
        self.watch_silence(core);
        Phase::Talking(self)
    }
}

/// The caller's voice and keys.
impl Talking {
    fn hear(&mut self, event: Event, floor: Shield, core: &mut Core) {
        self.silence.broken();
        core.timers.stop(TimerKind::Silence);
        let mut verdict = Verdict::Ignore;
        let mut evidence = Evidence::Voice;
        if let Event::SpeechStarted { .. } = event {
            core.timers.stop(TimerKind::FinalWords);
            core.timers.stop(TimerKind::Resume);
            self.assume_final(core);
            self.hearing.started(core.now, !core.player.is_quiet(), core.legs.held);
            verdict = self.hearing.judge_partial(&core.settings.voice, core.now);
        } else if let Event::SpeechEnded { .. } = event {
            self.hearing.ended(core.now);
            core.timers.stop(TimerKind::BargeIn);
            self.wait_for_final(core);
            if core.player.is_suspended() {
                core.arm(TimerKind::Resume, WORDS_TAKE);
            }
        } else if let Event::PartialTranscript { text, .. } = event {
            if self.is_not_for_us(text.expose(), core) {
                return;
            }
            self.hearing.partial(text.expose());
            self.wait_for_final(core);
            verdict = self.hearing.judge_partial(&core.settings.voice, core.now);
        } else if let Event::Transcript { text, .. } = event {
            core.timers.stop(TimerKind::FinalWords);
            core.timers.stop(TimerKind::BargeIn);
            self.deaf = 0;
            if self.is_not_for_us(text.expose(), core) {
                let words = u32::try_from(text.expose().split_whitespace().count()).unwrap_or(u32::MAX);
                core.notify(Notice::SpeechIgnored { leg: LegId::CALLER, words, on_hold: self.hearing.is_on_hold() });
                self.hearing.finalise();
                self.false_alarm |= core.player.is_suspended();
                return;
            }
            if core.player.is_suspended() && barge::says_nothing(text.expose()) {
                core.timers.stop(TimerKind::Resume);
                self.hearing.finalise();
                self.false_alarm = true;
                return;
            }
            evidence = Evidence::Words;
            if !text.expose().trim().is_empty() {
                core.confirm_cut();
                verdict = self.hearing.judge(&core.settings.voice, core.now, text.expose());
            }
            self.final_words(text.expose(), core);
        }
        self.apply(verdict, floor, evidence, core);
    }

    /// Our own voice that came back, or what is said while the peer holds us: neither interrupts nor asks for anything. Words begun before the
    /// hold are the caller's.
    fn is_not_for_us(&self, text: &str, core: &Core) -> bool {
        !text.trim().is_empty() && (self.hearing.is_on_hold() || self.hearing.is_echo(text, &core.spoken_lately()))
    }

    /// After the speech ended, the final words have a grace; then the partial ones count.
    fn wait_for_final(&mut self, core: &mut Core) {
        if self.hearing.is_speaking() || !self.hearing.has_partial() || core.timers.is_armed(TimerKind::FinalWords) {
            return;
        }
        core.arm(TimerKind::FinalWords, Millis(u64::from(core.settings.voice.interruption_final_transcript_grace_ms.get())));
    }

    /// The final words of one utterance; if partial ones were used in their place already, they correct those or are dropped.
    fn final_words(&mut self, text: &str, core: &mut Core) {
        let Some(assumed) = self.hearing.finalise().filter(|assumed| barge::is_version_of(assumed, text)) else {
            return self.inputs.said(text, core);
        };
        if barge::same_words(&assumed, text) || text.trim().is_empty() || self.inputs.correct(&assumed, text) {
            return;
        }
        match &self.turn {
            TurnLoop::Thinking(thinking) if thinking.answers(&assumed) && thinking.is_silent() => {
                self.turn.cancel(core);
                self.inputs.push_first(TurnInput::Said { text: text.trim().into() }, core);
            }
            // Answered already: saying it twice would be answered twice.
            TurnLoop::Thinking(_) | TurnLoop::Idle => core.stale("transcript"),
        }
    }

    /// Cuts what plays, as far as `floor` lets a voice do so here (`Open`: not at all).
    fn apply(&mut self, verdict: Verdict, floor: Shield, evidence: Evidence, core: &mut Core) {
        match verdict {
            Verdict::Ignore => {}
            Verdict::Wait(span) => core.arm(TimerKind::BargeIn, span),
            // A voice alone over the peer's hold is the music.
            Verdict::Cut(_) if evidence == Evidence::Voice && self.hearing.is_on_hold() => {}
            Verdict::Cut(reach) if floor == Shield::Polite => self.interrupt(reach, evidence, core),
            Verdict::Cut(_) => {}
        }
    }

    fn interrupt(&mut self, reach: Shield, evidence: Evidence, core: &mut Core) {
        let spoke = match &self.turn {
            TurnLoop::Thinking(thinking) => core.player.is_speaking_for(thinking.turn),
            TurnLoop::Idle => false,
        };
        let cut = match evidence {
            Evidence::Voice => core.interrupt_for_now(reach),
            Evidence::Words => core.interrupt(reach),
        };
        if !cut {
            return;
        }
        self.hearing.cut(core.now);
        if let TurnLoop::Thinking(thinking) = &self.turn
            && spoke
            && !core.player.is_speaking_for(thinking.turn)
        {
            self.turn.cancel(core);
        }
    }

    fn key(&mut self, digit: Digit, core: &mut Core) {
        self.silence.broken();
        core.timers.stop(TimerKind::Silence);
        core.confirm_cut();
        if self.collector.is_on() {
            self.cut_by_key(core);
        }
        let later = !self.turn.is_idle() || (!self.inputs.is_empty() && !self.collector.is_collecting());
        if later {
            self.keep(Kept::Asked, digit, core);
        } else if !self.collector.is_on() {
            self.keep(Kept::Unasked, digit, core);
        } else {
            let progress = self.collector.press(core.now, digit);
            self.collected(progress, core);
        }
    }

    /// A key cuts what may be cut. A turn that is still computed goes on unheard: its answer tunes the keypad for this very key.
    fn cut_by_key(&mut self, core: &mut Core) {
        if core.interrupt(Shield::Open)
            && let TurnLoop::Thinking(thinking) = &mut self.turn
            && !thinking.is_silent()
            && !core.player.is_speaking_for(thinking.turn)
        {
            thinking.mute();
        }
    }

    fn keep(&mut self, why: Kept, digit: Digit, core: &mut Core) {
        if !self.collector.keep(core.now, why, digit) {
            core.notify(Notice::DigitsDropped { leg: LegId::CALLER, count: 1 });
        }
    }

    fn collected(&mut self, progress: Progress, core: &mut Core) {
        match progress {
            Progress::Nothing => {}
            Progress::Waiting(span) => core.arm(TimerKind::InterDigit, span),
            Progress::Done(text) => {
                core.timers.stop(TimerKind::InterDigit);
                self.inputs.push(TurnInput::Keyed { text: text.into() }, core);
            }
        }
    }

    fn order_collecting(&self, core: &mut Core) {
        core.order(Command::Collecting { leg: LegId::CALLER, settings: self.collector.settings().clone() });
    }

    fn recognition_failed(mut self: Box<Self>, leg: LegId, core: &mut Core) -> Phase {
        if self.restart_recogniser(leg, core) || self.collector.is_on() {
            return self.settle(core);
        }
        self.give_up(core)
    }

    /// Starts the recogniser again; false if it failed too often for that.
    pub(crate) fn restart_recogniser(&mut self, leg: LegId, core: &mut Core) -> bool {
        self.deaf = self.deaf.saturating_add(1);
        self.hearing.forget();
        core.timers.stop(TimerKind::BargeIn);
        core.timers.stop(TimerKind::FinalWords);
        let given_up = self.deaf > RECOGNISER_RESTARTS;
        core.notify(Notice::RecognitionFailed { leg, given_up });
        if !given_up {
            core.order(Command::Listen { leg });
        }
        !given_up
    }
}

/// Silence.
impl Talking {
    fn watch_silence(&self, core: &mut Core) {
        let listening = self.turn.is_idle()
            && core.player.is_empty()
            && self.inputs.is_empty()
            && !self.hearing.is_speaking()
            && !self.collector.is_collecting()
            && !core.legs.held
            && self.human == Human::NotAsked;
        match Silence::patience(&core.settings.voice) {
            Some(span) if listening => {
                if !core.timers.is_armed(TimerKind::Silence) {
                    core.arm(TimerKind::Silence, span);
                }
            }
            Some(_) | None => core.timers.stop(TimerKind::Silence),
        }
    }

    fn silence_lasted(mut self: Box<Self>, core: &mut Core) -> Phase {
        let voice = &core.settings.voice;
        match self.silence.lasted(voice) {
            SilenceStep::Remind(reminder) => match voice.silence_reminder_mode {
                SilenceReminderMode::Static => {
                    let own = voice.silence_reminder_message.as_ref().map(|text| text.as_str().to_owned());
                    let text = own.unwrap_or_else(|| core.settings.texts.silence_reminder.clone());
                    core.say(None, &text, self.shield(core));
                }
                SilenceReminderMode::Auto => self.start_turn(TurnInput::Silent { reminder }, core),
            },
            SilenceStep::End => return self.end_in_silence(core),
        }
        self.settle(core)
    }

    fn end_in_silence(self: Box<Self>, core: &mut Core) -> Phase {
        match core.settings.voice.silence_end_action {
            SilenceEndAction::HangupImmediate => self.end(EndCause::SilenceTimeout, LastWords::None, core),
            SilenceEndAction::SpeakThenHangup => {
                let own = core.settings.voice.silence_end_message.as_ref().map(|text| text.as_str().to_owned());
                let text = own.unwrap_or_else(|| core.settings.texts.silence_goodbye.clone());
                core.say(None, &text, Shield::Whole);
                self.end(EndCause::SilenceTimeout, LastWords::PlayOut, core)
            }
        }
    }

    /// What an utterance of the assistant lets cut it.
    fn shield(&self, core: &Core) -> Shield {
        if core.settings.voice.interruptions_enabled { Shield::Open } else { Shield::Polite }
    }
}

/// What the runtime is told when the caller is back with the assistant.
pub(crate) fn transfer_ended(outcome: TransferOutcome, on_failure: Option<String>) -> TurnInput {
    TurnInput::TransferEnded { outcome, on_failure }
}
