//! Tests of shell.

use super::*;
use crate::media::{LegMediaConfig, MediaDirection, MediaFact, MediaOrder, RoomId, Tone, shell::pacer};
use crate::model::{Digit, Millis, UtteranceId, WorkerTime};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// Longest wait for anything on loopback.
const PATIENCE: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "loopback tests run the real pacer")]
fn clock() -> Clock {
    let start = std::time::Instant::now();
    Arc::new(move || WorkerTime::from_micros(start.elapsed().as_micros() as u64))
}

fn engine(ports: (u16, u16)) -> MediaEngine {
    MediaEngine::start(EngineConfig { bind: LOCALHOST, ports, quarantine: Millis(60_000) }, clock()).unwrap()
}

fn sink() -> (FactSink, Receiver<MediaFact>) {
    let (facts, told) = sync_channel(1_000);
    (Arc::new(move |fact| drop(facts.try_send(fact))), told)
}

fn wait_for(told: &Receiver<MediaFact>, wanted: impl Fn(&MediaFact) -> bool) -> MediaFact {
    loop {
        let fact = told.recv_timeout(PATIENCE).expect("the fact comes in time");
        if wanted(&fact) {
            return fact;
        }
    }
}

/// Two legs of one engine that talk to each other.
fn pair(engine: &MediaEngine) -> [(LegMedia, Receiver<MediaFact>); 2] {
    let open = |seed| {
        let (sink, told) = sink();
        (engine.open(LegMediaConfig { seed, ..LegMediaConfig::default() }, sink).unwrap(), told)
    };
    let (one, other) = (open(1), open(2));
    for (leg, peer) in [(&one.0, &other.0), (&other.0, &one.0)] {
        leg.order(MediaOrder::SetRemote { rtp: SocketAddr::new(LOCALHOST, peer.local_port()) }).unwrap();
        leg.order(MediaOrder::SetDirection { direction: MediaDirection::SendReceive }).unwrap();
    }
    [one, other]
}

fn tone(millis: usize) -> Arc<[i16]> {
    let mut samples = vec![0; millis * 8];
    Tone::sine(1_000.0, 10_000).fill(&mut samples);
    samples.into()
}

#[test]
fn speech_and_keys_travel_from_leg_to_leg_and_a_released_port_rests() {
    let engine = engine((27_000, 27_009));
    let [(one, told_one), (other, told_other)] = pair(&engine);
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let tap: Tap = Box::new(move |frame| {
        assert_eq!(frame.len(), 160);
        count.fetch_add(u64::from(frame.iter().any(|sample| *sample > 5_000)), Ordering::Relaxed);
    });
    other.set_tap(Some(tap)).unwrap();
    one.enqueue(UtteranceId(1), tone(400), true).unwrap();
    let ended = wait_for(&told_one, |fact| matches!(fact, MediaFact::PlaybackEnded { .. }));
    let MediaFact::PlaybackEnded { report, .. } = ended else { unreachable!("waited for this") };
    assert_eq!((report.heard, report.cut), (Millis(400), false));
    one.order(MediaOrder::SendDigit { digit: Digit::from_char('7').unwrap(), duration: Millis(60) }).unwrap();
    let MediaFact::DigitPressed { digit, .. } = wait_for(&told_other, |fact| matches!(fact, MediaFact::DigitPressed { .. })) else {
        unreachable!("waited for this")
    };
    assert_eq!(digit.as_char(), '7');
    assert!((18..=24).contains(&heard.load(Ordering::Relaxed)), "{}", heard.load(Ordering::Relaxed));
    drop(one);
    let MediaFact::Closed { stats } = wait_for(&told_one, |fact| matches!(fact, MediaFact::Closed { .. })) else {
        unreachable!("waited for this")
    };
    assert!(stats.sent > 20 && stats.received > 20 && stats.malformed == 0, "{stats:?}");
    drop(other);
    wait_for(&told_other, |fact| matches!(fact, MediaFact::Closed { .. }));
    let stats = engine.stats();
    assert!(stats.ports_in_use == 0 || stats.ports_in_use == 1, "the pool learns of it right after the fact");
    assert!(stats.ticks > 10 && stats.lateness.max > 0);
}

#[test]
fn legs_of_a_room_hear_each_other() {
    let engine = engine((27_020, 27_039));
    let [(caller, _a), (bot_one, told)] = pair(&engine);
    let [(supervisor, _c), (bot_two, _d)] = pair(&engine);
    bot_one.order(MediaOrder::Join { room: RoomId(3) }).unwrap();
    bot_two.order(MediaOrder::Join { room: RoomId(3) }).unwrap();
    let (loud, heard) = sync_channel(1);
    let tap: Tap = Box::new(move |frame| {
        if frame.iter().any(|sample| *sample > 5_000) {
            let _ = loud.try_send(());
        }
    });
    supervisor.set_tap(Some(tap)).unwrap();
    caller.enqueue(UtteranceId(1), tone(2_000), true).unwrap();
    heard.recv_timeout(PATIENCE).expect("the supervisor hears the caller through the room");
    drop(told);
}

#[test]
fn a_recording_has_both_sides_and_the_right_length() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("call.wav");
    let engine = engine((27_040, 27_049));
    let [(one, told), (other, _told)] = pair(&engine);
    other.enqueue(UtteranceId(1), tone(400), true).unwrap();
    one.start_recording(&path).unwrap();
    one.enqueue(UtteranceId(2), tone(600), true).unwrap();
    wait_for(&told, |fact| matches!(fact, MediaFact::PlaybackEnded { .. }));
    one.stop_recording().unwrap();
    let MediaFact::RecordingEnded { length, truncated } = wait_for(&told, |fact| matches!(fact, MediaFact::RecordingEnded { .. })) else {
        unreachable!("waited for this")
    };
    assert!(!truncated && length.0 >= 600 && length.0 % 20 == 0, "{length}");
    let mut reader = hound::WavReader::open(&path).unwrap();
    assert_eq!((reader.spec().channels, u64::from(reader.duration())), (2, length.0 * 8));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    for side in [0, 1] {
        assert!(samples.iter().skip(side).step_by(2).any(|sample| *sample > 5_000), "side {side} is silent");
    }
    assert!(one.start_recording(&directory.path().join("no/such/folder.wav")).is_err());
    assert_eq!(engine.stats().recordings_truncated, 0);
}

