//! The loop: one wake-up, one batch of work, everything the endpoint has to say, and around again.

use super::counts::{ShellCounts, Snapshot};
use super::handle::{OrderQueue, Request};
use super::resolve::{Known, Resolver, Waiting};
use super::tcp::{Ended, EndedWhy, Links, Progress, Queued};
use super::udp::Datagrams;
use super::{Clock, ShellConfig, Sockets};
use crate::model::{Millis, WorkerTime};
use crate::sip::endpoint::{ConnectionId, Destination, Endpoint, LegEvent, Source, Transmit, TransmitId, Transport};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Datagrams, orders or pieces of streams handled before the others get their turn.
const BATCH: usize = 64;
/// Above this a request over UDP may not arrive whole (RFC 3261 section 18.1.1).
const LARGE_REQUEST: usize = 1_300;
/// How long nothing is accepted after `accept` failed: it fails again at once while file descriptors are used up.
const ACCEPT_PAUSE: Millis = Millis(100);

/// Runs the SIP side until `stop`; returns its last counts. The host spawns it. `events` is called inside the task for every fact, in order,
/// and must not block; what it cannot take it has to note itself. Orders that still wait at the end are answered with an error.
pub async fn run<F: FnMut(LegEvent) + Send>(
    sockets: Sockets,
    endpoint: Endpoint,
    orders: OrderQueue,
    clock: Clock,
    events: F,
    stop: CancellationToken,
) -> Snapshot {
    let limits = sockets.config.limits;
    let mut shell = Shell {
        config: sockets.config,
        datagrams: Datagrams::new(sockets.udp),
        listeners: sockets.tcp,
        links: Links::new(limits),
        resolver: Resolver::new(limits),
        counts: ShellCounts::default(),
        turn: 0,
        accept_from: WorkerTime::ZERO,
        endpoint,
        orders,
        clock,
        events,
    };
    loop {
        let woken = shell.wait(&stop).await;
        let at = (shell.clock)();
        let stopping = matches!(woken, Woken::Stop);
        let more_waits = shell.work(at, woken);
        shell.endpoint.tick(at);
        shell.drain(at);
        shell.orders.show(&shell.endpoint.counts());
        if stopping {
            break;
        }
        if more_waits {
            // A flood must not keep this thread from its other tasks.
            tokio::task::yield_now().await;
        }
    }
    let last = shell.snapshot();
    shell.orders.close();
    last
}

struct Shell<F> {
    config: ShellConfig,
    endpoint: Endpoint,
    orders: OrderQueue,
    clock: Clock,
    events: F,
    datagrams: Datagrams,
    listeners: Vec<(TcpListener, SocketAddr)>,
    links: Links,
    resolver: Resolver,
    counts: ShellCounts,
    /// The UDP socket whose turn is first.
    turn: usize,
    accept_from: WorkerTime,
}

enum Woken {
    Stop,
    Request(Request),
    Datagrams(usize),
    Accepted(io::Result<(TcpStream, SocketAddr)>, SocketAddr),
    Link(Progress),
    Found(String, Vec<IpAddr>),
    Time,
}

impl<F: FnMut(LegEvent) + Send> Shell<F> {
    /// Every branch can be dropped half-way without losing anything.
    async fn wait(&mut self, stop: &CancellationToken) -> Woken {
        let now = (self.clock)();
        let paused = now < self.accept_from;
        let deadline = self.endpoint.next_deadline().map(|(at, _)| at);
        let wake = if paused { Some(deadline.map_or(self.accept_from, |at| at.min(self.accept_from))) } else { deadline };
        tokio::select! {
            () = stop.cancelled() => Woken::Stop,
            request = self.orders.next() => Woken::Request(request),
            place = self.datagrams.readable(self.turn) => Woken::Datagrams(place),
            (accepted, local) = accept(&self.listeners), if !paused => Woken::Accepted(accepted, local),
            progress = self.links.progress() => Woken::Link(progress),
            (name, addresses) = self.resolver.next() => Woken::Found(name, addresses),
            () = sleep(wake.map(|at| at.since(now))) => Woken::Time,
        }
    }

    /// True if a whole batch was done and more is likely to wait.
    fn work(&mut self, at: WorkerTime, woken: Woken) -> bool {
        match woken {
            Woken::Stop | Woken::Time => false,
            Woken::Request(request) => self.requests(at, request),
            Woken::Datagrams(place) => self.receive(at, place),
            Woken::Accepted(accepted, local) => {
                self.accepted(at, accepted, local);
                false
            }
            Woken::Link(progress) => self.progress(at, progress),
            Woken::Found(name, addresses) => {
                self.found(at, name, addresses);
                false
            }
        }
    }

    fn requests(&mut self, at: WorkerTime, first: Request) -> bool {
        self.request(at, first);
        for _ in 1..BATCH {
            let Some(request) = self.orders.try_next() else { return false };
            self.request(at, request);
        }
        true
    }

