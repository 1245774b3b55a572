//! What transferees send that no RFC shows: bodies of every kind, several REFERs, subscriptions that never were.

use super::*;

fn refer(bench: &mut Bench, leg: LegKey) -> Request {
    let order = Order::Refer {
        leg,
        refer_to: "sip:human@192.0.2.9".to_owned(),
        referred_by: None,
        headers: Vec::new(),
        invite_headers: Vec::new(),
        replaces: None,
    };
    bench.endpoint.order(bench.at, order).unwrap();
    bench.requests().pop().unwrap()
}

fn accepted() -> (Bench, LegKey, u32) {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    bench.events();
    let seq = request.headers.cseq().unwrap().seq;
    (bench, leg, seq)
}

fn notify(bench: &mut Bench, seq: u32, event: &str, state: &str, kind: &str, body: &str) {
    let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    let state = if state.is_empty() { String::new() } else { format!("Subscription-State: {state}\r\n") };
    bench.request("NOTIFY", seq, &format!("{event}{state}{kind}"), body);
}

const EVENT: &str = "Event: refer\r\n";

#[test]
fn the_outcome_is_read_from_every_kind_of_body_peers_put_it_into() {
    let multipart = "--b1\r\nContent-Type: text/plain\r\n\r\nSIP/2.0 100 not this one\r\n--b1\r\nContent-Type: message/sipfrag\r\n\r\n\
                     SIP/2.0 486 Busy Here\r\n--b1--\r\n";
    let bodies = [
        ("message/sipfrag;version=2.0", "SIP/2.0 486 Busy Here\r\n"),
        ("message/sipfrag", "SIP/2.0 486"),
        ("message/sipfrag", "\r\n\r\nsip/2.0 486 busy\n"),
        ("message/sipfrag", "To: <sip:human@192.0.2.9>\r\nSIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 192.0.2.9\r\n"),
        ("text/plain", "SIP/2.0 486 Busy Here"),
        ("", "SIP/2.0 486 Busy Here\r\n"),
        ("application/sip;x=", "SIP/2.0 486 Busy Here\r\n"),
        ("multipart/mixed;boundary=b1", multipart),
    ];
    for (kind, body) in bodies {
        let (mut bench, leg, _) = accepted();
        notify(&mut bench, 11, EVENT, "terminated;reason=noresource", kind, body);
        assert_eq!(bench.statuses(), [200], "{kind} {body:?}");
        assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 486 }], "{kind} {body:?}");
    }
}

#[test]
fn a_body_that_says_nothing_leaves_the_subscription_as_it_is_and_never_ends_the_call() {
    for (kind, body) in [
        ("text/html", "<p>ok</p>"),
        ("message/sipfrag", "SIP/2.0 999 What\r\n"),
        ("multipart/mixed", "--"),
        ("message/sipfrag", "\u{0}\u{ff}"),
    ] {
        let (mut bench, leg, _) = accepted();
        notify(&mut bench, 11, EVENT, "active;expires=60", kind, body);
        notify(&mut bench, 12, EVENT, "active;expires=60", "message/sipfrag", "SIP/2.0 200 OK\r\n");
        assert_eq!(bench.statuses(), [200, 200]);
        assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 200 }], "{kind}");
    }
}

#[test]
fn the_end_of_a_subscription_says_why() {
    let cases = [
        ("terminated;reason=rejected", SubscriptionEnd::Rejected),
        ("terminated;reason=Timeout", SubscriptionEnd::TimedOut),
        ("terminated;reason=giveup;retry-after=5", SubscriptionEnd::GaveUp),
        ("terminated;reason=deactivated", SubscriptionEnd::GaveUp),
        ("terminated;reason=noresource", SubscriptionEnd::NoResource),
        ("TERMINATED", SubscriptionEnd::Unsaid),
        ("terminated;reason=whatever", SubscriptionEnd::Unsaid),
    ];
    for (state, why) in cases {
        let (mut bench, leg, _) = accepted();
        notify(&mut bench, 11, EVENT, state, "message/sipfrag", "SIP/2.0 180 Ringing\r\n");
        assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 180 }, LegEvent::ReferEnded { leg, why }], "{state}");
        notify(&mut bench, 12, EVENT, state, "message/sipfrag", "SIP/2.0 200 OK\r\n");
        assert_eq!((bench.statuses(), bench.events()), (vec![200, 200], Vec::new()), "over is over");
    }
}

