//! The engine and the handle of one leg.

use super::error::{MediaError, OrderRefused};
use super::histogram::Histogram;
use super::pacer::{Chunk, Control, Leg, LegShared, Pacer, PacerShared};
use super::ports::PortPool;
use super::recorder::{self, Block, RecorderStats, Recording};
use crate::media::{LegMediaConfig, LegStats, MediaFact, MediaOrder, PlayoutFull, Session};
use crate::model::{Millis, UtteranceId, WorkerTime};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The one clock, handed in by the host.
pub type Clock = Arc<dyn Fn() -> WorkerTime + Send + Sync>;
/// Takes a leg's facts. Called from the pacer (and the recording writer): it must not block.
pub type FactSink = Arc<dyn Fn(MediaFact) + Send + Sync>;
/// Takes received audio, 160 samples of 8 kHz every 20 ms, silence included, without keys and without the echo of what was sent. Called from the pacer: it must not block.
pub type Tap = Box<dyn FnMut(&[i16]) + Send>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Address the sockets are bound to.
    pub bind: IpAddr,
    /// First and last port; each leg takes an even one for RTP and the next for RTCP.
    pub ports: (u16, u16),
    /// A released port rests this long, so that packets of the old call cannot reach a new one.
    pub quarantine: Millis,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { bind: IpAddr::from([0, 0, 0, 0]), ports: (10_000, 19_999), quarantine: Millis::from_secs(10) }
    }
}

/// Middle, 99th percentile and largest value since the start, in microseconds (rounded up to the histogram's step, at most a quarter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    pub legs: usize,
    pub ports_in_use: usize,
    pub ports_quarantined: usize,
    pub ticks: u64,
    /// Ticks skipped in time because the pacer was late by more than it may catch up.
    pub ticks_skipped: u64,
    /// How late ticks began.
    pub lateness: Quantiles,
    /// How long the work of one tick took, all legs together.
    pub work: Quantiles,
    pub recordings_open: usize,
    pub recordings_truncated: u64,
}

/// Orders of one leg that may wait for a tick.
const ORDERS: usize = 64;
/// Chunks of audio of one leg that may wait for a tick.
const CHUNKS: usize = 64;
const NEW_LEGS: usize = 1_024;

/// Every leg's media; stops its threads and closes its legs when dropped.
pub struct MediaEngine {
    clock: Clock,
    shared: Arc<PacerShared>,
    new_legs: SyncSender<Box<Leg>>,
    recorder: Arc<RecorderStats>,
    blocks: Option<SyncSender<Block>>,
    threads: Vec<JoinHandle<()>>,
}

impl MediaEngine {
    /// Starts the pacer and the recording writer.
    pub fn start(config: EngineConfig, clock: Clock) -> Result<Self, MediaError> {
        let shared = Arc::new(PacerShared {
            stop: AtomicBool::new(false),
            legs: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            lateness: Histogram::new(),
            work: Histogram::new(),
            ports: Mutex::new(PortPool::new(config.bind, config.ports, config.quarantine)?),
        });
        let (new_legs, arriving) = sync_channel(NEW_LEGS);
        let (blocks, written) = sync_channel(recorder::BLOCKS);
        let recorder = Arc::new(RecorderStats::default());
        let mut engine = Self { clock: Arc::clone(&clock), shared, new_legs, recorder, blocks: Some(blocks), threads: Vec::new() };
        let pacer = Pacer { clock, shared: Arc::clone(&engine.shared), new_legs: arriving };
        engine.spawn("media-pacer", move || pacer.run())?;
        let stats = Arc::clone(&engine.recorder);
        engine.spawn("media-files", move || recorder::write(&written, &stats))?;
        Ok(engine)
    }

    /// Binds a port pair and puts the leg on the pacer; it runs from the next tick.
    pub fn open(&self, config: LegMediaConfig, sink: FactSink) -> Result<LegMedia, MediaError> {
        let at = (self.clock)();
        let ports = self.ports().acquire(at)?;
        let port = ports.port;
        let (orders, controls) = sync_channel(ORDERS);
        let (audio, chunks) = sync_channel(CHUNKS);
        let shared = Arc::new(LegShared::default());
        let leg = Box::new(Leg {
            ports,
            session: Session::new(at, &config),
            controls,
            chunks,
            shared: Arc::clone(&shared),
            sink: Arc::clone(&sink),
            tap: None,
            recording: None,
            waiting: None,
        });
        if let Err(refused) = self.new_legs.try_send(leg) {
            let error = match &refused {
                TrySendError::Full(_) => MediaError::Busy,
                TrySendError::Disconnected(_) => MediaError::Stopped,
            };
            drop(refused);
            self.ports().release(at, port);
            return Err(error);
        }
        let max_queued = usize::try_from(config.max_queued.0.saturating_mul(8)).unwrap_or(usize::MAX);
        let blocks = self.blocks.as_ref().ok_or(MediaError::Stopped)?.clone();
        Ok(LegMedia { port, orders, audio, shared, sink, max_queued, blocks: Mutex::new(blocks), recorder: Arc::clone(&self.recorder) })
    }

