//! Spans of a whole call at a collector that decodes OTLP by itself.

use crate::model_calls::{Served, call, setup, start};
use crate::support::variable;
use crate::worker::until;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// What the caller says and is, and the keys the worker holds: in no span.
const SECRETS: &[&str] = &["zanzibar", "nine o'clock", "We open", "sesame", "town hall"];

struct Collector {
    _child: Child,
    file: PathBuf,
    port: u16,
}

impl Collector {
    async fn start(folder: &Path) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".venv/bin/python");
        let probe = std::process::Command::new(&python).args(["-c", "import opentelemetry.proto.trace.v1.trace_pb2"]).output();
        if !probe.is_ok_and(|probe| probe.status.success()) {
            let why = "needs OpenTelemetry's protobuf classes (make test-tools)";
            assert!(variable("CI").is_none(), "in CI this test must run: it {why}");
            eprintln!("SKIPPED: {why}");
            return None;
        }
        let file = folder.join("spans.jsonl");
        let out = fs::File::create(&file).expect("the file can be written");
        let mut command = Command::new(python);
        command.arg(root.join("tests/interop/otlp_collector.py")).stdin(Stdio::null()).stdout(out).kill_on_drop(true);
        let child = command.spawn().expect("the collector can be started");
        let port = until("the collector listens", Duration::from_secs(20), async || {
            fs::read_to_string(&file).ok()?.lines().next()?.strip_prefix("ready ")?.parse().ok()
        });
        let port = port.await;
        Some(Self { _child: child, file, port })
    }

    fn spans(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).expect("it is there");
        text.lines().skip(1).map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

fn named<'s>(spans: &'s [Value], name: &str) -> Vec<&'s Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[tokio::test]
async fn a_collector_sees_a_call_its_turns_its_questions_and_its_end_and_no_word_of_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let Some(collector) = Collector::start(folder.path()).await else { return };
    let tool = Served::new("[[reply]]\ntext = \"nine o'clock\"").await;
    let model = Served::new(
        "[[reply]]\nafter_tool = \"opening_hours\"\ntext = \"We open at nine.\"\n\
         [[reply]]\nwhen = \"zanzibar\"\ntool_calls = [{ name = \"opening_hours\", arguments = { day = \"zanzibar\" } }]\n\
         [[reply]]\nwhen = \"broken\"\nfault = \"status\"\nstatus = 401\n\
         [[reply]]\nwhen = \"bye\"\ntext = \"Until soon.\"\ntool_calls = [{ name = \"end_session\" }]",
    )
    .await;
    let otlp = format!("[telemetry.otlp]\nendpoint = \"http://127.0.0.1:{}\"\ntoken_file = \"KEY\"", collector.port);
    let worker = start(setup(&model, &tool, &["zanzibar", "broken", "bye"]).more(&otlp)).await;
    call(&worker, 3).await;
    let row = worker.closed(1).await.remove(0);
    // Stopping sends what is left.
    worker.stop().await;

    let spans = collector.spans();
    let sessions = named(&spans, "session");
    assert_eq!(sessions.len(), 1, "{spans:#?}");
    let session = sessions[0];
    assert_eq!(session["attributes"]["gen_ai.conversation.id"], row["id"]);
    assert_eq!(session["attributes"]["voice.end_cause"], "assistant_ended");
    assert_eq!(session["resource"]["service.name"], "voice-worker");
    assert_eq!(session["authorization"], "Bearer sesame");
    assert!(spans.iter().all(|span| span["trace"] == session["trace"]), "one trace a call: {spans:#?}");

    let turns = named(&spans, "turn");
    assert_eq!(turns.len(), 4, "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["parent"] == session["id"]));
    let said: Vec<&&Value> = turns.iter().filter(|turn| turn["attributes"]["voice.turn.input"] == "said").collect();
    assert!(said.iter().all(|turn| turn["attributes"]["turn_first_audio_ms"].as_u64().is_some_and(|ms| ms < 5_000)), "{said:#?}");
    let first = said.iter().find(|turn| turn["attributes"]["voice.turn"] == 1).expect("the first question");
    assert!(first["attributes"]["turn_ttft_ms"].as_u64().is_some_and(|ms| ms < 5_000), "{first:#?}");
    assert_eq!(first["attributes"]["gen_ai.response.model"], "m-1");
    let failed = said.iter().find(|turn| turn["attributes"]["error.type"] == "node_execution_failed").expect("a turn that failed");
    assert_eq!(failed["status"], 2, "{failed:#?}");

    let chats = named(&spans, "chat main");
    assert_eq!(chats.len(), 4, "{chats:#?}");
    assert!(chats.iter().all(|chat| turns.iter().any(|turn| chat["parent"] == turn["id"])), "a question belongs to its turn");
    let refused = chats.iter().find(|chat| chat["attributes"]["error.type"] == "refused").expect("the refused one");
    assert_eq!((&refused["attributes"]["http.response.status_code"], &refused["status"]), (&401.into(), &2.into()));
    let good = chats.iter().find(|chat| chat["attributes"]["gen_ai.usage.output_tokens"] == 4).expect("'We open at nine.'");
    assert_eq!((&good["attributes"]["gen_ai.request.model"], &good["attributes"]["server.address"]), (&"m-1".into(), &"127.0.0.1".into()));
    assert_eq!((&good["attributes"]["gen_ai.operation.name"], &good["kind"]), (&"chat".into(), &3.into()), "3 is a client's span");

    let tools = named(&spans, "execute_tool opening_hours");
    assert_eq!(tools.len(), 1);
    assert_eq!(
        (&tools[0]["attributes"]["gen_ai.tool.name"], &tools[0]["attributes"]["http.response.status_code"]),
        (&"opening_hours".into(), &200.into())
    );
    let ends = named(&spans, "session.end");
    assert_eq!((ends.len(), &ends[0]["attributes"]["triggered_by"], &ends[0]["parent"]), (1, &"agent".into(), &session["id"]));

    for span in &spans {
        let mut shown = span.clone();
        shown["authorization"] = Value::Null;
        let shown = shown.to_string();
        assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
        assert_eq!(span["events"], 0, "log lines are not in spans: {shown}");
    }
}
