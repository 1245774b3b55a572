//! Recordings on sound, full, refusing and stalled disks.

use super::disk::{QUEUE_MAX, Sheet};
use super::*;
use crate::call::Event;
use crate::model::WallTime;
use crate::replay::{LogError, Recording, SCHEMA, decode, decode_with};
use std::io;
use std::sync::{Condvar, Mutex};
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
        sealed: None,
    }
}

fn ticks(recording: &mut CallRecording, count: u64) {
    for tick in 0..count {
        recording.entry(CallTime::from_millis(tick), Entry::Event(Event::Tick));
        recording.hand_over();
    }
}

fn read(folder: &Path, id: u128) -> Recording {
    decode(&text(folder, id)).unwrap()
}

fn text(folder: &Path, id: u128) -> String {
    std::fs::read_to_string(folder.join(format!("{}.jsonl", Uuid::from_u128(id)))).unwrap()
}

fn is_marked(recording: &Recording) -> bool {
    matches!(recording.lines.last().unwrap().entry, Entry::Truncated { .. }) && !recording.is_whole()
}

fn recorder(folder: &Path, max_bytes: u64) -> Recorder {
    Recorder::start(folder, Protection::Plain, max_bytes).unwrap()
}

#[test]
fn what_was_handed_over_is_on_disk_when_the_recorder_stops() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1 << 20);
    let mut recording = recorder.open(header(1));
    ticks(&mut recording, 50);
    recording.finish(CallTime::from_millis(50));
    drop(recorder);
    let read = read(folder.path(), 1);
    assert_eq!(read.lines.len(), 51);
    assert!(read.is_whole());
}

#[tokio::test]
async fn an_event_is_in_its_file_when_it_may_be_handled() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1 << 20);
    let mut recording = recorder.open(header(1));
    for tick in 0..20 {
        recording.entry(CallTime::from_millis(tick), Entry::Event(Event::Tick));
        recording.durable().await;
        // Nothing was closed or finished: a worker killed here leaves exactly this.
        assert!(recorder.late() > 0 || read(folder.path(), 1).lines.len() as u64 == tick + 1);
    }
}

#[test]
fn an_encrypted_recording_opens_with_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::parse(&"7a".repeat(32)).unwrap();
    let recorder = Recorder::start(folder.path(), Protection::Encrypted(key.clone()), 1 << 20).unwrap();
    for id in [1, 2] {
        let mut recording = recorder.open(header(id));
        let said = Event::Transcript { leg: crate::model::LegId::CALLER, text: "zanzibar".into(), confidence_permille: 1 };
        recording.entry(CallTime::ZERO, Entry::Event(said));
        recording.finish(CallTime::from_millis(1));
    }
    drop(recorder);
    let written = text(folder.path(), 1);
    assert!(!written.contains("zanzibar") && !written.contains("transcript"), "{written}");
    assert!(matches!(decode(&written), Err(LogError::Seal(_))));
    assert!(decode_with(&written, Some(&key)).unwrap().is_whole());
    let salt = |id| decode_with(&text(folder.path(), id), Some(&key)).unwrap().header.sealed.unwrap().salt;
    assert_ne!(salt(1), salt(2));
}

#[test]
fn a_recording_at_its_limit_says_that_it_is_cut_and_the_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 500);
    let mut recording = recorder.open(header(2));
    ticks(&mut recording, 100);
    recording.finish(CallTime::from_millis(100));
    assert_eq!(recorder.faults(), 1);
    drop(recorder);
    assert!(is_marked(&read(folder.path(), 2)));
}

#[test]
fn a_disk_that_takes_nothing_costs_that_recording_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1 << 20);
    // What stands in its place already cannot be created anew: the write fails as on a full disk.
    std::fs::create_dir(recorder.path_of(ConversationId(Uuid::from_u128(3)))).unwrap();
    let (mut broken, mut sound) = (recorder.open(header(3)), recorder.open(header(4)));
    ticks(&mut broken, 10);
    ticks(&mut sound, 10);
    broken.finish(CallTime::ZERO);
    sound.finish(CallTime::from_millis(10));
    let disk = Arc::clone(&recorder.disk);
    drop(recorder);
    assert_eq!(disk.faults.load(Ordering::Relaxed), 1);
    assert!(read(folder.path(), 4).is_whole());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_before_any_call() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    assert!(Recorder::start(&file.join("recordings"), Protection::Plain, 1 << 20).is_err());
}

