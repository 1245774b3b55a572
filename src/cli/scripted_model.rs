//! `scripted-model`: a model that says what a script says.

use super::{FAILED, block_on, say_why};
use crate::runtime::shell::scripted::{Script, ScriptedModel, Seen};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// What a script can say; shown by `--help`.
const HELP: &str = r#"The server answers POST /v1/chat/completions as OpenAI-compatible endpoints do, streamed or whole. Point a [[model]] at it:

  [[model]]
  role = "main"
  base_url = "http://127.0.0.1:11435/v1"
  model = "scripted"

SCRIPT, in TOML. The first reply that fits a request and is not used up answers it; where none fits the answer is 404.

  key = "sesame"                 # optional: anything but 'Authorization: Bearer sesame' is answered 401
  model = "scripted-1"           # optional: the model's name in answers; otherwise the request's

  [[reply]]
  when = "billing"               # part of the last user message, in whatever case
  when_system = "front desk"     # part of the first message
  when_model = "small"           # the request's model
  after_tool = "lookup"          # the request answers a call of this tool
  times = 1                      # given this often, then the next reply that fits
  text = "One moment, please."
  pieces = "words"               # one delta a word; or "letters", or "whole"
  first_ms = 0                   # before the first piece
  pace_ms = 0                    # before each further piece
  tool_calls = [{ name = "transfer_call", arguments = { target = "billing" } }]
                                 # arguments as text are sent as they are: '{"target":' is how broken ones are made
  stream = false                 # one JSON body, though a stream was asked for
  split = 3                      # the stream in writes of 3 bytes, wherever that splits it
  odd = true                     # CR LF line ends and comments in the stream

Faults, in place of or in the middle of a reply; `after` is how many pieces come before:

  fault = "hang"                 # never answers
  fault = "stall"                # stops after `after` pieces and keeps the connection
  fault = "cut"                  # the connection is gone after `after` pieces
  fault = "broken_json"          # after `after` pieces an event that is no JSON
  fault = "error"                # after `after` pieces an error object
  fault = "empty"                # a well-formed answer without a word
  fault = "endless"              # text without end
  fault = "status"               # with status = 429 and, if wanted, retry_after = 1

The same in JSON Lines, one reply a line: {"when":"billing","text":"One moment."}"#;

#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:11435")]
    listen: SocketAddr,
    /// The script: TOML or JSON Lines; see --help
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Listen on an address that others can reach
    #[arg(long)]
    not_only_loopback: bool,
    /// Print the last user message of each request
    #[arg(long)]
    reveal: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    if !args.listen.ip().is_loopback() && !args.not_only_loopback {
        eprintln!("--listen {}: others can reach this address; add --not-only-loopback if that is wanted", args.listen);
        return ExitCode::from(FAILED);
    }
    let script = std::fs::read_to_string(&args.script)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| Script::parse(&text).map_err(|error| error.to_string()));
    let script = match script {
        Ok(script) => script,
        Err(why) => {
            eprintln!("{}: {why}", args.script.display());
            return ExitCode::from(FAILED);
        }
    };
    let reveal = args.reveal;
    let model = ScriptedModel::watched(script, Some(Box::new(move |seen| println!("{}", line(seen, reveal)))));
    block_on(serve(args.listen, model))
}

async fn serve(listen: SocketAddr, model: ScriptedModel) -> ExitCode {
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) => {
            say_why(&format!("--listen {listen}"), &error);
            return ExitCode::from(FAILED);
        }
    };
    let address = listener.local_addr().unwrap_or(listen);
    println!("scripted model on http://{address}/v1 (Ctrl-C ends it)");
    tokio::select! {
        served = model.serve(listener) => match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say_why("the server stopped", &error);
                ExitCode::from(FAILED)
            }
        },
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}

fn line(seen: &Seen, reveal: bool) -> String {
    let messages = seen.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tools = seen.body["tools"].as_array().map_or(0, Vec::len);
    let reply = seen.reply.map_or_else(|| "no reply fits".to_owned(), |number| format!("reply {number}"));
    let user = messages.iter().rev().find(|message| message["role"] == "user").and_then(|message| message["content"].as_str());
    let said = user.filter(|_| reveal).map_or_else(String::new, |text| format!(": {text}"));
    format!("{} messages, {tools} tools, {reply}{said}", messages.len())
}
