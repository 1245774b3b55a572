//! What the operator can say: one TOML file, overrides from the environment, secrets from files.
//!
//! Owns: reading, checking and defaults. [`load`] reports every fault at once, each with its place, its key and what is allowed; nothing is bound
//! or opened before it is content. Secrets come from `*_file` keys: a path, or a bare name looked up in the service manager's credentials
//! directory first. An unknown key is an error that names the nearest known one.
//!
//! Does not do: know the modules' own configurations; `host` maps these plain fields to them.

mod model;

pub use model::{
    Api, ApiKey, Assistants, Cidr, DEFAULT_ORGANISATION, LogFormat, Media, Recording, RecordingMode, ReferProfile, Route, Settings, Sip,
    Speech, SpeechEngine, Store, Telemetry, Transport, Trunk, Worker,
};
