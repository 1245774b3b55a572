//! A call begins: runtime, rows, directory, recording and driver, the same for calls that come in and calls that go out.

use super::admission::Slot;
use super::assistants::{Assigned, sha256_hex};
use super::directory::{Live, View};
use super::driver::{Driver, supervise};
use super::inbox::{Inbox, InboxReader};
use super::legs::Legs;
use super::line::Line;
use super::shells::Shells;
use super::spans::Spans;
use super::translate;
use crate::call::{CallSettings, Direction, Opening};
use crate::media::shell::LegMedia;
use crate::model::{ConversationId, LegId, OrganisationId, Redacted};
use crate::replay::{Header, SCHEMA};
use crate::runtime::{RuntimeOpening, Value, VoiceRuntime};
use crate::store::{LiveUpdate, NewConversation, Origin};
use crate::telemetry::{mask_number, span};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// Who talks to whom.
pub(super) struct Parties {
    pub(super) conversation: ConversationId,
    pub(super) direction: Direction,
    pub(super) trunk: String,
    pub(super) organisation: OrganisationId,
    pub(super) from: Redacted<String>,
    pub(super) to: Redacted<String>,
    /// Values for the assistant's declared variables.
    pub(super) variables: BTreeMap<String, Value>,
}

/// The first leg.
pub(super) struct FirstLeg {
    pub(super) line: Line,
    pub(super) media: Arc<LegMedia>,
    pub(super) address: IpAddr,
}

impl Parties {
    pub(super) fn seed(&self) -> u64 {
        self.conversation.0.as_u64_pair().1
    }

    /// Whom the call is about: who called, or who was called.
    fn customer(&self) -> &Redacted<String> {
        match self.direction {
            Direction::Inbound => &self.from,
            Direction::Outbound => &self.to,
        }
    }

    const fn word(&self) -> &'static str {
        match self.direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// The runtime comes first: it fills the `{{var}}` of the texts the core speaks by itself, and refuses variables that do not fit.
pub(super) fn runtime(shells: &Shells, parties: &Parties, assigned: &Assigned) -> VoiceRuntime {
    let opening = RuntimeOpening {
        conversation: parties.conversation,
        from: parties.from.clone(),
        to: parties.to.clone(),
        direction: parties.direction,
        variables: parties.variables.clone(),
        seed: parties.seed(),
        wall: shells.clock.wall(),
    };
    VoiceRuntime::new(Arc::clone(&assigned.assistant), opening)
}

/// From here on the call lives by itself; its slot is free again when it is over.
pub(super) fn begin(
    shells: &Arc<Shells>,
    parties: Parties,
    assigned: &Assigned,
    runtime: VoiceRuntime,
    first: FirstLeg,
    inbox: (Inbox, InboxReader),
    slot: Slot,
) {
    let conversation = parties.conversation;
    start_audio_recording(shells, conversation, &first.media);
    let opening = opening(shells, &parties, &runtime);
    let style = Arc::new(translate::speaking_style(&opening.settings.voice));
    let mut legs = Legs::new(
        parties.trunk.clone(),
        Arc::clone(&shells.synthesizer),
        style,
        shells.codecs.clone(),
        inbox.0.clone(),
        shells.tasks.clone(),
    );
    legs.add(LegId::CALLER, first.line, first.media, first.address);
    let view = Arc::new(View::default());
    shells.directory.add(
        conversation,
        Live {
            organisation: parties.organisation,
            direction: parties.word(),
            trunk: parties.trunk.clone(),
            assistant: assigned.name.clone(),
            caller: mask_number(parties.customer().expose()),
            wall: opening.wall,
            started: shells.clock.now(),
            inbox: inbox.0.clone(),
            view: Arc::clone(&view),
        },
    );
    store_row(shells, &parties, assigned, &opening);
    let recording = shells.recorder.as_ref().map(|recorder| recorder.open(header(&opening, assigned)));
    let session = span::session(conversation, parties.word(), &parties.trunk, &assigned.name);
    let mut driver = Driver::new(conversation, Arc::clone(shells), runtime, legs, inbox, recording, view);
    driver.spans = Spans::new(session);
    let owner = Arc::clone(shells);
    shells.tasks.spawn("call", async move {
        supervise(driver, opening).await;
        owner.directory.remove(conversation);
        drop(slot);
    });
}

fn opening(shells: &Shells, parties: &Parties, runtime: &VoiceRuntime) -> Opening {
    let settings = CallSettings {
        voice: runtime.voice_settings(),
        deadlines: shells.deadlines.clone(),
        transfer: shells.dialling.profile(&parties.trunk, shells.calling.attempts_per_call),
        ..CallSettings::default()
    };
    Opening {
        conversation: parties.conversation,
        direction: parties.direction,
        from: parties.from.clone(),
        to: parties.to.clone(),
        trunk: parties.trunk.clone(),
        wall: shells.clock.wall(),
        seed: parties.seed(),
        settings,
    }
}

fn header(opening: &Opening, assigned: &Assigned) -> Header {
    let settings = serde_json::to_vec(&opening.settings).unwrap_or_default();
    Header {
        schema: SCHEMA,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        conversation: opening.conversation,
        wall: opening.wall,
        seed: opening.seed,
        settings_digest: sha256_hex(&settings),
        assistant_digest: assigned.digest.clone(),
        assistant: assigned.name.clone(),
        masked: false,
        sealed: None,
    }
}

fn store_row(shells: &Shells, parties: &Parties, assigned: &Assigned, opening: &Opening) {
    let (conversation, customer) = (parties.conversation, parties.customer().expose());
    // One end user per number and organisation; the number itself is not stored in the id.
    let end_user = Uuid::new_v5(&parties.organisation.0, customer.as_bytes());
    let mut row = NewConversation::inbound_voice(conversation, parties.organisation, end_user, opening.wall);
    if parties.direction == Direction::Outbound {
        row.origin = Some(Origin::Outbound);
    }
    row.assistant = Some(assigned.name.clone());
    row.worker = Some(shells.worker);
    row.metadata.insert("caller".to_owned(), customer.clone().into());
    shells.writer.offer(LiveUpdate::Create(Box::new(row)));
    if let Some(recorder) = &shells.recorder {
        let path = recorder.path_of(conversation).to_string_lossy().into_owned();
        shells.writer.offer(LiveUpdate::Recording { conversation, path, at: opening.wall });
    }
}

fn start_audio_recording(shells: &Shells, conversation: ConversationId, media: &LegMedia) {
    if let Some(folder) = &shells.audio_folder
        && let Err(error) = media.start_recording(&folder.join(format!("{conversation}.wav")))
    {
        tracing::error!(%conversation, %error, "the call's audio is not recorded; the call goes on");
    }
}
