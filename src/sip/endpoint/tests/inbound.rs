//! An INVITE to us: answers, CANCEL, ACK, BYE, and requests that are refused.

use super::*;

#[test]
fn a_call_in_rings_is_answered_confirmed_and_hung_up_by_the_caller() {
    let mut bench = Bench::new();
    let invite = bench.request("INVITE", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    assert_eq!(bench.statuses(), [100], "100 at once");
    let leg = bench.events()[0].leg();
    bench.endpoint.order(bench.at, Order::Ring { leg }).unwrap();
    assert_eq!(bench.statuses(), [180]);
    bench.say(&invite);
    assert_eq!(bench.statuses(), [180], "a resend gets the last answer and raises no second call");
    assert_eq!(bench.events(), []);
    bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
    let answer = bench.responses().pop().unwrap();
    bench.worker_tag = answer.headers.to_tag().unwrap();
    bench.request("ACK", 1, "", "");
    bench.request("BYE", 2, "", "");
    assert_eq!(bench.statuses(), [200]);
    let events = bench.events();
    let LegEvent::Confirmed { media, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(media.remote, addr("192.0.2.7:4000"));
    assert_eq!(released(&events), [(ReleasedBy::Remote, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn an_answer_is_sent_again_until_its_ack_and_the_leg_ends_with_bye_after_64_t1_without_one() {
    let mut bench = Bench::new();
    bench.request("INVITE", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    let leg = bench.events()[0].leg();
    bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
    bench.heard();
    bench.pass(31_900);
    assert_eq!(bench.statuses(), [200; 10]);
    bench.pass(100);
    let byes = bench.requests();
    assert_eq!(byes.iter().map(|one| one.method.clone()).collect::<Vec<_>>(), [Method::Bye]);
    bench.reply(&byes[0], 200, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Network, ReleaseReason::NeverAcknowledged)]);
    bench.ends_empty();
}

#[test]
fn a_cancel_gets_487_for_the_invite_and_one_released() {
    let mut bench = Bench::new();
    bench.request_on("z9hG4bKx", "INVITE", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    bench.events();
    bench.heard();
    bench.request_on("z9hG4bKx", "CANCEL", 1, "", "");
    assert_eq!(bench.statuses(), [200, 487]);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Remote, ReleaseReason::Cancelled)]);
    bench.request_on("z9hG4bKx", "ACK", 1, "", "");
    assert_eq!(bench.endpoint.counts().stray_acks, 0);
    bench.ends_empty();
}

#[test]
fn a_cancel_that_crosses_our_200_is_answered_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.request_on("z9hG4bKx", "INVITE", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    let leg = bench.events()[0].leg();
    bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
    let answer = bench.responses().pop().unwrap();
    bench.request_on("z9hG4bKx", "CANCEL", 1, "", "");
    assert_eq!(bench.statuses(), [200]);
    assert_eq!(bench.events(), []);
    bench.worker_tag = answer.headers.to_tag().unwrap();
    bench.request("ACK", 1, "", "");
    assert!(matches!(bench.events()[..], [LegEvent::Confirmed { .. }]));
    bench.request("BYE", 2, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Remote, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn a_release_before_the_ack_waits_for_it_and_then_says_bye() {
    let mut bench = Bench::new();
    bench.request("INVITE", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    let leg = bench.events()[0].leg();
    bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
    bench.worker_tag = bench.responses().pop().unwrap().headers.to_tag().unwrap();
    bench.release(leg);
    assert!(bench.requests().is_empty(), "RFC 3261 section 15: no BYE before the ACK");
    bench.request("ACK", 1, "", "");
    let bye = bench.requests().pop().unwrap();
    assert_eq!(bye.method, Method::Bye);
    bench.reply(&bye, 200, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn byes_that_cross_are_both_answered_and_release_once() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.release(leg);
    bench.release(leg);
    let bye = bench.requests();
    assert_eq!(bye.len(), 1, "a second order changes nothing");
    bench.request("BYE", 11, "", "");
    assert_eq!(bench.statuses(), [200]);
    bench.reply(&bye[0], 481, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn a_bye_that_nobody_answers_still_releases_the_leg() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.release(leg);
    bench.pass(33_000);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn a_late_offer_gets_ours_in_the_200_and_its_answer_from_the_ack() {
    let mut bench = Bench::new();
    bench.request("INVITE", 1, "", "");
    let LegEvent::Incoming { leg, call } = bench.events().remove(0) else { panic!() };
    assert!(!call.has_offer);
    bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) }).unwrap();
    let answer = bench.responses().pop().unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("m=audio 6000"));
    bench.worker_tag = answer.headers.to_tag().unwrap();
    bench.request("ACK", 1, "Content-Type: application/sdp\r\n", &sdp(1, 4004, "sendrecv"));
    let events = bench.events();
    let LegEvent::Confirmed { media, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(media.remote.port(), 4004);
}

#[test]
fn requests_that_cannot_be_taken_get_their_own_refusals() {
    let cases: [(&str, &str, &str, u16, &str); 7] = [
        ("INVITE", "Require: foo, timer\r\n", "", 420, "Unsupported"),
        ("DANCE", "", "", 501, "Allow"),
        ("REGISTER", "", "", 405, "Allow"),
        ("BYE", "", "", 481, "Server"),
        ("INVITE", "Supported: timer\r\nSession-Expires: 60\r\n", "", 422, "Min-SE"),
        ("INVITE", "Content-Type: text/plain\r\n", "hello", 415, "Accept"),
        ("OPTIONS", "", "", 200, "Allow"),
    ];
    for (method, headers, body, status, header) in cases {
        let mut bench = Bench::new();
        bench.request(method, 1, headers, body);
        let answer = bench.responses().pop().unwrap();
        assert_eq!(answer.status, status, "{method} {headers}");
        assert!(answer.headers.contains(header) && answer.headers.to_tag().is_some(), "{method} {headers}");
        if status == 420 {
            assert_eq!(answer.headers.get("Unsupported"), Some("foo"));
        }
        bench.ends_empty();
    }
}

#[test]
fn a_request_without_hops_left_is_483_and_one_over_a_second_path_482() {
    let mut bench = Bench::new();
    let text = bench.request("INVITE", 1, "", "");
    bench.heard();
    bench.say(&text.replace("branch=z9hG4bKpeer1", "branch=z9hG4bKother"));
    assert_eq!(bench.statuses(), [482]);
    bench.say(&text.replace("Max-Forwards: 70", "Max-Forwards: 0").replace("z9hG4bKpeer1", "z9hG4bKthird").replace("call-1", "call-2"));
    assert_eq!(bench.statuses(), [483]);
}

#[test]
fn options_say_503_while_the_worker_drains() {
    let mut bench = Bench::new();
    bench.endpoint.order(bench.at, Order::SetOptionsStatus(OptionsStatus::Draining)).unwrap();
    bench.request("OPTIONS", 1, "", "");
    assert_eq!(bench.statuses(), [503]);
}

#[test]
fn a_full_worker_says_503_with_retry_after_with_and_without_a_transaction() {
    let mut config = config(WORKER);
    config.limits.legs = 0;
    config.limits.server_transactions = 1;
    let mut bench = Bench::with(config);
    for call in ["call-1", "call-2"] {
        let text = bench.request("INVITE", 1, "", "").replace("call-1", call).replace("peer1", call);
        bench.heard();
        bench.say(&text);
        let answer = bench.responses().pop().unwrap();
        assert_eq!((answer.status, answer.headers.get("Retry-After")), (503, Some("5")), "{call}");
    }
    assert!(bench.endpoint.counts().overloaded >= 2);
}

#[test]
fn a_malformed_request_that_can_be_answered_gets_400_and_rubbish_is_counted() {
    let mut bench = Bench::new();
    bench.say(&format!(
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKm\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n"
    ));
    assert_eq!(bench.statuses(), [400]);
    bench.say("hello");
    assert_eq!((bench.endpoint.counts().malformed, bench.endpoint.counts().unroutable), (1, 1));
    assert!(bench.endpoint.is_empty());
}

#[test]
fn a_lower_cseq_in_the_dialog_is_500_and_any_gap_upwards_is_fine() {
    let mut bench = Bench::new();
    bench.call_in();
    bench.request("OPTIONS", 500, "", "");
    assert_eq!(bench.statuses(), [200]);
    bench.request("INFO", 499, "", "");
    assert_eq!(bench.statuses(), [500]);
    bench.request("BYE", 1_000_000, "", "");
    assert_eq!(bench.statuses(), [200]);
    assert_eq!(released(&bench.events()).len(), 1);
}

#[test]
fn a_dialog_is_found_by_tags_and_call_id_though_the_peer_rewrites_the_uris() {
    let mut bench = Bench::new();
    bench.call_in();
    let text = bench.request("OPTIONS", 11, "", "");
    bench.heard();
    let other = text.replace("<sip:worker@192.0.2.1>", "<sip:load@elsewhere:7>").replace("OPTIONS", "BYE");
    bench.say(&other.replace("branch=z9hG4bKpeer3", "branch=z9hG4bKlast"));
    assert_eq!(bench.statuses(), [200]);
    assert_eq!(released(&bench.events()).len(), 1);
}

#[test]
fn keys_by_info_come_from_both_body_types_and_an_unknown_type_is_415() {
    let mut bench = Bench::new();
    bench.call_in();
    bench.request("INFO", 11, "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n");
    bench.request("INFO", 12, "Content-Type: application/dtmf\r\n", "#");
    bench.request("INFO", 13, "Content-Type: text/plain\r\n", "5");
    assert_eq!(bench.statuses(), [200, 200, 415]);
    let keys: Vec<(char, Option<Millis>)> = bench
        .events()
        .iter()
        .filter_map(|event| if let LegEvent::Digit { digit, duration, .. } = event { Some((digit.as_char(), *duration)) } else { None })
        .collect();
    assert_eq!(keys, [('5', Some(Millis(160))), ('#', None)]);
}

#[test]
fn a_required_reliable_180_is_resent_until_its_prack() {
    let mut bench = Bench::new();
    bench.request("INVITE", 1, "Require: 100rel\r\nContent-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
    let leg = bench.events()[0].leg();
    bench.heard();
    bench.endpoint.order(bench.at, Order::Ring { leg }).unwrap();
    let ringing = bench.responses().pop().unwrap();
    let rseq = ringing.headers.get("RSeq").unwrap().to_owned();
    assert!(ringing.headers.has_token("Require", "100rel"));
    bench.pass(1_600);
    assert_eq!(bench.statuses(), [180, 180]);
    bench.worker_tag = ringing.headers.to_tag().unwrap();
    bench.request("PRACK", 2, &format!("RAck: {rseq} 1 INVITE\r\n"), "");
    bench.pass(10_000);
    assert_eq!(bench.statuses(), [200]);
    bench.request("PRACK", 3, &format!("RAck: {rseq} 1 INVITE\r\n"), "");
    assert_eq!(bench.statuses(), [481]);
}

#[test]
fn a_reliable_180_without_prack_refuses_the_call() {
    let mut bench = Bench::new();
    bench.request("INVITE", 1, "Require: 100rel\r\n", "");
    let leg = bench.events()[0].leg();
    bench.endpoint.order(bench.at, Order::Ring { leg }).unwrap();
    bench.pass(32_500);
    assert!(bench.statuses().contains(&504));
    assert_eq!(released(&bench.events()), [(ReleasedBy::Network, ReleaseReason::NeverPracked)]);
    bench.ends_empty();
}

#[test]
fn an_order_for_a_leg_that_is_gone_is_refused_and_not_silent() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    assert!(matches!(bench.endpoint.order(bench.at, Order::Ring { leg }), Err(OrderError::WrongState { .. })));
    bench.request("BYE", 11, "", "");
    assert_eq!(bench.endpoint.order(bench.at, Order::Ring { leg }), Err(OrderError::NoSuchLeg(leg)));
}

#[test]
fn in_dialog_requests_follow_record_routes_loose_and_strict() {
    for (route, target, routes) in [
        ("<sip:192.0.2.9;lr>", "sip:caller@192.0.2.7:5060", vec!["<sip:192.0.2.9;lr>"]),
        ("<sip:192.0.2.9>", "sip:192.0.2.9", vec!["<sip:caller@192.0.2.7:5060>"]),
    ] {
        let mut bench = Bench::new();
        let leg = bench.call_in_with(&format!("Record-Route: {route}\r\n"));
        bench.release(leg);
        let transmit = bench.endpoint.poll_transmit().unwrap();
        assert_eq!(
            transmit.destination,
            Destination::Address { transport: Transport::Udp, remote: addr("192.0.2.9:5060"), connection: None }
        );
        let Message::Request(bye) = wire::parse_datagram(&transmit.bytes).unwrap() else { panic!() };
        assert_eq!((bye.target.as_str(), bye.headers.all("Route").collect::<Vec<_>>()), (target, routes));
    }
}

#[test]
fn an_offer_without_audio_for_us_fails_the_answer_and_names_the_status_to_refuse_with() {
    let mut bench = Bench::new();
    let offer = sdp(1, 4000, "sendrecv").replace("m=audio", "m=video");
    bench.request("INVITE", 1, "Content-Type: application/sdp\r\n", &offer);
    let leg = bench.events()[0].leg();
    let refused = bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) });
    assert!(matches!(refused, Err(OrderError::UnusableOffer { status: 488, .. })), "{refused:?}");
    bench.endpoint.order(bench.at, Order::Reject { leg, status: 488, retry_after_seconds: None, reason: None }).unwrap();
    assert_eq!(bench.statuses(), [100, 488]);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Rejected { status: 488 })]);
    bench.ends_empty();
}

