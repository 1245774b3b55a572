//! Every way speech can fail. No variant carries what was said.

use super::providers::ProviderFault;
use std::path::PathBuf;

/// Why a sentence was not spoken or a caller not heard. `Display` says what, where and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    #[error("no speech engine is running: {why}")]
    Unavailable { why: String },
    #[error("model file {file} is missing in {dir}: fetch the models with `make models`")]
    MissingModel { file: String, dir: PathBuf },
    #[error("model file {file} in {dir} is damaged ({why}): delete it and fetch the models again with `make models`")]
    DamagedModel { file: String, dir: PathBuf, why: String },
    /// A queue of the engine is full: of texts to speak, of listeners, or of utterances one listener waits for.
    #[error("the speech engine is overloaded, {waiting} already wait: grant it more cores or take fewer calls")]
    Busy { waiting: usize },
    #[error("a text of {chars} characters is too long to speak at once, at most {max} are allowed: split it")]
    TextTooLong { chars: usize, max: usize },
    #[error("the speech engine has no voice '{voice}', it has: {known}")]
    UnknownVoice { voice: String, known: String },
    #[error("the recogniser does not understand language '{language}', it understands: {known}")]
    UnsupportedLanguage { language: String, known: String },
    #[error("speed {percent} % is outside {min}..={max} %")]
    Speed { percent: u16, min: u16, max: u16 },
    #[error("synthesis failed: {why}")]
    Synthesis { why: String },
    #[error("recognition failed: {why}")]
    Recognition { why: String },
    #[error("speech provider {provider}: {fault}")]
    Provider { provider: &'static str, fault: ProviderFault },
    #[error("the speech engine has stopped")]
    Stopped,
    #[error("the speech engine's thread could not be started: {why}")]
    Thread { why: String },
}
