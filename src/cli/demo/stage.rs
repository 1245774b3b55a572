//! Who takes part in the demonstration, and how they are set up.

use super::play::DemoError;
use crate::cli::phone::{Happening, Phone, PhoneConfig, Voice};
use crate::host::{
    ApiConfig, Assistants, ChatLimits, Clock, Config, MediaConfig, Observer, Protection, RecordingConfig, SipConfig, SpeechChoice,
    TransferConfig,
};
use crate::model::{Digit, Millis, OrganisationId};
use crate::replay::transcript::{Step, parse};
use crate::runtime::shell::ShellConfig;
use crate::sip::acl::AccessList;
use crate::sip::endpoint::{SessionTimers, Timers};
use crate::sip::trunk::{AllowList, DestinationTemplate, ReferProfile, Trunk, Trunks};
use crate::speech::Speech;
use crate::speech::scripted::{ScriptedRecognizer, ScriptedSynthesizer};
use crate::store::SqliteConfig;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// Label of the assistants' transfer target.
const TARGET: &str = "billing";
/// The caller's voice is deeper than the worker's, the billing desk's a little higher.
const CALLER_PITCH: u16 = 84;
const DESK_PITCH: u16 = 110;
/// How long the scripted voice hums for a word.
const HUM_MS: usize = 150;
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANY_PORT: SocketAddr = SocketAddr::new(LOOPBACK, 0);
/// What the billing desk says when it answers a caller.
const DESK_GREETING: &str = "Billing, good afternoon. I can see your invoice here.";
/// What it says to the worker, to the caller who is joined with it, and at the end.
const DESK_NAME: &str = "Billing, this is Ann.";
const DESK_WELCOME: &str = "Good afternoon, this is Ann. I can see your invoice here.";
const DESK_ANSWER: &str = "Yes, it is paid. Goodbye.";

/// Which story is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Story {
    /// The caller is sent on.
    #[default]
    Cold,
    /// The caller is on hold while the billing desk is asked first.
    Warm,
}

impl Story {
    /// The assistant, by the name of its file.
    const fn assistant(self) -> &'static str {
        match self {
            Self::Cold => "front-desk",
            Self::Warm => "warm-desk",
        }
    }

    /// What the caller does.
    pub(super) fn caller_steps(self) -> Vec<Step> {
        let script = match self {
            Self::Cold => include_str!("call.jsonl"),
            Self::Warm => include_str!("warm.jsonl"),
        };
        let parsed = parse(script).expect("the script is part of the program and its tests read it");
        parsed.into_iter().map(|(_, step)| step).collect()
    }

    /// What the billing desk does.
    pub(super) fn desk_steps(self) -> Vec<Step> {
        let over = |words: &str| Step::Over(words.to_owned());
        match self {
            Self::Cold => vec![Step::Pause(Millis(300)), over(DESK_GREETING), Step::Pause(Millis(1_000)), Step::Hangup],
            Self::Warm => vec![
                Step::Pause(Millis(300)),
                over(DESK_NAME),
                Step::Dtmf(Digit::from_char('1').into_iter().collect()),
                Step::Pause(Millis(1_500)),
                over(DESK_WELCOME),
                Step::Caller(DESK_ANSWER.to_owned()),
                Step::Pause(Millis(1_000)),
                Step::Hangup,
            ],
        }
    }
}

/// What the demonstration runs with.
pub struct Stage {
    /// Recording, audio and database go here.
    pub out: PathBuf,
    /// Folder with `front-desk.toml` and `warm-desk.toml`.
    pub assistants: PathBuf,
    /// Of the worker and of both phones.
    pub speech: Speech,
    pub story: Story,
}

/// Speech without models: the ear knows beforehand what it will hear.
pub fn scripted_speech(story: Story) -> Speech {
    let desk = (story == Story::Warm).then(|| DESK_NAME.to_owned());
    let mut words: Vec<String> = story.caller_steps().into_iter().filter_map(spoken).collect();
    // The desk's first words are said to the worker, while the caller is on hold.
    desk.into_iter().for_each(|name| words.insert(1, name));
    Speech::scripted(ScriptedRecognizer::new(words), ScriptedSynthesizer::new(HUM_MS))
}

fn spoken(step: Step) -> Option<String> {
    match step {
        Step::Caller(words) | Step::Over(words) => Some(words),
        Step::Dtmf(_) | Step::Pause(_) | Step::Hangup | Step::Expect(_) => None,
    }
}

/// The two telephones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Caller,
    Desk,
}

impl Stage {
    pub(super) fn voice(&self, role: Role) -> Voice {
        let pitch = if role == Role::Caller { CALLER_PITCH } else { DESK_PITCH };
        Voice::new(Arc::clone(&self.speech.synthesizer), pitch)
    }

