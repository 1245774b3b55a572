//! Speech by a provider's service: off unless the settings name one and give it a key.
//!
//! ```text
//! deepgram elevenlabs openai   what the vendors' messages mean: data only, one file a vendor
//! link                         one WebSocket, opened in bounded time, its faults typed
//! ear                          a leg's audio to a vendor and its words back; the pauses are found here, so that they suit the question
//! voice http                   text to audio, an utterance a connection; HTTP for OpenAI's `audio/speech` and whoever imitates it
//! ```
//!
//! G.711 µ-law goes as it is where the vendor takes it. Audio that a broken connection did not answer for is kept, at most fifteen seconds, and
//! sent again on the next one. Every wait is bounded ([`Timing`]); what fails is a [`ProviderFault`] and never holds the vendor's text.
//!
//! Does not choose between providers (`speech::fallback` does), read settings or secrets, or log.

mod base64;
mod config;
mod deepgram;
mod dialect;
mod ear;
mod elevenlabs;
mod fault;
mod http;
mod link;
mod openai;
mod session;
mod utterance;
mod voice;

pub use config::{EarVendor, ProviderConfig, Spawner, Timing, VoiceVendor};
pub use ear::CloudRecognizer;
pub use fault::ProviderFault;
pub use http::HttpSynthesizer;
pub use voice::CloudSynthesizer;

use super::{Recognizer, SpeechError, Synthesizer};
use std::sync::Arc;

/// The ear of a vendor.
pub fn recognizer(vendor: EarVendor, config: ProviderConfig, timing: Timing, spawner: Spawner) -> Arc<dyn Recognizer> {
    let dialect: Arc<dyn dialect::EarDialect> = match vendor {
        EarVendor::Deepgram => Arc::new(deepgram::Listen(config)),
        EarVendor::DeepgramFlux => Arc::new(deepgram::Flux(config)),
        EarVendor::ElevenLabs => Arc::new(elevenlabs::Scribe(config)),
        EarVendor::OpenAi => Arc::new(openai::Realtime(config)),
    };
    Arc::new(CloudRecognizer::new(vendor.name(), dialect, timing, spawner))
}

/// The voice of a vendor.
///
/// # Errors
/// The HTTP client cannot be made.
pub fn synthesizer(
    vendor: VoiceVendor,
    config: ProviderConfig,
    timing: Timing,
    spawner: Spawner,
) -> Result<Arc<dyn Synthesizer>, SpeechError> {
    let dialect: Arc<dyn dialect::VoiceDialect> = match vendor {
        VoiceVendor::Deepgram => Arc::new(deepgram::Speak(config)),
        VoiceVendor::ElevenLabs => Arc::new(elevenlabs::StreamInput(config)),
        VoiceVendor::OpenAi => return Ok(Arc::new(HttpSynthesizer::new(config, timing, spawner)?)),
    };
    Ok(Arc::new(CloudSynthesizer::new(vendor.name(), dialect, timing, spawner)))
}

#[cfg(test)]
mod peer;
#[cfg(test)]
mod tests;
