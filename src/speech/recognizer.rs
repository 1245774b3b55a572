//! Telephone audio in, what the caller said out.

use super::SpeechError;
use crate::model::{Millis, Redacted};
use std::sync::Arc;

/// An ear. Calls return at once; the work is done on the engine's own threads.
pub trait Recognizer: Send + Sync {
    /// Starts listening to one leg. `events` is called in order, from one thread at a time, never after it returned for the last time
    /// following the handle's drop by more than the call already running. It must not block.
    ///
    /// # Errors
    /// What is known at once: an unsupported language, too many listeners, no engine. Later failures arrive as `Failed`.
    fn listen(&self, config: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError>;
}

/// Where a listener's events go.
pub type EventSink = Arc<dyn Fn(SpeechEvent) + Send + Sync>;

/// How to listen to one leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenConfig {
    pub endpointing: Endpointing,
    pub expectation: Expectation,
    /// BCP 47 primary tag such as `en`; `None` is the engine's own.
    pub language: Option<String>,
}

/// What the conversation waits for: the ear listens with it in mind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    pub kind: Expected,
    /// Words to expect (names, products, the choices of a question); the engine may use the first few hundred characters.
    pub hints: Vec<Redacted<String>>,
}

/// What kind of answer is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    #[default]
    Anything,
    /// One of the hints, or yes and no.
    Choice,
    /// A number that is read out, of so many digits where that is known (1 to 255 where not): people pause between its groups.
    Digits { min: u8, max: u8 },
}

/// When the caller has begun and when the caller is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpointing {
    /// Voice this long is speech, anything shorter a click.
    pub min_speech: Millis,
    /// Silence this long ends the utterance.
    pub silence: Millis,
    /// As `silence`, where the words so far are a finished answer: a yes, a choice, all the digits. Used where the ear knows the words.
    pub finished: Millis,
    /// As `silence`, where the words so far want more: they end in "and", "my number is", half a number.
    pub dangling: Millis,
    /// An utterance this long is cut; its words arrive and the next utterance begins at once.
    pub max_utterance: Millis,
    /// How often a growing utterance is decoded for `Partial`; zero = never.
    pub partial_every: Millis,
}

impl Endpointing {
    /// For a caller who reads out a number: people pause between groups of digits.
    pub fn digits() -> Self {
        Self { silence: Millis(1_200), finished: Millis(500), dangling: Millis(1_600), ..Self::default() }
    }

    /// The patience that fits the expected answer.
    pub fn expecting(expected: Expected) -> Self {
        match expected {
            Expected::Anything | Expected::Choice => Self::default(),
            Expected::Digits { .. } => Self::digits(),
        }
    }
}

impl Default for Endpointing {
    fn default() -> Self {
        Self {
            min_speech: Millis(96),
            silence: Millis(700),
            finished: Millis(400),
            dangling: Millis(1_400),
            max_utterance: Millis::from_secs(25),
            partial_every: Millis(700),
        }
    }
}

/// What was heard. For each utterance: `SpeechStarted`, `Partial`*, `SpeechEnded`, then `Final` or `NoWords`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechEvent {
    SpeechStarted,
    SpeechEnded,
    /// Words so far; may change.
    Partial {
        text: Redacted<String>,
    },
    /// The words of the utterance; never empty.
    Final {
        text: Redacted<String>,
        confidence_permille: u16,
    },
    /// The sound held no words (noise, a cough, a hum): no `Final` comes for this utterance.
    NoWords,
    /// This listener is dead; nothing follows.
    Failed {
        error: SpeechError,
    },
    /// Audio came faster than it was read and the oldest was dropped. Said once per listener.
    Lagging,
}

/// The engine's end of a listener; engines and fakes implement it.
pub trait Intake: Send + Sync {
    /// Takes samples without blocking; keeps at most one second and drops the oldest beyond.
    fn push(&self, samples: &[i16]);
    /// Replaces the endpointing from the next sample on.
    fn retune(&self, endpointing: Endpointing);
    /// Replaces what is expected from the next utterance on, and its words from the next decoding on. An engine that cannot use it ignores it.
    fn expect(&self, _: &Expectation) {}
    /// Samples taken and not yet read.
    fn waiting(&self) -> usize;
    /// The leg stopped listening; no event follows but the one already running.
    fn close(&self);
}

/// One leg being listened to; dropping it stops.
pub struct ListenHandle(Arc<dyn Intake>);

impl ListenHandle {
    pub fn new(intake: Arc<dyn Intake>) -> Self {
        Self(intake)
    }

    /// Linear samples, mono, 8 kHz; any number, usually the 160 of one frame. Never blocks. Silence must be pushed too: it is the clock by
    /// which an utterance ends.
    pub fn push(&self, samples: &[i16]) {
        self.0.push(samples);
    }

    /// Samples pushed and not yet read by the engine: how far it is behind, 8,000 at most.
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// Other patience from now on, as when a number is asked for.
    pub fn retune(&self, endpointing: Endpointing) {
        self.0.retune(endpointing);
    }

    /// Another question was asked: what is listened for from now on.
    pub fn expect(&self, expectation: &Expectation) {
        self.0.expect(expectation);
    }
}

impl Drop for ListenHandle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for ListenHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListenHandle")
    }
}
