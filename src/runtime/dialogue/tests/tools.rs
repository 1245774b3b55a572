//! What the model calls: transfers, humans, ends, variables, tools behind HTTP.

use super::*;

#[track_caller]
fn intent(result: &TurnResult) -> &CallTransferIntent {
    result.call_transfer.as_ref().unwrap_or_else(|| panic!("{result:?}"))
}

#[test]
fn the_model_picks_a_label_and_the_file_gives_the_destination() {
    let mut talk = Talk::started();
    talk.say("My invoice is wrong.").delta("I connect you with billing. ");
    talk.done(
        "I connect you with billing. ",
        &[("transfer_call", r#"{"label": "billing", "reason": "wrong invoice", "destination": "+49900"}"#)],
    );
    let result = talk.take();
    assert_eq!((intent(&result).destination.as_str(), intent(&result).reason.as_deref()), ("+4930100", Some("wrong invoice")));
    assert_eq!(talk.runtime.pending_transfer(), Some(intent(&result)));
    assert_eq!(text(&result), "I connect you with billing.");
}

/// Pain 11.
#[test]
fn the_same_transfer_twice_is_one_transfer() {
    let mut talk = Talk::started();
    talk.say("Billing!").done(
        "",
        &[
            ("transfer_call", r#"{"label": "billing"}"#),
            ("transfer_call", r#"{"label": "billing"}"#),
            ("transfer_call", r#"{"label": "sales"}"#),
            ("end_session", "{}"),
        ],
    );
    let result = talk.take();
    assert_eq!((intent(&result).label.as_deref(), result.status, result.error.as_deref()), (Some("billing"), RuntimeStatus::Idle, None));
    talk.say("Billing!");
    let again = talk.take();
    assert_eq!((text(&again).as_str(), again.call_transfer), ("I am already connecting you. One moment, please.", None));
}

#[test]
fn after_a_failed_transfer_the_caller_and_the_model_know_why() {
    let mut talk = Talk::started();
    talk.say("Billing!").done("", &[("transfer_call", r#"{"label": "billing"}"#)]);
    talk.take();
    talk.give(TurnInput::TransferEnded { outcome: TransferOutcome::Failed { status: 486 }, on_failure: None });
    assert_eq!(text(&talk.take()), "I'm sorry, the line is busy. I can keep helping you here.");
    talk.say("And now?");
    assert!(shown(&talk.model()).contains("the last attempt to connect the caller ended with: busy"));
    talk.done("Shall I try again?", &[]);
    talk.take();
    talk.say("Yes.").done("", &[("transfer_call", r#"{"label": "billing"}"#)]);
    assert!(talk.take().call_transfer.is_some());
}

#[test]
fn a_human_is_asked_for_with_a_packet_that_says_what_it_is_about() {
    let mut talk = Talk::started();
    talk.say("My machine exploded.")
        .done("", &[("set_variables", r#"{"account": "4572"}"#), ("request_human_handoff", r#"{"reason": "an exploded machine"}"#)]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.session_status.as_deref()), ("A colleague will join us.", Some("waiting_for_human")));
    let packet = result.handoff.unwrap();
    assert_eq!((&packet["reason"], &packet["context_vars"]), (&json!("an exploded machine"), &json!({"account": "4572"})));
    assert_eq!((&packet["summary"], &packet["static_text"]), (&json!("My machine exploded."), &json!("A colleague will join us.")));
    assert_eq!(packet["transcript_ptr"], json!({"conversation_id": Uuid::from_u128(7), "up_to_seq": 1}));
}

#[test]
fn the_model_ends_the_call_with_its_own_goodbye_or_the_files() {
    for (words, said) in [("Take care.", "Take care."), ("", "Goodbye.")] {
        let mut talk = Talk::started();
        talk.say("That was all.").done(words, &[("end_session", "")]);
        let result = talk.take();
        assert_eq!((text(&result).as_str(), result.status), (said, RuntimeStatus::EndRequested));
    }
}

#[test]
fn the_step_is_over_once_what_it_needs_is_written() {
    let mut talk = Talk::started();
    talk.say("It is 45 72.").done("", &[("set_variables", r#"{"account": "45 72"}"#)]);
    let call = talk.model();
    assert!(shown(&call).contains(r#"{\"written\":[\"account\"]}"#), "{}", shown(&call));
    talk.done("Got it.", &[]);
    assert_eq!(text(&talk.take()), "Got it. Thank you, 4 5 7 2. Anything else?");
    talk.say("No.");
    assert!(!tool_names(&talk.model()).contains(&"take_path"), "it is at the next step");
}

#[test]
fn keys_fill_what_the_step_needs_without_asking_the_model() {
    let mut talk = Talk::started();
    talk.give(TurnInput::Keyed { text: "DTMF: 4572".into() });
    assert_eq!(text(&talk.take()), "Thank you, 4 5 7 2. Anything else?");
}

#[test]
fn a_caller_who_never_says_it_is_not_asked_for_ever() {
    let mut talk = Talk::started();
    talk.say("Hm.").done("Your account number, please.", &[]);
    assert_eq!(text(&talk.take()), "Your account number, please.");
    talk.say("Hm.").done("I need the number.", &[]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.status), ("I need the number. I cannot help you without it.", RuntimeStatus::EndRequested));
}

#[test]
fn a_tool_behind_http_is_called_with_its_secret_by_name_and_its_answer_is_bound() {
    let mut talk = Talk::started();
    talk.say("Where is order 77?").done("", &[("order_state", r#"{"order": "77"}"#)]);
    assert_eq!(talk.speech, ["One moment."], "the caller hears something while the tool runs");
    let call = talk.http();
    assert_eq!(
        (call.url.expose().as_str(), call.method, talk.asks[0].deadline),
        ("https://orders.example/77", HttpMethod::Get, Millis(3_000))
    );
    assert_eq!(call.headers[0].1.0[1], HeaderPiece::Secret { name: "orders".to_owned() });
    talk.http_done(200, json!({"state": "on its way"}));
    assert!(shown(&talk.model()).contains("on its way") && shown(&talk.model()).contains("- state: on its way"));
    talk.done("It is on its way.", &[]);
    assert_eq!(text(&talk.take()), "One moment. It is on its way.");
    talk.say("Thanks.");
    assert!(shown(&talk.model()).contains("call-0"), "a later turn still knows what the tool answered");
}

#[test]
fn a_tool_that_fails_is_told_to_the_model_and_the_turn_goes_on() {
    for kind in 0..3 {
        let mut talk = Talk::started();
        talk.say("Where is order 77?").done("I look.", &[("order_state", r#"{"order": "77"}"#)]);
        assert_eq!(talk.speech, ["I look."], "it has said something itself");
        match kind {
            0 => talk.http_done(500, json!("oops")),
            1 => talk.fail(AskFailure::Unreachable),
            _ => talk.hang(),
        };
        talk.done("I cannot see it now.", &[]);
        let result = talk.take();
        assert_eq!((text(&result).as_str(), result.error), ("I look. I cannot see it now.", None));
    }
}

#[test]
fn the_same_call_is_not_made_twice_in_a_turn() {
    let mut talk = Talk::started();
    let order = ("order_state", r#"{"order": "77"}"#);
    talk.say("Where is order 77?").done("", &[order, order]);
    assert_eq!(talk.asks.len(), 1);
    talk.http_done(200, json!({"state": "lost"})).done("", &[order]);
    assert_eq!(talk.model().role, "main", "answered from what is known");
    talk.done("It is lost.", &[]);
    talk.take();
}

#[test]
fn two_tools_run_side_by_side_and_answer_in_any_order() {
    let mut talk = Talk::started();
    talk.say("Both?").done("", &[("order_state", r#"{"order": "1"}"#), ("order_state", r#"{"order": "2"}"#)]);
    assert_eq!(talk.asks.len(), 2);
    talk.asks.reverse();
    talk.http_done(200, json!({"state": "second"})).http_done(200, json!({"state": "first"}));
    let exchanged = shown(&talk.model());
    assert!(exchanged.find("first").unwrap() < exchanged.find("second").unwrap(), "results stand in the order of the calls");
    talk.done("There.", &[]);
    talk.take();
}

#[test]
fn what_a_tool_did_stays_done_when_the_caller_cuts_in() {
    let mut talk = Talk::started();
    talk.say("Where is order 77?").done("", &[("order_state", r#"{"order": "77"}"#)]).http_done(200, json!({"state": "sent"}));
    talk.runtime.cancel_turn(TurnId(talk.turn));
    talk.poll();
    talk.say("Well?");
    assert!(shown(&talk.model()).contains("- state: sent"));
}

#[test]
fn a_step_offers_only_the_tools_it_names() {
    let mut talk = Talk::with(&DESK.replace("reask_cap = 1", "tools = [\"order_state\"]"));
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("Billing!");
    assert_eq!(tool_names(&talk.model()), ["set_variables", "take_path", "order_state"]);
    talk.done("", &[("transfer_call", r#"{"label": "billing"}"#)]);
    assert!(shown(&talk.model()).contains("there is no such tool"));
}
