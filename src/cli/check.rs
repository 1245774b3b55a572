//! `check`: is the configuration good, and what follows from it?

use super::{BAD_CONFIGURATION, ConfigArgs, FAILED, say_why};
use crate::settings::{self, SpeechEngine, computed_deadlines};
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
    if settings.speech.engine == SpeechEngine::Local
        && let Err(error) = models.require_whole()
    {
        println!("\nspeech: {error}");
        return ExitCode::from(FAILED);
    }
    ExitCode::SUCCESS
}
