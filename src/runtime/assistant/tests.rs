//! Tests of assistant.

use super::*;
use crate::runtime::NodeKind;
use proptest::prelude::*;

const FRONT_DESK: &str = include_str!("../../../config/assistants/front-desk.toml");
const ECHO: &str = include_str!("../../../config/assistants/echo.toml");
const ORDER_LINE: &str = include_str!("../../../config/assistants/with-model/order-line.toml");
const REFUNDS: &str = include_str!("../../../config/assistants/refunds.toml");
const CONCIERGE: &str = include_str!("../../../config/assistants/concierge.toml");

/// A sound assistant; each test breaks one line of it.
const SOUND: &str = r#"name = "Test"
[voice]
silence_timeout_ms = 5000
[voice.first_speaking]
text = "Hello {{caller_number}}."
[variables.account]
type = "digits"
max_length = 8
[variables.tries]
type = "number"
[tools.transfer_call.targets.billing]
destination = "sip:billing@127.0.0.1:5072"
said = ["billing"]
max_retries = 2
on_failure = "menu"
[tools.transfer_call.targets.billing.warm]
max_hold_seconds = 60
[workflow]
start = "menu"
[[workflow.nodes]]
id = "menu"
kind = "agent"
say = "How can I help?"
collect = "account"
edges = [
  { to = "away", when = "account = '1234' and tries > 2" },
  { to = "bye", otherwise = true },
]
[[workflow.nodes]]
id = "away"
kind = "handoff"
transfer = "billing"
[[workflow.nodes]]
id = "bye"
kind = "action"
say = "Goodbye."
tool = "end_session"
"#;

/// The only fault after `from` became `to`: its line, key and text.
#[track_caller]
fn fault(from: &str, to: &str) -> (usize, String, Fault) {
    assert!(SOUND.contains(from), "the test text has no {from}");
    let errors = Assistant::load("desk.toml", &SOUND.replacen(from, to, 1)).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].to_string().starts_with(&format!("desk.toml:{}: {}: ", errors[0].line, errors[0].key)));
    (errors[0].line, errors[0].key.clone(), errors[0].fault.clone())
}

