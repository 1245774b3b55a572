//! One leg's ear: audio in from the call, steps from the segmenter, words from the pool, events out in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::digits;
use super::ending::{Shape, shape};
use super::pool::{Decoding, Task, Words};
use super::segment::{Segmenter, Step, UtteranceNumber};
use super::voice::{Earshot, FRAME, VoiceDetector};
use crate::model::Redacted;
use crate::speech::{Endpointing, EventSink, Expectation, Expected, SpeechError, SpeechEvent};

/// One second at 8 kHz.
const RING: usize = 8_000;
/// Utterances whose words may be outstanding.
const BEHIND: usize = 4;

/// What others leave for the listening thread.
pub(super) struct Inbox(Mutex<Contents>);

struct Contents {
    samples: VecDeque<i16>,
    lagged: bool,
    endpointing: Option<Endpointing>,
    expectation: Option<Expectation>,
    words: Vec<(UtteranceNumber, Kind, Words)>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Partial,
    /// Counts the attempts at one utterance: only the last one's words stand.
    Whole(u32),
}

impl Inbox {
    pub(super) fn new(endpointing: Endpointing, expectation: Expectation) -> Self {
        let samples = VecDeque::with_capacity(RING);
        let (endpointing, expectation) = (Some(endpointing), Some(expectation));
        Self(Mutex::new(Contents { samples, lagged: false, endpointing, expectation, words: Vec::new(), closed: false }))
    }

    pub(super) fn push(&self, samples: &[i16]) {
        let mut contents = self.lock();
        let samples = &samples[samples.len().saturating_sub(RING)..];
        let excess = (contents.samples.len() + samples.len()).saturating_sub(RING);
        if excess > 0 {
            contents.lagged = true;
            contents.samples.drain(..excess);
        }
        contents.samples.extend(samples);
    }

    pub(super) fn retune(&self, endpointing: Endpointing) {
        self.lock().endpointing = Some(endpointing);
    }

