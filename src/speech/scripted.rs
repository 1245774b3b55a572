//! Both traits without a model, deterministic to the sample: for tests, for the demo on a machine without models.
//!
//! Nothing here has a thread or a clock. The voice is complete when `speak` returns; the ear calls its sink inside `push`.

use super::{
    Endpointing, EventSink, Intake, ListenConfig, ListenHandle, Pcm, Recognizer, SpeakRequest, SpeechError, SpeechEvent, SpeechStream,
    Synthesizer,
};
use crate::model::Redacted;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

const SAMPLES_PER_MS: usize = 8;
/// A 400 Hz tone is 20 samples long: loud enough for [`ScriptedRecognizer`], low enough for any codec.
const TONE: [i16; 20] =
    [0, 2472, 4702, 6472, 7608, 8000, 7608, 6472, 4702, 2472, 0, -2472, -4702, -6472, -7608, -8000, -7608, -6472, -4702, -2472];
/// Mean absolute level above which a frame is sound: well above codec noise, well below [`TONE`].
const LOUD: i64 = 500;
/// One frame of 20 ms.
const FRAME: usize = 160;

/// A voice that hums: a fixed length of tone for each word.
#[derive(Clone, Debug)]
pub struct ScriptedSynthesizer {
    ms_per_word: usize,
    fails: bool,
}

impl ScriptedSynthesizer {
    pub fn new(ms_per_word: usize) -> Self {
        Self { ms_per_word, fails: false }
    }

    /// A voice whose every stream ends in an error after its first piece.
    pub fn failing(ms_per_word: usize) -> Self {
        Self { ms_per_word, fails: true }
    }

    fn hum(&self, sentence: &str, speed_percent: u16) -> Pcm {
        let words = sentence.split_whitespace().count();
        let samples = words * self.ms_per_word * SAMPLES_PER_MS * 100 / usize::from(speed_percent);
        TONE.iter().copied().cycle().take(samples).collect()
    }
}

impl Default for ScriptedSynthesizer {
    fn default() -> Self {
        Self::new(60)
    }
}

impl Synthesizer for ScriptedSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        let pieces: Vec<Pcm> = request
            .text
            .expose()
            .split_inclusive(['.', '?', '!'])
            .filter(|sentence| !sentence.trim().is_empty())
            .map(|sentence| self.hum(sentence, request.speed_percent))
            .collect();
        if !self.fails {
            return Ok(SpeechStream::ready(pieces));
        }
        let (sender, stream) = SpeechStream::channel(2);
        for piece in pieces.into_iter().take(1) {
            sender.try_send(Ok(piece)).expect("two fit");
        }
        sender.try_send(Err(SpeechError::Synthesis { why: "scripted".to_owned() })).expect("two fit");
        Ok(stream)
    }
}

/// An ear that takes each burst of sound for the next sentence of its script.
#[derive(Clone, Debug, Default)]
pub struct ScriptedRecognizer {
    script: Arc<Mutex<VecDeque<String>>>,
}

impl ScriptedRecognizer {
    pub fn new<I: IntoIterator<Item = S>, S: Into<String>>(sentences: I) -> Self {
        Self { script: Arc::new(Mutex::new(sentences.into_iter().map(Into::into).collect())) }
    }

