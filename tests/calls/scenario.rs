//! One call in virtual time: facts in, orders out, and the clock moves only when a test says so.

use voice_worker::call::{AdminOrder, Call, CallSettings, Command, Direction, Event, Opening, ReleaseReason, ReleasedBy, TimerKind};
use voice_worker::model::{
    Bounded, CallTime, CallTransferIntent, ConversationId, Digit, DigitSource, DtmfInputSpec, EndCause, FirstSpeaker, LegId, Millis,
    Notice, PlaybackReport, RequestId, RuntimeStatus, TerminationReason, TurnId, TurnInput, TurnResult, UtteranceId, WallTime,
};

pub(crate) const LEG: LegId = LegId::CALLER;

pub(crate) struct Scenario {
    pub(crate) call: Call,
    pub(crate) now: CallTime,
    pub(crate) fresh: Vec<Command>,
    /// What plays to a second leg, in order, with its leg.
    pub(crate) playing: Vec<(LegId, UtteranceId)>,
}

/// Settings most scenarios start from: no greeting, so that a test speaks of one thing.
pub(crate) fn quiet() -> CallSettings {
    let mut settings = CallSettings::default();
    settings.voice.first_speaking.first_speaker = FirstSpeaker::User;
    settings
}

/// `quiet`, with a keypad that collects up to `max` digits.
pub(crate) fn keypad(max: u32) -> CallSettings {
    let mut settings = quiet();
    settings.voice.dtmf.dtmf_enabled = true;
    settings.voice.dtmf.dtmf_max_digits = Bounded::try_from(i64::from(max)).unwrap();
    settings
}

pub(crate) fn result(text: &str) -> TurnResult {
    TurnResult::saying(ConversationId(uuid::Uuid::nil()), RuntimeStatus::Idle, text)
}

pub(crate) fn ending(text: &str) -> TurnResult {
    TurnResult::saying(ConversationId(uuid::Uuid::nil()), RuntimeStatus::EndRequested, text)
}

pub(crate) fn said(text: &str) -> TurnInput {
    TurnInput::Said { text: text.into() }
}

pub(crate) fn keyed(text: &str) -> TurnInput {
    TurnInput::Keyed { text: text.into() }
}

pub(crate) fn collect(max: u32) -> DtmfInputSpec {
    DtmfInputSpec { max_digits: Some(Bounded::try_from(i64::from(max)).unwrap()), ..DtmfInputSpec::default() }
}

impl Scenario {
    pub(crate) fn offered(direction: Direction, settings: CallSettings) -> Self {
        let mut scenario = Self { call: Call::new(), now: CallTime::ZERO, fresh: Vec::new(), playing: Vec::new() };
        scenario.event(Event::Offered(Box::new(Opening {
            conversation: ConversationId(uuid::Uuid::nil()),
            direction,
            from: "+491".into(),
            to: "+492".into(),
            trunk: "test".to_owned(),
            wall: WallTime(0),
            seed: 7,
            settings,
        })));
        scenario
    }

    pub(crate) fn inbound(settings: CallSettings) -> Self {
        Self::offered(Direction::Inbound, settings)
    }

    /// An answered inbound call whose caller speaks first; the opening orders are taken.
    pub(crate) fn talking(settings: CallSettings) -> Self {
        let mut scenario = Self::inbound(settings);
        scenario.event(Event::LegAnswered { leg: LEG });
        scenario.take();
        scenario
    }

    /// `talking`, and the caller has asked for something: the turn that computes it.
    pub(crate) fn asked(settings: CallSettings) -> (Self, TurnId) {
        let mut scenario = Self::talking(settings);
        scenario.words("hello there");
        let turn = scenario.turn(&said("hello there"));
        (scenario, turn)
    }

    /// `asked`, answered with a transfer.
    pub(crate) fn transferring(settings: CallSettings, intent: CallTransferIntent) -> Self {
        let (mut scenario, turn) = Self::asked(settings);
        scenario.ready(turn, TurnResult { call_transfer: Some(intent), ..result("") });
        scenario
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.call.handle(self.now, event);
        while let Some(command) = self.call.poll_command() {
            self.fresh.push(command);
        }
    }

    /// Moves the clock, waking the call at each of its deadlines on the way.
    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.now.after(Millis(millis));
        while let Some((deadline, _)) = self.call.next_deadline().filter(|(deadline, _)| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    pub(crate) fn words(&mut self, text: &str) {
        self.event(Event::Transcript { leg: LEG, text: text.into(), confidence_permille: 900 });
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.event(Event::DigitPressed { leg: LEG, digit: Digit::from_char(key).unwrap(), source: DigitSource::Rfc4733 });
        }
    }

    pub(crate) fn ready(&mut self, turn: TurnId, result: TurnResult) {
        self.event(Event::TurnReady { turn, result: Box::new(result) });
    }

    /// The utterance played from its start to its end, in one second.
    pub(crate) fn played(&mut self, utterance: UtteranceId) {
        self.event(Event::PlaybackStarted { utterance });
        self.pass(1_000);
        let report = PlaybackReport { heard: Millis(1_000), total: Some(Millis(1_000)), cut: false };
        self.event(Event::PlaybackEnded { utterance, report });
    }

