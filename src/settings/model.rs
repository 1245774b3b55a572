//! The settings as plain data. `Default` is a worker that runs with no file at all.

use crate::call::Deadlines;
use crate::host::SealKey;
use crate::model::{Millis, OrganisationId, Redacted};
use crate::runtime::shell::{BaseUrl, ModelRole};
use crate::sip::acl::{AccessList, Cidr};
use crate::sip::sdp::AudioCodec;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use uuid::Uuid;

/// Everything `config/worker.toml` can say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub worker: Worker,
    pub sip: Sip,
    pub trunks: Vec<Trunk>,
    pub transfer: Transfer,
    pub media: Media,
    pub speech: Speech,
    pub models: Vec<Model>,
    pub secrets: Vec<Secret>,
    pub api: Api,
    pub recording: Recording,
    pub store: Store,
    pub assistants: Assistants,
    pub chat: Chat,
    pub deadlines: Deadlines,
    pub telemetry: Telemetry,
}

/// `[worker]`
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Shown in logs, in the SIP `User-Agent` and to other workers; 1–64 characters.
    pub name: String,
    /// Database, recordings and journals live here unless they are told otherwise.
    pub state_dir: PathBuf,
    /// How long running calls may go on after SIGTERM; 0–3,600 s.
    pub drain_deadline: Millis,
    /// Calls at the same time, a transfer's second leg not counted; 1–10,000.
    pub max_calls: u32,
    /// Questions to models and tools at the same time, over all calls; 1–10,000.
    pub max_asks: u32,
    /// Owner of calls whose trunk names no organisation.
    pub organisation: OrganisationId,
}

/// Owner of everything on a worker that serves nobody else.
pub const DEFAULT_ORGANISATION: OrganisationId = OrganisationId(Uuid::from_u128(1));

impl Default for Worker {
    fn default() -> Self {
        Self {
            name: "voice-worker".to_owned(),
            state_dir: PathBuf::from("state"),
            drain_deadline: Millis::from_secs(300),
            max_calls: 200,
            max_asks: 256,
            organisation: DEFAULT_ORGANISATION,
        }
    }
}

/// `[sip]`
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    /// UDP sockets to listen on.
    pub udp: Vec<SocketAddr>,
    /// TCP sockets to listen on.
    pub tcp: Vec<SocketAddr>,
    /// Address others reach us at, in Contact, Via and SDP; `None`: the address the peer is reached from.
    pub advertised_address: Option<IpAddr>,
    /// Networks that may call besides the trunks' `sources`. Everyone else is not answered.
    pub allow: Vec<Cidr>,
    /// RFC 3261 T1; 50–5,000 ms.
    pub t1: Millis,
    /// RFC 3261 T2; 500–40,000 ms.
    pub t2: Millis,
    /// RFC 3261 T4; 500–50,000 ms.
    pub t4: Millis,
    /// RFC 4028 Session-Expires we ask for; 90–86,400 s, 0 = none.
    pub session_expires: Millis,
    /// RFC 4028 Min-SE we accept; 90–86,400 s.
    pub min_session_expires: Millis,
}

impl Default for Sip {
    fn default() -> Self {
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060));
        Self {
            udp: vec![everywhere],
            tcp: vec![everywhere],
            advertised_address: None,
            allow: AccessList::default().networks().to_vec(),
            t1: Millis(500),
            t2: Millis(4_000),
            t4: Millis(5_000),
            session_expires: Millis::from_secs(1_800),
            min_session_expires: Millis::from_secs(90),
        }
    }
}

/// `[[trunk]]`
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// Unique; 1–64 characters.
    pub name: String,
    /// Networks its calls come from.
    pub sources: Vec<Cidr>,
    /// `host` or `host:port` that outbound calls go to.
    pub address: Option<String>,
    pub transport: Transport,
    /// Digest user, both for our requests and where it challenges us.
    pub username: Option<String>,
    /// From `password_file`.
    pub password: Option<Redacted<String>>,
    /// Makes a URI of a number: `{number}` is the E.164 number, `{address}` the trunk's address.
    pub destination_template: String,
    /// What may be dialled or referred to: a number prefix (`+4930`), every user of one host (`sip:*@pbx.example`), an exact URI, or `*`. Empty: none.
    pub allow_destinations: Vec<String>,
    pub refer: ReferProfile,
    /// User part of From on calls placed over it; `None`: the number the caller called.
    pub caller_id: Option<String>,
    /// Owner of its calls; `None`: the worker's.
    pub organisation: Option<OrganisationId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
}

