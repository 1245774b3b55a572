//! From checked settings to the worker's own configuration: every module gets just what it needs.
//!
//! What only the modules can judge (trunk addresses, templates, allow-lists, assistants) is judged here, still before anything is bound.

use super::model::{ReferMode, Settings, Transport, Trunk as TrunkSettings};
use super::{RecordingMode, SpeechEngine};
use crate::api::{Key, KeyRing};
use crate::host::{
    ApiConfig, Assistants, AssistantsError, ChatLimits, Config, MediaConfig, Protection, RecordingConfig, Route, SipConfig, SpeechChoice,
    TransferConfig,
};
use crate::media::HoldMusic;
use crate::media::shell::read_hold_music;
use crate::model::Millis;
use crate::runtime::shell::ShellConfig;
use crate::sip::acl::AccessList;
use crate::sip::endpoint::{self, SessionTimers, Timers};
use crate::sip::trunk::{self, AllowList, DestinationTemplate, Hop, Trunk, TrunkCredentials, TrunkError, Trunks};
use crate::speech::Speech;
use crate::speech::scripted::{ScriptedRecognizer, ScriptedSynthesizer};
use crate::store::SqliteConfig;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// How long a scripted voice takes for a word.
const SCRIPTED_WORD_MS: usize = 250;

/// What the settings' own check could not see.
#[derive(Debug, Error)]
pub enum ComposeError {
    #[error("[[trunk]] '{name}', {key}: {source}")]
    Trunk { name: String, key: &'static str, source: TrunkError },
    #[error("[[trunk]]: {0}")]
    Trunks(TrunkError),
    #[error(transparent)]
    Assistants(#[from] AssistantsError),
    #[error("{}", .0.join("\n"))]
    Unconfigured(Vec<String>),
    #[error("transfer.hold_music {}: {why}", path.display())]
    HoldMusic { path: PathBuf, why: String },
}

/// The worker these settings describe.
pub fn compose(settings: &Settings) -> Result<Config, ComposeError> {
    let trunks = settings.trunks.iter().map(trunk).collect::<Result<Vec<_>, _>>()?;
    let trunks = Trunks::new(trunks).map_err(ComposeError::Trunks)?;
    let owners = settings.trunks.iter().filter_map(|trunk| Some((trunk.name.clone(), trunk.organisation?))).collect();
    let recordings = settings.recordings_dir();
    let (runtime, assistants) = (runtime(settings), assistants(settings)?);
    unconfigured(&runtime, &assistants)?;
    let retention_days = (settings.recording.retention_days > 0).then_some(settings.recording.retention_days);
    Ok(Config {
        name: settings.worker.name.clone(),
        organisation: settings.worker.organisation,
        calls_max: settings.worker.max_calls as usize,
        sip: sip(settings),
        trunks,
        trunk_owners: owners,
        transfer: transfer(&settings.transfer)?,
        media: MediaConfig {
            bind: settings.media.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            ports: settings.media.ports,
            timeout: settings.media.timeout,
            quarantine: settings.media.quarantine,
            codecs: settings.media.codecs.clone(),
        },
        speech: speech(settings),
        runtime,
        api: ApiConfig {
            listen: settings.api.listen,
            metrics_open: settings.metrics_open(),
            rate: (settings.api.requests_per_minute, settings.api.burst),
            keys: KeyRing::new(settings.api.keys.iter().map(key).collect()),
        },
        recording: RecordingConfig {
            folder: (settings.recording.mode != RecordingMode::Off).then(|| recordings.clone()),
            protection: protection(settings),
            key: settings.recording.key.clone(),
            max_bytes: settings.recording.max_bytes,
            audio: settings.recording.audio.then_some(recordings),
            retention_days,
            scrub: settings.recording.scrub,
        },
        chat: ChatLimits {
            live_max: settings.chat.live_max as usize,
            idle: settings.chat.idle.into(),
            ttl: settings.chat.expire.into(),
            turn: settings.chat.turn.into(),
        },
        store: store(settings),
        assistants,
        deadlines: settings.deadlines.clone(),
        observer: None,
        exporting: None,
        metrics: None,
    })
}

fn protection(settings: &Settings) -> Protection {
    match (settings.recording.mode, &settings.recording.key) {
        (RecordingMode::Masked, _) => Protection::Masked,
        (RecordingMode::Encrypted, Some(key)) => Protection::Encrypted(key.clone()),
        // Encrypted without a key is a fault of the settings and does not come here.
        (RecordingMode::Off | RecordingMode::Full | RecordingMode::Encrypted, _) => Protection::Plain,
    }
}

fn sip(settings: &Settings) -> SipConfig {
    let sip = &settings.sip;
    SipConfig {
        udp: sip.udp.clone(),
        tcp: sip.tcp.clone(),
        advertised: sip.advertised_address,
        access: AccessList::new(sip.allow.iter().copied()),
        timers: Timers { t1: sip.t1, t2: sip.t2, t4: sip.t4 },
        session: SessionTimers {
            enabled: sip.session_expires > Millis(0),
            expires_seconds: seconds(sip.session_expires),
            min_seconds: seconds(sip.min_session_expires),
        },
    }
}

fn trunk(settings: &TrunkSettings) -> Result<Trunk, ComposeError> {
    let fault = |key| move |source| ComposeError::Trunk { name: settings.name.clone(), key, source };
    let transport = match settings.transport {
        Transport::Udp => endpoint::Transport::Udp,
        Transport::Tcp => endpoint::Transport::Tcp,
    };
    let outbound = settings.address.as_deref().map(|address| Hop::parse(address, transport)).transpose().map_err(fault("address"))?;
    let credentials = settings.username.clone().zip(settings.password.clone());
    let mode = match settings.refer.mode {
        ReferMode::Works => trunk::ReferMode::Works,
        ReferMode::AcceptsWithoutNotify => trunk::ReferMode::AcceptsWithoutNotify,
        ReferMode::Refuses => trunk::ReferMode::Refuses,
    };
    Ok(Trunk {
        name: settings.name.clone(),
        sources: settings.sources.clone(),
        outbound,
        credentials: credentials.map(|(username, password)| TrunkCredentials { username, password }),
        template: settings.destination_template.parse::<DestinationTemplate>().map_err(fault("destination_template"))?,
        allow: AllowList::parse(&settings.allow_destinations).map_err(fault("allow_destinations"))?,
        refer: trunk::ReferProfile {
            mode,
            bridge_on_failure: settings.refer.bridge_on_failure,
            replaces: settings.refer.replaces,
            header: settings.refer.header.clone(),
            referred_by: settings.refer.referred_by,
        },
        caller_id: settings.caller_id.clone(),
    })
}

fn transfer(settings: &super::Transfer) -> Result<TransferConfig, ComposeError> {
    let music = match &settings.hold_music {
        None => HoldMusic::built_in(),
        Some(path) => read_hold_music(path).map_err(|error| ComposeError::HoldMusic { path: path.clone(), why: error.to_string() })?,
    };
    Ok(TransferConfig { attempts_per_hour: settings.attempts_per_hour, attempts_per_call: settings.attempts_per_call, music })
}

fn speech(settings: &Settings) -> SpeechChoice {
    match settings.speech.engine {
        SpeechEngine::Local => SpeechChoice::Planned(super::speech::plan(&settings.speech)),
        SpeechEngine::Scripted => {
            let words = settings.speech.scripted_words.iter().cloned();
            SpeechChoice::Given(Speech::scripted(ScriptedRecognizer::new(words), ScriptedSynthesizer::new(SCRIPTED_WORD_MS)))
        }
    }
}

fn runtime(settings: &Settings) -> ShellConfig {
    let roles = settings.models.iter().filter_map(|model| Some((model.role.clone(), model.endpoint.clone()?)));
    let secrets = settings.secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone()));
    ShellConfig { roles: roles.collect(), secrets: secrets.collect(), asks_max: settings.worker.max_asks as usize }
}

