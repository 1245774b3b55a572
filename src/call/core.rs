//! What every phase shares: now, the settings, id counters, the outbox, timers, legs and what is being spoken.

use super::legs::Legs;
use super::playback::{Player, Rest, Shield};
use super::timers::{TimerKind, TimerTable};
use super::{CallSettings, Command, Direction, Event, Opening};
use crate::model::{CallTime, EndCause, LegId, Millis, Notice, PlaybackReport, Redacted, RequestId, TurnId, TurnInput, UtteranceId};
use std::collections::VecDeque;
use std::time::Duration;

/// Orders that may wait to be polled. A driver drains after each fact and sees a few dozen at most; when full, notices are dropped and nothing
/// else is.
pub(crate) const OUTBOX_LIMIT: usize = 256;
/// How long a cut utterance may take to be reported: it stops within one frame, so this is generous.
const CUT_REPORT: Millis = Millis(2_000);
/// How long our own words may take to come back as words: the way there and back, the end of the utterance, its recognition.
const ECHO_LASTS: Duration = Duration::from_secs(6);
/// A release order for a second leg that could not be queued is given again after this.
const RELEASE_AGAIN: Millis = Millis(500);

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) now: CallTime,
    pub(crate) direction: Direction,
    pub(crate) seed: u64,
    pub(crate) settings: CallSettings,
    pub(crate) timers: TimerTable,
    pub(crate) legs: Legs,
    pub(crate) player: Player,
    /// Known once the worker drains.
    pub(crate) drain: Option<CallTime>,
    outbox: VecDeque<Command>,
    turns: u32,
    utterances: u32,
    requests: u32,
    transfers: u32,
    /// Attempts to reach somebody for the caller, all transfers together.
    pub(crate) attempts: u32,
    watched: Option<(UtteranceId, Shield)>,
    /// The last words the caller heard to their end, and when that was.
    spoken: Option<(CallTime, String)>,
    /// The turn that is computed: what was heard of it is told when it is closed, so once.
    open_turn: Option<TurnId>,
}

impl Core {
    pub(crate) fn new() -> Self {
        Self {
            now: CallTime::ZERO,
            direction: Direction::Inbound,
            seed: 0,
            settings: CallSettings::default(),
            timers: TimerTable::default(),
            legs: Legs::default(),
            player: Player::default(),
            drain: None,
            outbox: VecDeque::new(),
            turns: 0,
            utterances: 0,
            requests: 0,
            transfers: 0,
            attempts: 0,
            watched: None,
            spoken: None,
            open_turn: None,
        }
    }

    pub(crate) fn open(&mut self, opening: Opening) {
        self.direction = opening.direction;
        self.seed = opening.seed;
        self.settings = opening.settings;
        self.legs.open(self.direction);
    }

    pub(crate) fn order(&mut self, command: Command) {
        let full = self.outbox.len() >= OUTBOX_LIMIT;
        if full && matches!(command, Command::Notify(_)) {
            return;
        }
        self.outbox.push_back(command);
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.order(Command::Notify(notice));
    }

    pub(crate) fn poll(&mut self) -> Option<Command> {
        self.outbox.pop_front()
    }

    pub(crate) fn arm(&mut self, kind: TimerKind, span: Millis) {
        self.timers.arm(kind, self.now, span);
    }

    pub(crate) fn new_request(&mut self) -> RequestId {
        let id = RequestId(self.requests);
        self.requests = self.requests.saturating_add(1);
        id
    }

    pub(crate) fn new_transfer(&mut self) -> u32 {
        let transfer = self.transfers;
        self.transfers = self.transfers.saturating_add(1);
        transfer
    }

    pub(crate) fn new_utterance(&mut self) -> UtteranceId {
        let id = UtteranceId(self.utterances);
        self.utterances = self.utterances.saturating_add(1);
        id
    }

