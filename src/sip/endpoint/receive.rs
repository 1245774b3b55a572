//! A message came: whose is it, and may it be taken at all (RFC 3261 sections 8.2 and 16.3).

use super::clients::{Answered, Outcome};
use super::config::OptionsStatus;
use super::core::{ALLOW, SUPPORTED};
use super::servers::{Reply, ServerKey, way_back};
use super::{Endpoint, Source};
use crate::model::WorkerTime;
use crate::sip::dialog::DialogKey;
use crate::sip::leg::originate::end_fork;
use crate::sip::message::{Message, Method, Request};
use crate::sip::uri::Uri;
use crate::sip::wire::{self, Framed, KeepAlive, StreamFramer, StreamRole, WireError};
use std::sync::Arc;

impl Endpoint {
    /// One datagram, or bytes of a stream as they came (framed here, by connection). A stream that can no longer be cut into messages is to be
    /// closed (`poll_close`).
    pub fn receive(&mut self, at: WorkerTime, from: Source, bytes: &[u8]) {
        let Some(connection) = from.connection else {
            self.take(at, &from, wire::parse_datagram(bytes));
            return;
        };
        if self.closing.contains(&connection) {
            return;
        }
        let mut framer =
            self.streams.remove(&connection).unwrap_or_else(|| StreamFramer::new(StreamRole::Accepted, wire::Limits::default()));
        framer.push(bytes);
        loop {
            match framer.pop() {
                Ok(Some(Framed::Message(message))) => self.take(at, &from, message),
                Ok(Some(Framed::KeepAlive(KeepAlive::Ping))) => self.pong(&from),
                Ok(Some(Framed::KeepAlive(KeepAlive::Pong))) => {}
                Ok(None) => break,
                Err(_) => {
                    // Where the next message begins nobody can say any more (RFC 3261 section 18.3).
                    self.core.counts.broken_streams += 1;
                    self.closing.push(connection);
                    return;
                }
            }
        }
        self.streams.insert(connection, framer);
    }

    fn pong(&mut self, from: &Source) {
        let to = super::Destination::Address { transport: from.transport, remote: from.remote, connection: from.connection };
        self.core.send(to, Arc::from(b"\r\n".as_slice()));
    }

    fn take(&mut self, at: WorkerTime, from: &Source, message: Result<Message, WireError>) {
        if !self.core.has_room() {
            self.core.counts.dropped_full += 1;
            return;
        }
        match message {
            Ok(Message::Request(request)) => self.request(at, from, request),
            Ok(Message::Response(response)) => {
                if let Some(answered) = self.core.client_response(at, response) {
                    self.answered(at, answered);
                }
            }
            Err(WireError::BadRequest(refusal)) => {
                self.core.counts.malformed += 1;
                let tag = self.core.token();
                let response = refusal.response(&tag);
                let shadow =
                    Request { method: refusal.method.clone(), target: String::new(), headers: response.headers.clone(), body: Vec::new() };
                let mut response = response;
                note_source(&mut response.headers, from);
                self.core.send(way_back(&shadow, from), wire::print(&Message::Response(response)).into());
            }
            Err(WireError::Unroutable(_)) => self.core.counts.unroutable += 1,
            Err(WireError::KeepAlive(_)) => {}
        }
    }

    /// What came of a request of ours goes to its leg; a 2xx to an INVITE whose leg is gone is ended.
    pub(super) fn answered(&mut self, at: WorkerTime, answered: Answered) {
        let leg = answered.owned.leg.and_then(|key| self.legs.remove(&key));
        match leg {
            Some(mut leg) => {
                leg.on_answer(&mut self.core, at, answered);
                self.put_back(at, leg);
            }
            None => {
                if let (Outcome::Response(response), Method::Invite) = (&answered.outcome, &answered.request.method)
                    && response.is_success()
                {
                    end_fork(&mut self.core, at, &answered, response);
                }
            }
        }
    }

    fn request(&mut self, at: WorkerTime, from: &Source, mut request: Request) {
        note_source(&mut request.headers, from);
        if request.method == Method::Ack {
            self.ack(at, &request);
            return;
        }
        let Some(key) = ServerKey::of(&request, request.method.clone()) else {
            self.core.counts.unroutable += 1;
            return;
        };
        if self.core.servers.contains(&key) {
            self.core.request_again(&key);
            return;
        }
        let merged = self.core.is_merged(&request);
        if self.core.admit(&key, &request, from).is_err() {
            self.core.counts.overloaded += 1;
            if request.method != Method::Cancel {
                let seconds = self.core.config.limits.retry_after_seconds.to_string();
                let tag = self.core.token();
                self.core.respond_stateless(&request, from, &Reply::tagged(503, &tag).with("Retry-After", seconds));
            }
            return;
        }
        if request.method == Method::Cancel {
            self.cancel(at, &key, &request);
            return;
        }
        if let Some(mut refusal) = self.unacceptable(&request, merged) {
            refusal.to_tag = Some(self.core.token());
            self.core.respond(at, &key, refusal);
            return;
        }
        if request.headers.to_tag().is_some() {
            self.in_dialog(at, &key, &request);
        } else {
            self.outside(at, from, &key, &request);
        }
    }

