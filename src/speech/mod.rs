//! Speech: the voice and the ear of the worker.
//!
//! Owns the traits `Synthesizer` (text to 8 kHz samples) and `Recognizer` (8 kHz samples to words), the engines that run on this machine, the
//! providers' services, the fallback from one to the next, fakes for tests, the cache of spoken prompts, and the files the engines need (`models`).
//!
//! All work is done on threads of this module's own, as many as cores are granted, one core each: never on the async runtime, never on the
//! pacer. Every queue is bounded: a full voice queue is `SpeechError::Busy`, a slow ear drops the oldest audio and says `Lagging` once.
//!
//! A worker that runs never fetches anything: `models::fetch` is a command of its own, and an engine whose files are missing says which file,
//! where, and how to get it. Until then `Unavailable` stands in its place and its text is shown on the readiness page.
//!
//! Does not know calls, legs, turns or RTP. Does not read a clock, the environment or settings. What was said never reaches a log: texts are
//! `Redacted`, errors carry none.

mod assemble;
mod breaker;
mod cache;
mod ear;
mod error;
mod fallback;
pub mod models;
pub mod providers;
mod recognizer;
mod resample;
pub mod scripted;
mod synthesizer;
mod unavailable;
mod voice;

pub use assemble::{EarSource, LocalConfig, Speech, SpeechPlan, SpeechState, VoiceSource};
pub use breaker::Clock;
pub use cache::{CacheStats, CachedSynthesizer};
pub use ear::{LocalRecognizer, MAX_LISTENERS};
pub use error::SpeechError;
pub use recognizer::{Endpointing, EventSink, Expectation, Expected, Intake, ListenConfig, ListenHandle, Recognizer, SpeechEvent};
pub use synthesizer::{MAX_TEXT_CHARS, Pcm, SAMPLE_RATE, SpeakRequest, SpeakingStyle, SpeechStream, Synthesizer};
pub use unavailable::Unavailable;
pub use voice::LocalSynthesizer;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
