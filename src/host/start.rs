//! A worker's life: start every shell or none, serve, drain, stop.

use super::accept::on_sip_event;
use super::admission::Admission;
use super::chat::{ChatHost, ChatLimits};
use super::clock::Clock;
use super::close::Closer;
use super::config::{ApiConfig, Config, RecordingConfig, SipConfig, SpeechChoice};
use super::control::Control;
use super::dialling::Dialling;
use super::directory::Directory;
use super::inbox::Fact;
use super::recorder::Recorder;
use super::router::Router;
use super::shells::{Calling, Shells};
use super::spawn::Tasks;
use super::{notify, prompts, reconcile, recover, upkeep};
use crate::api::{self, ApiState, RateLimit};
use crate::call::Event;
use crate::media::shell::{EngineConfig, MediaEngine};
use crate::model::{CallTime, Millis, WorkerId, WorkerTime};
use crate::runtime::shell::RuntimeShell;
use crate::sip::endpoint::{Config as EndpointConfig, Endpoint, OptionsStatus, Order};
use crate::sip::shell::{OrderQueue, ShellConfig, ShellError, ShellLimits, Sockets, order_queue};
use crate::sip::trunk::Trunks;
use crate::speech::providers::Spawner;
use crate::speech::{Speech, SpeechPlan, SpeechState};
use crate::store::{SqliteStore, Store, StoreError, Writer};
use crate::telemetry::Metrics;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a drain looks whether the calls are gone.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// After the drain deadline: time for BYEs and close pipelines.
const LAST_GOODBYES: Duration = Duration::from_secs(50);

/// A running worker.
pub struct Worker {
    shells: Arc<Shells>,
    stop: CancellationToken,
    /// After everything that makes spans.
    spans_stop: CancellationToken,
    sip: Vec<SocketAddr>,
    api: SocketAddr,
    writer_done: tokio::task::JoinHandle<()>,
}

