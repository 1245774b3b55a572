//! The whole task over loopback sockets. The clock stands still: nothing here waits for a timer of SIP, and every wait for a socket is bounded.

use super::tcp::{Links, Queued};
use super::*;
use crate::model::WorkerTime;
use crate::sip::endpoint::{Config, Destination, Endpoint, LegEvent, OptionsStatus, Order, OrderError, Originate, TransmitId};
use crate::sip::sdp::{AudioCodec, LocalMedia};
use std::future::Future;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const LOOPBACK: &str = "127.0.0.1:0";

struct Rig {
    handle: SipHandle,
    udp: SocketAddr,
    tcp: SocketAddr,
    events: Receiver<LegEvent>,
    stop: CancellationToken,
    tasks: JoinSet<Snapshot>,
}

impl Rig {
    fn start(change: impl FnOnce(&mut ShellConfig)) -> Self {
        let loopback = vec![LOOPBACK.parse().unwrap()];
        let mut config =
            ShellConfig { udp: loopback.clone(), tcp: loopback, access: AccessList::default(), limits: ShellLimits::default() };
        change(&mut config);
        let sockets = Sockets::bind(config).unwrap();
        let listeners = sockets.listeners();
        let (udp, tcp) = (listeners[0].local, listeners[1].local);
        let endpoint = Endpoint::new(Config::new(listeners), 7);
        let (handle, orders) = order_queue();
        let (sink, events) = sync_channel(64);
        let stop = CancellationToken::new();
        let clock: Clock = Arc::new(|| WorkerTime::from_millis(1));
        let mut tasks = JoinSet::new();
        let sink = move |event| sink.try_send(event).expect("the test reads its few events");
        tasks.spawn(run(sockets, endpoint, orders, clock, sink, stop.clone()));
        Self { handle, udp, tcp, events, stop, tasks }
    }