#[test]
fn the_sound_file_loads_and_so_do_the_samples() {
    for (name, text) in [
        ("sound", SOUND),
        ("front-desk", FRONT_DESK),
        ("echo", ECHO),
        ("concierge", CONCIERGE),
        ("order-line", ORDER_LINE),
        ("refunds", REFUNDS),
    ] {
        if let Err(errors) = Assistant::load(name, text) {
            panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
    }
}

#[test]
fn a_file_that_is_not_toml_names_the_line() {
    let (line, _, fault) = fault("start = \"menu\"", "start = menu");
    assert_eq!(line, 19);
    assert!(matches!(fault, Fault::Syntax { .. }), "{fault}");
}

#[test]
fn a_dangling_edge_is_refused() {
    let (line, key, fault) = fault("to = \"away\"", "to = \"awya\"");
    assert_eq!((line, key.as_str()), (26, "workflow.nodes.menu.edges.0.to"));
    assert_eq!(fault, Fault::DanglingEdge { node: "awya".into(), suggestion: Some("away".into()) });
    let (line, key, _) = self::fault("on_failure = \"menu\"", "on_failure = \"menus\"");
    assert_eq!((line, key.as_str()), (15, "tools.transfer_call.targets.billing.on_failure"));
    let (line, key, fault) = self::fault("start = \"menu\"", "start = \"menus\"");
    assert_eq!((line, key.as_str()), (19, "workflow.start"));
    assert_eq!(fault, Fault::DanglingEdge { node: "menus".into(), suggestion: Some("menu".into()) });
}

#[test]
fn an_unreachable_node_is_refused() {
    let extra = "[[workflow.nodes]]\nid = \"lost\"\nkind = \"action\"\ntool = \"end_session\"\n[[workflow.nodes]]\nid = \"away\"";
    let (line, key, fault) = fault("[[workflow.nodes]]\nid = \"away\"", extra);
    assert_eq!((line, key.as_str()), (29, "workflow.nodes.lost"));
    assert_eq!(fault, Fault::Unreachable { start: "menu".into() });
}

#[test]
fn a_dead_end_is_refused() {
    let (line, key, fault) = fault("tool = \"end_session\"\n", "");
    assert_eq!((line, key.as_str()), (33, "workflow.nodes.bye"));
    assert!(matches!(fault, Fault::DeadEnd { .. }), "{fault}");
    let (line, _, fault) = self::fault("{ to = \"bye\", otherwise = true }", "{ to = \"bye\", when = \"tries = 1\" }");
    assert_eq!(line, 20);
    assert!(fault.to_string().contains("otherwise = true"), "{fault}");
}

#[test]
fn an_unknown_variable_in_a_text_or_a_condition_is_refused() {
    let (line, key, fault) = fault("{{caller_number}}", "{{caler_number}}");
    assert_eq!((line, key.as_str()), (5, "voice.first_speaking.text"));
    assert_eq!(fault, Fault::UnknownVariable { name: "caler_number".into(), suggestion: Some("caller_number".into()) });
    let (line, key, fault) = self::fault("account = '1234'", "acount = '1234'");
    assert_eq!((line, key.as_str()), (26, "workflow.nodes.menu.edges.0.when"));
    assert_eq!(fault, Fault::UnknownVariable { name: "acount".into(), suggestion: Some("account".into()) });
    let (line, _, fault) = self::fault("collect = \"account\"", "collect = \"card\"");
    assert_eq!(line, 24);
    assert!(matches!(fault, Fault::UnknownVariable { .. }));
}

#[test]
fn a_condition_that_does_not_parse_names_its_column() {
    let (line, _, fault) = fault("tries > 2", "tries > 'x'");
    assert_eq!(line, 26);
    assert!(matches!(fault, Fault::Expression { column: 28, .. }), "{fault:?}");
}

#[test]
fn an_unknown_transfer_target_is_refused() {
    let (line, key, fault) = fault("transfer = \"billing\"", "transfer = \"sales\"");
    assert_eq!((line, key.as_str()), (32, "workflow.nodes.away.transfer"));
    assert_eq!(fault, Fault::UnknownTarget { label: "sales".into(), known: "billing".into() });
}

#[test]
fn an_out_of_range_number_is_refused_with_its_range() {
    for (from, to, line, range) in [
        ("max_retries = 2", "max_retries = 6", 14, "6 is outside 0..=5"),
        ("max_hold_seconds = 60", "max_hold_seconds = 301", 17, "301 is outside 15..=300"),
        ("silence_timeout_ms = 5000", "silence_timeout_ms = -1", 3, "-1 is outside 0..=600000"),
        ("max_length = 8", "max_length = 65", 8, "65 is outside 1..=64"),
        ("collect = \"account\"", "dtmf_input = { max_digits = 0 }", 24, "0 is outside 1..=64"),
        ("start = \"menu\"", "start = \"menu\"\nmax_steps = 0", 20, "0 is outside 1..=1000"),
    ] {
        let (found, _, fault) = fault(from, to);
        assert_eq!(found, line, "{to}");
        assert!(fault.to_string().contains(range), "{fault}");
    }
}

#[test]
fn a_duplicate_node_id_is_refused() {
    let again = "[[workflow.nodes]]\nid = \"bye\"\nkind = \"action\"\ntool = \"end_session\"\n[[workflow.nodes]]\nid = \"bye\"";
    let (line, _, fault) = fault("[[workflow.nodes]]\nid = \"bye\"", again);
    assert_eq!((line, fault), (37, Fault::DuplicateNode { first: 33 }));
}

#[test]
fn a_missing_greeting_is_refused_unless_the_start_node_speaks() {
    let mute = SOUND.replace("text = \"Hello {{caller_number}}.\"", "interruptible = true");
    assert!(Assistant::load("desk.toml", &mute).is_ok());
    let errors = Assistant::load("desk.toml", &mute.replace("say = \"How can I help?\"", "reask_cap = 1")).unwrap_err();
    assert_eq!((errors[0].line, &errors[0].fault), (4, &Fault::MissingGreeting));
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    for (from, to, line, word) in [
        ("destination =", "destinaton =", 12, "destination"),
        ("silence_timeout_ms", "silence_timout_ms", 3, "silence_timeout_ms"),
        ("max_hold_seconds", "max_hold_second", 17, "max_hold_seconds"),
        ("say = \"Goodbye.\"", "sya = \"Goodbye.\"", 36, "say"),
    ] {
        let errors = Assistant::load("desk.toml", &SOUND.replacen(from, to, 1)).unwrap_err();
        let named = errors.iter().find(|error| error.line == line && matches!(error.fault, Fault::UnknownKey { .. }));
        assert!(named.is_some_and(|error| error.to_string().contains(&format!("did you mean '{word}'?"))), "{errors:?}");
    }
}

#[test]
fn wrong_types_missing_keys_and_bad_words_are_refused() {
    for (from, to, line) in [
        ("type = \"digits\"", "type = \"digit\"", 6),
        ("said = [\"billing\"]", "said = [\"@maybe\"]", 13),
        ("said = [\"billing\"]", "said = 7", 13),
        ("\"sip:billing@127.0.0.1:5072\"", "\"billing\"", 11),
        ("kind = \"handoff\"", "kind = \"approval\"", 29),
        ("say = \"Goodbye.\"", "set = { tries = \"many\" }", 36),
        ("[variables.tries]", "[variables.hour]", 9),
    ] {
        let errors = Assistant::load("desk.toml", &SOUND.replacen(from, to, 1)).unwrap_err();
        assert_eq!(errors[0].line, line, "{to}: {errors:?}");
    }
    let errors = Assistant::load("desk.toml", &SOUND.replace("kind = \"handoff\"", "kind = \"approve\"")).unwrap_err();
    assert!(errors[0].to_string().contains("one of: agent, action, handoff, approval"), "{errors:?}");
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_their_lines() {
    let text = SOUND.replace("max_retries = 2", "max_retries = 9").replace("to = \"away\"", "to = \"x\"").replace("5000", "\"long\"");
    let lines: Vec<usize> = Assistant::load("desk.toml", &text).unwrap_err().iter().map(|error| error.line).collect();
    assert_eq!(lines, [3, 14, 26]);
}

#[test]
fn destinations_are_replaced_by_label_and_checked() {
    let sound = Assistant::load("desk.toml", SOUND).unwrap();
    let targets = BTreeMap::from([("billing".to_owned(), "sip:9@127.0.0.1:9".to_owned())]);
    assert_eq!(sound.clone().with_destinations(&targets).unwrap().destinations(), ["sip:9@127.0.0.1:9"]);
    let wrong = BTreeMap::from([("billing".to_owned(), "nine".to_owned()), ("sales".to_owned(), "+4930123".to_owned())]);
    assert_eq!(sound.with_destinations(&wrong).unwrap_err().len(), 2);
}

#[test]
fn the_drawing_shows_every_node_and_edge() {
    let sound = Assistant::load("desk.toml", SOUND).unwrap();
    assert_eq!(sound.workflow().nodes().last(), Some(("bye", NodeKind::Action)));
    let drawing = sound.workflow().mermaid();
    for part in ["start((start)) --> n_menu", "n_menu -->|\"otherwise\"| n_bye", "n_away ==> t_billing", "n_bye --> over((end))"] {
        assert!(drawing.contains(part), "{drawing}");
    }
}

/// A sound assistant with a model; each test breaks one line of it.
const FREE: &str = r#"name = "Free"
persona = "You are {{assistant_name}}."
[model]
role = "main"
timeout_ms = 9000
[voice.first_speaking]
text = "Hello."
[variables.order]
type = "int"
reask_cap = 2
[tools.http.lookup]
description = "Looks an order up"
method = "POST"
url = "https://orders.example/{{order}}"
headers = { authorization = "Bearer ${secret:orders}" }
inputs = { note = { type = "string", required = false } }
output = { order = "/order/number" }
[workflow]
start = "talk"
[[workflow.nodes]]
id = "talk"
kind = "agent"
instructions = "Help with {{order}}."
required = "order"
tools = ["lookup"]
edges = [{ to = "look", means = "the caller wants to know more" }, { to = "ask" }]
[[workflow.nodes]]
id = "look"
kind = "action"
tool = "lookup"
with = { note = "{{caller_said}}" }
bind = { order = "/n" }
on_failure = "ask"
edges = [{ to = "ask" }]
[[workflow.nodes]]
id = "ask"
kind = "approval"
say = "One moment."
when = "order > 5"
timeout_seconds = 30
on_approve = "talk"
on_deny = "look"
"#;

#[test]
fn the_keys_of_models_tools_and_approvals_are_checked_with_line_key_and_range() {
    let loaded = Assistant::load("free.toml", FREE).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!((loaded.model_roles(), loaded.secrets()), (vec!["main"], vec!["orders"]));
    for (from, to, line, key, part) in [
        ("timeout_ms = 9000", "timeout_ms = 1", 5, "model.timeout_ms", "1 is outside 500..=120000"),
        ("role = \"main\"", "role = \"\"", 4, "model.role", "must not be empty"),
        ("role = \"main\"", "rule = \"main\"", 3, "model.role", "missing"),
        ("role = \"main\"", "role = \"a b\"", 3, "model", "a role is letters"),
        ("{{assistant_name}}", "{{nobody}}", 2, "persona", "no variable 'nobody'"),
        ("reask_cap = 2", "reask_cap = 11", 10, "variables.order.reask_cap", "outside 0..=10"),
        ("method = \"POST\"", "method = \"SEND\"", 13, "tools.http.lookup.method", "GET, POST"),
        ("method = \"POST\"", "method = \"POST\"\nmax_retries = 1", 14, "tools.http.lookup.max_retries", "idempotent"),
        ("https://orders.example", "https://{{caller_said}}.example", 11, "tools.http.lookup.url", "the host is fixed"),
        ("https://orders", "ftp://orders", 11, "tools.http.lookup.url", "http://"),
        ("https://orders.example", "https://{{order}}.example", 11, "tools.http.lookup.url", "never a host"),
        ("{{order}}\"\nheaders", "{{orders}}\"\nheaders", 11, "tools.http.lookup.url", "did you mean 'order'"),
        ("${secret:orders}", "${env:HOME}", 15, "tools.http.lookup.headers.authorization", "${secret:name}"),
        ("order = \"/order/number\"", "order = \"order\"", 17, "tools.http.lookup.output.order", "JSON pointer"),
        ("order = \"/order/number\"", "orders = \"/order\"", 17, "tools.http.lookup.output.orders", "did you mean 'order'"),
        ("[tools.http.lookup]", "[tools.http.end_session]", 11, "tools.http.end_session", "none of"),
        ("required = \"order\"", "required = \"odrer\"", 24, "workflow.nodes.talk.required", "did you mean 'order'"),
        (
            "on_deny = \"look\"",
            "on_deny = \"look\"\n[[workflow.nodes]]\nid = \"x\"\nkind = \"agent\"\ndone_when = \"order > 1\"",
            43,
            "workflow.nodes.x.done_when",
            "instructions",
        ),
        ("tools = [\"lookup\"]", "tools = [\"transfer_call\"]", 25, "workflow.nodes.talk.tools", "there is: lookup"),
        ("with = { note", "with = { nota", 31, "workflow.nodes.look.with.nota", "open inputs"),
        ("tool = \"lookup\"", "tool = \"look\"", 30, "workflow.nodes.look.tool", "end_session, lookup"),
        ("when = \"order > 5\"", "when = \"order > 'a'\"", 39, "workflow.nodes.ask.when", "column 7"),
        ("timeout_seconds = 30", "timeout_seconds = 1", 40, "workflow.nodes.ask.timeout_seconds", "5..=3600"),
        ("on_deny = \"look\"", "on_deny = \"loko\"", 42, "workflow.nodes.ask.on_deny", "did you mean 'look'"),
        ("means = \"the caller wants to know more\"", "means = \"…\"", 26, "workflow.nodes.talk.edges.0.means", "plain words"),
    ] {
        assert!(FREE.contains(from), "{from}");
        let errors = Assistant::load("free.toml", &FREE.replacen(from, to, 1)).unwrap_err();
        let named = errors.iter().find(|error| error.line == line && error.key == key);
        assert!(named.is_some_and(|error| error.to_string().contains(part)), "{to}: {errors:#?}");
    }
}

#[test]
fn prompts_without_a_model_and_ways_that_are_never_taken_are_refused() {
    let without = FREE.replace("[model]\nrole = \"main\"\ntimeout_ms = 9000\n", "");
    let errors = Assistant::load("free.toml", &without).unwrap_err();
    assert!(errors.iter().all(|error| error.to_string().contains("names no language model")), "{errors:#?}");
    assert_eq!(errors.iter().map(|error| error.key.as_str()).collect::<Vec<_>>(), ["persona", "workflow.nodes.talk.instructions"]);
    let errors = Assistant::load("free.toml", &FREE.replace("required = \"order\"\n", "")).unwrap_err();
    assert!(errors[0].to_string().contains("never taken"), "{errors:?}");
    let dynamic = SOUND.replace("text = \"Hello {{caller_number}}.\"", "mode = \"dynamic\"");
    assert!(Assistant::load("d.toml", &dynamic).unwrap_err()[0].to_string().contains("need a language model"));
}

/// The same file as JSON.
fn as_json(text: &str) -> String {
    let table: toml::Table = text.parse().unwrap();
    serde_json::to_string_pretty(&table).unwrap()
}

#[test]
fn json_and_toml_load_the_same_graph_and_name_the_same_faults() {
    for text in [SOUND, FREE, FRONT_DESK, CONCIERGE, ORDER_LINE, REFUNDS] {
        let toml = Assistant::load("a.toml", text).unwrap();
        let json = Assistant::load("a.json", &as_json(text)).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert_eq!(toml.workflow().mermaid(), json.workflow().mermaid());
        assert_eq!(toml.voice(), json.voice());
    }
    for (from, to) in [("max_retries = 2", "max_retries = 9"), ("to = \"away\"", "to = \"awya\""), ("account = '1234'", "acount = '1'")] {
        let broken = SOUND.replacen(from, to, 1);
        let toml = Assistant::load("a.toml", &broken).unwrap_err();
        let json = Assistant::load("a.json", &as_json(&broken)).unwrap_err();
        let words = |errors: &[LoadError]| errors.iter().map(|error| (error.key.clone(), error.fault.clone())).collect::<Vec<_>>();
        assert_eq!(words(&toml), words(&json));
    }
}

#[test]
fn a_fault_in_json_names_its_line() {
    let text = "{\n \"name\": \"J\",\n \"voice\": {\n  \"silence_timeout_ms\": -5\n },\n \"tools\": {\"end_session\": {\"said\": null}}\n}";
    let errors = Assistant::load("j.json", text).unwrap_err();
    assert!(errors.iter().any(|error| (error.line, error.key.as_str()) == (4, "voice.silence_timeout_ms")), "{errors:?}");
    for (text, line, part) in [
        ("{\n \"name\": \"J\",\n}", 3, "a key in double quotes"),
        ("{\n \"name\": tru}", 2, "only true, false and null"),
        ("{\n \"name\": \"J\"\n \"a\": 1}", 3, "',' or '}'"),
        ("{\"a\": 1,\n \"a\": 2}", 2, "twice"),
        ("{\"a\": 01}", 1, "no number"),
        ("[]", 1, "is a JSON object"),
        ("{}\n{}", 2, "nothing may follow"),
        ("{\"a\": \"\nb\"}", 1, "control character"),
    ] {
        let errors = Assistant::load("j.json", text).unwrap_err();
        assert_eq!(errors[0].line, line, "{text}: {errors:?}");
        assert!(errors[0].to_string().contains("not JSON: ") && errors[0].to_string().contains(part), "{errors:?}");
    }
    assert!(Assistant::load("j.json", &format!("{{\"a\":{}", "[".repeat(10_000))).unwrap_err()[0].to_string().contains("deeper than 64"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any cut or damaged file is an error or an assistant, never a panic.
    #[test]
    fn a_damaged_file_never_panics(at in 0usize..3_000, take in 0usize..40, put in "[ -~\n]{0,6}") {
        let letters: Vec<char> = FRONT_DESK.chars().collect();
        let (head, tail) = (&letters[..at.min(letters.len())], letters.get(at + take..).unwrap_or_default());
        let text: String = head.iter().copied().chain(put.chars()).chain(tail.iter().copied()).collect();
        let _ = Assistant::load("damaged.toml", &text);
        let letters: Vec<char> = as_json(FREE).chars().collect();
        let (head, tail) = (&letters[..at.min(letters.len())], letters.get(at + take..).unwrap_or_default());
        let text: String = head.iter().copied().chain(put.chars()).chain(tail.iter().copied()).collect();
        let _ = Assistant::load("damaged.json", &text);
    }
}
