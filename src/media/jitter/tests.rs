//! Tests of jitter.

use super::*;

/// One packet of a trace: when it arrives (µs), its timestamp.
type Trace = Vec<(u64, u32)>;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A sample tells its own timestamp, so that what is played can be checked.
fn samples(timestamp: u32) -> Frame {
    std::array::from_fn(|offset| ((timestamp + offset as u32) % 30_000) as i16)
}

struct Outcome {
    late: u32,
    resynced: u32,
    concealed: u32,
    adjusted: u32,
    /// Frames played whole and unaltered.
    whole: u32,
    /// Milliseconds between arrival at the earliest and playing, of the last whole frame.
    delay_ms: i64,
    target_ms: u32,
}

fn run(mut trace: Trace, ticks: u64) -> Outcome {
    trace.sort_unstable();
    let mut jitter = Jitter::new();
    let mut out = Outcome { late: 0, resynced: 0, concealed: 0, adjusted: 0, whole: 0, delay_ms: 0, target_ms: 0 };
    let mut next = 0;
    for tick in 1..=ticks {
        let at = WorkerTime::from_micros(tick * 20_000);
        while next < trace.len() && trace[next].0 <= at.micros() {
            match jitter.insert(at, trace[next].1, &samples(trace[next].1)) {
                Placed::Taken => {}
                Placed::Late | Placed::Odd => out.late += 1,
                Placed::Resynced => out.resynced += 1,
            }
            next += 1;
        }
        let mut frame = [0; FRAME];
        let played = jitter.play(at, &mut frame);
        out.concealed += u32::from(played.concealed);
        out.adjusted += u32::from(played.adjusted);
        out.resynced += u32::from(played.resynced);
        let rising = frame.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 30_000);
        if rising && frame[0] >= 0 {
            out.whole += 1;
            // The traces below begin at time 0 with timestamp 0.
            let spoken_ms = i64::from(frame[0]) / 8;
            out.delay_ms = (at.millis() as i64 - spoken_ms).rem_euclid(3_750);
        }
    }
    out.target_ms = jitter.target_ms();
    out
}

fn steady(packets: u32) -> Trace {
    (0..packets).map(|number| (u64::from(number) * 20_000 + 5_000, number * 160)).collect()
}

#[test]
fn a_clean_stream_is_played_whole_at_the_least_delay() {
    let out = run(steady(500), 500);
    assert!(out.whole >= 497, "{}", out.whole);
    assert_eq!((out.late, out.concealed, out.adjusted, out.resynced, out.target_ms), (0, 0, 0, 0, 20));
    assert!(out.delay_ms <= 40, "{}", out.delay_ms);
}

#[test]
fn jitter_and_reordering_inside_the_bound_lose_nothing_once_the_delay_has_grown() {
    let mut random = Random(11);
    let trace: Trace = steady(1_000).into_iter().map(|(at, stamp)| (at + random.below(70_000), stamp)).collect();
    let settled = trace.len() as u32 - 30;
    let out = run(trace, 1_000);
    assert!(out.whole + out.adjusted >= settled - 10, "{} whole, {} adjusted", out.whole, out.adjusted);
    assert!(out.late <= 8, "{}", out.late);
    assert!((40..=100).contains(&out.target_ms), "{}", out.target_ms);
}

#[test]
fn pain_22_a_burst_of_delay_does_not_stay() {
    let mut trace = steady(1_000);
    for (at, _) in &mut trace[200..220] {
        *at = 220 * 20_000 + 5_000;
    }
    let out = run(trace, 1_000);
    assert!(out.delay_ms <= 60, "{}", out.delay_ms);
    assert_eq!(out.target_ms, 20);
}

#[test]
fn each_lost_packet_is_one_concealed_frame() {
    let mut trace = steady(500);
    trace.retain(|(_, stamp)| stamp % 1_600 != 480);
    let out = run(trace, 500);
    assert_eq!((out.concealed, out.late, out.resynced), (50, 0, 0));
}

#[test]
fn a_peer_whose_clock_drifts_is_followed_both_ways() {
    for micros in [20_010, 19_990] {
        let trace: Trace = (0..15_000_u32).map(|number| (u64::from(number) * micros + 5_000, number * 160)).collect();
        let out = run(trace, 15_000);
        // 500 ppm over five minutes are 150 ms: between five and twelve frames to drop or repeat.
        assert!(out.adjusted + out.concealed <= 40 && out.adjusted >= 3, "{} {}", out.adjusted, out.concealed);
        assert!(out.late <= 20 && out.resynced == 0, "{} late, {} resynced", out.late, out.resynced);
        assert!(out.whole > 14_900, "{}", out.whole);
    }
}

