//! Disks that are full: recordings are cut, rows wait, calls go on.

use crate::assistants::DESK;
use crate::support::{Peer, program, sipp};
use crate::worker::{Setup, Site, Worker, binary, until};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// A small file system in memory; gone when dropped.
struct Small(PathBuf);

impl Small {
    /// `None`, with a line that says so, where nobody may mount.
    fn at(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("the folder can be made");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path.to_path_buf()));
        }
        eprintln!("SKIPPED: needs the right to mount a small file system (root)");
        None
    }

    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).expect("there is room for a name");
        while file.write_all(&[0; 4_096]).is_ok() {}
        while file.write_all(&[0; 1]).is_ok() {}
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

/// Waits for the question, keys a number, hears some of the answer and hangs up.
fn typing_caller(worker: &Worker) -> Peer {
    let script = worker.site.path("script.jsonl");
    let steps = "{\"pause_ms\": 3000}\n{\"dtmf\": \"123#\"}\n{\"pause_ms\": 2000}\n{\"hangup\": true}\n";
    fs::write(&script, steps).expect("the file can be written");
    let first = worker.site.port(8);
    let mut command = binary();
    command.arg("dial").arg(worker.uri()).arg("--script").arg(script);
    command.args(["--models", "/nonexistent", "--timeout", "30", "--rtp", &format!("{first}-{}", first + 19)]);
    Peer::start("dial", command)
}

#[tokio::test]
async fn a_full_disk_cuts_the_recording_and_holds_back_the_row_while_the_call_goes_on() {
    let Some(sipp_program) = program("sipp", "sip-tester") else { return };
    // What is said after the keys is longer than the page that the recording may still have to itself.
    let talkative = DESK.replace("I have {{account | spell}}.", &format!("I have {{{{account | spell}}}}. {}", "Quite so. ".repeat(300)));
    let mut setup = Setup::with("desk", talkative).more("[store]\nbusy_timeout_ms = 200");
    setup.recording = "mode = \"full\"".to_owned();
    let site = Site::new(setup).await;
    let Some(small) = Small::at(&site.path("state"), "3m") else { return };
    let worker = site.start().await;
    let media = worker.site.port(10).to_string();
    let caller = typing_caller(&worker);
    let id = worker.live(1, &["talking"]).await.remove(0);
    let row = format!("/v1/v2/conversations/{id}");
    until("its row is stored", BOUND, async || (worker.ask("GET", &row).await.1["status"] == "active").then_some(())).await;
    let filler = small.fill();
    // The call comes to its own end, by the caller's BYE.
    caller.finish(BOUND).await;
    let counted = async || (worker.metric("voice_worker_recording_faults ").await == Some(1.0)).then_some(());
    until("the cut recording is counted", BOUND, counted).await;
    until("no call is left", BOUND, async || (worker.metric("voice_worker_calls_live ").await == Some(0.0)).then_some(())).await;
    let marked = async || worker.recording_text(&id).lines().last().is_some_and(|line| line.contains("\"truncated\"")).then_some(());
    until("the recording says that it is cut", BOUND, marked).await;
    assert_ne!(worker.ask("GET", &row).await.1["status"], "closed", "there is no room for that");

    fs::remove_file(filler).expect("it is there");
    let closed = until("the close that had to wait is through", BOUND, async || {
        let (_, found) = worker.ask("GET", &row).await;
        (found["status"] == "closed").then_some(found)
    });
    assert_eq!(closed.await["termination_reason"], "participant_left");
    let (_, poll) = worker.ask("GET", &format!("{row}/messages")).await;
    assert!(poll["messages"].to_string().contains("Type your number"), "{poll}");
    // With room again the next call is whole.
    sipp(sipp_program, "uac_cps.xml", worker.udp, &["-m", "1", "-d", "300", "-mp", &media]).finish(BOUND).await.expect_success();
    let rows = worker.closed(2).await;
    let next = rows.iter().find(|found| found["id"] != id.as_str()).expect("another one");
    worker.replayed(next["id"].as_str().expect("an id")).await;
    drop(worker.kill().await);
}
