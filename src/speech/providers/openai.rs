//! OpenAI's Realtime transcription. Its speech and that of servers which imitate it go over HTTP (`http`). Shapes as its public reference has them.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::base64;
use super::dialect::{EarDialect, Heard, object, word};
use super::link::Address;
use super::{ProviderConfig, ProviderFault};
use crate::model::Redacted;

pub(super) const URL: &str = "wss://api.openai.com";
pub(super) const EAR_MODEL: &str = "gpt-live-transcribe";
/// Characters of a prompt.
const PROMPT_MAX: usize = 600;

/// `wss://…/v1/realtime?intent=transcription`, committed by us.
pub(super) struct Realtime(pub(super) ProviderConfig);

impl EarDialect for Realtime {
    fn address(&self, _: &[String], _: Option<&str>) -> Address {
        let key = Redacted::new(format!("Bearer {}", self.0.key.expose()));
        Address { url: format!("{}/v1/realtime?intent=transcription", self.0.url_or(URL)), headers: vec![("authorization", key)] }
    }

    fn opening(&self, hints: &[String], language: Option<&str>) -> Option<Message> {
        let mut transcription = json!({ "model": self.0.model_or(EAR_MODEL) });
        if let Some(language) = language.and_then(|tag| tag.split(['-', '_']).next()) {
            transcription["language"] = language.into();
        }
        if !hints.is_empty() {
            transcription["prompt"] = hints.join(", ").chars().take(PROMPT_MAX).collect::<String>().into();
        }
        let input = json!({ "format": { "type": "audio/pcmu" }, "transcription": transcription, "turn_detection": null });
        let session = json!({ "type": "transcription", "audio": { "input": input } });
        Some(Message::text(json!({ "type": "session.update", "session": session }).to_string()))
    }

    fn audio(&self, ulaw: &[u8]) -> Message {
        Message::text(json!({ "type": "input_audio_buffer.append", "audio": base64::encode(ulaw) }).to_string())
    }

    fn commit(&self) -> Option<Message> {
        Some(Message::text(json!({ "type": "input_audio_buffer.commit" }).to_string()))
    }

    /// Pings are enough.
    fn keep_alive(&self) -> Option<Message> {
        None
    }

    fn goodbye(&self) -> Option<Message> {
        None
    }

    fn read(&self, text: &str) -> Result<Vec<Heard>, ProviderFault> {
        let message = object(text)?;
        let code = || {
            let error = message.get("error").and_then(Value::as_object);
            let word_of = |key| error.map(|error| word(error, key)).filter(|word| !word.is_empty());
            word_of("code").or_else(|| word_of("type")).unwrap_or("error").to_owned()
        };
        match word(&message, "type") {
            "conversation.item.input_audio_transcription.delta" => Ok(vec![Heard::Delta(word(&message, "delta").to_owned())]),
            "conversation.item.input_audio_transcription.completed" => {
                Ok(vec![Heard::Segment(word(&message, "transcript").to_owned()), Heard::Committed])
            }
            "conversation.item.input_audio_transcription.failed" => Ok(vec![Heard::Fault(ProviderFault::reported(&code()))]),
            "error" => match code().as_str() {
                "input_audio_buffer_commit_empty" => Ok(vec![Heard::Committed]),
                code => Ok(vec![Heard::Fault(ProviderFault::reported(code))]),
            },
            "" => Err(ProviderFault::Garbage),
            // session.created, session.updated, input_audio_buffer.committed, conversation.item.added and others to come.
            _ => Ok(Vec::new()),
        }
    }
}
