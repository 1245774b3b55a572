//! The model speaks: sentence by sentence, cut off, remembered.

use super::*;

#[test]
fn sentences_are_spoken_as_they_come_and_none_of_them_twice() {
    let mut talk = Talk::started();
    talk.say("Hello, it is me.");
    let call = talk.model();
    assert_eq!((call.role.as_str(), call.first_token), ("main", Millis(5_000)));
    talk.delta("Good morn").delta("ing. How can");
    assert_eq!(talk.speech, ["Good morning."]);
    talk.delta(" I help? Good morning. ").done("Good morning. How can I help? Good morning. Tell me", &[]);
    let result = talk.take();
    assert_eq!(text(&result), "Good morning. How can I help? Tell me");
    assert_eq!(result.error, None);
}

#[test]
fn the_model_is_told_who_it_is_what_to_do_and_what_was_said() {
    let mut talk = Talk::started();
    talk.say("My order is late.");
    let call = talk.model();
    let ChatMessage::System { text: system } = &call.messages[0] else { panic!("{call:?}") };
    for part in ["You are Desk.", "You are calm.", "Calls come from +4930555.", "Help the caller.", "- account: the account number"] {
        assert!(system.expose().contains(part), "{part}: {}", system.expose());
    }
    assert_eq!(
        call.messages[1..],
        [ChatMessage::Assistant { text: "Hello.".into(), tool_calls: Vec::new() }, ChatMessage::User { text: "My order is late.".into() },]
    );
    let names = tool_names(&call);
    for name in ["set_variables", "transfer_call", "request_human_handoff", "end_session", "take_path", "order_state"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!shown(&call).contains("secret:"), "no secret's name is in a prompt");
}

#[test]
fn the_metrics_of_a_turn_are_the_sums_of_its_calls_and_null_without_one() {
    let mut talk = Talk::with(DESK);
    talk.give(TurnInput::Started);
    let greeting = talk.take();
    assert_eq!((greeting.model_used, greeting.token_count, greeting.latency_ms), (None, None, None));
    talk.say("Good mood here").done("", &[("set_variables", r#"{"mood": "good"}"#)]).done("Nice.", &[]);
    let result = talk.take();
    assert_eq!((result.model_used.as_deref(), result.token_count, result.latency_ms), (Some("test-model-1"), Some(20), Some(100)));
}

#[test]
fn a_caller_who_cuts_in_stops_the_model_and_its_late_words_are_strays() {
    let mut talk = Talk::started();
    talk.say("Tell me a story.").delta("Once upon a time. There was");
    let id = talk.asks[0].id;
    assert_eq!(talk.speech, ["Once upon a time."]);
    talk.runtime.cancel_turn(TurnId(talk.turn));
    talk.poll();
    assert_eq!(talk.cancelled, [id]);
    talk.runtime.answer(Answer { id, body: done("Once upon a time. There was a king.", &[]) });
    talk.poll();
    assert_eq!((talk.runtime.stray_answers(), talk.ready.len(), talk.runtime.status()), (1, 0, RuntimeStatus::Idle));
    talk.runtime.heard(TurnId(talk.turn), "Once upon");
    let last = talk.runtime.transcript().entries().next_back().unwrap().clone();
    assert_eq!((last.text.expose().as_str(), last.interrupted), ("Once upon", true));
    talk.say("Stop it.");
    assert!(shown(&talk.model()).contains("Once upon — (the caller cut in here)"), "the model knows what was heard");
}

#[test]
fn a_turn_cancelled_before_it_spoke_leaves_only_the_callers_words() {
    let mut talk = Talk::started();
    talk.say("Wait").delta("Well");
    talk.runtime.cancel_turn(TurnId(talk.turn));
    let roles: Vec<Role> = talk.runtime.transcript().entries().map(|entry| entry.role).collect();
    assert_eq!(roles, [Role::Assistant, Role::Caller]);
}

#[test]
fn first_words_from_the_model_are_asked_for_and_a_failing_model_greets_all_the_same() {
    let dynamic = DESK.replace("text = \"Hello.\"", "mode = \"dynamic\"\ninstructions = \"Wish {{caller_number}} a nice {{weekday}}.\"");
    let mut talk = Talk::with(&dynamic);
    talk.give(TurnInput::Started);
    assert!(shown(&talk.model()).contains("Wish +4930555 a nice tuesday."));
    assert!(talk.model().tools.is_empty());
    talk.done("Have a nice day.", &[]);
    assert_eq!(text(&talk.take()), "Have a nice day.");

    let mut talk = Talk::with(&dynamic);
    talk.give(TurnInput::Started);
    talk.hang().hang();
    let result = talk.take();
    assert_eq!(text(&result), "Hello, this is Desk. How can I help you?");
    assert_eq!(result.error.as_deref(), Some("node_execution_failed: ModelTimeout: role 'backup': no answer in time"));
    talk.say("Hi").done("Hi there.", &[]);
    assert_eq!(text(&talk.take()), "Hi there.", "the next turn works");
}

#[test]
fn the_end_of_a_session_drops_what_is_under_way() {
    let mut talk = Talk::started();
    talk.say("Tell me a story.").delta("Once upon a time. There");
    talk.runtime.begin_briefing(3, MessageMode::AiSummary, None);
    let record = talk.runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp);
    talk.poll();
    assert_eq!((talk.cancelled.len(), talk.asks.len(), talk.ready.len()), (2, 0, 0));
    assert_eq!(record.transcript.entries().next_back().unwrap().text.expose(), "Once upon a time.");
}

#[test]
fn what_is_known_from_earlier_is_recalled_and_cannot_be_overwritten() {
    let mut talk = Talk::with(DESK);
    talk.runtime.recall(&[MemoryFact { key: "name".to_owned(), text: "Miller".into() }]);
    talk.give(TurnInput::Started);
    talk.take();
    talk.runtime.recall(&[MemoryFact { key: "name".to_owned(), text: "Smith".into() }]);
    talk.say("It is me.");
    assert!(shown(&talk.model()).contains("name: Miller"), "a later recall changes nothing");
    talk.done("", &[("set_variables", r#"{"memory": "name: Evil"}"#)]);
    assert!(shown(&talk.model()).contains("no such variable here") && shown(&talk.model()).contains("name: Miller"));
}

#[test]
fn an_assistant_without_a_workflow_is_one_conversation() {
    let text_of = "name = \"Free\"\npersona = \"You are kind.\"\n[model]\nrole = \"main\"\n[voice.first_speaking]\ntext = \"Hi.\"\n[variables.name]\ntype = \"string\"\n";
    let mut talk = Talk::with(text_of);
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("I am Ada.").done("Hello Ada.", &[("set_variables", r#"{"name": "Ada"}"#)]);
    assert_eq!(text(&talk.take()), "Hello Ada.", "it spoke and only noted something: no second round");
    talk.say("Who am I?");
    assert!(shown(&talk.model()).contains("- name: Ada"));
}
