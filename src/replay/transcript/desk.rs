//! Core and runtime on a desk: a world in virtual time that answers every command, at once or as the faults say.

use crate::call::{
    AnswerVerdict, BridgeFailure, Call, CallSettings, Command, Direction, Event, LegFailure, Opening, ReleaseReason, ReleasedBy,
};
use crate::model::{
    CallTime, ConversationId, Digit, DigitSource, DtmfSettings, EndCause, LegId, Millis, Notice, PlaybackReport, Redacted, UtteranceId,
    WallTime,
};
use crate::replay::{Entry, Line};
use crate::runtime::{Answer, AnswerBody, AskFailure, Assistant, CallDirection, RuntimeOpening, RuntimeOutput, VoiceRuntime};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// How long a spoken character takes: about 150 words a minute.
const MILLIS_A_CHARACTER: u64 = 65;
const MILLIS_A_KEY: u64 = 200;
/// Longest a settled desk may go on by itself; beyond it something does not come to rest.
const SETTLE_STEPS_MAX: usize = 10_000;
/// A transcript's call starts here: 2026-01-05, 09:00 UTC, a Monday.
const WALL: WallTime = WallTime(1_767_603_600_000);

/// What goes wrong on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub refer: ReferFault,
}

/// How the phone network answers a REFER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferFault {
    /// 202, then NOTIFY 200.
    #[default]
    None,
    /// The REFER is refused with this status.
    Refused(u16),
    /// 202, then NOTIFY with this status.
    Failed(u16),
    /// 202, then nothing.
    Silent,
    /// 202, then BYE without a NOTIFY.
    Bye,
}

/// See the module.
pub struct Desk {
    call: Call,
    runtime: VoiceRuntime,
    faults: Faults,
    now: CallTime,
    /// Facts on their way, by time and then by order of making.
    due: BTreeMap<(CallTime, u64), Event>,
    made: u64,
    /// What plays, in order, with its length.
    playing: Vec<(UtteranceId, Millis)>,
    playing_since: CallTime,
    lines: Vec<Line>,
    spoken: Vec<String>,
    transfers: Vec<String>,
    keypad: DtmfSettings,
    ended_with: Option<EndCause>,
    caller_gone: bool,
}

impl Desk {
    pub fn new(assistant: Arc<Assistant>, settings: CallSettings, faults: Faults, seed: u64) -> Self {
        // A fixed id: two replays of one transcript are the same to the byte.
        let conversation = ConversationId(Uuid::from_u128(u128::from(seed) | 1 << 100));
        let opening = RuntimeOpening {
            conversation,
            from: Redacted::from("+15550100"),
            to: Redacted::from("+15550199"),
            direction: CallDirection::Inbound,
            variables: BTreeMap::new(),
            seed,
            wall: WALL,
        };
        let mut desk = Self {
            call: Call::new(),
            runtime: VoiceRuntime::new(assistant, opening),
            faults,
            now: CallTime::ZERO,
            due: BTreeMap::new(),
            made: 0,
            playing: Vec::new(),
            playing_since: CallTime::ZERO,
            lines: Vec::new(),
            spoken: Vec::new(),
            transfers: Vec::new(),
            keypad: settings.voice.dtmf.clone(),
            ended_with: None,
            caller_gone: false,
        };
        desk.step(Event::Offered(Box::new(Opening {
            conversation,
            direction: Direction::Inbound,
            from: Redacted::from("+15550100"),
            to: Redacted::from("+15550199"),
            trunk: "transcript".to_owned(),
            wall: WALL,
            seed,
            settings,
        })));
        desk
    }

    /// The caller waits for the end of what is played, then says this.
    pub fn say(&mut self, words: &str) {
        self.settle();
        self.say_over(words);
    }

    /// The caller says this now.
    pub fn say_over(&mut self, words: &str) {
        self.begin_input();
        let leg = LegId::CALLER;
        self.step(Event::SpeechStarted { leg });
        self.run_to(self.now.after(length_of(words)));
        self.step(Event::SpeechEnded { leg });
        self.step(Event::Transcript { leg, text: Redacted::from(words), confidence_permille: 1_000 });
    }

    /// The caller types, one key after the other, without waiting for the end of what is played.
    pub fn press(&mut self, keys: &[Digit]) {
        self.begin_input();
        for digit in keys {
            self.step(Event::DigitPressed { leg: LegId::CALLER, digit: *digit, source: DigitSource::Rfc4733 });
            self.run_to(self.now.after(Millis(MILLIS_A_KEY)));
        }
    }

    /// Time passes; timers run.
    pub fn pass(&mut self, span: Millis) {
        self.settle();
        self.run_to(self.now.after(span));
    }

