//! REFER of ours and the NOTIFYs, in the orders real peers send them.

use super::*;

fn refer(bench: &mut Bench, leg: LegKey) -> Request {
    let order = Order::Refer { leg, refer_to: "sip:human@192.0.2.9".to_owned(), referred_by: None, headers: Vec::new() };
    bench.endpoint.order(bench.at, order).unwrap();
    bench.requests().pop().unwrap()
}

fn notify(bench: &mut Bench, seq: u32, state: &str, line: &str) -> String {
    let headers = format!("Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n");
    bench.request("NOTIFY", seq, &headers, line)
}

#[test]
fn a_refer_is_accepted_and_its_progress_told_in_order_though_it_comes_in_one_burst() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    assert_eq!(request.headers.get("Refer-To"), Some("<sip:human@192.0.2.9>"));
    bench.reply(&request, 202, "", "");
    notify(&mut bench, 11, "active;expires=60", "SIP/2.0 100 Trying\r\n");
    notify(&mut bench, 12, "active;expires=60", "SIP/2.0 180 Ringing\r\n");
    let last = notify(&mut bench, 13, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
    bench.say(&last);
    assert_eq!(bench.statuses(), [200, 200, 200, 200], "the copy is answered too");
    let progress = |status| LegEvent::ReferProgress { leg, status };
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }, progress(100), progress(180), progress(200)]);
}

#[test]
fn a_notify_before_the_202_counts_as_the_acceptance() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    notify(&mut bench, 11, "active", "SIP/2.0 100 Trying\r\n");
    bench.reply(&request, 202, "", "");
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }, LegEvent::ReferProgress { leg, status: 100 }]);
}

#[test]
fn a_notify_without_a_body_that_ends_the_subscription_is_told_as_ended() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    notify(&mut bench, 11, "active", "");
    notify(&mut bench, 12, "terminated", "");
    assert_eq!(bench.statuses(), [200, 200]);
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }, LegEvent::ReferEnded { leg }]);
}

#[test]
fn a_notify_right_after_the_bye_is_answered_and_released_stays_the_last_word() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    bench.request("BYE", 12, "", "");
    notify(&mut bench, 11, "terminated", "SIP/2.0 200 OK\r\n");
    assert_eq!(bench.statuses(), [200, 200]);
    let events = bench.events();
    assert_eq!(released(&events[1..]), [(ReleasedBy::Remote, ReleaseReason::Bye)]);
    assert_eq!(events.len(), 2);
    bench.ends_empty();
}

#[test]
fn a_refused_refer_ends_nothing_but_the_transfer() {
    for status in [603, 481, 405] {
        let mut bench = Bench::new();
        let leg = bench.call_in();
        let request = refer(&mut bench, leg);
        bench.reply(&request, status, "", "");
        assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status }]);
        bench.request("OPTIONS", 11, "", "");
        assert_eq!(bench.statuses(), [200], "the call lives");
        refer(&mut bench, leg);
    }
}

#[test]
fn a_refer_nobody_answers_is_408_and_the_call_lives() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    refer(&mut bench, leg);
    bench.pass(33_000);
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 408 }]);
}

#[test]
fn a_refer_that_crosses_is_tried_again_and_then_told_as_491() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let mut request = refer(&mut bench, leg);
    for _ in 0..3 {
        bench.reply(&request, 491, "", "");
        assert_eq!(bench.events(), []);
        bench.pass(2_100);
        let again = bench.requests().pop().unwrap();
        assert!(again.headers.cseq().unwrap().seq > request.headers.cseq().unwrap().seq);
        request = again;
    }
    bench.reply(&request, 491, "", "");
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 491 }]);
}

#[test]
fn an_abandoned_refer_answers_its_notifies_481_and_tells_nothing() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.reply(&request, 202, "", "");
    bench.events();
    bench.endpoint.order(bench.at, Order::AbandonRefer { leg }).unwrap();
    notify(&mut bench, 11, "terminated", "SIP/2.0 200 OK\r\n");
    assert_eq!(bench.statuses(), [481]);
    assert_eq!(bench.events(), []);
}

#[test]
fn a_hold_from_the_transferee_while_our_refer_waits_is_answered() {
    let mut bench = Bench::new();
    let leg = bench.call_in();
    let request = refer(&mut bench, leg);
    bench.request("INVITE", 11, "Content-Type: application/sdp\r\n", &sdp(2, 4000, "sendonly"));
    let answer = bench.responses().pop().unwrap();
    assert_eq!(answer.status, 200);
    assert!(String::from_utf8_lossy(&answer.body).contains("a=recvonly"));
    bench.reply(&request, 202, "", "");
    let events = bench.events();
    assert!(matches!(events[..], [LegEvent::MediaChanged { .. }, LegEvent::ReferAnswered { status: 202, .. }]), "{events:?}");
}

#[test]
fn a_notify_for_no_refer_is_481_and_for_another_event_489() {
    let mut bench = Bench::new();
    bench.call_in();
    notify(&mut bench, 11, "active", "SIP/2.0 100 Trying\r\n");
    bench.request("NOTIFY", 12, "Event: presence\r\nSubscription-State: active\r\n", "");
    assert_eq!(bench.statuses(), [481, 489]);
}

#[test]
fn an_inbound_refer_is_refused_and_told() {
    let mut bench = Bench::new();
    bench.call_in();
    bench.request("REFER", 11, "Refer-To: <sip:other@192.0.2.9>\r\n", "");
    assert_eq!(bench.statuses(), [603]);
    assert!(matches!(bench.events()[..], [LegEvent::ReferRequested { .. }]));
}