/// What the trunk's REFER is like, and what is done where it does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferProfile {
    pub mode: ReferMode,
    /// Where a REFER is refused or fails, the destination is dialled as a second leg and bridged.
    pub bridge_on_failure: bool,
    /// After a consult the caller is handed over by REFER with Replaces; where that fails the two are bridged.
    pub replaces: bool,
    /// Header for reason and summary; `None`: the reason alone, in `X-Transfer-Reason`.
    pub header: Option<String>,
    /// Send Referred-By with a REFER.
    pub referred_by: bool,
}

impl Default for ReferProfile {
    fn default() -> Self {
        Self { mode: ReferMode::default(), bridge_on_failure: false, replaces: false, header: None, referred_by: true }
    }
}

/// What the trunk does with a REFER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferMode {
    #[default]
    Works,
    AcceptsWithoutNotify,
    Refuses,
}

/// `[transfer]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Outbound attempts of the whole worker (REFERs, second legs, outbound calls) in any hour; 0–100,000.
    pub attempts_per_hour: u32,
    /// Outbound attempts of one call, all its transfers together; 0–100.
    pub attempts_per_call: u32,
    /// A WAV (8 kHz, 16 bit, mono or stereo, at most ten minutes) that loops while a caller is on hold; `None`: the built-in music.
    pub hold_music: Option<PathBuf>,
}

impl Default for Transfer {
    fn default() -> Self {
        Self { attempts_per_hour: 1_000, attempts_per_call: 20, hold_music: None }
    }
}

/// `[media]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Address of the RTP sockets; `None`: that of the SIP socket.
    pub address: Option<IpAddr>,
    /// First and last RTP port, even to odd; 1,024–65,535.
    pub ports: (u16, u16),
    /// No packet for this long ends the call; 1–600 s.
    pub timeout: Millis,
    /// How long a port rests before its next call; 0–600 s.
    pub quarantine: Millis,
    /// Codecs of SIP legs in order of preference; at least one, none twice.
    pub codecs: Vec<AudioCodec>,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            address: None,
            ports: (10_000, 19_999),
            timeout: Millis::from_secs(30),
            quarantine: Millis::from_secs(10),
            codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma, AudioCodec::G722],
        }
    }
}

/// `[speech]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    pub engine: SpeechEngine,
    /// Where the fetch command put the models.
    pub models_dir: PathBuf,
    /// What the scripted ear takes each burst of sound for, in order, over all calls.
    pub scripted_words: Vec<String>,
    /// Threads of the engines together, 1–64; 0: as many as the machine has cores.
    pub threads: u32,
    /// Who hears: names of providers, or `local`, tried in order.
    pub recognizers: Vec<String>,
    /// Who speaks, tried in order.
    pub synthesizers: Vec<String>,
    /// Connection to a provider; 100–30,000 ms.
    pub connect: Millis,
    /// Each answer of a provider; 200–30,000 ms.
    pub answer: Millis,
    /// What a caller waits for a voice that is not the last of the list; 200–10,000 ms.
    pub first_audio: Millis,
    pub providers: Vec<SpeechProvider>,
}

/// `[[speech.provider]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechProvider {
    /// Unique; the lists name it.
    pub name: String,
    pub vendor: SpeechVendor,
    /// From `key_file`.
    pub key: Option<Redacted<String>>,
    /// In place of the vendor's own scheme and host.
    pub url: Option<String>,
    pub listen_model: Option<String>,
    pub speak_model: Option<String>,
    pub voice: Option<String>,
}

/// Whose protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechVendor {
    Deepgram,
    DeepgramFlux,
    ElevenLabs,
    OpenAi,
}

impl Default for Speech {
    fn default() -> Self {
        Self {
            engine: SpeechEngine::Local,
            models_dir: PathBuf::from("models"),
            scripted_words: Vec::new(),
            threads: 0,
            recognizers: vec!["local".to_owned()],
            synthesizers: vec!["local".to_owned()],
            connect: Millis(3_000),
            answer: Millis(3_000),
            first_audio: Millis(1_500),
            providers: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechEngine {
    /// In this process, from `models_dir`.
    Local,
    /// Fixed tones and scripted words, for tests.
    Scripted,
}

/// `[[model]]`: a language model behind an OpenAI-compatible endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Unique; assistants and fallbacks name it.
    pub role: String,
    /// `None`: the key was wrong and is a fault.
    pub endpoint: Option<ModelRole>,
}

/// `[[secret]]`: what `${secret:name}` in a tool's headers stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub name: String,
    /// From `file`.
    pub value: Redacted<String>,
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Off loopback at least one key is required.
    pub listen: SocketAddr,
    /// `/metrics` without a key; `None`: only on a loopback listener.
    pub metrics_open: Option<bool>,
    pub keys: Vec<ApiKey>,
    /// Requests of one key in a minute, in the long run; 1–1,000,000, 0 = as many as come.
    pub requests_per_minute: u32,
    /// Requests of one key at once after a pause; 1–100,000.
    pub burst: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            metrics_open: None,
            keys: Vec::new(),
            requests_per_minute: 6_000,
            burst: 600,
        }
    }
}