    pub fn hang_up(&mut self) {
        if !self.caller_gone {
            self.caller_gone = true;
            self.step(Event::LegReleased { leg: LegId::CALLER, by: ReleasedBy::Remote, why: ReleaseReason::Bye });
        }
        self.settle();
    }

    /// Until nothing is under way: everything is played, every answer has come. Timers that are due before that run too; the ones that only
    /// wait for the caller do not.
    pub fn settle(&mut self) {
        for _ in 0..SETTLE_STEPS_MAX {
            let Some(at) = self.due.keys().next().map(|(at, _)| *at).or_else(|| self.needed_deadline()) else { return };
            self.run_to(at);
        }
    }

    pub fn is_finished(&self) -> bool {
        self.call.is_finished()
    }

    /// What was played since the caller's last input.
    pub fn spoken(&self) -> String {
        self.spoken.join(" ")
    }

    pub fn transfers(&self) -> &[String] {
        &self.transfers
    }

    pub fn keypad(&self) -> &DtmfSettings {
        &self.keypad
    }

    pub fn ended_with(&self) -> Option<EndCause> {
        self.ended_with
    }

    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    fn begin_input(&mut self) {
        self.run_to(self.now);
        self.spoken.clear();
        self.transfers.clear();
    }

    /// A deadline that settles something by itself: once the call ends, or a keypad collection or a transfer waits.
    fn needed_deadline(&self) -> Option<CallTime> {
        use crate::call::TimerKind as T;
        let (at, kind) = self.call.next_deadline()?;
        let waits_for_caller = matches!(kind, T::Silence | T::MaxDuration);
        (!waits_for_caller || self.ended_with.is_some()).then_some(at)
    }

    /// Facts and timers up to `to`, in order of time; a fact comes before a tick of the same instant.
    fn run_to(&mut self, to: CallTime) {
        for _ in 0..SETTLE_STEPS_MAX {
            let fact = self.due.keys().next().copied().filter(|(at, _)| *at <= to);
            let timer = self.call.next_deadline().map(|(at, _)| at).filter(|at| *at <= to);
            match (fact, timer) {
                (Some(key), timer) if timer.is_none_or(|timer| key.0 <= timer) => {
                    self.now = self.now.max(key.0);
                    if let Some(event) = self.due.remove(&key) {
                        self.step(event);
                    }
                }
                (_, Some(timer)) => {
                    self.now = self.now.max(timer);
                    self.step(Event::Tick);
                }
                (_, None) => break,
            }
        }
        self.now = self.now.max(to);
    }

    fn step(&mut self, event: Event) {
        if self.call.is_finished() {
            return;
        }
        if let Event::PlaybackEnded { utterance, .. } = &event
            && let Some(place) = self.playing.iter().position(|(playing, _)| playing == utterance)
        {
            self.playing.remove(place);
            if place == 0 {
                self.start_next();
            }
        }
        self.note(Entry::Event(event.clone()));
        self.call.handle(self.now, event);
        while let Some(command) = self.call.poll_command() {
            self.note(Entry::Command(command.clone()));
            self.carry_out(command);
        }
        if self.call.is_finished() {
            self.due.clear();
            self.note(Entry::Closed);
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Answer { leg } => self.soon(Event::LegAnswered { leg }),
            Command::Reject { leg, .. } => self.released(leg, ReleaseReason::Rejected),
            Command::Release { leg, .. } => self.released(leg, ReleaseReason::Bye),
            Command::Refer { leg, request, destination, .. } => self.refer(leg, request, destination.into_exposed()),
            Command::Play { utterance, text, .. } => self.play(utterance, text.expose()),
            Command::CutPlayback { utterance, .. } => self.cut(utterance),
            Command::RunTurn { turn, input } => match self.runtime.begin_turn(turn, input) {
                Ok(()) => self.poll_runtime(),
                Err(error) => self.soon(Event::TurnFailed { turn, error: error.to_string() }),
            },
            Command::CancelTurn { turn } => self.runtime.cancel_turn(turn),
            Command::ReportHeard { turn, text } => self.runtime.heard(turn, text.expose()),
            Command::Collecting { settings, .. } => self.keypad = settings,
            Command::EndSession { request, cause, triggered_by } => {
                self.ended_with = Some(cause);
                self.runtime.end_session(triggered_by, cause);
                self.soon(Event::SessionEnded { request });
            }
            Command::Notify(Notice::CallEnded { cause, .. }) => self.ended_with = Some(cause),
            // A transcript has one caller and nobody else to dial.
            Command::Dial { leg, .. } => self.soon(Event::LegFailed { leg, why: LegFailure::NoAnswer }),
            Command::ReferReplacing { leg, request, .. } => self.soon(Event::ReferAnswered { leg, request, status: 501 }),
            Command::Bridge { request, .. } => self.soon(Event::BridgeFailed { request, why: BridgeFailure::Refused }),
            Command::ClassifyAnswer { leg, .. } => {
                self.soon(Event::AnswerClassified { leg, verdict: AnswerVerdict::Unclear, after_beep: false });
            }
            Command::ComposeBriefing { request, .. } => self.soon(Event::BriefingComposed { request, text: String::new().into() }),
            Command::Ring { .. }
            | Command::AbandonRefer { .. }
            | Command::Unbridge { .. }
            | Command::StartHoldMusic { .. }
            | Command::StopHoldMusic { .. }
            | Command::Tone { .. }
            | Command::NoteAttempt { .. }
            | Command::NoteStatus { .. }
            | Command::Listen { .. }
            | Command::StopListening { .. }
            | Command::Notify(_) => {}
        }
    }