    async fn until(&self, what: &str, done: impl Fn(&Snapshot) -> bool) -> Snapshot {
        soon(async {
            loop {
                let snapshot = self.handle.inspect().await.expect("the task lives");
                if done(&snapshot) {
                    return snapshot;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|| panic!("never came: {what}"))
    }

    async fn event(&self) -> LegEvent {
        soon(async {
            loop {
                if let Ok(event) = self.events.try_recv() {
                    return event;
                }
                self.handle.inspect().await.expect("the task lives");
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("an event in time")
    }

    async fn end(mut self) -> Snapshot {
        self.stop.cancel();
        soon(self.tasks.join_next()).await.expect("the task ends when it is told to").unwrap().unwrap()
    }
}

/// `None` after five seconds.
async fn soon<T>(what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(5), what).await.ok()
}

fn options(transport: &str, from: SocketAddr, number: u32) -> String {
    format!(
        "OPTIONS sip:worker@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bK-{number};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:probe@127.0.0.1>;tag=p{number}\r\nTo: <sip:worker@127.0.0.1>\r\nCall-ID: probe-{number}@127.0.0.1\r\nCSeq: {number} OPTIONS\r\n\
         Contact: <sip:probe@{from}>\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn ask(socket: &UdpSocket, worker: SocketAddr, message: &str) -> String {
    socket.send_to(message.as_bytes(), worker).await.unwrap();
    let mut buffer = [0; 4096];
    let length = soon(socket.recv(&mut buffer)).await.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Reads until `count` responses have come, each ended by its blank line (an OPTIONS answer here has no body).
async fn responses(stream: &mut TcpStream, count: usize) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("\r\n\r\n").count() < count {
        let length = soon(stream.read(&mut buffer)).await.expect("an answer in time").unwrap();
        assert!(length > 0, "closed after: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

fn call_to(destination: Destination) -> Originate {
    Originate {
        target: "sip:human@127.0.0.1".to_owned(),
        from: "sip:worker@127.0.0.1".to_owned(),
        from_display: None,
        destination,
        credentials: None,
        media: LocalMedia {
            address: "127.0.0.1".parse().unwrap(),
            port: 10_000,
            codecs: vec![AudioCodec::Pcmu],
            telephone_event: Some(101),
            ptime: Millis(20),
            rtcp_mux: false,
        },
        headers: Vec::new(),
        ring_timeout: None,
        redirects: None,
    }
}

#[tokio::test]
async fn options_over_udp_is_answered() {
    let rig = Rig::start(|_| {});
    let probe = UdpSocket::bind(LOOPBACK).await.unwrap();
    let answer = ask(&probe, rig.udp, &options("UDP", probe.local_addr().unwrap(), 1)).await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let last = rig.end().await.shell;
    assert_eq!((last.datagrams_in, last.datagrams_out, last.send_errors), (1, 1, 0));
}

#[tokio::test]
async fn while_draining_options_is_answered_503() {
    let rig = Rig::start(|_| {});
    let (answered, refused) = sync_channel(1);
    rig.handle.order(Order::SetOptionsStatus(OptionsStatus::Draining), move |answer| answered.send(answer).unwrap());
    let probe = UdpSocket::bind(LOOPBACK).await.unwrap();
    rig.until("the order", |_| true).await;
    assert_eq!(refused.try_recv().unwrap(), Ok(()));
    let answer = ask(&probe, rig.udp, &options("UDP", probe.local_addr().unwrap(), 1)).await;
    assert!(answer.starts_with("SIP/2.0 503 "), "{answer}");
}

#[tokio::test]
async fn two_messages_in_one_segment_are_both_answered_on_their_connection() {
    let rig = Rig::start(|_| {});
    let mut probe = TcpStream::connect(rig.tcp).await.unwrap();
    let from = probe.local_addr().unwrap();
    let both = options("TCP", from, 1) + &options("TCP", from, 2);
    probe.write_all(both.as_bytes()).await.unwrap();
    let text = responses(&mut probe, 2).await;
    assert_eq!(text.matches("SIP/2.0 200 ").count(), 2, "{text}");
    assert!(text.contains("CSeq: 1 OPTIONS") && text.contains("CSeq: 2 OPTIONS"), "{text}");
    assert_eq!(rig.end().await.shell.connections_opened, 0);
}

#[tokio::test]
async fn one_message_in_three_segments_is_answered_once() {
    let rig = Rig::start(|_| {});
    let mut probe = TcpStream::connect(rig.tcp).await.unwrap();
    probe.set_nodelay(true).unwrap();
    let message = options("TCP", probe.local_addr().unwrap(), 1);
    for piece in [&message[..10], &message[10..200], &message[200..]] {
        probe.write_all(piece.as_bytes()).await.unwrap();
        rig.until("the piece", |_| true).await;
    }
    probe.write_all(options("TCP", probe.local_addr().unwrap(), 2).as_bytes()).await.unwrap();
    let text = responses(&mut probe, 2).await;
    assert_eq!(text.matches("CSeq: 1 OPTIONS").count(), 1, "{text}");
}

#[tokio::test]
async fn a_stranger_gets_no_answer_and_is_counted() {
    let rig = Rig::start(|config| config.access = AccessList::new(["192.0.2.0/24".parse().unwrap()]));
    let probe = UdpSocket::bind(LOOPBACK).await.unwrap();
    probe.send_to(options("UDP", probe.local_addr().unwrap(), 1).as_bytes(), rig.udp).await.unwrap();
    let mut stream = TcpStream::connect(rig.tcp).await.unwrap();
    let read = soon(stream.read(&mut [0; 16])).await.expect("closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let seen = rig.until("both refusals", |seen| seen.shell.refused_sources == 2).await;
    assert_eq!((seen.shell.datagrams_out, seen.shell.connections), (0, 0));
    assert!(probe.try_recv(&mut [0; 16]).is_err());
}

#[tokio::test]
async fn a_taken_port_names_the_address_the_transport_and_what_to_do() {
    let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
    let tcp = TcpListener::bind(LOOPBACK).await.unwrap();
    let config = |udp: Vec<SocketAddr>, tcp: Vec<SocketAddr>| ShellConfig {
        udp,
        tcp,
        access: AccessList::default(),
        limits: ShellLimits::default(),
    };
    for (transport, taken, config) in [
        ("udp", udp.local_addr().unwrap(), config(vec![udp.local_addr().unwrap()], Vec::new())),
        ("tcp", tcp.local_addr().unwrap(), config(Vec::new(), vec![tcp.local_addr().unwrap()])),
    ] {
        let error = Sockets::bind(config).unwrap_err().to_string();
        for word in
            [transport, &taken.to_string(), "taken by another program", "set another SIP port", &format!("sport = :{}", taken.port())]
        {
            assert!(error.contains(word), "'{error}' lacks '{word}'");
        }
    }
    let elsewhere = Sockets::bind(config(vec!["192.0.2.1:5060".parse().unwrap()], Vec::new())).unwrap_err().to_string();
    assert!(elsewhere.contains("no address of this machine"), "{elsewhere}");
    assert!(matches!(Sockets::bind(config(Vec::new(), Vec::new())), Err(ShellError::NoSocket)));
}

#[tokio::test]
async fn rubbish_is_counted_and_hurts_nobody() {
    let rig = Rig::start(|_| {});
    let probe = UdpSocket::bind(LOOPBACK).await.unwrap();
    for datagram in [&b"\r\n\r\n"[..], b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", &[0xff; 2_000]] {
        probe.send_to(datagram, rig.udp).await.unwrap();
    }
    let answer = ask(&probe, rig.udp, &options("UDP", probe.local_addr().unwrap(), 1)).await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let last = rig.end().await;
    assert_eq!((last.shell.keep_alives, last.endpoint.unroutable + last.endpoint.malformed), (3, 2));
}

#[tokio::test]
async fn a_full_queue_fails_the_order_back_and_the_end_answers_what_still_waits() {
    let (handle, queue) = order_queue();
    let (answered, answers) = sync_channel(2_000);
    for _ in 0..1_025 {
        let answered = answered.clone();
        handle.order(Order::SetOptionsStatus(OptionsStatus::Draining), move |answer| answered.send(answer).unwrap());
    }
    assert!(matches!(answers.try_recv().unwrap(), Err(OrderError::Full { limit: 1_024, .. })));
    assert!(answers.try_recv().is_err(), "the others wait");
    assert!(handle.inspect().await.is_none());
    queue.close();
    assert_eq!(answers.try_iter().filter(|answer| matches!(answer, Err(OrderError::Invalid { .. }))).count(), 1_024);
    handle.order(Order::SetOptionsStatus(OptionsStatus::Draining), move |answer| answered.send(answer).unwrap());
    assert!(answers.try_recv().unwrap().is_err());
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_the_door() {
    let rig = Rig::start(|config| config.limits.connections = 1);
    let mut first = TcpStream::connect(rig.tcp).await.unwrap();
    rig.until("the first", |seen| seen.shell.connections == 1).await;
    let mut second = TcpStream::connect(rig.tcp).await.unwrap();
    let read = soon(second.read(&mut [0; 16])).await.expect("closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let from = first.local_addr().unwrap();
    first.write_all(options("TCP", from, 1).as_bytes()).await.unwrap();
    assert!(responses(&mut first, 1).await.starts_with("SIP/2.0 200 "));
    drop(first);
    let seen = rig.until("its end", |seen| seen.shell.connections == 0).await;
    assert_eq!((seen.shell.connections_accepted, seen.shell.connections_refused), (1, 1));
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let rig = Rig::start(|config| config.limits.first_bytes = Millis(20));
    let mut silent = TcpStream::connect(rig.tcp).await.unwrap();
    assert_eq!(soon(silent.read(&mut [0; 16])).await.expect("closed in time").unwrap(), 0);
    rig.until("its count", |seen| seen.shell.connections_idle == 1 && seen.shell.connections == 0).await;
}

#[tokio::test]
async fn a_peer_that_takes_no_bytes_loses_its_connection_and_nobody_waits() {
    let peer = TcpListener::bind(LOOPBACK).await.unwrap();
    let remote = peer.local_addr().unwrap();
    let limits = ShellLimits { write_queue: 2, connections: 1, ..ShellLimits::default() };
    let mut links = Links::new(limits);
    let message = |number| (TransmitId(number), Arc::from(&b"OPTIONS"[..]));
    let (queued, opened) = links.send(None, remote, remote, message(1));
    assert!(matches!(queued, Queued::Yes) && opened);
    assert!(matches!(links.send(None, remote, remote, message(2)), (Queued::Yes, false)), "the same connection is used");
    let (Queued::Stuck(id), false) = links.send(None, remote, remote, message(3)) else { panic!("the third does not fit") };
    assert!(matches!(links.send(None, "127.0.0.1:9".parse().unwrap(), remote, message(4)), (Queued::No, false)), "the limit is one");
    links.close(id);
    assert_eq!(links.count(), 0);
}

#[tokio::test]
async fn a_call_over_udp_leaves_for_its_address_or_for_its_name() {
    let rig = Rig::start(|_| {});
    let peer = UdpSocket::bind(LOOPBACK).await.unwrap();
    let remote = peer.local_addr().unwrap();
    for destination in [
        Destination::Address { transport: Transport::Udp, remote, connection: None },
        Destination::Name { transport: Transport::Udp, host: "localhost".to_owned(), port: Some(remote.port()) },
        Destination::Name { transport: Transport::Udp, host: "127.0.0.1".to_owned(), port: Some(remote.port()) },
    ] {
        let (answered, answer) = sync_channel(1);
        rig.handle.originate(call_to(destination.clone()), move |result| answered.send(result).unwrap());
        let mut buffer = [0; 4096];
        let length = soon(peer.recv(&mut buffer)).await.unwrap_or_else(|| panic!("nothing came for {destination:?}")).unwrap();
        assert!(buffer[..length].starts_with(b"INVITE sip:human@127.0.0.1 SIP/2.0\r\n"));
        assert!(answer.try_recv().unwrap().is_ok());
    }
    assert_eq!(rig.until("the look-up", |_| true).await.shell.lookups, 1, "only one of the names is a name");
}

#[tokio::test]
async fn a_call_over_tcp_opens_a_connection_and_uses_it_again() {
    let rig = Rig::start(|_| {});
    let peer = TcpListener::bind(LOOPBACK).await.unwrap();
    let remote = peer.local_addr().unwrap();
    let destination = Destination::Address { transport: Transport::Tcp, remote, connection: None };
    for _ in 0..2 {
        rig.handle.originate(call_to(destination.clone()), |result| assert!(result.is_ok()));
    }
    let (mut stream, _) = soon(peer.accept()).await.expect("a connection in time").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("INVITE sip:human@127.0.0.1 SIP/2.0\r\n").count() < 2 {
        let length = soon(stream.read(&mut buffer)).await.expect("both in time").unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert_eq!(rig.until("the count", |_| true).await.shell.connections_opened, 1);
}

#[tokio::test]
async fn a_call_that_cannot_leave_fails_at_once() {
    let rig = Rig::start(|config| {
        config.limits.lookups = 0;
    });
    let closed = TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap();
    for destination in [
        Destination::Address { transport: Transport::Tcp, remote: closed, connection: None },
        Destination::Name { transport: Transport::Udp, host: "no-such-host.invalid".to_owned(), port: None },
        Destination::Address { transport: Transport::Udp, remote: "[::1]:5060".parse().unwrap(), connection: None },
    ] {
        rig.handle.originate(call_to(destination.clone()), |result| assert!(result.is_ok()));
        let event = rig.event().await;
        assert!(matches!(event, LegEvent::Failed { .. }), "{destination:?}: {event:?}");
        let event = rig.event().await;
        assert!(matches!(event, LegEvent::Released { .. }), "{destination:?}: {event:?}");
    }
    let last = rig.end().await.shell;
    assert_eq!((last.lookups, last.lookup_failures), (0, 0), "the bound was reached before anything was asked");
    assert_eq!((last.no_transport, last.send_errors), (1, 2), "no socket of ours speaks IPv6");
}

#[tokio::test]
async fn a_stream_that_is_no_sip_is_closed_at_once_and_counted() {
    let rig = Rig::start(|_| {});
    let mut stream = soon(TcpStream::connect(rig.tcp)).await.unwrap().unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00 a TLS hello on the wrong port\r\n\r\n").await.unwrap();
    let mut buffer = [0; 64];
    let read = soon(stream.read(&mut buffer)).await.expect("it is closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let last = rig.end().await;
    assert_eq!((last.shell.connections_broken, last.shell.connections_stuck, last.endpoint.broken_streams), (1, 0, 1));
    assert!(last.is_empty);
}

/// An INVITE that no datagram should carry.
fn large_call_to(remote: SocketAddr) -> Originate {
    let headers = vec![("User-to-User".to_owned(), "ab".repeat(700))];
    Originate { headers, ..call_to(Destination::Address { transport: Transport::Udp, remote, connection: None }) }
}

#[tokio::test]
async fn a_large_request_reaches_a_peer_with_tcp_over_tcp_and_one_without_as_a_datagram() {
    let rig = Rig::start(|_| {});
    let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
    let peer = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(peer).await.unwrap();
    rig.handle.originate(large_call_to(peer), |answer| drop(answer.unwrap()));
    let (mut stream, _) = soon(tcp.accept()).await.expect("the worker connects").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("m=audio") {
        let length = soon(stream.read(&mut buffer)).await.expect("the INVITE comes").unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(text.starts_with("INVITE ") && text.contains("Via: SIP/2.0/TCP "), "{text}");

    let alone = UdpSocket::bind(LOOPBACK).await.unwrap();
    rig.handle.originate(large_call_to(alone.local_addr().unwrap()), |answer| drop(answer.unwrap()));
    let length = soon(alone.recv(&mut buffer)).await.expect("the INVITE comes as a datagram").unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(length > 1_300 && text.contains("Via: SIP/2.0/UDP "), "{text}");
    let counts = rig.end().await.endpoint;
    assert_eq!((counts.large_by_tcp, counts.large_back_to_udp), (2, 1));
}
