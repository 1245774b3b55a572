//! What a provider needs to be reached, and how long it may take.

use crate::model::Redacted;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Starts a task under a fixed name; the host joins it at the end.
pub type Spawner = Arc<dyn Fn(&'static str, Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// Whose ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarVendor {
    Deepgram,
    DeepgramFlux,
    ElevenLabs,
    OpenAi,
}

/// Whose voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceVendor {
    Deepgram,
    ElevenLabs,
    /// OpenAI's `audio/speech`, or a server that imitates it.
    OpenAi,
}

impl EarVendor {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deepgram => "deepgram",
            Self::DeepgramFlux => "deepgram_flux",
            Self::ElevenLabs => "elevenlabs",
            Self::OpenAi => "openai",
        }
    }
}

impl VoiceVendor {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deepgram => "deepgram",
            Self::ElevenLabs => "elevenlabs",
            Self::OpenAi => "openai",
        }
    }
}

/// One provider's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderConfig {
    pub key: Redacted<String>,
    /// Scheme and host in place of the vendor's own: a region, a proxy, a server of one's own.
    pub url: Option<String>,
    pub model: Option<String>,
    /// The voice, for a synthesizer.
    pub voice: Option<String>,
}

impl ProviderConfig {
    /// With the scheme of the vendor's own: `https` and `wss` are one address.
    pub(super) fn url_or(&self, usual: &str) -> String {
        let Some(url) = self.url.as_deref().map(|url| url.trim_end_matches('/')) else { return usual.to_owned() };
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let secure = matches!(scheme, "https" | "wss");
        let scheme = match (usual.starts_with("ws"), secure) {
            (true, true) => "wss",
            (true, false) => "ws",
            (false, true) => "https",
            (false, false) => "http",
        };
        format!("{scheme}://{rest}")
    }

    pub(super) fn model_or<'a>(&'a self, usual: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(usual)
    }
}

/// How long each answer of a provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Connection and handshake; also each write.
    pub connect: Duration,
    /// Text to the first audio, each next audio, and a pause of the caller to its words.
    pub answer: Duration,
    /// Without any sign of life for this long a connection is dead. A ping goes out after a third of it.
    pub silent: Duration,
    /// How often a connection without audio is kept alive.
    pub keep_alive: Duration,
    /// Connections tried in a row before the provider has failed.
    pub attempts: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(3),
            silent: Duration::from_secs(12),
            keep_alive: Duration::from_secs(4),
            attempts: 2,
        }
    }
}