    pub fn stats(&self) -> EngineStats {
        let at = (self.clock)();
        let (ports_in_use, ports_quarantined) = {
            let mut ports = self.ports();
            (ports.in_use(), ports.quarantined(at))
        };
        EngineStats {
            legs: self.shared.legs.load(Ordering::Relaxed),
            ports_in_use,
            ports_quarantined,
            ticks: self.shared.ticks.load(Ordering::Relaxed),
            ticks_skipped: self.shared.skipped.load(Ordering::Relaxed),
            lateness: self.shared.lateness.quantiles(),
            work: self.shared.work.quantiles(),
            recordings_open: self.recorder.open.load(Ordering::Relaxed),
            recordings_truncated: self.recorder.truncated.load(Ordering::Relaxed),
        }
    }

    fn ports(&self) -> MutexGuard<'_, PortPool> {
        self.shared.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&mut self, name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), MediaError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|source| MediaError::Thread { name, source })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for MediaEngine {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.blocks = None;
        // The pacer first: it closes the recordings the writer then finishes. A handle that still lives holds the writer's queue open, so
        // the writer is not waited for without bound: it ends with the last handle.
        if !self.threads.is_empty() {
            let pacer = self.threads.remove(0);
            let _ = pacer.join();
        }
    }
}

/// One leg. Dropping it closes the leg; its port goes to quarantine.
pub struct LegMedia {
    port: u16,
    orders: SyncSender<Control>,
    audio: SyncSender<Chunk>,
    shared: Arc<LegShared>,
    sink: FactSink,
    max_queued: usize,
    blocks: Mutex<SyncSender<Block>>,
    recorder: Arc<RecorderStats>,
}

impl LegMedia {
    /// The even port RTP arrives at; RTCP is the next one.
    pub fn local_port(&self) -> u16 {
        self.port
    }

    pub fn order(&self, order: MediaOrder) -> Result<(), OrderRefused> {
        self.control(Control::Order(order))
    }

    /// Queues audio of an utterance: 8 kHz mono, any length; `last` (with or without samples) ends it. Chunks of one utterance are played
    /// in order, utterances in the order of their first chunk. Chunks of a cut utterance are dropped and answered `Ok`. A chunk longer than
    /// `max_queued` is taken only into an empty queue.
    pub fn enqueue(&self, utterance: UtteranceId, samples: Arc<[i16]>, last: bool) -> Result<(), PlayoutFull> {
        let count = samples.len();
        let before = self.shared.queued.fetch_add(count, Ordering::AcqRel);
        let full = before > 0 && before + count > self.max_queued;
        if full || self.audio.try_send(Chunk { utterance, samples, last }).is_err() {
            self.shared.queued.fetch_sub(count, Ordering::AcqRel);
            return Err(PlayoutFull);
        }
        Ok(())
    }

    /// Audio that waits to be played, for producers that pace themselves.
    pub fn queued(&self) -> Millis {
        Millis(self.shared.queued.load(Ordering::Acquire) as u64 / 8)
    }

    /// Received audio goes to `tap` from the next tick on; `None` ends that.
    pub fn set_tap(&self, tap: Option<Tap>) -> Result<(), OrderRefused> {
        self.control(Control::Tap(tap))
    }

    /// Records both sides as a stereo WAV (left received, right sent). Creates the file before it returns; a recording that runs is ended.
    pub fn start_recording(&self, path: &Path) -> Result<(), MediaError> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let recording = Recording::create(path, Arc::clone(&self.sink), blocks, &self.recorder)?;
        self.control(Control::Record(Box::new(recording))).map_err(|refused| match refused {
            OrderRefused::Full => MediaError::Busy,
            OrderRefused::Closed => MediaError::Stopped,
        })
    }

    /// Answered by `RecordingEnded`.
    pub fn stop_recording(&self) -> Result<(), OrderRefused> {
        self.control(Control::StopRecording)
    }

    /// As of at most half a second ago.
    pub fn stats(&self) -> LegStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same as dropping it.
    pub fn close(self) {}

    fn control(&self, control: Control) -> Result<(), OrderRefused> {
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(OrderRefused::Closed);
        }
        self.orders.try_send(control).map_err(|refused| match refused {
            TrySendError::Full(_) => OrderRefused::Full,
            TrySendError::Disconnected(_) => OrderRefused::Closed,
        })
    }
}

impl Drop for LegMedia {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
    }
}
