//! Tests of the fallback: callers hear and are heard whoever fails.

use super::*;
use crate::model::{Millis, WorkerTime};
use crate::speech::providers::Spawner;
use crate::speech::scripted::{ScriptedRecognizer, ScriptedSynthesizer};
use crate::speech::{EventSink, Intake, ListenConfig, ListenHandle, Pcm, Recognizer, SpeakRequest, SpeechEvent, SpeechStream, Synthesizer};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn breaker(&self) -> Breaker {
        let hands = Arc::clone(&self.0);
        Breaker::new(Arc::new(move || WorkerTime::ZERO.after(Millis(hands.load(Ordering::Relaxed)))))
    }
}

fn spawner() -> Spawner {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |_, task| drop(runtime.spawn(task)))
}

/// Speaks so many samples, then breaks off or says nothing more.
struct Breaking {
    samples: usize,
    stalls: bool,
    asked: Arc<AtomicUsize>,
    open: Mutex<Vec<tokio::sync::mpsc::Sender<Result<Pcm, SpeechError>>>>,
}

impl Synthesizer for Breaking {
    fn speak(&self, _: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (pieces, stream) = SpeechStream::channel(4);
        if self.samples > 0 {
            pieces.try_send(Ok(vec![7; self.samples].into())).unwrap();
        }
        if self.stalls {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push(pieces);
        } else {
            pieces.try_send(Err(SpeechError::Synthesis { why: "test".to_owned() })).unwrap();
        }
        Ok(stream)
    }
}

fn breaking(samples: usize, stalls: bool) -> (Arc<Breaking>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    (Arc::new(Breaking { samples, stalls, asked: Arc::clone(&asked), open: Mutex::default() }), asked)
}

fn voice(first: Arc<dyn Synthesizer>, hands: &Hands) -> FallbackSynthesizer {
    let member = |name: &str, engine| Member { name: name.to_owned(), engine, breaker: hands.breaker() };
    let last: Arc<dyn Synthesizer> = Arc::new(ScriptedSynthesizer::default());
    FallbackSynthesizer::new(vec![member("first", first), member("last", last)], PATIENCE, spawner())
}

async fn samples(voice: &FallbackSynthesizer, text: &str) -> usize {
    let mut stream = voice.speak(SpeakRequest::plain(text)).unwrap();
    let mut samples = 0;
    while let Some(piece) = stream.next().await {
        samples += piece.unwrap().len();
    }
    samples
}

#[tokio::test]
async fn the_next_voice_goes_on_with_the_words_that_were_not_spoken() {
    // Two words were out: four are left, of 480 samples each.
    let (first, _) = breaking(6_400, false);
    assert_eq!(samples(&voice(first, &Hands::default()), "one two three four five six").await, 6_400 + 4 * 480);
}

#[tokio::test]
async fn a_voice_that_stalls_costs_one_bounded_pause_and_none_while_it_rests() {
    let hands = Hands::default();
    let (first, asked) = breaking(0, true);
    let voice = voice(first, &hands);
    assert_eq!(samples(&voice, "one two").await, 960);
    assert_eq!(samples(&voice, "one two").await, 960);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the second sentence did not wait");
    hands.0.store(15_000, Ordering::Relaxed);
    assert_eq!(samples(&voice, "one two").await, 960);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "tried again after its rest");
}

#[tokio::test]
async fn when_nobody_speaks_the_last_error_is_told() {
    let (first, _) = breaking(0, false);
    let hands = Hands::default();
    let alone =
        FallbackSynthesizer::new(vec![Member { name: "only".to_owned(), engine: first, breaker: hands.breaker() }], PATIENCE, spawner());
    for _ in 0..2 {
        let mut stream = alone.speak(SpeakRequest::plain("one")).unwrap();
        assert_eq!(stream.next().await, Some(Err(SpeechError::Synthesis { why: "test".to_owned() })), "the last is always tried");
    }
}

/// An ear that dies when it was told so, after having heard speech begin.
#[derive(Default)]
struct Dying {
    events: Mutex<Option<EventSink>>,
    refuses: bool,
}

