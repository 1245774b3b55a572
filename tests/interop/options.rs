//! sipp asks OPTIONS of the SIP task, over UDP and over TCP.

use crate::support::{program, sipp};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use voice_worker::model::WorkerTime;
use voice_worker::sip::acl::AccessList;
use voice_worker::sip::endpoint::{Config, Endpoint};
use voice_worker::sip::shell::{ShellConfig, ShellLimits, Sockets, order_queue, run};

#[tokio::test]
async fn sipp_gets_its_options_answered_over_udp_and_tcp() {
    let Some(sipp_program) = program("sipp", "sip-tester") else { return };
    let loopback = vec!["127.0.0.1:0".parse().expect("an address")];
    let limits = ShellLimits::default();
    let sockets =
        Sockets::bind(ShellConfig { udp: loopback.clone(), tcp: loopback, access: AccessList::default(), limits }).expect("free ports");
    let listeners = sockets.listeners();
    let targets = [(listeners[0].local, "u1"), (listeners[1].local, "t1")];
    let endpoint = Endpoint::new(Config::new(listeners), 1);
    let (_handle, orders) = order_queue();
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(run(sockets, endpoint, orders, Arc::new(|| WorkerTime::from_millis(1)), |_| {}, stop.clone()));
    for (target, transport) in targets {
        let peer = sipp(sipp_program.clone(), "uac_options.xml", target, &["-t", transport, "-m", "10", "-r", "100"]);
        peer.finish(Duration::from_secs(20)).await.expect_success();
    }
    stop.cancel();
    let seen = tasks.join_next().await.expect("one task").expect("it ended by itself");
    assert_eq!((seen.shell.datagrams_in, seen.shell.connections_accepted), (10, 1));
}
