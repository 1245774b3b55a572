//! Whole calls with a language model behind them: it speaks, calls tools, hangs, breaks off; the caller always hears something and the call goes on.
//!
//! The model is the scripted one, the phone is `voice-worker dial`, everything between them is the real binary over real sockets.

use crate::sound::read;
use crate::support::Peer;
use crate::worker::{Setup, Worker, binary, text, until};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use voice_worker::runtime::shell::scripted::{Script, ScriptedModel};

/// Longest time without a sound that a caller is asked to bear in these tests, whose model gives up after 0.8 s.
const SILENCE_MAX_MS: usize = 4_000;

const GUIDE: &str = r##"
name = "Guide"
instructions = "You help callers of a town hall."

[model]
role = "main"
first_token_ms = 800
stall_ms = 800
max_retries = 0

[voice.first_speaking]
text = "Hello there."

[variables.opens]
type = "string"

[tools.transfer_call.targets.billing]
destination = "sip:billing@127.0.0.1:9"
said = ["billing"]
connecting_text = "I connect you."
max_retries = 0

[tools.end_session]
say = "Goodbye."

[tools.http.opening_hours]
description = "When the town hall opens."
method = "POST"
url = "http://TOOL/v1/chat/completions"
inputs = { day = { type = "string" } }
headers = { authorization = "Bearer ${secret:hall}" }
output = { opens = "/choices/0/message/content" }

[workflow]
start = "talk"

[[workflow.nodes]]
id = "talk"
kind = "agent"
instructions = "Answer the caller."
tools = ["opening_hours", "transfer_call", "end_session"]
"##;

/// A scripted model on a port of its own.
pub(crate) struct Served {
    pub(crate) model: ScriptedModel,
    pub(crate) address: String,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn new(script: &str) -> Self {
        let model = ScriptedModel::new(Script::parse(script).expect("the script reads"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let mut serving = JoinSet::new();
        serving.spawn(model.clone().serve(listener));
        Self { model, address, _serving: serving }
    }

    /// The last user message of each request.
    fn heard(&self) -> Vec<String> {
        let last = |body: &Value| {
            let messages = body["messages"].as_array().cloned().unwrap_or_default();
            let user = messages.iter().rev().find(|message| message["role"] == "user").cloned().unwrap_or_default();
            text(&user["content"]).to_owned()
        };
        self.model.seen().iter().map(|seen| last(&seen.body)).collect()
    }
}

pub(crate) fn setup(model: &Served, tool: &Served, words: &[&str]) -> Setup {
    let more = format!(
        "[[model]]\nrole = \"main\"\nbase_url = \"http://{}/v1\"\nmodel = \"m-1\"\nkey_file = \"KEY\"\n\
         [[secret]]\nname = \"hall\"\nfile = \"KEY\"",
        model.address
    );
    let mut setup = Setup::with("guide", GUIDE.replace("TOOL", &tool.address)).more(&more);
    setup.speech = format!("engine = \"scripted\"\nscripted_words = {words:?}");
    setup
}

pub(crate) async fn start(setup: Setup) -> Worker {
    let mut site = crate::worker::Site::new(setup).await;
    site.setup.more = site.setup.more.replace("KEY", &site.path("model-key").display().to_string());
    std::fs::write(site.path("model-key"), "sesame\n").expect("the file can be written");
    site.start().await
}

/// Calls, says something for each of the words the worker's ear expects, and hangs up unless the worker does.
pub(crate) async fn call(worker: &Worker, utterances: usize) {
    let steps: String =
        (0..utterances).map(|_| "{\"caller\": \"hum hum hum\"}\n").chain(["{\"pause_ms\": 6000}\n{\"hangup\": true}\n"]).collect();
    let (script, wav) = (worker.site.path("script.jsonl"), worker.site.path("heard.wav"));
    std::fs::write(&script, steps).expect("the file can be written");
    let first = worker.site.port(8);
    let mut command = binary();
    command.arg("dial").arg(worker.uri()).arg("--script").arg(script).arg("--record").arg(wav);
    command.args(["--models", "/nonexistent", "--timeout", "60", "--rtp", &format!("{first}-{}", first + 19)]);
    Peer::start("dial", command).finish(Duration::from_secs(90)).await;
}

/// What the worker said, in order.
pub(crate) fn said(worker: &Worker, id: &str) -> Vec<String> {
    let lines = worker.recording_text(id);
    let lines = lines.lines().skip(1).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["command"]["command"] == "play").map(|line| text(&line["command"]["text"]).to_owned()).collect()
}

fn errors(worker: &Worker, id: &str) -> Vec<String> {
    let lines = worker.recording_text(id);
    let lines = lines.lines().skip(1).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["event"]["result"]["error"].as_str().map(str::to_owned)).collect()
}

