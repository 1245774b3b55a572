//! A call whose model is a server nobody here wrote: fakellm, an OpenAI-compatible mock from PyPI.

use crate::model_calls::{Served, call, said, setup, start};
use crate::support::variable;
use crate::worker::{text, until};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const RULES: &str = "version: 1\ndefaults:\n  fallback: deterministic_echo\nrules:\n  - name: hours\n    when:\n      messages_contain: \"opening\"\n    \
                     respond:\n      content: \"We open at nine. Is there anything else?\"\n";

fn fakellm() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/peer/bin/fakellm");
    if program.is_file() {
        return Some(program);
    }
    let why = "needs fakellm (make test-tools)";
    assert!(variable("CI").is_none(), "in CI this test must run: it {why}");
    eprintln!("SKIPPED: {why}");
    None
}

#[tokio::test]
async fn a_model_server_nobody_here_wrote_is_understood_word_for_word() {
    let Some(program) = fakellm() else { return };
    let folder = tempfile::tempdir().expect("a folder for the test");
    std::fs::write(folder.path().join("fakellm.yaml"), RULES).expect("the file can be written");
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let mut command = Command::new(program);
    command.args(["serve", "--port", &address.port().to_string()]).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let _child = command.spawn().expect("it can be started");
    until("fakellm listens", Duration::from_secs(30), async || tokio::net::TcpStream::connect(address).await.ok()).await;

    let nobody = Served::new("[[reply]]\ntext = \"x\"").await;
    let mut setup = setup(&nobody, &nobody, &["what are your opening hours"]);
    setup.more = setup.more.replacen(&nobody.address, &address.to_string(), 1);
    let worker = start(setup).await;
    call(&worker, 1).await;
    let row = worker.closed(1).await.remove(0);
    let said = said(&worker, text(&row["id"]));
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    assert_eq!(said, ["Hello there.", "We open at nine.", "Is there anything else?"]);
    worker.stop().await;
}
