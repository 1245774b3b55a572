//! The real binary: started by a test with a configuration of its own, asked over its API, ended by its process id.

use crate::support::{Finished, Peer};
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) const KEY: &str = "interop-key";
/// RTP ports of one test: its worker's, then those of its phones.
const PORTS: u16 = 160;
/// Whole workers at a time: the machine has few cores.
static SLOTS: Semaphore = Semaphore::const_new(2);
static NEXT_BLOCK: AtomicU16 = AtomicU16::new(0);

/// What a test's worker is like; the rest is the same for all.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// File name (without ending) and text of each assistant; the first one answers.
    pub(crate) assistants: Vec<(&'static str, String)>,
    /// More lines of the configuration's tables: `[deadlines]` and the like.
    pub(crate) more: String,
    /// Keys of `[sip]`.
    pub(crate) sip: String,
    /// `media.codecs`, the inside of the list.
    pub(crate) codecs: String,
    /// Keys of the one `[[trunk]]`.
    pub(crate) trunk: String,
    /// Keys of `[recording]`.
    pub(crate) recording: String,
    /// Keys of `[speech]`.
    pub(crate) speech: String,
    pub(crate) drain_deadline_seconds: u32,
}

impl Setup {
    pub(crate) fn with(name: &'static str, assistant: impl Into<String>) -> Self {
        Self {
            assistants: vec![(name, assistant.into())],
            more: String::new(),
            sip: String::new(),
            codecs: "\"PCMU\", \"PCMA\", \"G722\"".to_owned(),
            trunk: String::new(),
            recording: "mode = \"full\"\naudio = true".to_owned(),
            speech: "engine = \"scripted\"".to_owned(),
            drain_deadline_seconds: 5,
        }
    }

    pub(crate) fn more(mut self, lines: &str) -> Self {
        self.more.push_str(lines);
        self.more.push('\n');
        self
    }

    pub(crate) fn sip(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.sip);
        self
    }

    pub(crate) fn trunk(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.trunk);
        self
    }
}

/// A folder, ports and a configuration: what outlives one run of the binary.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) setup: Setup,
    ports: u16,
    _slot: SemaphorePermit<'static>,
}

/// A running worker. Dropping it kills it by its own process id.
pub(crate) struct Worker {
    pub(crate) site: Site,
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) api: SocketAddr,
    child: Child,
    http: reqwest::Client,
}

impl Site {
    pub(crate) async fn new(setup: Setup) -> Self {
        let slot = SLOTS.acquire().await.expect("it is never closed");
        let folder = tempfile::tempdir().expect("a folder for the test");
        Self { folder, setup, ports: free_block(), _slot: slot }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A port for a program of this test: `n` below 20 leaves ten ports to each.
    pub(crate) fn port(&self, n: u16) -> u16 {
        self.ports + PORTS / 2 + n * 4
    }

    /// Where the worker's calls may receive RTP.
    pub(crate) fn rtp_ports(&self) -> impl Iterator<Item = u16> {
        (self.ports..self.ports + PORTS / 2).step_by(2)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("worker.log")).unwrap_or_default()
    }

