//! One voice and one ear for the whole worker, built once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::{Breaker, Clock};
use super::fallback::{FallbackRecognizer, FallbackSynthesizer, Member};
use super::models::{self, ModelPaths};
use super::providers::{self, EarVendor, ProviderConfig, Spawner, Timing, VoiceVendor};
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

/// One ear of an ordered list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarSource {
    /// The engine on this machine.
    Local,
    Provider {
        name: String,
        vendor: EarVendor,
        account: ProviderConfig,
    },
}

/// One voice of an ordered list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceSource {
    Local,
    Provider { name: String, vendor: VoiceVendor, account: ProviderConfig },
}

/// Who hears and who speaks, the first that works of each list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechPlan {
    pub local: LocalConfig,
    pub recognizers: Vec<EarSource>,
    pub synthesizers: Vec<VoiceSource>,
    pub timing: Timing,
    /// How long a caller waits for a voice that is not the last of the list.
    pub patience: Duration,
}

impl SpeechPlan {
    /// The engines on this machine and nothing else.
    pub fn local(local: LocalConfig) -> Self {
        let (recognizers, synthesizers) = (vec![EarSource::Local], vec![VoiceSource::Local]);
        Self { local, recognizers, synthesizers, timing: Timing::default(), patience: Duration::from_millis(1_500) }
    }

    fn is_local(&self) -> bool {
        self.recognizers == [EarSource::Local] && self.synthesizers == [VoiceSource::Local]
    }

    fn wants_local(&self) -> bool {
        self.recognizers.contains(&EarSource::Local) || self.synthesizers.contains(&VoiceSource::Local)
    }
}

/// Where the speech comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechState {
    /// The engines on this machine.
    Local,
    /// Providers; `lacking` says which of the lists' engines cannot be had, and why, while others of them can.
    Providers { lacking: Option<String> },
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

    /// What the plan says. A local engine that cannot be had is left out where a provider stands in its list, and said in the state. Blocks as
    /// [`Speech::local`] does where the plan has it; must be called where `spawner` can start tasks.
    ///
    /// # Errors
    /// A provider's client cannot be made.
    pub fn planned(plan: SpeechPlan, spawner: &Spawner, clock: &Clock) -> Result<Self, SpeechError> {
        if plan.is_local() {
            return Ok(Self::local_or_unavailable(&plan.local));
        }
        let local = if plan.wants_local() { Self::local(&plan.local).map(Some) } else { Ok(None) };
        let lacking = local.as_ref().err().map(ToString::to_string);
        let local = local.unwrap_or_default();
        let member = |name: &str| (name.to_owned(), Breaker::new(Arc::clone(clock)));
        let mut ears: Vec<Member<dyn Recognizer>> = Vec::new();
        for source in plan.recognizers {
            let ((name, breaker), engine) = match source {
                EarSource::Local => (member("local"), local.as_ref().map(|local| Arc::clone(&local.recognizer))),
                EarSource::Provider { name, vendor, account } => {
                    (member(&name), Some(providers::recognizer(vendor, account, plan.timing, Arc::clone(spawner))))
                }
            };
            ears.extend(engine.map(|engine| Member { name, engine, breaker }));
        }
        let mut voices: Vec<Member<dyn Synthesizer>> = Vec::new();
        for source in plan.synthesizers {
            let ((name, breaker), engine) = match source {
                VoiceSource::Local => (member("local"), local.as_ref().map(|local| Arc::clone(&local.synthesizer))),
                VoiceSource::Provider { name, vendor, account } => {
                    (member(&name), Some(providers::synthesizer(vendor, account, plan.timing, Arc::clone(spawner))?))
                }
            };
            voices.extend(engine.map(|engine| Member { name, engine, breaker }));
        }
        if let (Some(why), true) = (&lacking, ears.is_empty() || voices.is_empty()) {
            return Ok(Self::unavailable(why.clone()));
        }
        let voice = FallbackSynthesizer::new(voices, plan.patience, Arc::clone(spawner));
        let cache = Arc::new(CachedSynthesizer::new(Arc::new(voice), plan.local.cache_bytes));
        Ok(Self {
            recognizer: Arc::new(FallbackRecognizer::new(ears)),
            synthesizer: Arc::clone(&cache) as Arc<dyn Synthesizer>,
            cache: Some(cache),
            state: SpeechState::Providers { lacking },
        })
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
