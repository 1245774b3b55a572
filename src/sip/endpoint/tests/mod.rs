//! The endpoint in virtual time: a scripted peer (`Bench`), and two endpoints over a bad link (`link`).

mod inbound;
mod large;
mod link;
mod modify;
mod odd;
mod outbound;
mod redirect;
mod refer;
mod refer_odd;
mod replace;

use super::*;
use crate::model::Millis;
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::sdp::{AudioCodec, LocalMedia};
use crate::sip::wire;
use std::net::SocketAddr;

pub(super) const WORKER: &str = "192.0.2.1:5060";
pub(super) const PEER: &str = "192.0.2.7:5060";

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn media(host: &str, port: u16) -> LocalMedia {
    LocalMedia {
        address: host.parse().unwrap(),
        port,
        codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma],
        telephone_event: Some(101),
        ptime: Millis(20),
        rtcp_mux: false,
    }
}

pub(super) fn config(local: &str) -> Config {
    let listener = |transport| Listener { transport, local: addr(local), advertised: None };
    Config::new(vec![listener(Transport::Udp), listener(Transport::Tcp)])
}

pub(super) fn sdp(version: u32, port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 7 {version} IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// A worker and a peer whose every word is written out.
pub(super) struct Bench {
    pub(super) endpoint: Endpoint,
    pub(super) at: WorkerTime,
    branches: u32,
    /// Our dialog as the peer sees it.
    pub(super) worker_tag: String,
    pub(super) worker_contact: String,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(config(WORKER))
    }

    pub(super) fn with(config: Config) -> Self {
        let endpoint = Endpoint::new(config, 42);
        Self { endpoint, at: WorkerTime::from_millis(1_000), branches: 0, worker_tag: String::new(), worker_contact: String::new() }
    }

    pub(super) fn source() -> Source {
        Source { transport: Transport::Udp, local: addr(WORKER), remote: addr(PEER), connection: None }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.endpoint.receive(self.at, Self::source(), text.as_bytes());
    }

    /// A request of the peer, in the dialog if there is one, with a new branch; the text comes back for sending again.
    pub(super) fn request(&mut self, method: &str, seq: u32, headers: &str, body: &str) -> String {
        self.branches += 1;
        let branch = format!("z9hG4bKpeer{}", self.branches);
        self.request_on(&branch, method, seq, headers, body)
    }

    pub(super) fn request_on(&mut self, branch: &str, method: &str, seq: u32, headers: &str, body: &str) -> String {
        let to = if self.worker_tag.is_empty() { String::new() } else { format!(";tag={}", self.worker_tag) };
        let text = format!(
            "{method} sip:worker@{WORKER} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:caller@192.0.2.7>;tag=peer\r\nTo: <sip:worker@192.0.2.1>{to}\r\nCall-ID: call-1\r\nCSeq: {seq} {method}\r\n\
             Contact: <sip:caller@{PEER}>\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.say(&text);
        text
    }

    pub(super) fn heard(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|one| wire::parse_datagram(&one.bytes).unwrap()).collect()
    }

    pub(super) fn responses(&mut self) -> Vec<Response> {
        let only = |message| if let Message::Response(one) = message { Some(one) } else { None };
        self.heard().into_iter().filter_map(only).collect()
    }

    pub(super) fn requests(&mut self) -> Vec<Request> {
        let only = |message| if let Message::Request(one) = message { Some(one) } else { None };
        self.heard().into_iter().filter_map(only).collect()
    }

    /// Final statuses that left, in order.
    pub(super) fn statuses(&mut self) -> Vec<u16> {
        self.responses().iter().map(|response| response.status).collect()
    }

    pub(super) fn events(&mut self) -> Vec<LegEvent> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    /// Answers a request of the worker.
    pub(super) fn reply(&mut self, to: &Request, status: u16, headers: &str, body: &str) {
        let mut response = to.reply(status, "Whatever");
        response.headers.tag_to("peer");
        for line in headers.lines() {
            let (name, value) = line.split_once(':').unwrap();
            response.headers.push(name, value);
        }
        if !response.headers.contains("Contact") {
            response.headers.push("Contact", format!("<sip:caller@{PEER}>"));
        }
        if !body.is_empty() {
            response.headers.push("Content-Type", "application/sdp");
            response.body = body.as_bytes().to_vec();
        }
        let bytes = wire::print(&response.into());
        self.endpoint.receive(self.at, Self::source(), &bytes);
    }

    pub(super) fn pass(&mut self, millis: u64) {
        let until = self.at.after(Millis(millis));
        while let Some((due, _)) = self.endpoint.next_deadline().filter(|(due, _)| *due <= until) {
            self.at = self.at.max(due);
            self.endpoint.tick(self.at);
        }
        self.at = until;
    }

    /// INVITE with an offer, up to our ACK.
    pub(super) fn call_in(&mut self) -> LegKey {
        self.call_in_with("")
    }

    pub(super) fn call_in_with(&mut self, headers: &str) -> LegKey {
        let offer = sdp(1, 4000, "sendrecv");
        self.request("INVITE", 10, &format!("Content-Type: application/sdp\r\n{headers}"), &offer);
        let leg = self.events().last().unwrap().leg();
        self.endpoint.order(self.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
        let answer = self.responses().pop().unwrap();
        assert_eq!(answer.status, 200);
        self.worker_tag = answer.headers.to_tag().unwrap();
        self.worker_contact = answer.headers.contact().unwrap().uri;
        self.request("ACK", 10, "", "");
        assert!(matches!(self.events()[..], [LegEvent::Confirmed { .. }]));
        leg
    }

    pub(super) fn release(&mut self, leg: LegKey) {
        self.endpoint.order(self.at, Order::Release { leg, reason: None, unanswered_status: 480 }).unwrap();
    }

    /// Far past every timer nothing is left, and nothing more was said about any leg.
    pub(super) fn ends_empty(&mut self) {
        self.pass(70_000);
        self.heard();
        assert_eq!(self.events(), []);
        assert!(self.endpoint.is_empty(), "{:?} {:?}", self.endpoint.counts(), self.endpoint.next_deadline());
    }
}

pub(super) fn released(events: &[LegEvent]) -> Vec<(ReleasedBy, ReleaseReason)> {
    let only = |event: &LegEvent| if let LegEvent::Released { by, why, .. } = event { Some((*by, *why)) } else { None };
    events.iter().filter_map(only).collect()
}

pub(super) fn call_out(bench: &mut Bench) -> (LegKey, Request) {
    let call = Originate {
        target: "sip:human@192.0.2.7:5060".to_owned(),
        from: "sip:worker@192.0.2.1".to_owned(),
        from_display: None,
        destination: Destination::Address { transport: Transport::Udp, remote: addr(PEER), connection: None },
        credentials: Some(Credentials { username: "trunk".to_owned(), password: "secret".into() }),
        media: media("192.0.2.1", 6000),
        headers: Vec::new(),
        ring_timeout: None,
        redirects: None,
    };
    let leg = bench.endpoint.originate(bench.at, call).unwrap();
    let invite = bench.requests().pop().unwrap();
    assert_eq!(invite.method, Method::Invite);
    (leg, invite)
}
