//! The local voice: hibari's network on rten, pronunciation by misaki, samples by our own vocoder.
//!
//! Owns its threads, one core each, and one queue of requests. A request is spoken sentence by sentence; after each sentence it goes to the
//! back of the queue, so a long text never keeps another call waiting for its first word. A dropped stream is noticed before the next sentence.
//!
//! Does not cache, play or resample; does not know calls.

mod engine;
mod phonemes;
mod read;
mod text;
mod vocoder;

use rten::RunOptions;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

use super::models::ModelPaths;
use super::{Pcm, SpeakRequest, SpeechError, SpeechStream, Synthesizer};
use engine::Engine;
pub(super) use text::split_sentences;

/// Requests that may wait; more are refused as `Busy`.
const QUEUE: usize = 256;
const VOICE: &str = "heart";

/// Speaks American English with one voice, "heart".
pub struct LocalSynthesizer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    engine: Engine,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

struct Job {
    sentences: VecDeque<String>,
    speed_percent: u16,
    out: mpsc::Sender<Result<Pcm, SpeechError>>,
}

impl LocalSynthesizer {
    /// Loads the weights (about a second) and starts `threads` threads.
    pub(super) fn start(paths: &ModelPaths, threads: usize) -> Result<Self, SpeechError> {
        let shared = Arc::new(Shared { engine: Engine::load(paths)?, queue: Mutex::default(), wake: Condvar::new() });
        let mut voice = Self { shared, threads: Vec::new() };
        for index in 0..threads.max(1) {
            let shared = Arc::clone(&voice.shared);
            let thread = std::thread::Builder::new().name(format!("voice-{index}")).spawn(move || shared.work());
            voice.threads.push(thread.map_err(|error| SpeechError::Thread { why: error.to_string() })?);
        }
        Ok(voice)
    }
}

impl Synthesizer for LocalSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        if let Some(voice) = request.voice.filter(|voice| voice != VOICE) {
            return Err(SpeechError::UnknownVoice { voice, known: VOICE.to_owned() });
        }
        let sentences: VecDeque<String> = text::sentences(request.text.expose()).into();
        // As long as the text has sentences: a voice thread never waits for a listener, and the bound on the text bounds the samples.
        let (out, stream) = SpeechStream::channel(sentences.len());
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped {
            return Err(SpeechError::Stopped);
        }
        if queue.jobs.len() >= QUEUE {
            return Err(SpeechError::Busy { waiting: queue.jobs.len() });
        }
        queue.jobs.push_back(Job { sentences, speed_percent: request.speed_percent, out });
        drop(queue);
        self.shared.wake.notify_one();
        Ok(stream)
    }
}

impl Drop for LocalSynthesizer {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.stopped = true;
        for job in queue.jobs.drain(..) {
            // A listener that waits hears why nothing comes; one that is gone does not mind.
            drop(job.out.try_send(Err(SpeechError::Stopped)));
        }
        drop(queue);
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn work(&self) {
        let options = Engine::options();
        while let Some(job) = self.take() {
            if let Some(rest) = self.sentence(job, &options) {
                self.put_back(rest);
            }
        }
    }

    fn put_back(&self, job: Job) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped {
            drop(job.out.try_send(Err(SpeechError::Stopped)));
            return;
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.wake.notify_one();
    }

    /// The next request; `None` once stopped.
    fn take(&self) -> Option<Job> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Speaks one sentence; gives the request back while it has more and somebody listens.
    fn sentence(&self, mut job: Job, options: &RunOptions) -> Option<Job> {
        if job.out.is_closed() {
            return None;
        }
        let sentence = job.sentences.pop_front()?;
        // A panic in a dependency ends one sentence, not the thread: the next caller still has a voice.
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.engine.say(&sentence, job.speed_percent, options)));
        let said = said.unwrap_or_else(|_| Err(SpeechError::Synthesis { why: "the engine panicked on this sentence".to_owned() }));
        match said {
            Ok(samples) => job.out.try_send(Ok(samples.into())).ok()?,
            Err(error) => {
                drop(job.out.try_send(Err(error)));
                return None;
            }
        }
        (!job.sentences.is_empty()).then_some(job)
    }
}
