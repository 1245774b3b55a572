//! Tests of listener.

use super::*;
use crate::model::Millis;

/// Loud is voice.
struct Level;

impl VoiceDetector for Level {
    fn is_voice(&mut self, frame: &[i16; FRAME], _: bool) -> bool {
        frame[0] > 100
    }
}

/// Keeps what it is asked to decode until the test says what it was.
#[derive(Default)]
struct Desk(Mutex<Vec<Task>>);

impl Decoding for Desk {
    fn whole(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }

    fn partial(&self, task: Task) -> bool {
        self.0.lock().unwrap().push(task);
        true
    }
}

struct Bench {
    inbox: Arc<Inbox>,
    listener: Listener,
    desk: Desk,
    events: Arc<Mutex<Vec<SpeechEvent>>>,
    rung: Arc<dyn Fn() + Send + Sync>,
}

impl Bench {
    fn new() -> Self {
        Self::tuned(Endpointing { partial_every: Millis(0), ..Endpointing::default() })
    }

    fn tuned(endpointing: Endpointing) -> Self {
        Self::expecting(endpointing, Expectation::default())
    }

    fn expecting(endpointing: Endpointing, expectation: Expectation) -> Self {
        let inbox = Arc::new(Inbox::new(endpointing, expectation));
        let events: Arc<Mutex<Vec<SpeechEvent>>> = Arc::default();
        let sink = Arc::clone(&events);
        let sink: EventSink = Arc::new(move |event| sink.lock().unwrap().push(event));
        let listener = Listener::with_voice(Arc::clone(&inbox), sink, Box::new(Level));
        Self { inbox, listener, desk: Desk::default(), events, rung: Arc::new(|| {}) }
    }

    fn step(&mut self) -> bool {
        self.listener.step(&self.desk, &self.rung)
    }

    fn hear(&mut self, voice: bool, ms: usize) {
        for _ in 0..ms / 16 {
            self.inbox.push(&[if voice { 1_000 } else { 0 }; FRAME]);
            assert!(self.step());
        }
    }

    /// Answers the oldest task.
    fn answer(&mut self, words: Words) {
        let task = self.desk.0.lock().unwrap().remove(0);
        (task.done)(words);
    }

    fn seen(&self) -> Vec<&'static str> {
        let name = |event: &SpeechEvent| match event {
            SpeechEvent::SpeechStarted => "started",
            SpeechEvent::SpeechEnded => "ended",
            SpeechEvent::Partial { .. } => "partial",
            SpeechEvent::Final { text, .. } if text.expose() == "first" => "first",
            SpeechEvent::Final { .. } => "final",
            SpeechEvent::NoWords => "no words",
            SpeechEvent::Failed { .. } => "failed",
            SpeechEvent::Lagging => "lagging",
        };
        self.events.lock().unwrap().iter().map(name).collect()
    }
}

fn said(text: &str) -> Words {
    Ok(Some((text.to_owned(), 900)))
}

#[test]
fn words_decoded_early_wait_for_the_end_of_the_utterance() {
    let mut bench = Bench::new();
    bench.hear(true, 480);
    bench.hear(false, 320);
    bench.answer(said("first"));
    assert!(bench.step());
    assert_eq!(bench.seen(), ["started"]);
    bench.hear(false, 480);
    assert_eq!(bench.seen(), ["started", "ended", "first"]);
}

#[test]
fn words_of_a_pause_that_was_not_the_end_are_thrown_away() {
    let mut bench = Bench::new();
    bench.hear(true, 480);
    bench.hear(false, 320);
    bench.hear(true, 320);
    let wanted = Arc::clone(&bench.desk.0.lock().unwrap()[0].wanted);
    assert!(!wanted.load(Ordering::Relaxed), "a thread need not decode it");
    bench.answer(said("half a sentence"));
    bench.hear(false, 800);
    assert_eq!(bench.seen(), ["started", "ended"]);
    bench.answer(said("first"));
    assert!(bench.step());
    assert_eq!(bench.seen(), ["started", "ended", "first"]);
}

#[test]
fn words_come_in_the_order_they_were_spoken_even_when_decoding_overtakes() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.hear(true, 480);
        bench.hear(false, 800);
    }
    let second = bench.desk.0.lock().unwrap().remove(1);
    (second.done)(Ok(None));
    assert!(bench.step());
    assert!(!bench.seen().contains(&"no words"));
    bench.answer(said("first"));
    assert!(bench.step());
    assert_eq!(bench.seen(), ["started", "ended", "started", "ended", "first", "no words"]);
}

#[test]
fn more_than_a_second_unread_drops_the_oldest_and_is_said_once() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.inbox.push(&vec![0; 7_000]);
        bench.inbox.push(&vec![0; 7_000]);
        assert_eq!(bench.inbox.waiting(), RING);
        assert!(bench.step());
        assert_eq!(bench.inbox.waiting(), 0);
    }
    bench.inbox.push(&vec![0; 50_000]);
    assert_eq!(bench.inbox.waiting(), RING);
    assert!(bench.step());
    assert_eq!(bench.seen(), ["lagging"]);
}

