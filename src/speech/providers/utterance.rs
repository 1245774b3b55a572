//! What a listener said and what the vendor has answered for. Pure: samples and answers in, audio and questions to the vendor out.

use std::collections::VecDeque;
use std::time::Duration;

use super::ProviderFault;
use super::dialect::Heard;
use crate::media::{self, AudioCodec};
use crate::model::{Millis, Redacted};
use crate::speech::ear::turn::{FRAME, Segmenter, Shape, Step, VoiceDetector, shape, written};
use crate::speech::{Endpointing, EventSink, Expectation, Expected, SpeechEvent};

/// Audio kept from before the voice was sure: 400 ms.
const BEFORE: usize = 25 * FRAME;
/// Audio a broken connection did not answer for: 15 s, the oldest goes first.
const KEPT: usize = 15 * 8_000;
/// Vendors tell no confidence a caller could rely on.
const CONFIDENCE: u16 = 900;

/// What the vendor is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// G.711 µ-law.
    Hear(Vec<u8>),
    /// The words of what was heard.
    Words,
}

/// A question for words that is not answered.
struct Open {
    /// The caller was done: its answer is the last word of the utterance.
    ended: bool,
    waited: Duration,
}

pub(super) struct Utterances {
    /// We find the pauses; else the vendor takes turns.
    ours: bool,
    events: EventSink,
    detector: Box<dyn VoiceDetector>,
    segmenter: Segmenter,
    expected: Expected,
    hints: Vec<String>,
    /// Samples short of a frame.
    rest: Vec<i16>,
    before: VecDeque<i16>,
    /// Sent and not answered for.
    kept: VecDeque<i16>,
    open: VecDeque<Open>,
    /// Words of this utterance that stand, and those that may change.
    words: Vec<String>,
    partial: String,
    /// The pause that lasts was answered.
    answered: bool,
    speaking: bool,
}

impl Utterances {
    pub(super) fn new(
        ours: bool,
        detector: Box<dyn VoiceDetector>,
        endpointing: Endpointing,
        expectation: Expectation,
        events: EventSink,
    ) -> Self {
        let mut utterances = Self {
            ours,
            events,
            detector,
            segmenter: Segmenter::new(endpointing),
            expected: Expected::Anything,
            hints: Vec::new(),
            rest: Vec::new(),
            before: VecDeque::with_capacity(BEFORE + FRAME),
            kept: VecDeque::new(),
            open: VecDeque::new(),
            words: Vec::new(),
            partial: String::new(),
            answered: false,
            speaking: false,
        };
        utterances.retune(endpointing);
        utterances.expect(expectation);
        utterances
    }

    pub(super) fn retune(&mut self, endpointing: Endpointing) {
        // Growing words come from the vendor.
        self.segmenter.retune(Endpointing { partial_every: Millis(0), ..endpointing });
    }

    pub(super) fn expect(&mut self, expectation: Expectation) {
        self.expected = expectation.kind;
        self.hints = expectation.hints.into_iter().map(Redacted::into_exposed).collect();
    }

    pub(super) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What the vendor must be told again on a new connection; its earlier words of this utterance are forgotten with the old one.
    pub(super) fn again(&mut self) -> Vec<Ask> {
        self.words.clear();
        self.partial.clear();
        let ended = self.open.iter().any(|open| open.ended);
        let asked = !self.open.is_empty() || self.answered;
        (self.answered, self.open) = (false, VecDeque::new());
        let mut asks = Vec::new();
        if !self.kept.is_empty() {
            asks.push(Ask::Hear(companded(self.kept.make_contiguous())));
            if asked && self.ours {
                self.open.push_back(Open { ended, waited: Duration::ZERO });
                asks.push(Ask::Words);
            }
        }
        asks
    }

    pub(super) fn listen(&mut self, samples: &[i16]) -> Vec<Ask> {
        let mut asks = Vec::new();
        self.rest.extend_from_slice(samples);
        let taken = std::mem::take(&mut self.rest);
        let (frames, rest) = taken.as_chunks::<FRAME>();
        self.rest.extend_from_slice(rest);
        for frame in frames {
            if self.ours { self.frame(frame, &mut asks) } else { self.hear(frame, &mut asks) }
        }
        asks
    }

    fn frame(&mut self, frame: &[i16; FRAME], asks: &mut Vec<Ask>) {
        let voice = self.detector.is_voice(frame, self.segmenter.is_speaking());
        let mut steps = Vec::new();
        self.segmenter.frame(frame, voice, &mut steps);
        if self.segmenter.is_speaking() && !steps.contains(&Step::Started) {
            self.hear(frame, asks);
        } else {
            self.before.extend(frame);
            let excess = self.before.len().saturating_sub(BEFORE);
            self.before.drain(..excess);
        }
        for step in steps {
            self.step(&step, asks);
        }
    }