/// `[[api.key]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub name: String,
    pub organisation: OrganisationId,
    /// SHA-256 of the key; from `sha256`, or computed from the file that `key_file` names.
    pub sha256: Redacted<[u8; 32]>,
}

/// `[recording]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub mode: RecordingMode,
    /// `None`: `recordings` under the state directory.
    pub directory: Option<PathBuf>,
    /// Of `recording.key_file`: encrypts where `mode` says so, and opens what was encrypted before.
    pub key: Option<SealKey>,
    /// A WAV of both sides beside the event recording.
    pub audio: bool,
    /// Bound of one call's event recording; 64 KiB–1 GiB.
    pub max_bytes: u64,
    /// Days until recordings and rows may be removed; 0 = never, at most 3,650.
    pub retention_days: u32,
    /// When a conversation is over, numbers of four digits and more and addresses of e-mail are taken out of its stored words.
    pub scrub: bool,
}

impl Default for Recording {
    fn default() -> Self {
        Self { mode: RecordingMode::Full, directory: None, key: None, audio: false, max_bytes: 64 << 20, retention_days: 30, scrub: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingMode {
    /// No recording: a crash loses the transcript of the calls that were live.
    Off,
    /// Keys and words are masked; host replay stays exact, but a crash loses the words of the calls that were live.
    Masked,
    /// Everything, as the database holds it too; the files are for the worker's user alone.
    Full,
    /// Everything, each line encrypted with the key of `recording.key_file`.
    Encrypted,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// `None`: `voice-worker.sqlite` under the state directory.
    pub sqlite: Option<PathBuf>,
    /// How long a statement waits for another process's lock; 100–60,000 ms.
    pub busy_timeout: Millis,
}

impl Default for Store {
    fn default() -> Self {
        Self { sqlite: None, busy_timeout: Millis(5_000) }
    }
}

/// `[assistants]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assistants {
    /// Directory of `*.toml` files, one assistant each.
    pub directory: PathBuf,
    /// The assistant of calls that no route names.
    pub default: String,
    /// Called number (or `user` part of the called URI) to assistant, tried in order.
    pub routes: Vec<Route>,
}

impl Default for Assistants {
    fn default() -> Self {
        Self { directory: PathBuf::from("config/assistants"), default: "front-desk".to_owned(), routes: Vec::new() }
    }
}

/// `[chat]`: conversations without a telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Conversations kept in memory at the same time; 1–100,000. Others are read from the store when they go on.
    pub live_max: u32,
    /// Out of memory after this long without a turn; 10–86,400 s.
    pub idle: Millis,
    /// A conversation without a turn for this long expires; 1–8,760 h.
    pub expire: Millis,
    /// Longest a turn may take; 1–600 s.
    pub turn: Millis,
}

impl Default for Chat {
    fn default() -> Self {
        Self { live_max: 500, idle: Millis::from_secs(900), expire: Millis::from_secs(24 * 3_600), turn: Millis::from_secs(120) }
    }
}

/// `[[assistants.route]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub number: String,
    pub assistant: String,
    /// Only on calls of this trunk.
    pub trunk: Option<String>,
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    pub format: LogFormat,
    /// `tracing` filter directives: `info`, `voice_worker=debug,info`.
    pub level: String,
    /// Base URL of the collector that spans go to; `None`: none are made.
    pub otlp_endpoint: Option<BaseUrl>,
    /// From `otlp.token_file`: sent as `Authorization: Bearer`.
    pub otlp_token: Option<Redacted<String>>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned(), otlp_endpoint: None, otlp_token: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// Where the database is.
    pub fn sqlite_path(&self) -> PathBuf {
        self.store.sqlite.clone().unwrap_or_else(|| self.worker.state_dir.join("voice-worker.sqlite"))
    }

    /// Where recordings are.
    pub fn recordings_dir(&self) -> PathBuf {
        self.recording.directory.clone().unwrap_or_else(|| self.worker.state_dir.join("recordings"))
    }

    /// Whether `/metrics` needs no key.
    pub fn metrics_open(&self) -> bool {
        self.api.metrics_open.unwrap_or_else(|| self.api.listen.ip().is_loopback())
    }
}
