//! Two legs joined: their audio meets in a room of the pacer, their keys are pressed anew on the other side.

use super::driver::Driver;
use crate::call::{BridgeFailure, Event, ToneKind};
use crate::media::{Chime, MediaOrder, RoomId};
use crate::model::{Digit, DigitSource, LegId, Millis, RequestId};

/// How long a relayed key is pressed.
const KEY: Millis = Millis(100);

/// See the module.
#[derive(Debug)]
pub(super) struct Bridge {
    legs: [LegId; 2],
    request: RequestId,
    room: RoomId,
    /// Packets came from, and the other's audio went to, each leg.
    flows: [bool; 2],
    up: bool,
}

impl Bridge {
    fn place(&self, leg: LegId) -> Option<usize> {
        self.legs.iter().position(|member| *member == leg)
    }
}

impl Driver {
    pub(super) fn bridge(&mut self, a: LegId, b: LegId, request: RequestId) {
        if let Some(old) = self.bridge.take() {
            self.leave(&old);
        }
        let room = self.shells.calling.new_room();
        for leg in [a, b] {
            if !self.legs.is_up(leg) {
                return self.pending.push_back(Event::BridgeFailed { request, why: BridgeFailure::LegGone });
            }
        }
        let bridge = Bridge { legs: [a, b], request, room, flows: [false; 2], up: false };
        for leg in bridge.legs {
            self.legs.media_order(leg, MediaOrder::StopMusic);
            if !self.legs.media_order(leg, MediaOrder::Join { room }) {
                self.leave(&bridge);
                return self.pending.push_back(Event::BridgeFailed { request, why: BridgeFailure::Refused });
            }
        }
        self.bridge = Some(bridge);
    }

    pub(super) fn unbridge(&mut self, a: LegId, b: LegId) {
        if self.bridge.as_ref().is_some_and(|bridge| bridge.place(a).is_some() && bridge.place(b).is_some())
            && let Some(bridge) = self.bridge.take()
        {
            self.leave(&bridge);
        }
    }

    /// One of the bridge's legs is gone: the other hears silence, not a ghost.
    pub(super) fn part_from(&mut self, leg: LegId) {
        if self.bridge.as_ref().is_some_and(|bridge| bridge.place(leg).is_some())
            && let Some(bridge) = self.bridge.take()
        {
            self.leave(&bridge);
        }
    }

    fn leave(&self, bridge: &Bridge) {
        for leg in bridge.legs {
            self.legs.media_order(leg, MediaOrder::Leave);
        }
    }

    /// Audio goes both ways on this leg of the room; true of both legs, the bridge is up.
    pub(super) fn room_flows(&mut self, leg: LegId, room: RoomId) {
        let Some(bridge) = self.bridge.as_mut().filter(|bridge| bridge.room == room) else { return };
        if let Some(place) = bridge.place(leg) {
            bridge.flows[place] = true;
        }
        if bridge.flows == [true; 2] && !bridge.up {
            bridge.up = true;
            let (request, legs) = (bridge.request, bridge.legs);
            // What is said from now on is in the caller's recording.
            legs.into_iter().for_each(|leg| self.end_consult(leg));
            self.pending.push_back(Event::BridgeUp { request });
        }
    }

    /// A key that came in a packet of its own is not in the audio: it is pressed anew. One that was found in the audio is there already.
    pub(super) fn relay_key(&self, leg: LegId, digit: Digit, source: DigitSource) {
        let Some((bridge, place)) = self.bridge.as_ref().and_then(|bridge| Some((bridge, bridge.place(leg)?))) else { return };
        match source {
            DigitSource::Rfc4733 | DigitSource::SipInfo => {
                self.legs.media_order(bridge.legs[1 - place], MediaOrder::SendDigit { digit, duration: KEY });
            }
            DigitSource::InBand => {}
        }
    }
}

/// The sound behind a word of the core.
pub(super) const fn chime(kind: ToneKind) -> Chime {
    match kind {
        ToneKind::Bridged => Chime::Bridge,
    }
}
