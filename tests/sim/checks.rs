//! What must hold in every world, whatever happens in it.

use crate::second::{SecondLegs, second_leg};
use std::collections::BTreeSet;
use voice_worker::call::{Command, Event, LegFailure, ReleaseReason, ReleasedBy, TimerKind};
use voice_worker::model::{DigitSource, EndCause, LegId, Notice, RequestId, RuntimeStatus, TurnId, TurnInput, UtteranceId};

macro_rules! hold {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(format!($($why)*));
        }
    };
}

/// What the world has seen, told from the facts delivered and the orders given.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) gone: bool,
    pub(crate) released: u32,
    release_bounced: bool,
    pub(crate) sessions: u32,
    pub(crate) ended: u32,
    cause: Option<EndCause>,
    turn: Option<TurnId>,
    playing: BTreeSet<UtteranceId>,
    refer: Option<RequestId>,
    accepted: bool,
    heard: BTreeSet<TurnId>,
    pressed: Vec<char>,
    matched: usize,
    music: bool,
    pub(crate) second: SecondLegs,
    /// Causes that something in this world accounts for.
    possible: BTreeSet<String>,
}

impl Checks {
    pub(crate) fn cause_word(&self) -> String {
        self.cause.map(word).unwrap_or_default()
    }

    /// A fact is about to be handled.
    pub(crate) fn fact(&mut self, event: &Event, at_most_talking: bool) {
        if let Some(leg) = event.leg().filter(|leg| *leg != LegId::CALLER) {
            return self.second.fact(leg, event);
        }
        match event {
            Event::BridgeUp { .. } => {
                self.second.joined();
                self.possible.insert("Transferred".to_owned());
            }
            Event::LegReleased { by, why, .. } => {
                self.gone = true;
                if (*by, *why) == (ReleasedBy::Remote, ReleaseReason::Bye) {
                    self.possible.insert(if self.accepted { "Transferred" } else { "CallerHungUp" }.to_owned());
                }
                if (*by, *why) == (ReleasedBy::Remote, ReleaseReason::Cancelled) {
                    self.possible.insert("CallerCancelled".to_owned());
                }
            }
            Event::LegFailed { why: LegFailure::Overloaded, .. } => {
                self.release_bounced = true;
                self.possible.insert("Overloaded".to_owned());
            }
            Event::LegFailed { why: LegFailure::Status { .. } | LegFailure::NoAnswer, .. } if at_most_talking => self.gone = true,
            Event::MediaLost { .. } => drop(self.possible.insert("MediaLost".to_owned())),
            Event::Ordered(_) => drop(self.possible.insert("AdminEnded".to_owned())),
            Event::Draining { .. } => drop(self.possible.insert("ServerShutdown".to_owned())),
            Event::Overloaded => drop(self.possible.insert("Overloaded".to_owned())),
            Event::TurnReady { turn, result } if self.turn == Some(*turn) => {
                self.turn = None;
                if result.status == RuntimeStatus::EndRequested {
                    self.possible.insert("AssistantEnded".to_owned());
                }
            }
            Event::TurnFailed { turn, .. } if self.turn == Some(*turn) => self.turn = None,
            Event::PlaybackEnded { utterance, .. } | Event::PlaybackFailed { utterance } => drop(self.playing.remove(utterance)),
            Event::ReferAnswered { request, status, .. } if self.refer == Some(*request) => {
                self.accepted = *status < 300;
                if *status >= 300 {
                    self.refer = None;
                }
            }
            Event::ReferProgress { request, status, .. } if self.refer == Some(*request) => {
                self.accepted = *status < 200;
                if *status >= 200 {
                    self.refer = None;
                }
                if (200..300).contains(status) {
                    self.possible.insert("Transferred".to_owned());
                }
            }
            Event::ReferEnded { request, .. } if self.refer == Some(*request) => (self.refer, self.accepted) = (None, false),
            Event::DigitPressed { digit, source: DigitSource::Rfc4733, .. } => self.pressed.push(digit.as_char()),
            _ => {}
        }
    }

