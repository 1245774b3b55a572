//! The unit file and what it promises.

use std::fs;
use std::path::Path;
use std::process::Command;
use voice_worker::settings::{self, computed_deadlines};

fn unit() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/voice-worker.service")).expect("the unit is there")
}

fn seconds(key: &str) -> u64 {
    let unit = unit();
    let line = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("the unit has no {key}"));
    line.trim_start_matches('=').parse().expect("whole seconds")
}

#[test]
fn systemd_waits_longer_than_the_longest_drain() {
    let settings = settings::parse(None, "", []).expect("the defaults are good");
    let gone =
        computed_deadlines(&settings).into_iter().find(|deadline| deadline.name.starts_with("worker: gone after SIGTERM")).expect("listed");
    assert!(
        seconds("TimeoutStopSec") * 1_000 > gone.span.0,
        "TimeoutStopSec={} but a drain may take {}",
        seconds("TimeoutStopSec"),
        gone.span
    );
}

#[test]
fn bad_configuration_is_not_restarted() {
    assert!(unit().contains("RestartPreventExitStatus=78"));
}

/// `systemd-analyze verify` wants the program to exist, so it is shown a copy that names the one built here.
#[test]
fn systemd_finds_nothing_to_say_about_the_unit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("voice-worker.service");
    fs::write(&path, unit().replace("/usr/bin/voice-worker", env!("CARGO_BIN_EXE_voice-worker"))).expect("written");
    let Ok(said) = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&path).output() else {
        #[expect(clippy::disallowed_methods, reason = "a test asks whether it runs in CI, where nothing may be skipped")]
        let in_ci = std::env::var_os("CI").is_some();
        assert!(!in_ci, "systemd-analyze is missing");
        eprintln!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let complaints = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && !complaints.contains("voice-worker.service"), "{complaints}");
}
