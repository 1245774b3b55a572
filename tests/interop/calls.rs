//! sipp's scenarios against a worker that answers every call: the SIP task, the endpoint and the session descriptions together.

use crate::support::{program, sipp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use voice_worker::model::{Millis, WorkerTime};
use voice_worker::sip::acl::AccessList;
use voice_worker::sip::endpoint::{Config, Endpoint, LegEvent, Order};
use voice_worker::sip::sdp::{AudioCodec, LocalMedia};
use voice_worker::sip::shell::{ShellConfig, ShellLimits, SipHandle, Snapshot, Sockets, order_queue, run};

struct Worker {
    udp: SocketAddr,
    tcp: SocketAddr,
    handle: SipHandle,
    stop: CancellationToken,
    tasks: JoinSet<Snapshot>,
}

impl Worker {
    /// Rings, and answers if `answers`. The clock stands still: loopback loses nothing, so no timer has to run.
    fn start(answers: bool) -> Self {
        let loopback = vec!["127.0.0.1:0".parse().expect("an address")];
        let config = ShellConfig { udp: loopback.clone(), tcp: loopback, access: AccessList::default(), limits: ShellLimits::default() };
        let sockets = Sockets::bind(config).expect("free ports");
        let listeners = sockets.listeners();
        let (udp, tcp) = (listeners[0].local, listeners[1].local);
        let (handle, orders) = order_queue();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let reply = handle.clone();
        let events = move |event| {
            if let LegEvent::Incoming { leg, .. } = event {
                reply.order(Order::Ring { leg }, |answer| assert_eq!(answer, Ok(())));
                if answers {
                    reply.order(Order::Answer { leg, media: media() }, |answer| assert_eq!(answer, Ok(())));
                }
            }
        };
        let clock = Arc::new(|| WorkerTime::from_millis(1));
        tasks.spawn(run(sockets, Endpoint::new(Config::new(listeners), 1), orders, clock, events, stop.clone()));
        Self { udp, tcp, handle, stop, tasks }
    }

    /// No leg may outlive the program that called.
    async fn end(mut self) -> Snapshot {
        let empty = async { while self.handle.inspect().await.expect("the task lives").endpoint.legs > 0 {} };
        tokio::time::timeout(Duration::from_secs(5), empty).await.expect("every leg is gone");
        self.stop.cancel();
        self.tasks.join_next().await.expect("one task").expect("it ended by itself")
    }
}

fn media() -> LocalMedia {
    LocalMedia {
        address: "127.0.0.1".parse().expect("an address"),
        port: 40_000,
        codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma],
        telephone_event: Some(101),
        ptime: Millis(20),
        rtcp_mux: false,
    }
}

async fn passes(scenario: &str, answers: bool, more: &[&str]) {
    let Some(sipp_program) = program("sipp", "sip-tester") else { return };
    for transport in ["u1", "t1"] {
        let worker = Worker::start(answers);
        let target = if transport == "u1" { worker.udp } else { worker.tcp };
        let arguments = [&["-t", transport], more].concat();
        sipp(sipp_program.clone(), scenario, target, &arguments).finish(Duration::from_secs(30)).await.expect_success();
        let seen = worker.end().await;
        assert_eq!((seen.endpoint.unroutable, seen.endpoint.malformed, seen.shell.send_errors), (0, 0, 0), "{scenario} over {transport}");
    }
}

#[tokio::test]
async fn fifty_calls_are_answered_and_ended() {
    passes("uac_cps.xml", true, &["-m", "50", "-r", "100", "-d", "0"]).await;
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled() {
    passes("uac_cancel.xml", false, &["-m", "1"]).await;
}

#[tokio::test]
async fn hold_and_resume_are_answered() {
    passes("uac_hold.xml", true, &["-m", "1"]).await;
}

#[tokio::test]
async fn a_late_offer_is_taken() {
    passes("uac_late_offer.xml", true, &["-m", "1", "-d", "100"]).await;
}

#[tokio::test]
async fn a_session_timer_is_agreed() {
    passes("uac_session_timer.xml", true, &["-m", "1", "-d", "100"]).await;
}

#[tokio::test]
async fn keys_sent_by_info_are_taken() {
    passes("uac_dtmf_info.xml", true, &["-m", "1"]).await;
}