#[test]
fn a_jump_of_the_timestamp_is_followed_after_a_few_packets() {
    let trace: Trace = steady(600)
        .into_iter()
        .enumerate()
        .map(|(number, (at, stamp))| (at, if number < 300 { stamp } else { stamp + 9_000_000 }))
        .collect();
    let out = run(trace, 600);
    assert_eq!(out.resynced, 1);
    assert!(out.whole >= 585, "{}", out.whole);
}

#[test]
fn a_talkspurt_after_silence_begins_whole_and_a_frozen_timestamp_too() {
    for jump in [0, 48_000] {
        let trace: Trace = (0..400_u32)
            .map(|number| {
                let (pause, stamp) = if number < 200 { (0, number * 160) } else { (6_000_000, number * 160 + jump) };
                (u64::from(number) * 20_000 + 5_000 + pause, stamp)
            })
            .collect();
        let out = run(trace, 700);
        let lost = if jump == 0 { 15 } else { 3 };
        assert!(out.whole + lost >= 400, "{} with a jump of {jump}", out.whole);
        assert!(out.delay_ms <= 80 || jump == 0, "{}", out.delay_ms);
    }
}

#[test]
fn timestamps_wrap_without_a_seam() {
    let mut jitter = Jitter::new();
    let mut concealed = 0;
    for number in 0..100_u32 {
        let at = WorkerTime::from_micros(u64::from(number + 1) * 20_000);
        jitter.insert(at, (u32::MAX - 8_000).wrapping_add(number * 160), &[1_000; FRAME]);
        let mut frame = [0; FRAME];
        concealed += u32::from(jitter.play(at, &mut frame).concealed);
    }
    assert_eq!(concealed, 0);
}

#[test]
fn packets_of_ten_and_thirty_milliseconds_fit_together() {
    let mut jitter = Jitter::new();
    let mut frame = [0; FRAME];
    let mut whole = 0;
    for tick in 1..=150_u32 {
        let at = WorkerTime::from_micros(u64::from(tick) * 20_000);
        for start in (tick * 160 - 160..tick * 160).filter(|start| start % 240 == 0) {
            jitter.insert(at, start, &[500; 240]);
        }
        whole += u32::from(!jitter.play(at, &mut frame).concealed && frame == [500; FRAME]);
    }
    assert!(whole >= 140, "{whole}");
}

#[test]
fn a_peer_that_describes_its_noise_is_heard_as_noise_and_never_as_a_lost_packet() {
    let mut jitter = Jitter::new();
    let mut frame = [0; FRAME];
    let (mut concealed, mut levels) = (0, Vec::new());
    for tick in 0..300_u32 {
        let at = WorkerTime::from_micros(u64::from(tick) * 20_000 + 5_000);
        // Speech, two seconds of described noise with a second description in it, speech.
        match tick {
            100 | 150 => jitter.comfort(tick * 160, &[50, 1, 2]),
            101..200 => {}
            _ => drop(jitter.insert(at, tick * 160, &[6_000; FRAME])),
        }
        concealed += u32::from(jitter.play(WorkerTime::from_micros(u64::from(tick + 1) * 20_000), &mut frame).concealed);
        levels.push(frame.iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>() / FRAME as u32);
    }
    assert_eq!(concealed, 0, "nothing was lost");
    assert!(levels[105..198].iter().all(|level| (30..200).contains(level)), "{:?}", &levels[98..205]);
    assert!(levels[10..98].iter().chain(&levels[204..]).all(|level| *level > 5_000), "speech on either side is whole");
}

#[test]
fn a_packet_lost_in_speech_after_described_noise_is_concealed_again() {
    let mut jitter = Jitter::new();
    let mut frame = [0; FRAME];
    let mut concealed = 0;
    for tick in 0..200_u32 {
        let at = WorkerTime::from_micros(u64::from(tick) * 20_000 + 5_000);
        match tick {
            50 => jitter.comfort(tick * 160, &[60]),
            51..80 | 150 => {}
            _ => drop(jitter.insert(at, tick * 160, &[6_000; FRAME])),
        }
        concealed += u32::from(jitter.play(WorkerTime::from_micros(u64::from(tick + 1) * 20_000), &mut frame).concealed);
    }
    assert_eq!(concealed, 1);
}
