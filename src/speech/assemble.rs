//! One voice and one ear for the whole worker, built once.

use std::path::PathBuf;
use std::sync::Arc;

use super::models::{self, ModelPaths};
use super::scripted::{ScriptedRecognizer, ScriptedSynthesizer};
use super::{
    CacheStats, CachedSynthesizer, LocalRecognizer, LocalSynthesizer, Recognizer, SpeakRequest, SpeechError, Synthesizer, Unavailable,
};

/// Ten minutes of scripted tones.
const SCRIPTED_CACHE_BYTES: usize = 10 << 20;

/// What the local engines are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConfig {
    /// See [`models`] for its layout.
    pub models: PathBuf,
    /// Cores: so many sentences are made and so many utterances decoded at a time. At least 1.
    pub cores: usize,
    /// Bound of the prompt cache; 16,000 bytes hold a second of speech.
    pub cache_bytes: usize,
}

/// Where the speech comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechState {
    /// The engines on this machine.
    Local,
    /// Fakes: tones out, a script in.
    Scripted,
    /// None; the text says why and what to do.
    Unavailable { why: String },
}

/// The voice and the ear of a worker. Cheap to clone.
#[derive(Clone)]
pub struct Speech {
    pub recognizer: Arc<dyn Recognizer>,
    pub synthesizer: Arc<dyn Synthesizer>,
    cache: Option<Arc<CachedSynthesizer>>,
    state: SpeechState,
}

impl Speech {
    /// Verifies and loads the models: one to two seconds of work, some 250 MB of memory. Blocks: not for the async runtime.
    ///
    /// # Errors
    /// A model file is missing or damaged (the error says which, where and how to fetch it), or a thread cannot be started.
    pub fn local(config: &LocalConfig) -> Result<Self, SpeechError> {
        let paths = ModelPaths::of(&models::check(&config.models))?;
        let voice = Arc::new(LocalSynthesizer::start(&paths, config.cores)?);
        let cache = Arc::new(CachedSynthesizer::new(voice, config.cache_bytes));
        let recognizer = Arc::new(LocalRecognizer::start(&paths, config.cores)?);
        Ok(Self { recognizer, synthesizer: Arc::clone(&cache) as Arc<dyn Synthesizer>, cache: Some(cache), state: SpeechState::Local })
    }

    /// As [`Speech::local`], but a worker without models starts all the same, deaf and mute, and says so.
    pub fn local_or_unavailable(config: &LocalConfig) -> Self {
        Self::local(config).unwrap_or_else(|error| Self::unavailable(error.to_string()))
    }

    /// Fakes for tests and for a demonstration without models. Prompts are shared between calls as those of the local voice are.
    pub fn scripted(recognizer: ScriptedRecognizer, synthesizer: ScriptedSynthesizer) -> Self {
        let cache = Arc::new(CachedSynthesizer::new(Arc::new(synthesizer), SCRIPTED_CACHE_BYTES));
        Self {
            recognizer: Arc::new(recognizer),
            synthesizer: Arc::clone(&cache) as Arc<dyn Synthesizer>,
            cache: Some(cache),
            state: SpeechState::Scripted,
        }
    }

    pub fn unavailable(why: impl Into<String>) -> Self {
        let nobody = Arc::new(Unavailable::new(why));
        let state = SpeechState::Unavailable { why: nobody.why().to_owned() };
        Self { recognizer: Arc::clone(&nobody) as Arc<dyn Recognizer>, synthesizer: nobody, cache: None, state }
    }

    /// For the readiness page, `check` and the log.
    pub fn state(&self) -> &SpeechState {
        &self.state
    }

    /// Speaks fixed prompts ahead into the cache; nothing to do without one. Blocks.
    ///
    /// # Errors
    /// The first prompt that cannot be spoken.
    pub fn prerender(&self, prompts: impl IntoIterator<Item = SpeakRequest>) -> Result<(), SpeechError> {
        self.cache.as_ref().map_or(Ok(()), |cache| cache.prerender(prompts))
    }

    /// For metrics; zeros without a cache.
    pub fn cache_stats(&self) -> CacheStats {
        self.cache.as_ref().map(|cache| cache.stats()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speech").field("state", &self.state).finish_non_exhaustive()
    }
}