    fn step(&mut self, step: &Step, asks: &mut Vec<Ask>) {
        match step {
            Step::Started => {
                (self.events)(SpeechEvent::SpeechStarted);
                let onset: Vec<i16> = self.before.drain(..).collect();
                self.hear(&onset, asks);
            }
            Step::Partial { .. } => {}
            Step::Whole { .. } => {
                self.answered = false;
                self.open.push_back(Open { ended: false, waited: Duration::ZERO });
                asks.push(Ask::Words);
            }
            Step::GoesOn { .. } => self.answered = false,
            Step::Ended { .. } => {
                (self.events)(SpeechEvent::SpeechEnded);
                self.end();
            }
            Step::Cut { .. } => self.end(),
        }
    }

    /// The last question's answer ends the utterance, or it is there already.
    fn end(&mut self) {
        match self.open.back_mut() {
            Some(open) if !self.answered => open.ended = true,
            Some(_) | None => self.finish(),
        }
    }

    fn finish(&mut self) {
        self.answered = false;
        self.partial.clear();
        self.kept.clear();
        let text = std::mem::take(&mut self.words).join(" ");
        self.say(text);
    }

    fn say(&self, text: String) {
        (self.events)(match text.trim() {
            "" => SpeechEvent::NoWords,
            text => SpeechEvent::Final { text: self.as_expected(text), confidence_permille: CONFIDENCE },
        });
    }

    fn as_expected(&self, text: &str) -> Redacted<String> {
        match self.expected {
            Expected::Digits { .. } => Redacted::new(written(text)),
            Expected::Anything | Expected::Choice => Redacted::new(text.to_owned()),
        }
    }

    fn hear(&mut self, samples: &[i16], asks: &mut Vec<Ask>) {
        self.kept.extend(samples);
        let excess = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..excess);
        match asks.last_mut() {
            Some(Ask::Hear(ulaw)) => ulaw.extend(companded(samples)),
            Some(Ask::Words) | None => asks.push(Ask::Hear(companded(samples))),
        }
    }

    /// True where the vendor did its work.
    pub(super) fn heard(&mut self, heard: Heard) -> Result<bool, ProviderFault> {
        match heard {
            Heard::Partial(text) => {
                self.partial = text;
                self.tell_partial();
            }
            Heard::Delta(text) => {
                self.partial.push_str(&text);
                self.tell_partial();
            }
            Heard::Segment(text) => {
                self.partial.clear();
                if !text.trim().is_empty() {
                    self.words.push(text.trim().to_owned());
                }
            }
            Heard::Committed => self.committed(),
            Heard::TurnStarted if !self.speaking => {
                self.speaking = true;
                (self.events)(SpeechEvent::SpeechStarted);
            }
            Heard::TurnStarted => {}
            Heard::TurnEnded(text) => {
                if std::mem::take(&mut self.speaking) {
                    (self.events)(SpeechEvent::SpeechEnded);
                }
                self.kept.clear();
                self.partial.clear();
                self.say(text);
            }
            Heard::Fault(fault) => return Err(fault),
        }
        Ok(true)
    }

    fn tell_partial(&self) {
        let said = self.words.iter().map(String::as_str).chain([self.partial.trim()]).collect::<Vec<_>>().join(" ");
        let speaking = if self.ours { self.segmenter.is_speaking() } else { self.speaking };
        if speaking && !said.trim().is_empty() {
            (self.events)(SpeechEvent::Partial { text: self.as_expected(said.trim()) });
        }
    }

    fn committed(&mut self) {
        let Some(open) = self.open.pop_front() else { return };
        if open.ended {
            return self.finish();
        }
        // Words of a pause that is over are words all the same; only the last pause's can end the turn.
        if self.open.is_empty() && self.segmenter.is_speaking() {
            self.answered = true;
            let text = self.words.join(" ");
            self.segmenter.known(if text.is_empty() { Shape::Open } else { shape(&text, self.expected, &self.hints) });
        }
    }

    /// Time passes while a question is open; false where the answer is overdue. A vendor that has given words may leave the last of them out.
    pub(super) fn waited(&mut self, span: Duration, at_most: Duration) -> bool {
        let Some(first) = self.open.front_mut() else { return true };
        first.waited += span;
        if first.waited < at_most {
            return true;
        }
        if self.words.is_empty() {
            return false;
        }
        self.committed();
        true
    }
}

fn companded(samples: &[i16]) -> Vec<u8> {
    let mut ulaw = vec![0; samples.len()];
    media::encode(AudioCodec::Pcmu, samples, &mut ulaw);
    ulaw
}
