//! Requests of others under way: one entry a server transaction (RFC 3261 section 17.2.3), and the answers to them.

use super::TimerReason;
use super::address::{Destination, Source};
use super::agenda::Owner;
use super::core::Core;
use super::order::LegKey;
use crate::model::WorkerTime;
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::transaction::{Server, ServerInvite, Step, TimerName};
use crate::sip::wire;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Branch, sent-by and method; without a unique branch (RFC 2543) the parts its section 17.2.3 names stand in the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerKey(String, String, Method);

impl ServerKey {
    /// ACK and CANCEL find their INVITE with `method` INVITE.
    pub(crate) fn of(request: &Request, method: Method) -> Option<Self> {
        let via = request.headers.top_via().ok()?;
        let sent_by = format!("{}:{:?}", via.host, via.port);
        let branch = via.unique_branch().unwrap_or_else(|| {
            let seq = request.headers.cseq().map_or(0, |cseq| cseq.seq);
            let tag = request.headers.from_tag().unwrap_or_default();
            format!(
                "{} {} {tag} {seq} {}",
                request.target,
                request.headers.get("Call-ID").unwrap_or_default(),
                via.branch().unwrap_or_default()
            )
        });
        Some(Self(branch, sent_by, method))
    }
}

/// Call-ID, From tag, CSeq and method: the same for one request that came over two paths (RFC 3261 section 8.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MergeKey(String, String, u32, Method);

/// Entries go in with `Core::admit` and out when their table terminates.
#[derive(Default)]
pub(crate) struct Servers {
    entries: BTreeMap<ServerKey, Entry>,
    merges: BTreeMap<MergeKey, ServerKey>,
}

struct Entry {
    table: Table,
    destination: Destination,
    /// Kept until the final answer.
    request: Option<Box<Request>>,
    merge: Option<MergeKey>,
    last: Option<Arc<[u8]>>,
    leg: Option<LegKey>,
}

enum Table {
    Invite(ServerInvite),
    Other(Server),
}

/// What an answer has beyond the copied headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) to_tag: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) sdp: Option<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn tagged(status: u16, tag: &str) -> Self {
        Self { status, to_tag: Some(tag.to_owned()), ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Servers {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.merges.is_empty()
    }

    pub(crate) fn contains(&self, key: &ServerKey) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn leg_of(&self, key: &ServerKey) -> Option<LegKey> {
        self.entries.get(key)?.leg
    }

    pub(crate) fn set_leg(&mut self, key: &ServerKey, leg: LegKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.leg = Some(leg);
        }
    }

    pub(crate) fn exchange_keys(&mut self, one: LegKey, other: LegKey) {
        for entry in self.entries.values_mut() {
            entry.leg = entry.leg.map(|leg| leg.exchanged(one, other));
        }
    }

    /// No final answer was given yet.
    pub(crate) fn is_pending(&self, key: &ServerKey) -> bool {
        self.entries.get(key).is_some_and(|entry| match &entry.table {
            Table::Invite(table) => table.is_pending(),
            Table::Other(table) => table.is_pending(),
        })
    }

    pub(crate) fn next_deadline(&self, key: &ServerKey) -> Option<TimerReason> {
        self.entries.get(key)?.table.next_deadline().map(|(_, name)| TimerReason::Transaction(name))
    }
}

impl Table {
    fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        match self {
            Self::Invite(table) => table.next_deadline(),
            Self::Other(table) => table.next_deadline(),
        }
    }
}

/// Where a response goes: back over the stream, or by received and rport (RFC 3261 section 18.2.2, RFC 3581 section 4).
pub(crate) fn way_back(request: &Request, from: &Source) -> Destination {
    let remote = match request.headers.top_via() {
        Ok(via) if from.connection.is_none() && !via.params.has("rport") => {
            SocketAddr::new(from.remote.ip(), via.port.unwrap_or_else(|| from.transport.default_port()))
        }
        Ok(_) | Err(_) => from.remote,
    };
    Destination::Address { transport: from.transport, remote, connection: from.connection }
}

impl Core {
    /// Makes the transaction of a new request. `Err`: the table is full.
    pub(crate) fn admit(&mut self, key: &ServerKey, request: &Request, from: &Source) -> Result<(), ()> {
        if self.servers.entries.len() >= self.config.limits.server_transactions {
            return Err(());
        }
        let reliable = from.transport.is_reliable();
        let table = if request.method == Method::Invite {
            Table::Invite(ServerInvite::new(self.config.timers, reliable))
        } else {
            Table::Other(Server::new(self.config.timers, reliable))
        };
        let merge = merge_key(request);
        if let Some(merge) = &merge {
            self.servers.merges.insert(merge.clone(), key.clone());
        }
        let destination = way_back(request, from);
        let entry = Entry { table, destination, request: Some(Box::new(request.clone())), merge, last: None, leg: None };
        self.servers.entries.insert(key.clone(), entry);
        Ok(())
    }

