//! One dialog: tags, route set, sequence numbers (RFC 3261 section 12).
//!
//! Owned by exactly one leg and never copied, so that a sequence number is never used twice. Matching is by Call-ID and tags alone: peers
//! rewrite ports and names in From and To.
//!
//! Does not do: transactions, SDP, deciding when a dialog ends.

use super::endpoint::{Destination, Transport};
use super::headers::Headers;
use super::message::{Method, Request, Response};
use super::readers::NameAddr;
use super::uri::Uri;
use std::net::SocketAddr;

/// Call-ID, our tag, their tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DialogKey {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: String,
}

impl DialogKey {
    /// Of a request that came to us.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            call_id: request.headers.get("Call-ID").unwrap_or_default().to_owned(),
            local_tag: request.headers.to_tag().unwrap_or_default(),
            remote_tag: request.headers.from_tag().unwrap_or_default(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) key: DialogKey,
    /// From of our requests, whole.
    local: String,
    /// To of our requests, whole.
    remote: String,
    local_seq: u32,
    remote_seq: Option<u32>,
    remote_target: String,
    /// Route values as they were written, in the order we use them.
    routes: Vec<String>,
    /// Where the dialog was made: used while the next hop's own address says nothing better.
    fallback: Destination,
}

/// The CSeq of an in-dialog request is below one already seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

impl Dialog {
    /// From the INVITE we answer (RFC 3261 section 12.1.1).
    pub(crate) fn uas(request: &Request, local_tag: &str, fallback: Destination) -> Self {
        let headers = &request.headers;
        let mut to = Headers::new();
        to.push("To", headers.get("To").unwrap_or_default());
        to.tag_to(local_tag);
        Self {
            key: DialogKey {
                call_id: headers.get("Call-ID").unwrap_or_default().to_owned(),
                local_tag: local_tag.to_owned(),
                remote_tag: headers.from_tag().unwrap_or_default(),
            },
            local: to.get("To").unwrap_or_default().to_owned(),
            remote: headers.get("From").unwrap_or_default().to_owned(),
            local_seq: 0,
            remote_seq: headers.cseq().ok().map(|cseq| cseq.seq),
            remote_target: headers.contact().map_or_else(|_| request.target.clone(), |contact| contact.uri),
            routes: headers.all("Record-Route").map(str::to_owned).collect(),
            fallback,
        }
    }

    /// From our INVITE and a response with a To tag (RFC 3261 section 12.1.2).
    pub(crate) fn uac(request: &Request, response: &Response, fallback: Destination) -> Self {
        let headers = &request.headers;
        let mut routes: Vec<String> = response.headers.all("Record-Route").map(str::to_owned).collect();
        routes.reverse();
        Self {
            key: DialogKey {
                call_id: headers.get("Call-ID").unwrap_or_default().to_owned(),
                local_tag: headers.from_tag().unwrap_or_default(),
                remote_tag: response.headers.to_tag().unwrap_or_default(),
            },
            local: headers.get("From").unwrap_or_default().to_owned(),
            remote: response.headers.get("To").unwrap_or_default().to_owned(),
            local_seq: headers.cseq().map_or(1, |cseq| cseq.seq),
            remote_seq: None,
            remote_target: response.headers.contact().map_or_else(|_| request.target.clone(), |contact| contact.uri),
            routes,
            fallback,
        }
    }

    /// The number of our next request but ACK and CANCEL.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_seq += 1;
        self.local_seq
    }

    /// A request challenged outside its dialog used a number.
    pub(crate) fn raise_cseq(&mut self, used: u32) {
        self.local_seq = self.local_seq.max(used);
    }

    /// Goes on where the same dialog stood while it rang.
    pub(crate) fn inherit(&mut self, early: &Self) {
        self.local_seq = self.local_seq.max(early.local_seq);
        self.remote_seq = early.remote_seq;
    }

    /// Any higher number is fine (RFC 3261 section 12.2.2).
    pub(crate) fn accept_cseq(&mut self, seq: u32) -> Result<(), OutOfOrder> {
        if self.remote_seq.is_some_and(|last| seq < last) {
            return Err(OutOfOrder);
        }
        self.remote_seq = Some(seq);
        Ok(())
    }

    /// Contact of a target refresh request or its 2xx (RFC 3261 section 12.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(contact) = headers.contact()
            && !contact.is_wildcard()
        {
            self.remote_target = contact.uri;
        }
    }

    /// The peer's Contact, as it wrote it.
    pub(crate) fn remote_target(&self) -> &str {
        &self.remote_target
    }

    /// A request in this dialog; `seq` is `next_cseq`, or the INVITE's for its ACK.
    pub(crate) fn request(&self, method: Method, seq: u32) -> Request {
        let (target, routes) = self.addressing();
        let mut request = Request::new(method, target);
        for route in routes {
            request.headers.push("Route", route);
        }
        request.headers.push("From", &self.local);
        request.headers.push("To", &self.remote);
        request.headers.push("Call-ID", &self.key.call_id);
        request.headers.push("CSeq", format!("{seq} {}", request.method));
        request.headers.push("Max-Forwards", "70");
        request
    }

    /// Request-URI and Route values: loose routing, or strict where the first route has no `lr` (RFC 3261 section 12.2.1.1).
    fn addressing(&self) -> (String, Vec<String>) {
        let first = self.routes.first().and_then(|route| NameAddr::read(route).ok());
        match first {
            Some(first) if !is_loose(&first) => {
                let mut routes: Vec<String> = self.routes.iter().skip(1).cloned().collect();
                routes.push(format!("<{}>", self.remote_target));
                (first.uri, routes)
            }
            Some(_) | None => (self.remote_target.clone(), self.routes.clone()),
        }
    }

    /// The stream the dialog was made over is gone.
    pub(crate) fn forget_connection(&mut self) {
        if let Destination::Address { connection, .. } = &mut self.fallback {
            *connection = None;
        }
    }

    /// Where requests go: the first route, else the remote target; a stream that is open already is used again.
    pub(crate) fn destination(&self) -> Destination {
        let first = self.routes.first().and_then(|route| NameAddr::read(route).ok());
        let hop = first.map_or_else(|| self.remote_target.clone(), |first| first.uri);
        if self.fallback.connection().is_some() {
            return self.fallback.clone();
        }
        destination_of(&hop).unwrap_or_else(|| self.fallback.clone())
    }
}

fn is_loose(route: &NameAddr) -> bool {
    matches!(route.uri(), Ok(Uri::Sip(uri)) if uri.is_loose())
}

/// Where a URI points to; `None` for one that is no SIP URI or says nothing useful (`0.0.0.0`).
pub(crate) fn destination_of(uri: &str) -> Option<Destination> {
    let uri = Uri::read(uri).ok()?;
    let uri = uri.as_sip()?;
    let transport = match uri.params.get("transport") {
        Some(name) if name.eq_ignore_ascii_case("tcp") && !uri.secure => Transport::Tcp,
        Some(name) if name.eq_ignore_ascii_case("tls") => Transport::Tls,
        Some(_) | None if uri.secure => Transport::Tls,
        Some(_) | None => Transport::Udp,
    };
    match uri.host.ip() {
        Some(ip) if ip.is_unspecified() => None,
        Some(ip) => {
            let remote = SocketAddr::new(ip, uri.port.unwrap_or_else(|| transport.default_port()));
            Some(Destination::Address { transport, remote, connection: None })
        }
        None => Some(Destination::Name { transport, host: uri.host.to_string(), port: uri.port }),
    }
}
