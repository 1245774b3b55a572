//! Our requests under way: one entry a client transaction, found by branch and method (RFC 3261 section 17.1.3).

use super::TimerReason;
use super::address::{ConnectionId, Destination, TransmitId, Transport};
use super::agenda::Owner;
use super::core::{Core, Face};
use super::order::LegKey;
use crate::model::{Millis, WorkerTime};
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::transaction::{Client, ClientInvite, Step};
use crate::sip::wire;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Above this a request over UDP may not arrive whole (RFC 3261 section 18.1.1), bytes.
const LARGE_REQUEST: usize = 1_300;
/// How long a peer without TCP is taken at its word.
const WITHOUT_TCP: Millis = Millis::from_secs(600);
const WITHOUT_TCP_MAX: usize = 64;

/// Branch and method: a CANCEL has the branch of its INVITE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientKey(pub(crate) String, pub(crate) Method);

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    /// `None`: nobody waits for the answer (BYE to a fork).
    pub(crate) leg: Option<LegKey>,
    /// True once it carried credentials: it is not tried again.
    pub(crate) authorized: bool,
}

/// Entries go in with `Core::start` and out when their table terminates.
#[derive(Default)]
pub(crate) struct Clients {
    entries: BTreeMap<ClientKey, Entry>,
    /// The last message sent of each entry.
    sent: BTreeMap<TransmitId, ClientKey>,
    /// Peers that had no TCP, until they are asked again; the oldest goes at one more than [`WITHOUT_TCP_MAX`].
    without_tcp: Vec<(Destination, WorkerTime)>,
}

struct Entry {
    table: Table,
    owned: Owned,
    request: Request,
    destination: Destination,
    face: Face,
    /// Where it goes if the stream its size asks for cannot be had.
    small_way: Option<(Destination, Face)>,
    bytes: Arc<[u8]>,
    sent: TransmitId,
    /// Our ACK to each 2xx, by To tag: sent again when the 2xx comes again.
    acks: BTreeMap<String, (Destination, Arc<[u8]>)>,
}

enum Table {
    Invite(ClientInvite),
    Other(Client),
}

/// What came of a request of ours.
pub(crate) enum Outcome {
    Response(Box<Response>),
    /// Nothing came in 64*T1.
    TimedOut,
    /// It could not be sent or its connection broke.
    TransportLost,
}

/// An outcome, for the leg that asked.
pub(crate) struct Answered {
    pub(crate) key: ClientKey,
    pub(crate) owned: Owned,
    pub(crate) request: Request,
    pub(crate) destination: Destination,
    pub(crate) face: Face,
    pub(crate) outcome: Outcome,
}

impl Table {
    fn response(&mut self, at: WorkerTime, status: u16) -> Vec<Step> {
        match self {
            Self::Invite(table) => table.response(at, status),
            Self::Other(table) => table.response(at, status),
        }
    }

    fn tick(&mut self, at: WorkerTime) -> Vec<Step> {
        match self {
            Self::Invite(table) => table.tick(at),
            Self::Other(table) => table.tick(at),
        }
    }

    fn next_deadline(&self) -> Option<(WorkerTime, crate::sip::transaction::TimerName)> {
        match self {
            Self::Invite(table) => table.next_deadline(),
            Self::Other(table) => table.next_deadline(),
        }
    }

    const fn is_pending(&self) -> bool {
        match self {
            Self::Invite(table) => table.is_pending(),
            Self::Other(table) => table.is_pending(),
        }
    }
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.sent.is_empty()
    }

    pub(crate) fn next_deadline(&self, key: &ClientKey) -> Option<TimerReason> {
        self.entries.get(key)?.table.next_deadline().map(|(_, name)| TimerReason::Transaction(name))
    }

    /// A provisional response came, no final one yet: CANCEL is allowed.
    pub(crate) fn may_cancel(&self, key: &ClientKey) -> bool {
        self.entries.get(key).is_some_and(|entry| matches!(&entry.table, Table::Invite(table) if table.may_cancel()))
    }

    pub(crate) fn exchange_keys(&mut self, one: LegKey, other: LegKey) {
        for entry in self.entries.values_mut() {
            entry.owned.leg = entry.owned.leg.map(|leg| leg.exchanged(one, other));
        }
    }

    /// Keeps the ACK of a 2xx, to answer its copies.
    pub(crate) fn keep_ack(&mut self, key: &ClientKey, to_tag: String, destination: Destination, bytes: Arc<[u8]>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.acks.insert(to_tag, (destination, bytes));
        }
    }
}

impl Core {
    /// Sends a request in a transaction of its own. `Err` gives the bound of the full table; nothing was sent.
    pub(crate) fn start(
        &mut self,
        at: WorkerTime,
        mut request: Request,
        destination: Destination,
        face: Face,
        owned: Owned,
    ) -> Result<ClientKey, usize> {
        if self.clients.entries.len() >= self.config.limits.client_transactions {
            return Err(self.config.limits.client_transactions);
        }
        let branch = self.branch();
        request.headers.remove("Via");
        request.headers.push_first("Via", face.via(&branch));
        Ok(self.launch(at, branch, request, destination, face, owned))
    }

