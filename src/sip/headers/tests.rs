//! The list as a list; what goes in comes out canonical.

use super::*;

fn names(headers: &Headers) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

#[test]
fn every_known_name_survives_rsip_s_vocabulary() {
    for known in KNOWN.iter().filter(|known| **known != "Content-Length") {
        let mut headers = Headers::new();
        headers.push(&known.to_uppercase(), " v ");
        assert_eq!(names(&headers), [(*known, "v")]);
        assert_eq!(headers.get(&known.to_lowercase()), Some("v"));
    }
}

#[test]
fn compact_names_are_the_long_ones() {
    let letters: String = COMPACT.iter().map(|(short, _)| *short).collect();
    assert_eq!(letters, "abcdefijklmnorstuvxy", "the registry's letters");
    for (short, long) in COMPACT {
        assert_eq!((canonical_name(short), canonical_name(&short.to_uppercase())), (*long, *long));
        assert!(KNOWN.contains(long), "{long}");
    }
    assert_eq!(canonical_name("z"), "z");
}

#[test]
fn tables_use_the_registered_spelling() {
    for name in LISTS.iter().chain(SINGLES) {
        assert!(KNOWN.contains(name), "{name}");
    }
}

#[test]
fn set_keeps_the_place_and_leaves_one() {
    let mut headers: Headers = [("Via", "1"), ("To", "2"), ("P-A", "3"), ("t", "4"), ("P-B", "5")].into_iter().collect();
    headers.set("to", "new");
    assert_eq!(names(&headers), [("Via", "1"), ("To", "new"), ("P-A", "3"), ("P-B", "5")]);
    headers.set("P-C", "last");
    headers.push_first("v", "0");
    headers.remove("p-a");
    assert_eq!(names(&headers), [("Via", "0"), ("Via", "1"), ("To", "new"), ("P-B", "5"), ("P-C", "last")]);
    assert_eq!((headers.take_first("VIA").as_deref(), headers.all("Via").count(), headers.len()), (Some("0"), 1, 4));
}

#[test]
fn tokens_are_found_in_lists_without_case() {
    let headers: Headers = [("Supported", "a, TIMER"), ("k", "path")].into_iter().collect();
    assert!(headers.has_token("supported", "timer") && headers.has_token("Supported", "Path") && !headers.has_token("Supported", "tim"));
}