    pub(super) fn expect(&self, expectation: Expectation) {
        self.lock().expectation = Some(expectation);
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().samples.len()
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An utterance that ended and whose words are still to come, or have come while an earlier one's have not.
struct Awaited {
    utterance: UtteranceNumber,
    attempt: u32,
    words: Option<Words>,
}

pub(super) struct Listener {
    inbox: Arc<Inbox>,
    events: EventSink,
    /// For the decoder.
    prompt: Arc<str>,
    expected: Expected,
    choices: Vec<String>,
    voice: Box<dyn VoiceDetector>,
    segmenter: Segmenter,
    /// Samples short of a frame.
    rest: Vec<i16>,
    attempt: u32,
    /// Words of the attempt that may yet turn out to be the end.
    early: Option<(u32, Words)>,
    wanted: Arc<AtomicBool>,
    partial: Option<Arc<AtomicBool>>,
    awaited: VecDeque<Awaited>,
    lagging_said: bool,
}

impl Listener {
    pub(super) fn new(inbox: Arc<Inbox>, events: EventSink) -> Self {
        Self::with_voice(inbox, events, Box::new(Earshot::new()))
    }

    pub(super) fn with_voice(inbox: Arc<Inbox>, events: EventSink, voice: Box<dyn VoiceDetector>) -> Self {
        Self {
            inbox,
            events,
            prompt: "".into(),
            expected: Expected::Anything,
            choices: Vec::new(),
            voice,
            segmenter: Segmenter::new(Endpointing::default()),
            rest: Vec::with_capacity(RING + FRAME),
            attempt: 0,
            early: None,
            wanted: Arc::new(AtomicBool::new(true)),
            partial: None,
            awaited: VecDeque::new(),
            lagging_said: false,
        }
    }

    /// Does what is due; false once this listener is over.
    pub(super) fn step(&mut self, pool: &dyn Decoding, ring: &Arc<dyn Fn() + Send + Sync>) -> bool {
        let mut contents = self.inbox.lock();
        if contents.closed {
            drop(contents);
            self.abandon();
            return false;
        }
        let endpointing = contents.endpointing.take();
        let expectation = contents.expectation.take();
        let lagged = std::mem::take(&mut contents.lagged);
        let words = std::mem::take(&mut contents.words);
        self.rest.extend(contents.samples.drain(..));
        drop(contents);

        if let Some(endpointing) = endpointing {
            self.segmenter.retune(endpointing);
        }
        if let Some(expectation) = expectation {
            self.prompt = prompt(&expectation).into();
            self.expected = expectation.kind;
            self.choices = expectation.hints.into_iter().map(Redacted::into_exposed).collect();
        }
        if lagged && !std::mem::replace(&mut self.lagging_said, true) {
            (self.events)(SpeechEvent::Lagging);
        }
        for (utterance, kind, words) in words {
            self.arrived(utterance, kind, words);
        }
        self.hear(pool, ring);
        match self.deliver() {
            Ok(()) if self.awaited.len() > BEHIND => {
                self.fail(SpeechError::Busy { waiting: self.awaited.len() });
                false
            }
            Ok(()) => true,
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    pub(super) fn fail(&mut self, error: SpeechError) {
        self.abandon();
        if !self.inbox.lock().closed {
            (self.events)(SpeechEvent::Failed { error });
        }
    }

    /// Words still being decoded are not wanted any more.
    fn abandon(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        if let Some(partial) = self.partial.take() {
            partial.store(false, Ordering::Relaxed);
        }
    }

    fn hear(&mut self, pool: &dyn Decoding, ring: &Arc<dyn Fn() + Send + Sync>) {
        let samples = std::mem::take(&mut self.rest);
        let (frames, rest) = samples.as_chunks::<FRAME>();
        let mut steps = Vec::new();
        for frame in frames {
            let voice = self.voice.is_voice(frame, self.segmenter.is_speaking());
            self.segmenter.frame(frame, voice, &mut steps);
        }
        self.rest.extend_from_slice(rest);
        for step in steps {
            self.take(step, pool, ring);
        }
    }

    fn take(&mut self, step: Step, pool: &dyn Decoding, ring: &Arc<dyn Fn() + Send + Sync>) {
        match step {
            Step::Started => (self.events)(SpeechEvent::SpeechStarted),
            Step::Partial { utterance, audio } => {
                if self.partial.is_none() {
                    let task = self.task(utterance, Kind::Partial, audio, ring);
                    let wanted = Arc::clone(&task.wanted);
                    self.partial = pool.partial(task).then_some(wanted);
                }
            }
            Step::Whole { utterance, audio } => {
                self.attempt += 1;
                self.early = None;
                let task = self.task(utterance, Kind::Whole(self.attempt), audio, ring);
                self.wanted = Arc::clone(&task.wanted);
                pool.whole(task);
            }
            Step::GoesOn { .. } => {
                self.wanted.store(false, Ordering::Relaxed);
                self.early = None;
            }
            Step::Ended { utterance } => {
                (self.events)(SpeechEvent::SpeechEnded);
                self.await_words(utterance);
            }
            Step::Cut { utterance } => self.await_words(utterance),
        }
    }

    fn await_words(&mut self, utterance: UtteranceNumber) {
        let attempt = self.attempt;
        let words = self.early.take().filter(|(early, _)| *early == attempt).map(|(_, words)| words);
        self.awaited.push_back(Awaited { utterance, attempt, words });
    }

    fn task(&self, utterance: UtteranceNumber, kind: Kind, audio: Arc<[i16]>, ring: &Arc<dyn Fn() + Send + Sync>) -> Task {
        let (inbox, ring) = (Arc::clone(&self.inbox), Arc::clone(ring));
        let done = Box::new(move |words| {
            inbox.lock().words.push((utterance, kind, words));
            ring();
        });
        Task { audio, hints: Arc::clone(&self.prompt), wanted: Arc::new(AtomicBool::new(true)), done }
    }

    fn arrived(&mut self, utterance: UtteranceNumber, kind: Kind, words: Words) {
        match kind {
            Kind::Partial => {
                self.partial = None;
                // A failed or unbelievable partial is nothing: the whole utterance decides.
                let over = self.awaited.iter().any(|awaited| awaited.utterance == utterance) || !self.segmenter.is_speaking();
                if let (Ok(Some((text, _))), false) = (words, over) {
                    (self.events)(SpeechEvent::Partial { text: self.as_expected(text) });
                }
            }
            Kind::Whole(attempt) => {
                if let Some(awaited) = self.awaited.iter_mut().find(|awaited| awaited.attempt == attempt) {
                    awaited.words = Some(words);
                } else if attempt == self.attempt && self.wanted.load(Ordering::Relaxed) {
                    self.segmenter.known(self.shape_of(&words));
                    self.early = Some((attempt, words));
                }
            }
        }
    }

    /// A sound without words need not be waited for.
    fn shape_of(&self, words: &Words) -> Shape {
        match words {
            Ok(Some((text, _))) => shape(text, self.expected, &self.choices),
            Ok(None) | Err(_) => Shape::Open,
        }
    }

    /// As the question wants them: a number that was asked for arrives in digits.
    fn as_expected(&self, text: String) -> Redacted<String> {
        match self.expected {
            Expected::Digits { .. } => Redacted::new(digits::written(&text)),
            Expected::Anything | Expected::Choice => Redacted::new(text),
        }
    }

    /// Says the words that are there, oldest utterance first.
    fn deliver(&mut self) -> Result<(), SpeechError> {
        while self.awaited.front().is_some_and(|awaited| awaited.words.is_some()) {
            let words = self.awaited.pop_front().and_then(|awaited| awaited.words).unwrap_or(Ok(None));
            (self.events)(match words? {
                Some((text, confidence_permille)) => SpeechEvent::Final { text: self.as_expected(text), confidence_permille },
                None => SpeechEvent::NoWords,
            });
        }
        Ok(())
    }
}

/// Characters of a prompt the network can hold beside the utterance.
const PROMPT_CHARS: usize = 400;
/// A number in the prompt makes the network write numbers.
const DIGITS_PROMPT: &str = "4 5 7, 2 9 1, 0 3 8.";

/// What the decoder reads before it listens: the expected words, as somebody would have written them before.
fn prompt(expectation: &Expectation) -> String {
    let mut prompt = expectation.hints.iter().map(|hint| hint.expose().as_str()).collect::<Vec<_>>().join(", ");
    if let Expected::Digits { .. } = expectation.kind {
        prompt = format!("{DIGITS_PROMPT} {prompt}");
    }
    prompt.retain(|letter| letter != '\0');
    prompt.chars().take(PROMPT_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