    /// Writes assistants, key and configuration; answers the configuration's path.
    pub(crate) fn write(&self) -> PathBuf {
        let assistants = self.path("assistants");
        fs::create_dir_all(&assistants).expect("the folder can be made");
        for (name, text) in &self.setup.assistants {
            fs::write(assistants.join(format!("{name}.toml")), text).expect("the file can be written");
        }
        fs::write(self.path("key"), KEY).expect("the file can be written");
        let (root, setup) = (self.folder.path().display(), &self.setup);
        let text = format!(
            "[worker]\nstate_dir = \"{root}/state\"\ndrain_deadline_seconds = {drain}\nmax_calls = 16\n\
             [sip]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\n{sip}\n\
             [[trunk]]\nname = \"loopback\"\nsources = [\"127.0.0.0/8\"]\n{allow}\n{trunk}\n\
             [media]\naddress = \"127.0.0.1\"\nfirst_port = {first}\nlast_port = {last}\nquarantine_seconds = 1\ncodecs = [{codecs}]\n\
             [speech]\n{speech}\n\
             [api]\nlisten = \"127.0.0.1:0\"\n[[api.key]]\nname = \"test\"\nkey_file = \"{root}/key\"\n\
             [recording]\n{recording}\n\
             [assistants]\ndirectory = \"{root}/assistants\"\ndefault = \"{default}\"\n\
             [telemetry]\nformat = \"json\"\nlevel = \"voice_worker=debug,info\"\n{more}",
            drain = setup.drain_deadline_seconds,
            sip = setup.sip,
            codecs = setup.codecs,
            allow = if setup.trunk.contains("allow_destinations") { "" } else { "allow_destinations = [\"*\"]" },
            trunk = setup.trunk,
            recording = setup.recording,
            speech = setup.speech,
            first = self.ports,
            last = self.ports + PORTS / 2 - 1,
            default = setup.assistants.first().map_or("", |(name, _)| *name),
            more = setup.more,
        );
        let path = self.path("worker.toml");
        fs::write(&path, text).expect("the file can be written");
        path
    }

    /// Starts the binary and waits until it takes calls.
    pub(crate) async fn start(self) -> Worker {
        let config = self.write();
        let log = fs::File::create(self.path("worker.log")).expect("the log can be written");
        let mut command = binary();
        command.arg("serve").arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().expect("the worker's binary is there");
        let up = until("the worker takes calls", Duration::from_secs(30), async || {
            let log = self.log();
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                panic!("the worker ended at once with {status}:\n{log}");
            }
            let line = log.lines().find(|line| line.contains("\"taking calls\""))?;
            serde_json::from_str::<Value>(line).ok()
        });
        let line = up.await;
        let address = |text: &str| text.trim().parse::<SocketAddr>().expect("an address in the log");
        let sip: Vec<SocketAddr> = line["sip"].as_str().expect("the log names them").split(',').map(address).collect();
        let api = address(line["api"].as_str().expect("the log names it"));
        // The first test of the process installs it; for the others it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Worker { site: self, udp: sip[0], tcp: sip[1], api, child, http: reqwest::Client::new() }
    }
}

impl Worker {
    pub(crate) async fn start(setup: Setup) -> Self {
        Site::new(setup).await.start().await
    }

    pub(crate) fn uri(&self) -> String {
        format!("sip:1000@{}", self.udp)
    }