#[test]
fn a_failed_decoding_ends_the_listener_with_a_reason() {
    let mut bench = Bench::new();
    bench.hear(true, 480);
    bench.hear(false, 800);
    bench.answer(Err(SpeechError::Recognition { why: "test".to_owned() }));
    assert!(!bench.step());
    assert_eq!(bench.seen(), ["started", "ended", "failed"]);
}

#[test]
fn a_listener_whose_words_never_come_fails_instead_of_piling_up() {
    let mut bench = Bench::new();
    for _ in 0..BEHIND {
        bench.hear(true, 480);
        bench.hear(false, 800);
    }
    for _ in 0..60 {
        bench.inbox.push(&[1_000; FRAME]);
    }
    assert!(bench.step());
    for _ in 0..60 {
        bench.inbox.push(&[0; FRAME]);
    }
    assert!(!bench.step());
    assert_eq!(bench.seen().last(), Some(&"failed"));
}

#[test]
fn nothing_is_said_after_the_leg_stopped_listening() {
    let mut bench = Bench::new();
    bench.hear(true, 480);
    bench.inbox.close();
    assert!(!bench.step());
    bench.listener.fail(SpeechError::Stopped);
    assert_eq!(bench.seen(), ["started"]);
}

#[test]
fn one_partial_at_a_time_and_none_after_the_end() {
    let mut bench = Bench::tuned(Endpointing::default());
    bench.hear(true, 2_400);
    assert_eq!(bench.desk.0.lock().unwrap().len(), 1);
    bench.answer(said("so far"));
    bench.hear(true, 800);
    assert_eq!(bench.seen(), ["started", "partial"]);
    bench.hear(false, 800);
    bench.hear(true, 160);
    bench.answer(said("too late"));
    assert!(bench.step());
    assert_eq!(bench.seen(), ["started", "partial", "ended", "started"]);
}

/// Silence until the utterance ended, once its words are `text`.
fn wait_after(text: &str, expectation: Expectation) -> usize {
    let endpointing = Endpointing { partial_every: Millis(0), ..Endpointing::expecting(expectation.kind) };
    let mut bench = Bench::expecting(endpointing, expectation);
    bench.hear(true, 480);
    bench.hear(false, 224);
    bench.answer(said(text));
    let mut waited = 224;
    while !bench.seen().contains(&"ended") && waited < 5_000 {
        bench.hear(false, 16);
        waited += 16;
    }
    waited
}

fn digits(max: u8) -> Expectation {
    Expectation { kind: Expected::Digits { min: max, max }, hints: Vec::new() }
}

#[test]
fn the_wait_for_the_end_of_the_turn_is_shaped_by_the_words_and_the_question() {
    let any = Expectation::default;
    assert_eq!(wait_after("Yes.", any()), 400);
    assert_eq!(wait_after("I would like to cancel it.", any()), 704);
    assert_eq!(wait_after("My number is", any()), 1_408);
    assert_eq!(wait_after("four five seven", digits(6)), 1_600);
    assert_eq!(wait_after("four five seven two nine one", digits(6)), 512);
    assert_eq!(wait_after("I do not have it", digits(6)), 1_200);
}

#[test]
fn digits_said_as_words_arrive_as_digits_where_they_were_asked_for() {
    for (expectation, expected) in [(digits(6), "It is 457291."), (Expectation::default(), "It is four five seven, 291.")] {
        let mut bench = Bench::expecting(Endpointing { partial_every: Millis(0), ..Endpointing::default() }, expectation);
        bench.hear(true, 480);
        bench.hear(false, 320);
        bench.answer(said("It is four five seven, 291."));
        bench.hear(false, 2_000);
        let events = bench.events.lock().unwrap();
        let Some(SpeechEvent::Final { text, .. }) = events.last() else { panic!("{events:?}") };
        assert_eq!(text.expose(), expected);
    }
}

#[test]
fn the_next_question_biases_the_next_decoding() {
    let mut bench = Bench::new();
    bench.hear(true, 480);
    bench.hear(false, 800);
    bench.inbox.expect(Expectation { kind: Expected::Choice, hints: vec!["Billing".into(), "Sal\0es".into()] });
    bench.hear(true, 480);
    bench.hear(false, 800);
    bench.inbox.expect(digits(4));
    bench.hear(true, 480);
    bench.hear(false, 800);
    let prompts: Vec<String> = bench.desk.0.lock().unwrap().iter().map(|task| task.hints.to_string()).collect();
    assert_eq!(prompts, ["", "Billing, Sales", DIGITS_PROMPT]);
}
