//! An operator's order ends the call at any step, at once, and twice is as good as once.

use crate::scenario::*;
use voice_worker::call::{AdminOrder, Command, Event, ReleaseReason, ReleasedBy};
use voice_worker::model::{CallTransferIntent, EndCause, TerminationReason, TriggeredBy, TurnInput};

const CAUSE: EndCause = EndCause::AdminEnded(TerminationReason::AgentInitiated);

#[test]
fn while_it_rings_the_caller_is_refused() {
    let mut call = Scenario::inbound(Default::default());
    let turn = call.turn(&TurnInput::Started);
    call.take();
    call.admin_hangs_up();
    assert_eq!(call.orders(), [Command::CancelTurn { turn }, Command::Reject { leg: LEG, status: 603 }]);
    call.gone(ReleasedBy::Local, ReleaseReason::Rejected);
    call.closes(CAUSE);
}

#[test]
fn while_it_speaks_the_speech_stops_with_the_same_order() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, result("A long story."));
    let story = call.play("A long story.");
    call.take();
    call.admin_hangs_up();
    assert_eq!(
        call.orders(),
        [
            Command::StopListening { leg: LEG },
            Command::CutPlayback { leg: LEG, utterance: story },
            Command::Release { leg: LEG, cause: CAUSE },
        ]
    );
    call.admin_hangs_up();
    assert_eq!(call.orders(), [], "idempotent");
    call.cut_after(story, 500, 1_500);
    assert_eq!(call.orders(), [Command::ReportHeard { turn, text: "A".into() }]);
    call.gone(ReleasedBy::Local, ReleaseReason::Bye);
    assert!(call.has(|command| matches!(command, Command::EndSession { triggered_by: TriggeredBy::Admin, .. })));
    call.closes(CAUSE);
}

#[test]
fn while_a_turn_is_computed_it_is_not_waited_for() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.admin_hangs_up();
    assert!(call.has(|command| *command == Command::CancelTurn { turn }));
    call.released_and_closes(CAUSE);
}

#[test]
fn while_a_transfer_runs_its_refer_is_abandoned() {
    let mut call = Scenario::transferring(quiet(), CallTransferIntent::cold("+4930"));
    let request = call.refer();
    call.admin_hangs_up();
    assert!(call.has(|command| *command == Command::AbandonRefer { leg: LEG, request }));
    call.released_and_closes(CAUSE);
}

#[test]
fn while_the_goodbye_plays_it_only_hurries_and_the_first_cause_stands() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending("Goodbye, goodbye."));
    let goodbye = call.play("Goodbye, goodbye.");
    call.admin_hangs_up();
    assert!(call.has_cut(goodbye));
    call.released_and_closes(EndCause::AssistantEnded);
}

#[test]
fn an_operators_words_are_spoken_and_a_resolved_handoff_ends_the_call_after_them() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::Ordered(AdminOrder::Say { text: "This is the operator.".into() }));
    let words = call.play("This is the operator.");
    call.words("what do you want");
    assert!(!call.has_cut(words));
    call.event(Event::Ordered(AdminOrder::ResolveHandoff));
    assert!(!call.releases(EndCause::HandoffResolved));
    call.played(words);
    call.released_and_closes(EndCause::HandoffResolved);
}
