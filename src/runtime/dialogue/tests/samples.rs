//! The sample that needs a model, talked through.

use super::*;

const ORDER_LINE: &str = include_str!("../../../../config/assistants/with-model/order-line.toml");

#[test]
fn the_order_line_finds_an_order_and_says_where_it_is() {
    let mut talk = Talk::with(ORDER_LINE);
    talk.give(TurnInput::Started);
    let greeting = talk.take();
    assert_eq!(text(&greeting), "Hello, this is the furniture shop. How can I help you?");
    assert!(greeting.dtmf_input.is_some(), "the number may be typed");
    talk.say("Where is my order 4572?");
    assert!(shown(&talk.model()).contains("- order_number: the order number, four to eight digits"));
    talk.done("", &[("set_variables", r#"{"order_number": "4572", "wish": "status"}"#)]);
    talk.done("Let me see.", &[]);
    assert_eq!(talk.http().url.expose(), "http://127.0.0.1:8099/orders/4572");
    assert_eq!(talk.speech, ["Let me see."], "the caller is not left in silence while the tool runs");
    talk.http_done(200, json!({"state": "on its way"}));
    assert!(shown(&talk.model()).contains("- order_state: on its way"));
    talk.done("It is on its way.", &[]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.error, result.dtmf_input), ("Let me see. It is on its way.", None, None));
    talk.say("Thanks, bye.").done("", &[("end_session", "{}")]);
    assert_eq!(talk.take().status, RuntimeStatus::EndRequested);
}

#[test]
fn the_order_line_sends_a_complaint_past_the_look_up_and_a_broken_shelf_to_the_workshop() {
    let mut talk = Talk::with(ORDER_LINE);
    talk.give(TurnInput::Started);
    talk.take();
    talk.give(TurnInput::Keyed { text: "DTMF: 4572".into() });
    talk.done("And what about it?", &[]);
    talk.take();
    talk.say("The shelf came broken.").done("I am sorry.", &[("set_variables", r#"{"wish": "complaint"}"#)]);
    let call = talk.model();
    assert!(shown(&call).contains("Broken things are for the workshop.") && !tool_names(&call).contains(&"take_path"));
    talk.done("", &[("transfer_call", r#"{"label": "workshop", "reason": "a broken\r\nshelf"}"#)]);
    let result = talk.take();
    let intent = result.call_transfer.as_ref().unwrap();
    assert_eq!((intent.label.as_deref(), intent.reason.as_deref()), (Some("workshop"), Some("a broken  shelf")));
}

/// Ten seconds of a model's words are no silence.
#[test]
fn a_long_answer_does_not_use_up_the_patience_for_the_next_question() {
    let mut talk = Talk::started();
    talk.say("Where is order 77?").delta("I will look. That takes a moment. ");
    let calls = vec![ToolCall { id: "c".to_owned(), name: "order_state".to_owned(), arguments: r#"{"order": "77"}"#.into() }];
    let text_of = "I will look. That takes a moment. ";
    talk.answer(AnswerBody::ModelDone(ModelAnswer {
        text: text_of.into(),
        tool_calls: calls,
        model: "m".to_owned(),
        tokens: None,
        first_token: None,
        elapsed: Millis(11_000),
    }));
    assert_eq!(talk.asks[0].deadline, Millis(3_000));
    talk.http_done(200, json!({"state": "sent"})).done("Sent.", &[]);
    assert_eq!(talk.take().error, None);
}
