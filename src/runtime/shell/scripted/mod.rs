//! A model that says what a script says: for tests, for rehearsals, and for everyone who wants to see what a call does when its model fails.
//!
//! Owns: an OpenAI-compatible `POST …/chat/completions` (streamed and whole), its scripts, and its faults. Does not: think, remember, or hold
//! more than the last requests.

mod script;
mod server;

pub use script::{Arguments, Fault, Pieces, Reply, Script, ScriptError, ScriptedCall};
pub use server::{ScriptedModel, Seen, Watch};
