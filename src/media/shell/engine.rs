//! The engine and the handle of one leg.

use super::error::{MediaError, OrderRefused};
use crate::media::{LegMediaConfig, LegStats, MediaFact, MediaOrder, PlayoutFull};
use crate::model::{Millis, UtteranceId, WorkerTime};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// The one clock, handed in by the host.
pub type Clock = Arc<dyn Fn() -> WorkerTime + Send + Sync>;
/// Takes a leg's facts. Called from the pacer (and the recording writer): it must not block.
pub type FactSink = Arc<dyn Fn(MediaFact) + Send + Sync>;
/// Takes received audio, 160 samples of 8 kHz every 20 ms, silence included. Called from the pacer: it must not block.
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

/// Every leg's media; stops its threads and closes its legs when dropped.
pub struct MediaEngine {
    config: EngineConfig,
    clock: Clock,
}

impl MediaEngine {
    /// Starts the pacer and the recording writer.
    pub fn start(config: EngineConfig, clock: Clock) -> Result<Self, MediaError> {
        Ok(Self { config, clock })
    }

    /// Binds a port pair and puts the leg on the pacer; it runs from the next tick.
    pub fn open(&self, _config: LegMediaConfig, _sink: FactSink) -> Result<LegMedia, MediaError> {
        let _ = (self.config.bind, (self.clock)());
        Err(MediaError::Stopped)
    }

    pub fn stats(&self) -> EngineStats {
        EngineStats::default()
    }
}

/// One leg. Dropping it closes the leg; its port goes to quarantine.
pub struct LegMedia {
    port: u16,
}

impl LegMedia {
    /// The even port RTP arrives at; RTCP is the next one.
    pub fn local_port(&self) -> u16 {
        self.port
    }

    pub fn order(&self, _order: MediaOrder) -> Result<(), OrderRefused> {
        Err(OrderRefused::Closed)
    }

    /// Queues audio of an utterance: 8 kHz mono, any length; `last` (with or without samples) ends it. Chunks of one utterance are played
    /// in order, utterances in the order of their first chunk. Chunks of a cut utterance are dropped and answered `Ok`.
    pub fn enqueue(&self, _utterance: UtteranceId, _samples: Arc<[i16]>, _last: bool) -> Result<(), PlayoutFull> {
        Err(PlayoutFull)
    }

    /// Received audio goes to `tap` from the next tick on; `None` ends that.
    pub fn set_tap(&self, _tap: Option<Tap>) -> Result<(), OrderRefused> {
        Err(OrderRefused::Closed)
    }

    /// Records both sides as a stereo WAV (left received, right sent). Creates the file before it returns.
    pub fn start_recording(&self, _path: &Path) -> Result<(), MediaError> {
        Err(MediaError::Stopped)
    }

    /// Answered by `RecordingEnded`.
    pub fn stop_recording(&self) -> Result<(), OrderRefused> {
        Err(OrderRefused::Closed)
    }

    /// As of at most a second ago.
    pub fn stats(&self) -> LegStats {
        LegStats::default()
    }

    /// The same as dropping it.
    pub fn close(self) {}
}
