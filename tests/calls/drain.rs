//! Pain 27: a drain knows about transfers, and its end is called by its name.

use crate::scenario::*;
use voice_worker::call::{Event, TimerKind};
use voice_worker::model::{CallTransferIntent, EndCause, Millis, TransferOutcome, TurnInput, TurnResult};

fn draining(call: &mut Scenario, millis: u64) {
    let deadline = call.now.after(Millis(millis));
    call.event(Event::Draining { deadline });
}

#[test]
fn a_call_goes_on_until_the_deadline_and_ends_as_shutdown() {
    let (mut call, turn) = Scenario::asked(quiet());
    draining(&mut call, 10_000);
    call.ready(turn, result("Go on."));
    let words = call.play("Go on.");
    call.played(words);
    call.wakes(9_000, TimerKind::Drain);
    call.pass(9_000);
    call.released_and_closes(EndCause::ServerShutdown);
}

#[test]
fn a_transfer_that_cannot_end_in_time_is_not_started_and_the_caller_hears_why() {
    let (mut call, turn) = Scenario::asked(quiet());
    draining(&mut call, 60_000);
    call.ready(turn, TurnResult { call_transfer: Some(CallTransferIntent::cold("+4930")), ..result("") });
    assert!(!call.has_refer());
    let why = call.play("I'm sorry, I can't connect you right now. Please call again in a few minutes.");
    call.played(why);
    call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::Interrupted, on_failure: None });
}

#[test]
fn a_transfer_that_still_speaks_is_called_off_and_one_that_is_out_may_end() {
    let intent = CallTransferIntent { connecting_text: Some("One moment.".to_owned()), ..CallTransferIntent::cold("+4930") };
    let mut call = Scenario::transferring(quiet(), intent);
    let moment = call.play("One moment.");
    draining(&mut call, 20_000);
    assert!(call.has_cut(moment) && !call.has_refer());
    call.play("I'm sorry, I can't connect you right now. Please call again in a few minutes.");
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    draining(&mut call, 20_000);
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.wakes(20_000, TimerKind::Drain);
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn a_ringing_call_is_refused_at_the_deadline() {
    let mut call = Scenario::inbound(quiet());
    draining(&mut call, 100);
    call.pass(100);
    call.released_and_closes(EndCause::ServerShutdown);
}
