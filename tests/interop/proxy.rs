//! Kamailio between the worker and its peers: every request of a dialog has to go through it, from either side.

use crate::assistants::{DESK, reception};
use crate::phones::{Baresip, PjPhone, long_enough, pjsip};
use crate::sound::{read, tone_ms, write_tone};
use crate::support::{Peer, program, sipp};
use crate::worker::{Setup, Site, Worker, until};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);
/// Debian's places of kamailio's modules.
const MODULES: &[&str] =
    &["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules", "/usr/lib/kamailio/modules"];
const FIRST: f64 = 1_000.0;
const SECOND: f64 = 700.0;
/// The hum of the scripted voice.
const HUM: f64 = 400.0;

/// A running kamailio. Dropping it ends it.
struct Proxy {
    _peer: Peer,
    address: SocketAddr,
}

impl Proxy {
    /// `None`: not installed, and said so.
    async fn start(site: &Site, worker: SocketAddr, human: &str) -> Option<Self> {
        let program = program("kamailio", "kamailio")?;
        let modules = MODULES.iter().find(|folder| Path::new(folder).is_dir()).expect("kamailio's modules are where Debian puts them");
        let port = site.port(15);
        let template = include_str!("kamailio.cfg");
        let config = template
            .replace("_PROXY_PORT", &port.to_string())
            .replace("_MODULES", modules)
            .replace("_WORKER", &worker.to_string())
            .replace("_HUMAN", human);
        let (file, folder) = (site.path("kamailio.cfg"), site.path("kamailio"));
        fs::write(&file, config).expect("the file can be written");
        fs::create_dir_all(&folder).expect("the folder can be made");
        let mut command = Command::new(program);
        // In the foreground (-DD), so that it ends with its process id.
        command.args(["-DD", "-E", "-m", "64", "-M", "8", "-f"]).arg(&file).arg("-w").arg(&folder).arg("-P").arg(folder.join("pid"));
        command.arg("-Y").arg(&folder);
        let peer = Peer::start("kamailio", command);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let probe = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        until("kamailio answers", BOUND, async || {
            probe.send_to(&options(&probe, address), address).await.ok()?;
            let mut answer = [0; 1_500];
            tokio::time::timeout(Duration::from_millis(100), probe.recv(&mut answer)).await.ok()?.ok()
        })
        .await;
        Some(Self { _peer: peer, address })
    }

    fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }
}

