//! Attended transfer (RFC 5589) and Replaces (RFC 3891), from both ends.

use super::*;
use crate::sip::readers::{NameAddr, Replaces};

fn attended(bench: &mut Bench, leg: LegKey, other: LegKey, to: &str) -> Result<(), OrderError> {
    let order = Order::Refer {
        leg,
        refer_to: to.to_owned(),
        referred_by: None,
        headers: Vec::new(),
        invite_headers: Vec::new(),
        replaces: Some(other),
    };
    bench.endpoint.order(bench.at, order)
}

/// A second call, out to the human, up.
fn consult(bench: &mut Bench) -> (LegKey, Request) {
    let (leg, invite) = call_out(bench);
    bench.reply(&invite, 200, "Contact: <sip:human@192.0.2.8:5070;ob>", &sdp(1, 4100, "sendrecv"));
    bench.heard();
    bench.events();
    (leg, invite)
}

#[test]
fn an_attended_transfer_names_the_other_dialog_as_its_peer_sees_it_escaped_into_refer_to() {
    let mut bench = Bench::new();
    let caller = bench.call_in();
    let (human, invite) = consult(&mut bench);
    attended(&mut bench, caller, human, "").unwrap();
    let refer = bench.requests().pop().unwrap();
    let value = refer.headers.get("Refer-To").unwrap().to_owned();
    let to = NameAddr::read(&value).unwrap();
    let uri = to.uri().unwrap();
    let uri = uri.as_sip().unwrap();
    assert_eq!(uri.clone().without_headers().to_string(), "sip:human@192.0.2.8:5070;ob", "the human's own Contact");
    assert_eq!(uri.headers[0].0, "Replaces", "first, for exchanges that look there only: {value}");
    assert!(!uri.headers[0].1.contains([';', '=', '@']), "all of it escaped: {value}");
    let replaces = Replaces::read(&uri.header("Replaces").unwrap()).unwrap();
    assert_eq!(replaces.call_id, invite.headers.get("Call-ID").unwrap());
    assert_eq!((replaces.to_tag.as_str(), replaces.early_only), ("peer", false), "to-tag is the human's own tag");
    assert_eq!(Some(replaces.from_tag), invite.headers.from_tag(), "from-tag is ours");
    assert_eq!(uri.header("Require").as_deref(), Some("replaces"));
}

#[test]
fn an_attended_transfer_to_a_given_address_keeps_what_it_says_and_its_own_dialog() {
    let mut bench = Bench::new();
    let caller = bench.call_in();
    let (human, _) = consult(&mut bench);
    attended(&mut bench, caller, human, "sip:desk@pbx.example;user=phone?Replaces=forged").unwrap();
    let refer = bench.requests().pop().unwrap();
    let value = refer.headers.get("Refer-To").unwrap();
    assert!(value.starts_with("<sip:desk@pbx.example;user=phone?Replaces="), "{value}");
    assert!(!value.contains("forged"), "{value}");
}

#[test]
fn only_a_leg_that_is_up_and_another_one_can_be_named_in_an_attended_transfer() {
    let mut bench = Bench::new();
    let caller = bench.call_in();
    let (ringing, invite) = call_out(&mut bench);
    bench.reply(&invite, 180, "", "");
    assert!(matches!(attended(&mut bench, caller, ringing, ""), Err(OrderError::WrongState { .. })));
    assert!(matches!(attended(&mut bench, caller, caller, ""), Err(OrderError::Invalid { .. })));
    assert_eq!(attended(&mut bench, caller, LegKey(99), ""), Err(OrderError::NoSuchLeg(LegKey(99))));
    let order = Order::Refer {
        leg: caller,
        refer_to: "tel:+4930123".to_owned(),
        referred_by: None,
        headers: Vec::new(),
        invite_headers: vec![("User-to-User".to_owned(), "56a3;encoding=hex".to_owned())],
        replaces: None,
    };
    assert!(matches!(bench.endpoint.order(bench.at, order), Err(OrderError::Invalid { .. })), "tel: carries no headers");
    assert_eq!(bench.requests(), [], "nothing of it was sent");
}

#[test]
fn a_refer_carries_its_own_headers_and_those_of_the_invite_it_asks_for() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let order = Order::Refer {
        leg,
        refer_to: "sip:human@192.0.2.9".to_owned(),
        referred_by: Some("sip:worker@192.0.2.1".to_owned()),
        headers: vec![("X-Transfer-Reason".to_owned(), "billing".to_owned())],
        invite_headers: vec![("User-to-User".to_owned(), "56a390;encoding=hex".to_owned())],
        replaces: None,
    };
    bench.endpoint.order(bench.at, order).unwrap();
    let refer = bench.requests().pop().unwrap();
    assert_eq!(refer.headers.get("Refer-To"), Some("<sip:human@192.0.2.9?User-to-User=56a390%3Bencoding%3Dhex>"));
    assert_eq!(
        (refer.headers.get("Referred-By"), refer.headers.get("X-Transfer-Reason")),
        (Some("<sip:worker@192.0.2.1>"), Some("billing"))
    );
}