    /// Asks the runtime and bounds the wait.
    pub(crate) fn run_turn(&mut self, input: TurnInput) -> TurnId {
        let turn = TurnId(self.turns);
        self.turns = self.turns.saturating_add(1);
        self.order(Command::RunTurn { turn, input });
        self.arm(TimerKind::Turn, self.settings.deadlines.turn);
        self.open_turn = Some(turn);
        turn
    }

    /// The turn is closed or cancelled: it says nothing more.
    pub(crate) fn close_turn(&mut self) {
        self.timers.stop(TimerKind::Turn);
        self.open_turn = None;
        self.report_heard();
    }

    pub(crate) fn cancel_turn(&mut self, turn: TurnId) {
        self.order(Command::CancelTurn { turn });
        self.close_turn();
    }

    /// The worker drains: the call ends at `deadline` at the latest.
    pub(crate) fn begin_drain(&mut self, deadline: CallTime) {
        self.drain = Some(deadline);
        self.timers.arm_at(TimerKind::Drain, self.now, deadline);
    }

    /// The order to release a second leg; what it still reports is of no interest but its end, which is waited for.
    pub(crate) fn release_leg(&mut self, leg: LegId, cause: EndCause) {
        if let Some(order) = self.legs.leave(leg, cause, self.now.after(self.settings.deadlines.release)) {
            self.order(order);
        }
        self.watch_leaving();
    }

    /// A fact about a second leg that was released.
    pub(crate) fn leaving(&mut self, event: &Event) {
        let again = self.now.after(RELEASE_AGAIN);
        if !self.legs.heard_of(event, again) {
            self.stale(event.name());
        }
        self.watch_leaving();
    }

    /// A second leg's release is due: ordered again, or given up.
    pub(crate) fn leaving_due(&mut self) {
        let until = self.now.after(self.settings.deadlines.release);
        for again in self.legs.overdue(self.now, until) {
            match again {
                Some(order) => self.order(order),
                None => self.notify(Notice::EndStepTimedOut { step: "release".to_owned() }),
            }
        }
        self.watch_leaving();
    }

    fn watch_leaving(&mut self) {
        match self.legs.next_overdue() {
            Some(deadline) => self.timers.arm_at(TimerKind::LegRelease, self.now, deadline),
            None => self.timers.stop(TimerKind::LegRelease),
        }
    }

    /// Stops every timer but the one that watches second legs on their way out.
    pub(crate) fn stop_timers(&mut self) {
        self.timers.stop_all();
        self.watch_leaving();
    }

    /// A fact that means nothing here: counted, dropped, never an error.
    pub(crate) fn unexpected(&mut self, event: &Event, phase: &str) {
        self.notify(Notice::Unexpected { what: event.name().to_owned(), phase: phase.to_owned() });
    }

    /// An answer to something that is not current any more.
    pub(crate) fn stale(&mut self, what: &str) {
        self.notify(Notice::Stale { what: what.to_owned() });
    }
}

