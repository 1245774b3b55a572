//! What an encrypted recording withstands: nothing in it can be changed without being named.

use super::*;
use crate::call::Event;
use crate::model::{CallTime, ConversationId, LegId, WallTime};
use crate::replay::{Entry, Header, Line, LogError, SCHEMA, decode, decode_with, encode, encode_header};
use proptest::prelude::*;
use uuid::Uuid;

const WORDS: &str = "zanzibar";

fn key(byte: u8) -> SealKey {
    SealKey::parse(&hex(&[byte; 32])).unwrap()
}

/// A recording of `count` lines, sealed.
fn recording(key: &SealKey, salt: u8, count: u64) -> String {
    let header = Header {
        schema: SCHEMA,
        build: "test".to_owned(),
        conversation: ConversationId(Uuid::from_u128(7)),
        wall: WallTime(0),
        seed: 1,
        settings_digest: String::new(),
        assistant_digest: String::new(),
        assistant: "none".to_owned(),
        masked: false,
        sealed: Some(Seal::new(key, [salt; 32])),
    };
    let mut text = encode_header(&header).unwrap();
    let sealer = Sealer::new(key, header.sealed.as_ref().unwrap(), text.trim_end()).unwrap();
    for seq in 0..count {
        let said = Event::Transcript { leg: LegId::CALLER, text: WORDS.into(), confidence_permille: 900 };
        let entry = if seq + 1 == count { Entry::Closed } else { Entry::Event(said) };
        text += &sealer.seal(seq, &encode(&Line { seq, at: CallTime::from_millis(seq), entry }).unwrap());
    }
    text
}

#[test]
fn a_sealed_recording_reads_with_its_key_and_shows_nothing_without() {
    let text = recording(&key(1), 9, 5);
    assert!(!text.contains(WORDS) && !text.contains("transcript"), "{text}");
    let read = decode_with(&text, Some(&key(1))).unwrap();
    assert!(read.is_whole() && read.lines.len() == 5);
    assert!(matches!(decode(&text), Err(LogError::Seal(SealError::NoKey { .. }))));
    let wrong = decode_with(&text, Some(&key(2))).unwrap_err().to_string();
    assert!(wrong.contains(&key(1).id()) && wrong.contains(&key(2).id()), "{wrong}");
}

#[test]
fn a_key_reads_as_hexadecimal_or_base64_and_its_faults_say_what_to_do() {
    let written = base64::encode(&[1; 32]);
    assert_eq!(SealKey::parse(&format!(" {written}\n")), Ok(key(1)));
    for wrong in ["", "secret", &hex(&[1; 31]), &base64::encode(&[1; 33]), &"g".repeat(64)] {
        let said = SealKey::parse(wrong).unwrap_err().to_string();
        assert!(said.contains("64 hexadecimal digits") && said.contains("openssl rand"), "{said}");
    }
    assert!(!format!("{:?}", key(0xab)).contains("ab"), "a key is not shown");
}

#[test]
fn two_recordings_of_one_key_share_no_line() {
    let (one, other) = (recording(&key(1), 1, 5), recording(&key(1), 2, 5));
    let line = |text: &str, number: usize| text.lines().nth(number).unwrap().to_owned();
    assert_ne!(line(&one, 2), line(&other, 2));
    let mixed = one.replace(&line(&one, 2), &line(&other, 2));
    assert_eq!(decode_with(&mixed, Some(&key(1))), Err(LogError::Tampered { line: 3 }));
}

#[test]
fn a_line_cut_by_a_crash_is_dropped_and_the_rest_reads() {
    let text = recording(&key(1), 1, 5);
    for cut in text.len() - 60..text.len() - 1 {
        let read = decode_with(&text[..cut], Some(&key(1))).unwrap();
        assert!(read.torn && read.lines.len() == 4 && !read.is_whole());
    }
}

#[test]
fn lines_removed_doubled_or_swapped_are_named() {
    let text = recording(&key(1), 1, 5);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let joined = |order: &[usize]| order.iter().map(|place| lines[*place]).collect::<String>();
    for (order, line) in [(&[0, 2, 3][..], 2), (&[0, 1, 3, 4][..], 3), (&[0, 1, 2, 2, 3][..], 4), (&[0, 1, 3, 2][..], 3)] {
        let fault = decode_with(&joined(order), Some(&key(1))).unwrap_err();
        assert!(matches!(fault, LogError::Gap { line: at, .. } if at == line), "{order:?}: {fault}");
    }
    let short = decode_with(&joined(&[0, 1, 2]), Some(&key(1))).unwrap();
    assert!(!short.is_whole(), "what was cut off at the end shows as a recording that breaks off");
}

#[test]
fn a_line_put_under_another_number_or_header_does_not_open() {
    let text = recording(&key(1), 1, 5);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // Entries 1 and 2 change places and take each other's number.
    let (one, two) = (lines[2].replace("\"seq\":1", "\"seq\":2"), lines[3].replace("\"seq\":2", "\"seq\":1"));
    let swapped = [lines[0], lines[1], &two, &one, lines[4], lines[5]].concat();
    assert_eq!(decode_with(&swapped, Some(&key(1))), Err(LogError::Tampered { line: 3 }));
    let other_header = text.replacen("\"seed\":1", "\"seed\":2", 1);
    assert_eq!(decode_with(&other_header, Some(&key(1))), Err(LogError::Tampered { line: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any change of any byte: an error that names a line, or a recording that is not whole, and never other words.
    #[test]
    fn no_byte_can_be_changed_unseen(place in any::<prop::sample::Index>(), bits in 1_u8..=255) {
        let text = recording(&key(1), 1, 6);
        let mut bytes = text.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= bits;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        let whole = decode_with(&text, Some(&key(1))).unwrap();
        match decode_with(&changed, Some(&key(1))) {
            Err(_) => {}
            Ok(read) => {
                prop_assert_eq!(&read.header, &whole.header);
                prop_assert!(!read.is_whole() || read == whole, "byte {} of {:?}", place, changed);
                prop_assert!(read.lines.iter().all(|line| whole.lines.contains(line)));
            }
        }
    }

    /// The same for lines put in any order, left out or doubled.
    #[test]
    fn no_line_can_be_moved_unseen(order in proptest::collection::vec(1_usize..7, 0..9)) {
        let text = recording(&key(1), 1, 6);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let moved: String = std::iter::once(&0).chain(&order).map(|place| lines[*place]).collect();
        match decode_with(&moved, Some(&key(1))) {
            Err(LogError::Gap { .. } | LogError::Tampered { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
            Ok(read) => prop_assert!((1..=order.len()).eq(order.iter().copied()) && read.lines.len() == order.len()),
        }
    }
}