/// An INVITE of a third party, outside the call's dialog.
fn takeover(bench: &mut Bench, replaces: &str) {
    takeover_as(bench, "call-2", replaces);
}

fn takeover_as(bench: &mut Bench, call_id: &str, replaces: &str) {
    let body = sdp(1, 4800, "sendrecv");
    let text = format!(
        "INVITE sip:worker@{WORKER} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bK{call_id};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:other@192.0.2.9>;tag=new\r\nTo: <sip:worker@192.0.2.1>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:other@192.0.2.9>\r\nRequire: replaces\r\nReplaces: {replaces}\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bench.say(&text);
}

fn call_1(bench: &Bench) -> String {
    format!("call-1;to-tag={};from-tag=peer", bench.worker_tag)
}

/// The takeover of `leg`, up to our 200 and the BYE to whoever is left.
fn taken_over() -> (Bench, LegKey, Response, Request) {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let replaces = call_1(&bench);
    takeover(&mut bench, &replaces);
    assert_eq!(bench.statuses(), [100]);
    let events = bench.events();
    let [LegEvent::ReplaceRequested { leg: asked, by, call }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*asked, call.call_id.as_str()), (leg, "call-2"));
    bench.endpoint.order(bench.at, Order::Replace { by: *by }).unwrap();
    let mut heard = bench.heard();
    let (Some(Message::Request(bye)), Some(Message::Response(answer)), None) = (heard.pop(), heard.pop(), heard.pop()) else { panic!() };
    assert_eq!((answer.status, &bye.method, bye.headers.get("Call-ID")), (200, &Method::Bye, Some("call-1")));
    (bench, leg, answer, bye)
}

fn ack(bench: &mut Bench, answer: &Response) {
    let tag = answer.headers.to_tag().unwrap();
    bench.say(&format!(
        "ACK sip:worker@{WORKER} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKack;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:other@192.0.2.9>;tag=new\r\nTo: <sip:worker@192.0.2.1>;tag={tag}\r\nCall-ID: call-2\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    ));
}

#[test]
fn an_invite_with_replaces_takes_the_leg_over_and_only_the_media_changes_for_its_user() {
    let (mut bench, leg, answer, bye) = taken_over();
    assert_eq!(bench.events(), [], "until the newcomer acknowledges");
    ack(&mut bench, &answer);
    let events = bench.events();
    assert!(matches!(&events[..], [LegEvent::Replaced { leg: told, media }] if *told == leg && media.remote.port() == 4800), "{events:?}");
    bench.reply(&bye, 200, "", "");
    assert_eq!(bench.events(), [], "the old dialog ends unheard");
    bench.release(leg);
    let bye = bench.requests().pop().unwrap();
    assert_eq!((bye.headers.get("Call-ID"), bye.headers.to_tag().as_deref()), (Some("call-2"), Some("new")));
    bench.reply(&bye, 200, "", "");
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Bye)]);
    bench.ends_empty();
}

#[test]
fn requests_of_the_peer_that_was_left_do_not_reach_the_leg_any_more() {
    let (mut bench, leg, answer, _) = taken_over();
    ack(&mut bench, &answer);
    bench.events();
    bench.request("INVITE", 11, "Content-Type: application/sdp\r\n", &sdp(2, 4000, "sendonly"));
    bench.request("BYE", 12, "", "");
    assert_eq!(bench.statuses(), [481, 200], "its BYE crossed ours");
    assert_eq!(bench.events(), []);
    let replaces = call_1(&bench);
    takeover_as(&mut bench, "call-3", &replaces);
    let status = bench.responses().pop().unwrap().status;
    assert!(matches!(status, 481 | 603), "nobody gets the leg by the old dialog: {status}");
    bench.endpoint.order(bench.at, Order::Hold { leg }).unwrap();
}

#[test]
fn a_newcomer_that_never_acknowledges_ends_the_leg_once() {
    let (mut bench, _, _, bye) = taken_over();
    bench.reply(&bye, 200, "", "");
    bench.pass(70_000);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Network, ReleaseReason::NeverAcknowledged)]);
    bench.heard();
    bench.ends_empty();
}

#[test]
fn what_was_under_way_in_the_old_dialog_is_told_as_over() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
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
    bench.reply(&refer, 202, "", "");
    bench.events();
    let replaces = call_1(&bench);
    takeover(&mut bench, &replaces);
    let by = match &bench.events()[..] {
        [LegEvent::ReplaceRequested { by, .. }] => *by,
        other => panic!("{other:?}"),
    };
    bench.endpoint.order(bench.at, Order::Replace { by }).unwrap();
    assert_eq!(bench.events(), [LegEvent::ReferEnded { leg, why: SubscriptionEnd::GaveUp }]);
}

