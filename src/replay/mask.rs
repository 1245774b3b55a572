//! What a masked recording leaves out, so that its replay is still exact.
//!
//! The core decides on how many keys came and whether one was the terminator, on how many words were said and whether they hold a configured
//! phrase, on how long a text is: never on what a number or a sentence means. So a mask keeps exactly these: a key becomes another key that
//! is no terminator, a word keeps its length, its punctuation and its place, and words of configured phrases stay. Masking twice gives the
//! same as masking once, which lets the replay mask today's commands and compare them with the recorded ones.

use super::format::Entry;
use crate::call::{AdminOrder, Command, Event, Opening, decision_word};
use crate::model::{Digit, LegId, Redacted, TurnInput, TurnResult};
use std::collections::BTreeSet;

/// Masks the entries of one call, in order.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    /// Lower-case words of the configured trigger and hard phrases.
    kept_words: BTreeSet<String>,
    /// Termination key in force; `*` and `#` always stay.
    terminator: Option<Digit>,
}

impl Masker {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn mask(&mut self, entry: Entry) -> Entry {
        match entry {
            Entry::Event(event) => Entry::Event(self.event(event)),
            Entry::Command(command) => Entry::Command(self.command(command)),
            // The runtime's own questions hold prompts and answers: without words there is nothing left to keep.
            Entry::Opened(_) => Entry::Opened(serde_json::Value::Null),
            Entry::Ask(_) => Entry::Ask(serde_json::Value::Null),
            Entry::Answer(_) => Entry::Answer(serde_json::Value::Null),
            kept @ (Entry::Sip(_) | Entry::Truncated { .. } | Entry::Closed) => kept,
        }
    }

    fn event(&mut self, event: Event) -> Event {
        match event {
            Event::Offered(opening) => Event::Offered(Box::new(self.opening(*opening))),
            // Of a human who is asked, keys and words are decisions and nothing else: 1, 2, 3, yes, no, again.
            kept @ Event::DigitPressed { leg, digit, .. } if leg != LegId::CALLER && matches!(digit.as_char(), '1'..='3') => kept,
            Event::Transcript { leg, text, confidence_permille } if leg != LegId::CALLER => {
                let text = decision_word(text.expose()).map_or_else(|| hidden(&text), Redacted::from);
                Event::Transcript { leg, text, confidence_permille }
            }
            Event::DigitPressed { leg, digit, source } => Event::DigitPressed { leg, digit: self.digit(digit), source },
            Event::PartialTranscript { leg, text } => Event::PartialTranscript { leg, text: self.spoken(&text) },
            Event::Transcript { leg, text, confidence_permille } => {
                Event::Transcript { leg, text: self.spoken(&text), confidence_permille }
            }
            Event::BriefingComposed { request, text } => Event::BriefingComposed { request, text: hidden(&text) },
            Event::TurnSpeech { turn, text } => Event::TurnSpeech { turn, text: hidden(&text) },
            Event::TurnReady { turn, result } => Event::TurnReady { turn, result: Box::new(turn_result(*result)) },
            Event::Ordered(AdminOrder::Say { text }) => Event::Ordered(AdminOrder::Say { text: hidden(&text) }),
            kept @ (Event::Tick
            | Event::LegRinging { .. }
            | Event::LegAnswered { .. }
            | Event::LegFailed { .. }
            | Event::LegReleased { .. }
            | Event::LegHeld { .. }
            | Event::MediaLost { .. }
            | Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::SpeechStarted { .. }
            | Event::SpeechEnded { .. }
            | Event::RecognitionFailed { .. }
            | Event::PlaybackStarted { .. }
            | Event::PlaybackEnded { .. }
            | Event::PlaybackFailed { .. }
            | Event::TurnFailed { .. }
            | Event::SessionEnded { .. }
            | Event::Ordered(AdminOrder::HangUp { .. } | AdminOrder::ResolveHandoff | AdminOrder::DecideApproval { .. })
            | Event::Draining { .. }
            | Event::Overloaded) => kept,
        }
    }