/// An assistant may name only models and secrets that are there.
fn unconfigured(runtime: &ShellConfig, assistants: &Assistants) -> Result<(), ComposeError> {
    let known = |names: Vec<&String>| match names.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there is: {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    let mut faults = Vec::new();
    for assigned in assistants.all() {
        for role in assigned.assistant.model_roles().into_iter().filter(|role| !runtime.roles.contains_key(*role)) {
            let known = known(runtime.roles.keys().collect());
            faults.push(format!("assistant {}: [model] names the role '{role}', which no [[model]] has; {known}", assigned.name));
        }
        for secret in assigned.assistant.secrets().into_iter().filter(|secret| !runtime.secrets.contains_key(*secret)) {
            let known = known(runtime.secrets.keys().collect());
            faults.push(format!("assistant {}: a header names the secret '{secret}', which no [[secret]] has; {known}", assigned.name));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ComposeError::Unconfigured(faults)) }
}

fn store(settings: &Settings) -> SqliteConfig {
    SqliteConfig { busy_timeout: Duration::from(settings.store.busy_timeout), ..SqliteConfig::at(settings.sqlite_path()) }
}

fn assistants(settings: &Settings) -> Result<Assistants, AssistantsError> {
    let routes = settings.assistants.routes.iter().map(|route| Route {
        number: route.number.clone(),
        assistant: route.assistant.clone(),
        trunk: route.trunk.clone(),
    });
    let (given, usual) = (&settings.assistants, super::Assistants::default());
    if given.directory == usual.directory && !given.directory.exists() {
        // Nobody chose a folder and there is none here: the samples that come with the program.
        return Assistants::built_in(&given.default, routes.collect());
    }
    Assistants::load(&settings.assistants.directory, &settings.assistants.default, routes.collect(), &BTreeMap::new())
}

fn key(key: &super::ApiKey) -> Key {
    Key { name: key.name.clone(), organisation: key.organisation, sha256: *key.sha256.expose() }
}

fn seconds(span: Millis) -> u32 {
    u32::try_from(span.0 / 1_000).unwrap_or(u32::MAX)
}
