//! `replay`: recordings and transcripts through today's core, in virtual time.

use super::FAILED;
use crate::call::CallSettings;
use crate::host::{Assigned, Assistants};
use crate::replay::transcript::{Faults, ReferFault, parse, transcript_replay};
use crate::replay::{HostReplay, Line, Recording, SealKey, Words, agent_replay, decode_with, host_replay, timeline};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings (as the worker writes them) or transcripts (one step a line), told apart by their first line
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the call's timeline, words and keys masked
    #[arg(long)]
    timeline: bool,
    /// With --timeline: write words and keys out
    #[arg(long, requires = "timeline")]
    reveal: bool,
    /// For encrypted recordings: the file of the key they were written with
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// For recordings: what the caller did and what models and tools answered goes through today's runtime instead, and its turn results
    /// are compared field by field
    #[arg(long, conflicts_with = "timeline")]
    live_runtime: bool,
    /// For transcripts and --live-runtime: the assistant's file
    #[arg(long, value_name = "FILE")]
    assistant: Option<PathBuf>,
    /// For transcripts: seed of the call
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For transcripts: put a fault in, such as refer=603, refer=603@notify, refer=silent, refer=bye
    #[arg(long, value_name = "FAULT")]
    fault: Option<String>,
    /// For transcripts: the same call under another setting, such as voice.silence_timeout_ms=5000
    #[arg(long, value_name = "KEY=VALUE")]
    what_if: Vec<String>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut same = true;
    for file in &args.files {
        let verdict = fs::read_to_string(file)
            .map_err(|error| format!("cannot be read: {error}"))
            .and_then(|text| if is_recording(&text) { recording(file, &text, args) } else { transcript(file, &text, args) });
        same &= verdict.unwrap_or_else(|why| {
            eprintln!("{}: {why}", file.display());
            false
        });
    }
    if same { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// A recording's first line is its header, which names a schema.
fn is_recording(text: &str) -> bool {
    text.lines().next().is_some_and(|first| first.contains("\"schema\""))
}

fn recording(file: &Path, text: &str, args: &Args) -> Result<bool, String> {
    let key = args.key_file.as_deref().map(key).transpose()?;
    let recording = decode_with(text, key.as_ref()).map_err(|error| error.to_string())?;
    if args.live_runtime {
        return agent(file, &recording, args);
    }
    print_timeline(&recording.lines, args);
    Ok(report(file, &recording, &host_replay(&recording)))
}

fn key(file: &Path) -> Result<SealKey, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("the key file {} cannot be read: {error}", file.display()))?;
    SealKey::parse(&text).map_err(|error| format!("the key file {} holds {error}", file.display()))
}

fn report(file: &Path, recording: &Recording, found: &HostReplay) -> bool {
    if let Some(difference) = &found.difference {
        println!("{}: DIFFERS\n{difference}", file.display());
        return false;
    }
    let ending = match (recording.is_whole(), found.finished) {
        (true, true) => "to its end",
        (true, false) => "though its core is not finished",
        (false, _) => "up to where the recording breaks off",
    };
    println!("{}: same: {} events, {} commands over {} {ending}", file.display(), found.events, found.commands, found.length);
    found.finished || !recording.is_whole()
}

fn agent(file: &Path, recording: &Recording, args: &Args) -> Result<bool, String> {
    let assigned = match &args.assistant {
        Some(path) => load_assistant(path)?,
        None => {
            let samples = Assistants::built_in("front-desk", Vec::new()).map_err(|error| error.to_string())?;
            let named = samples.all().find(|assigned| assigned.name == recording.header.assistant).cloned();
            named.ok_or_else(|| format!("its assistant is '{}': give its file with --assistant FILE", recording.header.assistant))?
        }
    };
    if assigned.digest != recording.header.assistant_digest {
        println!("{}: note: the assistant's file is not the one the call was recorded with", file.display());
    }
    let found = agent_replay(recording, Arc::clone(&assigned.assistant)).map_err(|error| error.to_string())?;
    if let Some(difference) = &found.difference {
        println!("{}: DIFFERS\n{difference}", file.display());
        return Ok(false);
    }
    println!("{}: same: {} turns, {} answers of models and tools", file.display(), found.turns, found.answers);
    Ok(true)
}

fn load_assistant(path: &Path) -> Result<Assigned, String> {
    let source = fs::read_to_string(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Assistants::load_one(path, &source, &BTreeMap::new())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn transcript(file: &Path, text: &str, args: &Args) -> Result<bool, String> {
    let steps = parse(text).map_err(|error| error.to_string())?;
    let path = args.assistant.as_deref().ok_or("a transcript needs --assistant FILE")?;
    let assigned = load_assistant(path)?;
    let settings = CallSettings { voice: assigned.assistant.voice().clone(), ..CallSettings::default() };
    let settings = args.what_if.iter().try_fold(settings, |settings, change| changed(&settings, change))?;
    let faults = args.fault.as_deref().map_or(Ok(Faults::default()), fault)?;
    let found = transcript_replay(&assigned.assistant, settings, &steps, faults, args.seed);
    print_timeline(&found.lines, args);
    for unmet in &found.unmet {
        println!("{}: {unmet}", file.display());
    }
    if !found.finished {
        println!("{}: the call never ended", file.display());
    }
    println!(
        "{}: {} of {} expectations met",
        file.display(),
        found.expectations - found.unmet.len().min(found.expectations),
        found.expectations
    );
    Ok(found.unmet.is_empty() && found.finished)
}

fn print_timeline(lines: &[Line], args: &Args) {
    if !args.timeline {
        return;
    }
    let words = if args.reveal { Words::Shown } else { Words::Masked };
    for moment in timeline(lines, words) {
        println!("{:>10}  {:<9}  {}", moment.at.to_string(), format!("{:?}", moment.who).to_lowercase(), moment.text);
    }
}

/// `refer=603`, `refer=603@transfer`: refused; `refer=486@notify`: accepted, then failed; `refer=silent`, `refer=bye`.
fn fault(text: &str) -> Result<Faults, String> {
    let wrong = || format!("--fault {text}: write refer=STATUS, refer=STATUS@notify, refer=silent or refer=bye");
    let value = text.strip_prefix("refer=").ok_or_else(wrong)?;
    let status = |digits: &str| digits.parse::<u16>().ok().filter(|status| (300..700).contains(status)).ok_or_else(wrong);
    let refer = match value.split_once('@') {
        None if value == "silent" => ReferFault::Silent,
        None if value == "bye" => ReferFault::Bye,
        None | Some((_, "transfer")) => ReferFault::Refused(status(value.split('@').next().unwrap_or(value))?),
        Some((digits, "notify")) => ReferFault::Failed(status(digits)?),
        Some(_) => return Err(wrong()),
    };
    Ok(Faults { refer })
}

/// The settings with one key changed, checked as the settings themselves are.
fn changed(settings: &CallSettings, change: &str) -> Result<CallSettings, String> {
    let (key, value) = change.split_once('=').ok_or_else(|| format!("--what-if {change}: write KEY=VALUE"))?;
    let mut tree = serde_json::to_value(settings).map_err(|error| error.to_string())?;
    let path = format!("/{}", key.replace('.', "/"));
    let place = tree.pointer_mut(&path).ok_or_else(|| format!("--what-if {change}: there is no setting '{key}'"))?;
    *place = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    serde_json::from_value(tree).map_err(|error| format!("--what-if {change}: {error}"))
}
