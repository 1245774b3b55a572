//! The model fails: the caller hears something, the error says what, the next turn works.

use super::*;

/// The next turn of a conversation after whatever happened.
#[track_caller]
fn goes_on(talk: &mut Talk) {
    talk.say("Are you there?").done("Yes, I am.", &[]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.error, result.status), ("Yes, I am.", None, RuntimeStatus::Idle));
}

#[test]
fn a_model_that_hangs_never_leaves_the_caller_in_silence() {
    let mut talk = Talk::started();
    talk.say("Hello?").hang();
    assert_eq!(talk.model().role, "backup", "nothing was spoken: another one is asked");
    talk.hang();
    let result = talk.take();
    assert_eq!(text(&result), "I'm sorry, something went wrong on my side. Could you say that again?");
    assert_eq!(result.error.as_deref(), Some("node_execution_failed: ModelTimeout: role 'backup': no answer in time"));
    assert_eq!((result.status, result.latency_ms), (RuntimeStatus::Error, Some(10_000)));
    goes_on(&mut talk);
}

#[test]
fn the_silence_of_a_turn_is_bounded_over_all_models_together() {
    let mut talk = Talk::with(&DESK.replace("fallback = [\"backup\"]", "fallback = [\"b\", \"c\", \"d\"]"));
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("Hello?").hang().hang();
    assert_eq!(talk.model().first_token, Millis(2_000), "twelve seconds in all");
    talk.answer(AnswerBody::TimedOut { elapsed: Millis(2_000) });
    assert!(talk.take().error.unwrap().contains("waited long enough"), "the fourth one is not asked any more");
}

#[test]
fn a_model_that_breaks_off_before_a_sentence_is_replaced_by_another() {
    let mut talk = Talk::started();
    talk.say("Hello?").delta("Well, I").fail(AskFailure::CutShort);
    talk.delta("Good day. ").done("Good day. Yes?", &[]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.error), ("Good day. Yes?", None), "the half sentence was never spoken");
}

#[test]
fn a_model_that_breaks_off_in_the_middle_apologises_and_says_nothing_twice() {
    let mut talk = Talk::started();
    talk.say("Hello?").delta("Your order was sent. It will arr").fail(AskFailure::CutShort);
    let result = talk.take();
    assert_eq!(text(&result), "Your order was sent. I'm sorry, I lost my thread. Could you say that again?");
    assert_eq!(result.error.as_deref(), Some("node_execution_failed: ModelError: role 'main': cut_short"));
    goes_on(&mut talk);
}

#[test]
fn an_empty_answer_is_a_failure_not_a_silence() {
    let mut talk = Talk::started();
    talk.say("Hello?").done("  \n", &[]);
    assert_eq!(talk.model().role, "backup");
    talk.done("", &[]);
    assert!(talk.take().error.unwrap().ends_with("empty answer"));
    goes_on(&mut talk);
}

#[test]
fn broken_arguments_and_unknown_tools_are_told_to_the_model_and_then_given_up() {
    for (name, arguments, part) in [
        ("transfer_call", "{\"label\": \"bil", "no JSON object"),
        ("order_state", "[1]", "no JSON object"),
        ("launch_rocket", "{}", "there is no such tool"),
        ("transfer_call", "{\"label\": \"nobody\"}", "none of those"),
        ("order_state", "{\"order\": \"abc\"}", "does not fit"),
        ("take_path", "{\"path\": \"99\"}", "none of those"),
        ("set_variables", "{\"account\": \"12\"}", "does_not_fit"),
    ] {
        let mut talk = Talk::started();
        talk.say("Hello?");
        for _ in 0..3 {
            talk.done("", &[(name, arguments)]);
            if let Some(ask) = talk.asks.first() {
                let Question::Model(call) = &ask.what else { panic!("{ask:?}") };
                assert!(shown(call).contains(part), "{name}: {}", shown(call));
            }
        }
        let result = talk.take();
        assert!(text(&result).starts_with("I'm sorry"), "{result:?}");
        assert!(result.error.as_ref().unwrap().starts_with("node_execution_failed: ToolError: call 1 of 1: "), "{result:?}");
        assert_eq!(result.call_transfer, None);
        goes_on(&mut talk);
    }
}

#[test]
fn a_model_that_only_calls_tools_is_stopped() {
    let mut talk = Talk::started();
    talk.say("Hello?");
    for mood in ["good", "bad", "good", "bad"] {
        talk.done("", &[("set_variables", &format!("{{\"mood\": \"{mood}\"}}"))]);
    }
    let result = talk.take();
    assert_eq!(result.error.as_deref(), Some("max_steps_exceeded"));
    assert!(text(&result).starts_with("I'm sorry"));
    goes_on(&mut talk);
}

const CIRCLE: &str = r#"
name = "Circle"
[model]
role = "main"
max_rounds = 3
[voice.first_speaking]
text = "Hello."
[workflow]
start = "a"
[[workflow.nodes]]
id = "a"
kind = "agent"
instructions = "A."
edges = [{ to = "b", means = "anything" }]
[[workflow.nodes]]
id = "b"
kind = "agent"
instructions = "B."
edges = [{ to = "a", means = "anything" }]
"#;

#[test]
fn models_that_send_each_other_in_circles_are_stopped_and_nothing_is_said_twice() {
    let mut talk = Talk::with(CIRCLE);
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("Hello?");
    for _ in 0..6 {
        talk.done("Let me see.", &[("take_path", r#"{"path": "1"}"#)]);
    }
    let result = talk.take();
    assert_eq!(text(&result), "Let me see. I'm sorry, something went wrong on my side. Could you say that again?");
    assert_eq!(result.error.as_deref(), Some("max_steps_exceeded"));
    goes_on(&mut talk);
}

#[test]
fn a_flood_of_words_is_cut_and_the_model_is_told_to_stop() {
    let mut talk = Talk::started();
    talk.say("Hello?");
    let id = talk.asks[0].id;
    talk.asks.clear();
    let flood: String = (0..500).map(|number| format!("This is sentence number {number}. ")).collect();
    talk.runtime.answer(Answer { id, body: AnswerBody::ModelDelta { text: flood.into() } });
    talk.poll();
    assert_eq!(talk.cancelled, [id]);
    let result = talk.take();
    assert!(text(&result).chars().count() <= 4_000 && result.error.is_none());
    talk.say("Stop.").done("Sorry.", &[]);
    assert!(text(&talk.take()).starts_with("Sorry."));
}

#[test]
fn an_error_holds_neither_details_of_the_endpoint_nor_words_of_the_caller() {
    let mut talk = Talk::started();
    talk.say("my code is zanzibar").fail(AskFailure::Refused).fail(AskFailure::Refused);
    let result = talk.take();
    let error = result.error.clone().unwrap();
    assert_eq!(error, "node_execution_failed: ModelError: role 'backup': refused");
    assert!(!format!("{result:?}{:?}", talk.runtime).contains("zanzibar"));
}
