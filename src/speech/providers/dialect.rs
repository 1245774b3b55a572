//! What the vendors' protocols have in common, as data: no socket, no time.

use tokio_tungstenite::tungstenite::Message;

use super::ProviderFault;
use super::link::Address;
use crate::speech::SpeakRequest;

/// What a vendor's message means to an ear.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// Words so far of what was not committed yet; replaces the ones before.
    Partial(String),
    /// More of the words so far.
    Delta(String),
    /// Words that stand.
    Segment(String),
    /// The answer to a commit is complete.
    Committed,
    /// The vendor's own turn-taking.
    TurnStarted,
    TurnEnded(String),
    Fault(ProviderFault),
}

/// One vendor's way to take audio and give words. Audio is G.711 µ-law at 8 kHz throughout.
pub(super) trait EarDialect: Send + Sync {
    fn address(&self, hints: &[String], language: Option<&str>) -> Address;
    /// Said first on each connection.
    fn opening(&self, hints: &[String], language: Option<&str>) -> Option<Message>;
    fn audio(&self, ulaw: &[u8]) -> Message;
    /// The caller paused: give the words. `None` where the vendor takes turns by itself.
    fn commit(&self) -> Option<Message>;
    /// Said now and then while nothing else is.
    fn keep_alive(&self) -> Option<Message>;
    fn goodbye(&self) -> Option<Message>;
    fn read(&self, text: &str) -> Result<Vec<Heard>, ProviderFault>;
}

/// What a vendor's message means to a voice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// G.711 µ-law at 8 kHz.
    Audio(Vec<u8>),
    /// All of the text was spoken.
    Done,
    Nothing,
}

/// One vendor's way to take text and give audio, an utterance a connection.
pub(super) trait VoiceDialect: Send + Sync {
    fn address(&self, request: &SpeakRequest) -> Address;
    /// Everything there is to say, in order.
    fn script(&self, request: &SpeakRequest, text: &str) -> Vec<Message>;
    /// The caller interrupted.
    fn clear(&self) -> Option<Message>;
    fn goodbye(&self) -> Option<Message>;
    fn read(&self, text: &str) -> Result<Spoken, ProviderFault>;
}

/// Letters, digits and `-._~` stay, everything else is percent-encoded (RFC 3986 section 2.3).
pub(super) fn escaped(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A JSON object, or garbage.
pub(super) fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, ProviderFault> {
    serde_json::from_str(text).map_err(|_| ProviderFault::Garbage)
}

pub(super) fn word<'a>(object: &'a serde_json::Map<String, serde_json::Value>, key: &str) -> &'a str {
    object.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_only_what_a_query_may() {
        assert_eq!(escaped("Zyx & Söhne-1.0~"), "Zyx%20%26%20S%C3%B6hne-1.0~");
    }
}
