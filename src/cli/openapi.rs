//! `openapi`: the HTTP API as a document, generated from the code that serves it.

use super::{FAILED, say_why};
use std::process::ExitCode;

pub(super) fn run() -> ExitCode {
    match crate::api::openapi().to_pretty_json() {
        Ok(document) => {
            println!("{document}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say_why("the document could not be printed", &error);
            ExitCode::from(FAILED)
        }
    }
}
