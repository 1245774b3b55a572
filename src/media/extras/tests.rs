//! Tests of bridges, music and sounds, in virtual time: two legs of one worker, a peer behind each.

use super::*;
use crate::media::rtp::{self, RtpHeader};
use crate::media::{
    AudioFormat, Chime, EventFormat, FRAME, LegMediaConfig, MAX_DATAGRAM, MediaDirection, MediaOrder, Mixer, Session, codec,
};
use crate::model::{Digit, UtteranceId, WorkerTime};

/// One leg and the phone at its other end.
struct Side {
    session: Session,
    audio: AudioFormat,
    says: Option<i16>,
    sequence: u16,
    timestamp: u32,
    facts: Vec<MediaFact>,
    /// Loudest sample of each packet the phone received, and whether it was a key.
    got: Vec<(u16, bool)>,
}

impl Side {
    fn new(seed: u64, audio: AudioFormat, says: i16) -> Self {
        let remote = "127.0.0.1:4000".parse().ok();
        let config = LegMediaConfig { seed, remote, audio, direction: MediaDirection::SendReceive, ..LegMediaConfig::default() };
        let session = Session::new(WorkerTime::ZERO, &config);
        Self { session, audio, says: Some(says), sequence: 1, timestamp: 0, facts: Vec::new(), got: Vec::new() }
    }

    fn speak(&mut self, at: WorkerTime) {
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        let Some(value) = self.says else { return };
        let (mut octets, mut packet) = ([0; FRAME], [0; 256]);
        codec::encode(self.audio.codec, &[value; FRAME], &mut octets);
        let header =
            RtpHeader { marker: false, payload_type: self.audio.payload_type, sequence: self.sequence, timestamp: self.timestamp, ssrc: 7 };
        self.sequence = self.sequence.wrapping_add(1);
        let length = rtp::write(header, &octets, &mut packet);
        self.session.on_packet(at, "127.0.0.1:4000".parse().unwrap(), &packet[..length]);
    }

    fn order(&mut self, order: &MediaOrder) {
        self.session.handle(WorkerTime::ZERO, order);
    }

    fn last(&self) -> u16 {
        self.got.last().map_or(0, |(loud, _)| *loud)
    }

    fn flows(&self) -> bool {
        self.facts.contains(&MediaFact::RoomFlows { room: RoomId(1) })
    }
}

struct World {
    sides: [Side; 2],
    mixer: Mixer,
    tick: u64,
}

impl World {
    /// A caller with µ-law, a supervisor with A-law.
    fn new() -> Self {
        let sides = [Side::new(1, AudioFormat::PCMU, 4_000), Side::new(2, AudioFormat::PCMA, 9_000)];
        Self { sides, mixer: Mixer::default(), tick: 0 }
    }

    fn both(&mut self, order: &MediaOrder) {
        self.sides.iter_mut().for_each(|side| side.order(order));
    }

    /// As the pacer does it.
    fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.tick += 1;
            let at = WorkerTime::from_millis(self.tick * 20);
            self.mixer.clear();
            for side in &mut self.sides {
                side.speak(at);
                side.session.receive(at);
                if let Some(room) = side.session.room() {
                    self.mixer.add(room, side.session.heard());
                }
            }
            for side in &mut self.sides {
                let others = side.session.room().and_then(|room| self.mixer.others(room, side.session.heard()));
                let mut packet = [0; MAX_DATAGRAM];
                if let Some(out) = side.session.transmit(others.as_ref(), &mut packet) {
                    let (header, payload) = rtp::read(&packet[..out.length]).unwrap();
                    let mut samples = [0; 400];
                    let key = header.payload_type == 101;
                    let count = if key { 0 } else { codec::decode(side.audio.codec, payload, &mut samples) };
                    side.got.push((samples[..count].iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0), key));
                }
                side.facts.extend(std::iter::from_fn(|| side.session.poll_fact()));
            }
        }
    }
}

const JOIN: MediaOrder = MediaOrder::Join { room: RoomId(1) };

#[test]
fn pain_7_nobody_hears_anything_of_the_other_before_the_bridge_and_both_do_after_it_across_codecs() {
    let mut world = World::new();
    world.run(50);
    assert!(world.sides.iter().all(|side| side.got.iter().all(|(loud, _)| *loud < 20)), "two legs of one call are two worlds");
    world.both(&JOIN);
    world.run(10);
    assert!((8_700..9_300).contains(&world.sides[0].last()), "the caller hears the supervisor: {}", world.sides[0].last());
    assert!((3_800..4_200).contains(&world.sides[1].last()), "the supervisor hears the caller: {}", world.sides[1].last());
    assert_eq!(world.sides[0].facts.iter().filter(|fact| matches!(fact, MediaFact::RoomFlows { .. })).count(), 1);
    world.both(&MediaOrder::Leave);
    world.run(5);
    assert!(world.sides.iter().all(|side| side.last() < 20), "parted again");
}