    /// Status and JSON of a request to the API with the right key.
    pub(crate) async fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        self.ask_as(method, path, KEY).await
    }

    pub(crate) async fn ask_as(&self, method: &str, path: &str, key: &str) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("http://{}{path}", self.api)).header("x-api-key", key);
        let answer = request.timeout(Duration::from_secs(100)).send().await.expect("the API answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Status and JSON of a POST of this body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("http://{}{path}", self.api)).header("x-api-key", KEY).json(body);
        let answer = request.timeout(Duration::from_secs(20)).send().await.expect("the API answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The live calls, once there are `count` in one of these phases.
    pub(crate) async fn live(&self, count: usize, phases: &[&str]) -> Vec<String> {
        let what = format!("{count} live calls in {phases:?}");
        until(&what, Duration::from_secs(20), async || {
            let body = self.get("/v1/calls").await;
            let calls = body["calls"].as_array()?;
            let fits = |call: &&Value| phases.contains(&text(&call["phase"]));
            let ids: Vec<String> = calls.iter().filter(fits).map(|call| text(&call["conversation_id"]).to_owned()).collect();
            (ids.len() == count).then_some(ids)
        })
        .await
    }

    /// Waits until this call's recording holds a line with all of `words`.
    pub(crate) async fn recording_says(&self, id: &str, words: &[&str]) {
        let fits = |lines: &str| lines.lines().any(|line| words.iter().all(|word| line.contains(word)));
        self.recording_until(id, &format!("{words:?}"), fits).await;
    }

    /// Waits until the worker has said something with these words on this call and everything it had to say.
    pub(crate) async fn quiet_after(&self, id: &str, words: &str) {
        let said = |lines: &str| lines.lines().any(|line| line.contains("\"play\"") && line.contains(words));
        self.recording_until(id, &format!("the end of '{words}'"), |lines| said(lines) && is_quiet(lines)).await;
    }

    /// Waits until the worker has said something more on this call and is quiet again, or until `effect` shows in the recording.
    pub(crate) async fn answered_or(&self, id: &str, effect: impl Fn(&str) -> bool) {
        let before = count(&self.recording_text(id), "\"play\"");
        let answered = |lines: &str| count(lines, "\"play\"") > before && is_quiet(lines);
        self.recording_until(id, "answer", |lines| answered(lines) || effect(lines)).await;
    }

    async fn recording_until(&self, id: &str, what: &str, fits: impl Fn(&str) -> bool) {
        let asked = async {
            while !fits(&self.recording_text(id)) {
                tokio::time::sleep(Duration::from_millis(20)).await; // bounded poll
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(40), asked).await;
        assert!(found.is_ok(), "no {what} in the recording of {id}:\n{}", self.recording_text(id));
    }

    /// The rows of `count` closed conversations, once no other is open.
    pub(crate) async fn closed(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} closed conversations"), Duration::from_secs(20), async || {
            let page = self.get("/v1/v2/conversations").await;
            let items = page["items"].as_array()?.clone();
            (items.len() == count && items.iter().all(|row| row["status"] == "closed")).then_some(items)
        })
        .await
    }

    pub(crate) fn recording_text(&self, id: &str) -> String {
        fs::read_to_string(self.recording(id, "jsonl")).unwrap_or_default()
    }

    pub(crate) fn recording(&self, id: &str, ending: &str) -> PathBuf {
        self.site.path(&format!("state/recordings/{id}.{ending}"))
    }

    /// The recording's lines, once it is whole; `voice-worker replay` must have found it the same.
    pub(crate) async fn replayed(&self, id: &str) -> Recorded {
        self.recording_says(id, &["\"closed\""]).await;
        let mut command = binary();
        command.arg("replay").arg(self.recording(id, "jsonl"));
        let done = Peer::start("replay", command).finish(Duration::from_secs(30)).await;
        assert!(done.code == Some(0) && done.output.contains(": same"), "replay of {id} says:\n{}", done.output);
        let lines = self.recording_text(id).lines().skip(1).map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        Recorded { lines }
    }

    /// One closed call: its row has this reason; its recording replays the same.
    pub(crate) async fn one_call_ended(&self, reason: &str) -> (Value, Recorded) {
        let row = self.closed(1).await.remove(0);
        let recorded = self.replayed(text(&row["id"])).await;
        assert_eq!(row["termination_reason"], reason, "the row says otherwise; the recording:\n{}", recorded.story());
        self.nothing_is_left().await;
        (row, recorded)
    }

    /// No call, dialog, port or task of a call is left, and nothing had to be reaped.
    pub(crate) async fn nothing_is_left(&self) {
        let zero = ["voice_worker_calls_live", "voice_worker_sip_dialogs", "voice_worker_rtp_ports_used", "voice_worker_store_queue"];
        let mut page = String::new();
        let empty = async {
            loop {
                let found = self.get("/metrics").await;
                found.as_str().unwrap_or_default().clone_into(&mut page);
                if zero.iter().all(|name| page.lines().any(|line| line == format!("{name} 0"))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await; // bounded poll
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(10), empty).await;
        assert!(ended.is_ok(), "something is left:\n{page}");
        let reaped = page.lines().any(|line| line.starts_with("voice_worker_orphans_reaped_total") && !line.ends_with(" 0"));
        assert!(!reaped, "something lost its partner:\n{page}");
        let calls = self.get("/v1/calls").await;
        assert_eq!(calls["calls"].as_array().map(Vec::len), Some(0), "{calls}");
    }

    pub(crate) async fn metric(&self, line_start: &str) -> Option<f64> {
        let page = self.get("/metrics").await;
        let page = page.as_str()?.to_owned();
        page.lines().find(|line| line.starts_with(line_start)).and_then(|line| line.rsplit(' ').next()?.parse().ok())
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -{name} {id}")]);
        Peer::start("kill", command).finish(Duration::from_secs(5)).await.expect_success();
    }

    /// SIGTERM, then its end with exit code 0 and a clean log; the site is given back for a next run.
    pub(crate) async fn stop(self) -> Site {
        self.signal("TERM").await;
        self.ended(Duration::from_secs(20)).await
    }

    /// Waits for the end of a worker that was told to end.
    pub(crate) async fn ended(mut self, bound: Duration) -> Site {
        let ended = tokio::time::timeout(bound, self.child.wait()).await;
        let log = self.site.log();
        let status =
            ended.unwrap_or_else(|_| panic!("the worker did not end within {bound:?}:\n{log}")).expect("a child can be waited for");
        assert_eq!(status.code(), Some(0), "{log}");
        let fault = log.lines().find(|line| line.contains("\"level\":\"ERROR\"") || line.contains("panicked"));
        assert!(fault.is_none(), "the worker's log has {fault:?}\n{log}");
        self.site
    }

    /// SIGKILL: nothing of it runs on.
    pub(crate) async fn kill(mut self) -> Site {
        self.child.kill().await.expect("it ran");
        self.site
    }
}

fn count(lines: &str, word: &str) -> usize {
    lines.lines().filter(|line| line.contains(word)).count()
}

/// Whatever was to be played has been.
fn is_quiet(lines: &str) -> bool {
    count(lines, "\"play\"") == count(lines, "\"event\":\"playback_ended\"") + count(lines, "\"event\":\"playback_failed\"")
}

/// A finished recording.
pub(crate) struct Recorded {
    pub(crate) lines: Vec<Value>,
}

impl Recorded {
    pub(crate) fn events(&self, name: &str) -> Vec<&Value> {
        self.lines.iter().map(|line| &line["event"]).filter(|event| event["event"] == name).collect()
    }

    pub(crate) fn commands(&self, name: &str) -> Vec<&Value> {
        self.lines.iter().map(|line| &line["command"]).filter(|command| command["command"] == name).collect()
    }

    /// The caller's keys, and the different sources they came from.
    pub(crate) fn keys(&self) -> (String, Vec<String>) {
        let pressed = self.events("digit_pressed");
        let keys = pressed.iter().map(|event| text(&event["digit"])).collect();
        let mut sources: Vec<String> = pressed.iter().map(|event| text(&event["source"]).to_owned()).collect();
        sources.dedup();
        (keys, sources)
    }

    /// The outcomes of the transfers that ended.
    pub(crate) fn transfer_outcomes(&self) -> Vec<&str> {
        self.commands("notify")
            .into_iter()
            .filter(|notice| notice["notice"] == "transfer_ended")
            .map(|ended| text(&ended["outcome"]))
            .collect()
    }

    pub(crate) fn story(&self) -> String {
        self.lines.iter().map(|line| line.to_string() + "\n").collect()
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_voice-worker"))
}

/// The binary with a configuration that must not work: how it ends and what it says.
pub(crate) async fn refuses(config: &Path) -> Finished {
    let mut command = binary();
    command.arg("serve").arg("--config").arg(config);
    Peer::start("voice-worker", command).finish(Duration::from_secs(20)).await
}

/// Asks again and again until there is an answer; the test fails after `bound`.
pub(crate) async fn until<T>(what: &str, bound: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // bounded poll
        }
    };
    tokio::time::timeout(bound, asked).await.unwrap_or_else(|_| panic!("not within {bound:?}: {what}"))
}

/// Ports below those the system gives out, no other test's: blocks start at a place of this process's own and are tried by their first port.
fn free_block() -> u16 {
    const BLOCKS: u16 = 130;
    let own = u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("less than 130");
    (0..BLOCKS)
        .map(|_| 11_000 + (own + NEXT_BLOCK.fetch_add(1, Ordering::Relaxed)) % BLOCKS * PORTS)
        .find(|first| [0, PORTS / 2].iter().all(|offset| UdpSocket::bind(("127.0.0.1", first + offset)).is_ok()))
        .expect("a free block of ports")
}
