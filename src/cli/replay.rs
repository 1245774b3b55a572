//! `replay`: recordings through today's core, in virtual time.

use super::FAILED;
use crate::replay::{HostReplay, Recording, Words, decode, host_replay, timeline};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings (JSON Lines) to replay
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the call's timeline, words and keys masked
    #[arg(long)]
    timeline: bool,
    /// With --timeline: write words and keys out
    #[arg(long, requires = "timeline")]
    reveal: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut same = true;
    for file in &args.files {
        match read(file) {
            Ok(recording) => {
                if args.timeline {
                    print_timeline(&recording, if args.reveal { Words::Shown } else { Words::Masked });
                }
                same &= report(file, &recording, &host_replay(&recording));
            }
            Err(why) => {
                eprintln!("{}: {why}", file.display());
                same = false;
            }
        }
    }
    if same { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn read(file: &Path) -> Result<Recording, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    decode(&text).map_err(|error| error.to_string())
}

fn report(file: &Path, recording: &Recording, found: &HostReplay) -> bool {
    if let Some(difference) = &found.difference {
        println!("{}: DIFFERS\n{difference}", file.display());
        return false;
    }
    let ending = match (recording.is_whole(), found.finished) {
        (true, true) => "to its end".to_owned(),
        (true, false) => "though its core is not finished".to_owned(),
        (false, _) => "up to where the recording breaks off".to_owned(),
    };
    println!("{}: same: {} events, {} commands over {} {ending}", file.display(), found.events, found.commands, found.length);
    recording.is_whole() == found.finished || !recording.is_whole()
}

fn print_timeline(recording: &Recording, words: Words) {
    for moment in timeline(&recording.lines, words) {
        println!("{:>10}  {:<9}  {}", moment.at.to_string(), format!("{:?}", moment.who).to_lowercase(), moment.text);
    }
}
