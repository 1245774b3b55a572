//! Finds, starts, bounds and ends other programs.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// The program's path. `None` tells the test to return: the program is not installed and the reason has been printed. In CI a missing program
/// fails the test, because there a skipped check would pass for a done one.
pub(crate) fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let why = format!("needs the program '{name}' (Debian package {package})");
        assert!(variable("CI").is_none(), "in CI this test must run: it {why}");
        eprintln!("SKIPPED: {why}");
    }
    found
}

/// One of our sipp scenarios, with the arguments they all need.
pub(crate) fn sipp(program: PathBuf, scenario: &str, target: std::net::SocketAddr, more: &[&str]) -> Peer {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/sipp").join(scenario);
    let mut command = Command::new(program);
    command.arg(target.to_string()).arg("-sf").arg(file);
    command.args(["-s", "1000", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-trace_err", "-error_file", "/dev/stderr"]).args(more);
    Peer::start(scenario, command)
}

/// A running program. Dropping it kills it by its own process id.
pub(crate) struct Peer {
    name: String,
    child: Child,
}

/// How a program ended and what it printed.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
}

impl Peer {
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        Self { name: name.to_owned(), child }
    }

    /// Waits for its end; after `bound` it is killed and the test fails with what it had printed.
    pub(crate) async fn finish(mut self, bound: Duration) -> Finished {
        let (mut stdout, mut stderr) = (self.child.stdout.take().expect("it is piped"), self.child.stderr.take().expect("it is piped"));
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let all = async { tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut errors), self.child.wait()).2 };
        let ended = tokio::time::timeout(bound, all).await;
        let output = format!("{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&errors));
        match ended {
            Ok(status) => Finished { code: status.expect("a child can be waited for").code(), output },
            Err(_) => panic!("{} did not end within {bound:?}; it printed:\n{output}", self.name),
        }
    }
}

impl Finished {
    pub(crate) fn expect_success(&self) {
        assert_eq!(self.code, Some(0), "it printed:\n{}", self.output);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test asks its surroundings, not the worker's settings")]
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed_and_shows_its_output() {
    let Some(shell) = program("sh", "dash") else { return };
    let mut command = Command::new(shell);
    command.args(["-c", "echo begun; exec sleep 60"]);
    let peer = Peer::start("sleeper", command);
    let id = peer.child.id().expect("it runs");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { peer.finish(Duration::from_millis(300)).await.output });
    let panic = tasks.join_next().await.expect("one task").expect_err("it must not pass").into_panic();
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("sleeper did not end") && text.contains("begun"), "{text}");
    let gone = || std::fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "));
    let waited = tokio::time::timeout(Duration::from_secs(5), async {
        while !gone() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the program is killed with its handle");
}