    pub(crate) fn cut_after(&mut self, utterance: UtteranceId, heard: u64, total: u64) {
        let report = PlaybackReport { heard: Millis(heard), total: Some(Millis(total)), cut: true };
        self.event(Event::PlaybackEnded { utterance, report });
    }

    pub(crate) fn gone(&mut self, by: ReleasedBy, why: ReleaseReason) {
        self.event(Event::LegReleased { leg: LEG, by, why });
    }

    pub(crate) fn caller_hangs_up(&mut self) {
        self.gone(ReleasedBy::Remote, ReleaseReason::Bye);
    }

    pub(crate) fn admin_hangs_up(&mut self) {
        self.event(Event::Ordered(AdminOrder::HangUp { reason: TerminationReason::AgentInitiated }));
    }

    /// Everything ordered since it was last asked.
    pub(crate) fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.fresh)
    }

    /// Orders since last asked, without notices.
    pub(crate) fn orders(&mut self) -> Vec<Command> {
        self.take().into_iter().filter(|command| !matches!(command, Command::Notify(_))).collect()
    }

    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        let notices =
            self.fresh.iter().filter_map(|command| if let Command::Notify(notice) = command { Some(notice.clone()) } else { None });
        let notices = notices.collect();
        self.fresh.retain(|command| !matches!(command, Command::Notify(_)));
        notices
    }

    pub(crate) fn remove(&mut self, what: &str, wanted: impl Fn(&Command) -> bool) -> Command {
        let place = self.fresh.iter().position(wanted);
        let place = place.unwrap_or_else(|| panic!("no {what} among {:?} in {}", self.fresh, self.call.phase()));
        self.fresh.remove(place)
    }

    /// Takes the order to speak exactly these words.
    pub(crate) fn play(&mut self, words: &str) -> UtteranceId {
        match self.remove(words, |command| matches!(command, Command::Play { text, .. } if text.expose() == words)) {
            Command::Play { utterance, .. } => utterance,
            _ => unreachable!(),
        }
    }

    /// Takes the order to compute a turn for exactly this input.
    pub(crate) fn turn(&mut self, wanted: &TurnInput) -> TurnId {
        let place = self
            .fresh
            .iter()
            .find_map(|command| if let Command::RunTurn { turn, input } = command { Some((*turn, input.clone())) } else { None });
        let (turn, input) = place.unwrap_or_else(|| panic!("no turn among {:?}", self.fresh));
        assert!(input == *wanted, "another input: {}", serde_json::to_string(&input).unwrap());
        self.remove("turn", |command| matches!(command, Command::RunTurn { .. }));
        turn
    }

    pub(crate) fn refer(&mut self) -> RequestId {
        match self.remove("REFER", |command| matches!(command, Command::Refer { .. })) {
            Command::Refer { request, .. } => request,
            _ => unreachable!(),
        }
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Command) -> bool) -> bool {
        self.fresh.iter().any(wanted)
    }

    pub(crate) fn has_turn(&self) -> bool {
        self.has(|command| matches!(command, Command::RunTurn { .. }))
    }

    pub(crate) fn has_refer(&self) -> bool {
        self.has(|command| matches!(command, Command::Refer { .. }))
    }

    pub(crate) fn has_cut(&self, wanted: UtteranceId) -> bool {
        self.has(|command| matches!(command, Command::CutPlayback { utterance, .. } if *utterance == wanted))
    }

    pub(crate) fn releases(&self, cause: EndCause) -> bool {
        self.has(|command| *command == Command::Release { leg: LEG, cause })
    }

    /// The next deadline is `kind`, `millis` from now.
    pub(crate) fn wakes(&self, millis: u64, kind: TimerKind) {
        let next = self.call.next_deadline();
        assert_eq!(next, Some((self.now.after(Millis(millis)), kind)), "now is {}, armed are {:?}", self.now, self.call.armed_timers());
    }

    /// The leg is gone: the close pipeline runs, reports, and the call is over for this cause.
    pub(crate) fn closes(&mut self, cause: EndCause) {
        let order = self.remove("EndSession", |command| matches!(command, Command::EndSession { .. }));
        let Command::EndSession { request, cause: told, triggered_by } = order else { unreachable!() };
        assert_eq!((told, triggered_by), (cause, cause.triggered_by()));
        self.wakes(10_000, TimerKind::Close);
        self.event(Event::SessionEnded { request });
        assert!(self.call.is_finished());
        assert_eq!(self.call.next_deadline(), None);
        assert_eq!(self.call.armed_timers(), []);
        let ended = self.notices().into_iter().filter(|notice| matches!(notice, Notice::CallEnded { cause: told, .. } if *told == cause));
        assert_eq!(ended.count(), 1);
        self.take();
        self.event(Event::Tick);
        self.caller_hangs_up();
        self.admin_hangs_up();
        self.pass(600_000);
        assert_eq!(self.take(), [], "nothing follows the end");
    }

    /// The worker released the leg for this cause; the peer confirms it and the call closes.
    pub(crate) fn released_and_closes(&mut self, cause: EndCause) {
        assert!(self.releases(cause), "no release among {:?}", self.fresh);
        self.wakes(34_000, TimerKind::Release);
        self.gone(ReleasedBy::Local, ReleaseReason::Bye);
        self.closes(cause);
    }
}