/// The longest time without a sound from the worker or the caller, the wait for the hang-up at the end left out.
fn longest_silence_ms(worker: &Worker) -> usize {
    let file = worker.site.path("heard.wav");
    let (heard, spoken) = (read(&file, 0), read(&file, 1));
    let loud = |samples: &[i16], frame: usize| {
        samples.get(frame * 160..(frame + 1) * 160).is_some_and(|part| part.iter().any(|sample| sample.unsigned_abs() > 500))
    };
    let frames: Vec<bool> = (0..heard.len() / 160).map(|frame| loud(&heard, frame) || loud(&spoken, frame)).collect();
    let first = frames.iter().position(|loud| *loud).unwrap_or(0);
    let last = frames.iter().rposition(|loud| *loud).unwrap_or(0);
    let silences = frames[first..=last].split(|loud| *loud).map(<[bool]>::len);
    silences.max().unwrap_or(0) * 20
}

#[tokio::test]
async fn a_model_speaks_sentence_by_sentence_calls_a_tool_and_ends_the_call() {
    let tool = Served::new("key = \"sesame\"\n[[reply]]\ntext = \"nine o'clock\"").await;
    let model = Served::new(
        r#"
key = "sesame"
[[reply]]
when = "Caller:"
text = "hours: likes Monday mornings."
[[reply]]
after_tool = "opening_hours"
text = "We open at nine. Is there anything else?"
pace_ms = 20
[[reply]]
when = "open"
tool_calls = [{ name = "opening_hours", arguments = { day = "monday" } }]
[[reply]]
when = "thank"
text = "You are welcome."
tool_calls = [{ name = "end_session" }]
[[reply]]
text = "I did not expect that."
"#,
    )
    .await;
    let worker = start(setup(&model, &tool, &["when do you open on monday", "no thank you", "something else"])).await;
    call(&worker, 2).await;
    let row = worker.closed(1).await.remove(0);
    let id = text(&row["id"]).to_owned();
    let said = said(&worker, &id);
    assert!(said.iter().any(|words| words == "We open at nine."), "each sentence by itself: {said:?}");
    assert!(said.iter().any(|words| words.contains("welcome")), "{said:?}");
    assert_eq!(row["termination_reason"], "agent_initiated", "{row}");
    assert_eq!(tool.model.seen().len(), 1, "the tool was asked once, with its secret");
    assert_eq!(tool.model.seen()[0].authorization.as_deref(), Some("Bearer sesame"));
    assert!(longest_silence_ms(&worker) < SILENCE_MAX_MS, "{} ms", longest_silence_ms(&worker));
    // What was recorded comes out of the runtime again, its answers given as they were.
    worker.replayed(&id).await;
    let mut command = binary();
    command.arg("replay").arg("--live-runtime").arg("--assistant").arg(worker.site.path("assistants/guide.toml"));
    let replay = Peer::start("replay", {
        command.arg(worker.recording(&id, "jsonl"));
        command
    })
    .finish(Duration::from_secs(30))
    .await;
    assert!(replay.code == Some(0) && replay.output.contains(": same"), "{}", replay.output);
    assert!(!worker.site.log().contains("sesame") && !worker.recording_text(&id).contains("sesame"), "the key is in log or recording");
    assert!(worker.metric("voice_worker_model_calls_total{outcome=\"ok\"}").await.is_some_and(|count| count >= 3.0));
    assert!(worker.metric("voice_worker_turn_first_audio_seconds_count").await.is_some_and(|count| count >= 2.0));
    after_the_call(&worker, &model, &id).await;
    worker.stop().await;
}

