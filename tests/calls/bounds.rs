//! Every store of a call has a bound, and what does not fit is said.

use crate::scenario::*;
use voice_worker::call::{Command, Event};
use voice_worker::model::Notice;

#[test]
fn keys_beyond_sixty_four_are_dropped_with_a_notice() {
    let (mut call, _) = Scenario::asked(quiet());
    call.keys(&"1".repeat(70));
    assert_eq!(call.call.load().digits, 64);
    let dropped = call.notices().into_iter().filter(|notice| matches!(notice, Notice::DigitsDropped { count: 1, .. })).count();
    assert_eq!(dropped, 6);
}

#[test]
fn words_beyond_the_limit_are_dropped_with_a_notice() {
    let (mut call, _) = Scenario::asked(quiet());
    for _ in 0..100 {
        call.words(&"word ".repeat(20));
    }
    assert_eq!(call.call.load().inputs, 1);
    assert!(call.notices().contains(&Notice::InputsDropped { count: 1 }));
}

#[test]
fn sentences_beyond_the_queue_are_not_spoken_and_the_runtime_is_told() {
    let (mut call, turn) = Scenario::asked(quiet());
    for _ in 0..70 {
        call.event(Event::TurnSpeech { turn, text: "Sentence.".into() });
    }
    assert_eq!(call.call.load().utterances, 64);
    let spoken = call.take().into_iter().filter(|command| matches!(command, Command::Play { .. })).count();
    assert_eq!(spoken, 64);
}

#[test]
fn nothing_before_the_offer_counts() {
    let mut call = voice_worker::call::Call::new();
    call.handle(voice_worker::model::CallTime::from_millis(5), Event::MediaLost { leg: LEG });
    assert_eq!((call.phase(), call.next_deadline(), call.is_finished()), ("offered", None, false));
    assert!(matches!(call.poll_command(), Some(Command::Notify(Notice::Unexpected { .. }))));
}

#[test]
fn a_calls_debug_text_holds_neither_words_nor_keys() {
    let mut call = Scenario::talking(keypad(8));
    call.event(Event::PartialTranscript { leg: LEG, text: "secret words".into() });
    call.keys("4572");
    let shown = format!("{:?}", call.call);
    assert!(shown.contains("talking") && shown.contains("InterDigit"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("4572"), "{shown}");
}
