//! An API fuzzer nobody here wrote, against a running worker: it reads the worker's own description and finds no 5xx and no answer outside it.
//!
//! Needs `schemathesis` in `.venv-schemathesis` (`make test-tools` puts it there); without it the test is skipped with a visible reason, and fails in CI.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[path = "chat/worker.rs"]
mod worker;

use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use worker::{KEY, Site};

/// The whole run; phases that do not fit are cut. One worker: two of them trip over an interpreter bug of Python 3.11.
const SECONDS: u32 = 60;
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

fn program() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-schemathesis/bin/schemathesis");
    if path.is_file() {
        return Some(path);
    }
    #[expect(clippy::disallowed_methods, reason = "a test asks whether it runs in CI, where nothing may be skipped")]
    let is_ci = std::env::var_os("CI").is_some();
    assert!(!is_ci, "schemathesis is not installed: run `make test-tools`");
    let _ = std::io::stderr().write_all(b"schemathesis: skipped, not in .venv-schemathesis; run `make test-tools`\n");
    None
}

#[tokio::test]
async fn a_fuzzer_finds_no_5xx_and_no_answer_outside_the_schema() {
    let Some(program) = program() else { return };
    let site = Site::new(include_str!("../config/assistants/front-desk.toml"), "");
    let worker = site.start().await;
    for n in 0..3 {
        let body = json!({ "end_user_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "external_id": format!("seed-{n}") });
        let (_, created) = worker.post("/v1/v2/conversations", body).await;
        let path = format!("/v1/v2/conversations/{}/turns", created["id"].as_str().unwrap());
        assert_eq!(worker.post(&path, json!({ "user_message": "hello" })).await.0, 201);
    }
    let mut command = tokio::process::Command::new(program);
    command.args(["run", &worker.url("/openapi.json"), "--header", &format!("x-api-key:{KEY}"), "--checks", CHECKS]);
    command.args(["--max-time", &SECONDS.to_string(), "--max-examples", "20", "--workers", "1", "--seed", "7", "--request-timeout", "20"]);
    command.args(["--continue-on-failure", "--no-color", "--no-shrink", "--generation-database", "none", "--warnings", "off"]);
    let output = command.current_dir(site.path()).kill_on_drop(true).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let (status, _) = worker.get("/health").await;
    assert_eq!(status, 200, "the worker lives");
    worker.stop().await;
}