/// A real folder whose files take so many bytes and then no more until `room` is given.
struct Full {
    left: Arc<Mutex<usize>>,
}

struct FullSheet(Box<dyn Sheet>, Arc<Mutex<usize>>);

impl Place for Full {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        Ok(Box::new(FullSheet(Folder.create(path)?, Arc::clone(&self.left))))
    }
}

impl Sheet for FullSheet {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = self.1.lock().unwrap();
        *left = left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        self.0.append(bytes)
    }

    fn last_word(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.last_word(line)
    }
}

#[test]
fn a_full_disk_costs_the_rest_of_the_recording_which_says_so_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let left = Arc::new(Mutex::new(600));
    let recorder = Recorder::on(Full { left: Arc::clone(&left) }, folder.path(), Protection::Plain, 1 << 20).unwrap();
    let mut recording = recorder.open(header(5));
    ticks(&mut recording, 50);
    recording.finish(CallTime::from_millis(60));
    let disk = Arc::clone(&recorder.disk);
    drop(recorder);
    assert_eq!(disk.faults.load(Ordering::Relaxed), 1, "one recording lost lines, once");
    let read = read(folder.path(), 5);
    assert!(is_marked(&read) && read.lines.len() > 2 && !read.torn, "{read:?}");
}

/// A disk that holds still until it is released.
#[derive(Clone, Default)]
struct Stalled(Arc<(Mutex<bool>, Condvar)>);

impl Stalled {
    fn wait(&self) {
        let mut released = self.0.0.lock().unwrap();
        while !*released {
            released = self.0.1.wait(released).unwrap();
        }
    }

    fn release(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

struct StalledSheet(Box<dyn Sheet>, Stalled);

impl Place for Stalled {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        Ok(Box::new(StalledSheet(Folder.create(path)?, self.clone())))
    }
}

impl Sheet for StalledSheet {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.wait();
        self.0.append(bytes)
    }

    fn last_word(&mut self, line: &[u8]) -> io::Result<()> {
        self.1.wait();
        self.0.last_word(line)
    }
}

#[tokio::test]
async fn a_stalled_disk_costs_each_call_one_short_wait_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stalled = Stalled::default();
    let recorder = Recorder::on(stalled.clone(), folder.path(), Protection::Plain, 1 << 20).unwrap();
    let mut calls = [recorder.open(header(1)), recorder.open(header(2))];
    for call in &mut calls {
        for tick in 0..50 {
            call.entry(CallTime::from_millis(tick), Entry::Event(Event::Tick));
            call.durable().await;
        }
    }
    assert_eq!(recorder.late(), 2, "one wait a call, not one an event");
    stalled.release();
    let [one, other] = calls;
    one.finish(CallTime::from_millis(60));
    other.finish(CallTime::from_millis(60));
    drop(recorder);
    for id in [1, 2] {
        let read = read(folder.path(), id);
        assert!(read.is_whole() && read.lines.len() == 51);
    }
}

#[test]
fn a_full_queue_truncates_the_recording_and_its_end_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let stalled = Stalled::default();
    let recorder = Recorder::on(stalled.clone(), folder.path(), Protection::Plain, 1 << 20).unwrap();
    let (mut long, mut short) = (recorder.open(header(1)), recorder.open(header(2)));
    ticks(&mut long, QUEUE_MAX as u64 + 10);
    ticks(&mut short, 1);
    // The disk still stands: this returns all the same.
    long.finish(CallTime::from_millis(9_000));
    short.finish(CallTime::from_millis(9_000));
    assert_eq!(recorder.faults(), 2);
    stalled.release();
    drop(recorder);
    let (long, short) = (read(folder.path(), 1), read(folder.path(), 2));
    assert!(is_marked(&long) && long.lines.len() > QUEUE_MAX - 10, "{}", long.lines.len());
    assert!(is_marked(&short) && short.lines.len() == 1, "{short:?}");
}
