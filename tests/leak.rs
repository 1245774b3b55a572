//! Two hundred calls by sipp: every table comes back to zero, and what is allocated after the second hundred is what it was after the first.
//!
//! The long form, two thousand calls with audio, is a measurement: `cargo bench --bench worker -- --only memory`.
#![cfg(feature = "jemalloc")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use voice_worker::host::Worker;
use voice_worker::settings;
use voice_worker::telemetry::{Gauge, Metrics};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const HUNDRED: u64 = 100;
/// What may stay: growth of tables that keep their room. 100 calls that each left 330 bytes behind are beyond it.
const ROOM: u64 = 32 * 1_024;
/// Ended transactions are kept 64 times T1, which is set to its least here: 3.2 s.
const PATIENCE: Duration = Duration::from_secs(30);
const TABLES: [Gauge; 6] =
    [Gauge::CallsLive, Gauge::SipLegs, Gauge::SipDialogs, Gauge::SipTransactions, Gauge::RtpPortsUsed, Gauge::StoreQueue];

/// The calls run in a process of their own: thread caches count as allocated, and only a process's environment turns them off.
#[test]
fn calls_leave_no_table_entry_and_no_memory_behind() {
    if sipp().is_none() {
        return;
    }
    let mut again = std::process::Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", "two_hundred_calls", "--ignored", "--nocapture"]).env("_RJEM_MALLOC_CONF", "tcache:false");
    let output = again.output().expect("this program runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above"]
async fn two_hundred_calls() {
    let Some(sipp) = sipp() else { return };
    a_hundred_more_calls_leave_nothing_behind(&sipp).await;
}

async fn a_hundred_more_calls_leave_nothing_behind(sipp: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let metrics = Metrics::new().expect("a page of metrics");
    let settings = settings::parse(None, &worker_toml(folder.path()), []).expect("sound settings");
    let mut config = settings::compose(&settings).expect("a sound assistant");
    config.metrics = Some(metrics.clone());
    let worker = Worker::start(config).await.expect("the worker starts");
    let target = worker.sip_addresses()[0];
    let tasks_before = gauge(&metrics, Gauge::Tasks);

    let mut allocated = Vec::new();
    // The first round fills pools, caches and the tables' room; it is not compared.
    for round in ["warm-up", "first hundred", "second hundred"] {
        hundred_calls(sipp, target).await;
        emptied(&metrics, round).await;
        assert!(gauge(&metrics, Gauge::Tasks) <= tasks_before, "tasks outlived their calls in the {round}");
        allocated.push(allocated_bytes());
    }
    eprintln!("allocated after each round: {allocated:?}");
    let (first, second) = (allocated[1], allocated[2]);
    assert!(
        second <= first + ROOM,
        "after the first hundred {first} bytes were allocated, after the second {second}: calls leave something"
    );
    worker.stop().await;
}

async fn hundred_calls(sipp: &Path, target: SocketAddr) {
    let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/sipp/uac_cps.xml");
    let mut command = tokio::process::Command::new(sipp);
    command.arg(target.to_string()).arg("-sf").arg(scenario).args(["-s", "1000", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin"]);
    command.args(["-m", &HUNDRED.to_string(), "-r", "50", "-d", "300", "-timeout", "25"]);
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).status();
    let status = tokio::time::timeout(PATIENCE, ended).await.expect("sipp ends").expect("sipp runs");
    assert!(status.success(), "sipp: {status}");
}

async fn emptied(metrics: &Metrics, round: &str) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let empty = async {
        while TABLES.iter().any(|table| gauge(metrics, *table) > 0) {
            looks.tick().await;
        }
    };
    if tokio::time::timeout(PATIENCE, empty).await.is_err() {
        let left: Vec<String> = TABLES.iter().map(|table| format!("{}: {}", table.name(), gauge(metrics, *table))).collect();
        panic!("after the {round} something is left: {}", left.join(", "));
    }
}

fn gauge(metrics: &Metrics, gauge: Gauge) -> u64 {
    let page = metrics.render();
    let line = page.lines().find_map(|line| line.strip_prefix(gauge.name())?.strip_prefix(' ').map(str::to_owned));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{} is not on the page:\n{page}", gauge.name()))
}

fn allocated_bytes() -> u64 {
    tikv_jemalloc_ctl::epoch::advance().expect("jemalloc's statistics");
    tikv_jemalloc_ctl::stats::allocated::read().expect("jemalloc's statistics") as u64
}

fn worker_toml(folder: &Path) -> String {
    let assistants = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/assistants");
    format!(
        "[worker]\nstate_dir = {:?}\n[sip]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\nt1_ms = 50\n\
         [media]\naddress = \"127.0.0.1\"\nfirst_port = 25000\nlast_port = 25999\nquarantine_seconds = 0\n\
         [speech]\nengine = \"scripted\"\n[api]\nlisten = \"127.0.0.1:0\"\n[assistants]\ndirectory = {:?}\ndefault = \"echo\"\n",
        folder.display().to_string(),
        assistants.display().to_string(),
    )
}

/// `None` tells the test to return, visibly; in CI a missing sipp fails it.
#[expect(clippy::disallowed_methods, reason = "a test asks its surroundings, not the worker's settings")]
fn sipp() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("sipp")).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "in CI this test must run: it needs the program 'sipp' (Debian package sip-tester)");
        eprintln!("SKIPPED: needs the program 'sipp' (Debian package sip-tester)");
    }
    found
}
