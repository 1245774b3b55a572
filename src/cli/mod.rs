//! The command line: one file a verb. Only this module prints.
//!
//! Exit codes: 0 fine, 1 failed check or difference, 2 usage, 78 bad configuration.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod replay;

/// The open voice-worker host daemon: answers and places phone calls, carries out transfers, closes every call with one true cause.
#[derive(Debug, Parser)]
#[command(name = "voice-worker", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Replay recordings through today's core and compare every decision
    Replay(replay::Args),
}

/// Exit code of a failed check or a difference.
const FAILED: u8 = 1;

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Replay(args) => replay::run(&args),
    }
}
