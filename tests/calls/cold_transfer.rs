//! Pains 1, 4, 10, 11: a cold transfer starts after its words, waits patiently, and its success is recognised in all its forms.

use crate::scenario::*;
use voice_worker::call::{Command, Event, TimerKind};
use voice_worker::model::{CallTransferIntent, EndCause, Notice, TransferOutcome, TurnInput, TurnResult};

fn to(destination: &str) -> CallTransferIntent {
    CallTransferIntent { connecting_text: Some("I connect you now.".to_owned()), ..CallTransferIntent::cold(destination) }
}

#[test]
fn the_refer_leaves_only_after_every_word_before_it_has_played() {
    let (mut call, turn) = Scenario::asked(keypad(4));
    call.ready(turn, TurnResult { call_transfer: Some(to("+4930")), ..result("Sure, one moment.") });
    let sure = call.play("Sure, one moment.");
    let connecting = call.play("I connect you now.");
    call.words("no wait please stop");
    call.keys("1");
    assert!(!call.has_cut(sure) && !call.has_cut(connecting) && !call.has_turn());
    call.played(sure);
    assert!(!call.has_refer());
    call.wakes(120_000, TimerKind::Utterance);
    call.played(connecting);
    call.refer();
    call.wakes(34_000, TimerKind::ReferAnswer);
}

#[test]
fn a_confirmed_transfer_releases_the_caller_once() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.wakes(30_000, TimerKind::ReferNotify);
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    assert!(
        call.notices().iter().any(|notice| matches!(notice, Notice::TransferEnded { outcome, attempts: 1, .. } if outcome == "confirmed"))
    );
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn a_ringing_target_is_waited_for_but_not_for_ever() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    for _ in 0..4 {
        call.pass(25_000);
        call.event(Event::ReferProgress { leg: LEG, request, status: 180 });
    }
    call.wakes(20_000, TimerKind::ReferTotal);
    call.pass(20_000);
    assert!(call.has(|command| *command == Command::AbandonRefer { leg: LEG, request }));
    call.play("I'm sorry, I could not connect you. I can keep helping you here.");
}

#[test]
fn the_peers_bye_after_202_is_success() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.caller_hangs_up();
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    assert!(call.notices().iter().any(|notice| matches!(notice, Notice::TransferEnded { outcome, .. } if outcome == "presumed")));
    call.closes(EndCause::Transferred);
}

#[test]
fn a_notify_may_overtake_the_answer_and_media_may_move_away() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.event(Event::ReferProgress { leg: LEG, request, status: 100 });
    call.wakes(30_000, TimerKind::ReferNotify);
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.event(Event::LegHeld { leg: LEG, held: true });
    call.event(Event::MediaLost { leg: LEG });
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn a_second_intent_is_refused_and_the_runtime_learns_it_after_the_first() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.ready(voice_worker::model::TurnId(0), TurnResult { call_transfer: Some(to("+4931")), ..result("Again.") });
    assert!(!call.has_refer());
    call.event(Event::ReferAnswered { leg: LEG, request, status: 404 });
    let sorry = call.play("I'm sorry, I could not connect you. I can keep helping you here.");
    call.played(sorry);
    let turn = call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::Refused { status: 404 }, on_failure: None });
    call.ready(turn, result(""));
    call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::AlreadyInProgress, on_failure: None });
}
