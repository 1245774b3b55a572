//! An INVITE at the door: slot, assistant, media port and driver, all before the call's first event.

use super::assistants::{Assigned, sha256_hex};
use super::directory::{Live, View};
use super::driver::{Driver, supervise};
use super::inbox::inbox;
use super::legs::{Legs, media_sink};
use super::router::{Owner, Routed};
use super::shells::Shells;
use crate::call::{CallSettings, Direction, Opening};
use crate::media::LegMediaConfig;
use crate::model::{ConversationId, LegId, Redacted};
use crate::replay::{Header, SCHEMA};
use crate::runtime::{CallDirection, RuntimeOpening, VoiceRuntime};
use crate::sip::endpoint::{IncomingCall, LegEvent, LegKey, Order};
use crate::store::{LiveUpdate, NewConversation};
use crate::telemetry::{Counter, count, mask_number, span};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Takes every fact of the SIP endpoint: a new call is admitted, everything else goes to the call it belongs to.
pub(super) fn on_sip_event(shells: &Arc<Shells>, event: LegEvent) {
    if let LegEvent::Incoming { leg, call } = event {
        if let Err(refused) = accept(shells, leg, &call) {
            count(Counter::CallsRefused, refused.word, 1);
            tracing::warn!(%leg, why = refused.word, detail = refused.detail, "a call was refused");
            let order = Order::Reject { leg, status: refused.status, retry_after_seconds: refused.retry_after, reason: None };
            shells.sip.order(order, |answer| {
                if let Err(error) = answer {
                    tracing::debug!(%error, "a refusal was not needed any more");
                }
            });
        }
        return;
    }
    let leg = event.leg();
    match shells.router.route(event) {
        Routed::Delivered | Routed::Over => {}
        Routed::Orphan => tracing::debug!(%leg, "a fact about a leg without a call"),
    }
}

/// Why a call was turned away, and with what.
struct Refused {
    status: u16,
    retry_after: Option<u32>,
    word: &'static str,
    detail: String,
}

fn accept(shells: &Arc<Shells>, key: LegKey, incoming: &IncomingCall) -> Result<(), Refused> {
    let slot = shells.admission.admit().map_err(|refusal| {
        let (status, retry_after) = refusal.answer();
        Refused { status, retry_after, word: refusal.word(), detail: String::new() }
    })?;
    let trunk = shells.dialling.trunk_of(incoming.source.remote.ip());
    let called = called_user(incoming.target.expose());
    let assigned = shells.assistants.assign(&called, &trunk.name).ok_or_else(|| Refused {
        status: 404,
        retry_after: None,
        word: "no_assistant",
        detail: "no assistant is configured for the called number".to_owned(),
    })?;
    let conversation = ConversationId(Uuid::now_v7());
    let seed = conversation.0.as_u64_pair().1;
    let (sender, reader) = inbox();
    let media_config = LegMediaConfig { seed, media_timeout: shells.media_timeout, ..LegMediaConfig::default() };
    let media = shells.media.open(media_config, media_sink(LegId::CALLER, sender.clone())).map_err(|error| Refused {
        status: 503,
        retry_after: Some(5),
        word: "no_media",
        detail: error.to_string(),
    })?;
    let media = Arc::new(media);
    start_audio_recording(shells, conversation, &media);
    let address = shells.media_address.unwrap_or_else(|| incoming_address(incoming));
    let (runtime, opening) = self::conversation(shells, conversation, seed, incoming, &trunk.name, assigned);
    let legs = Legs::new(trunk.name.clone(), key, media, address, Arc::clone(&shells.synthesizer), sender.clone(), &shells.tasks);
    shells.router.add(key, Owner { leg: LegId::CALLER, inbox: sender.clone() });
    let view = Arc::new(View::default());
    let organisation = trunk.organisation.unwrap_or(shells.organisation);
    shells.directory.add(
        conversation,
        Live {
            organisation,
            direction: "inbound",
            trunk: trunk.name.clone(),
            assistant: assigned.name.clone(),
            caller: mask_number(&called_user(incoming.from.expose())),
            wall: opening.wall,
            started: shells.clock.now(),
            inbox: sender.clone(),
            view: Arc::clone(&view),
        },
    );
    store_row(shells, conversation, organisation, assigned, &opening);
    let recording = shells.recorder.as_ref().map(|recorder| recorder.open(header(&opening, assigned)));
    let session = span::session(conversation, "inbound", &trunk.name, &assigned.name);
    let driver = Driver::new(conversation, Arc::clone(shells), runtime, legs, (sender, reader), recording, view, session);
    let owner = Arc::clone(shells);
    shells.tasks.spawn("call", async move {
        supervise(driver, opening).await;
        owner.directory.remove(conversation);
        drop(slot);
    });
    Ok(())
}

