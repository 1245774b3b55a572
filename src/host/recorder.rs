//! Recordings on disk: one thread writes for all calls, in order, before anything is acted on twice.
//!
//! The driver never waits for the disk: it hands lines over a bounded queue. When the queue or the disk is full, the recording is marked
//! truncated, the call goes on and the fault is counted.

use crate::call::{Command, Event};
use crate::model::{CallTime, ConversationId};
use crate::replay::{Entry, Header, Line, Masker, encode, encode_header};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Lines that wait for the disk, over all calls. Full: that call's recording is marked truncated.
const QUEUE_MAX: usize = 1_024;

/// The writing thread; lives as long as the worker.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    max_bytes: u64,
    masked: bool,
    queue: SyncSender<Job>,
    faults: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug)]
enum Job {
    Open(ConversationId, PathBuf, String),
    Write(ConversationId, String),
    Finish(ConversationId),
    Stop,
}

impl Recorder {
    /// `max_bytes` bounds one recording. Fails if the folder cannot be made or written to.
    pub fn start(folder: &Path, masked: bool, max_bytes: u64) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let faults = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&faults);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || write_all(&jobs, &counted))?;
        Ok(Self { folder: folder.to_path_buf(), max_bytes, masked, queue, faults, thread: Some(thread) })
    }

    /// Recordings that lost lines to a full queue or a failing disk.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub fn path_of(&self, conversation: ConversationId) -> PathBuf {
        self.folder.join(format!("{conversation}.jsonl"))
    }

    /// Begins one call's recording. `header.masked` is set by this recorder's own setting.
    pub fn open(&self, mut header: Header) -> CallRecording {
        header.masked = self.masked;
        let conversation = header.conversation;
        let first = encode_header(&header).unwrap_or_default();
        let mut recording = CallRecording {
            conversation,
            seq: 0,
            masker: self.masked.then(Masker::new),
            queue: self.queue.clone(),
            truncated: false,
            faults: Arc::clone(&self.faults),
            left: self.max_bytes,
        };
        recording.send(Job::Open(conversation, self.path_of(conversation), first));
        recording
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Drain outputs, then stop: what was handed over is written.
        let _ = self.queue.send(Job::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One call's side of the recorder; owned by its driver.
#[derive(Debug)]
pub struct CallRecording {
    conversation: ConversationId,
    seq: u64,
    masker: Option<Masker>,
    queue: SyncSender<Job>,
    truncated: bool,
    faults: Arc<AtomicU64>,
    left: u64,
}

impl CallRecording {
    pub fn event(&mut self, at: CallTime, event: &Event) {
        self.entry(at, Entry::Event(event.clone()));
    }

    pub fn command(&mut self, at: CallTime, command: &Command) {
        self.entry(at, Entry::Command(command.clone()));
    }

    pub fn entry(&mut self, at: CallTime, entry: Entry) {
        if self.truncated {
            return;
        }
        let entry = match &mut self.masker {
            Some(masker) => masker.mask(entry),
            None => entry,
        };
        let line = Line { seq: self.seq, at, entry };
        let Ok(text) = encode(&line) else { return };
        let bytes = text.len() as u64;
        if bytes > self.left {
            self.truncate(at, "the recording reached its size limit");
            return;
        }
        self.left -= bytes;
        self.seq += 1;
        self.send(Job::Write(self.conversation, text));
    }

    /// The last line; the file is closed after it.
    pub fn finish(mut self, at: CallTime) {
        self.entry(at, Entry::Closed);
        // Finishing must not be lost, or the file stays open: it waits for its place in the queue.
        let _ = self.queue.send(Job::Finish(self.conversation));
    }

    fn truncate(&mut self, at: CallTime, why: &str) {
        let line = Line { seq: self.seq, at, entry: Entry::Truncated { why: why.to_owned() } };
        self.truncated = true;
        self.faults.fetch_add(1, Ordering::Relaxed);
        if let Ok(text) = encode(&line) {
            let _ = self.queue.try_send(Job::Write(self.conversation, text));
        }
    }

    fn send(&mut self, job: Job) {
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if !self.truncated {
                    self.truncated = true;
                    self.faults.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

fn write_all(jobs: &Receiver<Job>, faults: &AtomicU64) {
    let mut files: HashMap<ConversationId, File> = HashMap::new();
    while let Ok(job) = jobs.recv() {
        let written = match job {
            Job::Open(conversation, path, first) => create(&path).and_then(|mut file| {
                file.write_all(first.as_bytes())?;
                files.insert(conversation, file);
                Ok(())
            }),
            Job::Write(conversation, text) => match files.get_mut(&conversation) {
                // Each line reaches the kernel at once: a killed worker leaves everything up to its last event.
                Some(file) => file.write_all(text.as_bytes()).inspect_err(|_| drop(files.remove(&conversation))),
                None => Ok(()),
            },
            Job::Finish(conversation) => {
                files.remove(&conversation);
                Ok(())
            }
            Job::Stop => return,
        };
        if let Err(error) = written {
            faults.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "a recording cannot be written; the call goes on without it. Check space and rights of recording.directory");
        }
    }
}

/// Recordings hold what people said: readable by the worker's user only.
fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WallTime;
    use crate::replay::{SCHEMA, decode};
    use uuid::Uuid;

    fn header(id: u128) -> Header {
        Header {
            schema: SCHEMA,
            build: "test".to_owned(),
            conversation: ConversationId(Uuid::from_u128(id)),
            wall: WallTime(0),
            seed: 0,
            settings_digest: String::new(),
            assistant_digest: String::new(),
            assistant: "none".to_owned(),
            masked: false,
        }
    }

    fn ticks(recording: &mut CallRecording, count: u64) {
        for tick in 0..count {
            recording.event(CallTime::from_millis(tick), &Event::Tick);
        }
    }

    #[test]
    fn what_was_handed_over_is_on_disk_when_the_recorder_stops() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(folder.path(), false, 1 << 20).unwrap();
        let mut recording = recorder.open(header(1));
        ticks(&mut recording, 50);
        recording.finish(CallTime::from_millis(50));
        let path = recorder.path_of(ConversationId(Uuid::from_u128(1)));
        drop(recorder);
        let read = decode(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(read.lines.len(), 51);
        assert!(read.is_whole());
    }

    #[test]
    fn a_recording_at_its_limit_says_that_it_is_cut_and_the_call_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(folder.path(), false, 500).unwrap();
        let mut recording = recorder.open(header(2));
        ticks(&mut recording, 100);
        recording.finish(CallTime::from_millis(100));
        let path = recorder.path_of(ConversationId(Uuid::from_u128(2)));
        assert_eq!(recorder.faults(), 1);
        drop(recorder);
        let read = decode(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(matches!(read.lines.last().unwrap().entry, Entry::Truncated { .. }) && !read.is_whole());
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_that_recording_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(folder.path(), false, 1 << 20).unwrap();
        // What stands in its place already cannot be created anew: the write fails as on a full disk.
        std::fs::create_dir(recorder.path_of(ConversationId(Uuid::from_u128(3)))).unwrap();
        let (mut broken, mut sound) = (recorder.open(header(3)), recorder.open(header(4)));
        ticks(&mut broken, 10);
        ticks(&mut sound, 10);
        broken.finish(CallTime::ZERO);
        sound.finish(CallTime::from_millis(10));
        let (path, faults) = (recorder.path_of(ConversationId(Uuid::from_u128(4))), Arc::clone(&recorder.faults));
        drop(recorder);
        assert_eq!(faults.load(Ordering::Relaxed), 1);
        assert!(decode(&std::fs::read_to_string(path).unwrap()).unwrap().is_whole());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_before_any_call() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        std::fs::write(&file, "").unwrap();
        assert!(Recorder::start(&file.join("recordings"), false, 1 << 20).is_err());
    }
}
