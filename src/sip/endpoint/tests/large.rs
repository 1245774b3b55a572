//! Requests too large for a datagram (RFC 3261 section 18.1.1), and streams that break.

use super::*;

fn large_call(bench: &mut Bench) -> (LegKey, Transmit) {
    let call = Originate {
        target: "sip:human@192.0.2.7:5060".to_owned(),
        from: "sip:worker@192.0.2.1".to_owned(),
        from_display: None,
        destination: Destination::Address { transport: Transport::Udp, remote: addr(PEER), connection: None },
        credentials: None,
        media: media("192.0.2.1", 6000),
        headers: vec![("User-to-User".to_owned(), "ab".repeat(600))],
        ring_timeout: None,
        redirects: None,
    };
    let leg = bench.endpoint.originate(bench.at, call).unwrap();
    (leg, bench.endpoint.poll_transmit().unwrap())
}

fn via(transmit: &Transmit) -> String {
    match wire::parse_datagram(&transmit.bytes).unwrap() {
        Message::Request(request) => request.headers.get("Via").unwrap().to_owned(),
        Message::Response(_) => panic!("a request was sent"),
    }
}

#[test]
fn a_request_over_1300_bytes_leaves_by_tcp_and_is_not_resent() {
    let mut bench = Bench::new();
    let (_, transmit) = large_call(&mut bench);
    assert_eq!(transmit.destination, Destination::Address { transport: Transport::Tcp, remote: addr(PEER), connection: None });
    assert!(via(&transmit).starts_with("SIP/2.0/TCP "));
    bench.pass(5_000);
    assert!(bench.endpoint.poll_transmit().is_none());
    assert_eq!(bench.endpoint.counts().large_by_tcp, 1);
}

#[test]
fn a_peer_without_tcp_gets_the_same_request_as_a_datagram_and_the_next_one_at_once() {
    let mut bench = Bench::new();
    let (_, first) = large_call(&mut bench);
    bench.endpoint.transmit_failed(bench.at, first.id);
    let again = bench.endpoint.poll_transmit().unwrap();
    assert_eq!(again.destination, Destination::Address { transport: Transport::Udp, remote: addr(PEER), connection: None });
    assert!(via(&again).starts_with("SIP/2.0/UDP "));
    assert_eq!(via(&first).split("branch=").nth(1), via(&again).split("branch=").nth(1), "the same transaction");
    assert_eq!(bench.events(), [], "nobody hears of it");
    bench.pass(600);
    assert!(bench.endpoint.poll_transmit().is_some(), "and it is resent like any datagram");
    while bench.endpoint.poll_transmit().is_some() {}
    let (_, second) = large_call(&mut bench);
    assert_eq!(second.destination.transport(), Transport::Udp);
    bench.pass(600_000);
    while bench.endpoint.poll_transmit().is_some() {}
    let (_, later) = large_call(&mut bench);
    assert_eq!(later.destination.transport(), Transport::Tcp, "it may have learnt TCP since");
    assert_eq!(bench.endpoint.counts().large_back_to_udp, 1);
}

#[test]
fn a_datagram_that_cannot_be_sent_after_the_stream_failed_too_fails_the_call() {
    let mut bench = Bench::new();
    let (leg, first) = large_call(&mut bench);
    bench.endpoint.transmit_failed(bench.at, first.id);
    let again = bench.endpoint.poll_transmit().unwrap();
    bench.endpoint.transmit_failed(bench.at, again.id);
    let events = bench.events();
    assert!(
        matches!(events[..], [LegEvent::Failed { status: 503, .. }, LegEvent::Released { leg: gone, .. }] if gone == leg),
        "{events:?}"
    );
    bench.ends_empty();
}

#[test]
fn a_worker_without_a_tcp_listener_sends_large_requests_as_datagrams() {
    let mut config = config(WORKER);
    config.listeners.retain(|listener| listener.transport == Transport::Udp);
    let mut bench = Bench::with(config);
    assert_eq!(large_call(&mut bench).1.destination.transport(), Transport::Udp);
}

#[test]
fn a_stream_that_cannot_be_cut_into_messages_is_closed_and_counted_once() {
    let mut bench = Bench::new();
    let connection = ConnectionId(5);
    let source = Source { transport: Transport::Tcp, local: addr(WORKER), remote: addr(PEER), connection: Some(connection) };
    bench.endpoint.receive(bench.at, source, b"\x16\x03\x01 a TLS hello on the wrong port\r\n\r\n");
    bench.endpoint.receive(bench.at, source, b"more of it");
    assert_eq!(bench.endpoint.poll_close(), Some(connection));
    assert_eq!(bench.endpoint.poll_close(), None);
    assert_eq!(bench.endpoint.counts().broken_streams, 1);
    bench.endpoint.connection_lost(bench.at, connection);
    bench.ends_empty();
}