    fn command(&mut self, command: Command) -> Command {
        match command {
            Command::Play { leg, utterance, text } => Command::Play { leg, utterance, text: hidden(&text) },
            Command::Refer { leg, request, destination, reason, headers: told } => {
                Command::Refer { leg, request, destination, reason: reason.as_ref().map(hidden), headers: headers(told) }
            }
            Command::Dial { leg, request, destination, headers: told, ring } => {
                Command::Dial { leg, request, destination, headers: headers(told), ring }
            }
            Command::NoteAttempt { mut record } => {
                record.briefing = record.briefing.as_ref().map(hidden);
                Command::NoteAttempt { record }
            }
            Command::ReportHeard { turn, text } => Command::ReportHeard { turn, text: hidden(&text) },
            Command::RunTurn { turn, input } => Command::RunTurn { turn, input: self.turn_input(input) },
            Command::Collecting { leg, settings } => {
                self.terminator = settings.dtmf_termination_digit;
                Command::Collecting { leg, settings }
            }
            kept @ (Command::Ring { .. }
            | Command::Answer { .. }
            | Command::Reject { .. }
            | Command::Release { .. }
            | Command::AbandonRefer { .. }
            | Command::CutPlayback { .. }
            | Command::Listen { .. }
            | Command::StopListening { .. }
            | Command::CancelTurn { .. }
            | Command::ReferReplacing { .. }
            | Command::Bridge { .. }
            | Command::Unbridge { .. }
            | Command::StartHoldMusic { .. }
            | Command::StopHoldMusic { .. }
            | Command::Tone { .. }
            | Command::ClassifyAnswer { .. }
            | Command::ComposeBriefing { .. }
            | Command::NoteStatus { .. }
            | Command::EndSession { .. }
            | Command::Notify(_)) => kept,
        }
    }

    fn opening(&mut self, opening: Opening) -> Opening {
        let voice = &opening.settings.voice;
        self.terminator = voice.dtmf.dtmf_termination_digit;
        self.kept_words = voice
            .interruption_trigger_phrases
            .iter()
            .chain(&voice.interruption_hard_phrases)
            .flat_map(|phrase| phrase.split_whitespace())
            .map(bare_word)
            .collect();
        Opening { from: hidden(&opening.from), to: hidden(&opening.to), ..opening }
    }

    fn turn_input(&self, input: TurnInput) -> TurnInput {
        match input {
            TurnInput::Said { text } => TurnInput::Said { text: self.spoken(&text) },
            TurnInput::Keyed { text } => TurnInput::Keyed { text: hidden(&text) },
            kept
            @ (TurnInput::Started | TurnInput::Silent { .. } | TurnInput::TransferEnded { .. } | TurnInput::ApprovalDecided { .. }) => kept,
        }
    }

    fn digit(&self, digit: Digit) -> Digit {
        if Some(digit) == self.terminator || matches!(digit.as_char(), '*' | '#') {
            return digit;
        }
        let substitute = if self.terminator == Digit::from_char('0') { '1' } else { '0' };
        Digit::from_char(substitute).unwrap_or(digit)
    }

    fn spoken(&self, text: &Redacted<String>) -> Redacted<String> {
        let masked = text
            .expose()
            .split_inclusive(char::is_whitespace)
            .map(|word| if self.kept_words.contains(&bare_word(word)) { word.to_owned() } else { hide(word) });
        Redacted::new(masked.collect())
    }
}

fn turn_result(mut result: TurnResult) -> TurnResult {
    for message in &mut result.messages {
        message.content = hide(&message.content);
    }
    if let Some(transfer) = &mut result.call_transfer {
        // The destination is configured; its texts may repeat what the caller said.
        transfer.reason = transfer.reason.as_deref().map(hide);
        transfer.connecting_text = transfer.connecting_text.as_deref().map(hide);
        transfer.retry_text = transfer.retry_text.as_ref().and_then(|text| hide(text.as_str()).try_into().ok());
    }
    // That there is one is what is decided on.
    result.handoff = result.handoff.map(|_| serde_json::Map::new());
    result
}

/// Names stay, what they carry does not.
fn headers(told: Vec<(String, Redacted<String>)>) -> Vec<(String, Redacted<String>)> {
    told.into_iter().map(|(name, value)| (name, hidden(&value))).collect()
}

fn hidden(text: &Redacted<String>) -> Redacted<String> {
    Redacted::new(hide(text.expose()))
}

fn bare_word(word: &str) -> String {
    word.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Same length, same punctuation, same white space; nothing to read.
fn hide(text: &str) -> String {
    let hidden = text.chars().map(|character| match character {
        digit if digit.is_numeric() => '0',
        letter if letter.is_alphabetic() => 'x',
        other => other,
    });
    hidden.collect()
}
