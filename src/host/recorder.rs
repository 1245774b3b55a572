//! Recordings on disk. What reached the kernel outlives a killed worker, so an event is acted on once its line is there.
//!
//! Two promises pull at each other: an event is written before it is handled, and the disk never holds up a call. A `write` into the page cache
//! takes microseconds, but on a disk that stalls it takes as long as the stall, and it would take a thread of the runtime, with every call on it,
//! along. So no call writes: one thread does, and a driver gives it the event's line and waits, as a task, until the kernel has it
//! ([`CallRecording::durable`]). That wait ends after [`PATIENCE`]: the call then goes on, its lines stay in the queue, and it does not wait again
//! before they are written. A stall therefore costs each call one wait, and a worker that is killed *during* a stall loses what the stall held.
//!
//! Commands are not waited for: the core gives the same ones again for the same events. They leave in one piece with whatever else happened since
//! the last event. The price of the thread is a switch to it and back an event, some ten microseconds, against two or three for writing in place.
//!
//! When the queue (1,024 pieces) or the disk is full the recording is truncated and counted; the call goes on. What the disk took stays readable
//! to its last line, and at the call's end a line says that some are missing; on a full disk the last ones give way to it.

mod disk;

use crate::model::{CallTime, ConversationId};
use crate::replay::{Entry, Header, Line, Masker, Seal, SealKey, Sealer, encode, encode_header};
use disk::{Disk, Folder, Job, Kind, Place, Shared};
use ring::rand::{SecureRandom, SystemRandom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// Longest a call waits for the disk before it goes on.
const PATIENCE: Duration = Duration::from_millis(25);

/// What a recording shows to who reads the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    #[default]
    Plain,
    /// Keys and words are masked, see [`Masker`].
    Masked,
    /// Every line is sealed with this key, see [`Sealer`].
    Encrypted(SealKey),
}

/// The writing thread; lives as long as the worker.
pub struct Recorder {
    folder: PathBuf,
    max_bytes: u64,
    protection: Protection,
    disk: Arc<Disk>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Recorder {
    /// `max_bytes` bounds one recording. Fails if the folder cannot be made.
    pub fn start(folder: &Path, protection: Protection, max_bytes: u64) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Self::on(Folder, folder, protection, max_bytes)
    }

    fn on(place: impl Place + 'static, folder: &Path, protection: Protection, max_bytes: u64) -> std::io::Result<Self> {
        let disk = Arc::new(Disk::default());
        let of_thread = Arc::clone(&disk);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || of_thread.write_all(&place))?;
        Ok(Self { folder: folder.to_path_buf(), max_bytes, protection, disk, thread: Some(thread) })
    }

    /// Recordings that lost lines to a full queue, their size limit or a failing disk.
    pub fn faults(&self) -> u64 {
        self.disk.faults.load(Ordering::Relaxed)
    }

    /// Times a call went on before the disk had taken its event.
    pub fn late(&self) -> u64 {
        self.disk.late.load(Ordering::Relaxed)
    }

    pub fn path_of(&self, conversation: ConversationId) -> PathBuf {
        self.folder.join(format!("{conversation}.jsonl"))
    }

    /// Begins one call's recording. `header.masked` and `header.sealed` are set by this recorder's own protection.
    pub fn open(&self, mut header: Header) -> CallRecording {
        header.masked = self.protection == Protection::Masked;
        header.sealed = None;
        let mut can_be_kept = true;
        if let Protection::Encrypted(key) = &self.protection {
            let mut salt = [0; 32];
            can_be_kept = SystemRandom::new().fill(&mut salt).is_ok();
            header.sealed = Some(Seal::new(key, salt));
        }
        let path = self.path_of(header.conversation);
        let first = encode_header(&header).unwrap_or_default();
        let sealer = match (&self.protection, &header.sealed) {
            (Protection::Encrypted(key), Some(seal)) => Sealer::new(key, seal, first.trim_end_matches('\n')).ok(),
            _ => None,
        };
        let mut recording = CallRecording {
            seq: 0,
            masker: header.masked.then(Masker::new),
            sealer,
            disk: Arc::clone(&self.disk),
            shared: Arc::default(),
            pending: Vec::new(),
            handed_over: 0,
            behind: false,
            state: State::Whole,
            left: self.max_bytes,
        };
        if can_be_kept {
            recording.put(Kind::Open(path), first.into_bytes());
        } else {
            tracing::error!("the system gives no random bytes: a call is not recorded, because it could not be encrypted");
            recording.lose();
        }
        recording
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // What was handed over is written first.
        self.disk.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Lines are missing; nothing is added but the word that says so.
    Truncated {
        why: &'static str,
    },
    /// That word is on its way.
    Marked,
}

