//! What every call's driver works with: one of each shell, made once when the worker starts.

use super::admission::Admission;
use super::assistants::Assistants;
use super::clock::Clock;
use super::close::Closer;
use super::config::TransferConfig;
use super::dialling::Dialling;
use super::directory::Directory;
use super::guard::OutboundGuard;
use super::recorder::Recorder;
use super::router::Router;
use super::spawn::Tasks;
use crate::call::Deadlines;
use crate::media::shell::MediaEngine;
use crate::media::{HoldMusic, RoomId};
use crate::model::{ConversationId, Millis, OrganisationId, WorkerId};
use crate::replay::{Line, SealKey};
use crate::runtime::shell::RuntimeShell;
use crate::sip::sdp::AudioCodec;
use crate::sip::shell::SipHandle;
use crate::speech::{Recognizer, Synthesizer};
use crate::store::{Store, Writer};
use crate::telemetry::{Gauge, Gauges};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sees every line of every call's recording as it is made, unmasked: the demo and tests watch calls with it.
pub type Observer = Arc<dyn Fn(ConversationId, &Line) + Send + Sync>;

pub(super) struct Shells {
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) admission: Admission,
    pub(super) directory: Directory,
    pub(super) router: Router,
    pub(super) sip: SipHandle,
    pub(super) media: MediaEngine,
    /// Models and tools.
    pub(super) runtime: Arc<RuntimeShell>,
    pub(super) synthesizer: Arc<dyn Synthesizer>,
    pub(super) recognizer: Arc<dyn Recognizer>,
    pub(super) store: Arc<dyn Store>,
    pub(super) writer: Writer,
    pub(super) closer: Closer,
    pub(super) recorder: Option<Recorder>,
    /// Opens recordings that are encrypted.
    pub(super) recording_key: Option<SealKey>,
    pub(super) dialling: Dialling,
    pub(super) calling: Calling,
    pub(super) observer: Option<Observer>,
    pub(super) assistants: Assistants,
    pub(super) deadlines: Deadlines,
    pub(super) media_timeout: Millis,
    /// Spoken on SIP legs, in order of preference.
    pub(super) codecs: Vec<AudioCodec>,
    /// Address in our SDP; `None`: the one the peer reaches us at.
    pub(super) media_address: Option<IpAddr>,
    /// Stereo WAVs go here; `None`: none are made.
    pub(super) audio_folder: Option<PathBuf>,
    /// Host and port of our own URIs.
    pub(super) own_host: String,
    pub(super) worker: WorkerId,
    pub(super) organisation: OrganisationId,
    /// What the worker was started without (speech models), in words.
    pub(super) lacking: Vec<String>,
}

/// What calls share when they call out.
pub(super) struct Calling {
    pub(super) guard: OutboundGuard,
    /// Outbound attempts of one call.
    pub(super) attempts_per_call: u32,
    pub(super) music: HoldMusic,
    /// Numbers of bridges given out.
    rooms: AtomicU64,
}

impl Calling {
    pub(super) fn new(config: TransferConfig) -> Self {
        let TransferConfig { attempts_per_hour, attempts_per_call, music } = config;
        Self { guard: OutboundGuard::new(attempts_per_hour), attempts_per_call, music, rooms: AtomicU64::new(1) }
    }

    pub(super) fn new_room(&self) -> RoomId {
        RoomId(self.rooms.fetch_add(1, Ordering::Relaxed))
    }
}

impl Shells {
    /// For Referred-By.
    pub(super) fn own_uri(&self) -> String {
        self.from_uri("worker")
    }

    /// The From of a call of ours.
    pub(super) fn from_uri(&self, user: &str) -> String {
        let plain = |character: char| character.is_ascii_alphanumeric() || "+-._".contains(character);
        let user: String = user.chars().filter(|character| plain(*character)).collect();
        format!("sip:{}@{}", if user.is_empty() { "worker" } else { &user }, self.own_host)
    }

    /// Gauges, computed from the collections that own what they count.
    pub(super) fn gauges(&self, gauges: &mut Gauges<'_>) {
        let media = self.media.stats();
        let (dialogs, transactions) = self.sip.tables();
        let running: usize = self.tasks.running().iter().map(|(_, count)| count).sum();
        let sizes = [
            (Gauge::CallsLive, self.directory.len()),
            (Gauge::CallsMax, self.admission.calls_max()),
            (Gauge::SipDialogs, dialogs),
            (Gauge::SipTransactions, transactions),
            (Gauge::SipLegs, self.router.len()),
            (Gauge::RtpPortsUsed, media.ports_in_use),
            (Gauge::RtpPortsResting, media.ports_quarantined),
            (Gauge::Tasks, running),
            (Gauge::StoreQueue, self.writer.depth()),
            (Gauge::AsksOpen, self.runtime.open()),
        ];
        for (gauge, size) in sizes {
            gauges.set(gauge, size as u64);
        }
        gauges.set(Gauge::PacerLateP99, media.lateness.p99);
        gauges.set(Gauge::PacerLateMax, media.lateness.max);
        gauges.set(Gauge::PacerSkipped, media.ticks_skipped);
        gauges.set(Gauge::RecordingFaults, self.recorder.as_ref().map_or(0, Recorder::faults));
        gauges.set(Gauge::RecordingLate, self.recorder.as_ref().map_or(0, Recorder::late));
        gauges.set(Gauge::StoreDropped, self.writer.stats().dropped());
        gauges.set(Gauge::StoreFailed, self.writer.stats().failed());
        gauges.set(Gauge::Ready, u64::from(self.why_not_ready().is_empty()));
    }

    /// Every reason why a new call would not be taken, or not be served well; empty is ready.
    pub(super) fn why_not_ready(&self) -> Vec<String> {
        let mut reasons = self.lacking.clone();
        if self.admission.is_draining() {
            reasons.push("draining: no new calls are taken".to_owned());
        }
        if self.admission.calls() >= self.admission.calls_max() {
            reasons.push(format!("full: all {} slots are taken", self.admission.calls_max()));
        }
        reasons
    }
}
