//! ElevenLabs: realtime transcription and `stream-input` speech. Shapes as its public reference has them.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::base64;
use super::dialect::{EarDialect, Heard, Spoken, VoiceDialect, escaped, object, word};
use super::link::Address;
use super::{ProviderConfig, ProviderFault};
use crate::speech::SpeakRequest;

pub(super) const URL: &str = "wss://api.elevenlabs.io";
pub(super) const EAR_MODEL: &str = "scribe_v2_realtime";
pub(super) const VOICE_MODEL: &str = "eleven_flash_v2_5";
/// "Rachel", a voice every account has.
pub(super) const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";
/// 20 ms of µ-law silence.
const SILENCE: [u8; 160] = [0xff; 160];
/// Seconds without text after which a connection may close.
const INACTIVITY: u32 = 20;

fn address(config: &ProviderConfig, path: &str) -> Address {
    Address { url: format!("{}{path}", config.url_or(URL)), headers: vec![("xi-api-key", config.key.clone())] }
}

/// `wss://…/v1/speech-to-text/realtime`, committed by us.
pub(super) struct Scribe(pub(super) ProviderConfig);

impl Scribe {
    fn chunk(ulaw: &[u8], commit: bool) -> Message {
        let chunk = json!({
            "message_type": "input_audio_chunk",
            "audio_base_64": base64::encode(ulaw),
            "commit": commit,
            "sample_rate": 8_000,
        });
        Message::text(chunk.to_string())
    }
}

impl EarDialect for Scribe {
    fn address(&self, _: &[String], language: Option<&str>) -> Address {
        let language = language.map(|tag| format!("&language_code={}", escaped(tag))).unwrap_or_default();
        let model = escaped(self.0.model_or(EAR_MODEL));
        address(&self.0, &format!("/v1/speech-to-text/realtime?model_id={model}&audio_format=ulaw_8000&commit_strategy=manual{language}"))
    }

    fn opening(&self, _: &[String], _: Option<&str>) -> Option<Message> {
        None
    }

    fn audio(&self, ulaw: &[u8]) -> Message {
        Self::chunk(ulaw, false)
    }

    fn commit(&self) -> Option<Message> {
        Some(Self::chunk(&SILENCE, true))
    }

    /// It closes a connection without audio after some fifteen seconds.
    fn keep_alive(&self) -> Option<Message> {
        Some(Self::chunk(&SILENCE, false))
    }

    fn goodbye(&self) -> Option<Message> {
        None
    }

    fn read(&self, text: &str) -> Result<Vec<Heard>, ProviderFault> {
        let message = object(text)?;
        let words = || word(&message, "text").to_owned();
        match word(&message, "message_type") {
            "partial_transcript" => Ok(vec![Heard::Partial(words())]),
            "committed_transcript" => Ok(vec![Heard::Segment(words()), Heard::Committed]),
            "session_started" | "committed_transcript_with_timestamps" | "warning" => Ok(Vec::new()),
            // Too short to hold words.
            "commit_throttled" | "insufficient_audio_activity" => Ok(vec![Heard::Committed]),
            "" => Err(ProviderFault::Garbage),
            code if code.contains("error") || code.contains("exceeded") => Ok(vec![Heard::Fault(ProviderFault::reported(code))]),
            code @ ("rate_limited" | "queue_overflow" | "resource_exhausted" | "unaccepted_terms" | "invalid_request") => {
                Ok(vec![Heard::Fault(ProviderFault::reported(code))])
            }
            _ => Err(ProviderFault::Garbage),
        }
    }
}

/// `wss://…/v1/text-to-speech/{voice}/stream-input`.
pub(super) struct StreamInput(pub(super) ProviderConfig);

impl VoiceDialect for StreamInput {
    fn address(&self, request: &SpeakRequest) -> Address {
        let voice = escaped(request.voice.as_deref().or(self.0.voice.as_deref()).unwrap_or(VOICE));
        let model = escaped(self.0.model_or(VOICE_MODEL));
        let asked = format!("model_id={model}&output_format=ulaw_8000&inactivity_timeout={INACTIVITY}");
        address(&self.0, &format!("/v1/text-to-speech/{voice}/stream-input?{asked}"))
    }

    fn script(&self, request: &SpeakRequest, text: &str) -> Vec<Message> {
        // The vendor takes 0.7 to 1.2.
        let speed = f64::from(request.speed_percent.clamp(70, 120)) / 100.0;
        let settings = json!({ "stability": 0.5, "similarity_boost": 0.8, "speed": speed });
        [
            json!({ "text": " ", "voice_settings": settings }),
            // Text ends in a blank, or its last word is held back.
            json!({ "text": format!("{} ", text.trim()), "flush": true }),
            json!({ "text": "" }),
        ]
        .iter()
        .map(|message| Message::text(message.to_string()))
        .collect()
    }

    /// Closing the connection is how its speech ends.
    fn clear(&self) -> Option<Message> {
        None
    }

    fn goodbye(&self) -> Option<Message> {
        None
    }

    fn read(&self, text: &str) -> Result<Spoken, ProviderFault> {
        let message = object(text)?;
        let reported = message.get("error").or_else(|| message.get("code")).is_some();
        if reported {
            return Err(ProviderFault::reported(word(&message, "error")));
        }
        match message.get("audio").and_then(serde_json::Value::as_str) {
            Some(audio) => Ok(Spoken::Audio(base64::decode(audio).ok_or(ProviderFault::Garbage)?)),
            None if message.get("isFinal").and_then(serde_json::Value::as_bool) == Some(true) => Ok(Spoken::Done),
            None if message.contains_key("audio") || message.contains_key("alignment") => Ok(Spoken::Nothing),
            None => Err(ProviderFault::Garbage),
        }
    }
}
