//! REFER of ours and the NOTIFYs, in the orders real peers send them.

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
    assert_eq!(bench.events(), [LegEvent::ReferAnswered { leg, status: 202 }, LegEvent::ReferEnded { leg, why: SubscriptionEnd::Unsaid }]);
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

fn transferee() -> (Bench, LegKey) {
    let mut bench = Bench::with(Config { refer: ReferPolicy::Report, ..config(WORKER) });
    let leg = bench.call_in();
    bench.request("REFER", 11, "Refer-To: <sip:other@192.0.2.9>\r\n", "");
    assert_eq!(bench.statuses(), [] as [u16; 0], "it waits for the decision");
    assert_eq!(bench.events(), [LegEvent::ReferRequested { leg, refer_to: "<sip:other@192.0.2.9>".into() }]);
    (bench, leg)
}

/// Status line and subscription state of a NOTIFY of ours.
fn told(request: &Request) -> (String, &str) {
    assert_eq!((&request.method, request.headers.get("Event")), (&Method::Notify, Some("refer;id=11")));
    assert!(request.headers.contains("Contact"));
    (String::from_utf8(request.body.clone()).unwrap(), request.headers.get("Subscription-State").unwrap())
}

#[test]
fn a_transferee_accepts_and_tells_its_progress_one_notify_after_the_other() {
    let (mut bench, leg) = transferee();
    bench.endpoint.order(bench.at, Order::AnswerRefer { leg, status: 202 }).unwrap();
    let mut heard = bench.heard();
    let Some(Message::Request(first)) = heard.pop() else { panic!("no NOTIFY follows the 202") };
    let Some(Message::Response(accepted)) = heard.pop() else { panic!("the 202 comes first") };
    assert_eq!(accepted.status, 202);
    assert_eq!(told(&first), ("SIP/2.0 100 Trying\r\n".to_owned(), "active;expires=180"));
    bench.endpoint.order(bench.at, Order::NotifyRefer { leg, status: 180, last: false }).unwrap();
    bench.endpoint.order(bench.at, Order::NotifyRefer { leg, status: 200, last: true }).unwrap();
    assert_eq!(bench.requests(), [], "the first one is not answered yet");
    bench.reply(&first, 200, "", "");
    let second = bench.requests().pop().unwrap();
    assert_eq!(told(&second), ("SIP/2.0 180 Ringing\r\n".to_owned(), "active;expires=180"));
    bench.reply(&second, 200, "", "");
    let third = bench.requests().pop().unwrap();
    assert_eq!(told(&third), ("SIP/2.0 200 OK\r\n".to_owned(), "terminated;reason=noresource"));
    bench.reply(&third, 200, "", "");
    let more = bench.endpoint.order(bench.at, Order::NotifyRefer { leg, status: 200, last: true });
    assert!(matches!(more, Err(OrderError::WrongState { .. })), "{more:?}");
    bench.request("REFER", 12, "Refer-To: <sip:again@192.0.2.9>\r\n", "");
    assert!(matches!(bench.events()[..], [LegEvent::ReferRequested { .. }]), "another REFER may follow");
    bench.request("BYE", 13, "", "");
    assert_eq!(bench.statuses(), [200, 481], "and gets an answer though the leg is gone");
    bench.events();
    bench.ends_empty();
}

#[test]
fn a_transferee_may_refuse_and_who_does_not_decide_refuses_in_time() {
    let (mut bench, leg) = transferee();
    bench.endpoint.order(bench.at, Order::AnswerRefer { leg, status: 603 }).unwrap();
    assert_eq!(bench.statuses(), [603]);
    let progress = bench.endpoint.order(bench.at, Order::NotifyRefer { leg, status: 180, last: false });
    assert!(matches!(progress, Err(OrderError::WrongState { .. })), "{progress:?}");
    let (mut bench, leg) = transferee();
    bench.pass(16_100);
    assert_eq!(bench.statuses(), [480]);
    assert!(bench.endpoint.order(bench.at, Order::AnswerRefer { leg, status: 202 }).is_err());
}

#[test]
fn a_transferor_that_forgot_its_refer_gets_no_more_notifies() {
    let (mut bench, leg) = transferee();
    bench.endpoint.order(bench.at, Order::AnswerRefer { leg, status: 202 }).unwrap();
    let first = bench.requests().pop().unwrap();
    bench.endpoint.order(bench.at, Order::NotifyRefer { leg, status: 180, last: false }).unwrap();
    bench.reply(&first, 481, "", "");
    assert_eq!(bench.requests(), []);
    bench.request("OPTIONS", 12, "", "");
    assert_eq!(bench.statuses(), [200], "the call lives");
}

#[test]
fn a_second_refer_while_one_is_under_way_is_refused() {
    let (mut bench, _) = transferee();
    bench.request("REFER", 12, "Refer-To: <sip:more@192.0.2.9>\r\n", "");
    assert_eq!(bench.statuses(), [491]);
    assert_eq!(bench.events(), []);
}
