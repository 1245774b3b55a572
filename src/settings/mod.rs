//! What the operator can say: one TOML file, overrides from the environment, secrets from files.
//!
//! Owns: reading, checking and defaults. [`load`] reports every fault at once, each with its place, its key and what is allowed; nothing is bound
//! or opened before it is content. Secrets come from `*_file` keys: a path, or a bare name looked up in the service manager's credentials
//! directory first. An unknown key is an error that names the nearest known one.
//!
//! Does not do: know the modules' own configurations; `host` maps these plain fields to them.

mod compose;
mod computed;
mod fault;
mod model;
mod models;
mod parse;
mod reader;
mod source;
mod speech;
mod unknown;

pub use compose::{ComposeError, compose};
pub use computed::{ComputedDeadline, computed_deadlines};
pub use fault::{Fault, Place, SettingsErrors};
pub use model::{
    Api, ApiKey, Assistants, Chat, DEFAULT_ORGANISATION, LogFormat, Media, Model, Recording, RecordingMode, ReferMode, ReferProfile, Route,
    Secret, Settings, Sip, Speech, SpeechEngine, SpeechProvider, SpeechVendor, Store, Telemetry, Transfer, Transport, Trunk, Worker,
};

use reader::Reader;
use source::Source;
use std::collections::BTreeSet;
use std::path::Path;

/// Settings from a file (or none: the defaults) with `VOICE_WORKER__SECTION__KEY` overrides out of `env`; [`process_env`] is the daemon's.
pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Settings, SettingsErrors> {
    check(Source::read(path, env))
}

/// As [`load`], of a text; `path` is for messages only.
pub fn parse(path: Option<&Path>, text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Settings, SettingsErrors> {
    check(Source::parse(path, text, env))
}

/// This process's environment; variables that are not Unicode are left out. Call it once, at start.
pub fn process_env() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Every key there is, array indices left out: `trunk[].address`.
pub fn known_keys() -> BTreeSet<String> {
    // One of each table, so that every key is asked for; that they are empty is no matter here.
    let one_of_each = Source::parse(None, "[[trunk]]\n[[speech.provider]]\n[[model]]\n[[secret]]\n[[api.key]]\n[[assistants.route]]\n", [])
        .unwrap_or_default();
    let mut reader = Reader::new(&one_of_each);
    parse::settings(&mut reader);
    reader.known
}

fn check(source: Result<Source, Fault>) -> Result<Settings, SettingsErrors> {
    let source = source.map_err(|fault| SettingsErrors(vec![fault]))?;
    let mut reader = Reader::new(&source);
    let settings = parse::settings(&mut reader);
    unknown::refuse_unknown(&mut reader, &source.root, &known_keys());
    if reader.faults.is_empty() { Ok(settings) } else { Err(SettingsErrors(reader.faults)) }
}