    /// RFC 3261 section 8.2.1–8.2.2 and 16.3.
    fn unacceptable(&mut self, request: &Request, merged: bool) -> Option<Reply> {
        let hops = request.headers.max_forwards().and_then(Result::ok).map_or(70, |hops| hops.0);
        let unknown = request.headers.tokens("Require").unknown_to(&SUPPORTED);
        let reply = if matches!(request.method, Method::Other(_)) {
            Reply::new(501).with("Allow", ALLOW)
        } else if matches!(request.method, Method::Register | Method::Subscribe | Method::Message | Method::Publish) {
            Reply::new(405).with("Allow", ALLOW)
        } else if hops == 0 && request.method != Method::Options {
            Reply::new(483)
        } else if matches!(request.uri(), Ok(Uri::Other { .. })) {
            Reply::new(416)
        } else if Self::misplaced_replaces(request) {
            self.core.counts.malformed += 1;
            return Some(Reply::new(400).with("Warning", "399 voice-worker \"Replaces belongs into an INVITE outside any dialog\""));
        } else if merged {
            self.core.counts.merged += 1;
            return Some(Reply::new(482));
        } else if unknown.is_empty() {
            return None;
        } else {
            Reply::new(420).with("Unsupported", unknown.to_string())
        };
        self.core.counts.unsupported += 1;
        Some(reply)
    }

    /// An ACK with an INVITE's branch is for a refusal; any other is for a 2xx and belongs to the dialog.
    fn ack(&mut self, at: WorkerTime, request: &Request) {
        if let Some(key) = ServerKey::of(request, Method::Invite)
            && self.core.acknowledged(at, &key)
        {
            return;
        }
        match self.dialogs.get(&DialogKey::of(request)).copied() {
            Some(leg) => self.with_leg(at, leg, |leg, core| leg.on_ack(core, at, request)),
            None => self.core.counts.stray_acks += 1,
        }
    }

    fn cancel(&mut self, at: WorkerTime, key: &ServerKey, request: &Request) {
        let invite = ServerKey::of(request, Method::Invite).filter(|invite| self.core.servers.contains(invite));
        let Some(invite) = invite else {
            self.core.counts.unknown_dialog += 1;
            let tag = self.core.token();
            self.core.respond(at, key, Reply::tagged(481, &tag));
            return;
        };
        let leg = self.core.servers.leg_of(&invite);
        let tag = leg.and_then(|leg| self.legs.get(&leg)?.local_tag()).unwrap_or_else(|| self.core.token());
        self.core.respond(at, key, Reply::tagged(200, &tag));
        if let Some(leg) = leg.filter(|_| self.core.servers.is_pending(&invite)) {
            self.with_leg(at, leg, |leg, core| leg.on_cancel(core, at));
        }
    }

    fn in_dialog(&mut self, at: WorkerTime, key: &ServerKey, request: &Request) {
        let dialog = DialogKey::of(request);
        if let Some(leg) = self.dialogs.get(&dialog).copied() {
            self.with_leg(at, leg, |leg, core| leg.on_request(core, at, key, request));
        } else if request.method == Method::Notify && self.lingering.contains_key(&dialog) {
            // The peer's BYE overtook the NOTIFY, or ended the call right before it.
            self.core.counts.stale_notifies += 1;
            self.core.respond(at, key, Reply::new(200));
        } else {
            self.core.counts.unknown_dialog += 1;
            self.core.respond(at, key, Reply::new(481));
        }
    }

    fn outside(&mut self, at: WorkerTime, from: &Source, key: &ServerKey, request: &Request) {
        match request.method {
            Method::Invite => self.invite(at, from, key, request),
            Method::Options => {
                let status = match self.core.options {
                    OptionsStatus::Available => 200,
                    OptionsStatus::Draining => 503,
                };
                let tag = self.core.token();
                let contact = self.core.face_of(from).contact(&self.core.config.contact_user);
                let reply = Reply::tagged(status, &tag)
                    .with("Allow", ALLOW)
                    .with("Accept", "application/sdp")
                    .with("Supported", SUPPORTED.join(", "))
                    .with("Contact", contact);
                self.core.respond(at, key, reply);
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Message
            | Method::Publish
            | Method::Other(_) => {
                self.core.counts.unknown_dialog += 1;
                let tag = self.core.token();
                self.core.respond(at, key, Reply::tagged(481, &tag));
            }
        }
    }
}

/// `received` and `rport` (RFC 3261 section 18.2.1, RFC 3581 section 4).
fn note_source(headers: &mut crate::sip::headers::Headers, from: &Source) {
    if let Ok(mut via) = headers.top_via() {
        via.note_source(from.remote);
        headers.set_top_via(&via);
    }
}