#[test]
fn pain_9_a_bridge_counts_as_up_only_when_packets_flow_both_ways() {
    let mut world = World::new();
    world.run(10);
    world.sides[1].says = None;
    world.both(&JOIN);
    world.run(50);
    assert!(world.sides[0].flows() && !world.sides[1].flows(), "nothing came from the supervisor since the bridge");
    world.sides[1].says = Some(9_000);
    world.run(3);
    assert!(world.sides[1].flows());
    world.both(&MediaOrder::Leave);
    world.sides.iter_mut().for_each(|side| side.facts.clear());
    world.both(&JOIN);
    world.run(3);
    assert!(world.sides.iter().all(Side::flows), "said anew of every bridge");
}

#[test]
fn a_hold_and_a_new_codec_from_either_side_leave_the_bridge_whole() {
    let mut world = World::new();
    world.both(&JOIN);
    world.run(20);
    for place in [0, 1] {
        world.sides[place].order(&MediaOrder::SetDirection { direction: MediaDirection::Inactive });
        world.run(100);
        assert!(world.sides[1 - place].last() < 20, "silence while the other one holds");
        world.sides[place].order(&MediaOrder::SetDirection { direction: MediaDirection::SendReceive });
        world.run(20);
        assert!(world.sides.iter().all(|side| side.last() > 3_500), "both are back");
    }
    world.sides[0].order(&MediaOrder::SetCodec { audio: AudioFormat::PCMA, event: Some(EventFormat::both(101)) });
    world.sides[0].audio = AudioFormat::PCMA;
    world.run(20);
    assert!((8_700..9_300).contains(&world.sides[0].last()) && (3_800..4_200).contains(&world.sides[1].last()));
}

#[test]
fn pain_22_a_stall_never_becomes_a_permanent_delay_of_a_bridge() {
    let mut world = World::new();
    world.both(&JOIN);
    world.run(50);
    // The pacer stands still for a second; what came meanwhile is read at once.
    for side in &mut world.sides {
        side.session.skip(50);
    }
    for _ in 0..50 {
        world.tick += 1;
        let at = WorkerTime::from_millis(world.tick * 20);
        world.sides.iter_mut().for_each(|side| side.speak(at));
    }
    world.run(50);
    let sent = world.sides[0].got.len();
    world.sides[1].says = Some(2_000);
    world.run(15);
    let late = world.sides[0].got[sent..].iter().take_while(|(loud, _)| *loud > 5_000).count();
    assert!(late <= 5, "{} ms until a change of the voice is heard", late * 20);
}

#[test]
fn keys_are_relayed_as_telephone_events() {
    let mut world = World::new();
    world.both(&JOIN);
    world.run(5);
    world.sides[1].order(&MediaOrder::SendDigit { digit: Digit::from_char('7').unwrap(), duration: Millis(100) });
    world.run(12);
    assert_eq!(world.sides[1].got.iter().filter(|(_, key)| *key).count(), 7);
    assert!(world.sides[0].got.iter().all(|(_, key)| !key), "of the other side only");
    assert!(world.sides[1].last() > 3_500, "and the voice goes on");
}

#[test]
fn music_plays_under_words_and_stop_all_ends_it_within_a_frame() {
    let mut world = World::new();
    let music = HoldMusic::new(vec![6_000; 1_600]).unwrap();
    world.sides[0].order(&MediaOrder::StartMusic { music });
    world.run(60);
    assert!((5_800..6_300).contains(&world.sides[0].last()), "{}", world.sides[0].last());
    assert!(world.sides[1].got.iter().all(|(loud, _)| *loud < 20), "on its own leg only");
    world.sides[0].session.enqueue(UtteranceId(1), vec![10_000; 8_000].into(), true).unwrap();
    world.run(20);
    assert!((10_300..11_000).contains(&world.sides[0].last()), "ducked under the words: {}", world.sides[0].last());
    world.sides[0].order(&MediaOrder::StopAll);
    world.run(1);
    assert!(world.sides[0].last() < 20);
}

#[test]
fn a_sound_waits_for_the_words_before_it() {
    let mut world = World::new();
    world.sides[0].session.enqueue(UtteranceId(1), vec![1_000; 1_600].into(), true).unwrap();
    world.sides[0].order(&MediaOrder::PlayChime { chime: Chime::Bridge });
    world.run(10);
    assert!(world.sides[0].got.iter().all(|(loud, _)| *loud < 1_100));
    world.run(13);
    let loud = world.sides[0].got[10..].iter().filter(|(loud, _)| *loud > 1_500).count();
    assert!((8..=12).contains(&loud), "{loud} frames");
    assert!(world.sides[0].last() < 20);
}

#[test]
fn who_answered_is_told_once_and_only_of_that_leg() {
    let mut world = World::new();
    world.sides.iter_mut().for_each(|side| side.says = None);
    world.sides[1].order(&MediaOrder::ClassifyAnswer { budget: Millis(400) });
    world.run(100);
    let told = |side: &Side| side.facts.iter().filter(|fact| matches!(fact, MediaFact::AnswerClassified { .. })).count();
    assert_eq!((told(&world.sides[0]), told(&world.sides[1])), (0, 1));
}
