//! Tests of session.

use super::*;
use crate::model::Digit;
use proptest::prelude::*;

const PEER: &str = "127.0.0.1:4000";

fn peer() -> SocketAddr {
    PEER.parse().unwrap()
}

fn config() -> LegMediaConfig {
    LegMediaConfig { seed: 42, remote: Some(peer()), direction: MediaDirection::SendReceive, ..LegMediaConfig::default() }
}

/// A leg in virtual time with a peer that sends one packet a tick.
struct Leg {
    session: Session,
    tick: u64,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    facts: Vec<MediaFact>,
    sent: Vec<(RtpHeader, Vec<u8>)>,
}

impl Leg {
    fn new(config: &LegMediaConfig) -> Self {
        let session = Session::new(WorkerTime::ZERO, config);
        Self { session, tick: 0, sequence: 65_500, timestamp: 1_000, ssrc: 7, facts: Vec::new(), sent: Vec::new() }
    }

    fn at(&self) -> WorkerTime {
        WorkerTime::from_millis(self.tick * 20)
    }

    fn order(&mut self, order: MediaOrder) {
        self.session.handle(self.at(), &order);
    }

    fn packet(&mut self, from: SocketAddr, payload_type: u8, payload: &[u8]) {
        let mut buffer = [0; 256];
        let header = RtpHeader { marker: false, payload_type, sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        let length = rtp::write(header, payload, &mut buffer);
        self.session.on_packet(self.at(), from, &buffer[..length]);
    }

    fn audio(&mut self, value: i16) {
        let mut octets = [0; FRAME];
        codec::encode(AudioCodec::Pcmu, &[value; FRAME], &mut octets);
        self.packet(peer(), 0, &octets);
        self.timestamp = self.timestamp.wrapping_add(160);
    }

    fn tick(&mut self) {
        self.tick += 1;
        let at = self.at();
        self.session.receive(at);
        let mut buffer = [0; MAX_DATAGRAM];
        if let Some(outgoing) = self.session.transmit(None, &mut buffer) {
            let (header, payload) = rtp::read(&buffer[..outgoing.length]).unwrap();
            self.sent.push((header, payload.to_vec()));
        }
        self.facts.extend(std::iter::from_fn(|| self.session.poll_fact()));
    }

    fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.audio(1_000);
            self.tick();
        }
    }

    fn count(&self, fact: &MediaFact) -> usize {
        self.facts.iter().filter(|known| *known == fact).count()
    }
}

fn loudness(payload: &[u8]) -> u16 {
    let mut samples = [0; FRAME];
    codec::decode(AudioCodec::Pcmu, payload, &mut samples);
    samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
}

#[test]
fn packets_leave_every_tick_from_a_seeded_start() {
    let (mut leg, mut again) = (Leg::new(&config()), Leg::new(&config()));
    leg.run(100);
    again.run(100);
    assert_eq!(leg.sent, again.sent);
    let (first, _) = leg.sent[0];
    assert!(first.marker && !leg.sent[1].0.marker);
    for (number, (header, payload)) in leg.sent.iter().enumerate() {
        assert_eq!(header.sequence, first.sequence.wrapping_add(number as u16));
        assert_eq!(header.timestamp, first.timestamp.wrapping_add(number as u32 * 160));
        assert_eq!((header.ssrc, payload.len()), (first.ssrc, 160));
    }
    assert_ne!(Leg::new(&LegMediaConfig { seed: 43, ..config() }).session.outgoing.ssrc, first.ssrc);
}

#[test]
fn stop_all_is_silence_in_the_very_next_frame_and_reports_what_was_heard() {
    let mut leg = Leg::new(&config());
    leg.session.enqueue(UtteranceId(1), vec![9_000; 8_000].into(), true).unwrap();
    leg.run(10);
    assert!(loudness(&leg.sent[9].1) > 8_000);
    leg.order(MediaOrder::StopAll);
    leg.run(1);
    assert_eq!(loudness(&leg.sent[10].1), 0);
    let report = crate::model::PlaybackReport { heard: Millis(200), total: Some(Millis(1_000)), cut: true };
    assert_eq!(leg.count(&MediaFact::PlaybackEnded { utterance: UtteranceId(1), report }), 1);
}