#[test]
fn replaces_is_refused_as_rfc_3891_section_3_says() {
    let refused = |prepare: &dyn Fn(&mut Bench) -> String| {
        let mut bench = Bench::new();
        let replaces = prepare(&mut bench);
        bench.heard();
        bench.events();
        takeover(&mut bench, &replaces);
        assert_eq!(bench.events(), [], "nobody is asked");
        bench.statuses()
    };
    let nobody = |_: &mut Bench| "call-9;to-tag=a;from-tag=b".to_owned();
    assert_eq!(refused(&nobody), [481], "no such dialog");
    let early_only = |bench: &mut Bench| {
        bench.call_in();
        call_1(bench) + ";early-only"
    };
    assert_eq!(refused(&early_only), [486], "it is answered already");
    let unanswered = |bench: &mut Bench| {
        bench.request("INVITE", 10, "Content-Type: application/sdp\r\n", &sdp(1, 4000, "sendrecv"));
        let leg = bench.events()[0].leg();
        bench.endpoint.order(bench.at, Order::Ring { leg }).unwrap();
        bench.worker_tag = bench.responses().pop().unwrap().headers.to_tag().unwrap();
        call_1(bench)
    };
    assert_eq!(refused(&unanswered), [481], "an early dialog that we did not begin");
    let leaving = |bench: &mut Bench| {
        let leg = bench.call_in();
        bench.release(leg);
        call_1(bench)
    };
    assert_eq!(refused(&leaving), [603], "it is over");
    let garbage = |_: &mut Bench| "call-1;from-tag=peer".to_owned();
    assert_eq!(refused(&garbage), [400]);
}

#[test]
fn replaces_in_another_request_or_inside_a_dialog_is_400() {
    let mut bench = Bench::new();
    bench.call_in();
    let header = format!("Replaces: {}\r\n", call_1(&bench));
    bench.request("OPTIONS", 11, &header, "");
    bench.request("INVITE", 12, &format!("{header}Content-Type: application/sdp\r\n"), &sdp(2, 4000, "sendrecv"));
    assert_eq!(bench.statuses(), [400, 400]);
}

#[test]
fn an_undecided_takeover_is_declined_in_time_and_the_call_lives() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let replaces = call_1(&bench);
    takeover(&mut bench, &replaces);
    let by = match &bench.events()[..] {
        [LegEvent::ReplaceRequested { by, .. }] => *by,
        other => panic!("{other:?}"),
    };
    bench.heard();
    bench.pass(16_100);
    assert_eq!(bench.responses().first().map(|one| one.status), Some(603));
    assert_eq!(bench.events(), [LegEvent::Released { leg: by, by: ReleasedBy::Local, why: ReleaseReason::Rejected { status: 603 } }]);
    assert!(bench.endpoint.order(bench.at, Order::Hold { leg }).is_ok());
}

#[test]
fn a_takeover_decided_after_the_leg_has_gone_is_481() {
    let mut bench = Bench::new();
    bench.call_in();
    let replaces = call_1(&bench);
    takeover(&mut bench, &replaces);
    let by =
        bench.events().iter().find_map(|event| if let LegEvent::ReplaceRequested { by, .. } = event { Some(*by) } else { None }).unwrap();
    bench.request("BYE", 11, "", "");
    bench.events();
    bench.heard();
    assert!(bench.endpoint.order(bench.at, Order::Replace { by }).is_err());
    assert_eq!(bench.statuses(), [481]);
    assert_eq!(released(&bench.events()), [(ReleasedBy::Local, ReleaseReason::Rejected { status: 481 })]);
    bench.ends_empty();
}

#[test]
fn a_call_of_ours_that_rings_may_be_picked_up_by_replaces_and_is_cancelled_unheard() {
    let mut bench = Bench::new();
    let (leg, invite) = call_out(&mut bench);
    bench.reply(&invite, 180, "", "");
    bench.events();
    let replaces =
        format!("{};to-tag={};from-tag=peer;early-only", invite.headers.get("Call-ID").unwrap(), invite.headers.from_tag().unwrap());
    takeover(&mut bench, &replaces);
    let by = match &bench.events()[..] {
        [LegEvent::ReplaceRequested { by, leg: asked, .. }] if *asked == leg => *by,
        other => panic!("{other:?}"),
    };
    bench.heard();
    bench.endpoint.order(bench.at, Order::Replace { by }).unwrap();
    let heard = bench.heard();
    let answer = heard.iter().find_map(|one| if let Message::Response(one) = one { Some(one.clone()) } else { None }).unwrap();
    assert!(heard.iter().any(|one| matches!(one, Message::Request(one) if one.method == Method::Cancel)));
    ack(&mut bench, &answer);
    let events = bench.events();
    assert!(matches!(&events[..], [LegEvent::Answered { leg: told, .. }] if *told == leg), "{events:?}");
    bench.reply(&invite, 487, "", "");
    bench.pass(40_000);
    assert_eq!(
        bench.events(),
        [],
        "the CANCEL and its 487 are nobody's news, and no ring time is left: {:?}",
        bench.endpoint.next_deadline()
    );
}

#[test]
fn who_knows_replaces_is_told_so() {
    let mut bench = Bench::new();
    bench.request("OPTIONS", 1, "", "");
    assert!(bench.responses()[0].headers.has_token("Supported", "replaces"));
    let (_, invite) = call_out(&mut bench);
    assert!(invite.headers.has_token("Supported", "replaces"));
}
