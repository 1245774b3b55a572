//! Tests of receive.

use super::*;

/// (timestamp, marker, end, duration) of key 5 unless said otherwise.
fn packet(code: u8, end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [code, if end { 0x8a } else { 0x0a }, high, low]
}

struct Peer {
    receiver: EventReceiver,
    at: u64,
    keys: String,
}

impl Peer {
    fn new() -> Self {
        Self { receiver: EventReceiver::default(), at: 0, keys: String::new() }
    }

    fn says(&mut self, code: u8, timestamp: u32, marker: bool, end: bool, duration: u16) -> &mut Self {
        self.at += 20;
        let digit = self.receiver.on_packet(WorkerTime::from_millis(self.at), timestamp, marker, &packet(code, end, duration)).unwrap();
        self.keys.extend(digit.map(Digit::as_char));
        self
    }

    fn press(&mut self, code: u8, timestamp: u32, packets: u16) -> &mut Self {
        for step in 1..=packets {
            self.says(code, timestamp, step == 1, false, step * 160);
        }
        for _ in 0..3 {
            self.says(code, timestamp, false, true, packets * 160);
        }
        self
    }
}

#[test]
fn pain_18_a_digit_without_marker_or_end_is_not_lost() {
    let mut peer = Peer::new();
    peer.says(5, 1_000, false, false, 160).says(5, 1_000, false, false, 320);
    peer.says(1, 4_000, false, false, 160);
    assert_eq!(peer.keys, "51");
}

#[test]
fn pain_18_a_digit_whose_start_was_lost_is_known_by_its_end() {
    let mut peer = Peer::new();
    peer.says(5, 1_000, false, true, 800).says(5, 1_000, false, true, 800);
    assert_eq!(peer.keys, "5");
}

#[test]
fn pain_19_a_long_press_is_one_digit() {
    let mut peer = Peer::new();
    peer.press(9, 1_000, 300);
    assert_eq!(peer.keys, "9");
}

#[test]
fn pain_19_a_press_beyond_eight_seconds_goes_on_in_a_new_segment() {
    let mut peer = Peer::new();
    peer.says(9, 1_000, true, false, 160).says(9, 1_000, false, false, 65_440).says(9, 1_000, false, false, 65_535);
    peer.says(9, 66_535, false, false, 160).says(9, 66_535, false, true, 320);
    assert_eq!(peer.keys, "9");
}

#[test]
fn pain_19_sparse_event_packets_are_one_digit() {
    let mut peer = Peer::new();
    peer.says(3, 1_000, true, false, 160);
    peer.at += 180;
    peer.says(3, 1_000, false, false, 1_600);
    peer.at += 400;
    peer.says(3, 1_000, false, true, 4_800);
    assert_eq!(peer.keys, "3");
}

#[test]
fn two_quick_presses_of_one_key_are_two_digits_even_where_the_first_end_is_lost() {
    let mut peer = Peer::new();
    peer.press(7, 1_000, 3).press(7, 1_960, 3);
    peer.says(8, 9_000, true, false, 160).says(8, 9_000, false, false, 320).says(8, 9_000, false, false, 480);
    peer.says(8, 9_960, false, false, 160).says(8, 9_960, false, false, 320);
    assert_eq!(peer.keys, "7788");
}

#[test]
fn an_end_that_arrives_after_the_next_press_began_is_no_third_digit() {
    let mut peer = Peer::new();
    peer.says(4, 1_000, true, false, 160).says(4, 1_000, false, true, 480);
    peer.says(6, 2_000, true, false, 160);
    peer.says(4, 1_000, false, true, 480);
    peer.says(6, 2_000, false, true, 480);
    assert_eq!(peer.keys, "46");
}

#[test]
fn a_sender_that_moves_the_timestamp_with_every_packet_presses_once() {
    let mut peer = Peer::new();
    for step in 0..6_u16 {
        peer.says(2, 1_000 + u32::from(step) * 160, step == 0, false, (step + 1) * 160);
    }
    assert_eq!(peer.keys, "2");
}

#[test]
fn a_sender_whose_timestamps_stand_still_presses_twice() {
    let mut peer = Peer::new();
    peer.press(2, 1_000, 5);
    peer.at += 300;
    peer.press(2, 1_000, 5);
    assert_eq!(peer.keys, "22");
}

#[test]
fn flash_and_short_payloads_give_no_digit() {
    let mut peer = Peer::new();
    peer.press(16, 1_000, 2);
    assert_eq!(peer.keys, "");
    assert_eq!(peer.receiver.on_packet(WorkerTime::ZERO, 0, true, &[5, 0, 0]), Err(NotEvent));
}
