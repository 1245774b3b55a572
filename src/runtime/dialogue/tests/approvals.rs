//! Decisions of operators, and actions that call tools by themselves.

use super::*;

fn suspended() -> (Talk, ApprovalRequest) {
    let mut talk = Talk::started();
    talk.say("I want my money back.").done("", &[("take_path", r#"{"path": "1"}"#)]);
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.session_status.as_deref()), ("I have to ask a colleague.", Some("awaiting_approval")));
    assert_eq!((result.handoff, result.call_transfer, result.status), (None, None, RuntimeStatus::Idle));
    let asked = talk.approvals.remove(0);
    assert_eq!((asked.node.as_str(), asked.timeout, talk.runtime.pending_approval()), ("refund", Millis(30_000), Some(&asked)));
    (talk, asked)
}

#[test]
fn a_turn_that_waits_for_a_decision_goes_on_once_it_is_made() {
    for (approved, said) in [(true, "You get your money back."), (false, "That is not possible.")] {
        let (mut talk, asked) = suspended();
        talk.say("Hello?");
        assert_eq!(text(&talk.take()), "I am still waiting for a decision. One moment, please.");
        talk.give(TurnInput::ApprovalDecided { approval: asked.id, approved });
        let result = talk.take();
        assert_eq!((text(&result), result.session_status.as_deref()), (format!("{said} Anything else?"), Some("active")));
        assert_eq!(talk.runtime.pending_approval(), None);
        talk.give(TurnInput::ApprovalDecided { approval: asked.id, approved: !approved });
        assert_eq!(text(&talk.take()), "", "a second decision changes nothing");
    }
}

#[test]
fn a_decision_about_something_else_is_a_silent_turn() {
    let (mut talk, asked) = suspended();
    talk.give(TurnInput::ApprovalDecided { approval: Uuid::nil(), approved: true });
    let result = talk.take();
    assert_eq!((text(&result).as_str(), result.session_status.as_deref()), ("", Some("awaiting_approval")));
    assert_eq!(talk.runtime.pending_approval(), Some(&asked));
}

#[test]
fn nobody_is_asked_where_the_condition_does_not_hold() {
    let mut talk = Talk::started();
    talk.say("Money back, 9999.").done("", &[("set_variables", r#"{"account": "9999"}"#), ("take_path", r#"{"path": "1"}"#)]);
    assert_eq!(text(&talk.take()), "You get your money back. Anything else?");
    assert!(talk.approvals.is_empty());
}

const ACTION: &str = r#"
name = "Action"
[voice.first_speaking]
text = "Hello."
[variables.order]
type = "digits"
[variables.state]
type = "string"
[variables.price]
type = "number"
[tools.http.order_state]
description = "The state of an order"
method = "POST"
url = "https://orders.example/state"
inputs = { order = { type = "digits" } }
output = { state = "/state" }
[workflow]
start = "ask"
[[workflow.nodes]]
id = "ask"
kind = "agent"
say = "Which order?"
collect = "order"
edges = [{ to = "look" }, { to = "bye", otherwise = true }]
[[workflow.nodes]]
id = "look"
kind = "action"
say = "I look it up."
tool = "order_state"
with = { order = "{{order}}" }
bind = { price = "/price" }
failure_say = "I could not look it up."
on_failure = "bye"
edges = [{ to = "cheap", when = "price < 10" }, { to = "bye", otherwise = true }]
[[workflow.nodes]]
id = "cheap"
kind = "action"
say = "It is {{state}} and cost {{price}}."
tool = "end_session"
[[workflow.nodes]]
id = "bye"
kind = "action"
say = "Goodbye."
tool = "end_session"
"#;

#[test]
fn an_action_calls_its_tool_mechanically_and_goes_by_what_came_back() {
    let mut talk = Talk::with(ACTION);
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("four five");
    assert_eq!(talk.speech, ["I look it up."], "no model is needed, and the caller is not left in silence");
    assert_eq!(talk.http().body.map(Redacted::into_exposed), Some(json!({"order": "45"})));
    talk.http_done(200, json!({"state": "sent", "price": 7}));
    let result = talk.take();
    assert_eq!(text(&result), "I look it up. It is sent and cost 7.");
    assert_eq!((result.model_used, result.latency_ms), (None, None), "no model was asked");
}

#[test]
fn an_action_whose_tool_fails_says_so_and_goes_the_way_of_failure() {
    for kind in 0..3 {
        let mut talk = Talk::with(ACTION);
        talk.give(TurnInput::Started);
        talk.take();
        talk.say("four five");
        match kind {
            0 => talk.http_done(404, json!(null)),
            1 => talk.fail(AskFailure::NotConfigured),
            _ => talk.hang(),
        };
        let result = talk.take();
        assert_eq!((text(&result).as_str(), result.error), ("I look it up. I could not look it up. Goodbye.", None));
    }
}
