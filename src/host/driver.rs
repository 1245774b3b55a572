//! One task a call: one loop, one inbox, one core. Whatever happens reaches the core as an event, in one order, recorded first.
//!
//! The loop awaits three things only: the next fact, the next deadline (both cancel-safe), and, before an event is handled, its line's way to disk,
//! for a bounded time. Commands go to their shells without being awaited; answers come back as facts. A panic anywhere in here ends this call alone (see [`supervise`]).

use super::asks::{self, Asks};
use super::attempts::{AttemptRows, Consult};
use super::bridge::Bridge;
use super::directory::View;
use super::inbox::{Fact, Inbox, InboxReader};
use super::legs::Legs;
use super::recorder::CallRecording;
use super::shells::Shells;
use super::spans::Spans;
use super::translate;
use crate::call::{Call, Command, Direction, Event, Opening};
use crate::media::MediaFact;
use crate::model::{
    CallTime, ConversationId, DigitSource, EndCause, LegId, Millis, Notice, Redacted, RequestId, SessionStatus, TriggeredBy, TurnResult,
    WallTime, WorkerTime,
};
use crate::replay::{Entry, Line, SipFact, Way, Words, moment};
use crate::runtime::{AnswerBody, RuntimeOutput, VoiceRuntime};
use crate::sip::endpoint::LegEvent;
use crate::store::LiveUpdate;
use futures_util::FutureExt;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Facts handled in a row before the loop yields to other calls.
const BUDGET: usize = 64;

/// See the module.
pub(super) struct Driver {
    pub(super) conversation: ConversationId,
    pub(super) shells: Arc<Shells>,
    pub(super) runtime: VoiceRuntime,
    pub(super) legs: Legs,
    pub(super) inbox: Inbox,
    /// Events the shells answered with at once; handled after the commands at hand.
    pub(super) pending: VecDeque<Event>,
    pub(super) refer: Option<(LegId, RequestId)>,
    pub(super) bridge: Option<Bridge>,
    /// Outbound attempts made, REFERs included.
    pub(super) attempts: u32,
    pub(super) rows: AttemptRows,
    pub(super) consult: Consult,
    /// Briefings asked for and not made yet.
    pub(super) briefings: Vec<RequestId>,
    /// The user part of the number that was called: second legs come from it.
    pub(super) called: Redacted<String>,
    pub(super) wall: WallTime,
    pub(super) cause: Option<EndCause>,
    pub(super) spans: Spans,
    asks: Asks,
    call: Call,
    reader: InboxReader,
    started: WorkerTime,
    recording: Option<CallRecording>,
    view: Arc<View>,
    when_closed: Vec<oneshot::Sender<TurnResult>>,
    row_is_active: bool,
    seq: u64,
}

impl Driver {
    pub(super) fn new(
        conversation: ConversationId,
        shells: Arc<Shells>,
        runtime: VoiceRuntime,
        legs: Legs,
        inbox: (Inbox, InboxReader),
        recording: Option<CallRecording>,
        view: Arc<View>,
    ) -> Self {
        let started = shells.clock.now();
        let (inbox, reader) = inbox;
        Self {
            conversation,
            shells,
            runtime,
            legs,
            inbox,
            pending: VecDeque::new(),
            refer: None,
            bridge: None,
            attempts: 0,
            rows: AttemptRows::default(),
            consult: Consult::default(),
            briefings: Vec::new(),
            called: Redacted::default(),
            wall: WallTime(0),
            cause: None,
            spans: Spans::new(tracing::Span::none()),
            asks: Asks::new(),
            call: Call::new(),
            reader,
            started,
            recording,
            view,
            when_closed: Vec::new(),
            row_is_active: false,
            seq: 0,
        }
    }

