//! The HTTP API over a real socket: every row of the contract's section 3 with its exact JSON, and what stands around it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[path = "api/bench.rs"]
mod bench;

use bench::{Bench, KEY, LIVE, OURS, THEIR_KEY, THEIRS, id, insert};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use voice_worker::api::{self, BindError, Key, KeyRing, PlaceError, PlacedCall};
use voice_worker::model::{SessionStatus, TerminationReason};
use voice_worker::store::{HandoffSource, NewHandoff, NewMessage, Role};

const END_USER: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

fn end(n: u128) -> String {
    format!("/v1/v2/conversations/{}/end_session", id(n))
}

fn body(extra: Value) -> Value {
    let mut body = json!({ "end_user_id": END_USER, "session_id": END_USER });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn ended(n: u128) -> Value {
    json!({
        "session_id": id(n), "messages": [], "status": "ended", "handoff": null, "call_transfer": null, "dtmf_input": null,
        "session_status": null, "error": null, "model_used": null, "token_count": null, "latency_ms": null
    })
}

fn one_fault(answer: &Value) -> &Value {
    let detail = answer["detail"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(detail.len(), 1, "{answer}");
    &detail[0]
}

#[tokio::test]
async fn without_a_key_or_with_a_wrong_one_nothing_is_answered() {
    let bench = Bench::start().await;
    let refused = json!({ "error": "authentication_required", "message": "Send a valid API key in the x-api-key header." });
    for key in [None, Some("wrong"), Some("")] {
        for (method, path) in [(Method::POST, end(LIVE)), (Method::GET, "/v1/calls".into()), (Method::GET, "/v1/conversations".into())] {
            let (status, answer) = bench.ask_as(key, method, &path, None).await;
            assert_eq!((status, &answer), (401, &refused), "{path} with {key:?}");
        }
    }
    // A wrong key is told before a wrong id: strangers learn nothing.
    assert_eq!(bench.ask_as(None, Method::POST, "/v1/v2/conversations/x/end_session", Some("{")).await.0, 401);
    assert_eq!(bench.control.ends(), []);
}

#[tokio::test]
async fn ending_a_live_call_answers_after_the_close_with_status_ended() {
    let bench = Bench::start().await;
    let (status, answer) = bench.post(&end(LIVE), None).await;
    assert_eq!((status, answer), (200, ended(LIVE)));
    assert_eq!(bench.control.ends(), [(id(LIVE), TerminationReason::AgentInitiated)]);
}

#[tokio::test]
async fn ending_twice_answers_the_same_as_ending_once() {
    let bench = Bench::start().await;
    let first = bench.post(&end(LIVE), None).await;
    bench.control.hang_up(id(LIVE));
    insert(&bench.store, LIVE, OURS).await;
    assert_eq!(bench.post(&end(LIVE), None).await, first);
}

#[tokio::test]
async fn a_path_id_that_is_no_uuid_is_422() {
    let bench = Bench::start().await;
    let (status, answer) = bench.post("/v1/v2/conversations/not-a-uuid/end_session", None).await;
    assert_eq!(status, 422);
    assert_eq!(status, 422);
    // The sentence names the place as the uuid library found it.
    let why = uuid::Uuid::parse_str("not-a-uuid").unwrap_err().to_string();
    let fault = json!({ "type": "uuid_parsing", "loc": ["path", "conversation_id"], "msg": format!("Input should be a valid UUID, {why}"),
        "input": "not-a-uuid", "ctx": { "error": why } });
    assert_eq!(answer, json!({ "detail": [fault] }));
}

#[tokio::test]
async fn an_unknown_id_and_one_of_another_organisation_are_the_same_404() {
    let bench = Bench::start().await;
    insert(&bench.store, 7, THEIRS).await;
    for n in [7, 8] {
        let (status, answer) = bench.post(&end(n), None).await;
        let expected = json!({ "error": "not_found", "message": format!("Conversation {} does not exist.", id(n)) });
        assert_eq!((status, answer), (404, expected));
    }
    // A live call of ours is not theirs either.
    assert_eq!(bench.ask_as(Some(THEIR_KEY), Method::POST, &end(LIVE), None).await.0, 404);
    assert_eq!(bench.control.ends(), []);
}

#[tokio::test]
async fn the_body_may_be_absent_or_null_or_carry_unknown_keys() {
    let bench = Bench::start().await;
    let full = body(json!({ "agent_id": null, "channel": "voice", "reason": null, "farewell_text": 7 })).to_string();
    for given in [None, Some("null"), Some(full.as_str())] {
        assert_eq!(bench.post(&end(LIVE), given).await, (200, ended(LIVE)), "{given:?}");
    }
}

#[tokio::test]
async fn the_conversation_is_the_one_in_the_path() {
    let bench = Bench::start().await;
    bench.post(&end(LIVE), Some(&body(json!({ "session_id": id(55) })).to_string())).await;
    assert_eq!(bench.control.ends()[0].0, id(LIVE));
}

#[tokio::test]
async fn missing_fields_are_422_each_with_the_body_as_input() {
    let bench = Bench::start().await;
    let given = json!({ "end_user_id": END_USER });
    let (status, answer) = bench.post(&end(LIVE), Some(&given.to_string())).await;
    assert_eq!(status, 422);
    let fault = json!({ "loc": ["body", "session_id"], "msg": "Field required", "type": "missing", "input": given });
    assert_eq!(answer, json!({ "detail": [fault] }));

    let (_, answer) = bench.post(&end(LIVE), Some("{}")).await;
    let places: Vec<&Value> = answer["detail"].as_array().unwrap().iter().map(|fault| &fault["loc"]).collect();
    assert_eq!(places, [&json!(["body", "end_user_id"]), &json!(["body", "session_id"])], "every fault at once, in order");
}

#[tokio::test]
async fn wrong_types_are_422_with_the_words_clients_know() {
    let bench = Bench::start().await;
    let cases = [
        (json!({ "session_id": "x" }), "uuid_parsing", "session_id"),
        (json!({ "session_id": 5 }), "uuid_type", "session_id"),
        (json!({ "session_id": null }), "uuid_type", "session_id"),
        (json!({ "agent_id": "x" }), "uuid_parsing", "agent_id"),
        (json!({ "channel": 5 }), "string_type", "channel"),
        (json!({ "channel": null }), "string_type", "channel"),
        (json!({ "reason": 5 }), "string_type", "reason"),
    ];
    for (extra, kind, field) in cases {
        let (status, answer) = bench.post(&end(LIVE), Some(&body(extra.clone()).to_string())).await;
        let fault = one_fault(&answer);
        assert_eq!((status, &fault["type"], &fault["loc"]), (422, &json!(kind), &json!(["body", field])), "{extra}");
        assert_eq!(fault["input"], extra[field]);
    }
    let (status, answer) = bench.post(&end(LIVE), Some(&body(json!({ "reason": 5 })).to_string())).await;
    let fault = json!({ "type": "string_type", "loc": ["body", "reason"], "msg": "Input should be a valid string", "input": 5 });
    assert_eq!((status, answer), (422, json!({ "detail": [fault] })));
    for given in ["[]", "5", "\"x\"", "true"] {
        let (status, answer) = bench.post(&end(LIVE), Some(given)).await;
        assert_eq!((status, &one_fault(&answer)["type"]), (422, &json!("model_attributes_type")), "{given}");
    }
    assert_eq!(bench.control.ends(), [], "nothing was ended by a request that was refused");
}

#[tokio::test]
async fn malformed_json_is_422_json_invalid_with_its_place() {
    let bench = Bench::start().await;
    let (status, answer) = bench.post(&end(LIVE), Some("{\"end_user_id\": }")).await;
    assert_eq!(status, 422);
    let fault = one_fault(&answer);
    assert_eq!(fault["type"], "json_invalid");
    assert_eq!(fault["loc"], json!(["body", 16]));
    assert_eq!((&fault["msg"], &fault["input"]), (&json!("JSON decode error"), &json!({})));
    assert!(fault["ctx"]["error"].is_string());
    for broken in ["{", "nul", "\u{0}", "{\"a\":\"\u{1}\"}", &"[".repeat(5_000)] {
        let (status, answer) = bench.post(&end(LIVE), Some(broken)).await;
        assert_eq!((status, &one_fault(&answer)["type"]), (422, &json!("json_invalid")), "{broken:.20}");
    }
}

#[tokio::test]
async fn a_known_reason_is_kept_an_unknown_one_is_unknown_and_a_long_one_is_refused() {
    let bench = Bench::start().await;
    for (given, stored) in [
        (json!("user_requested"), TerminationReason::UserRequested),
        (json!("because"), TerminationReason::Unknown),
        (json!("ü".repeat(64)), TerminationReason::Unknown),
        (json!(null), TerminationReason::AgentInitiated),
    ] {
        assert_eq!(bench.post(&end(LIVE), Some(&body(json!({ "reason": given })).to_string())).await.0, 200);
        assert_eq!(bench.control.ends().last().unwrap().1, stored);
    }
    let long = "x".repeat(65);
    let (status, answer) = bench.post(&end(LIVE), Some(&body(json!({ "reason": long })).to_string())).await;
    let fault = json!({ "type": "string_too_long", "loc": ["body", "reason"], "msg": "String should have at most 64 characters",
        "input": long, "ctx": { "max_length": 64 } });
    assert_eq!((status, answer), (422, json!({ "detail": [fault] })));
}

#[tokio::test]
async fn each_path_is_served_without_its_v2_segment_too() {
    let bench = Bench::start().await;
    let (status, answer) = bench.post(&format!("/v1/conversations/{}/end_session", id(LIVE)), None).await;
    assert_eq!((status, answer), (200, ended(LIVE)));
}

#[tokio::test]
async fn a_live_call_can_be_ended_while_the_store_is_away() {
    let bench = Bench::start().await;
    bench.sqlite.shut().await;
    assert_eq!(bench.post(&end(LIVE), None).await.0, 200);
    let (status, answer) = bench.post(&end(9), None).await;
    assert_eq!(
        (status, answer),
        (503, json!({ "error": "store_unavailable", "message": "The store did not answer. Try again in a moment.", "retryable": true }))
    );
}

#[tokio::test]
async fn what_the_client_reads_of_a_failure_is_not_what_the_log_reads() {
    let bench = Bench::start().await;
    bench.control.fail_with("connection string with a password");
    let (status, answer) = bench.post(&end(LIVE), None).await;
    assert_eq!((status, answer), (500, json!({ "error": "internal_error", "message": "The request failed inside the worker." })));
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_works() {
    let bench = Bench::start().await;
    bench.control.panic_next.store(true, Ordering::SeqCst);
    let (status, answer) = bench.post(&end(LIVE), None).await;
    assert_eq!((status, &answer["error"]), (500, &json!("internal_error")));
    assert_eq!(bench.post(&end(LIVE), None).await.0, 200);
}

#[tokio::test]
async fn close_flips_a_row_without_a_call_and_ends_a_call_that_is_live() {
    let bench = Bench::start().await;
    insert(&bench.store, 5, OURS).await;
    let (status, row) = bench.post(&format!("/v1/v2/conversations/{}/close", id(5)), Some("{\"reason\":\"resolved\"}")).await;
    assert_eq!((status, &row["status"], &row["termination_reason"]), (200, &json!("closed"), &json!("resolved")));
    assert_eq!(bench.control.ends(), [], "the row only");
    let (_, again) = bench.post(&format!("/v1/v2/conversations/{}/close", id(5)), None).await;
    assert_eq!(again, row, "the first close stays");

    insert(&bench.store, LIVE, OURS).await;
    bench.post(&format!("/v1/v2/conversations/{}/close", id(LIVE)), None).await;
    assert_eq!(bench.control.ends().len(), 1, "no ghost call survives its closed row");
    let (status, answer) = bench.post(&format!("/v1/v2/conversations/{}/close", id(5)), Some("{\"reason\":5}")).await;
    assert_eq!((status, &one_fault(&answer)["type"]), (422, &json!("string_type")));
}

#[tokio::test]
async fn a_conversation_is_shown_with_its_recent_turns_and_deleted_when_it_is_closed() {
    let bench = Bench::start().await;
    insert(&bench.store, 5, OURS).await;
    let words = NewMessage::new(uuid::Uuid::from_u128(1), Role::Assistant, "hello", bench::NOW);
    bench.store.append(id(5), vec![words]).await.unwrap();
    let path = format!("/v1/v2/conversations/{}", id(5));
    let (status, shown) = bench.get(&path).await;
    assert_eq!(status, 200);
    for (field, value) in [
        ("id", json!(id(5))),
        ("organization_id", json!(OURS)),
        ("channel", json!("voice")),
        ("origin", json!("inbound")),
        ("status", json!("ringing")),
        ("session_type", json!("live")),
        ("priority", json!("normal")),
        ("message_count", json!(1)),
        ("started_at", json!("2026-01-02T03:04:05.678Z")),
        ("ended_at", json!(null)),
        ("metadata", json!({})),
        ("has_recording", json!(false)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!((&shown["recent_turns"][0]["role"], &shown["recent_turns"][0]["content"]), (&json!("assistant"), &json!("hello")));

    let (status, answer) = bench.ask_as(Some(KEY), Method::DELETE, &path, None).await;
    assert_eq!((status, &answer["error"]), (409, &json!("conversation_live")));
    bench.post(&format!("{path}/close"), None).await;
    assert_eq!(bench.ask_as(Some(KEY), Method::DELETE, &path, None).await, (204, Value::Null));
    assert_eq!(bench.get(&path).await.0, 404);
    assert_eq!(bench.ask_as(Some(KEY), Method::DELETE, &path, None).await.0, 404);
}

#[tokio::test]
async fn an_idle_poll_never_rewinds() {
    let bench = Bench::start().await;
    insert(&bench.store, 5, OURS).await;
    bench.store.set_status(id(5), SessionStatus::Active, bench::NOW).await.unwrap();
    let path = format!("/v1/v2/conversations/{}/messages", id(5));
    assert_eq!(bench.get(&path).await, (200, json!({ "session_status": "active", "messages": [], "next_seq": -1 })));
    for n in 1..=3 {
        let words = NewMessage::new(uuid::Uuid::from_u128(n), Role::User, format!("words {n}"), bench::NOW);
        bench.store.append(id(5), vec![words]).await.unwrap();
    }
    let (_, all) = bench.get(&path).await;
    assert_eq!((all["messages"].as_array().unwrap().len(), &all["next_seq"]), (3, &json!(2)));
    let (_, tail) = bench.get(&format!("{path}?since_seq=1")).await;
    assert_eq!((&tail["messages"][0]["content"], tail["messages"].as_array().unwrap().len()), (&json!("words 3"), 1));
    for since in [2, 40] {
        assert_eq!(bench.get(&format!("{path}?since_seq={since}")).await.1["next_seq"], since);
    }
    for (query, kind) in [
        ("since_seq=x", "int_parsing"),
        ("since_seq=-2", "greater_than_equal"),
        ("evidence_view=all", "literal_error"),
        ("include_evidence=7", "bool_parsing"),
    ] {
        let (status, answer) = bench.get(&format!("{path}?{query}")).await;
        assert_eq!((status, &one_fault(&answer)["type"]), (422, &json!(kind)), "{query}");
    }
}

#[tokio::test]
async fn conversations_are_listed_page_by_page() {
    let bench = Bench::start().await;
    for n in 20..23 {
        insert(&bench.store, n, OURS).await;
    }
    insert(&bench.store, 30, THEIRS).await;
    let (_, first) = bench.get("/v1/v2/conversations?limit=2").await;
    assert_eq!((first["items"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)));
    let (_, rest) = bench.get(&format!("/v1/v2/conversations?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&rest["items"][0]["id"], &rest["has_more"], &rest["next_cursor"]), (&json!(id(20)), &json!(false), &json!(null)));
    assert_eq!(bench.get("/v1/v2/conversations?status=closed").await.1["items"], json!([]));
    assert_eq!(bench.get("/v1/v2/conversations?limit=0").await.0, 422);
    assert_eq!(bench.get("/v1/v2/conversations?cursor=x").await.1["error"], "invalid_cursor");
}

#[tokio::test]
async fn live_calls_are_shown_to_their_organisation_with_timeline_and_timers() {
    let bench = Bench::start().await;
    let (_, list) = bench.get("/v1/calls").await;
    assert_eq!(list["calls"][0]["conversation_id"], json!(id(LIVE)));
    assert_eq!(bench.ask_as(Some(THEIR_KEY), Method::GET, "/v1/calls", None).await.1, json!({ "calls": [] }));
    let (status, call) = bench.get(&format!("/v1/calls/{}", id(LIVE))).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&call["phase"], &call["timers"][0]["timer"], &call["timeline"][0]["kind"]),
        (&json!("talking"), &json!("silence"), &json!("event"))
    );
    assert!(call.get("organisation").is_none());
    assert_eq!(bench.ask_as(Some(THEIR_KEY), Method::GET, &format!("/v1/calls/{}", id(LIVE)), None).await.0, 404);
    assert_eq!(bench.get("/v1/calls/x").await.0, 422);
}

#[tokio::test]
async fn health_and_readiness_need_no_key_and_say_every_reason() {
    let bench = Bench::start().await;
    assert_eq!(bench.ask_as(None, Method::GET, "/health", None).await.1["status"], "ok");
    assert_eq!(bench.ask_as(None, Method::GET, "/ready", None).await, (200, json!({ "ready": true, "reasons": [] })));
    bench.control.drain("draining");
    assert_eq!(bench.ask_as(None, Method::GET, "/ready", None).await, (503, json!({ "ready": false, "reasons": ["draining"] })));
}

#[tokio::test]
async fn metrics_need_a_key_unless_they_are_open() {
    let bench = Bench::start().await;
    assert_eq!(bench.ask_as(None, Method::GET, "/metrics", None).await.0, 401);
    assert_eq!(bench.text("/metrics").await, "calls 1\n");
    let open = Bench::start_with(|state| state.metrics_open = true).await;
    assert_eq!(open.ask_as(None, Method::GET, "/metrics", None).await.0, 200);
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_long_bodies_have_error_bodies() {
    let bench = Bench::start().await;
    for (method, path, status, error) in [
        (Method::GET, "/nowhere".to_owned(), 404, "not_found"),
        (Method::GET, "/v1/nowhere".to_owned(), 404, "not_found"),
        (Method::GET, end(LIVE), 405, "method_not_allowed"),
        (Method::PUT, "/health".to_owned(), 405, "method_not_allowed"),
    ] {
        let (got, answer) = bench.ask_as(Some(KEY), method, &path, None).await;
        assert_eq!((got, &answer["error"]), (status, &json!(error)), "{path}");
        assert!(answer["message"].is_string());
    }
    let long = format!("\"{}\"", "x".repeat(64 * 1024));
    let (status, answer) = bench.post(&end(LIVE), Some(&long)).await;
    assert_eq!((status, &answer["error"]), (413, &json!("payload_too_large")));
    let fits = format!("\"{}\"", "x".repeat(64 * 1024 - 2));
    assert_eq!(bench.post(&end(LIVE), Some(&fits)).await.0, 422);
    assert_eq!(bench.get("/v1/v2/conversations/%FF/messages").await.1["error"], "invalid_path");
}

#[tokio::test]
async fn beyond_the_bound_a_request_is_refused_at_once_and_health_still_answers() {
    let bench = Bench::start_with(|state| *state = state.clone().with_max_concurrent(0)).await;
    let (status, answer) = bench.post(&end(LIVE), None).await;
    assert_eq!((status, &answer["error"], &answer["retryable"]), (503, &json!("overloaded"), &json!(true)));
    assert_eq!(bench.ask_as(None, Method::GET, "/health", None).await.0, 200);
}

#[tokio::test]
async fn the_document_is_generated_and_names_every_operation_once() {
    let bench = Bench::start().await;
    let (status, document) = bench.ask_as(None, Method::GET, "/openapi.json", None).await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let paths = document["paths"].as_object().unwrap();
    let mut ids = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            ids.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path}")).to_owned());
            let twin = path.replace("/v1/v2/", "/v1/");
            assert!(paths[&twin].get(method).is_some(), "{twin} is not served");
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
    assert!(ids.contains(&"endV2ConversationSession".to_owned()));
}

#[tokio::test]
async fn the_listener_refuses_to_open_the_api_to_others_without_a_key() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = api::bind(everywhere, &KeyRing::default()).await.unwrap_err();
    assert!(matches!(refused, BindError::NoKey(_)) && refused.to_string().contains("[[api.key]]"), "{refused}");
    assert!(api::bind("127.0.0.1:0".parse().unwrap(), &KeyRing::default()).await.is_ok());
    let keys = KeyRing::new(vec![Key::from_secret("k", OURS, KEY)]);
    let taken = api::bind("127.0.0.1:0".parse().unwrap(), &keys).await.unwrap();
    let error = api::bind(taken.local_addr().unwrap(), &keys).await.unwrap_err().to_string();
    assert!(error.contains("another worker"), "{error}");
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_again_and_the_others_are_not() {
    let bench = Bench::start_with(|state| state.limit = std::sync::Arc::new(api::RateLimit::new(6, 2))).await;
    assert_eq!((bench.get("/v1/calls").await.0, bench.get("/v1/calls").await.0), (200, 200));
    let (status, refused) = bench.get("/v1/calls").await;
    assert_eq!((status, &refused["error"], &refused["retryable"]), (429, &json!("rate_limited"), &json!(true)));
    assert_eq!(bench.ask_as(Some(THEIR_KEY), Method::GET, "/v1/calls", None).await.0, 200);
}

/// A handoff of the live call, as the call's driver stores it.
async fn handed_over(bench: &Bench) -> String {
    insert(&bench.store, LIVE, OURS).await;
    let handoff = NewHandoff {
        id: uuid::Uuid::from_u128(0x900),
        conversation: id(LIVE),
        turn: None,
        reason: Some("asked for a person".to_owned()),
        static_text: "a colleague will join".to_owned(),
        source: HandoffSource::WorkflowTerminal,
        packet: serde_json::Map::new(),
        at: bench::NOW,
    };
    let stored = bench.store.put_handoff(handoff).await.unwrap().unwrap();
    format!("/v1/hitl/handoffs/{}", stored.id)
}

#[tokio::test]
async fn an_operators_words_on_a_live_call_are_stored_after_what_was_said_and_then_spoken() {
    let bench = Bench::start().await;
    let path = handed_over(&bench).await;
    let (status, relayed) = bench.post(&format!("{path}/messages"), Some(r#"{"content":"hello, Ada here"}"#)).await;
    assert_eq!((status, &relayed["seq"], &relayed["authored_by"]), (200, &json!(0), &json!("human_operator")), "{relayed}");
    let told = bench.control.told.lock().unwrap().clone();
    assert_eq!(told, [format!("flush {}", id(LIVE)), format!("say {} hello, Ada here", id(LIVE))]);
    assert_eq!(bench.ask_as(Some(THEIR_KEY), Method::GET, &path, None).await.0, 404);
    for body in [r#"{"content":""}"#, r#"{}"#, r#"{"content":"x","more":1}"#] {
        assert_eq!(bench.post(&format!("{path}/messages"), Some(body)).await.0, 422, "{body}");
    }
}

#[tokio::test]
async fn an_outbound_call_is_placed_as_it_was_asked_for_and_refused_in_words() {
    let bench = Bench::start().await;
    let number = uuid::Uuid::from_u128(0x55);
    let body =
        json!({ "from_phone_number_id": number, "to_phone_number": "+15555550123", "context_variables": { "topic": "x" } }).to_string();
    let placed = PlacedCall { conversation: id(77), assistant: "sample".to_owned() };
    *bench.control.placing.lock().unwrap() = Some(Ok(placed));
    let (status, answer) = bench.post("/v1/voice/outbound", Some(&body)).await;
    assert_eq!((status, &answer["session_id"], &answer["agent_name"]), (200, &json!(id(77)), &json!("sample")));
    let wanted = bench.control.placed.lock().unwrap().pop().unwrap();
    assert_eq!((wanted.organisation, wanted.from_number, wanted.to.expose().as_str()), (OURS, number, "+15555550123"));
    for (why, status, word) in [
        (PlaceError::NotAllowed("+1".to_owned()), 403, "destination_not_allowed"),
        (PlaceError::UnknownNumber, 404, "not_found"),
        (PlaceError::Full("full".to_owned()), 503, "no_capacity"),
    ] {
        *bench.control.placing.lock().unwrap() = Some(Err(why));
        let (got, answer) = bench.post("/v1/voice/outbound", Some(&body)).await;
        assert_eq!((got, answer["error"].as_str()), (status, Some(word)));
    }
    let why = PlaceError::Variable { name: "topic".to_owned(), why: "not declared".to_owned() };
    *bench.control.placing.lock().unwrap() = Some(Err(why));
    let (status, answer) = bench.post("/v1/voice/outbound", Some(&body)).await;
    assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["body", "context_variables", "topic"])));
}
