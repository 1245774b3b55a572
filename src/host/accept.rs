//! An INVITE at the door: slot, assistant, media port and driver, all before the call's first event.

use super::begin::{self, FirstLeg, Parties};
use super::inbox::inbox;
use super::legs::media_sink;
use super::line::Line;
use super::router::{Owner, Routed};
use super::shells::Shells;
use crate::call::Direction;
use crate::media::LegMediaConfig;
use crate::model::{ConversationId, LegId, Redacted};
use crate::sip::endpoint::{IncomingCall, LegEvent, LegKey, Order};
use crate::telemetry::{Counter, count};
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
    let asked = if let LegEvent::ReplaceRequested { by, .. } = &event { Some(*by) } else { None };
    match shells.router.route(event) {
        Routed::Delivered | Routed::Over => {}
        Routed::Orphan if asked.is_some() => {
            let refusal = |leg| Order::Reject { leg, status: 481, retry_after_seconds: None, reason: None };
            asked.into_iter().for_each(|by| shells.sip.order(refusal(by), |_| {}));
        }
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
    let parties = Parties {
        conversation: ConversationId(Uuid::now_v7()),
        direction: Direction::Inbound,
        organisation: trunk.organisation.unwrap_or(shells.organisation),
        trunk: trunk.name,
        from: Redacted::new(called_user(incoming.from.expose())),
        to: Redacted::new(called),
        variables: BTreeMap::new(),
    };
    let (sender, reader) = inbox();
    let media_config = LegMediaConfig { seed: parties.seed(), media_timeout: shells.media_timeout, ..LegMediaConfig::default() };
    let media = shells.media.open(media_config, media_sink(LegId::CALLER, sender.clone())).map_err(|error| Refused {
        status: 503,
        retry_after: Some(5),
        word: "no_media",
        detail: error.to_string(),
    })?;
    let address = shells.media_address.unwrap_or_else(|| incoming_address(incoming));
    let first = FirstLeg { line: Line::known(key), media: Arc::new(media), address };
    shells.router.add(key, Owner { leg: LegId::CALLER, conversation: parties.conversation, inbox: sender.clone() });
    let runtime = begin::runtime(shells, &parties, assigned);
    begin::begin(shells, parties, assigned, runtime, first, (sender, reader), slot);
    Ok(())
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