fn options(probe: &UdpSocket, to: SocketAddr) -> Vec<u8> {
    let from = probe.local_addr().expect("it is bound");
    format!(
        "OPTIONS sip:nobody@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKprobe;rport\r\nMax-Forwards: 5\r\nFrom: <sip:probe@{from}>;tag=1\r\n\
         To: <sip:nobody@{to}>\r\nCall-ID: probe@{from}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// One sipp call through the proxy; answers the worker, quiet again.
async fn through(scenario: &str, more: &[&str]) -> Option<(Worker, Peer, Proxy)> {
    let program = program("sipp", "sip-tester")?;
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    let proxy = Proxy::start(&worker.site, worker.udp, "127.0.0.1:9").await?;
    let media = worker.site.port(10).to_string();
    let peer = sipp(program, scenario, proxy.address, &[&["-m", "1", "-mp", &media], more].concat());
    Some((worker, peer, proxy))
}

#[tokio::test]
async fn a_caller_behind_a_proxy_is_greeted_holds_and_hangs_up() {
    let Some((worker, peer, _proxy)) = through("uac_hold.xml", &[]).await else { return };
    peer.finish(BOUND).await.expect_success();
    let (_, recorded) = worker.one_call_ended("participant_left").await;
    assert_eq!(recorded.events("leg_held").len(), 2, "{}", recorded.story());
    worker.stop().await;
}

#[tokio::test]
async fn the_worker_s_bye_finds_its_way_back_through_the_proxy() {
    let Some((worker, peer, _proxy)) = through("uac_wait_bye.xml", &[]).await else { return };
    let id = worker.live(1, &["talking"]).await.remove(0);
    worker.recording_says(&id, &["playback_ended"]).await;
    let (status, body) = worker.ask("POST", &format!("/v1/v2/conversations/{id}/end_session")).await;
    assert!(status < 300, "{status} {body}");
    peer.finish(BOUND).await.expect_success();
    worker.one_call_ended("agent_initiated").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_refer_and_its_notifies_go_through_the_proxy_and_so_does_the_referred_call() {
    let Some(python) = pjsip() else { return };
    let mut site = Site::new(Setup::with("reception", "")).await;
    let (first, second) = (site.path("first.wav"), site.path("second.wav"));
    write_tone(&first, FIRST, (200, 1_000), 2);
    write_tone(&second, SECOND, (1, 1), 60);
    let Some(human) = Baresip::start(&site, "human", 4, &second).await else { return };
    site.setup = Setup::with("reception", reception(&format!("sip:human@127.0.0.1:{}", site.port(15))));
    let worker = site.start().await;
    let human_address = human.uri.rsplit('@').next().expect("it has a host").to_owned();
    let Some(proxy) = Proxy::start(&worker.site, worker.udp, &human_address).await else { return };
    let mut caller = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &proxy.uri("1000"), "--play", "first.wav"]);

    let id = worker.live(1, &["talking"]).await.remove(0);
    caller.state(0, "CONFIRMED").await;
    worker.recording_says(&id, &["playback_ended"]).await;
    caller.order("hold").await;
    worker.recording_says(&id, &["leg_held", "true"]).await;
    caller.order("resume").await;
    worker.recording_says(&id, &["leg_held", "false"]).await;
    caller.order("dtmf 77#").await;
    caller.state(1, "CONFIRMED").await;
    let (_, recorded) = worker.one_call_ended("transferred").await;
    assert_eq!(recorded.transfer_outcomes(), ["confirmed"], "{}", recorded.story());
    long_enough(&worker.site.path("caller-1.wav")).await;
    let heard_by_caller = caller.finish().await;
    let heard_by_human = human.finish().await;
    assert!(tone_ms(&read(&heard_by_caller(0), 0), HUM) > 500, "the caller hears the worker");
    assert!(tone_ms(&read(&heard_by_caller(1), 0), SECOND) > 500, "the caller hears the human");
    assert!(tone_ms(&read(&heard_by_human[0], 0), FIRST) > 200, "the human hears the caller");
    worker.stop().await;
}

#[tokio::test]
async fn a_caller_hands_the_worker_over_to_somebody_else_by_replaces() {
    let Some(python) = pjsip() else { return };
    let site = Site::new(Setup::with("desk", DESK)).await;
    let (first, second) = (site.path("first.wav"), site.path("second.wav"));
    write_tone(&first, FIRST, (1, 1), 60);
    write_tone(&second, SECOND, (1, 1), 60);
    let human = PjPhone::start(&python, &site, "human", 4, &["--answer", "--play", "second.wav"]);
    human.event("ready", &[]).await;
    let worker = site.start().await;
    let mut caller = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri(), "--play", "first.wav"]);
    let id = worker.live(1, &["talking"]).await.remove(0);
    caller.state(0, "CONFIRMED").await;
    worker.recording_says(&id, &["playback_ended"]).await;
    caller.order("hold").await;
    worker.recording_says(&id, &["leg_held", "true"]).await;
    caller.order(&format!("dial {}", human.uri)).await;
    caller.state(1, "CONFIRMED").await;
    caller.order("replaces").await;
    // The first phone is out of both calls, the second has the worker.
    caller.state(0, "DISCONNECTED").await;
    human.state(1, "CONFIRMED").await;
    worker.recording_says(&id, &["leg_held", "false"]).await;
    long_enough(&worker.site.path("human-1.wav")).await;
    let heard_by_human = human.finish().await;
    drop(caller.finish().await);
    let (_, recorded) = worker.one_call_ended("participant_left").await;
    assert_eq!(recorded.events("leg_released").len(), 1, "one leg from first to last: {}", recorded.story());
    let heard = worker.recording(&id, "wav");
    assert!(tone_ms(&read(&heard, 0), FIRST) > 500, "the worker heard the first");
    assert!(tone_ms(&read(&heard, 0), SECOND) > 500, "and then the second");
    assert!(read(&heard_by_human(1), 0).len() > 8_000, "who hears the worker's line");
    worker.stop().await;
}