fn over_stream(bench: &mut Bench, bytes: &[u8]) {
    let source =
        Source { transport: Transport::Tcp, local: addr(WORKER), remote: addr("192.0.2.7:40000"), connection: Some(ConnectionId(3)) };
    bench.endpoint.receive(bench.at, source, bytes);
}

fn invite_over_stream(call: &str) -> String {
    let body = sdp(1, 4000, "sendrecv");
    format!(
        "INVITE sip:worker@{WORKER} SIP/2.0\r\nVia: SIP/2.0/TCP {PEER};branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\n\
         From: <sip:caller@192.0.2.7>;tag=peer\r\nTo: <sip:worker@192.0.2.1>\r\nCall-ID: {call}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:caller@{PEER};transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn messages_cut_anywhere_in_a_stream_are_answered_on_that_connection() {
    let mut bench = Bench::new();
    let both = invite_over_stream("one") + &invite_over_stream("two");
    for piece in both.as_bytes().chunks(7) {
        over_stream(&mut bench, piece);
    }
    assert_eq!(bench.events().len(), 2);
    while let Some(transmit) = bench.endpoint.poll_transmit() {
        assert_eq!(transmit.destination.connection(), Some(ConnectionId(3)));
    }
    over_stream(&mut bench, b"\r\n\r\n");
    assert_eq!(&*bench.endpoint.poll_transmit().unwrap().bytes, b"\r\n", "pong");
}

#[test]
fn a_lost_connection_ends_what_was_not_answered_and_the_rest_goes_on_to_the_contact() {
    let mut bench = Bench::new();
    over_stream(&mut bench, invite_over_stream("one").as_bytes());
    over_stream(&mut bench, invite_over_stream("two").as_bytes());
    let legs: Vec<LegKey> = bench.events().iter().map(LegEvent::leg).collect();
    bench.endpoint.order(bench.at, Order::Answer { leg: legs[0], media: media("192.0.2.1", 6000) }).unwrap();
    let answer = bench.responses().pop().unwrap();
    let tag = answer.headers.to_tag().unwrap();
    let ack = invite_over_stream("one").replace("INVITE", "ACK").replace("z9hG4bKone", "z9hG4bKack");
    let ack = ack.replace("<sip:worker@192.0.2.1>", &format!("<sip:worker@192.0.2.1>;tag={tag}"));
    over_stream(&mut bench, ack.as_bytes());
    assert!(matches!(bench.events()[..], [LegEvent::Confirmed { .. }]));
    bench.endpoint.connection_lost(bench.at, ConnectionId(3));
    assert_eq!(bench.events(), [LegEvent::Released { leg: legs[1], by: ReleasedBy::Network, why: ReleaseReason::TransportLost }]);
    assert_eq!(bench.statuses(), [503], "whoever listens");
    bench.release(legs[0]);
    let bye = bench.endpoint.poll_transmit().unwrap();
    assert_eq!(bye.destination, Destination::Address { transport: Transport::Tcp, remote: addr(PEER), connection: None });
    bench.endpoint.transmit_failed(bench.at, bye.id);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}