/// Why a worker does not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Sip(#[from] ShellError),
    #[error(transparent)]
    Media(#[from] crate::media::shell::MediaError),
    #[error(transparent)]
    Api(#[from] api::BindError),
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    #[error("recordings cannot be written to {}: check that the folder can be made and written by the worker's user", path.display())]
    Recordings { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Runtime(#[from] crate::runtime::shell::ShellError),
    #[error("the speech engines could not be started: {0}")]
    Speech(String),
}

impl Worker {
    /// Starts everything; answers when calls can come in.
    pub async fn start(config: Config) -> Result<Self, HostError> {
        let (clock, tasks) = (Clock::start(), Tasks::new());
        let (stop, spans_stop) = (CancellationToken::new(), CancellationToken::new());
        let runtime = RuntimeShell::new(config.runtime, Arc::new(move || clock.now()))?;
        let speech = speech(config.speech, &tasks, clock).await?;
        let recorder = recorder(&config.recording)?;
        let recording = config.recording.clone();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.store).await?);
        let owners = config.trunk_owners.values().copied().chain(config.api.keys.organisations()).chain([config.organisation]);
        for organisation in owners {
            store.put_organisation(organisation, &config.name, clock.wall()).await?;
        }
        let (bind, advertised) = (config.media.bind, config.sip.advertised);
        let (sockets, endpoint) = signalling(config.sip, &config.trunks, &config.name)?;
        let sip: Vec<SocketAddr> = sockets.listeners().iter().map(|listener| listener.local).collect();
        let api_listener = api::bind(config.api.listen, &config.api.keys).await?;
        let api_address = api_listener.local_addr().unwrap_or(config.api.listen);
        let engine = EngineConfig { bind, ports: config.media.ports, quarantine: config.media.quarantine };
        let media = MediaEngine::start(engine, Arc::new(move || clock.now()))?;
        let (writer, writing) = Writer::new(Arc::clone(&store));
        let writer_done = tasks.spawn("store_writer", writing);
        let (handle, orders) = order_queue();
        let shells = Arc::new(Shells {
            clock,
            tasks,
            admission: Admission::new(config.calls_max),
            directory: Directory::default(),
            router: Router::default(),
            sip: handle,
            media,
            runtime: Arc::new(runtime),
            synthesizer: Arc::clone(&speech.synthesizer),
            recognizer: Arc::clone(&speech.recognizer),
            store: Arc::clone(&store),
            closer: Closer::new(store, writer.clone(), clock, config.recording.retention_days),
            writer,
            recorder,
            recording_key: config.recording.key,
            dialling: Dialling::new(config.trunks, config.trunk_owners),
            calling: Calling::new(config.transfer),
            observer: config.observer,
            assistants: config.assistants,
            deadlines: config.deadlines,
            media_timeout: config.media.timeout,
            codecs: config.media.codecs,
            media_address: advertised.or_else(|| (!bind.is_unspecified()).then_some(bind)),
            audio_folder: config.recording.audio,
            own_host: sip.first().map_or_else(|| "localhost".to_owned(), ToString::to_string),
            worker: WorkerId(Uuid::now_v7()),
            organisation: config.organisation,
            lacking: lacking(&speech),
        });
        let _ = config.exporting.map(|exporting| shells.tasks.spawn("otlp", exporting.run(spans_stop.clone().cancelled_owned())));
        recover::recover(&shells).await;
        run_shells(&shells, &speech, (sockets, endpoint, orders), &stop);
        let chat = ChatHost::new(Arc::clone(&shells), config.chat);
        shells.tasks.spawn("jobs", upkeep::jobs(Arc::clone(&shells), recording.scrub, stop.clone()));
        shells.tasks.spawn("upkeep", upkeep::upkeep(Arc::clone(&shells), chat.clone(), recording.clone(), stop.clone()));
        let state = api_state(&shells, chat, (config.chat, &recording), config.api, metrics_page(config.metrics, &shells));
        let api_stop = stop.clone();
        shells.tasks.spawn("api", async move {
            if let Err(error) = api::serve(api_listener, api::router(state), api_stop.cancelled_owned()).await {
                tracing::error!(%error, "the API stopped");
            }
        });
        notify::ready("taking calls");
        Ok(Self { shells, stop, spans_stop, sip, api: api_address, writer_done })
    }

    /// SIP addresses really bound, UDP first.
    pub fn sip_addresses(&self) -> &[SocketAddr] {
        &self.sip
    }

    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// Why the worker cannot serve calls well, if anything.
    pub fn not_ready(&self) -> &[String] {
        &self.shells.lacking
    }

    pub fn live_calls(&self) -> usize {
        self.shells.directory.len()
    }

    /// Takes no new calls, lets running ones finish up to `deadline`, then ends the rest with `server_shutdown`. `force` cuts the wait short.
    pub async fn drain(&self, deadline: Millis, force: CancellationToken) {
        notify::stopping("draining");
        self.shells.admission.drain();
        self.shells.sip.order(Order::SetOptionsStatus(OptionsStatus::Draining), |_| {});
        let until = self.shells.clock.now().after(deadline);
        tracing::info!(calls = self.live_calls(), %deadline, "draining");
        self.tell_drain(until);
        self.wait_until_empty(Duration::from(deadline), &force).await;
        if self.live_calls() > 0 {
            self.tell_drain(self.shells.clock.now());
            self.wait_until_empty(LAST_GOODBYES, &CancellationToken::new()).await;
        }
    }

    /// Ends everything that still runs. Answers when every task is joined and every row is written.
    pub async fn stop(self) {
        if self.live_calls() > 0 {
            self.tell_drain(self.shells.clock.now());
            self.wait_until_empty(LAST_GOODBYES, &CancellationToken::new()).await;
        }
        self.stop.cancel();
        let tasks = self.shells.tasks.clone();
        // The writer ends when its last handle goes with the shells.
        drop(self.shells);
        if tokio::time::timeout(LAST_GOODBYES, async { drop(self.writer_done.await) }).await.is_err() {
            tracing::error!(running = ?tasks.running(), "tasks did not end; their work is lost");
            return;
        }
        self.spans_stop.cancel();
        tasks.joined().await;
    }

    fn tell_drain(&self, until: WorkerTime) {
        self.shells.directory.tell_all(|live| {
            let deadline = CallTime::ZERO.after(until.since(live.started));
            Fact::Core(Event::Draining { deadline })
        });
    }

    async fn wait_until_empty(&self, at_most: Duration, force: &CancellationToken) {
        let empty = async {
            while self.live_calls() > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        tokio::select! {
            () = empty => {}
            () = tokio::time::sleep(at_most) => {}
            () = force.cancelled() => {}
        }
    }
}

/// What the API stands on.
fn api_state(
    shells: &Arc<Shells>,
    chat: ChatHost,
    (limits, recording): (ChatLimits, &RecordingConfig),
    api: ApiConfig,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
) -> ApiState {
    let clock = shells.clock;
    let control = Arc::new(Control { shells: Arc::clone(shells), chat: chat.clone() });
    let wall = Arc::new(move || clock.wall());
    let mut state = ApiState::new(control, Arc::new(chat), Arc::clone(&shells.store), api.keys, wall);
    state.metrics_open = api.metrics_open;
    state.limit = Arc::new(RateLimit::new(api.rate.0, api.rate.1));
    state.chat_ttl = Millis(u64::try_from(limits.ttl.as_millis()).unwrap_or(u64::MAX));
    state.retention_days = recording.retention_days;
    state.metrics = metrics;
    state
}

/// The recorder, and the folder of the WAVs, if any are wanted.
fn recorder(recording: &RecordingConfig) -> Result<Option<Recorder>, HostError> {
    let fault = |path: &PathBuf| {
        let path = path.clone();
        move |source| HostError::Recordings { path, source }
    };
    if let Some(folder) = &recording.audio {
        std::fs::create_dir_all(folder).map_err(fault(folder))?;
    }
    let Some(folder) = &recording.folder else { return Ok(None) };
    Recorder::start(folder, recording.protection.clone(), recording.max_bytes).map(Some).map_err(fault(folder))
}

/// SIP's sockets, bound, and the endpoint that will speak on them.
fn signalling(sip: SipConfig, trunks: &Trunks, name: &str) -> Result<(Sockets, Endpoint), HostError> {
    let access = sip.access.with(trunks.sources());
    let sockets = Sockets::bind(ShellConfig { udp: sip.udp, tcp: sip.tcp, access, limits: ShellLimits::default() })?;
    let mut listeners = sockets.listeners();
    for listener in &mut listeners {
        listener.advertised = sip.advertised.map(|address| (address.to_string(), listener.local.port()));
    }
    let config = EndpointConfig {
        timers: sip.timers,
        session: sip.session,
        user_agent: format!("{name}/{}", env!("CARGO_PKG_VERSION")),
        ..EndpointConfig::new(listeners)
    };
    Ok((sockets, Endpoint::new(config, Uuid::new_v4().as_u64_pair().0)))
}

/// The tasks that live as long as the worker.
fn run_shells(
    shells: &Arc<Shells>,
    speech: &Speech,
    (sockets, endpoint, orders): (Sockets, Endpoint, OrderQueue),
    stop: &CancellationToken,
) {
    let (for_events, clock) = (Arc::clone(shells), shells.clock);
    let events = move |event| on_sip_event(&for_events, event);
    let run = crate::sip::shell::run(sockets, endpoint, orders, Arc::new(move || clock.now()), events, stop.clone());
    shells.tasks.spawn("sip", async move {
        let last = run.await;
        tracing::debug!(?last, "the SIP side has stopped");
    });
    shells.tasks.spawn("reconcile", reconcile::reconcile(Arc::clone(shells), stop.clone()));
    // A provider is paid by the word: nothing is spoken ahead there.
    if *speech.state() == SpeechState::Local {
        shells.tasks.spawn("prompts", prompts::rehearse(Arc::clone(shells), stop.clone()));
    }
    shells.tasks.spawn("watchdog", notify::watchdog(stop.clone()));
}

/// What the worker was started without, in words.
fn lacking(speech: &Speech) -> Vec<String> {
    match speech.state() {
        SpeechState::Local | SpeechState::Providers { .. } | SpeechState::Scripted => Vec::new(),
        SpeechState::Unavailable { why } => vec![format!("speech: {why}")],
    }
}

/// Loading weights takes a second or two of pure work: it must not stand on an async thread.
async fn speech(choice: SpeechChoice, tasks: &Tasks, clock: Clock) -> Result<Speech, HostError> {
    let plan = match choice {
        SpeechChoice::Given(speech) => return Ok(speech),
        SpeechChoice::Local(config) => SpeechPlan::local(config),
        SpeechChoice::Planned(plan) => plan,
    };
    let (tasks, runtime) = (tasks.clone(), tokio::runtime::Handle::current());
    // Engines start tasks from their own threads, too.
    let spawner: Spawner = Arc::new(move |name, task| {
        let _entered = runtime.enter();
        drop(tasks.spawn(name, task));
    });
    let clock: crate::speech::Clock = Arc::new(move || clock.now());
    let planned = tokio::task::spawn_blocking(move || Speech::planned(plan, &spawner, &clock)).await;
    let speech = planned.map_err(|error| HostError::Speech(error.to_string()))?;
    let speech = speech.map_err(|error| HostError::Speech(error.to_string()))?;
    if let SpeechState::Providers { lacking: Some(why) } = speech.state() {
        tracing::warn!(%why, "the engines on this machine cannot take over where providers fail");
    }
    Ok(speech)
}

/// The page asks the collections each time; a page that outlives its worker shows the last values.
fn metrics_page(metrics: Option<Metrics>, shells: &Arc<Shells>) -> Arc<dyn Fn() -> String + Send + Sync> {
    let Some(metrics) = metrics else { return Arc::new(String::new) };
    let shells = Arc::downgrade(shells);
    metrics.collect(move |gauges| {
        if let Some(shells) = shells.upgrade() {
            shells.gauges(gauges);
        }
    });
    Arc::new(move || metrics.render())
}