/// The model sums the call up, and the next one of this caller begins with what it found worth remembering.
async fn after_the_call(worker: &Worker, model: &Served, id: &str) {
    let path = format!("/v1/v2/conversations/{id}");
    until("the jobs after the call", Duration::from_secs(30), async || {
        let (_, row) = worker.ask("GET", &path).await;
        (row["memory_synced"] == true && row["summary"] == "hours: likes Monday mornings.").then_some(())
    })
    .await;
    let knows = || model.model.seen().iter().any(|seen| seen.body.to_string().contains("likes Monday mornings"));
    assert!(!knows());
    call(worker, 1).await;
    worker.closed(2).await;
    assert!(knows(), "the second call's questions carry what is known of the caller");
}

#[tokio::test]
async fn a_model_that_hangs_breaks_off_and_answers_nonsense_never_leaves_the_caller_in_silence() {
    let tool = Served::new("[[reply]]\ntext = \"x\"").await;
    let model = Served::new(
        r#"
[[reply]]
when = "first"
fault = "hang"
[[reply]]
when = "second"
text = "It is like this. And then there is"
fault = "cut"
after = 6
[[reply]]
when = "third"
tool_calls = [{ name = "transfer_call", arguments = '{"label":' }]
times = 1
[[reply]]
when = "fourth"
tool_calls = [{ name = "no_such_tool" }]
times = 1
[[reply]]
when = "fifth"
text = "All is well."
[[reply]]
text = "Let me put it this way."
"#,
    )
    .await;
    let words = ["the first question", "the second question", "the third question", "the fourth question", "the fifth question"];
    let worker = start(setup(&model, &tool, &words)).await;
    call(&worker, 5).await;
    let row = worker.closed(1).await.remove(0);
    let id = text(&row["id"]).to_owned();
    let said = said(&worker, &id);
    assert_eq!(
        model.heard().iter().filter(|heard| heard.contains("first")).count(),
        1,
        "a hanging model is not asked twice: {:?}",
        model.heard()
    );
    assert!(said.iter().any(|words| words == "It is like this."), "what came before the break was said: {said:?}");
    assert!(said.last().is_some_and(|words| words == "All is well."), "the call goes on: {said:?}");
    assert!(said.len() >= 6, "every question was answered: {said:?}");
    assert!(errors(&worker, &id).iter().all(|error| error.starts_with("node_execution_failed: ")), "{:?}", errors(&worker, &id));
    assert!(errors(&worker, &id).len() >= 2, "{:?}", errors(&worker, &id));
    assert!(longest_silence_ms(&worker) < SILENCE_MAX_MS, "{} ms", longest_silence_ms(&worker));
    worker.stop().await;
}

#[tokio::test]
async fn a_model_that_wants_a_transfer_gets_the_configured_one() {
    let tool = Served::new("[[reply]]\ntext = \"x\"").await;
    let script = "[[reply]]\nwhen = \"invoice\"\ntool_calls = [{ name = \"transfer_call\", arguments = { label = \"billing\" } }]\n[[reply]]\ntext = \"What else?\"";
    let model = Served::new(script).await;
    let worker = start(setup(&model, &tool, &["a question about my invoice"])).await;
    call(&worker, 1).await;
    let row = worker.closed(1).await.remove(0);
    let id = text(&row["id"]).to_owned();
    let recorded = worker.replayed(&id).await;
    let refers = recorded.commands("refer");
    assert_eq!(refers.len(), 1, "{}", recorded.story());
    assert_eq!(refers[0]["destination"], "sip:billing@127.0.0.1:9");
    worker.stop().await;
}

#[tokio::test]
async fn an_assistant_whose_model_or_secret_is_not_configured_is_refused_before_anything_is_bound() {
    let tool = Served::new("[[reply]]\ntext = \"x\"").await;
    let setup = setup(&tool, &tool, &[]);
    let without = Setup { more: String::new(), ..setup };
    let site = crate::worker::Site::new(without).await;
    let refused = crate::worker::refuses(&site.write()).await;
    for part in ["guide", "'main'", "[[model]]", "'hall'", "[[secret]]"] {
        assert!(refused.output.contains(part), "{part} is not in:\n{}", refused.output);
    }
}
