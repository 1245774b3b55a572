//! What nobody should send to a running worker, and what nobody should start one with.

use crate::assistants::DESK;
use crate::phones::{PjPhone, pjsip};
use crate::support::{program, sipp};
use crate::worker::{Setup, Site, Worker, refuses, text, until};
use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);
/// Damaged copies of each message.
const COPIES: usize = 8;

/// Repeatable noise (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).expect("smaller than the bound")
    }

    fn damage(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                2 => drop(bytes.drain(at..(at + self.below(40)).min(bytes.len()))),
                _ => bytes.extend_from_within(at..(at + self.below(200)).min(bytes.len())),
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        bytes
    }
}

/// The written-out messages of the SIP tests, with no place of others in them that an answer or a BYE could be sent to.
fn messages() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip");
    let folders = ["torture", "trunk"].map(|name| fs::read_dir(root.join(name)).expect("the folder is there"));
    let mut files: Vec<_> = folders.into_iter().flatten().map(|entry| entry.expect("it is readable").path()).collect();
    files.sort();
    files.iter().map(|file| without_places(&fs::read(file).expect("it is readable"))).collect()
}

fn without_places(message: &[u8]) -> Vec<u8> {
    let harmless = |line: &[u8]| {
        let start = String::from_utf8_lossy(line).to_ascii_lowercase();
        let is = |names: &[&str]| names.iter().any(|name| start.starts_with(name));
        if is(&["contact", "m:", "m "]) {
            b"Contact: <sip:nobody@127.0.0.1:9>\r\n".to_vec()
        } else if is(&["route", "record-route"]) || start.contains("maddr") {
            Vec::new()
        } else {
            line.to_vec()
        }
    };
    message.split_inclusive(|byte| *byte == b'\n').flat_map(harmless).collect()
}

#[tokio::test]
async fn damaged_messages_neither_stop_the_worker_nor_touch_a_call() {
    let Some(sipp_program) = program("sipp", "sip-tester") else { return };
    // Some of them are calls; nobody acknowledges their answers, which then have to end soon.
    let fast = "[deadlines]\nacknowledge_ms = 4000\nrelease_ms = 4000\nrefer_answer_ms = 4000";
    let worker = Worker::start(Setup::with("desk", DESK).sip("t1_ms = 50\nt2_ms = 500\nt4_ms = 500").more(fast)).await;
    let media = worker.site.port(10).to_string();
    let caller = sipp(sipp_program.clone(), "uac_cps.xml", worker.udp, &["-m", "1", "-d", "4000", "-mp", &media]);
    let id = worker.live(1, &["talking"]).await.remove(0);

    let (stranger, mut noise) = (UdpSocket::bind("127.0.0.1:0").expect("a free port"), Noise(0x5eed));
    let mut sent = 0;
    for message in messages() {
        for copy in 0..COPIES {
            let bytes = if copy == 0 { message.clone() } else { noise.damage(&message) };
            sent += usize::from(stranger.send_to(&bytes[..bytes.len().min(60_000)], worker.udp).is_ok());
            if sent % 50 == 0 {
                assert_eq!(worker.ask("GET", "/health").await.0, 200);
            }
        }
    }
    assert!(sent > 400, "{sent} were sent");
    caller.finish(BOUND).await.expect_success();
    let closed = until("its row is closed", BOUND, async || {
        let (_, row) = worker.ask("GET", &format!("/v1/v2/conversations/{id}")).await;
        (row["status"] == "closed").then_some(row)
    });
    let row = closed.await;
    assert_eq!(row["termination_reason"], "participant_left", "{row}");
    worker.replayed(&id).await;
    until("no call is left", BOUND, async || (worker.metric("voice_worker_calls_live ").await == Some(0.0)).then_some(())).await;
    let unacknowledged = worker.metric("voice_worker_calls_ended_total{cause=\"never_acknowledged\"}").await;
    assert!(unacknowledged > Some(0.0), "some of them were calls");
    worker.nothing_is_left().await;
    sipp(sipp_program, "uac_cps.xml", worker.udp, &["-m", "1", "-d", "100", "-mp", &media]).finish(BOUND).await.expect_success();
    worker.nothing_is_left().await;
    worker.stop().await;
}

