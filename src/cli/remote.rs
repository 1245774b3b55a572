//! `calls` and `end`: a running worker, asked over its HTTP API.

use super::{FAILED, block_on, say_why};
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use uuid::Uuid;

/// The worker answers an end order after its close pipeline; that has its own deadlines within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// `follow` looks this often.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Subcommand)]
pub(super) enum CallsVerb {
    /// Every live call, oldest first
    List(Remote),
    /// One live call: legs, armed timers, timeline
    Show(One),
    /// One live call's timeline as it grows, until the call is over
    Follow(One),
}

#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// The conversation's id
    conversation: Uuid,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct EndArgs {
    /// The conversation's id
    conversation: Uuid,
    /// A termination reason of the API, for the row
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remote {
    /// The worker's API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    api: String,
    /// File that holds the API key
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

pub(super) fn calls(verb: CallsVerb) -> ExitCode {
    block_on(async move {
        match verb {
            CallsVerb::List(remote) => done(list(&remote).await),
            CallsVerb::Show(one) => done(show(&one).await),
            CallsVerb::Follow(one) => done(follow(&one).await),
        }
    })
}

pub(super) fn end(args: EndArgs) -> ExitCode {
    block_on(async move { done(end_one(&args).await) })
}

#[derive(Debug, thiserror::Error)]
enum RemoteError {
    #[error("the key file {} cannot be read", path.display())]
    Key { path: PathBuf, source: std::io::Error },
    #[error("no answer from {url}; is a worker running there?")]
    NoAnswer { url: String, source: reqwest::Error },
    #[error("the worker answered {status}: {said}")]
    Refused { status: u16, said: String },
    #[error("the worker's answer is no JSON")]
    NotJson(#[from] serde_json::Error),
}

fn done(result: Result<(), RemoteError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_why("voice-worker", &error);
            ExitCode::from(FAILED)
        }
    }
}

async fn list(remote: &Remote) -> Result<(), RemoteError> {
    let answer = remote.ask(reqwest::Method::GET, "/v1/calls", None).await?;
    let calls = answer["calls"].as_array().cloned().unwrap_or_default();
    println!("{:<38} {:<9} {:<13} {:<14} {:<16} {:>9}", "conversation", "way", "phase", "trunk", "assistant", "seconds");
    for call in &calls {
        let seconds = call["duration_ms"].as_u64().unwrap_or_default() / 1_000;
        let word = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
        println!(
            "{:<38} {:<9} {:<13} {:<14} {:<16} {seconds:>9}",
            word("conversation_id"),
            word("direction"),
            word("phase"),
            word("trunk"),
            word("assistant")
        );
    }
    println!("{} live", calls.len());
    Ok(())
}

async fn show(one: &One) -> Result<(), RemoteError> {
    let call = one.ask().await?;
    println!("phase {}, trunk {}, assistant {}", text(&call["phase"]), text(&call["trunk"]), text(&call["assistant"]));
    for leg in call["legs"].as_array().into_iter().flatten() {
        println!("leg {} ({}): {}", leg["leg"], text(&leg["role"]), text(&leg["state"]));
    }
    for timer in call["timers"].as_array().into_iter().flatten() {
        println!("timer {} at {}", text(&timer["timer"]), at(&timer["at_us"]));
    }
    print_lines(&call, 0);
    Ok(())
}

async fn follow(one: &One) -> Result<(), RemoteError> {
    let mut told = 0;
    loop {
        match one.ask().await {
            Ok(call) => told = print_lines(&call, told),
            Err(RemoteError::Refused { status: 404, .. }) if told > 0 => {
                println!("the call is over");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}

async fn end_one(args: &EndArgs) -> Result<(), RemoteError> {
    let id = args.conversation;
    let body = args.reason.as_ref().map(|reason| serde_json::json!({"end_user_id": Uuid::nil(), "session_id": id, "reason": reason}));
    let answer = args.remote.ask(reqwest::Method::POST, &format!("/v1/v2/conversations/{id}/end_session"), body).await?;
    println!("{id}: {}", text(&answer["status"]));
    Ok(())
}

/// Prints the timeline from entry `from`; answers how many there are.
fn print_lines(call: &Value, from: usize) -> usize {
    let lines = call["timeline"].as_array().cloned().unwrap_or_default();
    for line in lines.iter().skip(from) {
        println!("{:>10}  {:<9}  {}", at(&line["at_us"]), text(&line["kind"]), text(&line["text"]));
    }
    lines.len()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn at(value: &Value) -> String {
    crate::model::CallTime::from_micros(value.as_u64().unwrap_or_default()).to_string()
}

impl One {
    async fn ask(&self) -> Result<Value, RemoteError> {
        self.remote.ask(reqwest::Method::GET, &format!("/v1/calls/{}", self.conversation), None).await
    }
}

impl Remote {
    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value, RemoteError> {
        let url = format!("{}{path}", self.api.trim_end_matches('/'));
        let mut request = reqwest::Client::new().request(method, &url).timeout(ANSWER_WITHIN);
        if let Some(path) = &self.key_file {
            let key = std::fs::read_to_string(path).map_err(|source| RemoteError::Key { path: path.clone(), source })?;
            request = request.header("x-api-key", key.trim());
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|source| RemoteError::NoAnswer { url: url.clone(), source })?;
        let status = answer.status();
        let said = answer.text().await.map_err(|source| RemoteError::NoAnswer { url, source })?;
        if !status.is_success() {
            return Err(RemoteError::Refused { status: status.as_u16(), said });
        }
        Ok(serde_json::from_str(&said)?)
    }
}