    /// The same request over another path, still remembered (RFC 3261 section 8.2.2.2).
    pub(crate) fn is_merged(&self, request: &Request) -> bool {
        merge_key(request).is_some_and(|merge| self.servers.merges.contains_key(&merge))
    }

    /// The request came again.
    pub(crate) fn request_again(&mut self, key: &ServerKey) {
        let Some(entry) = self.servers.entries.get(key) else { return };
        let steps = match &entry.table {
            Table::Invite(table) => table.request_again(),
            Table::Other(table) => table.request_again(),
        };
        self.counts.absorbed += 1;
        if steps.contains(&Step::Send) {
            self.send_last(key);
        }
    }

    /// ACK with an INVITE's branch. True if it was for a refusal of ours.
    pub(crate) fn acknowledged(&mut self, at: WorkerTime, key: &ServerKey) -> bool {
        let Some(Entry { table: Table::Invite(table), .. }) = self.servers.entries.get_mut(key) else { return false };
        if table.is_accepted() {
            return false;
        }
        table.acknowledged(at);
        self.schedule_server(key);
        true
    }

    /// Answers a request within its transaction. The sent bytes come back for those who must send a 2xx again.
    pub(crate) fn respond(&mut self, at: WorkerTime, key: &ServerKey, reply: Reply) -> Option<(Destination, Arc<[u8]>)> {
        let entry = self.servers.entries.get(key)?;
        let response = self.compose(entry.request.as_deref()?, &reply);
        let bytes: Arc<[u8]> = wire::print(&Message::Response(response)).into();
        let entry = self.servers.entries.get_mut(key)?;
        let steps = match &mut entry.table {
            Table::Invite(table) => table.respond(at, reply.status),
            Table::Other(table) => table.respond(at, reply.status),
        };
        if steps.is_empty() {
            return None;
        }
        if reply.status >= 200 {
            entry.request = None;
        }
        entry.last = Some(bytes.clone());
        let destination = entry.destination.clone();
        self.send(destination.clone(), bytes.clone());
        self.schedule_server(key);
        Some((destination, bytes))
    }

    /// Answers without a transaction: when the table is full.
    pub(crate) fn respond_stateless(&mut self, request: &Request, from: &Source, reply: &Reply) {
        let response = self.compose(request, reply);
        self.send(way_back(request, from), wire::print(&Message::Response(response)).into());
    }

    fn compose(&self, request: &Request, reply: &Reply) -> Response {
        let mut response = request.reply(reply.status, phrase(reply.status));
        if let Some(tag) = &reply.to_tag {
            response.headers.tag_to(tag);
        }
        if request.method == Method::Invite && (101..300).contains(&reply.status) {
            request.headers.all("Record-Route").for_each(|route| response.headers.push("Record-Route", route));
        }
        for (name, value) in &reply.headers {
            response.headers.push(name, value);
        }
        if reply.status > 100 {
            response.headers.push("Server", &self.config.user_agent);
        }
        if let Some(sdp) = &reply.sdp {
            response.headers.push("Content-Type", "application/sdp");
            response.body.clone_from(sdp);
        }
        response
    }

    pub(crate) fn tick_server(&mut self, at: WorkerTime, key: &ServerKey) {
        let Some(entry) = self.servers.entries.get_mut(key) else { return };
        let steps = match &mut entry.table {
            Table::Invite(table) => table.tick(at),
            Table::Other(table) => table.tick(at),
        };
        if steps.contains(&Step::Send) {
            self.counts.resent += 1;
            self.send_last(key);
        }
        if steps.contains(&Step::Terminated) {
            let removed = self.servers.entries.remove(key);
            if let Some(merge) = removed.and_then(|entry| entry.merge)
                && self.servers.merges.get(&merge) == Some(key)
            {
                self.servers.merges.remove(&merge);
            }
            self.agenda.set(Owner::Server(key.clone()), None);
        } else {
            self.schedule_server(key);
        }
    }

    fn send_last(&mut self, key: &ServerKey) {
        let Some(entry) = self.servers.entries.get(key) else { return };
        if let Some(bytes) = entry.last.clone() {
            let destination = entry.destination.clone();
            self.send(destination, bytes);
        }
    }

    fn schedule_server(&mut self, key: &ServerKey) {
        let due = self.servers.entries.get(key).and_then(|entry| entry.table.next_deadline()).map(|(due, _)| due);
        self.agenda.set(Owner::Server(key.clone()), due);
    }
}

fn merge_key(request: &Request) -> Option<MergeKey> {
    let headers = &request.headers;
    if headers.to_tag().is_some() || request.method == Method::Cancel {
        return None;
    }
    let cseq = headers.cseq().ok()?;
    Some(MergeKey(headers.get("Call-ID")?.to_owned(), headers.from_tag().unwrap_or_default(), cseq.seq, cseq.method))
}

/// RFC 3261 section 21 and the registry.
pub(crate) const fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        600 => "Busy Everywhere",
        603 => "Decline",
        300..=399 => "Redirection",
        _ => "Failure",
    }
}
