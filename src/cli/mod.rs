//! The command line: one file a verb. Only this module prints.
//!
//! Exit codes: 0 fine, 1 failed check or difference, 2 usage, 78 bad configuration.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use crate::settings::{self, Settings};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

mod check;
pub mod demo;
mod dial;
mod models;
mod openapi;
mod phone;
mod remote;
mod replay;
mod scripted_model;
mod serve;

/// The open voice-worker host daemon: answers and places phone calls, carries out transfers, closes every call with one true cause.
#[derive(Debug, Parser)]
#[command(name = "voice-worker", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Answer calls until told to stop
    Serve(ConfigArgs),
    /// Validate the configuration and print every computed deadline
    Check(check::Args),
    /// Watch one whole phone call: a worker and its callers on this machine, nothing to configure
    Demo(demo::Args),
    /// Call a worker as a scripted telephone
    Dial(dial::Args),
    /// Replay recordings or transcripts through today's core
    Replay(replay::Args),
    /// Be a language model that says what a script says, for tests and rehearsals
    ScriptedModel(scripted_model::Args),
    /// Live calls of a running worker
    #[command(subcommand)]
    Calls(remote::CallsVerb),
    /// Hang a conversation up through the close pipeline
    End(remote::EndArgs),
    /// Speech weights of the local engines
    #[command(subcommand)]
    Models(models::ModelsVerb),
    /// Print the HTTP API as an OpenAPI document
    Openapi,
}

#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// TOML file; without one the built-in defaults hold
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A failed check or a difference.
const FAILED: u8 = 1;
/// EX_CONFIG of sysexits.h: systemd does not restart for it.
const BAD_CONFIGURATION: u8 = 78;

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Serve(args) => serve::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Demo(args) => demo::run(&args),
        Verb::Dial(args) => dial::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::ScriptedModel(args) => scripted_model::run(&args),
        Verb::Calls(verb) => remote::calls(verb),
        Verb::End(args) => remote::end(args),
        Verb::Models(verb) => models::run(&verb),
        Verb::Openapi => openapi::run(),
    }
}

impl ConfigArgs {
    /// The settings, or every fault in them on standard error and the exit code for that.
    fn load(&self) -> Result<Settings, ExitCode> {
        settings::load(self.config.as_deref(), settings::process_env()).map_err(|faults| {
            eprintln!("{faults}");
            ExitCode::from(BAD_CONFIGURATION)
        })
    }
}

/// A runtime for a verb that talks to the network.
fn block_on<F: Future<Output = ExitCode>>(work: F) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("the async runtime could not be started: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// An error with its causes, one line.
fn say_why(what: &str, error: &(dyn std::error::Error + 'static)) {
    eprintln!("{what}: {}", crate::telemetry::Chain(error));
}
