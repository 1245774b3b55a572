//! Pains 1, 2, 5: a failed transfer has a named outcome, never strands the caller and never ends the call.

use crate::scenario::*;
use voice_worker::call::{Event, TimerKind};
use voice_worker::model::{Bounded, CallTransferIntent, EndCause, Notice, Text, TransferMode, TransferOutcome, TurnInput};

fn intent(retries: i64) -> CallTransferIntent {
    CallTransferIntent { max_retries: Bounded::try_from(retries).unwrap(), ..CallTransferIntent::cold("+4930") }
}

/// The caller is back: the words, the news for the runtime, and an ordinary silence timer afterwards.
fn back_with(call: &mut Scenario, outcome: TransferOutcome) {
    let sorry = call.play("I'm sorry, I could not connect you. I can keep helping you here.");
    call.played(sorry);
    let turn = call.turn(&TurnInput::TransferEnded { outcome, on_failure: None });
    call.ready(turn, result("What else can I do?"));
    let question = call.play("What else can I do?");
    call.played(question);
    call.wakes(30_000, TimerKind::Silence);
    call.words("nothing more thanks");
    call.turn(&said("nothing more thanks"));
}

#[test]
fn a_refused_refer_is_tried_again_and_then_the_caller_is_back() {
    let retrying = CallTransferIntent { retry_text: Some(Text::try_from("Once more.").unwrap()), ..intent(2) };
    let mut call = Scenario::transferring(quiet(), retrying);
    for _ in 0..2 {
        let request = call.refer();
        call.event(Event::ReferAnswered { leg: LEG, request, status: 603 });
        let words = call.play("Once more.");
        assert!(!call.has_refer());
        call.played(words);
    }
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 603 });
    let ended = call.notices().into_iter().find(|notice| matches!(notice, Notice::TransferEnded { .. }));
    assert!(matches!(ended, Some(Notice::TransferEnded { outcome, attempts: 3, .. }) if outcome == "declined"));
    back_with(&mut call, TransferOutcome::Refused { status: 603 });
}

#[test]
fn busy_declined_and_unanswered_targets_stay_apart() {
    for (status, word) in [(486, "busy"), (603, "declined"), (480, "no_answer"), (404, "not_found")] {
        let mut call = Scenario::transferring(quiet(), intent(0));
        let request = call.refer();
        call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
        call.event(Event::ReferProgress { leg: LEG, request, status });
        assert!(call.has(
            |command| matches!(command, voice_worker::call::Command::Notify(Notice::TransferEnded { outcome, .. }) if outcome == word)
        ));
        back_with(&mut call, TransferOutcome::Failed { status });
    }
}

#[test]
fn silence_of_the_peer_has_a_deadline_and_is_not_tried_again() {
    let mut call = Scenario::transferring(quiet(), intent(3));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.pass(30_000);
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    back_with(&mut call, TransferOutcome::NoNotify);
    let mut call = Scenario::transferring(quiet(), intent(0));
    call.refer();
    call.pass(34_000);
    back_with(&mut call, TransferOutcome::NoResponse);
}

#[test]
fn a_notify_without_a_status_line_is_unknown_and_no_success() {
    let mut call = Scenario::transferring(quiet(), intent(3));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.event(Event::ReferEnded { leg: LEG, request });
    back_with(&mut call, TransferOutcome::Unknown);
}

#[test]
fn crossing_requests_are_tried_again_without_a_word_and_not_for_ever() {
    let mut call = Scenario::transferring(quiet(), intent(1));
    for _ in 0..3 {
        let request = call.refer();
        call.event(Event::ReferAnswered { leg: LEG, request, status: 491 });
        call.wakes(17, TimerKind::ReferRetry);
        call.pass(17);
    }
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 491 });
    back_with(&mut call, TransferOutcome::Glare);
}

#[test]
fn a_node_to_go_on_with_has_the_words_itself() {
    let node = CallTransferIntent { on_failure: Some("voicemail".to_owned()), ..intent(0) };
    let mut call = Scenario::transferring(quiet(), node);
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 486 });
    call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::Refused { status: 486 }, on_failure: Some("voicemail".to_owned()) });
}

#[test]
fn what_the_caller_did_meanwhile_is_kept_for_afterwards() {
    let mut call = Scenario::transferring(keypad(2), intent(0));
    let request = call.refer();
    call.keys("42");
    call.words("are you there");
    assert!(!call.has_turn());
    call.event(Event::ReferAnswered { leg: LEG, request, status: 486 });
    let sorry = call.play("I'm sorry, I could not connect you. I can keep helping you here.");
    call.played(sorry);
    let turn = call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::Refused { status: 486 }, on_failure: None });
    call.ready(turn, result(""));
    let turn = call.turn(&said("are you there"));
    call.ready(turn, result(""));
    call.turn(&keyed("DTMF: 42"));
}

#[test]
fn an_intent_that_cannot_be_carried_out_sends_nothing() {
    let warm = CallTransferIntent { mode: TransferMode::Warm, ..intent(0) };
    let mut settings = quiet();
    settings.transfer.dials = false;
    let mut call = Scenario::transferring(settings, warm);
    assert!(!call.has_refer());
    back_with(&mut call, TransferOutcome::Unsupported);
    let mut settings = quiet();
    settings.transfer_allowed = Some(vec!["+49*".to_owned()]);
    let mut call = Scenario::transferring(settings, CallTransferIntent::cold("+1900"));
    assert!(!call.has_refer());
    back_with(&mut call, TransferOutcome::NotAllowed);
}

#[test]
fn a_call_too_long_ends_even_in_a_transfer() {
    let mut settings = quiet();
    settings.voice.max_call_duration_ms = Bounded::of(5_000);
    let mut call = Scenario::transferring(settings, intent(0));
    call.refer();
    call.pass(5_000);
    call.released_and_closes(EndCause::MaxDuration);
}

#[test]
fn an_operator_who_speaks_before_the_next_try_is_heard_out() {
    let mut call = Scenario::transferring(quiet(), intent(0));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 491 });
    call.event(Event::Ordered(voice_worker::call::AdminOrder::Say { text: "Hold on.".into() }));
    let words = call.play("Hold on.");
    call.pass(17);
    assert!(!call.has_refer());
    call.played(words);
    call.refer();
}
