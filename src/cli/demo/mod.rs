//! `demo`: one whole phone call on this machine, watched live. A worker, a caller and a billing desk, over real SIP and RTP on loopback.
//!
//! - `stage`: who takes part and how they are set up; `play`: the call itself; `check` and `warm`: did it go as scripted; `show`: lines for the
//!   terminal.
//!
//! Asks nothing, needs no account and no configuration. Everything it makes stays in one folder.
//!
//! Does not: decide anything about the call. It starts a worker as any other, and watches its recording grow.

mod check;
mod play;
mod show;
mod stage;
mod warm;

pub use play::{DemoError, Outcome, play};
pub use show::{Seen, Speaker};
pub use stage::{Stage, Story, scripted_speech};

use super::{FAILED, block_on, say_why};
use crate::speech::{LocalConfig, Speech, models};
use show::Ink;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Memory for spoken prompts.
const CACHE_BYTES: usize = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the speech models live
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Recording, audio and database go here
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
    /// Folder with front-desk.toml and warm-desk.toml
    #[arg(long, value_name = "DIR", default_value = "config/assistants")]
    assistants: PathBuf,
    /// Hum instead of speaking and know the words beforehand: needs no models
    #[arg(long)]
    scripted: bool,
    /// A warm transfer: the caller is on hold with music while the billing desk is asked, and both are joined
    #[arg(long)]
    warm: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let ink = Ink::new(std::io::stdout().is_terminal());
    let speech = match speech(args) {
        Ok(speech) => speech,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(FAILED);
        }
    };
    let stage = Stage { out: args.out.clone(), assistants: args.assistants.clone(), speech, story: story(args) };
    block_on(async {
        match play(stage, |seen| ink.print(seen)).await {
            Ok(outcome) => {
                print_outcome(&outcome, ink, story(args));
                if outcome.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
            }
            Err(error) => {
                say_why("the demonstration could not be given", &error);
                ExitCode::from(FAILED)
            }
        }
    })
}

const fn story(args: &Args) -> Story {
    if args.warm { Story::Warm } else { Story::Cold }
}

fn speech(args: &Args) -> Result<Speech, String> {
    if args.scripted {
        println!("Scripted speech: you will see words, and the recording holds tones in their place.\n");
        return Ok(scripted_speech(story(args)));
    }
    let folder = args.models.display();
    if !models::check(&args.models).is_whole() {
        return Err(format!(
            "the speech models are not in {folder}; fetch them once with\n\n    voice-worker models fetch --models {folder}\n\nor watch the same call \
             without them: voice-worker demo --scripted"
        ));
    }
    println!("Loading the voice and the ear from {folder} …\n");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let config = LocalConfig { models: args.models.clone(), cores, cache_bytes: CACHE_BYTES };
    Speech::local(&config).map_err(|error| error.to_string())
}

/// This program as it can be typed here.
fn program() -> String {
    let Ok(program) = std::env::current_exe() else { return "voice-worker".to_owned() };
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| program.strip_prefix(here).ok().map(std::path::Path::to_path_buf));
    below.unwrap_or(program).display().to_string()
}

fn print_outcome(outcome: &Outcome, ink: Ink, story: Story) {
    println!("\n{}\n", ink.strong("The call, from its recording"));
    for moment in &outcome.timeline {
        ink.print(&Seen::of(moment));
    }
    println!("\n{}\n", ink.strong("What is left of it"));
    println!("  audio      {}  (left: the caller, right: the worker)", outcome.audio.display());
    println!("  recording  {}", outcome.recording.display());
    println!("  replay     {} replay {}", program(), outcome.recording.display());
    println!("             {}", outcome.replay);
    println!();
    if outcome.missing.is_empty() {
        let done = match story {
            Story::Cold => "greeted, keyed, understood, transferred, closed, and replayed the same.",
            Story::Warm => "greeted, understood, on hold with music, briefed, accepted by key, joined, closed, and replayed the same.",
        };
        println!("{}", ink.good(&format!("The call went as scripted: {done}")));
    }
    for missing in &outcome.missing {
        println!("{}", ink.bad(&format!("missing: {missing}")));
    }
}
