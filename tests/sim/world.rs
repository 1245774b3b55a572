//! A world around one call: shells, a caller, an operator, a network; all of them by seed.

use crate::checks::Checks;
use std::collections::BTreeMap;
use std::time::Duration;
use voice_worker::call::{
    AdminOrder, Call, CallSettings, Command, Direction, Event, LegFailure, Opening, ReferProfile, ReleaseReason, ReleasedBy,
};
use voice_worker::model::{
    Bounded, CallTime, CallTransferIntent, ConversationId, Digit, DigitSource, DtmfInputSpec, FirstSpeaker, LegId, Millis, PlaybackReport,
    RequestId, RuntimeStatus, SilenceEndAction, SilenceReminderMode, TerminationReason, Text, TurnId, TurnResult, UtteranceId, WallTime,
};

const LEG: LegId = LegId::CALLER;
const STEPS_MAX: usize = 20_000;

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Chances in percent; swarm mode sets some to zero.
pub(crate) struct Faults {
    never: u64,
    twice: u64,
    pub(crate) stranger: u64,
    pub(crate) failing: u64,
    late_wake: u64,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    call: Call,
    pub(crate) checks: Checks,
    pub(crate) faults: Faults,
    agenda: BTreeMap<(CallTime, u64), Event>,
    entries: u64,
    now: CallTime,
    limit: CallTime,
    log: Vec<String>,
    /// Everything that happened and what was ordered, for a replay.
    pub(crate) tape: Vec<(CallTime, Event, Vec<Command>)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x5851_F42D_4C95_7F2D));
        let mut swarm = |chance: u64| if dice.percent(50) { 0 } else { chance };
        let faults = Faults { never: swarm(8), twice: swarm(10), stranger: swarm(5), failing: swarm(15), late_wake: swarm(20) };
        let settings = settings(&mut dice);
        let limit = limit(&settings);
        let direction = if dice.percent(70) { Direction::Inbound } else { Direction::Outbound };
        let mut world = Self {
            dice,
            call: Call::new(),
            checks: Checks::default(),
            faults,
            agenda: BTreeMap::new(),
            entries: 0,
            now: CallTime::ZERO,
            limit,
            log: Vec::new(),
            tape: Vec::new(),
        };
        world.plan(0, Event::Offered(Box::new(opening(direction, seed, settings))));
        if direction == Direction::Outbound {
            world.callee();
        }
        world.incidents();
        world
    }

    pub(crate) fn log_tail(&self) -> String {
        self.log[self.log.len().saturating_sub(60)..].join("\n")
    }

    pub(crate) fn run(&mut self) -> Result<(), String> {
        let mut steps = 0;
        while !self.call.is_finished() {
            steps += 1;
            if steps > STEPS_MAX {
                return Err("the call does not end".to_owned());
            }
            let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.call.next_deadline().map(|(at, _)| at);
            let event = match (planned, deadline) {
                // At the same instant the timer is first, as in the core itself: what it does is checked before the fact is known.
                (Some(at), due) if due.is_none_or(|due| at < due) => {
                    self.now = self.now.max(at);
                    self.agenda.pop_first().map_or(Event::Tick, |(_, event)| event)
                }
                (_, Some(due)) => {
                    let late = if self.dice.percent(self.faults.late_wake) { self.dice.below(300) } else { 0 };
                    self.now = self.now.max(due.after(Millis(late)));
                    Event::Tick
                }
                (_, None) => return Err("nothing will ever happen again".to_owned()),
            };
            self.step(event)?;
        }
        self.checks.finished()?;
        if self.now > self.limit {
            return Err(format!("ended at {}, the limit was {}", self.now, self.limit));
        }
        while let Some((_, event)) = self.agenda.pop_first() {
            self.step(event)?;
        }
        Ok(())
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let shown = if let Event::Offered(_) = event { "Offered".to_owned() } else { format!("{event:?}") };
        self.log.push(format!("{} {} {shown}", self.now, self.call.phase()));
        let ringing = matches!(self.call.phase(), "answering" | "ending");
        let outbound = matches!(&event, Event::LegFailed { leg: LEG, .. }) && ringing;
        self.checks.fact(&event, outbound);
        self.tape.push((self.now, event.clone(), Vec::new()));
        self.call.handle(self.now, event);
        let mut orders = 0;
        while let Some(command) = self.call.poll_command() {
            self.log.push(format!("    => {command:?}"));
            orders += 1;
            self.tape.last_mut().expect("just put there").2.push(command.clone());
            self.checks.order(&command)?;
            self.answer(command);
        }
        let load = self.call.load();
        if orders > 256 || load.inputs > 16 || load.digits > 64 || load.utterances > 64 {
            return Err(format!("out of bounds: {orders} orders at once, {load:?}"));
        }
        let armed: Vec<_> = self.call.armed_timers().into_iter().map(|(_, kind)| kind).collect();
        self.checks.watched(&armed)?;
        match self.call.next_deadline() {
            Some(due) if self.call.is_finished() => Err(format!("finished, and {due:?} is armed")),
            None if !self.call.is_finished() => Err(format!("no deadline while {}", self.call.phase())),
            Some((due, kind)) if due <= self.now => Err(format!("{kind:?} was due at {due} and is still armed")),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn plan(&mut self, millis: u64, event: Event) {
        self.entries += 1;
        self.agenda.insert((self.now.after(Millis(millis)), self.entries), event);
    }

    /// An answer of a shell: late, never, twice, as this world has it.
    pub(crate) fn reply(&mut self, within: u64, event: Event) {
        if self.dice.percent(self.faults.never) {
            return;
        }
        let after = self.dice.below(within);
        if self.dice.percent(self.faults.twice) {
            let again = after + self.dice.below(2_000);
            self.plan(again, event.clone());
        }
        self.plan(after, event);
    }

    fn answer(&mut self, command: Command) {
        match command {
            Command::Answer { leg } if self.dice.percent(self.faults.failing / 4) => {
                self.reply(100, Event::LegFailed { leg, why: LegFailure::NoMedia });
            }
            Command::Answer { leg } => self.reply(3_000, Event::LegAnswered { leg }),
            Command::Reject { leg, .. } => self.released(leg, ReleaseReason::Rejected),
            Command::Release { leg, .. } => self.released(leg, ReleaseReason::Bye),
            Command::Refer { leg, request, .. } => self.refer(leg, request),
            Command::Play { utterance, text, .. } => self.play(utterance, text.expose().len() as u64),
            Command::CutPlayback { utterance, .. } => {
                let report = PlaybackReport { heard: Millis(self.dice.below(900)), total: Some(Millis(1_000)), cut: true };
                self.reply(40, Event::PlaybackEnded { utterance, report });
            }
            Command::RunTurn { turn, .. } => self.turn(turn),
            Command::EndSession { request, .. } => {
                if self.dice.percent(self.faults.stranger) {
                    self.plan(5, Event::SessionEnded { request: RequestId(request.0 + 7) });
                }
                self.reply(3_000, Event::SessionEnded { request });
            }
            Command::Dial { leg, .. } => self.dial(leg),
            Command::ClassifyAnswer { leg, .. } => self.classify(leg),
            Command::ComposeBriefing { request, .. } => self.brief(request),
            Command::Bridge { request, .. } => self.join(request),
            Command::ReferReplacing { leg, request, .. } => self.refer(leg, request),
            Command::Unbridge { .. }
            | Command::StartHoldMusic { .. }
            | Command::StopHoldMusic { .. }
            | Command::Tone { .. }
            | Command::NoteAttempt { .. }
            | Command::NoteStatus { .. } => {}
            Command::Ring { .. }
            | Command::AbandonRefer { .. }
            | Command::Listen { .. }
            | Command::StopListening { .. }
            | Command::Collecting { .. }
            | Command::CancelTurn { .. }
            | Command::ReportHeard { .. }
            | Command::Notify(_) => {}
        }
    }

    fn released(&mut self, leg: LegId, why: ReleaseReason) {
        if self.dice.percent(self.faults.failing) {
            self.plan(1, Event::LegFailed { leg, why: LegFailure::Overloaded });
            return;
        }
        self.reply(2_000, Event::LegReleased { leg, by: ReleasedBy::Local, why });
    }

    fn play(&mut self, utterance: UtteranceId, length: u64) {
        if self.dice.percent(self.faults.failing) {
            return self.reply(500, Event::PlaybackFailed { utterance });
        }
        if self.dice.percent(self.faults.stranger) {
            self.plan(10, Event::PlaybackStarted { utterance: UtteranceId(utterance.0 + 5) });
        }
        self.reply(300, Event::PlaybackStarted { utterance });
        let heard = Millis(60 * length);
        let report = PlaybackReport { heard, total: Some(heard), cut: false };
        self.reply(300 + 60 * length, Event::PlaybackEnded { utterance, report });
    }

    fn turn(&mut self, turn: TurnId) {
        if self.dice.percent(self.faults.failing) {
            return self.reply(2_000, Event::TurnFailed { turn, error: "sim".to_owned() });
        }
        if self.dice.percent(self.faults.stranger) {
            let result = self.result();
            self.plan(50, Event::TurnReady { turn: TurnId(turn.0 + 3), result: Box::new(result) });
        }
        for _ in 0..self.dice.below(4) {
            self.reply(1_500, Event::TurnSpeech { turn, text: "Well then.".into() });
        }
        let result = self.result();
        self.reply(4_000, Event::TurnReady { turn, result: Box::new(result) });
    }

    fn result(&mut self) -> TurnResult {
        let status = if self.dice.percent(10) { RuntimeStatus::EndRequested } else { RuntimeStatus::Idle };
        let text = self.dice.pick(&["", "Well then.", "Well then. I can look that up for you.", "Something else entirely."]);
        let mut result = TurnResult::saying(ConversationId(uuid::Uuid::nil()), status, text);
        if self.dice.percent(30) {
            let max = Bounded::try_from(1 + self.dice.below(6) as i64).unwrap();
            result.dtmf_input = Some(DtmfInputSpec { max_digits: Some(max), ..DtmfInputSpec::default() });
        }
        if self.dice.percent(25) {
            let mut intent = CallTransferIntent::cold(self.dice.pick(&["+4930", "+1900", ""]));
            intent.connecting_text = self.dice.percent(50).then(|| "Connecting.".to_owned());
            intent.on_failure = self.dice.percent(30).then(|| "node".to_owned());
            let intent = if self.dice.percent(60) { self.warm(intent) } else { intent };
            result.call_transfer = Some(intent);
        }
        if self.dice.percent(self.faults.failing) {
            result.error = Some("sim".to_owned());
        }
        result.handoff = self.dice.percent(5).then(serde_json::Map::new);
        result.session_status = self.dice.percent(5).then(|| "awaiting_approval".to_owned());
        result
    }

    fn refer(&mut self, leg: LegId, request: RequestId) {
        let status = self.dice.pick(&[202, 202, 202, 202, 603, 491, 408, 404]);
        self.reply(2_000, Event::ReferAnswered { leg, request, status });
        if self.dice.percent(self.faults.stranger) {
            self.plan(20, Event::ReferProgress { leg, request: RequestId(request.0 + 9), status: 200 });
        }
        if status != 202 {
            return;
        }
        for _ in 0..self.dice.below(4) {
            self.reply(20_000, Event::ReferProgress { leg, request, status: 180 });
        }
        match self.dice.below(5) {
            0 => self.reply(20_000, Event::ReferEnded { leg, request }),
            1 => self.reply(20_000, Event::LegReleased { leg, by: ReleasedBy::Remote, why: ReleaseReason::Bye }),
            2 => self.reply(20_000, Event::ReferProgress { leg, request, status: 486 }),
            _ => self.reply(20_000, Event::ReferProgress { leg, request, status: 200 }),
        }
    }

    /// The other end of an outbound call.
    fn callee(&mut self) {
        self.reply(2_000, Event::LegRinging { leg: LEG });
        if self.dice.percent(25) {
            let status = self.dice.pick(&[486, 480, 603, 404, 503]);
            self.reply(9_000, Event::LegFailed { leg: LEG, why: LegFailure::Status { status } });
        } else {
            self.reply(9_000, Event::LegAnswered { leg: LEG });
        }
    }

    /// What the caller and the rest of the world do of themselves.
    fn incidents(&mut self) {
        let silent = self.dice.percent(15);
        for _ in 0..if silent { 0 } else { self.dice.below(40) } {
            let (at, leg) = (self.dice.below(60_000), LEG);
            let words = self.dice.pick(&["yes", "no wait", "I want tickets for tonight", "stop"]);
            match self.dice.below(5) {
                0 => self.plan(at, Event::SpeechStarted { leg }),
                1 => self.plan(at, Event::SpeechEnded { leg }),
                2 => self.plan(at, Event::PartialTranscript { leg, text: words.into() }),
                3 => self.plan(at, Event::Transcript { leg, text: words.into(), confidence_permille: 500 }),
                _ => {
                    for burst in 0..self.dice.below(12) {
                        let digit = Digit::from_char(self.dice.pick(&['1', '2', '3', '#'])).unwrap();
                        self.plan(at + burst * 150, Event::DigitPressed { leg, digit, source: DigitSource::Rfc4733 });
                    }
                }
            }
        }
        let at = self.dice.below(90_000);
        match self.dice.below(14) {
            0 => self.plan(at, Event::Ordered(AdminOrder::HangUp { reason: TerminationReason::Resolved })),
            1 => self.plan(at, Event::LegReleased { leg: LEG, by: ReleasedBy::Remote, why: ReleaseReason::Bye }),
            2 => self.plan(at / 60, Event::LegReleased { leg: LEG, by: ReleasedBy::Remote, why: ReleaseReason::Cancelled }),
            3 => self.plan(at, Event::LegReleased { leg: LEG, by: ReleasedBy::Network, why: ReleaseReason::SessionExpired }),
            4 => self.plan(at, Event::MediaLost { leg: LEG }),
            5 => self.plan(at, Event::Overloaded),
            6 => (0..4).for_each(|_| self.plan(at, Event::RecognitionFailed { leg: LEG })),
            7 => {
                let deadline = CallTime::from_millis(at + self.dice.below(60_000));
                self.plan(at, Event::Draining { deadline });
            }
            8 => self.plan(at, Event::LegHeld { leg: LEG, held: true }),
            9 => self.plan(at, Event::Ordered(AdminOrder::Say { text: "Operator here.".into() })),
            10 => self.plan(at, Event::Ordered(AdminOrder::DecideApproval { approval: uuid::Uuid::nil(), approved: true })),
            _ => {}
        }
    }
}

fn settings(dice: &mut Dice) -> CallSettings {
    let mut settings = CallSettings::default();
    let voice = &mut settings.voice;
    voice.max_call_duration_ms = Bounded::try_from(20_000 + dice.below(200_000) as i64).unwrap();
    voice.silence_timeout_ms = Bounded::try_from(dice.pick(&[0, 5_000, 30_000])).unwrap();
    voice.silence_reminder_count = Bounded::try_from(dice.below(3) as i64).unwrap();
    voice.silence_reminder_mode = dice.pick(&[SilenceReminderMode::Static, SilenceReminderMode::Auto]);
    voice.silence_end_action = dice.pick(&[SilenceEndAction::HangupImmediate, SilenceEndAction::SpeakThenHangup]);
    voice.interruption_min_words = Bounded::try_from(dice.below(3) as i64).unwrap();
    voice.interruption_min_duration_ms = Bounded::try_from(dice.pick(&[0, 300])).unwrap();
    voice.interruptions_enabled = dice.percent(80);
    voice.interruption_hard_phrases = vec!["stop".to_owned()];
    voice.first_speaking.first_speaker = dice.pick(&[FirstSpeaker::Agent, FirstSpeaker::User]);
    voice.first_speaking.interruptible = dice.percent(70);
    voice.first_speaking.ai_disclosure_text = dice.percent(40).then(|| Text::try_from("A machine speaks.").unwrap());
    voice.dtmf.dtmf_enabled = dice.percent(50);
    voice.dtmf.dtmf_max_digits = Bounded::try_from(1 + dice.below(8) as i64).unwrap();
    settings.deadlines.bridged = Millis(60_000);
    settings.transfer.refer =
        dice.pick(&[ReferProfile::Works, ReferProfile::Works, ReferProfile::AcceptsWithoutNotify, ReferProfile::Refuses]);
    settings.transfer.bridge_on_failure = dice.percent(50);
    settings.transfer.replaces = dice.percent(30);
    settings.transfer.header = dice.percent(30).then(|| "X-Context".to_owned());
    settings.transfer.dials = dice.percent(90);
    settings.transfer.attempts_per_call = 1 + dice.below(8) as u32;
    settings.transfer_allowed = dice.percent(30).then(|| vec!["+49*".to_owned()]);
    settings
}

/// No call outlives this: set-up, the longest call, each step of the end with its repetitions, and late wake-ups.
fn limit(settings: &CallSettings) -> CallTime {
    let deadlines = &settings.deadlines;
    let end = Duration::from(deadlines.last_words) + Duration::from(deadlines.release) + Duration::from(deadlines.close);
    let setup = Duration::from(deadlines.setup).max(Duration::from(deadlines.greeting) + Duration::from(deadlines.acknowledge));
    let longest = Duration::from_millis(u64::from(settings.voice.max_call_duration_ms.get()));
    // A bridge has its own limit; a second leg that is never reported gone is waited for once more.
    let second = Duration::from(deadlines.bridged) + 2 * Duration::from(deadlines.release);
    CallTime::ZERO.after(setup + longest + second + end + Duration::from_secs(5))
}

fn opening(direction: Direction, seed: u64, settings: CallSettings) -> Opening {
    Opening {
        conversation: ConversationId(uuid::Uuid::nil()),
        direction,
        from: "+491".into(),
        to: "+492".into(),
        trunk: "sim".to_owned(),
        wall: WallTime(0),
        seed,
        settings,
    }
}