#[test]
fn hold_freezes_playout_and_resume_brings_both_ways_back() {
    let mut leg = Leg::new(&config());
    leg.session.enqueue(UtteranceId(1), vec![9_000; 1_600].into(), true).unwrap();
    leg.run(3);
    leg.order(MediaOrder::SetDirection { direction: MediaDirection::Inactive });
    (0..3_000).for_each(|_| leg.tick());
    assert_eq!(leg.sent.len(), 3);
    assert!(!leg.facts.contains(&MediaFact::MediaLost), "nothing is missed on hold");
    leg.order(MediaOrder::SetDirection { direction: MediaDirection::SendReceive });
    leg.timestamp += 700_000;
    leg.run(20);
    assert!(leg.sent[3].0.marker && loudness(&leg.sent[3].1) > 8_000);
    assert_eq!(leg.session.heard()[80], 988, "the peer is heard again");
    assert_eq!(
        leg.facts.iter().filter(|fact| matches!(fact, MediaFact::PlaybackEnded { report, .. } if report.heard == Millis(200))).count(),
        1
    );
}

#[test]
fn media_lost_is_said_once_and_media_back_when_it_returns() {
    let mut leg = Leg::new(&LegMediaConfig { media_timeout: Millis(1_000), ..config() });
    leg.run(10);
    (0..48).for_each(|_| leg.tick());
    assert_eq!(leg.count(&MediaFact::MediaLost), 0);
    leg.tick();
    assert_eq!(leg.count(&MediaFact::MediaLost), 1);
    (0..200).for_each(|_| leg.tick());
    assert_eq!(leg.count(&MediaFact::MediaLost), 1);
    leg.run(10);
    assert_eq!((leg.count(&MediaFact::MediaLost), leg.count(&MediaFact::MediaBack)), (1, 1));
}

#[test]
fn pain_23_a_strangers_voice_is_dropped_and_counted() {
    let mut leg = Leg::new(&config());
    leg.run(10);
    let stranger = "127.0.0.1:5999".parse().unwrap();
    for _ in 0..50 {
        leg.packet(stranger, 0, &[0x80; FRAME]);
        leg.run(1);
        assert!(leg.session.heard().iter().all(|sample| sample.unsigned_abs() < 1_100));
    }
    assert_eq!(leg.session.stats().strangers, 50);
}

#[test]
fn pain_22_a_stall_of_the_pacer_skips_time_and_leaves_no_delay() {
    let mut leg = Leg::new(&config());
    leg.run(50);
    let before = leg.sent.last().unwrap().0;
    // As the pacer does: it wakes late, skips, and finds all that came meanwhile at once.
    leg.tick += 50;
    leg.session.skip(50);
    (0..50).for_each(|_| leg.audio(1_000));
    leg.run(50);
    let after = leg.sent[50].0;
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 51 * 160);
    assert_eq!(after.sequence.wrapping_sub(before.sequence), 1, "no burst, no hole");
    assert_eq!(leg.session.stats().buffer_ms, 20);
    assert_eq!(leg.session.heard()[0], 988);
}

#[test]
fn digits_are_known_between_audio_packets_and_after_renegotiation() {
    let mut leg = Leg::new(&LegMediaConfig { event: Some(EventFormat { send: 120, receive: 101 }), ..config() });
    leg.run(5);
    let press = |leg: &mut Leg, payload_type: u8, code: u8| {
        let start = leg.timestamp;
        for step in 1..=8_u8 {
            let now = std::mem::replace(&mut leg.timestamp, start);
            leg.packet(peer(), payload_type, &[code, if step > 5 { 0x8a } else { 10 }, 0, step.min(5) * 40]);
            leg.timestamp = now;
            leg.run(1);
        }
    };
    press(&mut leg, 101, 4);
    press(&mut leg, 120, 2);
    leg.order(MediaOrder::SetCodec { audio: AudioFormat::PCMU, event: Some(EventFormat::both(96)) });
    press(&mut leg, 101, 11);
    press(&mut leg, 96, 0);
    let keys: String = leg
        .facts
        .iter()
        .filter_map(|fact| if let MediaFact::DigitPressed { digit, .. } = fact { Some(digit.as_char()) } else { None })
        .collect();
    assert_eq!(keys, "42#0");
    assert_eq!(leg.session.stats().concealed_frames, 0, "events leave no holes in the audio");
    leg.packet(peer(), 77, &[0; 4]);
    assert_eq!(leg.session.stats().unknown_payload, 1);
}

