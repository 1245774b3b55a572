//! re-INVITE and UPDATE of both sides, crossing requests, session timers.

use super::*;

fn reinvite(bench: &mut Bench, seq: u32, version: u32, port: u16, direction: &str) -> Response {
    bench.request("INVITE", seq, "Content-Type: application/sdp\r\n", &sdp(version, port, direction));
    let answer = bench.responses().pop().unwrap();
    if answer.status == 200 {
        bench.request("ACK", seq, "", "");
    }
    answer
}

fn answer_text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn version(response: &Response) -> u64 {
    let text = answer_text(response);
    text.lines().find(|line| line.starts_with("o=")).unwrap().split(' ').nth(2).unwrap().parse().unwrap()
}

#[test]
fn hold_resume_and_a_moved_port_are_each_answered_from_their_own_offer() {
    let mut bench = Bench::new();
    bench.call_in();
    let held = reinvite(&mut bench, 11, 2, 4000, "sendonly");
    let back = reinvite(&mut bench, 12, 3, 4000, "sendrecv");
    let moved = reinvite(&mut bench, 13, 4, 4800, "sendrecv");
    assert!(answer_text(&held).contains("a=recvonly") && answer_text(&back).contains("a=sendrecv"));
    assert!(version(&held) < version(&back) && version(&back) <= version(&moved), "the version grows with the text");
    let seen: Vec<(u16, bool)> = bench
        .events()
        .iter()
        .filter_map(
            |event| if let LegEvent::MediaChanged { media, .. } = event { Some((media.remote.port(), media.held_by_peer)) } else { None },
        )
        .collect();
    assert_eq!(seen, [(4000, true), (4000, false), (4800, false)]);
}

#[test]
fn our_hold_is_a_sendonly_offer_and_resume_takes_it_back() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
    let invite = bench.requests().pop().unwrap();
    assert!(String::from_utf8_lossy(&invite.body).contains("a=sendonly"));
    assert!(matches!(bench.endpoint.order(bench.at, Order::Resume { leg }), Err(OrderError::Busy { .. })));
    bench.reply(&invite, 200, "", &sdp(2, 4000, "recvonly"));
    assert_eq!(bench.requests().pop().unwrap().method, Method::Ack);
    bench.reply(&invite, 200, "", &sdp(2, 4000, "recvonly"));
    assert_eq!(bench.requests().pop().unwrap().method, Method::Ack, "a copy of the 200 gets the ACK again");
    assert!(matches!(bench.events()[..], [LegEvent::MediaChanged { .. }]));
    bench.endpoint.order(bench.at, Order::Resume { leg }).unwrap();
    let resume = bench.requests().pop().unwrap();
    assert!(String::from_utf8_lossy(&resume.body).contains("a=sendrecv"));
    bench.reply(&resume, 488, "", "");
    assert_eq!(bench.events(), [LegEvent::ModifyFailed { leg, status: 488 }]);
}

#[test]
fn crossing_re_invites_are_491_both_ways_and_ours_is_tried_again_after_a_random_wait() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
    let invite = bench.requests().pop().unwrap();
    assert_eq!(reinvite(&mut bench, 11, 2, 4000, "sendonly").status, 491);
    bench.reply(&invite, 491, "", "");
    bench.heard();
    let (due, reason) = bench.endpoint.next_deadline().unwrap();
    assert!(due.since(bench.at) <= std::time::Duration::from_secs(2) || reason != TimerReason::Leg(leg, LegTimer::Glare));
    assert_eq!(reinvite(&mut bench, 12, 3, 4000, "sendonly").status, 200, "the peer's turn comes first");
    bench.pass(2_600);
    let again = bench.requests().into_iter().find(|one| one.method == Method::Invite).unwrap();
    bench.reply(&again, 200, "", &sdp(4, 4000, "inactive"));
    bench.pass(0);
    assert!(bench.events().iter().any(|event| matches!(event, LegEvent::MediaChanged { .. })));
}

#[test]
fn a_re_invite_answered_481_ends_the_leg_as_lost() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
    let invite = bench.requests().pop().unwrap();
    bench.reply(&invite, 481, "", "");
    let bye = bench.requests().pop().unwrap();
    assert_eq!(bye.method, Method::Bye);
    bench.reply(&bye, 481, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Network, ReleaseReason::DialogLost)]);
    bench.ends_empty();
}

#[test]
fn an_update_of_the_peer_is_answered_with_and_without_an_offer() {
    let mut bench = Bench::new();
    bench.call_in();
    bench.request("UPDATE", 11, "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n", "");
    let plain = bench.responses().pop().unwrap();
    assert_eq!((plain.status, plain.body.len()), (200, 0));
    assert_eq!(plain.headers.get("Session-Expires"), Some("1800;refresher=uac"));
    bench.request("UPDATE", 12, "Content-Type: application/sdp\r\n", &sdp(2, 4100, "sendrecv"));
    let offered = bench.responses().pop().unwrap();
    assert!(offered.status == 200 && !offered.body.is_empty());
    assert!(matches!(bench.events()[..], [LegEvent::MediaChanged { .. }]));
}

