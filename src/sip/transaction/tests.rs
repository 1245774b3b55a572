//! Every row of RFC 3261 figures 5–8 and RFC 6026 figures 1–2, in virtual time.

use super::{Client, ClientInvite, Server, ServerInvite, Step, TimerName, Timers};
use crate::model::WorkerTime;

const T: Timers = Timers { t1: crate::model::Millis(500), t2: crate::model::Millis(4_000), t4: crate::model::Millis(5_000) };

fn ms(millis: u64) -> WorkerTime {
    WorkerTime::from_millis(millis)
}

/// Runs a table by its own deadlines; gives the time of every resend and the last steps.
macro_rules! run {
    ($table:expr) => {{
        let mut sends = Vec::new();
        loop {
            let Some((due, _)) = $table.next_deadline() else { break (sends, Vec::new(), WorkerTime::MAX) };
            let steps = $table.tick(due);
            if steps.contains(&Step::Terminated) {
                break (sends, steps, due);
            }
            assert_eq!(steps, [Step::Send]);
            sends.push(due.millis());
        }
    }};
}

#[test]
fn an_invite_without_any_response_is_resent_doubling_and_times_out_after_64_t1() {
    let mut table = ClientInvite::new(ms(0), T, false);
    assert_eq!(table.next_deadline(), Some((ms(500), TimerName::A)));
    let (sends, last, at) = run!(table);
    assert_eq!(sends, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!((last, at), (vec![Step::TimedOut, Step::Terminated], ms(32_000)));
    assert_eq!(table.next_deadline(), None);
}

#[test]
fn a_provisional_response_stops_resends_and_the_timeout_of_an_invite() {
    let mut table = ClientInvite::new(ms(0), T, false);
    assert!(!table.may_cancel());
    assert_eq!(table.response(ms(100), 100), [Step::Deliver]);
    assert!(table.may_cancel() && table.is_pending());
    assert_eq!(table.next_deadline(), None);
    table.cancelled(ms(1_000));
    assert_eq!(table.next_deadline(), Some((ms(33_000), TimerName::B)));
}

#[test]
fn a_refused_invite_acknowledges_every_copy_of_the_refusal_and_delivers_one() {
    let mut table = ClientInvite::new(ms(0), T, false);
    assert_eq!(table.response(ms(10), 486), [Step::Acknowledge, Step::Deliver]);
    assert_eq!(table.response(ms(600), 486), [Step::Acknowledge]);
    assert_eq!(table.response(ms(700), 200), [], "a 2xx after a refusal is not ours to take");
    assert_eq!(table.next_deadline(), Some((ms(32_010), TimerName::D)));
    assert_eq!(table.tick(ms(32_010)), [Step::Terminated]);
    let mut stream = ClientInvite::new(ms(0), T, true);
    stream.response(ms(10), 486);
    assert_eq!(stream.next_deadline(), Some((ms(10), TimerName::D)), "no wait over a stream");
}

#[test]
fn an_accepted_invite_delivers_every_further_2xx_for_64_t1() {
    let mut table = ClientInvite::new(ms(0), T, false);
    assert_eq!(table.response(ms(10), 200), [Step::Deliver]);
    assert_eq!(table.response(ms(20), 200), [Step::Deliver]);
    assert_eq!(table.response(ms(30), 180), []);
    assert_eq!(table.response(ms(30), 486), []);
    assert_eq!(table.next_deadline(), Some((ms(32_010), TimerName::M)));
    assert_eq!(table.tick(ms(32_010)), [Step::Terminated]);
}

#[test]
fn a_request_over_a_stream_is_never_resent() {
    let mut invite = ClientInvite::new(ms(0), T, true);
    let (sends, last, _) = run!(invite);
    assert_eq!((sends, last), (vec![], vec![Step::TimedOut, Step::Terminated]));
    let mut other = Client::new(ms(0), T, true);
    let (sends, last, _) = run!(other);
    assert_eq!((sends, last), (vec![], vec![Step::TimedOut, Step::Terminated]));
}

#[test]
fn another_request_is_resent_up_to_every_t2_and_times_out_after_64_t1() {
    let mut table = Client::new(ms(0), T, false);
    let (sends, last, at) = run!(table);
    assert_eq!(sends, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!((last, at), (vec![Step::TimedOut, Step::Terminated], ms(32_000)));
}

#[test]
fn a_provisional_response_slows_another_request_to_t2_and_does_not_stop_its_timeout() {
    let mut table = Client::new(ms(0), T, false);
    assert_eq!(table.response(ms(100), 100), [Step::Deliver]);
    assert_eq!(table.next_deadline(), Some((ms(4_100), TimerName::E)));
    let (sends, last, at) = run!(table);
    assert_eq!(sends, [4_100, 8_100, 12_100, 16_100, 20_100, 24_100, 28_100]);
    assert_eq!((last, at), (vec![Step::TimedOut, Step::Terminated], ms(32_000)));
}

#[test]
fn a_final_response_to_another_request_is_delivered_once_and_absorbed_for_t4() {
    let mut table = Client::new(ms(0), T, false);
    assert_eq!(table.response(ms(100), 200), [Step::Deliver]);
    assert_eq!(table.response(ms(200), 200), []);
    assert!(!table.is_pending());
    assert_eq!(table.next_deadline(), Some((ms(5_100), TimerName::K)));
    assert_eq!(table.tick(ms(5_100)), [Step::Terminated]);
}

#[test]
fn a_refusal_of_an_invite_is_resent_until_its_ack_and_then_absorbs_for_t4() {
    let mut table = ServerInvite::new(T, false);
    assert_eq!(table.respond(ms(0), 180), [Step::Send]);
    assert_eq!(table.request_again(), [Step::Send]);
    assert_eq!(table.respond(ms(0), 486), [Step::Send]);
    assert_eq!(table.respond(ms(0), 200), [], "one final response only");
    assert_eq!(table.next_deadline(), Some((ms(500), TimerName::G)));
    assert_eq!(table.tick(ms(500)), [Step::Send]);
    assert_eq!(table.request_again(), [Step::Send]);
    table.acknowledged(ms(700));
    assert_eq!(table.request_again(), []);
    assert_eq!(table.next_deadline(), Some((ms(5_700), TimerName::I)));
    assert_eq!(table.tick(ms(5_700)), [Step::Terminated]);
}

#[test]
fn a_refusal_of_an_invite_never_acknowledged_is_given_up_after_64_t1() {
    let mut table = ServerInvite::new(T, false);
    table.respond(ms(0), 486);
    let (sends, last, at) = run!(table);
    assert_eq!(sends, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!((last, at), (vec![Step::Unacknowledged, Step::Terminated], ms(32_000)));
}

#[test]
fn an_accepted_invite_absorbs_resends_without_resending_the_2xx_itself() {
    let mut table = ServerInvite::new(T, false);
    assert_eq!(table.respond(ms(0), 200), [Step::Send]);
    assert!(table.is_accepted());
    assert_eq!(table.request_again(), []);
    assert_eq!(table.next_deadline(), Some((ms(32_000), TimerName::L)));
    assert_eq!(table.tick(ms(32_000)), [Step::Terminated]);
}

#[test]
fn another_request_that_comes_again_gets_the_same_response_for_64_t1() {
    let mut table = Server::new(T, false);
    assert_eq!(table.request_again(), [], "nothing to send yet");
    assert_eq!(table.respond(ms(0), 200), [Step::Send]);
    assert_eq!(table.request_again(), [Step::Send]);
    assert_eq!(table.respond(ms(1), 500), []);
    assert_eq!(table.next_deadline(), Some((ms(32_000), TimerName::J)));
    let mut stream = Server::new(T, true);
    stream.respond(ms(0), 200);
    assert_eq!(stream.tick(ms(0)), [Step::Terminated]);
}

#[test]
fn a_late_tick_resends_once_and_not_for_every_interval_missed() {
    let mut table = ClientInvite::new(ms(0), T, false);
    assert_eq!(table.tick(ms(10_000)), [Step::Send]);
    assert_eq!(table.tick(ms(10_000)), []);
    let (due, name) = table.next_deadline().unwrap();
    assert!(due > ms(10_000) && name == TimerName::A, "{due}");
}
