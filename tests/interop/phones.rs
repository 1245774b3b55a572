//! Two softphones the tests did not write: PJSIP (driven by `pjphone.py`) and baresip.

use crate::support::{program, variable};
use crate::worker::{Site, until};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

/// As long as any wait for a phone may take.
const BOUND: Duration = Duration::from_secs(30);
/// Debian's place of baresip's modules, whatever the architecture.
const BARESIP_MODULES: &[&str] = &["/usr/lib/baresip/modules", "/usr/lib64/baresip/modules"];

/// The virtual environment's Python with PJSIP in it. `None`: not there, and said so.
pub(crate) fn pjsip() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    if python.is_file() {
        return Some(python);
    }
    let why = "needs PJSIP's phone (.ci/phone makes it)";
    assert!(variable("CI").is_none(), "in CI this test must run: it {why}");
    eprintln!("SKIPPED: {why}");
    None
}

/// Waits until a phone has recorded two seconds and more: it lasts a while until a recording reaches the disk.
pub(crate) async fn long_enough(recording: &Path) {
    let long = async || (fs::metadata(recording).ok()?.len() > 40_000).then_some(());
    until("the phones hear each other", BOUND, long).await;
}

/// PJSIP. Dropping it kills it; `finish` lets it end by itself, which completes its recordings.
pub(crate) struct PjPhone {
    child: Child,
    orders: ChildStdin,
    log: PathBuf,
    folder: PathBuf,
    name: &'static str,
    pub(crate) uri: String,
}

impl PjPhone {
    /// `n` gives the phone its ports; each phone of a test has its own.
    pub(crate) fn start(python: &Path, site: &Site, name: &'static str, n: u16, more: &[&str]) -> Self {
        let log = site.path(&format!("{name}.log"));
        let out = fs::File::create(&log).expect("the log can be written");
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/pjphone.py"));
        command.args(["--port", &site.port(n).to_string(), "--rtp", &site.port(n + 1).to_string(), "--record", name]).args(more);
        command.stdin(Stdio::piped()).stdout(out.try_clone().expect("a second handle")).stderr(out);
        let mut child = command.current_dir(site.folder.path()).kill_on_drop(true).spawn().expect("Python starts");
        let orders = child.stdin.take().expect("it is piped");
        let uri = format!("sip:{name}@127.0.0.1:{}", site.port(n));
        Self { child, orders, log, folder: site.folder.path().to_path_buf(), name, uri }
    }

    pub(crate) async fn order(&mut self, line: &str) {
        self.orders.write_all(format!("{line}\n").as_bytes()).await.expect("the phone listens");
    }

    /// Waits for an event with this name and these values.
    pub(crate) async fn event(&self, name: &str, fields: &[(&str, Value)]) -> Value {
        let what = format!("{} tells {name} with {fields:?}", self.name);
        let told = tokio::time::timeout(BOUND, until(&what, BOUND * 2, async || self.find(name, fields))).await;
        told.unwrap_or_else(|_| panic!("not within {BOUND:?}: {what}; it said:\n{}", fs::read_to_string(&self.log).unwrap_or_default()))
    }

    pub(crate) fn find(&self, name: &str, fields: &[(&str, Value)]) -> Option<Value> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == name).find(|event| fields.iter().all(|(key, value)| event[*key] == *value))
    }

    pub(crate) async fn state(&self, call: u32, state: &str) -> Value {
        self.event("state", &[("call", json!(call)), ("state", json!(state))]).await
    }

    /// Ends the phone by itself; answers where the recordings of its calls are, by the call's number.
    pub(crate) async fn finish(self) -> impl Fn(u32) -> PathBuf {
        let Self { mut child, orders, log, folder, name, .. } = self;
        drop(orders);
        let ended = tokio::time::timeout(BOUND, child.wait()).await;
        let said = fs::read_to_string(log).unwrap_or_default();
        let status = ended.unwrap_or_else(|_| panic!("{name} did not end:\n{said}")).expect("a child can be waited for");
        assert_eq!(status.code(), Some(0), "{name} said:\n{said}");
        move |call| folder.join(format!("{name}-{call}.wav"))
    }
}

/// baresip, with a control connection. Dropping it kills it.
pub(crate) struct Baresip {
    child: Child,
    control: TcpStream,
    folder: PathBuf,
    pub(crate) uri: String,
}

impl Baresip {
    /// Answers every call, plays `wav` on it, and writes what it heard.
    pub(crate) async fn start(site: &Site, name: &str, n: u16, wav: &Path) -> Option<Self> {
        Self::start_with(site, name, n, wav, "pcmu,pcma").await
    }

    /// The same with other codecs, as baresip names them.
    pub(crate) async fn start_with(site: &Site, name: &str, n: u16, wav: &Path, codecs: &str) -> Option<Self> {
        let program = program("baresip", "baresip-core")?;
        let folder = site.path(name);
        fs::create_dir_all(&folder).expect("the folder can be made");
        let modules =
            BARESIP_MODULES.iter().find(|folder| Path::new(folder).is_dir()).expect("baresip's modules are where Debian puts them");
        let (sip, control, rtp) = (site.port(n), site.port(n + 1), site.port(n + 2));
        let config = format!(
            "net_interface 127.0.0.1\nsip_listen 127.0.0.1:{sip}\naudio_source aufile,{wav}\naudio_player aubridge,nil\n\
             ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\ncall_max_calls 4\nrtp_ports {rtp}-{last}\n\
             snd_path {folder}\nctrl_tcp_listen 127.0.0.1:{control}\nmodule_path {modules}\n\
             module g711.so\nmodule g722.so\nmodule auresamp.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp account.so\nmodule_app menu.so\n\
             module_app ctrl_tcp.so\n",
            wav = wav.display(),
            folder = folder.display(),
            last = rtp + 3,
        );
        fs::write(folder.join("config"), config).expect("the file can be written");
        let account = format!("<sip:{name}@127.0.0.1;transport=udp>;regint=0;answermode=auto;audio_codecs={codecs};ptime=20\n");
        fs::write(folder.join("accounts"), account).expect("the file can be written");
        let log = fs::File::create(folder.join("log")).expect("the log can be written");
        let mut command = Command::new(program);
        command.args(["-4", "-t", "90", "-f"]).arg(&folder).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log).kill_on_drop(true);
        let child = command.spawn().expect("baresip starts");
        let connected = until("baresip takes orders", BOUND, async || TcpStream::connect(("127.0.0.1", control)).await.ok());
        let control = connected.await;
        Some(Self { child, control, folder, uri: format!("sip:{name}@127.0.0.1:{sip}") })
    }

    pub(crate) async fn order(&mut self, command: &str, params: &str) {
        let text = json!({"command": command, "params": params, "token": "t"}).to_string();
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes()).await.expect("baresip listens");
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Ends it; answers the files of what it heard, the first call's first.
    pub(crate) async fn finish(mut self) -> Vec<PathBuf> {
        self.order("quit", "").await;
        let ended = tokio::time::timeout(BOUND, self.child.wait()).await;
        assert!(ended.is_ok(), "baresip did not end:\n{}", self.log());
        let files = fs::read_dir(&self.folder).expect("the folder is there").map(|entry| entry.expect("it is readable").path());
        let mut heard: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with("-dec.wav")).collect();
        heard.sort();
        heard
    }
}