    async fn run(&mut self, opening: Opening) {
        self.note(&asks::recorded(self.runtime.opening(), Entry::Opened));
        self.wall = opening.wall;
        self.called = match opening.direction {
            Direction::Inbound => opening.to.clone(),
            Direction::Outbound => opening.from.clone(),
        };
        self.recall().await;
        self.step(Event::Offered(Box::new(opening)));
        self.handle_pending().await;
        let mut handled = 0;
        while !self.call.is_finished() {
            let deadline = self.call.next_deadline().map(|(at, _)| self.worker_time(at));
            let fact = tokio::select! {
                biased;
                fact = self.reader.next() => fact,
                () = self.shells.clock.sleep_until(deadline) => Some(Fact::Core(Event::Tick)),
            };
            if let Some(fact) = fact {
                self.take(fact);
                self.handle_pending().await;
            }
            handled += 1;
            if handled % BUDGET == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Core(event) => {
                if let Event::LegFailed { leg, .. } = &event
                    && self.legs.is_refused(*leg)
                {
                    self.legs.released(*leg);
                }
                self.step(event);
            }
            Fact::BriefingDue { request } => self.briefing_due(request),
            Fact::Leg { leg, event } => self.leg_event(leg, &event),
            Fact::Media { leg, fact } => {
                match &fact {
                    MediaFact::PlaybackEnded { utterance, .. } => self.legs.playback_ended(leg, *utterance),
                    MediaFact::RoomFlows { room } => self.room_flows(leg, *room),
                    MediaFact::DigitPressed { digit, source } => self.relay_key(leg, *digit, *source),
                    _ => {}
                }
                self.pending.extend(translate::media_fact(leg, &fact));
            }
            Fact::Runtime(answer, _place) => {
                self.note(&asks::recorded(&answer, Entry::Answer));
                let why = self.asks.answered(&answer);
                if let (AnswerBody::ModelDelta { .. }, Some(why)) = (&answer.body, why) {
                    let at = self.now();
                    self.spans.words(at, why);
                }
                self.runtime.answer(answer);
                self.poll_runtime();
            }
            Fact::WhenClosed(waiter) => self.when_closed.push(waiter),
            Fact::StoreWords(done) => self.store_words_now(done),
        }
    }

    fn leg_event(&mut self, leg: LegId, event: &LegEvent) {
        self.note(&Entry::Sip(SipFact { way: Way::In, summary: translate::summary(event).to_owned() }));
        if let LegEvent::ReplaceRequested { by, call, .. } = event {
            self.replace(*by, call);
        }
        if let LegEvent::Answered { media, .. }
        | LegEvent::Confirmed { media, .. }
        | LegEvent::MediaChanged { media, .. }
        | LegEvent::Replaced { media, .. } = event
            && let Err(error) = self.legs.agree(leg, media)
        {
            tracing::error!(conversation = %self.conversation, %leg, %error, "the agreed media cannot be used");
            self.pending.push_back(Event::MediaLost { leg });
        }
        if let LegEvent::Digit { digit, .. } = event {
            self.relay_key(leg, *digit, DigitSource::SipInfo);
        }
        if let LegEvent::Answered { .. } = event {
            self.begin_consult(leg);
        }
        let refer = self.refer.filter(|(on, _)| *on == leg).map(|(_, request)| request);
        if let Some(event) = translate::leg_event(leg, event, refer) {
            if matches!(event, Event::LegReleased { .. }) {
                self.part_from(leg);
                self.end_consult(leg);
                self.legs.released(leg);
            }
            self.step(event);
        }
    }

    /// An event for the core; it is handled, in its turn, as soon as the fact at hand is taken.
    fn step(&mut self, event: Event) {
        self.pending.push_back(event);
    }

    /// Each event into the core once it is recorded, its commands out, and whatever they were answered with at once.
    async fn handle_pending(&mut self) {
        while let Some(event) = self.pending.pop_front() {
            if self.call.is_finished() {
                break;
            }
            let at = self.now();
            self.note_at(at, &Entry::Event(event.clone()));
            if let Some(recording) = &mut self.recording {
                recording.durable().await;
            }
            self.overhear(&event);
            self.spans.event(at, &event);
            self.call.handle(at, event);
            while let Some(command) = self.call.poll_command() {
                self.note_at(at, &Entry::Command(command.clone()));
                self.spans.command(at, &command);
                self.carry_out(command);
            }
            self.view.update(self.call.phase(), self.call.armed_timers(), self.legs.states());
            self.tell_row();
        }
        if let Some(recording) = &mut self.recording {
            recording.hand_over();
        }
    }

    /// Once the caller is there the row says so. Its end is the close pipeline's to tell.
    fn tell_row(&mut self) {
        if !self.row_is_active && matches!(self.call.phase(), "talking" | "transferring") {
            self.row_is_active = true;
            let (conversation, at) = (self.conversation, self.shells.clock.wall());
            self.shells.writer.offer(LiveUpdate::Status { conversation, status: SessionStatus::Active, at });
        }
    }

