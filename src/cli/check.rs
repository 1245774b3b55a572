//! `check`: is the configuration good, and what follows from it?

use super::{BAD_CONFIGURATION, ConfigArgs, FAILED, say_why};
use crate::settings::{self, Settings, SpeechEngine, computed_deadlines};
use crate::speech::models;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also draw each assistant's workflow (Mermaid)
    #[arg(long)]
    draw: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let settings = match args.config.load() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let config = match settings::compose(&settings) {
        Ok(config) => config,
        Err(error) => {
            say_why("configuration", &error);
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    println!("configuration is good\n");
    println!("deadlines:");
    for deadline in computed_deadlines(&settings) {
        println!("  {:<62} {:>12}   {}", deadline.name, deadline.span.to_string(), deadline.from);
    }
    models_and_chains(&settings);
    println!("\nassistants:");
    for assigned in config.assistants.all() {
        let destinations = assigned.assistant.destinations();
        let shown = if destinations.is_empty() { "no transfers".to_owned() } else { format!("transfers to {}", destinations.join(", ")) };
        println!("  {:<16} {shown}", assigned.name);
        if args.draw {
            println!("{}", assigned.assistant.workflow().mermaid());
        }
    }
    let models = models::check(&settings.speech.models_dir);
    let lists = [("hears", &settings.speech.recognizers), ("speaks", &settings.speech.synthesizers)];
    println!("\nspeech:");
    for (what, list) in lists {
        println!("  {what:<16} {}", list.join(", then "));
    }
    let wanted = lists.iter().any(|(_, list)| list.iter().any(|name| name == "local"));
    if settings.speech.engine == SpeechEngine::Local
        && wanted
        && let Err(error) = models.require_whole()
    {
        println!("\nspeech: {error}");
        return ExitCode::from(FAILED);
    }
    ExitCode::SUCCESS
}

/// Each model with those that are asked after it, and how long a caller can wait for the last of them.
fn models_and_chains(settings: &Settings) {
    if settings.models.is_empty() {
        println!("\nmodels: none; assistants that name one apologise, all others need none");
        return;
    }
    println!("\nmodels:");
    let endpoint = |role: &str| settings.models.iter().find(|model| model.role == role).and_then(|model| model.endpoint.as_ref());
    for model in &settings.models {
        let Some(first) = &model.endpoint else { continue };
        let key = if first.key.is_some() { "with a key" } else { "without a key" };
        println!("  {:<16} {} at {}, {key}", model.role, first.model, first.base_url);
        if !first.fallback.is_empty() {
            println!("  {:<16} then {}", "", first.fallback.join(", then "));
        }
        let chain = std::iter::once(first).chain(first.fallback.iter().filter_map(|role| endpoint(role)));
        let silence: u64 = chain.map(|endpoint| endpoint.longest_silence().0).sum();
        let turn = settings.deadlines.turn;
        let enough = if silence <= turn.0 { "within" } else { "MORE THAN" };
        println!("  {:<16} all of them silent: {silence} ms without a word, {enough} deadlines.turn_ms ({turn})", "");
    }
}
