//! Pain 13: when the caller is gone the call ends, whatever it was doing, and nothing stays armed.

use crate::scenario::*;
use voice_worker::call::{Command, Event, ReleaseReason, ReleasedBy};
use voice_worker::model::{CallTransferIntent, EndCause, Notice, TurnInput};

#[test]
fn a_cancel_while_it_rings_owes_the_leg_nothing() {
    let mut call = Scenario::inbound(Default::default());
    let turn = call.turn(&TurnInput::Started);
    call.take();
    call.gone(ReleasedBy::Remote, ReleaseReason::Cancelled);
    assert!(call.has(|command| *command == Command::CancelTurn { turn }));
    assert!(!call.has(|command| matches!(command, Command::Reject { .. } | Command::Release { .. })));
    call.closes(EndCause::CallerCancelled);
}

#[test]
fn between_turns() {
    let mut call = Scenario::talking(quiet());
    call.caller_hangs_up();
    assert!(!call.has(|command| matches!(command, Command::Release { .. })));
    call.closes(EndCause::CallerHungUp);
}

#[test]
fn while_a_turn_is_computed_its_late_answer_is_stale() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.caller_hangs_up();
    assert!(call.has(|command| *command == Command::CancelTurn { turn }));
    call.ready(turn, result("Too late."));
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
    assert!(call.has(|command| *command == Command::Notify(Notice::Stale { what: "turn_ready".to_owned() })));
    call.closes(EndCause::CallerHungUp);
}

#[test]
fn while_it_speaks_the_runtime_learns_what_was_heard() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, result("One two three four five."));
    let utterance = call.play("One two three four five.");
    call.event(Event::PlaybackStarted { utterance });
    call.pass(900);
    call.caller_hangs_up();
    assert!(call.has_cut(utterance));
    assert!(call.has(|command| *command == Command::ReportHeard { turn, text: "One two".into() }));
    call.closes(EndCause::CallerHungUp);
}

#[test]
fn before_the_refer_it_is_a_hangup_and_not_a_transfer() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    call.refer();
    call.caller_hangs_up();
    assert!(call.notices().iter().any(|notice| matches!(notice, Notice::TransferEnded { outcome, .. } if outcome == "caller_hung_up")));
    call.closes(EndCause::CallerHungUp);
}

#[test]
fn a_bye_that_crosses_ours_is_one_end() {
    let mut call = Scenario::talking(quiet());
    call.admin_hangs_up();
    call.caller_hangs_up();
    call.gone(ReleasedBy::Local, ReleaseReason::Bye);
    call.closes(EndCause::AdminEnded(voice_worker::model::TerminationReason::AgentInitiated));
}
