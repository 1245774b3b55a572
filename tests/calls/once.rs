//! Pain 11: an intent is carried out once, whatever else comes while it is.

use crate::scenario::*;
use voice_worker::call::{Command, Event, LegFailure};
use voice_worker::model::{
    Bounded, CallTransferIntent, EndCause, FailureReason, Notice, TerminationReason, TransferMode, TransferOutcome, TurnId, TurnInput,
    TurnResult,
};

fn warm() -> CallTransferIntent {
    CallTransferIntent { mode: TransferMode::Warm, max_retries: Bounded::of(0), ..CallTransferIntent::cold("+4930") }
}

/// On hold, somebody rings.
fn ringing() -> Scenario {
    let mut call = Scenario::transferring(keypad(2), warm());
    let words = call.play("One moment — I'll place you on a brief hold while I connect you.");
    call.played(words);
    call
}

fn dialled(call: &mut Scenario) -> voice_worker::model::LegId {
    match call.remove("Dial", |command| matches!(command, Command::Dial { .. })) {
        Command::Dial { leg, .. } => leg,
        _ => unreachable!(),
    }
}

#[test]
fn a_second_intent_during_the_hold_is_answered_already_in_progress_when_the_first_is_over() {
    let mut call = ringing();
    let leg = dialled(&mut call);
    call.ready(TurnId(9), TurnResult { call_transfer: Some(warm()), ..result("Transferring you.") });
    assert!(!call.has(|command| matches!(command, Command::Dial { .. })));
    assert!(call.notices().contains(&Notice::TransferRefused { why: "already_in_progress".to_owned() }));
    call.event(Event::LegFailed { leg, why: LegFailure::NoAnswer });
    let sorry = call.play("I'm sorry, I wasn't able to connect you right now. I can keep helping you here.");
    call.played(sorry);
    let outcome = TransferOutcome::NotReached { why: FailureReason::NoAnswer };
    let turn = call.turn(&TurnInput::TransferEnded { outcome, on_failure: None });
    call.ready(turn, result(""));
    call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::AlreadyInProgress, on_failure: None });
}

#[test]
fn a_keypad_retune_during_the_hold_changes_nothing() {
    let mut call = ringing();
    call.ready(TurnId(9), TurnResult { dtmf_input: Some(collect(8)), ..result("") });
    assert!(!call.has(|command| matches!(command, Command::Collecting { .. })));
    assert!(call.notices().contains(&Notice::Stale { what: "turn_ready".to_owned() }));
}

#[test]
fn an_end_order_during_the_hold_ends_the_call_once() {
    let mut call = ringing();
    let leg = dialled(&mut call);
    call.admin_hangs_up();
    call.admin_hangs_up();
    let releases = call.fresh.iter().filter(|command| matches!(command, Command::Release { .. })).count();
    assert_eq!(releases, 2, "each leg once: {:?}", call.fresh);
    call.event(Event::LegFailed { leg, why: LegFailure::Status { status: 487 } });
    call.released_and_closes(EndCause::AdminEnded(TerminationReason::AgentInitiated));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_released_and_joins_nobody() {
    let mut call = ringing();
    let leg = dialled(&mut call);
    call.pass(30_000);
    assert!(call.has(|command| matches!(command, Command::Release { leg: at, .. } if *at == leg)));
    call.take();
    call.event(Event::LegAnswered { leg });
    assert_eq!(call.orders(), [], "its own leg sends the BYE");
}
