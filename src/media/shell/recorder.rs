//! Recording files: stereo WAV, left what was received, right what was sent. One thread writes them all; the pacer only hands over blocks.
//!
//! What cannot be written (full disk, a writer that is too slow) is missing from the file and nowhere else: the recording is marked
//! truncated and counted.

use super::engine::FactSink;
use super::error::MediaError;
use crate::media::{FRAME, Frame, MediaFact, SAMPLE_RATE};
use crate::model::Millis;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

/// Blocks waiting for the writer, all recordings together.
pub(super) const BLOCKS: usize = 1_024;
/// Frames of a block: half a second, 16 KiB.
const BLOCK_FRAMES: usize = 25;
/// The header is brought up to date every this many blocks, so that a crash leaves a file that can be played.
const FLUSH_BLOCKS: u64 = 20;

type Writer = hound::WavWriter<BufWriter<File>>;

pub(super) enum Block {
    Open { id: u64, writer: Box<Writer>, sink: FactSink, truncated: Arc<AtomicBool> },
    Samples { id: u64, samples: Vec<i16> },
    Close { id: u64 },
}

#[derive(Default)]
pub(super) struct RecorderStats {
    pub(super) open: AtomicUsize,
    pub(super) truncated: AtomicU64,
    next: AtomicU64,
}

/// One leg's side of its recording, owned by the pacer.
pub(super) struct Recording {
    id: u64,
    blocks: SyncSender<Block>,
    pending: Vec<i16>,
    truncated: Arc<AtomicBool>,
}

impl Recording {
    /// Creates the file; called outside the pacer.
    pub(super) fn create(path: &Path, sink: FactSink, blocks: SyncSender<Block>, stats: &RecorderStats) -> Result<Self, MediaError> {
        let spec = hound::WavSpec { channels: 2, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let failed = |source| MediaError::Recording { path: path.to_owned(), source };
        let writer = Box::new(hound::WavWriter::create(path, spec).map_err(failed)?);
        let id = stats.next.fetch_add(1, Ordering::Relaxed);
        let truncated = Arc::new(AtomicBool::new(false));
        let open = Block::Open { id, writer, sink, truncated: Arc::clone(&truncated) };
        blocks.try_send(open).map_err(|_| MediaError::Busy)?;
        Ok(Self { id, blocks, pending: Vec::new(), truncated })
    }

    pub(super) fn on_frame(&mut self, received: &Frame, sent: &Frame) {
        if self.pending.capacity() == 0 {
            self.pending.reserve_exact(BLOCK_FRAMES * FRAME * 2);
        }
        for (left, right) in received.iter().zip(sent) {
            self.pending.extend([*left, *right]);
        }
        if self.pending.len() >= BLOCK_FRAMES * FRAME * 2 {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let samples = std::mem::take(&mut self.pending);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.blocks.try_send(Block::Samples { id: self.id, samples }) {
            self.truncated.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.hand_over();
        // Where this does not fit the writer closes the file when the engine stops or with `reap`.
        if self.blocks.try_send(Block::Close { id: self.id }).is_err() {
            self.truncated.store(true, Ordering::Relaxed);
        }
    }
}

/// The writer thread: ends when every sender is gone.
pub(super) fn write(blocks: &Receiver<Block>, stats: &RecorderStats) {
    let mut files: BTreeMap<u64, Open> = BTreeMap::new();
    for block in blocks {
        match block {
            Block::Open { id, writer, sink, truncated } => {
                stats.open.fetch_add(1, Ordering::Relaxed);
                files.insert(id, Open { writer: Some(writer), sink, truncated, samples: 0, blocks: 0 });
            }
            Block::Samples { id, samples } => {
                if let Some(open) = files.get_mut(&id) {
                    open.write(&samples);
                }
            }
            Block::Close { id } => {
                if let Some(open) = files.remove(&id) {
                    open.close(stats);
                }
            }
        }
        // A recording whose close did not fit into the queue has no owner but this thread.
        if files.values().any(Open::is_orphan) {
            let orphans: Vec<u64> = files.iter().filter(|(_, open)| open.is_orphan()).map(|(id, _)| *id).collect();
            orphans.into_iter().filter_map(|id| files.remove(&id)).for_each(|open| open.close(stats));
        }
    }
    files.into_values().for_each(|open| open.close(stats));
}

struct Open {
    /// `None` after a write failed.
    writer: Option<Box<Writer>>,
    sink: FactSink,
    truncated: Arc<AtomicBool>,
    samples: u64,
    blocks: u64,
}

impl Open {
    /// The leg's side is gone and its last word was lost.
    fn is_orphan(&self) -> bool {
        Arc::strong_count(&self.truncated) == 1 && self.truncated.load(Ordering::Relaxed)
    }

    fn write(&mut self, samples: &[i16]) {
        let Some(writer) = &mut self.writer else { return };
        self.blocks += 1;
        let mut result = samples.iter().try_for_each(|sample| writer.write_sample(*sample));
        if self.blocks.is_multiple_of(FLUSH_BLOCKS) {
            result = result.and_then(|()| writer.flush());
        }
        if result.is_err() {
            self.truncated.store(true, Ordering::Relaxed);
            self.writer = None;
            return;
        }
        self.samples += samples.len() as u64;
    }

    fn close(self, stats: &RecorderStats) {
        let finished = self.writer.is_some_and(|writer| writer.finalize().is_ok());
        let truncated = !finished || self.truncated.load(Ordering::Relaxed);
        stats.open.fetch_sub(1, Ordering::Relaxed);
        stats.truncated.fetch_add(u64::from(truncated), Ordering::Relaxed);
        let length = Millis(self.samples / 2 / u64::from(SAMPLE_RATE / 1_000));
        (self.sink)(MediaFact::RecordingEnded { length, truncated });
    }
}
