//! Second legs: the humans who are dialled, and what must hold of their legs.

use crate::world::World;
use std::collections::BTreeMap;
use voice_worker::call::{AnswerVerdict, BridgeFailure, Command, Event, LegFailure, ReleaseReason, ReleasedBy};
use voice_worker::model::{Bounded, CallTransferIntent, Digit, DigitSource, LegId, RequestId, TransferMode, WarmTransferConfig};

const LEG: LegId = LegId::CALLER;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Ringing,
    Up,
    Leaving,
    Gone,
}

/// Every second leg there was.
#[derive(Default)]
pub(crate) struct SecondLegs {
    legs: BTreeMap<LegId, Leg>,
    bounced: bool,
    bridged: Option<LegId>,
    pub(crate) dialled: u32,
    pub(crate) joined: u32,
}

macro_rules! hold {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(format!($($why)*));
        }
    };
}

impl SecondLegs {
    pub(crate) fn fact(&mut self, leg: LegId, event: &Event) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        match event {
            Event::LegAnswered { .. } if *state == Leg::Ringing => *state = Leg::Up,
            Event::LegReleased { .. } | Event::LegFailed { why: LegFailure::Status { .. } | LegFailure::NoAnswer, .. } => {
                *state = Leg::Gone
            }
            Event::LegFailed { why: LegFailure::Overloaded, .. } => self.bounced = true,
            _ => {}
        }
        if *state == Leg::Gone && self.bridged == Some(leg) {
            self.bridged = None;
        }
    }

    pub(crate) fn joined(&mut self) {
        self.joined += 1;
    }

    /// An order that names a second leg, or that joins it with the caller.
    pub(crate) fn order(&mut self, leg: LegId, command: &Command, over: bool) -> Result<(), String> {
        let state = self.legs.get(&leg).copied();
        match command {
            Command::Dial { .. } => {
                hold!(state.is_none(), "{leg} is dialled twice");
                hold!(!over, "a dial after the release");
                let live = |state: &Leg| matches!(state, Leg::Ringing | Leg::Up);
                hold!(!self.legs.values().any(live), "two humans at once: {:?}", self.legs);
                self.legs.insert(leg, Leg::Ringing);
                self.dialled += 1;
            }
            Command::Play { .. } | Command::Listen { .. } | Command::ClassifyAnswer { .. } => {
                hold!(state == Some(Leg::Up) && self.bridged != Some(leg), "{command:?} while {state:?}, bridged {:?}", self.bridged);
            }
            Command::Bridge { a, .. } => {
                hold!(*a == LEG && !over && state == Some(Leg::Up), "a bridge to nobody");
                self.bridged = Some(leg);
            }
            Command::Unbridge { .. } => self.bridged = None,
            Command::ReferReplacing { .. } => hold!(!over && state == Some(Leg::Up), "a hand-over to nobody"),
            Command::Release { .. } => {
                let again = state == Some(Leg::Leaving) && std::mem::take(&mut self.bounced);
                hold!(again || matches!(state, Some(Leg::Ringing | Leg::Up)), "{leg} is released while {state:?}");
                self.legs.insert(leg, Leg::Leaving);
                if self.bridged == Some(leg) {
                    self.bridged = None;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// No leg outlives its call, and none its transfer.
    pub(crate) fn at_rest(&self) -> Result<(), String> {
        hold!(self.legs.values().all(|state| matches!(state, Leg::Leaving | Leg::Gone)), "a second leg is left: {:?}", self.legs);
        Ok(())
    }
}

/// The second leg an order is about, if it is about one.
pub(crate) fn second_leg(command: &Command) -> Option<LegId> {
    let leg = match command {
        Command::Dial { leg, .. }
        | Command::Play { leg, .. }
        | Command::CutPlayback { leg, .. }
        | Command::Listen { leg }
        | Command::StopListening { leg }
        | Command::ClassifyAnswer { leg, .. }
        | Command::Tone { leg, .. }
        | Command::Release { leg, .. } => *leg,
        Command::Bridge { b, .. } | Command::Unbridge { b, .. } => *b,
        Command::ReferReplacing { other, .. } => *other,
        _ => return None,
    };
    (leg != LEG).then_some(leg)
}

/// What the network and the humans make of the orders.
impl World {
    pub(crate) fn warm(&mut self, mut intent: CallTransferIntent) -> CallTransferIntent {
        let seconds = |value: u64| i64::try_from(value).unwrap();
        let (hold, interval) = (seconds(15 + self.dice.below(100)), seconds(self.dice.below(12)));
        intent.mode = TransferMode::Warm;
        intent.warm_destinations = vec!["+4931".to_owned()];
        intent.warm = Some(WarmTransferConfig {
            max_hold_seconds: Bounded::try_from(hold).unwrap(),
            max_dial_seconds: Bounded::try_from(seconds(5 + self.dice.below(20))).unwrap(),
            max_briefing_seconds: Bounded::of(15),
            bridge_confirm_seconds: Bounded::of(5),
            reassurance_interval_seconds: Bounded::try_from(interval).unwrap(),
            detect_supervisor_voicemail: self.dice.percent(40),
            detect_supervisor_silence: self.dice.percent(40),
            ..WarmTransferConfig::default()
        });
        intent
    }

    pub(crate) fn dial(&mut self, leg: LegId) {
        self.reply(2_000, Event::LegRinging { leg });
        match self.dice.below(6) {
            0 => {
                let status = self.dice.pick(&[486, 480, 603, 404, 503]);
                self.reply(9_000, Event::LegFailed { leg, why: LegFailure::Status { status } });
            }
            1 => self.reply(9_000, Event::LegFailed { leg, why: self.broken_leg() }),
            _ => {
                self.reply(9_000, Event::LegAnswered { leg });
                self.human(leg);
            }
        }
    }

    fn broken_leg(&self) -> LegFailure {
        LegFailure::NoMedia
    }

    /// Somebody who answers, talks, presses keys and may hang up; whenever.
    fn human(&mut self, leg: LegId) {
        for _ in 0..self.dice.below(6) {
            let at = self.dice.below(60_000);
            let words = self.dice.pick(&["yes", "no", "again please", "hello who is this", "put them through"]);
            match self.dice.below(4) {
                0 => self.plan(at, Event::SpeechStarted { leg }),
                1 => self.plan(at, Event::Transcript { leg, text: words.into(), confidence_permille: 700 }),
                _ => {
                    let digit = Digit::from_char(self.dice.pick(&['1', '1', '2', '3', '7'])).unwrap();
                    self.plan(at, Event::DigitPressed { leg, digit, source: DigitSource::Rfc4733 });
                }
            }
        }
        let at = self.dice.below(120_000);
        match self.dice.below(6) {
            0 | 1 => self.plan(at, Event::LegReleased { leg, by: ReleasedBy::Remote, why: ReleaseReason::Bye }),
            2 => self.plan(at, Event::MediaLost { leg }),
            3 => self.plan(at, Event::LegHeld { leg, held: true }),
            4 => self.plan(at, Event::RecognitionFailed { leg }),
            _ => {}
        }
    }

    pub(crate) fn classify(&mut self, leg: LegId) {
        let verdict = self.dice.pick(&[AnswerVerdict::Human, AnswerVerdict::Human, AnswerVerdict::Machine, AnswerVerdict::Unclear]);
        self.reply(4_000, Event::AnswerClassified { leg, verdict, after_beep: verdict == AnswerVerdict::Machine });
    }

    pub(crate) fn brief(&mut self, request: RequestId) {
        if self.dice.percent(self.faults.stranger) {
            self.plan(5, Event::BriefingComposed { request: RequestId(request.0 + 9), text: "Somebody else.".into() });
        }
        let text = self.dice.pick(&["", "A caller wants tickets."]);
        self.reply(9_000, Event::BriefingComposed { request, text: text.into() });
    }

    pub(crate) fn join(&mut self, request: RequestId) {
        if self.dice.percent(20) {
            return self.reply(3_000, Event::BridgeFailed { request, why: BridgeFailure::NoMedia });
        }
        self.reply(4_000, Event::BridgeUp { request });
        if self.dice.percent(self.faults.failing) {
            self.plan(20_000, Event::BridgeFailed { request, why: BridgeFailure::NoMedia });
        }
    }
}
