//! INVITEs of ours: forks, CANCEL races, challenges, refusals.

use super::*;

#[test]
fn a_call_out_rings_is_answered_and_the_200_is_acknowledged_each_time_it_comes() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 100, "", "");
    bench.reply(&invite, 180, "", "");
    for _ in 0..2 {
        bench.reply(&invite, 200, "", &sdp(1, 4000, "sendrecv"));
        let ack = bench.requests().pop().unwrap();
        assert_eq!((ack.method, ack.target.as_str()), (Method::Ack, "sip:caller@192.0.2.7:5060"));
    }
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::Ringing { status: 180, .. }, LegEvent::Answered { .. }]), "{events:?}");
    bench.release(leg);
    let bye = bench.requests().pop().unwrap();
    bench.reply(&bye, 200, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn an_invite_over_udp_is_resent_until_something_comes_and_fails_with_408() {
    let mut bench = Bench::new();
    call_out(&mut bench);
    bench.pass(32_000);
    assert_eq!(bench.requests().len(), 6);
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::Failed { status: 408, .. }, LegEvent::Released { by: ReleasedBy::Network, .. }]), "{events:?}");
    bench.ends_empty();
}

#[test]
fn busy_declined_and_no_answer_stay_apart() {
    for status in [486, 603, 480, 404] {
        let mut bench = Bench::new();
        let (leg, invite) = call_out(&mut bench);
        bench.reply(&invite, status, "", "");
        assert_eq!(bench.requests().pop().unwrap().method, Method::Ack);
        let events = bench.events();
        assert!(matches!(&events[0], LegEvent::Failed { status: told, .. } if *told == status));
        assert_eq!(released(&events), [(ReleasedBy::Remote, ReleaseReason::Rejected { status })]);
        assert_eq!(bench.endpoint.order(bench.at, Order::Ring { leg }), Err(OrderError::NoSuchLeg(leg)));
        bench.ends_empty();
    }
}

#[test]
fn a_redirection_is_told_with_its_contact() {
    let mut bench = Bench::new();
    let (_, invite) = call_out(&mut bench);
    bench.reply(&invite, 302, "Contact: <sip:elsewhere@192.0.2.9>", "");
    let events = bench.events();
    assert!(matches!(&events[0], LegEvent::Failed { contact: Some(to), .. } if to == "sip:elsewhere@192.0.2.9"), "{events:?}");
}

#[test]
fn a_release_while_it_rings_is_a_cancel_and_the_487_releases_once() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.release(leg);
    assert!(bench.requests().is_empty(), "no CANCEL before a provisional response");
    bench.reply(&invite, 180, "", "");
    let cancel = bench.requests().pop().unwrap();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.headers.get("Via"), invite.headers.get("Via"));
    bench.reply(&cancel, 200, "", "");
    bench.reply(&invite, 487, "", "");
    assert_eq!(bench.requests().pop().unwrap().method, Method::Ack);
    assert_eq!(bench.events(), [LegEvent::Released { leg, by: ReleasedBy::Local, why: ReleaseReason::Cancelled }]);
    bench.ends_empty();
}

#[test]
fn a_200_that_crosses_our_cancel_is_acknowledged_ended_with_bye_and_released_once() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 180, "", "");
    bench.events();
    bench.release(leg);
    let cancel = bench.requests().pop().unwrap();
    bench.reply(&invite, 200, "", &sdp(1, 4000, "sendrecv"));
    let sent = bench.requests();
    assert_eq!(sent.iter().map(|one| one.method.clone()).collect::<Vec<_>>(), [Method::Ack, Method::Bye]);
    bench.reply(&cancel, 481, "", "");
    bench.reply(&sent[1], 200, "", "");
    assert_eq!(bench.events(), [LegEvent::Released { leg, by: ReleasedBy::Local, why: ReleaseReason::Cancelled }]);
    bench.ends_empty();
}

#[test]
fn a_cancelled_call_whose_peer_never_says_another_word_is_released() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 180, "", "");
    bench.events();
    bench.release(leg);
    bench.pass(33_000);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Cancelled)]);
    bench.ends_empty();
}

#[test]
fn nobody_answering_in_the_ring_time_is_told_as_408() {
    let mut bench = Bench::new();
    let (_, invite) = call_out(&mut bench);
    bench.reply(&invite, 180, "", "");
    bench.events();
    bench.pass(180_000);
    assert_eq!(bench.requests().pop().unwrap().method, Method::Cancel);
    bench.reply(&invite, 487, "", "");
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::Failed { status: 408, .. }, LegEvent::Released { .. }]), "{events:?}");
}

#[test]
fn a_second_fork_that_answers_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (_, invite) = call_out(&mut bench);
    bench.reply(&invite, 200, "", &sdp(1, 4000, "sendrecv"));
    bench.heard();
    bench.events();
    let mut fork = invite.reply(200, "OK");
    fork.headers.tag_to("fork");
    fork.headers.push("Contact", "<sip:second@192.0.2.8>");
    let bytes = wire::print(&fork.into());
    bench.endpoint.receive(bench.at, Bench::source(), &bytes);
    let sent = bench.requests();
    assert_eq!(
        sent.iter().map(|one| (one.method.clone(), one.target.as_str())).collect::<Vec<_>>(),
        [(Method::Ack, "sip:second@192.0.2.8"), (Method::Bye, "sip:second@192.0.2.8"),]
    );
    assert!(sent.iter().all(|one| one.headers.to_tag().as_deref() == Some("fork")));
    assert_eq!(bench.events(), [], "the call itself goes on");
}

