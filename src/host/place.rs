//! Outbound calls: a conversation that begins with an INVITE of ours.

use super::admission::Refusal;
use super::assistants::Assigned;
use super::begin::{self, FirstLeg, Parties};
use super::inbox::inbox;
use super::legs::{local_media, media_sink};
use super::line::Line;
use super::outbound::{call_out, invite, local_address};
use super::router::Owner;
use super::shells::Shells;
use crate::api::{PlaceCall, PlaceError, PlacedCall, assistant_id, number_id};
use crate::call::Direction;
use crate::media::LegMediaConfig;
use crate::model::{ConversationId, LegId, Millis, Redacted};
use crate::runtime::{Decimal, Value};
use crate::telemetry::{Counter, count};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// The CANCEL of a call nobody answers is on its way before the core's own deadline.
const CANCEL_TAKES: Millis = Millis(500);

/// A number of ours that calls can be placed from: a route with a trunk.
struct Number<'a> {
    number: &'a str,
    trunk: &'a str,
    assistant: &'a str,
}

/// Places the call; its row stands and its INVITE is on its way when this answers.
pub(super) fn place(shells: &Arc<Shells>, wanted: &PlaceCall) -> Result<PlacedCall, PlaceError> {
    let number = number(shells, wanted)?;
    let assigned = assistant(shells, wanted, &number)?;
    let dialled = shells.dialling.dial(number.trunk, wanted.to.expose()).map_err(|error| {
        count(Counter::CallsRefused, "destination", 1);
        PlaceError::NotAllowed(error.to_string())
    })?;
    let parties = Parties {
        conversation: ConversationId(Uuid::now_v7()),
        direction: Direction::Outbound,
        trunk: number.trunk.to_owned(),
        organisation: wanted.organisation,
        from: Redacted::new(number.number.to_owned()),
        to: wanted.to.clone(),
        variables: variables(wanted)?,
    };
    let runtime = begin::runtime(shells, &parties, assigned);
    if let Some(name) = runtime.refused_variables().first() {
        let why = "it is not declared by the assistant, or not of its type".to_owned();
        return Err(PlaceError::Variable { name: name.clone(), why });
    }
    let slot = shells.admission.admit().map_err(|refusal| {
        count(Counter::CallsRefused, refusal.word(), 1);
        PlaceError::Full(match refusal {
            Refusal::Full => "every slot is taken".to_owned(),
            Refusal::Draining => "the worker is draining".to_owned(),
        })
    })?;
    shells.calling.guard.take(shells.clock.now()).map_err(|limit| {
        count(Counter::CallsRefused, "limit", 1);
        PlaceError::NotAllowed(limit.to_string())
    })?;
    let (sender, reader) = inbox();
    let media_config = LegMediaConfig { seed: parties.seed(), media_timeout: shells.media_timeout, ..LegMediaConfig::default() };
    let media = shells
        .media
        .open(media_config, media_sink(LegId::CALLER, sender.clone()))
        .map_err(|error| PlaceError::Full(format!("no port for its audio: {error}")))?;
    let media = Arc::new(media);
    // A hop that is a name: the address is that of the first interface, or the configured one.
    let address = local_address(shells, &dialled).unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    let (conversation, line) = (parties.conversation, Line::dialling());
    let from = shells.from_uri(dialled.caller_id.as_deref().unwrap_or(number.number));
    let ring = Millis(shells.deadlines.setup.0.saturating_sub(CANCEL_TAKES.0).max(CANCEL_TAKES.0));
    let originate = invite(dialled, from, local_media(address, media.local_port(), &shells.codecs), Vec::new(), ring);
    let first = FirstLeg { line: line.clone(), media, address };
    let owner = Owner { leg: LegId::CALLER, conversation, inbox: sender.clone() };
    // The call is known before the first fact about it can come.
    begin::begin(shells, parties, assigned, runtime, first, (sender, reader), slot);
    call_out(shells, owner, line, originate);
    Ok(PlacedCall { conversation, assistant: assigned.name.clone() })
}

/// The route with this number; one of another organisation is as unknown as none.
fn number<'a>(shells: &'a Shells, wanted: &PlaceCall) -> Result<Number<'a>, PlaceError> {
    let route = shells.assistants.routes().iter().find(|route| number_id(&route.number) == wanted.from_number);
    let route = route.ok_or(PlaceError::UnknownNumber)?;
    let trunk = route
        .trunk
        .as_deref()
        .ok_or_else(|| PlaceError::NotAllowed("the number's route names no trunk: calls can come in by it and not go out".to_owned()))?;
    let owner = shells.dialling.owner(trunk).unwrap_or(shells.organisation);
    if owner != wanted.organisation {
        return Err(PlaceError::UnknownNumber);
    }
    Ok(Number { number: &route.number, trunk, assistant: &route.assistant })
}

fn assistant<'a>(shells: &'a Shells, wanted: &PlaceCall, number: &Number<'_>) -> Result<&'a Assigned, PlaceError> {
    let found = match wanted.assistant {
        Some(id) => shells.assistants.all().find(|assigned| assistant_id(&assigned.name) == id),
        None => shells.assistants.named(number.assistant),
    };
    found.ok_or(PlaceError::UnknownAssistant)
}

fn variables(wanted: &PlaceCall) -> Result<BTreeMap<String, Value>, PlaceError> {
    let mut variables = BTreeMap::new();
    for (name, value) in wanted.variables.expose() {
        let value = of_json(value).ok_or_else(|| PlaceError::Variable {
            name: name.clone(),
            why: "text, numbers and true or false are what a variable holds".to_owned(),
        })?;
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}

fn of_json(value: &serde_json::Value) -> Option<Value> {
    match value {
        serde_json::Value::String(text) => Some(Value::text(text)),
        serde_json::Value::Number(number) => Decimal::parse(&number.to_string()).map(Value::Number),
        serde_json::Value::Bool(flag) => Some(Value::Boolean(*flag)),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
    }
}