#[test]
fn a_session_the_peer_must_refresh_and_does_not_ends_in_bye_and_session_expired() {
    let mut bench = Bench::new();
    bench.call_in_with("Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n");
    bench.pass(200_000);
    bench.request("UPDATE", 11, "Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n", "");
    bench.pass(267_000);
    assert!(bench.requests().is_empty(), "refreshed at 200 s, so it lives until 468 s");
    bench.pass(2_000);
    let bye = bench.requests().remove(0);
    assert_eq!(bye.method, Method::Bye);
    bench.reply(&bye, 200, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Network, ReleaseReason::SessionExpired)]);
    bench.ends_empty();
}

#[test]
fn a_call_of_an_hour_is_refreshed_by_us_and_does_not_die_after_15_minutes() {
    let mut bench = Bench::new();
    let leg = bench.call_in_with("Allow: INVITE, UPDATE\r\nSupported: timer\r\nSession-Expires: 1800;refresher=uas\r\n");
    for _ in 0..4 {
        bench.pass(900_000);
        let update = bench.requests().pop().unwrap();
        assert_eq!(update.method, Method::Update);
        bench.reply(&update, 200, "Session-Expires: 1800;refresher=uac\nRequire: timer", "");
    }
    assert_eq!(bench.events(), []);
    bench.release(leg);
    let bye = bench.requests().pop().unwrap();
    bench.reply(&bye, 200, "", "");
    assert_eq!(released(&bench.events()).len(), 1);
    bench.ends_empty();
}

#[test]
fn a_peer_without_update_is_refreshed_by_a_re_invite_with_the_same_description() {
    let mut bench = Bench::new();
    bench.call_in_with("Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n");
    bench.pass(900_000);
    let invite = bench.requests().pop().unwrap();
    assert!(invite.method == Method::Invite && !invite.body.is_empty());
    bench.reply(&invite, 200, "Session-Expires: 1800;refresher=uac", &sdp(1, 4000, "sendrecv"));
    assert_eq!(bench.events(), []);
}

fn g722(version: u32) -> String {
    sdp(version, 4000, "sendrecv")
        .replace("RTP/AVP 0 8 101", "RTP/AVP 9 101")
        .replace("a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000", "a=rtpmap:9 G722/8000")
}

#[test]
fn a_re_invite_of_either_side_changes_the_codec_in_mid_call() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let both = LocalMedia { codecs: vec![AudioCodec::G722, AudioCodec::Pcmu], ..media("192.0.2.1", 6000) };
    bench.endpoint.order(bench.at, Order::Modify { leg, media: both }).unwrap();
    let invite = bench.requests().pop().unwrap();
    assert!(String::from_utf8_lossy(&invite.body).contains("RTP/AVP 9 0 101"));
    bench.reply(&invite, 200, "", &g722(2));
    bench.heard();
    let codec_of = |bench: &mut Bench| match &bench.events()[..] {
        [LegEvent::MediaChanged { media, .. }] => (media.codec, media.payload_type),
        other => panic!("{other:?}"),
    };
    assert_eq!(codec_of(&mut bench), (AudioCodec::G722, 9));
    bench.request("INVITE", 11, "Content-Type: application/sdp\r\n", &sdp(3, 4000, "sendrecv"));
    assert_eq!(bench.statuses(), [200]);
    assert_eq!(codec_of(&mut bench), (AudioCodec::Pcmu, 0));
    bench.request("ACK", 11, "", "");
    bench.request("INVITE", 12, "Content-Type: application/sdp\r\n", &g722(4));
    assert_eq!(codec_of(&mut bench), (AudioCodec::G722, 9));
}

#[test]
fn a_refused_change_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    for (status, headers) in [(488, ""), (503, ""), (420, "Unsupported: timer")] {
        bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
        let invite = bench.requests().pop().unwrap();
        bench.reply(&invite, status, headers, "");
        assert_eq!(bench.requests().pop().unwrap().method, Method::Ack, "and no BYE");
        assert_eq!(bench.events(), [LegEvent::ModifyFailed { leg, status }]);
    }
}

#[test]
fn a_peer_that_is_at_an_offer_of_its_own_is_asked_again_when_it_says() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
    let invite = bench.requests().pop().unwrap();
    bench.reply(&invite, 500, "Retry-After: 3", "");
    bench.heard();
    bench.pass(2_900);
    assert_eq!(bench.requests(), []);
    bench.pass(200);
    let again = bench.requests().pop().unwrap();
    bench.reply(&again, 200, "", &sdp(2, 4000, "recvonly"));
    assert!(matches!(bench.events()[..], [LegEvent::MediaChanged { leg: told, .. }] if told == leg));
}