/// Speech: one order an utterance, each watched by a deadline until its report.
impl Core {
    /// Says `text` to the caller after what already queues; nothing where it is blank. `turn` is whose words they are.
    pub(crate) fn say(&mut self, turn: Option<TurnId>, text: &str, shield: Shield) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let utterance = UtteranceId(self.utterances);
        if !self.player.queue(utterance, turn, text, shield) {
            self.notify(Notice::SpeechDropped { turn });
            return;
        }
        self.new_utterance();
        self.order(Command::Play { leg: LegId::CALLER, utterance, text: Redacted::new(text.to_owned()) });
        self.watch_playback();
    }

    /// Cuts what the caller hears now, and what queues behind it of the same turn, if its shield is at most `reach`. Says whether it did.
    pub(crate) fn interrupt(&mut self, reach: Shield) -> bool {
        let cut = self.player.interrupt(reach);
        self.order_cuts(cut)
    }

    /// As `interrupt`, by a voice whose words are not known for sure: the cut can be taken back.
    pub(crate) fn interrupt_for_now(&mut self, reach: Shield) -> bool {
        let cut = self.player.interrupt(reach);
        self.player.suspend(&cut);
        self.order_cuts(cut)
    }

    /// The caller meant it: what was cut stays cut, and the runtime learns what was heard.
    pub(crate) fn confirm_cut(&mut self) {
        self.timers.stop(TimerKind::Resume);
        if self.player.is_suspended() {
            self.player.confirm();
            self.report_heard();
        }
    }

    /// Nobody meant to interrupt: says what was not heard. False while it is not known how much that is.
    pub(crate) fn take_back_cut(&mut self) -> bool {
        let Some(rests) = self.player.take_back() else { return false };
        for Rest { turn, text, shield } in rests {
            self.say(turn, &text, shield);
        }
        self.report_heard();
        true
    }

    /// What may come back as echo: the words of now and of a moment ago.
    pub(crate) fn spoken_lately(&self) -> String {
        let before = self.spoken.iter().filter(|(at, _)| self.now.since(*at) < ECHO_LASTS).map(|(_, text)| text.as_str());
        before.chain(self.player.audible()).collect::<Vec<_>>().join(" ")
    }

    /// Cuts everything that is left to hear.
    pub(crate) fn hush(&mut self) {
        let cut = self.player.cut_all();
        self.order_cuts(cut);
    }

    fn order_cuts(&mut self, cut: Vec<UtteranceId>) -> bool {
        for utterance in &cut {
            self.order(Command::CutPlayback { leg: LegId::CALLER, utterance: *utterance });
        }
        self.watch_playback();
        !cut.is_empty()
    }

    pub(crate) fn playback_started(&mut self, utterance: UtteranceId) {
        if !self.player.started(utterance, self.now) {
            self.stale("playback_started");
        }
    }

    pub(crate) fn playback_ended(&mut self, utterance: UtteranceId, report: PlaybackReport) {
        if let Some(text) = self.player.audible().next() {
            self.spoken = Some((self.now, text.to_owned()));
        }
        if self.player.ended(utterance, report) {
            self.report_heard();
        } else {
            self.stale("playback_ended");
        }
        self.watch_playback();
    }

    pub(crate) fn playback_failed(&mut self, utterance: UtteranceId) {
        if self.player.failed(utterance) {
            self.notify(Notice::PlaybackFailed { utterance });
            self.report_heard();
        } else {
            self.stale("playback_failed");
        }
        self.watch_playback();
    }

    /// The utterance in front never ended: it is given up, so that nothing waits for it.
    pub(crate) fn playback_overdue(&mut self) {
        let Some((utterance, was_cut)) = self.player.front() else { return };
        if was_cut {
            self.player.lost(utterance, self.now);
        } else {
            self.order(Command::CutPlayback { leg: LegId::CALLER, utterance });
            self.notify(Notice::PlaybackFailed { utterance });
            self.player.failed(utterance);
        }
        self.report_heard();
        self.watch_playback();
    }

    /// Tells the runtime what is known of interrupted turns whose reports did not come before the end.
    pub(crate) fn settle_heard(&mut self) {
        self.player.confirm();
        while let Some((utterance, _)) = self.player.front() {
            self.player.lost(utterance, self.now);
        }
        self.report_heard();
        self.watch_playback();
    }

    fn report_heard(&mut self) {
        while let Some((turn, text)) = self.player.take_heard(self.open_turn) {
            self.order(Command::ReportHeard { turn, text: Redacted::new(text) });
        }
    }

    /// All timers were stopped: watches what still plays.
    pub(crate) fn rewatch_playback(&mut self) {
        self.watched = None;
        self.watch_playback();
    }

    /// One deadline watches the utterance in front; it starts anew when another one comes to the front or when it is cut.
    fn watch_playback(&mut self) {
        let Some((utterance, was_cut)) = self.player.front() else {
            self.watched = None;
            self.timers.stop(TimerKind::Utterance);
            return;
        };
        let (span, mark) = if was_cut { (CUT_REPORT, Shield::Open) } else { (self.settings.deadlines.utterance, Shield::Whole) };
        if self.watched != Some((utterance, mark)) {
            self.watched = Some((utterance, mark));
            self.arm(TimerKind::Utterance, span);
        }
    }
}