#[test]
fn keys_are_sent_as_events_or_as_tones_and_speech_waits() {
    let mut leg = Leg::new(&config());
    leg.session.enqueue(UtteranceId(1), vec![9_000; 320].into(), true).unwrap();
    leg.order(MediaOrder::SendDigit { digit: Digit::from_char('5').unwrap(), duration: Millis(100) });
    leg.run(9);
    assert!(leg.sent[..7].iter().all(|(header, _)| header.payload_type == 101 && header.timestamp == leg.sent[0].0.timestamp));
    assert!(leg.sent[7].0.marker && loudness(&leg.sent[7].1) > 8_000);
    let mut leg = Leg::new(&LegMediaConfig { event: None, ..config() });
    leg.order(MediaOrder::SendDigit { digit: Digit::from_char('5').unwrap(), duration: Millis(100) });
    leg.run(10);
    let mut detector = ToneDetector::default();
    let mut found = None;
    for (_, payload) in &leg.sent {
        let mut samples = [0; FRAME];
        codec::decode(AudioCodec::Pcmu, payload, &mut samples);
        found = detector.on_frame(&samples).or(found);
    }
    assert_eq!(found.map(Digit::as_char), Some('5'));
}

#[test]
fn a_new_ssrc_is_followed_and_a_stray_one_is_not() {
    let mut leg = Leg::new(&config());
    leg.run(20);
    leg.ssrc = 99;
    leg.audio(1_000);
    leg.ssrc = 7;
    leg.run(20);
    assert_eq!(leg.session.stats().resyncs, 0);
    (leg.ssrc, leg.timestamp, leg.sequence) = (8, 77, 9);
    leg.run(20);
    assert_eq!((leg.session.stats().resyncs, leg.session.heard()[0]), (1, 988));
}

#[test]
fn loss_duplicates_and_order_are_counted() {
    let mut leg = Leg::new(&config());
    for number in 0..200_u32 {
        leg.run(1);
        match number % 50 {
            10 => leg.sequence = leg.sequence.wrapping_add(1),
            20 => {
                leg.sequence = leg.sequence.wrapping_sub(1);
                leg.timestamp = leg.timestamp.wrapping_sub(160);
                leg.audio(1_000);
            }
            _ => {}
        }
    }
    let stats = leg.session.stats();
    assert_eq!((stats.lost, stats.duplicates, stats.received), (4, 4, 204));
}

#[test]
fn reports_pass_between_two_legs_and_a_goodbye_ends_nothing() {
    let (mut one, mut other) = (Leg::new(&config()), Leg::new(&LegMediaConfig { seed: 5, ..config() }));
    let mut buffer = [0; MAX_DATAGRAM];
    let mut reports = 0;
    for _ in 0..1_500 {
        for (from, to) in [(0, 1), (1, 0)] {
            let legs = [&mut one, &mut other];
            legs[from].tick += 1;
            let at = legs[from].at();
            legs[from].session.receive(at);
            let sent = legs[from].session.transmit(None, &mut buffer).unwrap();
            legs[to].session.on_packet(at, peer(), &buffer[..sent.length]);
            if let Some(report) = legs[from].session.report(at, &mut buffer) {
                assert_eq!(report.to.port(), 4_001);
                legs[to].session.on_rtcp(at.after(Duration::from_millis(30)), peer(), &buffer[..report.length]);
                reports += 1;
            }
        }
    }
    assert!((8..=24).contains(&reports), "{reports} reports in two times 30 s");
    assert_eq!(one.session.stats().peer_lost, 0);
    assert!((20..=80).contains(&one.session.stats().round_trip_ms), "{}", one.session.stats().round_trip_ms);
    let at = one.at();
    let bye = one.session.close(at, &mut buffer).unwrap();
    other.session.on_rtcp(at, peer(), &buffer[..bye.length]);
    assert_eq!(other.session.stats().malformed, 0);
    other.run(1);
    assert!(!other.session.is_closing());
    assert!(matches!(std::iter::from_fn(|| one.session.poll_fact()).last(), Some(MediaFact::Closed { .. })));
}

#[test]
fn a_leg_on_hold_by_zero_address_sends_nothing() {
    let mut leg = Leg::new(&config());
    leg.run(2);
    leg.order(MediaOrder::SetRemote { rtp: "0.0.0.0:4000".parse().unwrap() });
    leg.run(2);
    assert_eq!(leg.sent.len(), 2);
    leg.order(MediaOrder::SetRemote { rtp: peer() });
    leg.run(2);
    assert_eq!(leg.sent.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_datagram_panics(mut datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20), kind in 0_u8..4) {
        let mut leg = Leg::new(&config());
        for datagram in &mut datagrams {
            if let [first, second, ..] = datagram.as_mut_slice() {
                // Mostly right heads, so that the insides are reached.
                (*first, *second) = match kind {
                    0 => (0x80 | (*first & 0x3f), 0),
                    1 => (0x80 | (*first & 0x30), 101),
                    2 => (0x80 | (*first & 0x3f), 200 + *second % 8),
                    _ => (*first, *second),
                };
            }
            leg.session.on_packet(leg.at(), peer(), datagram);
            leg.session.on_rtcp(leg.at(), peer(), datagram);
            leg.tick();
        }
    }

    #[test]
    fn mutated_packets_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut leg = Leg::new(&config());
        leg.run(3);
        let mut buffer = [0; MAX_DATAGRAM];
        let header = RtpHeader { marker: true, payload_type: 101, sequence: 1, timestamp: 2, ssrc: 7 };
        let event = rtp::write(header, &[5, 0x8a, 3, 32], &mut buffer);
        let mut packets = vec![buffer[..event].to_vec()];
        let report = leg.session.close(WorkerTime::from_millis(9_000), &mut buffer).unwrap();
        packets.push(buffer[..report.length].to_vec());
        for mut packet in packets {
            for (place, value) in &flips {
                let place = place.index(packet.len());
                packet[place] ^= *value;
            }
            packet.truncate(1 + cut.index(packet.len()));
            leg.session.on_packet(leg.at(), peer(), &packet);
            leg.session.on_rtcp(leg.at(), peer(), &packet);
            leg.tick();
        }
    }
}

