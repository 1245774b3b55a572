//! The decoding threads and their queue: whole utterances first, growing ones only when nobody waits.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use whisper_rs::WhisperContext;

use super::decoder::{self, Decoder, seconds};
use super::plausible::{Sound, believed, confidence_permille};
use super::voice::level_db;
use crate::speech::SpeechError;

/// Words that were believed, or nothing.
pub(super) type Words = Result<Option<(String, u16)>, SpeechError>;

/// One utterance to decode.
pub(super) struct Task {
    pub(super) audio: Arc<[i16]>,
    pub(super) hints: Arc<str>,
    /// Cleared when the words are not wanted any more.
    pub(super) wanted: Arc<AtomicBool>,
    pub(super) done: Box<dyn FnOnce(Words) + Send>,
}

/// Whoever turns utterances into words; both calls return at once.
pub(super) trait Decoding: Send + Sync {
    /// Decodes before any partial. Bounded by the listeners: each has at most one wanted whole utterance being spoken and four ended ones.
    fn whole(&self, task: Task);
    /// False where it would keep others waiting: a partial that comes late is of no use.
    fn partial(&self, task: Task) -> bool;
}

#[derive(Default)]
struct Queue {
    whole: VecDeque<Task>,
    partial: VecDeque<Task>,
    /// Threads that decode now.
    busy: usize,
    stopped: bool,
}

pub(super) struct Pool {
    queue: Mutex<Queue>,
    wake: Condvar,
    size: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    pub(super) fn start(weights: &Path, threads: usize) -> Result<Arc<Self>, SpeechError> {
        let weights = decoder::load(weights)?;
        let pool = Arc::new(Self { queue: Mutex::default(), wake: Condvar::new(), size: threads.max(1), threads: Mutex::default() });
        for index in 0..threads.max(1) {
            // The state is made here, so that a machine without the memory for it says so at the start.
            let decoder = Decoder::new(&weights)?;
            let (worker, weights) = (Arc::clone(&pool), Arc::clone(&weights));
            let thread = std::thread::Builder::new().name(format!("decode-{index}")).spawn(move || worker.work(decoder, &weights));
            let thread = thread.map_err(|error| SpeechError::Thread { why: error.to_string() })?;
            pool.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(pool)
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            drop(thread.join());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            let next = queue.whole.pop_front();
            if let Some(task) = next.or_else(|| queue.partial.pop_front()) {
                queue.busy += 1;
                return Some(task);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, mut decoder: Decoder, weights: &Arc<WhisperContext>) {
        while let Some(task) = self.take() {
            if !task.wanted.load(Ordering::Relaxed) {
                self.finish(task.done, Ok(None));
                continue;
            }
            let decode = std::panic::AssertUnwindSafe(|| words(&mut decoder, &task));
            let words = std::panic::catch_unwind(decode).unwrap_or_else(|_| {
                // What the state holds after a panic is anybody's guess.
                decoder = Decoder::new(weights)?;
                Err(SpeechError::Recognition { why: "the engine panicked on this utterance".to_owned() })
            });
            self.finish(task.done, words);
        }
    }

    fn finish(&self, done: Box<dyn FnOnce(Words) + Send>, words: Words) {
        self.lock().busy -= 1;
        done(words);
    }
}

impl Decoding for Pool {
    fn whole(&self, task: Task) {
        let mut queue = self.lock();
        queue.whole.retain(|waiting| waiting.wanted.load(Ordering::Relaxed));
        queue.whole.push_back(task);
        drop(queue);
        self.wake.notify_one();
    }

    fn partial(&self, task: Task) -> bool {
        let mut queue = self.lock();
        // One thread stays free for whole utterances, where there is more than one: their words are waited for.
        let spare = self.size.saturating_sub(1).max(1);
        if !queue.whole.is_empty() || !queue.partial.is_empty() || queue.busy >= spare {
            return false;
        }
        queue.partial.push_back(task);
        drop(queue);
        self.wake.notify_one();
        true
    }
}

fn words(decoder: &mut Decoder, task: &Task) -> Words {
    let decoded = decoder.decode(&task.audio, &task.hints)?;
    let sound = Sound { seconds: seconds(task.audio.len()), level_db: level_db(&task.audio) };
    Ok(believed(&decoded, sound).map(|text| (text, confidence_permille(decoded.log_probability))))
}
