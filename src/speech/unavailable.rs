//! No speech: the worker starts all the same, says so, and calls can still be driven by keys.

use super::{EventSink, ListenConfig, ListenHandle, Recognizer, SpeakRequest, SpeechError, SpeechStream, Synthesizer};

/// Stands where an engine should be; refuses with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    why: String,
}

impl Unavailable {
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }

    /// For the readiness page and `check`: what is wrong and what to do.
    pub fn why(&self) -> &str {
        &self.why
    }

    fn error(&self) -> SpeechError {
        SpeechError::Unavailable { why: self.why.clone() }
    }
}

impl Synthesizer for Unavailable {
    fn speak(&self, _: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        Err(self.error())
    }
}

impl Recognizer for Unavailable {
    fn listen(&self, _: ListenConfig, _: EventSink) -> Result<ListenHandle, SpeechError> {
        Err(self.error())
    }
}