#[test]
fn a_challenge_is_answered_once_with_the_next_cseq_for_401_and_407_md5_and_sha_256() {
    for (status, ask, answer) in [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")] {
        for algorithm in ["MD5", "SHA-256"] {
            let mut bench = Bench::new();
            let (_, invite) = call_out(&mut bench);
            let challenge = format!("{ask}: Digest realm=\"trunk\", nonce=\"n1\", algorithm={algorithm}, qop=\"auth,auth-int\"");
            bench.reply(&invite, status, &challenge, "");
            let sent = bench.requests();
            assert_eq!(sent.iter().map(|one| one.method.clone()).collect::<Vec<_>>(), [Method::Ack, Method::Invite]);
            let again = &sent[1];
            assert_eq!(again.headers.cseq().unwrap().seq, 2);
            let credentials = again.headers.get(answer).unwrap();
            assert!(credentials.contains(&format!("algorithm={algorithm}")) && credentials.contains("nc=00000001"), "{credentials}");
            bench.reply(again, status, &challenge, "");
            let events = bench.events();
            assert!(
                matches!(&events[0], LegEvent::Failed { status: told, .. } if *told == status),
                "a second refusal is final: {events:?}"
            );
            bench.ends_empty();
        }
    }
}

#[test]
fn later_requests_carry_the_credentials_with_a_growing_nonce_count() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 401, "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"", "");
    let again = bench.requests().pop().unwrap();
    bench.reply(&again, 200, "", &sdp(1, 4000, "sendrecv"));
    bench.heard();
    bench.release(leg);
    let bye = bench.requests().pop().unwrap();
    assert!(bye.headers.get("Authorization").unwrap().contains("nc=00000002"));
}

#[test]
fn a_refer_that_is_challenged_is_sent_again_with_credentials_and_its_notify_id_still_fits() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 200, "", &sdp(1, 4000, "sendrecv"));
    bench.heard();
    bench.events();
    let order = Order::Refer {
        leg,
        refer_to: "sip:human@192.0.2.9".to_owned(),
        referred_by: None,
        headers: Vec::new(),
        invite_headers: Vec::new(),
        replaces: None,
    };
    bench.endpoint.order(bench.at, order).unwrap();
    let refer = bench.requests().pop().unwrap();
    bench.reply(&refer, 407, "Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"", "");
    let again = bench.requests().pop().unwrap();
    assert!(again.headers.contains("Proxy-Authorization"));
    bench.reply(&again, 202, "", "");
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }]);
}

#[test]
fn a_reliable_183_is_pracked_once_and_its_description_is_early_media() {
    let mut bench = Bench::new();
    let (_, invite) = call_out(&mut bench);
    for _ in 0..2 {
        bench.reply(&invite, 183, "Require: 100rel\nRSeq: 7", &sdp(1, 4000, "sendrecv"));
    }
    let pracks = bench.requests();
    assert_eq!(pracks.len(), 1);
    assert_eq!(pracks[0].headers.get("RAck"), Some("7 1 INVITE"));
    bench.reply(&pracks[0], 200, "", "");
    bench.reply(&invite, 200, "", "");
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::Ringing { early_media: Some(_), .. }, LegEvent::Answered { .. }]), "{events:?}");
}

#[test]
fn a_422_is_asked_again_with_the_interval_the_peer_wants() {
    let mut bench = Bench::new();
    let (_, invite) = call_out(&mut bench);
    bench.reply(&invite, 422, "Min-SE: 3600", "");
    let again = bench.requests().pop().unwrap();
    assert_eq!((again.method, again.headers.get("Session-Expires")), (Method::Invite, Some("3600")));
    assert_eq!(bench.events(), []);
}

#[test]
fn a_message_that_cannot_be_sent_fails_the_call_with_503() {
    let mut bench = Bench::new();
    let call = Originate {
        target: "sip:human@trunk.example".to_owned(),
        from: "sip:worker@192.0.2.1".to_owned(),
        from_display: None,
        destination: Destination::Name { transport: Transport::Tcp, host: "trunk.example".to_owned(), port: None },
        credentials: None,
        media: media("192.0.2.1", 6000),
        headers: vec![("X-Trace".to_owned(), "1".to_owned())],
        ring_timeout: None,
        redirects: None,
    };
    bench.endpoint.originate(bench.at, call.clone()).unwrap();
    let transmit = bench.endpoint.poll_transmit().unwrap();
    assert!(matches!(transmit.destination, Destination::Name { .. }));
    bench.pass(20_000);
    assert!(bench.endpoint.poll_transmit().is_none(), "no resend over a stream");
    bench.endpoint.transmit_failed(bench.at, transmit.id);
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::Failed { status: 503, .. }, LegEvent::Released { why: ReleaseReason::TransportLost, .. }]));
    bench.ends_empty();
    let injected = Originate { headers: vec![("X-Trace".to_owned(), "1\r\nEvil: 1".to_owned())], ..call };
    assert!(matches!(bench.endpoint.originate(bench.at, injected), Err(OrderError::Invalid { .. })));
}