    /// An order was given.
    pub(crate) fn order(&mut self, command: &Command) -> Result<(), String> {
        let over = self.released > 0 || self.sessions > 0 || self.gone;
        hold!(self.ended == 0, "an order after the end: {command:?}");
        if let Some(leg) = second_leg(command) {
            self.second.order(leg, command, over)?;
            if !matches!(command, Command::ReferReplacing { .. }) {
                return Ok(());
            }
        }
        match command {
            Command::Play { utterance, .. } => {
                hold!(!over, "speech after the release");
                self.playing.insert(*utterance);
            }
            Command::CutPlayback { utterance, .. } => drop(self.playing.remove(utterance)),
            Command::Listen { .. } | Command::Answer { .. } | Command::Ring { .. } => hold!(!over, "{command:?} after the release"),
            Command::Refer { request, .. } => {
                hold!(!over, "a REFER after the release");
                hold!(self.refer.is_none(), "a second REFER while one is out");
                hold!(self.playing.is_empty(), "a REFER before its words have played");
                (self.refer, self.accepted) = (Some(*request), false);
            }
            Command::AbandonRefer { .. } => (self.refer, self.accepted) = (None, false),
            Command::Release { cause, .. } => self.release(Some(*cause))?,
            Command::Reject { .. } => self.release(None)?,
            Command::RunTurn { turn, input } => {
                hold!(!over, "a turn after the release");
                hold!(self.turn.is_none(), "two turns at once");
                self.turn = Some(*turn);
                self.keyed(input)?;
            }
            Command::CancelTurn { turn } => {
                hold!(self.turn == Some(*turn), "a turn is cancelled that does not run");
                self.turn = None;
            }
            Command::ReportHeard { turn, .. } => hold!(self.heard.insert(*turn), "{turn} was reported heard twice"),
            Command::EndSession { cause, triggered_by, .. } => {
                self.sessions += 1;
                hold!(self.sessions == 1, "the session was ended twice");
                hold!(*triggered_by == cause.triggered_by(), "triggered by {triggered_by:?} for {cause:?}");
                hold!(self.turn.is_none(), "the session ends while a turn runs");
                self.one_cause(*cause)?;
            }
            Command::Notify(Notice::CallEnded { cause, .. }) => {
                self.ended += 1;
                self.one_cause(*cause)?;
            }
            Command::ReferReplacing { request, .. } => {
                hold!(self.refer.is_none(), "a second REFER while one is out");
                (self.refer, self.accepted) = (Some(*request), false);
            }
            Command::StartHoldMusic { .. } => {
                hold!(!over && !std::mem::replace(&mut self.music, true), "music for nobody, or twice");
            }
            Command::StopHoldMusic { .. } => hold!(std::mem::replace(&mut self.music, false), "music is stopped that does not play"),
            Command::Dial { .. }
            | Command::Bridge { .. }
            | Command::Unbridge { .. }
            | Command::Tone { .. }
            | Command::ClassifyAnswer { .. }
            | Command::ComposeBriefing { .. }
            | Command::NoteAttempt { .. }
            | Command::NoteStatus { .. } => {}
            Command::Notify(_) | Command::StopListening { .. } | Command::Collecting { .. } => {}
        }
        Ok(())
    }

    fn release(&mut self, cause: Option<EndCause>) -> Result<(), String> {
        hold!(!self.gone, "a leg is released that is gone");
        hold!(self.released == 0 || self.release_bounced, "the leg was released twice");
        self.release_bounced = false;
        self.released += 1;
        hold!(self.playing.is_empty(), "the leg is released over speech that was not cut");
        cause.map_or(Ok(()), |cause| self.one_cause(cause))
    }

    fn one_cause(&mut self, cause: EndCause) -> Result<(), String> {
        hold!(*self.cause.get_or_insert(cause) == cause, "two causes: {:?} and {cause:?}", self.cause);
        let word = word(cause);
        let explained =
            ["CallerHungUp", "CallerCancelled", "AdminEnded", "MediaLost", "ServerShutdown", "Overloaded", "AssistantEnded", "Transferred"];
        hold!(!explained.contains(&word.as_str()) || self.possible.contains(&word), "{word}, but nothing accounts for it");
        Ok(())
    }

    /// Keys come out in the order they went in, none twice.
    fn keyed(&mut self, input: &TurnInput) -> Result<(), String> {
        let TurnInput::Keyed { text } = input else { return Ok(()) };
        let keys = text.expose().strip_prefix("DTMF: ").unwrap_or(text.expose());
        for key in keys.chars() {
            hold!(key != '#', "the terminator is in the text");
            let place = self.pressed[self.matched..].iter().position(|pressed| *pressed == key);
            let Some(place) = place else {
                return Err(format!("a key was doubled or invented after {} of {}", self.matched, self.pressed.len()));
            };
            self.matched += place + 1;
        }
        Ok(())
    }

    /// Whatever is waited for has a deadline of its own.
    pub(crate) fn watched(&self, armed: &[TimerKind]) -> Result<(), String> {
        let any = |kinds: &[TimerKind]| kinds.iter().any(|kind| armed.contains(kind));
        hold!(self.turn.is_none() || any(&[TimerKind::Turn]), "a turn runs without a deadline");
        hold!(self.playing.is_empty() || any(&[TimerKind::Utterance]), "speech plays without a deadline");
        hold!(
            self.refer.is_none()
                || self.gone
                || any(&[TimerKind::ReferAnswer, TimerKind::ReferNotify, TimerKind::BridgeConfirm, TimerKind::Release, TimerKind::Close]),
            "a REFER is out without a deadline"
        );
        Ok(())
    }

    /// The call is over.
    pub(crate) fn finished(&self) -> Result<(), String> {
        self.second.at_rest()?;
        hold!(self.sessions == 1, "{} sessions ended", self.sessions);
        hold!(self.ended == 1, "{} ends told", self.ended);
        hold!(self.released >= 1 || self.gone, "the leg was never released");
        hold!(self.turn.is_none(), "a turn outlives its call");
        Ok(())
    }
}

fn word(cause: EndCause) -> String {
    format!("{cause:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
}