    /// Speaks what is known beforehand ahead of the call: a person does not think a second about each sentence either.
    pub(super) async fn rehearse(&self) -> Result<(), DemoError> {
        let said = |role, steps: Vec<Step>| steps.into_iter().filter_map(spoken).map(move |words| (role, words));
        let caller = said(Role::Caller, self.story.caller_steps());
        let desk = said(Role::Desk, self.story.desk_steps());
        let requests: Vec<_> = caller.chain(desk).map(|(role, words)| self.voice(role).request(&words)).collect();
        let speech = self.speech.clone();
        let rehearsed = tokio::task::spawn_blocking(move || speech.prerender(requests)).await;
        rehearsed.map_err(|error| DemoError::new("the voice", error))?.map_err(|error| DemoError::new("the voice", error))
    }

    pub(super) fn phone(&self, role: Role, clock: Clock, show: impl Fn(Happening) + Send + Sync + 'static) -> Result<Phone, DemoError> {
        let (name, rtp) = match role {
            Role::Caller => ("caller", (21_000, 21_499)),
            Role::Desk => (TARGET, (21_500, 21_999)),
        };
        let voice = self.voice(role);
        let config = PhoneConfig { name: name.to_owned(), local: ANY_PORT, rtp, access: AccessList::default(), voice, clock };
        Phone::start(config, Arc::new(show)).map_err(|error| DemoError::new("a telephone", error))
    }

    /// A worker as `serve` would start it, on ports of its own; calls are transferred to `desk`.
    pub(super) fn worker(&self, desk: &str, observer: Observer) -> Result<Config, DemoError> {
        let destinations = BTreeMap::from([(self.story.assistant().to_owned(), BTreeMap::from([(TARGET.to_owned(), desk.to_owned())]))]);
        let assistants = Assistants::load(&self.assistants, self.story.assistant(), Vec::new(), &destinations)
            .map_err(|error| DemoError::new("the assistant", error))?;
        let trunks = Trunks::new(vec![trunk()?]).map_err(|error| DemoError::new("the trunk", error))?;
        Ok(Config {
            name: "voice-worker".to_owned(),
            organisation: OrganisationId(Uuid::from_u128(1)),
            calls_max: 4,
            sip: SipConfig {
                udp: vec![ANY_PORT],
                tcp: vec![ANY_PORT],
                advertised: None,
                access: AccessList::default(),
                timers: Timers::default(),
                session: SessionTimers::default(),
            },
            trunks,
            trunk_owners: BTreeMap::new(),
            transfer: TransferConfig::default(),
            media: MediaConfig {
                bind: LOOPBACK,
                ports: (20_000, 20_999),
                timeout: Millis::from_secs(30),
                quarantine: Millis(0),
                codecs: vec![crate::sip::sdp::AudioCodec::Pcmu],
            },
            speech: SpeechChoice::Given(self.speech.clone()),
            runtime: ShellConfig::default(),
            api: ApiConfig { listen: ANY_PORT, metrics_open: true, keys: crate::api::KeyRing::default(), rate: (0, 1) },
            recording: RecordingConfig {
                folder: Some(self.out.clone()),
                protection: Protection::Plain,
                key: None,
                max_bytes: 16 << 20,
                audio: Some(self.out.clone()),
                retention_days: None,
                scrub: false,
            },
            chat: ChatLimits::default(),
            store: SqliteConfig::at(self.out.join("demo.sqlite")),
            assistants,
            deadlines: crate::call::Deadlines::default(),
            observer: Some(observer),
            exporting: None,
            metrics: None,
        })
    }
}

/// Calls from this machine, which may be sent on to this machine and nowhere else.
fn trunk() -> Result<Trunk, DemoError> {
    let fault = |error| DemoError::new("the trunk", error);
    Ok(Trunk {
        name: "loopback".to_owned(),
        sources: AccessList::default().networks().to_vec(),
        outbound: None,
        credentials: None,
        template: DestinationTemplate::default(),
        allow: AllowList::parse(&["sip:*@127.0.0.1"]).map_err(fault)?,
        refer: ReferProfile::default(),
        caller_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_the_caller_can_be_read_and_speaks_twice() {
        let steps = Story::Cold.caller_steps();
        assert!(matches!(steps[..], [Step::Dtmf(_), Step::Caller(_), Step::Caller(_), Step::Pause(_), Step::Hangup]), "{steps:?}");
    }

    #[test]
    fn in_the_warm_story_the_desk_decides_by_key_before_it_speaks_to_the_caller() {
        let steps = Story::Warm.desk_steps();
        let key = steps.iter().position(|step| matches!(step, Step::Dtmf(keys) if keys.len() == 1));
        let welcome = steps.iter().position(|step| *step == Step::Over(DESK_WELCOME.to_owned()));
        assert!(key < welcome && key.is_some(), "{steps:?}");
        assert!(matches!(Story::Warm.caller_steps()[..], [Step::Caller(_), Step::Pause(_), Step::Caller(_), Step::Pause(_), Step::Hangup]));
    }
}