#[test]
fn comfort_noise_on_the_wire_is_noise_in_the_ear_and_counts_as_a_sign_of_life() {
    let mut leg = Leg::new(&LegMediaConfig { media_timeout: Millis(1_000), ..config() });
    leg.run(20);
    for _ in 0..10 {
        leg.packet(peer(), COMFORT_NOISE, &[50]);
        leg.timestamp = leg.timestamp.wrapping_add(10 * 160);
        (0..10).for_each(|_| leg.tick());
    }
    let level = leg.session.heard().iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>() / 160;
    assert!((30..200).contains(&level), "{level}");
    assert_eq!((leg.session.stats().concealed_frames, leg.count(&MediaFact::MediaLost)), (0, 0));
    leg.run(10);
    assert!(leg.session.heard().iter().all(|sample| sample.abs() > 900), "speech goes on");
}

#[test]
fn a_codec_changed_in_mid_call_is_spoken_and_heard_at_once() {
    let mut leg = Leg::new(&config());
    leg.run(20);
    let g722 = AudioFormat { codec: AudioCodec::G722, payload_type: 9 };
    leg.order(MediaOrder::SetCodec { audio: g722, event: Some(EventFormat::both(101)) });
    leg.session.enqueue(UtteranceId(1), (0..8_000).map(|n| if n % 8 < 4 { 8_000 } else { -8_000 }).collect(), true).unwrap();
    let mut their = codec::Speaker::default();
    let mut ours = codec::Listener::default();
    let mut said = [0; FRAME];
    for _ in 0..20 {
        let mut octets = [0; FRAME];
        let tone: [i16; FRAME] = std::array::from_fn(|n| if n % 8 < 4 { 4_000 } else { -4_000 });
        their.encode(AudioCodec::G722, &tone, &mut octets);
        leg.packet(peer(), 9, &octets);
        leg.timestamp = leg.timestamp.wrapping_add(160);
        leg.tick();
        let (header, payload) = leg.sent.last().unwrap();
        assert_eq!((header.payload_type, payload.len()), (9, 160));
        ours.decode(AudioCodec::G722, payload, &mut said);
    }
    let mean = |samples: &[i16]| samples.iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>() / 160;
    assert!((3_000..5_500).contains(&mean(leg.session.heard())), "{}", mean(leg.session.heard()));
    assert!((6_000..10_500).contains(&mean(&said)), "{}", mean(&said));
    assert_eq!(leg.session.stats().unknown_payload, 0);
    // G.711 that was still on its way is heard too, and back it goes.
    leg.order(MediaOrder::SetCodec { audio: AudioFormat::PCMA, event: None });
    leg.run(10);
    assert_eq!(leg.sent.last().unwrap().0.payload_type, 8);
}

#[test]
fn the_recogniser_hears_the_caller_and_neither_keys_nor_our_own_voice() {
    let mut leg = Leg::new(&config());
    let silent = |leg: &mut Leg| leg.session.for_recogniser().iter().all(|sample| *sample == 0);
    leg.run(10);
    assert!(!silent(&mut leg), "the caller");
    leg.packet(peer(), 101, &[5, 10, 0, 160]);
    leg.run(1);
    assert!(silent(&mut leg) && leg.session.heard()[80] != 0, "a key, whose tone may be in the audio");
    leg.run(1);
    let again = (0..4).map(|_| silent(&mut leg)).last();
    assert_eq!(again, Some(false), "the caller again");
    leg.session.enqueue(UtteranceId(1), vec![10_000; 16_000].into(), true).unwrap();
    leg.run(3);
    assert!(silent(&mut leg) && leg.session.heard()[80] != 0, "twenty decibels below our own voice");
}