    fn request(&mut self, at: WorkerTime, request: Request) {
        match request {
            Request::Order { order, answer } => answer(self.endpoint.order(at, order)),
            Request::Originate { call, answer } => answer(self.endpoint.originate(at, *call)),
            Request::Inspect { answer } => answer(self.snapshot()),
        }
    }

    fn receive(&mut self, at: WorkerTime, place: usize) -> bool {
        self.turn = place + 1;
        for _ in 0..BATCH {
            match self.datagrams.try_receive(place) {
                None => return false,
                Some(Err(_)) => self.counts.receive_errors += 1,
                Some(Ok(received)) => {
                    self.counts.datagrams_in += 1;
                    if !self.config.access.allows(received.remote.ip()) {
                        self.refused(received.remote);
                        continue;
                    }
                    let bytes = self.datagrams.bytes(&received);
                    if bytes.len() <= 4 && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                        self.counts.keep_alives += 1;
                        continue;
                    }
                    let source = Source { transport: Transport::Udp, local: received.local, remote: received.remote, connection: None };
                    self.endpoint.receive(at, source, bytes);
                    self.datagrams.remember(place, received.remote);
                }
            }
        }
        true
    }

    fn accepted(&mut self, at: WorkerTime, accepted: io::Result<(TcpStream, SocketAddr)>, local: SocketAddr) {
        match accepted {
            Err(error) => {
                self.counts.accept_errors += 1;
                self.accept_from = at.after(ACCEPT_PAUSE);
                if self.counts.accept_errors.is_power_of_two() {
                    tracing::warn!(%error, %local, times = self.counts.accept_errors, "SIP connections cannot be accepted; raise LimitNOFILE if it says so");
                }
            }
            Ok((_, remote)) if !self.config.access.allows(remote.ip()) => self.refused(remote),
            Ok(_) if self.links.is_full() => self.counts.connections_refused += 1,
            Ok((stream, remote)) => {
                self.counts.connections_accepted += 1;
                self.links.accept(stream, remote, local);
            }
        }
    }

    /// Said at the first, second, fourth, … time: a scan must not fill the log.
    fn refused(&mut self, remote: SocketAddr) {
        self.counts.refused_sources += 1;
        if self.counts.refused_sources.is_power_of_two() {
            tracing::warn!(
                source = %remote.ip(),
                times = self.counts.refused_sources,
                "SIP from an address that is not allowed was dropped; if it is a trunk, add its network to that trunk's sources"
            );
        }
    }

    fn progress(&mut self, at: WorkerTime, progress: Progress) -> bool {
        match progress {
            Progress::Nothing => return false,
            Progress::Chunk(chunk) => self.chunk(at, &chunk),
            Progress::Ended(ended) => {
                while let Some(chunk) = self.links.try_chunk() {
                    self.chunk(at, &chunk);
                }
                self.ended(at, ended);
            }
        }
        for _ in 1..BATCH {
            let Some(chunk) = self.links.try_chunk() else { return false };
            self.chunk(at, &chunk);
        }
        true
    }

    fn chunk(&mut self, at: WorkerTime, chunk: &super::tcp::Chunk) {
        let source = Source { transport: Transport::Tcp, local: chunk.local, remote: chunk.remote, connection: Some(chunk.id) };
        // What still comes from a connection given up already would start a half-read message anew.
        if self.links.local(chunk.id).is_some() {
            self.endpoint.receive(at, source, &chunk.bytes);
        }
    }

    fn ended(&mut self, at: WorkerTime, ended: Ended) {
        match ended.why {
            EndedWhy::Idle => self.counts.connections_idle += 1,
            EndedWhy::Stuck => self.counts.connections_stuck += 1,
            EndedWhy::Closed | EndedWhy::Failed | EndedWhy::NotOpened => {}
        }
        self.lose(at, ended.id);
        for id in ended.unsent {
            self.counts.send_errors += 1;
            self.endpoint.transmit_failed(at, id);
        }
    }

    fn lose(&mut self, at: WorkerTime, id: ConnectionId) {
        if self.links.local(id).is_some() {
            self.links.close(id);
            self.endpoint.connection_lost(at, id);
        }
    }

    fn found(&mut self, at: WorkerTime, name: String, addresses: Vec<IpAddr>) {
        if addresses.is_empty() {
            self.counts.lookup_failures += 1;
            tracing::warn!(host = %name, "no address found for a SIP host");
        }
        let resolved = self.resolver.finish(at, name, addresses);
        for waiting in resolved.waiting {
            self.put_to_any(at, &resolved.addresses, waiting);
        }
    }

    /// Until the endpoint has nothing more to say; a failed message may give it something.
    fn drain(&mut self, at: WorkerTime) {
        loop {
            if let Some(transmit) = self.endpoint.poll_transmit() {
                self.transmit(at, transmit);
            } else if let Some(event) = self.endpoint.poll_event() {
                (self.events)(event);
            } else if let Some(connection) = self.endpoint.poll_close() {
                self.counts.connections_broken += 1;
                self.lose(at, connection);
            } else {
                return;
            }
        }
    }

    fn transmit(&mut self, at: WorkerTime, transmit: Transmit) {
        match &transmit.destination {
            Destination::Address { transport, remote, connection } => {
                let (transport, remote, connection) = (*transport, *remote, *connection);
                self.put(at, transport, remote, connection, transmit.id, transmit.bytes);
            }
            Destination::Name { transport, host, port } => {
                let (transport, port, host) = (*transport, port.unwrap_or(transport.default_port()), host.clone());
                let id = transmit.id;
                let waiting = || Waiting { transmit: transmit.clone(), transport, port };
                match self.resolver.ask(at, &host, waiting) {
                    Known::Later => self.counts.lookups += 1,
                    Known::Full => self.fail(at, id),
                    Known::Addresses(addresses) => self.put_to_any(at, &addresses, Waiting { transmit, transport, port }),
                }
            }
        }
    }

    /// The first address that a socket of ours can reach.
    fn put_to_any(&mut self, at: WorkerTime, addresses: &[IpAddr], waiting: Waiting) {
        let reachable = |address: &&IpAddr| waiting.transport != Transport::Udp || self.datagrams.reaches(**address);
        match addresses.iter().find(reachable) {
            Some(address) => {
                let remote = SocketAddr::new(*address, waiting.port);
                self.put(at, waiting.transport, remote, None, waiting.transmit.id, waiting.transmit.bytes);
            }
            None => self.fail(at, waiting.transmit.id),
        }
    }

    fn put(
        &mut self,
        at: WorkerTime,
        transport: Transport,
        remote: SocketAddr,
        connection: Option<ConnectionId>,
        id: TransmitId,
        bytes: Arc<[u8]>,
    ) {
        match transport {
            Transport::Udp => self.put_datagram(at, remote, id, &bytes),
            Transport::Tcp => self.put_stream(at, remote, connection, id, bytes),
            Transport::Tls => {
                self.counts.no_transport += 1;
                self.endpoint.transmit_failed(at, id);
            }
        }
    }

    fn put_datagram(&mut self, at: WorkerTime, remote: SocketAddr, id: TransmitId, bytes: &[u8]) {
        if bytes.len() > LARGE_REQUEST && !bytes.starts_with(b"SIP/2.0 ") {
            self.counts.large_requests += 1;
            if self.counts.large_requests.is_power_of_two() {
                let (size, times) = (bytes.len(), self.counts.large_requests);
                tracing::warn!(size, times, "a SIP request is too large to be sure of arriving over UDP; use TCP for that trunk");
            }
        }
        match self.datagrams.try_send(remote, bytes) {
            Some(Ok(())) => self.counts.datagrams_out += 1,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => self.counts.send_full += 1,
            Some(Err(_)) => self.fail(at, id),
            None => {
                self.counts.no_transport += 1;
                self.endpoint.transmit_failed(at, id);
            }
        }
    }

    fn put_stream(&mut self, at: WorkerTime, remote: SocketAddr, connection: Option<ConnectionId>, id: TransmitId, bytes: Arc<[u8]>) {
        let local = self.local_for(remote.ip());
        let (queued, opened) = self.links.send(connection, remote, local, (id, bytes));
        self.counts.connections_opened += u64::from(opened);
        match queued {
            Queued::Yes => {}
            Queued::No => self.fail(at, id),
            Queued::Stuck(connection) => {
                self.counts.connections_stuck += 1;
                self.lose(at, connection);
                self.fail(at, id);
            }
        }
    }

    /// What the endpoint is told of a connection opened by us: the listener whose address stands in our Contact.
    fn local_for(&self, remote: IpAddr) -> SocketAddr {
        let same_family = self.listeners.iter().map(|(_, local)| *local).find(|local| local.is_ipv4() == remote.is_ipv4());
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        same_family.unwrap_or(SocketAddr::new(any, 0))
    }

    fn fail(&mut self, at: WorkerTime, id: TransmitId) {
        self.counts.send_errors += 1;
        self.endpoint.transmit_failed(at, id);
    }

    fn snapshot(&self) -> Snapshot {
        let shell = ShellCounts { connections: self.links.count(), ..self.counts };
        Snapshot { shell, endpoint: self.endpoint.counts(), is_empty: self.endpoint.is_empty() }
    }
}

async fn accept(listeners: &[(TcpListener, SocketAddr)]) -> (io::Result<(TcpStream, SocketAddr)>, SocketAddr) {
    std::future::poll_fn(|context| {
        for (listener, local) in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready((accepted, *local));
            }
        }
        Poll::Pending
    })
    .await
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
