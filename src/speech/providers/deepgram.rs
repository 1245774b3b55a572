//! Deepgram: `listen` v1 (words on demand), Flux v2 (takes turns itself), `speak` (a voice). Shapes as its public reference has them.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::dialect::{EarDialect, Heard, Spoken, VoiceDialect, escaped, object, word};
use super::link::Address;
use super::{ProviderConfig, ProviderFault};
use crate::model::Redacted;
use crate::speech::SpeakRequest;

pub(super) const URL: &str = "wss://api.deepgram.com";
pub(super) const EAR_MODEL: &str = "nova-3";
pub(super) const FLUX_MODEL: &str = "flux-general-en";
pub(super) const VOICE_MODEL: &str = "aura-2-thalia-en";
/// Terms one request may carry.
const TERMS_MAX: usize = 50;
const AUDIO: &str = "encoding=mulaw&sample_rate=8000";

fn address(config: &ProviderConfig, path: &str) -> Address {
    let key = Redacted::new(format!("Token {}", config.key.expose()));
    Address { url: format!("{}{path}", config.url_or(URL)), headers: vec![("authorization", key)] }
}

fn terms(hints: &[String]) -> String {
    hints.iter().take(TERMS_MAX).map(|hint| format!("&keyterm={}", escaped(hint))).collect()
}

fn typed(name: &str) -> Message {
    Message::text(json!({ "type": name }).to_string())
}

/// `wss://…/v1/listen`: we find the pauses, it gives the words.
pub(super) struct Listen(pub(super) ProviderConfig);

impl EarDialect for Listen {
    fn address(&self, hints: &[String], language: Option<&str>) -> Address {
        let language = language.map(|tag| format!("&language={}", escaped(tag))).unwrap_or_default();
        let model = escaped(self.0.model_or(EAR_MODEL));
        // Endpointing is ours: the pauses a question allows depend on the question.
        let asked = "channels=1&interim_results=true&endpointing=false&punctuate=true&smart_format=true";
        address(&self.0, &format!("/v1/listen?model={model}&{AUDIO}&{asked}{language}{}", terms(hints)))
    }

    fn opening(&self, _: &[String], _: Option<&str>) -> Option<Message> {
        None
    }

    fn audio(&self, ulaw: &[u8]) -> Message {
        Message::binary(ulaw.to_vec())
    }

    fn commit(&self) -> Option<Message> {
        Some(typed("Finalize"))
    }

    /// Without audio or this it closes after ten seconds with code 1011.
    fn keep_alive(&self) -> Option<Message> {
        Some(typed("KeepAlive"))
    }

    fn goodbye(&self) -> Option<Message> {
        Some(typed("CloseStream"))
    }

    fn read(&self, text: &str) -> Result<Vec<Heard>, ProviderFault> {
        let message = object(text)?;
        match word(&message, "type") {
            "Results" => {
                let best = message.get("channel").and_then(|channel| channel.get("alternatives")).and_then(|all| all.get(0));
                let words = best.and_then(|best| best.get("transcript")).and_then(Value::as_str).ok_or(ProviderFault::Garbage)?;
                let flag = |name| message.get(name).and_then(Value::as_bool).unwrap_or(false);
                let mut heard = Vec::new();
                match (flag("is_final"), words.is_empty()) {
                    (true, false) => heard.push(Heard::Segment(words.to_owned())),
                    (false, false) => heard.push(Heard::Partial(words.to_owned())),
                    (_, true) => {}
                }
                if flag("from_finalize") {
                    heard.push(Heard::Committed);
                }
                Ok(heard)
            }
            "Error" => Ok(vec![Heard::Fault(ProviderFault::reported(word(&message, "variant")))]),
            "Metadata" | "SpeechStarted" | "UtteranceEnd" => Ok(Vec::new()),
            _ => Err(ProviderFault::Garbage),
        }
    }
}

/// `wss://…/v2/listen`: it hears all audio and says whose turn it is.
pub(super) struct Flux(pub(super) ProviderConfig);

impl EarDialect for Flux {
    fn address(&self, hints: &[String], _: Option<&str>) -> Address {
        let model = escaped(self.0.model_or(FLUX_MODEL));
        address(&self.0, &format!("/v2/listen?model={model}&{AUDIO}&eot_threshold=0.7&eot_timeout_ms=5000{}", terms(hints)))
    }

    fn opening(&self, _: &[String], _: Option<&str>) -> Option<Message> {
        None
    }

    fn audio(&self, ulaw: &[u8]) -> Message {
        Message::binary(ulaw.to_vec())
    }

    fn commit(&self) -> Option<Message> {
        None
    }

    fn keep_alive(&self) -> Option<Message> {
        None
    }

    fn goodbye(&self) -> Option<Message> {
        Some(typed("CloseStream"))
    }

    fn read(&self, text: &str) -> Result<Vec<Heard>, ProviderFault> {
        let message = object(text)?;
        let words = || word(&message, "transcript").to_owned();
        match (word(&message, "type"), word(&message, "event")) {
            ("TurnInfo", "StartOfTurn") => Ok(vec![Heard::TurnStarted, Heard::Partial(words())]),
            ("TurnInfo", "Update") => Ok(vec![Heard::Partial(words())]),
            ("TurnInfo", "EndOfTurn") => Ok(vec![Heard::TurnEnded(words())]),
            ("TurnInfo", "EagerEndOfTurn" | "TurnResumed") | ("Connected" | "ConfigureSuccess" | "Metadata", _) => Ok(Vec::new()),
            ("Error" | "ConfigureFailure", _) => Ok(vec![Heard::Fault(ProviderFault::reported(word(&message, "code")))]),
            _ => Err(ProviderFault::Garbage),
        }
    }
}

/// `wss://…/v1/speak`.
pub(super) struct Speak(pub(super) ProviderConfig);

impl VoiceDialect for Speak {
    fn address(&self, request: &SpeakRequest) -> Address {
        let model = request.voice.as_deref().or(self.0.voice.as_deref()).unwrap_or(self.0.model_or(VOICE_MODEL));
        address(&self.0, &format!("/v1/speak?model={}&{AUDIO}&container=none", escaped(model)))
    }

    fn script(&self, _: &SpeakRequest, text: &str) -> Vec<Message> {
        vec![Message::text(json!({ "type": "Speak", "text": text }).to_string()), typed("Flush")]
    }

    fn clear(&self) -> Option<Message> {
        Some(typed("Clear"))
    }

    fn goodbye(&self) -> Option<Message> {
        Some(typed("Close"))
    }

    fn read(&self, text: &str) -> Result<Spoken, ProviderFault> {
        let message = object(text)?;
        match word(&message, "type") {
            "Flushed" => Ok(Spoken::Done),
            "Error" => Err(ProviderFault::reported(word(&message, "variant"))),
            "Metadata" | "Warning" | "Cleared" | "Open" => Ok(Spoken::Nothing),
            _ => Err(ProviderFault::Garbage),
        }
    }
}