    fn poll_runtime(&mut self) {
        while let Some(output) = self.runtime.poll() {
            match output {
                RuntimeOutput::Ready { turn, result } => self.soon(Event::TurnReady { turn, result }),
                RuntimeOutput::Speech { turn, text } => self.soon(Event::TurnSpeech { turn, text }),
                RuntimeOutput::Failed { turn, error } => self.soon(Event::TurnFailed { turn, error }),
                RuntimeOutput::Ask(ask) => {
                    let detail = "a transcript replay has nobody to ask".to_owned();
                    let body = AnswerBody::Failed { why: AskFailure::NotConfigured, detail, elapsed: Millis(0) };
                    self.runtime.answer(Answer { id: ask.id, body });
                }
                RuntimeOutput::CancelAsk { .. } | RuntimeOutput::ApprovalWanted { .. } | RuntimeOutput::Briefing { .. } => {}
            }
        }
    }

    fn released(&mut self, leg: LegId, why: ReleaseReason) {
        if leg == LegId::CALLER {
            self.caller_gone = true;
        }
        self.soon(Event::LegReleased { leg, by: ReleasedBy::Local, why });
    }

    fn refer(&mut self, leg: LegId, request: crate::model::RequestId, destination: String) {
        self.transfers.push(destination);
        let accepted = |desk: &mut Self| desk.soon(Event::ReferAnswered { leg, request, status: 202 });
        match self.faults.refer {
            ReferFault::Refused(status) => self.soon(Event::ReferAnswered { leg, request, status }),
            ReferFault::None | ReferFault::Failed(_) => {
                let status = if let ReferFault::Failed(status) = self.faults.refer { status } else { 200 };
                accepted(self);
                self.later(Millis(300), Event::ReferProgress { leg, request, status: 180 });
                self.later(Millis(1_500), Event::ReferProgress { leg, request, status });
            }
            ReferFault::Silent => accepted(self),
            ReferFault::Bye => {
                accepted(self);
                self.caller_gone = true;
                self.later(Millis(300), Event::LegReleased { leg, by: ReleasedBy::Remote, why: ReleaseReason::Bye });
            }
        }
    }

    fn play(&mut self, utterance: UtteranceId, text: &str) {
        self.spoken.push(text.to_owned());
        self.playing.push((utterance, length_of(text)));
        if self.playing.len() == 1 {
            self.start_next();
        }
    }

    fn start_next(&mut self) {
        let Some((utterance, length)) = self.playing.first().copied() else { return };
        self.playing_since = self.now;
        self.soon(Event::PlaybackStarted { utterance });
        let report = PlaybackReport { heard: length, total: Some(length), cut: false };
        self.later(length, Event::PlaybackEnded { utterance, report });
    }

    fn cut(&mut self, utterance: UtteranceId) {
        let Some(place) = self.playing.iter().position(|(playing, _)| *playing == utterance) else { return };
        let (_, total) = self.playing[place];
        let heard = if place == 0 { Millis(self.now.millis().saturating_sub(self.playing_since.millis())) } else { Millis(0) };
        self.due.retain(|_, event| !matches!(event, Event::PlaybackEnded { utterance: ending, .. } if *ending == utterance));
        if place > 0 {
            self.playing.remove(place);
        }
        let report = PlaybackReport { heard: heard.min(total), total: Some(total), cut: true };
        self.soon(Event::PlaybackEnded { utterance, report });
    }

    fn soon(&mut self, event: Event) {
        self.later(Millis(1), event);
    }

    fn later(&mut self, span: Millis, event: Event) {
        self.made += 1;
        self.due.insert((self.now.after(span), self.made), event);
    }

    fn note(&mut self, entry: Entry) {
        let seq = self.lines.len() as u64;
        self.lines.push(Line { seq, at: self.now, entry });
    }
}

fn length_of(text: &str) -> Millis {
    Millis((text.chars().count() as u64).max(2) * MILLIS_A_CHARACTER)
}
