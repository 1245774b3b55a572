//! Tests of HTTP tools.

use super::*;
use crate::runtime::context::VariableKind;

fn input(kind: VariableKind, required: bool) -> Input {
    Input { spec: VariableSpec::of(kind), required, pinned: None, default: None }
}

fn tool(method: HttpMethod) -> HttpTool {
    let mut inputs = BTreeMap::from([
        ("order".to_owned(), input(VariableKind::Digits { min: 3, max: 8 }, true)),
        ("note".to_owned(), input(VariableKind::Text, false)),
    ]);
    let pinned = Input { pinned: Some("{{caller}}".to_owned()), ..input(VariableKind::Text, true) };
    inputs.insert("who".to_owned(), pinned);
    HttpTool {
        name: "lookup".to_owned(),
        description: "Looks an order up".to_owned(),
        method,
        url: "https://orders.example/v1/{{order}}".to_owned(),
        headers: vec![("authorization".to_owned(), header_parts("Bearer ${secret:orders} {{caller}}").unwrap())],
        timeout: Millis(1),
        retry: RetryPolicy { max_retries: 0, backoff: Millis(1) },
        say: None,
        inputs,
        outputs: vec![("state".to_owned(), "/order/state".to_owned())],
    }
}

fn fill(text: &str) -> String {
    text.replace("{{caller}}", "+49 ${secret:orders}")
}

fn given(text: &str) -> Map<String, Json> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn inputs_of_the_url_stand_there_and_the_others_in_query_or_body() {
    let lookup = |name: &str| (name == "caller").then(|| Value::text("+49 ${secret:orders}"));
    for (method, url, has_body) in [
        (HttpMethod::Get, "https://orders.example/v1/4572?note=a%26b%20%2F&who=%2B49%20%24%7Bsecret%3Aorders%7D", false),
        (HttpMethod::Post, "https://orders.example/v1/4572", true),
    ] {
        let tool = tool(method);
        let arguments = tool.read_arguments(&given(r#"{"order": "4572", "note": "a&b /"}"#), &fill).unwrap();
        let request = tool.request(&arguments, &lookup);
        assert_eq!((request.url.expose().as_str(), request.body.is_some()), (url, has_body));
    }
}

/// A caller who says "${secret:orders}" gets words, not a secret.
#[test]
fn what_a_caller_says_never_becomes_a_secret() {
    let lookup = |name: &str| (name == "caller").then(|| Value::text("${secret:orders}"));
    let tool = tool(HttpMethod::Get);
    let arguments = tool.read_arguments(&given(r#"{"order": "4572"}"#), &fill).unwrap();
    let (_, HeaderValue(pieces)) = tool.request(&arguments, &lookup).headers.remove(0);
    let secrets = pieces.iter().filter(|piece| matches!(piece, HeaderPiece::Secret { name } if name == "orders")).count();
    assert_eq!((pieces.len(), secrets), (3, 1));
}

#[test]
fn what_a_caller_says_never_leads_to_another_path() {
    let tool = HttpTool { url: "https://orders.example/v1/{{note}}/state".to_owned(), ..tool(HttpMethod::Get) };
    for (said, path) in [("..", "%252E%252E"), (".", "%252E"), ("../../admin", "..%2F..%2Fadmin"), ("a?b#c", "a%3Fb%23c")] {
        let arguments = tool.read_arguments(&given(&json!({"order": "4572", "note": said}).to_string()), &fill).unwrap();
        let url = tool.request(&arguments, &|_| None).url.into_exposed();
        assert!(url.starts_with(&format!("https://orders.example/v1/{path}/state?")), "{url}");
    }
}

#[test]
fn wrong_unknown_missing_and_pinned_inputs_are_named() {
    let tool = tool(HttpMethod::Get);
    for (arguments, part) in [
        ("{}", "'order' is missing"),
        (r#"{"order": "12"}"#, "'order' does not fit"),
        (r#"{"order": ["4572"]}"#, "'order' does not fit"),
        (r#"{"order": "4572", "color": 1}"#, "no input 'color'; known: note, order"),
        (r#"{"order": "4572", "who": "me"}"#, "no input 'who'"),
    ] {
        let error = tool.read_arguments(&given(arguments), &fill).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    assert!(tool.spec().parameters["properties"].get("who").is_none(), "the model is not shown a pinned input");
    assert_eq!(tool.spec().parameters["required"], json!(["order"]));
}

#[test]
fn an_answer_binds_what_fits_and_names_what_does_not() {
    let variables = BTreeMap::from([
        ("state".to_owned(), VariableSpec::of(VariableKind::Text)),
        ("sum".to_owned(), VariableSpec::of(VariableKind::Number { min: None, max: None, whole: false })),
    ]);
    let outputs = [("state".to_owned(), "/order/state".to_owned()), ("sum".to_owned(), "/order/sum".to_owned())];
    let (values, missing) = bound(&outputs, &json!({"order": {"state": "sent", "sum": {}}}), &variables);
    assert_eq!(values, [("state".to_owned(), Value::text("sent"))]);
    assert_eq!(missing, ["sum"]);
}

#[test]
fn a_broken_secret_reference_is_refused() {
    for wrong in ["${secret:a", "${env:HOME}", "${secret:}", "${secret:a b}"] {
        assert!(header_parts(wrong).is_err(), "{wrong}");
    }
    assert_eq!(header_parts("plain").unwrap(), [HeaderPart::Template("plain".to_owned())]);
}