    fn launch(
        &mut self,
        at: WorkerTime,
        branch: String,
        mut request: Request,
        mut destination: Destination,
        mut face: Face,
        owned: Owned,
    ) -> ClientKey {
        let mut bytes: Arc<[u8]> = wire::print(&Message::Request(request.clone())).into();
        let mut small_way = None;
        if bytes.len() > LARGE_REQUEST
            && let Some((large_way, large_face)) = self.large_way(at, &destination)
        {
            small_way = Some((std::mem::replace(&mut destination, large_way), std::mem::replace(&mut face, large_face)));
            request.headers.take_first("Via");
            request.headers.push_first("Via", face.via(&branch));
            bytes = wire::print(&Message::Request(request.clone())).into();
            self.counts.large_by_tcp += 1;
        }
        let table = self.table(at, &request, &destination);
        let key = ClientKey(branch, request.method.clone());
        let sent = self.send(destination.clone(), bytes.clone());
        self.clients.sent.insert(sent, key.clone());
        let entry = Entry { table, owned, request, destination, face, small_way, bytes, sent, acks: BTreeMap::new() };
        self.clients.entries.insert(key.clone(), entry);
        self.schedule_client(&key);
        key
    }

    fn table(&self, at: WorkerTime, request: &Request, destination: &Destination) -> Table {
        let reliable = destination.transport().is_reliable();
        if request.method == Method::Invite {
            Table::Invite(ClientInvite::new(at, self.config.timers, reliable))
        } else {
            Table::Other(Client::new(at, self.config.timers, reliable))
        }
    }

    /// What a datagram may not carry whole goes over a stream (RFC 3261 section 18.1.1), unless this peer had none a short while ago.
    fn large_way(&mut self, at: WorkerTime, destination: &Destination) -> Option<(Destination, Face)> {
        let way = match destination {
            Destination::Address { transport: Transport::Udp, remote, .. } => {
                Destination::Address { transport: Transport::Tcp, remote: *remote, connection: None }
            }
            Destination::Name { transport: Transport::Udp, host, port } => {
                Destination::Name { transport: Transport::Tcp, host: host.clone(), port: *port }
            }
            Destination::Address { .. } | Destination::Name { .. } => return None,
        };
        self.clients.without_tcp.retain(|(_, until)| *until > at);
        if self.clients.without_tcp.iter().any(|(known, _)| *known == way) {
            return None;
        }
        let face = self.face(Transport::Tcp, None)?;
        Some((way, face))
    }

    /// The stream a large request was to go over could not be had: back to a datagram. False if that was not why it left over a stream.
    fn go_small(&mut self, at: WorkerTime, key: &ClientKey) -> bool {
        let Some(entry) = self.clients.entries.get_mut(key) else { return false };
        let Some((destination, face)) = entry.small_way.take() else { return false };
        let large_way = std::mem::replace(&mut entry.destination, destination.clone());
        entry.request.headers.take_first("Via");
        entry.request.headers.push_first("Via", face.via(&key.0));
        entry.face = face;
        entry.bytes = wire::print(&Message::Request(entry.request.clone())).into();
        let (request, bytes, old) = (entry.request.clone(), entry.bytes.clone(), entry.sent);
        if self.clients.without_tcp.len() >= WITHOUT_TCP_MAX {
            self.clients.without_tcp.remove(0);
        }
        self.clients.without_tcp.push((large_way, at.after(WITHOUT_TCP)));
        self.counts.large_back_to_udp += 1;
        let table = self.table(at, &request, &destination);
        let sent = self.send(destination, bytes);
        self.clients.sent.remove(&old);
        self.clients.sent.insert(sent, key.clone());
        if let Some(entry) = self.clients.entries.get_mut(key) {
            (entry.table, entry.sent) = (table, sent);
        }
        self.schedule_client(key);
        true
    }

    /// CANCEL for an INVITE of ours: its branch, its Request-URI, its Route, its CSeq number (RFC 3261 section 9.1).
    pub(crate) fn cancel(&mut self, at: WorkerTime, invite: &ClientKey, reason: Option<String>) {
        let Some(entry) = self.clients.entries.get_mut(invite) else { return };
        if let Table::Invite(table) = &mut entry.table {
            table.cancelled(at);
        }
        let mut request = Request::new(Method::Cancel, entry.request.target.clone());
        for name in ["Via", "Route", "From", "To", "Call-ID"] {
            entry.request.headers.all(name).for_each(|value| request.headers.push(name, value));
        }
        let seq = entry.request.headers.cseq().map_or(1, |cseq| cseq.seq);
        request.headers.push("CSeq", format!("{seq} CANCEL"));
        request.headers.push("Max-Forwards", "70");
        if let Some(reason) = reason {
            request.headers.push("Reason", reason);
        }
        let (destination, face) = (entry.destination.clone(), entry.face.clone());
        self.schedule_client(invite);
        self.launch(at, invite.0.clone(), request, destination, face, Owned { leg: None, authorized: true });
    }