/// One call's side of the recorder; owned by its driver.
pub struct CallRecording {
    seq: u64,
    masker: Option<Masker>,
    sealer: Option<Sealer>,
    disk: Arc<Disk>,
    shared: Arc<Shared>,
    /// Lines that leave as one piece.
    pending: Vec<u8>,
    handed_over: u64,
    /// A wait was in vain; cleared when the disk has caught up.
    behind: bool,
    state: State,
    left: u64,
}

impl std::fmt::Debug for CallRecording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallRecording").field("seq", &self.seq).field("state", &self.state).finish_non_exhaustive()
    }
}

impl CallRecording {
    /// Adds a line; it leaves with the next [`CallRecording::hand_over`] or [`CallRecording::durable`].
    pub fn entry(&mut self, at: CallTime, entry: Entry) {
        if self.state == State::Whole && self.shared.has_failed() {
            // Counted where it happened.
            self.state = State::Truncated { why: "the disk did not take more" };
        }
        if self.state != State::Whole {
            self.pending.clear();
            return;
        }
        let entry = match &mut self.masker {
            Some(masker) => masker.mask(entry),
            None => entry,
        };
        let Some(text) = self.line(at, entry) else { return };
        if text.len() as u64 > self.left {
            self.truncate(at, "the recording reached its size limit");
            return;
        }
        self.left -= text.len() as u64;
        self.seq += 1;
        self.pending.extend_from_slice(text.as_bytes());
    }

    /// Gives what was added to the writing thread, as one piece. Never waits.
    pub fn hand_over(&mut self) {
        if !self.pending.is_empty() {
            let bytes = std::mem::take(&mut self.pending);
            self.put(Kind::Lines, bytes);
        }
    }

    /// Hands over and waits until the kernel has everything, at most [`PATIENCE`]; not at all while an earlier wait was in vain.
    pub async fn durable(&mut self) {
        self.hand_over();
        let (shared, handed_over) = (&self.shared, self.handed_over);
        let done = || shared.is_written(handed_over) || shared.has_failed();
        if self.state != State::Whole || (self.behind && !done()) {
            return;
        }
        let written = std::future::poll_fn(|context| {
            if done() {
                return Poll::Ready(());
            }
            shared.wake_me(context.waker());
            if done() { Poll::Ready(()) } else { Poll::Pending }
        });
        let in_time = tokio::time::timeout(PATIENCE, written).await.is_ok();
        if !in_time {
            self.disk.late.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("the disk is slow: a call goes on before its recording has what happened");
        }
        self.behind = !in_time;
    }

    /// The last line. Never waits; the file is closed when the disk has taken it.
    pub fn finish(mut self, at: CallTime) {
        self.entry(at, Entry::Closed);
        self.hand_over();
        match self.state {
            State::Whole => self.mark(at, "the disk did not take more", Kind::LastWordIfFailed),
            State::Truncated { why } => self.mark(at, why, Kind::LastWord),
            State::Marked => {}
        }
    }

    fn line(&self, at: CallTime, entry: Entry) -> Option<String> {
        let text = encode(&Line { seq: self.seq, at, entry }).ok()?;
        Some(match &self.sealer {
            Some(sealer) => sealer.seal(self.seq, &text),
            None => text,
        })
    }

    fn truncate(&mut self, at: CallTime, why: &'static str) {
        self.hand_over();
        self.disk.faults.fetch_add(1, Ordering::Relaxed);
        self.mark(at, why, Kind::LastWord);
    }

    /// The word that says that lines are missing. There is always room for it in the queue.
    fn mark(&mut self, at: CallTime, why: &str, kind: Kind) {
        if let Some(text) = self.line(at, Entry::Truncated { why: why.to_owned() }) {
            let job = Job { shared: Arc::clone(&self.shared), bytes: text.into_bytes(), kind };
            self.disk.put(job);
        }
        self.state = State::Marked;
    }

    fn put(&mut self, kind: Kind, bytes: Vec<u8>) {
        if self.state != State::Whole {
            return;
        }
        if self.disk.put(Job { shared: Arc::clone(&self.shared), bytes, kind }) {
            self.handed_over += 1;
        } else {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.state = State::Truncated { why: "the disk was too slow" };
        self.disk.faults.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
