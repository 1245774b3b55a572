//! 3xx to INVITEs of ours (RFC 3261 section 8.1.3.4).

use super::*;
use crate::sip::trunk::AllowList;

fn call(bench: &mut Bench, allow: &[&str], limit: u8) -> (LegKey, Request) {
    let call = Originate {
        target: "sip:human@192.0.2.7:5060".to_owned(),
        from: "sip:worker@192.0.2.1".to_owned(),
        from_display: None,
        destination: Destination::Address { transport: Transport::Udp, remote: addr(PEER), connection: None },
        credentials: Some(Credentials { username: "trunk".to_owned(), password: "secret".into() }),
        media: media("192.0.2.1", 6000),
        headers: vec![("User-to-User".to_owned(), "56a3;encoding=hex".to_owned())],
        ring_timeout: None,
        redirects: Some(Redirects { allow: AllowList::parse(allow).unwrap(), limit }),
    };
    let leg = bench.endpoint.originate(bench.at, call).unwrap();
    (leg, bench.requests().pop().unwrap())
}

/// The INVITE among what was sent, and where it went.
fn next_invite(bench: &mut Bench) -> Option<(Request, Destination)> {
    let mut found = None;
    while let Some(transmit) = bench.endpoint.poll_transmit() {
        if let Ok(Message::Request(request)) = wire::parse_datagram(&transmit.bytes)
            && request.method == Method::Invite
        {
            found = Some((request, transmit.destination));
        }
    }
    found
}

#[test]
fn a_302_is_followed_to_the_allowed_contact_with_the_highest_q_then_to_the_next() {
    let mut bench = Bench::new();
    let (leg, invite) = call(&mut bench, &["sip:*@192.0.2.20", "sip:*@192.0.2.21"], 5);
    let contacts =
        "Contact: <sip:second@192.0.2.20>;q=0.5\nContact: <sip:fraud@192.0.2.66>;q=1.0\nContact: <sip:first@192.0.2.21:5090>;q=0.9";
    bench.reply(&invite, 302, contacts, "");
    let (again, to) = next_invite(&mut bench).unwrap();
    assert_eq!(again.target, "sip:first@192.0.2.21:5090");
    assert_eq!(to, Destination::Address { transport: Transport::Udp, remote: addr("192.0.2.21:5090"), connection: None });
    for same in ["Call-ID", "From", "To", "User-to-User"] {
        assert_eq!(again.headers.get(same), invite.headers.get(same), "{same}");
    }
    assert_eq!(again.headers.cseq().unwrap().seq, 2);
    bench.reply(&again, 486, "", "");
    let (third, _) = next_invite(&mut bench).unwrap();
    assert_eq!(third.target, "sip:second@192.0.2.20");
    bench.reply(&third, 200, "", &sdp(1, 4000, "sendrecv"));
    let events = bench.events();
    assert!(
        matches!(&events[..], [LegEvent::Redirected { status: 302, .. }, LegEvent::Redirected { status: 486, .. }, LegEvent::Answered { leg: up, .. }] if *up == leg),
        "{events:?}"
    );
    assert_eq!(bench.endpoint.counts().redirected, 2);
}

#[test]
fn a_redirection_to_nobody_allowed_is_the_failure_it_would_have_been() {
    let mut bench = Bench::new();
    let (_, invite) = call(&mut bench, &["+49"], 5);
    bench.reply(&invite, 302, "Contact: <sip:fraud@192.0.2.66>\nContact: <tel:+88213000>", "");
    assert!(next_invite(&mut bench).is_none());
    let events = bench.events();
    assert!(matches!(&events[0], LegEvent::Failed { status: 302, .. }), "{events:?}");
    bench.ends_empty();
}

#[test]
fn two_who_send_us_to_each_other_come_to_an_end() {
    let mut bench = Bench::new();
    let (_, mut invite) = call(&mut bench, &["*"], 3);
    for round in 0..3 {
        bench.reply(&invite, 302, &format!("Contact: <sip:human@192.0.2.7:5060>\nContact: <sip:hop{round}@192.0.2.30>"), "");
        invite = next_invite(&mut bench).unwrap().0;
        assert_eq!(invite.target, format!("sip:hop{round}@192.0.2.30"), "nobody is called twice");
    }
    bench.reply(&invite, 302, "Contact: <sip:hop9@192.0.2.30>", "");
    assert!(next_invite(&mut bench).is_none(), "three at most");
    assert!(bench.events().iter().any(|event| matches!(event, LegEvent::Failed { status: 302, .. })));
    bench.ends_empty();
}

#[test]
fn a_6xx_of_a_contact_ends_the_search_and_so_does_our_cancel() {
    let mut bench = Bench::new();
    let (_, invite) = call(&mut bench, &["*"], 5);
    bench.reply(&invite, 300, "Contact: <sip:a@192.0.2.20>\nContact: <sip:b@192.0.2.20>", "");
    let (again, _) = next_invite(&mut bench).unwrap();
    bench.reply(&again, 603, "", "");
    assert!(next_invite(&mut bench).is_none());
    assert!(bench.events().iter().any(|event| matches!(event, LegEvent::Failed { status: 603, .. })));
    let mut bench = Bench::new();
    let (leg, invite) = call(&mut bench, &["*"], 5);
    bench.reply(&invite, 180, "", "");
    bench.release(leg);
    bench.reply(&invite, 302, "Contact: <sip:a@192.0.2.20>", "");
    assert!(next_invite(&mut bench).is_none(), "who hung up is not called on");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Cancelled)]);
}

#[test]
fn the_trunk_stays_the_way_for_numbers_and_its_password_is_for_nobody_else() {
    let mut bench = Bench::new();
    let (_, invite) = call(&mut bench, &["*"], 5);
    bench.reply(&invite, 302, "Contact: <tel:+4930123>;q=1.0\nContact: <sip:stranger@192.0.2.66>;q=0.1", "");
    let (number, to) = next_invite(&mut bench).unwrap();
    assert_eq!(
        (number.target.as_str(), to),
        ("tel:+4930123", Destination::Address { transport: Transport::Udp, remote: addr(PEER), connection: None })
    );
    bench.reply(&number, 407, "Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"", "");
    let (number, _) = next_invite(&mut bench).unwrap();
    assert!(number.headers.contains("Proxy-Authorization"), "the trunk itself is answered");
    bench.reply(&number, 404, "", "");
    let (stranger, _) = next_invite(&mut bench).unwrap();
    assert!(!stranger.headers.contains("Proxy-Authorization"));
    bench.reply(&stranger, 407, "Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"n2\", qop=\"auth\"", "");
    assert!(next_invite(&mut bench).is_none(), "a stranger's challenge is not answered");
}