    pub(super) fn poll_runtime(&mut self) {
        let expectation = translate::expectation(self.runtime.expected_input());
        self.legs.expect(LegId::CALLER, expectation);
        while let Some(output) = self.runtime.poll() {
            let event = match output {
                RuntimeOutput::Ready { turn, result } => {
                    self.tell_people(turn, &result);
                    Event::TurnReady { turn, result }
                }
                RuntimeOutput::Speech { turn, text } => Event::TurnSpeech { turn, text },
                RuntimeOutput::Failed { turn, error } => Event::TurnFailed { turn, error },
                RuntimeOutput::Ask(ask) => {
                    self.note(&asks::recorded(&ask, Entry::Ask));
                    let span = self.spans.ask(&ask);
                    self.asks.begin(&self.shells, &self.inbox, ask, span);
                    continue;
                }
                RuntimeOutput::CancelAsk { id } => {
                    self.asks.cancel(id);
                    continue;
                }
                RuntimeOutput::Briefing { request, text } => match self.briefing_made(RequestId(request), text) {
                    Some(event) => event,
                    None => continue,
                },
                RuntimeOutput::ApprovalWanted { approval, .. } => {
                    self.want_approval(&approval);
                    continue;
                }
            };
            self.pending.push_back(event);
        }
    }

    fn note(&mut self, entry: &Entry) {
        self.note_at(self.now(), entry);
    }

    /// What the core handles is recorded with the very time it is handled at: a replay has no other clock.
    fn note_at(&mut self, at: CallTime, entry: &Entry) {
        if let Some(recording) = &mut self.recording {
            recording.entry(at, entry.clone());
        }
        if let Some(observer) = &self.shells.observer {
            observer(self.conversation, &Line { seq: self.seq, at, entry: entry.clone() });
        }
        self.seq += 1;
        if let Some(moment) = moment(at, entry, Words::Masked) {
            self.view.tell(moment);
        }
    }

    pub(super) fn notify(&self, notice: &Notice) {
        crate::telemetry::report(self.conversation, notice);
    }

    fn now(&self) -> CallTime {
        let since = self.shells.clock.now().since(self.started);
        CallTime::ZERO.after(since)
    }

    pub(super) fn worker_time(&self, at: CallTime) -> WorkerTime {
        self.started.after(at.since(CallTime::ZERO))
    }

    /// What outlives the call's core: the answer for whoever waits, the last line of the recording.
    fn finish(mut self) {
        self.runtime.close_finished();
        let result = TurnResult::bare(self.conversation, crate::model::RuntimeStatus::Ended);
        for waiter in self.when_closed.drain(..) {
            let _ = waiter.send(result.clone());
        }
        while let Some(fact) = self.reader.ready() {
            if let Fact::WhenClosed(waiter) = fact {
                let _ = waiter.send(result.clone());
            }
        }
        self.shells.writer.offer(LiveUpdate::Timeline { conversation: self.conversation, entries: self.view.rows() });
        let at = self.now();
        if let Some(recording) = self.recording.take() {
            recording.finish(at);
        }
    }

    /// A panic ended the loop: this call's legs are released and its conversation is closed, as the core would have done.
    async fn after_panic(&mut self) {
        tracing::error!(conversation = %self.conversation, "a call ended by a fault of the worker; its recording ends with the event that caused it");
        for leg in self.legs.ids() {
            self.carry_out_guarded(Command::Release { leg, cause: EndCause::EngineFailed });
        }
        if self.cause.is_none() {
            let record = self.runtime.end_session(TriggeredBy::Worker, EndCause::EngineFailed);
            self.shells.closer.close(self.conversation, record, self.spans.session()).await;
        }
        self.notify(&Notice::CallEnded { cause: EndCause::EngineFailed, duration: Millis(self.now().millis()) });
    }

    fn carry_out_guarded(&mut self, command: Command) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.carry_out(command))).is_err() {
            tracing::error!(conversation = %self.conversation, "releasing a leg failed; the reconciler will");
        }
    }
}

/// Runs a call to its end, whatever happens in it.
pub(super) async fn supervise(mut driver: Driver, opening: Opening) {
    let whole = AssertUnwindSafe(driver.run(opening)).catch_unwind().await;
    if whole.is_err() {
        driver.after_panic().await;
    }
    driver.finish();
}
