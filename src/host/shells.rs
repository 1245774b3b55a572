//! What every call's driver works with: one of each shell, made once when the worker starts.

use super::admission::Admission;
use super::assistants::Assistants;
use super::clock::Clock;
use super::close::Closer;
use super::dialling::Dialling;
use super::directory::Directory;
use super::recorder::Recorder;
use super::router::Router;
use super::spawn::Tasks;
use crate::media::shell::MediaEngine;
use crate::call::Deadlines;
use crate::model::{ConversationId, Millis, OrganisationId, WorkerId};
use crate::replay::Line;
use crate::sip::shell::SipHandle;
use crate::speech::{Recognizer, Synthesizer};
use crate::store::{Store, Writer};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub(super) synthesizer: Arc<dyn Synthesizer>,
    pub(super) recognizer: Arc<dyn Recognizer>,
    pub(super) store: Arc<dyn Store>,
    pub(super) writer: Writer,
    pub(super) closer: Closer,
    pub(super) recorder: Option<Recorder>,
    pub(super) dialling: Dialling,
    pub(super) observer: Option<Observer>,
    pub(super) assistants: Assistants,
    pub(super) deadlines: Deadlines,
    pub(super) media_timeout: Millis,
    /// Address in our SDP; `None`: the one the peer reaches us at.
    pub(super) media_address: Option<IpAddr>,
    /// Stereo WAVs go here; `None`: none are made.
    pub(super) audio_folder: Option<PathBuf>,
    /// For Referred-By.
    pub(super) own_uri: String,
    pub(super) worker: WorkerId,
    pub(super) organisation: OrganisationId,
}

impl Shells {
    /// Gauges, computed from the collections that own what they count.
    pub(super) fn gauges(&self) {
        let media = self.media.stats();
        let gauges = [
            ("voice_worker_calls", self.directory.len()),
            ("voice_worker_calls_max", self.admission.calls_max()),
            ("voice_worker_sip_legs", self.router.len()),
            ("voice_worker_media_legs", media.legs),
            ("voice_worker_rtp_ports_in_use", media.ports_in_use),
            ("voice_worker_rtp_ports_quarantined", media.ports_quarantined),
            ("voice_worker_store_queue", self.writer.depth()),
        ];
        for (name, value) in gauges {
            crate::telemetry::gauge(name, value);
        }
    }
}