#[test]
fn a_full_disk_truncates_the_recording_and_leaves_the_call() {
    let full = std::path::Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let engine = engine((27_060, 27_069));
    let [(one, told), _other] = pair(&engine);
    // The file is opened, but nothing can be written to it.
    if one.start_recording(full).is_ok() {
        one.enqueue(UtteranceId(1), tone(1_200), true).unwrap();
        wait_for(&told, |fact| matches!(fact, MediaFact::PlaybackEnded { report, .. } if report.heard == Millis(1_200)));
        one.stop_recording().unwrap();
        let ended = wait_for(&told, |fact| matches!(fact, MediaFact::RecordingEnded { .. }));
        assert!(matches!(ended, MediaFact::RecordingEnded { truncated: true, .. }));
        assert_eq!(engine.stats().recordings_truncated, 1);
    }
}

#[test]
fn a_panic_in_one_leg_ends_that_leg_alone() {
    let engine = engine((27_080, 27_089));
    let [(one, told_one), (other, told_other)] = pair(&engine);
    one.set_tap(Some(Box::new(|_| panic!("a tap went wrong")))).unwrap();
    wait_for(&told_one, |fact| matches!(fact, MediaFact::Closed { .. }));
    assert_eq!(one.order(MediaOrder::StopAll), Err(OrderRefused::Closed));
    other.enqueue(UtteranceId(1), tone(40), true).unwrap();
    wait_for(&told_other, |fact| matches!(fact, MediaFact::PlaybackEnded { .. }));
}

#[test]
fn what_a_leg_may_queue_is_bounded_and_its_producer_told() {
    // A clock that stands still: the pacer never ticks, so nothing leaves the queue.
    let engine =
        MediaEngine::start(EngineConfig { bind: LOCALHOST, ports: (27_100, 27_101), quarantine: Millis(0) }, Arc::new(|| WorkerTime::ZERO))
            .unwrap();
    let (sink, _told) = sink();
    let leg = engine.open(LegMediaConfig { max_queued: Millis(1_000), ..LegMediaConfig::default() }, sink).unwrap();
    leg.enqueue(UtteranceId(1), tone(900), false).unwrap();
    assert!(leg.enqueue(UtteranceId(1), tone(200), true).is_err());
    leg.enqueue(UtteranceId(1), tone(100), true).unwrap();
    assert_eq!(leg.queued(), Millis(1_000));
    (0..64).for_each(|_| leg.order(MediaOrder::Pause).unwrap());
    assert_eq!(leg.order(MediaOrder::StopAll), Err(OrderRefused::Full));
    assert!(matches!(engine.open(LegMediaConfig::default(), Arc::new(|_| {})), Err(MediaError::PortsExhausted { in_use: 1, .. })));
}

/// CPU of one leg's tick. Run alone: `cargo test --lib media::shell::tests::cost -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement of ten seconds"]
fn cost_of_a_leg_tick() {
    let legs = std::option_env!("MEDIA_LEGS").and_then(|legs| legs.parse().ok()).unwrap_or(500_u16);
    let engine = engine((38_000, 38_000 + legs * 2));
    let facts = Arc::new(Mutex::new(0_u64));
    let open: Vec<LegMedia> = (0..legs)
        .map(|seed| {
            let facts = Arc::clone(&facts);
            let sink: FactSink = Arc::new(move |_| *facts.lock().unwrap() += 1);
            engine.open(LegMediaConfig { seed: u64::from(seed), ..LegMediaConfig::default() }, sink).unwrap()
        })
        .collect();
    for couple in open.chunks_exact(2) {
        for (leg, peer) in [(&couple[0], &couple[1]), (&couple[1], &couple[0])] {
            leg.order(MediaOrder::SetRemote { rtp: SocketAddr::new(LOCALHOST, peer.local_port()) }).unwrap();
            leg.order(MediaOrder::SetDirection { direction: MediaDirection::SendReceive }).unwrap();
            leg.enqueue(UtteranceId(1), tone(30_000), true).unwrap();
        }
    }
    let (before, cpu) = (engine.stats().ticks, cpu_micros());
    std::thread::sleep(Duration::from_secs(10)); // bounded poll: a measurement, run by hand
    let stats = engine.stats();
    let (ticks, user, system) = (stats.ticks - before, cpu_micros().0 - cpu.0, cpu_micros().1 - cpu.1);
    let leg = open[7].stats();
    let share = |micros: u64| micros as f64 / ticks as f64 / f64::from(legs);
    println!("{legs} legs, {ticks} ticks: {:.2} us user, {:.2} us system a leg-tick", share(user), share(system));
    println!("work of a tick {:?}, lateness {:?}, skipped {}", stats.work, stats.lateness, stats.ticks_skipped);
    println!("one leg: {leg:?}");
    println!("bytes: Leg {} + Session {} in it", size_of::<pacer::Leg>(), size_of::<crate::media::Session>());
}

/// User and system time of this process in microseconds (clock ticks of 10 ms).
fn cpu_micros() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() * 10_000, fields[12].parse::<u64>().unwrap() * 10_000)
}
