//! The local ear: voice detection by earshot, words by whisper.cpp.
//!
//! One thread reads every listener's audio, finds where utterances begin and end, and speaks all events; it never decodes. As many decoding
//! threads as cores are granted turn utterances into words, each on one core with a state of its own and weights shared. The wait that proves
//! an utterance has ended is used: its words are decoded in the first pause and thrown away if the caller goes on. They also shape that wait:
//! a finished answer ends the turn sooner, a sentence that dangles later.
//!
//! Bounds: one second of audio a listener (the oldest is dropped, `Lagging` is said once), one decoding of the growing utterance, four
//! utterances whose words are still to come (then the listener fails), [`MAX_LISTENERS`] listeners.
//!
//! Does not play, resample for others or know calls; keeps nothing of what was heard.

mod decoder;
mod digits;
mod ending;
mod listener;
mod plausible;
mod pool;
mod segment;
mod voice;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::models::ModelPaths;
use super::{Endpointing, EventSink, Expectation, Intake, ListenConfig, ListenHandle, Recognizer, SpeechError};
use listener::{Inbox, Listener};
use pool::Pool;

/// The parts that find turns, for ears whose words come from elsewhere.
pub(super) mod turn {
    pub(in crate::speech) use super::digits::written;
    pub(in crate::speech) use super::ending::{Shape, shape};
    pub(in crate::speech) use super::segment::{Segmenter, Step};
    pub(in crate::speech) use super::voice::{Earshot, FRAME, VoiceDetector};
}

/// Listeners at a time; one more is refused.
pub const MAX_LISTENERS: usize = 1_000;
const LANGUAGE: &str = "en";

/// Understands English.
pub struct LocalRecognizer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    pool: Arc<Pool>,
    round: Mutex<Round>,
    wake: Condvar,
}

#[derive(Default)]
struct Round {
    /// Somebody pushed, retuned, closed, or words arrived.
    due: bool,
    stopped: bool,
    arrived: Vec<Listener>,
    listening: usize,
}

impl LocalRecognizer {
    /// Loads the weights (a fraction of a second) and starts one listening and `threads` decoding threads.
    pub(super) fn start(paths: &ModelPaths, threads: usize) -> Result<Self, SpeechError> {
        let pool = Pool::start(&paths.ear, threads)?;
        let shared = Arc::new(Shared { pool, round: Mutex::default(), wake: Condvar::new() });
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("ear".to_owned()).spawn(move || worker.listen());
        let thread = thread.map_err(|error| SpeechError::Thread { why: error.to_string() })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Recognizer for LocalRecognizer {
    fn listen(&self, config: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError> {
        let tag = config.language.as_deref().unwrap_or(LANGUAGE);
        if !tag.split(['-', '_']).next().unwrap_or_default().eq_ignore_ascii_case(LANGUAGE) {
            return Err(SpeechError::UnsupportedLanguage { language: tag.to_owned(), known: LANGUAGE.to_owned() });
        }
        let inbox = Arc::new(Inbox::new(config.endpointing, config.expectation));
        let mut round = self.shared.lock();
        if round.stopped {
            return Err(SpeechError::Stopped);
        }
        if round.listening >= MAX_LISTENERS {
            return Err(SpeechError::Busy { waiting: round.listening });
        }
        round.listening += 1;
        round.arrived.push(Listener::new(Arc::clone(&inbox), events));
        drop(round);
        Ok(ListenHandle::new(Arc::new(LocalIntake { inbox, shared: Arc::clone(&self.shared) })))
    }
}

impl Drop for LocalRecognizer {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        self.shared.pool.stop();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.lock().due = true;
        self.wake.notify_one();
    }

    fn listen(self: Arc<Self>) {
        let mut listeners: Vec<Listener> = Vec::new();
        let for_results = Arc::downgrade(&self);
        let ring: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            if let Some(shared) = for_results.upgrade() {
                shared.ring();
            }
        });
        while self.wait(&mut listeners) {
            listeners.retain_mut(|listener| {
                // A panic ends one listener, not everybody's ear.
                let step = std::panic::AssertUnwindSafe(|| listener.step(&*self.pool, &ring));
                std::panic::catch_unwind(step).unwrap_or_else(|_| {
                    listener.fail(SpeechError::Recognition { why: "the listener panicked".to_owned() });
                    false
                })
            });
        }
        for mut listener in listeners {
            listener.fail(SpeechError::Stopped);
        }
    }

    /// Sleeps until something is due and takes newcomers in; false once stopped.
    fn wait(&self, listeners: &mut Vec<Listener>) -> bool {
        let mut round = self.lock();
        round.listening = listeners.len() + round.arrived.len();
        while !round.due && !round.stopped {
            round = self.wake.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        round.due = false;
        listeners.append(&mut round.arrived);
        !round.stopped
    }
}

struct LocalIntake {
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
}

impl Intake for LocalIntake {
    fn push(&self, samples: &[i16]) {
        self.inbox.push(samples);
        self.shared.ring();
    }

    fn retune(&self, endpointing: Endpointing) {
        self.inbox.retune(endpointing);
        self.shared.ring();
    }

    fn expect(&self, expectation: &Expectation) {
        self.inbox.expect(expectation.clone());
        self.shared.ring();
    }

    fn waiting(&self) -> usize {
        self.inbox.waiting()
    }

    fn close(&self) {
        self.inbox.close();
        self.shared.ring();
    }
}