/// The runtime comes first: it fills the `{{var}}` of the texts the core speaks by itself.
fn conversation(
    shells: &Shells,
    conversation: ConversationId,
    seed: u64,
    incoming: &IncomingCall,
    trunk: &str,
    assigned: &Assigned,
) -> (VoiceRuntime, Opening) {
    let (from, to) = (Redacted::new(called_user(incoming.from.expose())), Redacted::new(called_user(incoming.target.expose())));
    let wall = shells.clock.wall();
    let opening = RuntimeOpening {
        conversation,
        from: from.clone(),
        to: to.clone(),
        direction: CallDirection::Inbound,
        variables: BTreeMap::new(),
        seed,
        wall,
    };
    let runtime = VoiceRuntime::new(Arc::clone(&assigned.assistant), opening);
    let settings = CallSettings { voice: runtime.voice_settings(), deadlines: shells.deadlines.clone(), ..CallSettings::default() };
    let opening = Opening { conversation, direction: Direction::Inbound, from, to, trunk: trunk.to_owned(), wall, seed, settings };
    (runtime, opening)
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
    }
}

fn store_row(
    shells: &Shells,
    conversation: ConversationId,
    organisation: crate::model::OrganisationId,
    assigned: &Assigned,
    opening: &Opening,
) {
    // One end user per calling number and organisation; the number itself is not stored in the id.
    let end_user = Uuid::new_v5(&organisation.0, opening.from.expose().as_bytes());
    let mut row = NewConversation::inbound_voice(conversation, organisation, end_user, opening.wall);
    row.assistant = Some(assigned.name.clone());
    row.worker = Some(shells.worker);
    row.metadata.insert("caller".to_owned(), opening.from.expose().clone().into());
    shells.writer.offer(LiveUpdate::Create(Box::new(row)));
    if let Some(recorder) = &shells.recorder {
        let path = recorder.path_of(conversation).to_string_lossy().into_owned();
        shells.writer.offer(LiveUpdate::Recording { conversation, path, at: opening.wall });
    }
}

fn start_audio_recording(shells: &Shells, conversation: ConversationId, media: &crate::media::shell::LegMedia) {
    if let Some(folder) = &shells.audio_folder
        && let Err(error) = media.start_recording(&folder.join(format!("{conversation}.wav")))
    {
        tracing::error!(%conversation, %error, "the call's audio is not recorded; the call goes on");
    }
}

/// The user part of a URI in a header or request line, without display name and parameters; the whole text where there is none.
fn called_user(header: &str) -> String {
    let uri = header.split_once('<').map_or(header, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    let without_scheme = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let user = without_scheme.split(['@', ';', '?']).next().unwrap_or(without_scheme);
    user.to_owned()
}

/// Where the peer reaches our media: the address its INVITE arrived at, or (bound to every address) the one we reach the peer from.
fn incoming_address(incoming: &IncomingCall) -> std::net::IpAddr {
    let local = incoming.source.local.ip();
    if !local.is_unspecified() {
        return local;
    }
    let towards = || {
        let unbound: std::net::SocketAddr = (local, 0).into();
        let socket = std::net::UdpSocket::bind(unbound)?;
        socket.connect(incoming.source.remote)?;
        socket.local_addr()
    };
    towards().map_or(local, |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_called_user_is_found_in_every_form_a_trunk_writes() {
        assert_eq!(called_user("\"A\" <sip:+4930123@host;user=phone>;tag=1"), "+4930123");
        assert_eq!(called_user("sip:1000@127.0.0.1:5060;transport=udp"), "1000");
        assert_eq!(called_user("tel:+15550100;phone-context=x"), "+15550100");
        assert_eq!(called_user("<sip:host>"), "host");
    }
}