#[tokio::test]
async fn audio_and_keys_of_a_stranger_are_not_the_callers() {
    let Some(python) = pjsip() else { return };
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    let mut phone = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri()]);
    let id = worker.live(1, &["talking"]).await.remove(0);
    phone.state(0, "CONFIRMED").await;
    worker.recording_says(&id, &["playback_ended"]).await;
    let (stranger, mut noise) = (UdpSocket::bind("127.0.0.1:0").expect("a free port"), Noise(7));
    for sequence in 0..60_u16 {
        for port in worker.site.rtp_ports() {
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            let key = rtp(101, sequence, &[3, 0x80, 0x03, 0x20]);
            for packet in [rtp(0, sequence, &[0x55; 160]), noise.damage(&key), key] {
                // An unused port answers with an error; that is not the point here.
                drop(stranger.send_to(&packet, to));
            }
        }
    }
    phone.order("dtmf 81#").await;
    worker.recording_says(&id, &["digit_pressed", "#"]).await;
    phone.order("bye").await;
    let (_, recorded) = worker.one_call_ended("participant_left").await;
    assert_eq!(recorded.keys().0, "81#", "{}", recorded.story());
    drop(phone.finish().await);
    worker.stop().await;
}

/// An RTP packet with the marker set.
fn rtp(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0x80 | payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(0x0bad_cafe_u32.to_be_bytes());
    packet.extend(payload);
    packet
}

#[tokio::test]
async fn a_worker_that_cannot_start_says_why_and_what_to_do() {
    let site = Site::new(Setup::with("desk", DESK)).await;
    let (udp, tcp) = (UdpSocket::bind("127.0.0.1:0").expect("a free port"), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let (udp, tcp) = (udp.local_addr().map(|at| (udp, at)), tcp.local_addr().map(|at| (tcp, at)));
    let ((_udp, udp), (_tcp, tcp)) = (udp.expect("it is bound"), tcp.expect("it is bound"));
    let file = site.write();
    let good = fs::read_to_string(&file).expect("it was written");
    let cases = [
        ("udp = [\"127.0.0.1:0\"]", format!("udp = [\"{udp}\"]"), 1, udp.to_string()),
        ("listen = \"127.0.0.1:0\"", format!("listen = \"{tcp}\""), 1, tcp.to_string()),
        ("max_calls = 16", "max_calls = 0".to_owned(), 78, "worker.max_calls".to_owned()),
        ("audio = true", "audoi = true".to_owned(), 78, "recording.audio".to_owned()),
        ("default = \"desk\"", "default = \"nobody\"".to_owned(), 78, "nobody".to_owned()),
    ];
    for (from, to, code, says) in cases {
        assert!(good.contains(from), "{from}");
        fs::write(&file, good.replace(from, &to)).expect("it can be written");
        let done = refuses(&file).await;
        assert!(done.code == Some(code) && done.output.contains(&says), "{to}: exit code {:?}, {}", done.code, done.output);
        assert!(!done.output.contains("panicked"), "{}", done.output);
    }
    fs::write(&file, &good).expect("it can be written");
    fs::write(site.path("assistants/desk.toml"), DESK.replace("to = \"thanks\"", "to = \"thnaks\"")).expect("it can be written");
    let done = refuses(&file).await;
    let names = ["desk.toml:", "thnaks", "thanks"].iter().all(|word| done.output.contains(word));
    assert!(done.code == Some(78) && names, "exit code {:?}, {}", done.code, done.output);
}

#[tokio::test]
async fn a_worker_without_its_models_starts_deaf_and_says_so() {
    let mut setup = Setup::with("desk", DESK);
    setup.speech = "engine = \"local\"\nmodels_dir = \"nowhere\"".to_owned();
    let worker = Worker::start(setup).await;
    let (status, ready) = worker.ask("GET", "/ready").await;
    assert_eq!((status, &ready["ready"]), (503, &false.into()), "{ready}");
    assert!(text(&ready["reasons"][0]).contains("nowhere"), "{ready}");
    worker.stop().await;
}