    /// Adds a sentence at the end of the script. All listeners share one script.
    pub fn expect(&self, sentence: impl Into<String>) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).push_back(sentence.into());
    }

    /// Sentences nobody said yet.
    pub fn left(&self) -> usize {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Recognizer for ScriptedRecognizer {
    fn listen(&self, config: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError> {
        let ear = Ear { endpointing: config.endpointing, frame: Vec::with_capacity(FRAME), loud_ms: 0, quiet_ms: 0, speaking: false };
        Ok(ListenHandle::new(Arc::new(ScriptedIntake { script: Arc::clone(&self.script), events, ear: Mutex::new(Some(ear)) })))
    }
}

struct ScriptedIntake {
    script: Arc<Mutex<VecDeque<String>>>,
    events: EventSink,
    ear: Mutex<Option<Ear>>,
}

struct Ear {
    endpointing: Endpointing,
    frame: Vec<i16>,
    loud_ms: u64,
    quiet_ms: u64,
    speaking: bool,
}

impl Ear {
    /// What one whole frame tells; at most one fact.
    fn hear(&mut self, frame_ms: u64) -> Option<SpeechEvent> {
        let level: i64 = self.frame.iter().map(|sample| i64::from(*sample).abs()).sum();
        let loud = level >= LOUD * i64::try_from(self.frame.len()).unwrap_or(i64::MAX);
        self.frame.clear();
        if loud {
            self.loud_ms += frame_ms;
            self.quiet_ms = 0;
        } else {
            self.quiet_ms += frame_ms;
        }
        if !self.speaking && loud && self.loud_ms >= self.endpointing.min_speech.0 {
            self.speaking = true;
            return Some(SpeechEvent::SpeechStarted);
        }
        if self.quiet_ms >= self.endpointing.silence.0 {
            self.loud_ms = 0;
            if std::mem::take(&mut self.speaking) {
                return Some(SpeechEvent::SpeechEnded);
            }
        }
        None
    }
}

impl ScriptedIntake {
    fn heard(&self, mut samples: &[i16]) -> Vec<SpeechEvent> {
        let mut heard = Vec::new();
        let mut guard = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ear) = guard.as_mut() else { return heard };
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(FRAME - ear.frame.len()));
            ear.frame.extend_from_slice(now);
            samples = later;
            if ear.frame.len() < FRAME {
                break;
            }
            let Some(event) = ear.hear(20) else { continue };
            let ended = event == SpeechEvent::SpeechEnded;
            heard.push(event);
            if ended {
                heard.push(self.words());
            }
        }
        heard
    }

    fn words(&self) -> SpeechEvent {
        let next = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.map_or(SpeechEvent::NoWords, |text| SpeechEvent::Final { text: Redacted::new(text), confidence_permille: 1_000 })
    }
}

impl Intake for ScriptedIntake {
    fn push(&self, samples: &[i16]) {
        for event in self.heard(samples) {
            (self.events)(event);
        }
    }

    fn retune(&self, endpointing: Endpointing) {
        if let Some(ear) = self.ear.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            ear.endpointing = endpointing;
        }
    }

    fn waiting(&self) -> usize {
        0
    }

    fn close(&self) {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(sentences: &[&str]) -> (ListenHandle, Arc<Mutex<Vec<SpeechEvent>>>) {
        let events: Arc<Mutex<Vec<SpeechEvent>>> = Arc::default();
        let sink = Arc::clone(&events);
        let ear = ScriptedRecognizer::new(sentences.iter().copied());
        let handle = ear.listen(ListenConfig::default(), Arc::new(move |event| sink.lock().unwrap().push(event))).unwrap();
        (handle, events)
    }

    #[test]
    fn a_hum_is_as_long_as_its_words_and_comes_sentence_by_sentence() {
        let mut stream = ScriptedSynthesizer::default().speak(SpeakRequest::plain("One two three. Four!")).unwrap();
        assert_eq!(stream.blocking_next().unwrap().unwrap().len(), 3 * 60 * 8);
        assert_eq!(stream.blocking_next().unwrap().unwrap().len(), 60 * 8);
        assert!(stream.blocking_next().is_none());
    }

    #[test]
    fn a_burst_of_sound_is_the_next_sentence_and_a_click_is_nothing() {
        let (handle, events) = listener(&["yes please"]);
        let hum = ScriptedSynthesizer::default().speak(SpeakRequest::plain("one two three")).unwrap().blocking_all().unwrap();
        handle.push(&hum[..320]);
        handle.push(&[0; 5_600]);
        assert!(events.lock().unwrap().is_empty());
        handle.push(&hum);
        handle.push(&[0; 5_600]);
        handle.push(&hum);
        handle.push(&[0; 5_600]);
        let expected = [
            SpeechEvent::SpeechStarted,
            SpeechEvent::SpeechEnded,
            SpeechEvent::Final { text: "yes please".into(), confidence_permille: 1_000 },
            SpeechEvent::SpeechStarted,
            SpeechEvent::SpeechEnded,
            SpeechEvent::NoWords,
        ];
        assert_eq!(*events.lock().unwrap(), expected);
    }

    #[test]
    fn a_failing_voice_reports_the_failure_in_the_stream() {
        let stream = ScriptedSynthesizer::failing(60).speak(SpeakRequest::plain("One. Two.")).unwrap();
        assert!(matches!(stream.blocking_all(), Err(SpeechError::Synthesis { .. })));
    }

    #[test]
    fn bounds_are_refused_before_anything_is_made() {
        let voice = ScriptedSynthesizer::default();
        assert!(matches!(voice.speak(SpeakRequest::plain("a".repeat(5_001))), Err(SpeechError::TextTooLong { chars: 5_001, .. })));
        let hasty = SpeakRequest { speed_percent: 0, ..SpeakRequest::plain("a") };
        assert!(matches!(voice.speak(hasty), Err(SpeechError::Speed { percent: 0, .. })));
    }
}
