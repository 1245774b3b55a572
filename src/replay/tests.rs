//! Tests of recordings: lines, masks, stories. Replays of whole calls are in `tests/golden/`.

use super::*;
use crate::call::{CallSettings, Command, Direction, Event, Opening};
use crate::model::{
    CallTime, ConversationId, Digit, DigitSource, LegId, Redacted, RuntimeStatus, TurnId, TurnInput, TurnResult, UtteranceId, WallTime,
};
use uuid::Uuid;

fn header() -> Header {
    Header {
        schema: SCHEMA,
        build: "test".to_owned(),
        conversation: ConversationId(Uuid::from_u128(7)),
        wall: WallTime(1_700_000_000_000),
        seed: 1,
        settings_digest: String::new(),
        assistant_digest: String::new(),
        assistant: "front-desk".to_owned(),
        masked: false,
        sealed: None,
    }
}

fn opening(settings: CallSettings) -> Event {
    Event::Offered(Box::new(Opening {
        conversation: ConversationId(Uuid::from_u128(7)),
        direction: Direction::Inbound,
        from: Redacted::from("+15550100"),
        to: Redacted::from("+15550199"),
        trunk: "test".to_owned(),
        wall: WallTime(0),
        seed: 1,
        settings,
    }))
}

fn text_of(entries: &[Entry]) -> String {
    let mut text = encode_header(&header()).unwrap();
    for (seq, entry) in entries.iter().enumerate() {
        text += &encode(&Line { seq: seq as u64, at: CallTime::from_millis(seq as u64 * 20), entry: entry.clone() }).unwrap();
    }
    text
}

fn key(digit: char) -> Entry {
    Entry::Event(Event::DigitPressed { leg: LegId::CALLER, digit: Digit::from_char(digit).unwrap(), source: DigitSource::Rfc4733 })
}

#[test]
fn a_recording_reads_back_as_it_was_written() {
    let conversation = ConversationId(Uuid::from_u128(7));
    let entries = [
        Entry::Event(opening(CallSettings::default())),
        Entry::Command(Command::Ring { leg: LegId::CALLER }),
        Entry::Command(Command::RunTurn { turn: TurnId(0), input: TurnInput::Started }),
        Entry::Event(Event::TurnReady {
            turn: TurnId(0),
            result: Box::new(TurnResult::saying(conversation, RuntimeStatus::Idle, "Hello")),
        }),
        key('#'),
        Entry::Event(Event::Ordered(crate::call::AdminOrder::HangUp { reason: crate::model::TerminationReason::UserRequested })),
        Entry::Command(Command::EndSession {
            request: crate::model::RequestId(1),
            cause: crate::model::EndCause::AdminEnded(crate::model::TerminationReason::UserRequested),
            triggered_by: crate::model::TriggeredBy::Admin,
        }),
        Entry::Closed,
    ];
    let recording = decode(&text_of(&entries)).unwrap();
    let read: Vec<Entry> = recording.lines.iter().map(|line| line.entry.clone()).collect();
    assert_eq!(read, entries);
    assert!(recording.is_whole());
}

#[test]
fn a_line_torn_by_a_crash_is_dropped_and_said() {
    let whole = text_of(&[key('1'), key('2')]);
    let torn = &whole[..whole.len() - 9];
    let recording = decode(torn).unwrap();
    assert_eq!(recording.lines.len(), 1);
    assert!(recording.torn && !recording.is_whole());
}

#[test]
fn a_damaged_recording_is_refused_with_its_line() {
    assert_eq!(decode(""), Err(LogError::Empty));
    assert!(matches!(decode("{}\n"), Err(LogError::Header { .. })));
    let other_schema = text_of(&[]).replace("\"schema\":1", "\"schema\":9");
    assert_eq!(decode(&other_schema), Err(LogError::Schema { found: 9 }));
    let garbage = text_of(&[key('1')]) + "not json\n";
    assert!(matches!(decode(&garbage), Err(LogError::Line { line: 3, .. })));
    let whole = text_of(&[key('1'), key('2'), key('3')]);
    let without_second: String = whole.split_inclusive('\n').enumerate().filter(|(line, _)| *line != 2).map(|(_, text)| text).collect();
    assert_eq!(decode(&without_second), Err(LogError::Gap { line: 3, expected: 1, found: 2 }));
}

#[test]
fn a_masked_key_is_no_terminator_and_the_terminator_stays() {
    let mut masker = Masker::new();
    masker.mask(Entry::Event(opening(CallSettings::default())));
    let masked: Vec<Entry> = "47#".chars().map(|digit| masker.mask(key(digit))).collect();
    assert_eq!(masked, [key('0'), key('0'), key('#')]);
}

#[test]
fn a_masked_transcript_keeps_its_words_count_and_configured_phrases() {
    let mut settings = CallSettings::default();
    settings.voice.interruption_trigger_phrases = vec!["stop please".to_owned()];
    let mut masker = Masker::new();
    masker.mask(Entry::Event(opening(settings)));
    let said =
        Entry::Event(Event::Transcript { leg: LegId::CALLER, text: Redacted::from("Stop, my number is 4572."), confidence_permille: 900 });
    let masked = masker.mask(said);
    let expected =
        Entry::Event(Event::Transcript { leg: LegId::CALLER, text: Redacted::from("Stop, xx xxxxxx xx 0000."), confidence_permille: 900 });
    assert_eq!(masked, expected);
    assert_eq!(masker.mask(masked.clone()), masked, "masking twice is masking once");
}

#[test]
fn nothing_personal_is_left_in_a_masked_line() {
    let mut masker = Masker::new();
    let conversation = ConversationId(Uuid::from_u128(7));
    let entries = [
        Entry::Event(opening(CallSettings::default())),
        Entry::Event(Event::TurnReady {
            turn: TurnId(0),
            result: Box::new(TurnResult::saying(conversation, RuntimeStatus::Idle, "Miller, 4572")),
        }),
        Entry::Command(Command::Play { leg: LegId::CALLER, utterance: UtteranceId(0), text: Redacted::from("Miller, 4572") }),
        Entry::Command(Command::RunTurn { turn: TurnId(1), input: TurnInput::Keyed { text: Redacted::from("DTMF: 4572") } }),
        Entry::Command(Command::RunTurn { turn: TurnId(2), input: TurnInput::Said { text: Redacted::from("Miller") } }),
        Entry::Ask(serde_json::json!({"prompt": "Miller"})),
    ];
    for entry in entries {
        let line = encode(&Line { seq: 0, at: CallTime::ZERO, entry: masker.mask(entry) }).unwrap();
        for secret in ["Miller", "4572", "15550100", "15550199"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[test]
fn a_timeline_hides_words_unless_asked() {
    let lines = [Line {
        seq: 0,
        at: CallTime::from_millis(1_500),
        entry: Entry::Command(Command::Play { leg: LegId::CALLER, utterance: UtteranceId(0), text: Redacted::from("Good morning") }),
    }];
    assert_eq!(timeline(&lines, Words::Masked)[0].text, "says (2 words)");
    assert_eq!(timeline(&lines, Words::Shown)[0].text, "says “Good morning”");
}
