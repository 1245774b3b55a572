//! What a worker is made of, as plain data. `settings` fills it; tests and the demo write it by hand.

use super::assistants::Assistants;
use super::chat::ChatLimits;
use super::recorder::Protection;
use super::shells::Observer;
use crate::api::KeyRing;
use crate::call::Deadlines;
use crate::media::HoldMusic;
use crate::model::{Millis, OrganisationId};
use crate::replay::SealKey;
use crate::runtime::shell::ShellConfig;
use crate::sip::acl::AccessList;
use crate::sip::endpoint::{SessionTimers, Timers};
use crate::sip::sdp::AudioCodec;
use crate::sip::trunk::Trunks;
use crate::speech::{LocalConfig, Speech, SpeechPlan};
use crate::store::SqliteConfig;
use crate::telemetry::{Exporting, Metrics};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// See the module.
pub struct Config {
    pub name: String,
    pub organisation: OrganisationId,
    pub calls_max: usize,
    pub sip: SipConfig,
    pub trunks: Trunks,
    /// Organisation of each trunk that is not the worker's own.
    pub trunk_owners: BTreeMap<String, OrganisationId>,
    pub transfer: TransferConfig,
    pub media: MediaConfig,
    pub speech: SpeechChoice,
    /// Models and secrets of tools; none by default.
    pub runtime: ShellConfig,
    pub api: ApiConfig,
    pub recording: RecordingConfig,
    pub chat: ChatLimits,
    pub store: SqliteConfig,
    pub assistants: Assistants,
    pub deadlines: Deadlines,
    pub observer: Option<Observer>,
    /// Sends spans to a collector; `None`: they go nowhere.
    pub exporting: Option<Exporting>,
    /// The page `/metrics` shows; `None`: an empty one.
    pub metrics: Option<Metrics>,
}

#[derive(Clone, Debug)]
pub struct SipConfig {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    /// In Contact, Via and SDP; `None`: the address the peer is reached from.
    pub advertised: Option<IpAddr>,
    pub access: AccessList,
    pub timers: Timers,
    pub session: SessionTimers,
}

/// How this worker calls out.
#[derive(Clone, Debug)]
pub struct TransferConfig {
    /// Outbound attempts (REFERs, second legs, outbound calls) of the whole worker in any hour.
    pub attempts_per_hour: u32,
    /// Outbound attempts of one call.
    pub attempts_per_call: u32,
    /// For callers on hold.
    pub music: HoldMusic,
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self { attempts_per_hour: 1_000, attempts_per_call: 20, music: HoldMusic::built_in() }
    }
}

#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub bind: IpAddr,
    pub ports: (u16, u16),
    pub timeout: Millis,
    pub quarantine: Millis,
    /// Spoken on SIP legs, in order of preference.
    pub codecs: Vec<AudioCodec>,
}

/// Where speech comes from.
pub enum SpeechChoice {
    /// This machine's engines; a worker without their models starts all the same and is not ready.
    Local(LocalConfig),
    /// Providers and this machine's engines, in order.
    Planned(SpeechPlan),
    /// Made by whoever starts the worker: fakes, or engines shared with another one.
    Given(Speech),
}

#[derive(Clone, Debug)]
pub struct ApiConfig {
    pub listen: SocketAddr,
    /// `/metrics` without a key.
    pub metrics_open: bool,
    pub keys: KeyRing,
    /// Requests a minute of one key, and how many at once after a pause; 0 a minute: as many as come.
    pub rate: (u32, u32),
}

#[derive(Clone, Debug)]
pub struct RecordingConfig {
    /// `None`: calls are not recorded.
    pub folder: Option<PathBuf>,
    pub protection: Protection,
    /// Opens recordings of an earlier run that are encrypted, whatever this run writes.
    pub key: Option<SealKey>,
    pub max_bytes: u64,
    /// Stereo WAVs; `None`: no audio is kept.
    pub audio: Option<PathBuf>,
    /// Days closed rows are kept; `None`: for ever.
    pub retention_days: Option<u32>,
    /// After a conversation its numbers and addresses are taken out of the stored words.
    pub scrub: bool,
}