#[test]
fn a_peer_that_makes_no_subscription_is_not_waited_for() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 200, "Refer-Sub: false", "");
    let ended = LegEvent::ReferEnded { leg, why: SubscriptionEnd::NeverMade };
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 200 }, ended]);
    refer(&mut bench, leg);
}

#[test]
fn a_final_status_without_subscription_state_is_final_and_a_notify_without_event_is_taken_for_what_it_is() {
    let (mut bench, leg, _) = accepted();
    notify(&mut bench, 11, "", "", "message/sipfrag", "SIP/2.0 603 Decline\r\n");
    assert_eq!((bench.statuses(), bench.events()), (vec![200], vec![LegEvent::ReferProgress { leg, status: 603 }]));
    notify(&mut bench, 12, "", "", "", "");
    assert_eq!(bench.statuses(), [489], "no event, no status: nobody knows what it is about");
}

#[test]
fn an_abandoned_refer_answers_its_late_notifies_200_and_leaves_room_for_another() {
    let (mut bench, leg, first) = accepted();
    bench.endpoint.order(bench.at, Order::AbandonRefer { leg }).unwrap();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }]);
    notify(&mut bench, 11, &format!("Event: refer;id={first}\r\n"), "terminated", "message/sipfrag", "SIP/2.0 200 OK\r\n");
    assert_eq!((bench.statuses(), bench.events()), (vec![200], Vec::new()), "the first one's success is not the second one's");
    let second = request.headers.cseq().unwrap().seq;
    notify(&mut bench, 12, &format!("Event: refer;id={second}\r\n"), "active", "message/sipfrag", "SIP/2.0 180 Ringing\r\n");
    notify(&mut bench, 13, EVENT, "terminated", "message/sipfrag", "SIP/2.0 487 Request Terminated\r\n");
    assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 180 }], "who names the second means the first without a name");
    notify(&mut bench, 14, &format!("Event: refer;id={second}\r\n"), "terminated", "message/sipfrag", "SIP/2.0 486 Busy Here\r\n");
    assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 486 }]);
    notify(&mut bench, 15, "Event: refer;id=4711\r\n", "active", "message/sipfrag", "SIP/2.0 200 OK\r\n");
    assert_eq!(bench.statuses().last(), Some(&481), "of a REFER that never was");
}

#[test]
fn a_peer_that_never_names_the_refer_is_heard_about_the_second_one_too() {
    let (mut bench, leg, _) = accepted();
    notify(&mut bench, 11, EVENT, "terminated", "message/sipfrag", "SIP/2.0 486 Busy Here\r\n");
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    bench.events();
    notify(&mut bench, 12, EVENT, "terminated", "message/sipfrag", "SIP/2.0 200 OK\r\n");
    assert_eq!(bench.events(), [LegEvent::ReferProgress { leg, status: 200 }]);
}

#[test]
fn a_notify_after_the_answer_to_our_refer_never_came_is_answered_and_the_call_lives() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    refer(&mut bench, leg);
    bench.pass(33_000);
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 408 }]);
    bench.heard();
    notify(&mut bench, 11, EVENT, "active", "message/sipfrag", "SIP/2.0 100 Trying\r\n");
    assert_eq!((bench.statuses(), bench.events()), (vec![200], Vec::new()));
    bench.request("OPTIONS", 12, "", "");
    assert_eq!(bench.statuses(), [200]);
}

#[test]
fn a_notify_of_a_refused_refer_is_481() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 603, "", "");
    notify(&mut bench, 11, EVENT, "active", "message/sipfrag", "SIP/2.0 100 Trying\r\n");
    assert_eq!(bench.statuses(), [481]);
}

#[test]
fn a_notify_after_the_bye_of_the_transferee_is_answered_whatever_it_carries() {
    let (mut bench, _, _) = accepted();
    bench.request("BYE", 11, "", "");
    notify(&mut bench, 12, EVENT, "terminated", "text/plain", "gone");
    notify(&mut bench, 13, "Event: refer;id=77\r\n", "", "", "");
    assert_eq!(bench.statuses(), [200, 200, 200]);
    bench.events();
    bench.ends_empty();
}
