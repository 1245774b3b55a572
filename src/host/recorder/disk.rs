//! The one thread that touches recordings on disk, and the bounded queue before it.

use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Pieces that wait for the disk, over all calls. Full: that call's recording is truncated.
pub(super) const QUEUE_MAX: usize = 1_024;
/// Bytes that wait for the disk, over all calls.
const BYTES_MAX: usize = 32 << 20;

/// How much of a recording's end gives way, at most, to the line that says that it is cut.
const TAIL_MAX: u64 = 64 << 10;

/// Where recordings go; a test puts a disk of its own here.
pub(super) trait Place: Send + Sync {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>>;
}

/// One file being written.
pub(super) trait Sheet: Send {
    /// Everything or, on an error, nothing: what stood before stays readable.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// One line more, for which the last ones give way where there is no room.
    fn last_word(&mut self, line: &[u8]) -> io::Result<()>;
}

/// The file system.
pub(super) struct Folder;

struct Page {
    file: File,
    length: u64,
}

impl Place for Folder {
    /// Recordings hold what people said: readable by the worker's user only.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        let file = OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(path)?;
        Ok(Box::new(Page { file, length: 0 }))
    }
}

impl Sheet for Page {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // A full disk may have taken half a line; without it the next one, should there be room again, starts on a line of its own.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn last_word(&mut self, line: &[u8]) -> io::Result<()> {
        self.append(line).or_else(|error| {
            let mut tail = vec![0; usize::try_from(self.length.min(TAIL_MAX)).unwrap_or(0)];
            let start = self.length - tail.len() as u64;
            self.file.read_exact_at(&mut tail, start)?;
            // The start of a line, with room for this one in what the file has already; never the header's.
            let room = tail.len().saturating_sub(line.len());
            let Some(end_before) = tail[..room].iter().rposition(|byte| *byte == b'\n') else { return Err(error) };
            let place = start + end_before as u64 + 1;
            self.file.write_all_at(line, place)?;
            self.length = place + line.len() as u64;
            self.file.set_len(self.length)
        })
    }
}

/// What a call's recording and the thread share of one file. The file is closed when both have let it go.
#[derive(Default)]
pub(super) struct Shared {
    /// Pieces the kernel has taken.
    written: AtomicU64,
    /// The disk refused a piece: nothing but the last word is tried after it.
    failed: AtomicBool,
    waiting: AtomicWaker,
    sheet: Mutex<Option<Box<dyn Sheet>>>,
}

impl Shared {
    pub(super) fn is_written(&self, pieces: u64) -> bool {
        self.written.load(Ordering::Acquire) >= pieces
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Woken when a piece is written or refused.
    pub(super) fn wake_me(&self, waker: &std::task::Waker) {
        self.waiting.register(waker);
    }
}

pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// The first piece: the file is made for it.
    Open(PathBuf),
    Lines,
    /// Says that lines are missing; tried even where lines failed.
    LastWord,
    /// The same, if the disk refused any: whoever ends a recording cannot know yet.
    LastWordIfFailed,
}

/// The queue and what was counted.
#[derive(Default)]
pub(super) struct Disk {
    waiting: Mutex<Waiting>,
    work: Condvar,
    /// Recordings that lost lines.
    pub(super) faults: AtomicU64,
    /// Times a call did not wait any longer for the disk.
    pub(super) late: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    stopped: bool,
}

impl Disk {
    /// Never waits for the disk. False: the queue is full. A last word is always taken; there is one a recording.
    pub(super) fn put(&self, job: Job) -> bool {
        let mut waiting = self.lock();
        let full = waiting.jobs.len() >= QUEUE_MAX || waiting.bytes + job.bytes.len() > BYTES_MAX;
        if full && !matches!(job.kind, Kind::LastWord | Kind::LastWordIfFailed) {
            return false;
        }
        waiting.bytes += job.bytes.len();
        waiting.jobs.push_back(job);
        drop(waiting);
        self.work.notify_one();
        true
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.work.notify_one();
    }

    /// Writes what comes until told to stop, and then what is left.
    pub(super) fn write_all(&self, place: &dyn Place) {
        loop {
            let mut waiting = self.lock();
            while waiting.jobs.is_empty() && !waiting.stopped {
                waiting = self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            // One at a time: what waits counts as waiting until it is being written.
            let Some(job) = waiting.jobs.pop_front() else { return };
            waiting.bytes -= job.bytes.len();
            drop(waiting);
            self.write(place, job);
        }
    }

    fn write(&self, place: &dyn Place, job: Job) {
        let Job { shared, bytes, kind } = job;
        let mut sheet = shared.sheet.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &kind {
            Kind::Open(path) => place.create(path).and_then(|made| sheet.insert(made).append(&bytes)),
            Kind::Lines if shared.has_failed() => Ok(()),
            Kind::LastWordIfFailed if !shared.has_failed() => Ok(()),
            Kind::Lines => sheet.as_mut().map_or(Ok(()), |sheet| sheet.append(&bytes)),
            Kind::LastWord | Kind::LastWordIfFailed => sheet.as_mut().map_or(Ok(()), |sheet| sheet.last_word(&bytes)),
        };
        drop(sheet);
        match written {
            Ok(()) => drop(shared.written.fetch_add(1, Ordering::Release)),
            Err(error) => {
                if !shared.failed.swap(true, Ordering::AcqRel) {
                    self.faults.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, "a recording cannot be written; the call goes on without it. Check space and rights of recording.directory");
                }
            }
        }
        shared.waiting.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
