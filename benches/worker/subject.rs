//! Who is measured: the worker, and a rival that does the nearest thing to it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const API: &str = "127.0.0.1:8085";
const KEY: &str = "benchmark-key-of-no-worth-0123456789";
const RIVAL_ORDERS: u16 = 4_500;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) target: SocketAddr,
    kind: Kind,
    /// The measured process first.
    children: Vec<Child>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Worker,
    Rival,
}

/// What differs between the runs of the worker.
#[derive(Clone, Copy)]
pub(crate) struct Tuning {
    /// RFC 3261's T1: ended transactions are kept 64 times that.
    pub(crate) t1_ms: u32,
    pub(crate) quarantine_seconds: u32,
    /// Turns off the allocator's thread caches.
    pub(crate) exact_memory: bool,
}

impl Subject {
    pub(crate) fn worker(folder: &Path, tuning: Tuning) -> io::Result<Self> {
        Self::worker_with(folder, tuning, &talker(), "", "")
    }

    /// With an assistant of its own, keys for `[speech]` and more tables.
    pub(crate) fn worker_with(folder: &Path, tuning: Tuning, assistant: &str, speech: &str, more: &str) -> io::Result<Self> {
        let state = folder.join("worker");
        let _ = fs::remove_dir_all(&state);
        fs::create_dir_all(state.join("assistants"))?;
        fs::write(state.join("assistants/talker.toml"), assistant)?;
        fs::write(state.join("key"), KEY)?;
        let path = |name: &str| state.join(name).display().to_string();
        let Tuning { t1_ms, quarantine_seconds, .. } = tuning;
        let text = format!(
            "[worker]\nstate_dir = {:?}\nmax_calls = 7000\n[sip]\nudp = [\"127.0.0.1:5070\"]\ntcp = [\"127.0.0.1:5070\"]\nt1_ms = {t1_ms}\n\
             [media]\naddress = \"127.0.0.1\"\nfirst_port = 10000\nlast_port = 39999\nquarantine_seconds = {quarantine_seconds}\n\
             [speech]\nengine = \"scripted\"\n{speech}\n[api]\nlisten = \"{API}\"\n\
             [[api.key]]\nname = \"bench\"\norganisation = \"00000000-0000-0000-0000-000000000001\"\nkey_file = {:?}\n\
             [assistants]\ndirectory = {:?}\ndefault = \"talker\"\n[telemetry]\nlevel = \"warn\"\n{more}\n",
            path("state"),
            path("key"),
            path("assistants"),
        );
        fs::write(state.join("worker.toml"), text)?;
        let log = File::create(folder.join("worker.log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_voice-worker"));
        command.arg("serve").arg("--config").arg(state.join("worker.toml")).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if tuning.exact_memory {
            // Thread caches count as allocated: without them the figure is that of live objects.
            command.env("_RJEM_MALLOC_CONF", "tcache:false");
        }
        let child = command.spawn()?;
        let subject =
            Self { name: "voice-worker", target: SocketAddr::from(([127, 0, 0, 1], 5070)), kind: Kind::Worker, children: vec![child] };
        for _ in 0..200 {
            if subject.http("GET", "/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(subject);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let said = fs::read_to_string(folder.join("worker.log")).unwrap_or_default();
        Err(io::Error::other(format!("the worker does not become ready; it said:\n{said}")))
    }

    /// Fails with what is missing.
    pub(crate) fn rival(folder: &Path) -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".venv/rival/bin/python");
        if !python.is_file() {
            return Err(io::Error::other("not installed: run benches/rival/install"));
        }
        let scratch = folder.join("kamailio");
        fs::create_dir_all(&scratch)?;
        let log = File::create(folder.join("rival.log"))?;
        let quiet = |mut command: Command| -> io::Result<Child> {
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()
        };
        let mut registrar = Command::new("kamailio");
        registrar.arg("-f").arg(root.join("benches/rival/kamailio.cfg"));
        registrar.args(["-DD", "-E", "-m", "64", "-M", "8", "-w"]).arg(&scratch).arg("-P").arg(scratch.join("pid"));
        let mut children = vec![quiet(registrar)?];
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(100));
            if TcpStream::connect("127.0.0.1:5060").is_ok() {
                break;
            }
        }
        let mut endpoint = Command::new(python);
        endpoint.arg(root.join("benches/rival/endpoint.py")).arg(RIVAL_ORDERS.to_string());
        children.insert(0, quiet(endpoint)?);
        let subject = Self { name: "agent-transport 0.2.2", target: SocketAddr::from(([127, 0, 0, 1], 5060)), kind: Kind::Rival, children };
        for _ in 0..200 {
            if fs::read_to_string(folder.join("rival.log")).is_ok_and(|text| text.contains("ready")) {
                return Ok(subject);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("it did not register; see rival.log"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.children[0].id()
    }

    pub(crate) fn is_worker(&self) -> bool {
        self.kind == Kind::Worker
    }

    /// Orders the end of the one call there is; answers when the order was given.
    pub(crate) fn order_end(&self) -> io::Result<(Instant, Order)> {
        match self.kind {
            Kind::Rival => {
                let mut control = TcpStream::connect(("127.0.0.1", RIVAL_ORDERS))?;
                let at = Instant::now();
                control.write_all(b"end\n")?;
                Ok((at, Order(control)))
            }
            Kind::Worker => {
                let calls = self.http("GET", "/v1/calls")?;
                let id = calls.split("\"conversation_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
                let id = id.ok_or_else(|| io::Error::other("no call is live"))?;
                let at = Instant::now();
                let order = request("POST", &format!("/v1/v2/conversations/{id}/end_session"))?;
                Ok((at, Order(order)))
            }
        }
    }

    /// A gauge of the worker's metrics page.
    pub(crate) fn gauge(&self, name: &str) -> Option<f64> {
        let page = if self.kind == Kind::Worker { self.http("GET", "/metrics").ok()? } else { return None };
        let line = page.lines().find(|line| line.split(' ').next() == Some(&format!("voice_worker_{name}")))?;
        line.split(' ').nth(1)?.parse().ok()
    }

    fn http(&self, method: &str, path: &str) -> io::Result<String> {
        let mut text = String::new();
        request(method, path)?.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// An order that was given; its answer comes when it is carried out.
pub(crate) struct Order(TcpStream);

impl Order {
    /// The first line of the answer of whoever gives one.
    pub(crate) fn answer(mut self, subject: &Subject) -> io::Result<String> {
        if subject.kind == Kind::Rival {
            return Ok(String::new());
        }
        let mut text = String::new();
        self.0.read_to_string(&mut text)?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Kamailio's own children end with a parent that is asked, not with one that is killed.
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        }
        std::thread::sleep(Duration::from_millis(500));
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn request(method: &str, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(API)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let text = format!("{method} {path} HTTP/1.1\r\nHost: {API}\r\nx-api-key: {KEY}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(text.as_bytes())?;
    Ok(stream)
}

/// An assistant that talks for 50 seconds: 25 sentences of 8 words, 250 ms a word. Longer than any call here, and short enough to be handed
/// to the pacer whole, so that one call is enough to have it cached.
fn talker() -> String {
    let greeting = "This sentence has eight words and goes on. ".repeat(25);
    format!(
        "name = \"Talker\"\n[workflow]\nstart = \"talk\"\n[[workflow.nodes]]\nid = \"talk\"\nkind = \"agent\"\nsay = {greeting:?}\n\
         edges = [{{ to = \"talk\" }}]\n"
    )
}