struct Deaf;

impl Intake for Deaf {
    fn push(&self, _: &[i16]) {}
    fn retune(&self, _: crate::speech::Endpointing) {}
    fn waiting(&self) -> usize {
        0
    }
    fn close(&self) {}
}

impl Recognizer for Dying {
    fn listen(&self, _: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError> {
        if self.refuses {
            return Err(SpeechError::Busy { waiting: 1 });
        }
        *self.events.lock().unwrap() = Some(events);
        Ok(ListenHandle::new(Arc::new(Deaf)))
    }
}

impl Dying {
    fn say(&self, event: SpeechEvent) {
        let events = self.events.lock().unwrap().clone().unwrap();
        events(event);
    }
}

fn listen(first: &Arc<Dying>, sentences: &[&str], hands: &Hands) -> (ListenHandle, Arc<Mutex<Vec<SpeechEvent>>>) {
    let member = |name: &str, engine| Member { name: name.to_owned(), engine, breaker: hands.breaker() };
    let last: Arc<dyn Recognizer> = Arc::new(ScriptedRecognizer::new(sentences.iter().copied()));
    let ear = FallbackRecognizer::new(vec![member("first", Arc::clone(first) as Arc<dyn Recognizer>), member("last", last)]);
    let events: Arc<Mutex<Vec<SpeechEvent>>> = Arc::default();
    let sink = Arc::clone(&events);
    let handle = ear.listen(ListenConfig::default(), Arc::new(move |event| sink.lock().unwrap().push(event))).unwrap();
    (handle, events)
}

fn hum(ms: usize) -> Vec<i16> {
    (0..ms * 8).map(|at| if at % 2 == 0 { 6_000 } else { -6_000 }).collect()
}

fn said(text: &str) -> SpeechEvent {
    SpeechEvent::Final { text: text.into(), confidence_permille: 1_000 }
}

#[test]
fn an_ear_that_dies_in_an_utterance_is_followed_by_one_that_hears_it_whole() {
    let dying = Arc::new(Dying::default());
    let (handle, events) = listen(&dying, &["yes please"], &Hands::default());
    dying.say(SpeechEvent::SpeechStarted);
    handle.push(&hum(800));
    dying.say(SpeechEvent::Failed { error: SpeechError::Stopped });
    for _ in 0..60 {
        handle.push(&[0; 160]);
    }
    assert_eq!(*events.lock().unwrap(), [SpeechEvent::SpeechStarted, SpeechEvent::SpeechEnded, said("yes please")]);
    dying.say(SpeechEvent::SpeechStarted);
    assert_eq!(events.lock().unwrap().len(), 3, "a dead ear says nothing");
}

#[test]
fn words_that_were_owed_when_the_ear_died_are_heard_by_the_next() {
    let dying = Arc::new(Dying::default());
    let (handle, events) = listen(&dying, &["owed"], &Hands::default());
    dying.say(SpeechEvent::SpeechStarted);
    handle.push(&hum(800));
    dying.say(SpeechEvent::SpeechEnded);
    for _ in 0..50 {
        handle.push(&[0; 160]);
    }
    dying.say(SpeechEvent::Failed { error: SpeechError::Stopped });
    for _ in 0..40 {
        handle.push(&[0; 160]);
    }
    assert_eq!(events.lock().unwrap().last(), Some(&said("owed")));
}

#[test]
fn an_ear_that_cannot_listen_is_passed_over_and_the_last_failure_is_told() {
    let refusing = Arc::new(Dying { refuses: true, ..Dying::default() });
    let (handle, events) = listen(&refusing, &["here"], &Hands::default());
    handle.push(&hum(400));
    handle.push(&[0; 6_400]);
    assert_eq!(events.lock().unwrap().last(), Some(&said("here")));
    let only = FallbackRecognizer::new(vec![Member { name: "only".to_owned(), engine: refusing, breaker: Hands::default().breaker() }]);
    assert_eq!(only.listen(ListenConfig::default(), Arc::new(|_| {})).err(), Some(SpeechError::Busy { waiting: 1 }));
}