    /// A response came. `None`: it was absorbed, or belongs to nobody.
    pub(crate) fn client_response(&mut self, at: WorkerTime, response: Response) -> Option<Answered> {
        let branch = response.headers.top_via().ok()?.branch();
        let method = response.headers.cseq().ok()?.method;
        let key = ClientKey(branch.unwrap_or_default(), method);
        let Some(entry) = self.clients.entries.get_mut(&key) else {
            self.counts.stray_responses += 1;
            return None;
        };
        let steps = entry.table.response(at, response.status);
        if response.is_success()
            && let Some((destination, bytes)) = entry.acks.get(&response.headers.to_tag().unwrap_or_default()).cloned()
        {
            self.counts.absorbed += 1;
            self.send(destination, bytes);
            return None;
        }
        if steps.is_empty() {
            self.counts.absorbed += 1;
        }
        if steps.contains(&Step::Acknowledge) {
            self.acknowledge_refusal(&key, &response);
        }
        self.schedule_client(&key);
        steps.contains(&Step::Deliver).then(|| self.answered(&key, Outcome::Response(Box::new(response))))?
    }

    /// ACK to a refusal: the INVITE's branch, its Route, the To of the response (RFC 3261 section 17.1.1.3).
    fn acknowledge_refusal(&mut self, key: &ClientKey, response: &Response) {
        let Some(entry) = self.clients.entries.get(key) else { return };
        let invite = &entry.request.headers;
        let mut ack = Request::new(Method::Ack, entry.request.target.clone());
        for name in ["Via", "Route", "From"] {
            invite.all(name).for_each(|value| ack.headers.push(name, value));
        }
        ack.headers.push("To", response.headers.get("To").unwrap_or_default());
        ack.headers.push("Call-ID", invite.get("Call-ID").unwrap_or_default());
        ack.headers.push("CSeq", format!("{} ACK", invite.cseq().map_or(1, |cseq| cseq.seq)));
        ack.headers.push("Max-Forwards", "70");
        let destination = entry.destination.clone();
        self.send(destination, wire::print(&Message::Request(ack)).into());
    }

    pub(crate) fn tick_client(&mut self, at: WorkerTime, key: &ClientKey) -> Option<Answered> {
        let entry = self.clients.entries.get_mut(key)?;
        let steps = entry.table.tick(at);
        if steps.contains(&Step::Send) {
            self.resend(key);
        }
        let timed_out = steps.contains(&Step::TimedOut).then(|| self.answered(key, Outcome::TimedOut)).flatten();
        if steps.contains(&Step::Terminated) {
            self.remove_client(key);
        } else {
            self.schedule_client(key);
        }
        timed_out
    }

    fn resend(&mut self, key: &ClientKey) {
        let Some(entry) = self.clients.entries.get(key) else { return };
        let (destination, bytes, old) = (entry.destination.clone(), entry.bytes.clone(), entry.sent);
        self.counts.resent += 1;
        let sent = self.send(destination, bytes);
        self.clients.sent.remove(&old);
        self.clients.sent.insert(sent, key.clone());
        if let Some(entry) = self.clients.entries.get_mut(key) {
            entry.sent = sent;
        }
    }

    /// RFC 3261 section 8.1.3.1: a transport error is like a 503.
    pub(crate) fn fail_transmit(&mut self, at: WorkerTime, id: TransmitId) -> Option<Answered> {
        let key = self.clients.sent.get(&id).cloned()?;
        if self.go_small(at, &key) {
            return None;
        }
        self.fail_client(&key)
    }

    /// Requests that wait for an answer on a connection that is gone.
    pub(crate) fn clients_on(&self, connection: ConnectionId) -> Vec<ClientKey> {
        let on = |entry: &Entry| entry.destination.connection() == Some(connection) && entry.table.is_pending();
        self.clients.entries.iter().filter(|(_, entry)| on(entry)).map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn fail_client(&mut self, key: &ClientKey) -> Option<Answered> {
        if !self.clients.entries.get(key)?.table.is_pending() {
            return None;
        }
        let answered = self.answered(key, Outcome::TransportLost);
        self.remove_client(key);
        answered
    }

    fn answered(&self, key: &ClientKey, outcome: Outcome) -> Option<Answered> {
        let entry = self.clients.entries.get(key)?;
        Some(Answered {
            key: key.clone(),
            owned: entry.owned,
            request: entry.request.clone(),
            destination: entry.destination.clone(),
            face: entry.face.clone(),
            outcome,
        })
    }

    fn remove_client(&mut self, key: &ClientKey) {
        if let Some(entry) = self.clients.entries.remove(key) {
            self.clients.sent.remove(&entry.sent);
        }
        self.agenda.set(Owner::Client(key.clone()), None);
    }

    fn schedule_client(&mut self, key: &ClientKey) {
        let due = self.clients.entries.get(key).and_then(|entry| entry.table.next_deadline()).map(|(due, _)| due);
        self.agenda.set(Owner::Client(key.clone()), due);
    }
}
