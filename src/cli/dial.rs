//! `dial`: calls a worker as a scripted telephone and prints what happens.

use super::phone::{Callee, Dial, Happening, Phone, PhoneConfig, PhoneError, Plan, Report, Voice, What, Which, everyone_or_this_machine};
use super::{FAILED, block_on, say_why};
use crate::host::Clock;
use crate::model::Millis;
use crate::replay::transcript::{Step, parse};
use crate::sip::endpoint::ReleaseReason;
use crate::speech::scripted::{ScriptedRecognizer, ScriptedSynthesizer};
use crate::speech::{LocalConfig, Speech, SpeechState, Synthesizer};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// How long the scripted voice hums for a word.
const HUM_MS: usize = 250;
/// A little deeper than the worker's own voice.
const PITCH_PERCENT: u16 = 85;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whom to call, such as sip:1000@127.0.0.1:5060
    #[arg(value_name = "URI")]
    uri: String,
    /// What to do, one JSON object a line: {"caller": "words"}, {"caller": "words", "over": true}, {"dtmf": "123#"}, {"pause_ms": 500},
    /// {"hangup": true}. Words and keys wait until the other side has spoken
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The address calls are placed from
    #[arg(long, value_name = "URI")]
    from: Option<String>,
    /// Address (or address and port) of this phone's sockets; by default the one the target is reached from
    #[arg(long, value_name = "ADDRESS", value_parser = local)]
    local: Option<SocketAddr>,
    /// Stereo WAV of the call: left what was heard, right what was said
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Where the voice's models live; without them words are hummed
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Do as a REFER says
    #[arg(long)]
    follow_refer: bool,
    /// Hang up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// First and last port for audio
    #[arg(long, value_name = "FIRST-LAST", default_value = "22000-22999", value_parser = ports)]
    rtp: (u16, u16),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let steps = match steps(args) {
        Ok(steps) => steps,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(FAILED);
        }
    };
    let synthesizer = synthesizer(args, &steps);
    block_on(async {
        match dial(args, steps, synthesizer).await {
            Ok(report) => verdict(&report, args.script.is_some()),
            Err(error) => {
                say_why("the phone cannot call", &error);
                ExitCode::from(FAILED)
            }
        }
    })
}

fn steps(args: &Args) -> Result<Vec<Step>, String> {
    let Some(path) = &args.script else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let steps = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(steps.into_iter().map(|(_, step)| step).collect())
}

/// The models are loaded only if something is to be said.
fn synthesizer(args: &Args, steps: &[Step]) -> Arc<dyn Synthesizer> {
    let hum = || Speech::scripted(ScriptedRecognizer::default(), ScriptedSynthesizer::new(HUM_MS)).synthesizer;
    if !steps.iter().any(|step| matches!(step, Step::Caller(_) | Step::Over(_))) {
        return hum();
    }
    let speech = Speech::local_or_unavailable(&LocalConfig { models: args.models.clone(), cores: 1, cache_bytes: 16 << 20 });
    match speech.state() {
        SpeechState::Local | SpeechState::Providers { .. } | SpeechState::Scripted => speech.synthesizer,
        SpeechState::Unavailable { why } => {
            eprintln!("words are hummed, not spoken: {why}");
            hum()
        }
    }
}

async fn dial(args: &Args, steps: Vec<Step>, synthesizer: Arc<dyn Synthesizer>) -> Result<Report, PhoneError> {
    let to = Callee::read(&args.uri)?;
    let local = match args.local {
        Some(local) => local,
        None => SocketAddr::new(to.local_address().await?, 0),
    };
    let clock = Clock::start();
    let config = PhoneConfig {
        name: "caller".to_owned(),
        local,
        rtp: args.rtp,
        access: everyone_or_this_machine(local.ip()),
        voice: Voice::new(synthesizer, PITCH_PERCENT),
        clock,
    };
    let phone = Phone::start(config, Arc::new(|happening: Happening| println!("{:>10}  {happening}", happening.at.to_string())))?;
    let dial = Dial { to, from: args.from.clone(), steps, record: args.record.clone() };
    let plan = Plan { dial: Some(dial), follow_refer: args.follow_refer, timeout: Millis::from_secs(args.timeout), ..Plan::default() };
    Ok(phone.run(plan).await)
}

/// Good: answered, ended by a BYE of either side, nothing of the script left. Without a script the end of the time is the plan.
fn verdict(report: &Report, scripted: bool) -> ExitCode {
    let line = report.line(Which::Dialled);
    let answered = line.is_some_and(|line| line.answered);
    let bye = line.is_some_and(|line| matches!(line.ended, Some((_, ReleaseReason::Bye))));
    let left = line.map_or(0, |line| line.steps_left);
    let on_time = !report.timed_out || !scripted;
    if answered && bye && left == 0 && on_time && report.faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    let faults = [
        (!answered, "the call was not answered".to_owned()),
        (answered && !bye, "the call did not end by a goodbye".to_owned()),
        (left > 0, format!("{left} step(s) of the script were never reached")),
        (!on_time, What::TimeIsUp.to_string()),
    ];
    for (_, fault) in faults.iter().filter(|(holds, _)| *holds) {
        eprintln!("{fault}");
    }
    ExitCode::from(FAILED)
}

fn local(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0)))
        .map_err(|_| "write an IP address, with or without :port".to_owned())
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let range = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    range.filter(|(first, last)| first < last).ok_or_else(|| "write FIRST-LAST, such as 22000-22999".to_owned())
}
