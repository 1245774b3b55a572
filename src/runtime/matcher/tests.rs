//! Tests of matcher.

use super::*;
use crate::runtime::value::Decimal;

fn chosen(said: &str, candidates: &[&[&str]]) -> Choice {
    let mut matcher = Matcher::default();
    matcher.synonyms.insert("bill".to_owned(), "invoice".to_owned());
    let phrases: Vec<Vec<Phrase>> = candidates.iter().map(|list| list.iter().map(|text| matcher.phrase(text).unwrap()).collect()).collect();
    matcher.choose(phrases.iter().map(Vec::as_slice).enumerate(), &matcher.hear(said))
}

#[test]
fn politeness_case_and_plurals_do_not_matter() {
    let menu: &[&[&str]] = &[&["billing", "my invoice"], &["opening hours"]];
    assert_eq!(chosen("I'd like to talk about my invoices, please!", menu), Choice::One(0));
    assert_eq!(chosen("What are your OPENING hours?", menu), Choice::One(1));
    assert_eq!(chosen("um there is a problem with a bill", menu), Choice::One(0), "a synonym");
    assert_eq!(chosen("opening ours", menu), Choice::Nothing, "a short word must be the same word");
    assert_eq!(chosen("bilings", menu), Choice::One(0), "a long word may have a slip");
    assert_eq!(chosen("I want to sell my car", menu), Choice::Nothing);
    assert_eq!(chosen("", menu), Choice::Nothing);
}

#[test]
fn two_equal_candidates_are_ambiguous_unless_one_explains_more() {
    let menu: &[&[&str]] = &[&["billing"], &["billing address"], &["sales"]];
    assert_eq!(chosen("billing or sales", menu), Choice::Ambiguous);
    assert_eq!(chosen("my billing address", menu), Choice::One(1));
    assert_eq!(chosen("billing", menu), Choice::One(0));
}

#[test]
fn what_is_negated_is_not_chosen() {
    let menu: &[&[&str]] = &[&["billing"], &["opening hours"], &["not working"]];
    assert_eq!(chosen("not billing but the opening hours", menu), Choice::One(1));
    assert_eq!(chosen("it is not working", menu), Choice::One(2), "the phrase's own not");
}

#[test]
fn yes_and_no_are_understood_and_kept_apart() {
    for yes in ["Yes.", "yeah that's right", "correct", "no problem", "Of course!"] {
        assert_eq!(yes_or_no(yes), Some(true), "{yes}");
    }
    for no in ["no", "Nope!", "that's not right", "not correct", "no that's wrong", "it isn't"] {
        assert_eq!(yes_or_no(no), Some(false), "{no}");
    }
    for neither in ["", "maybe", "yes and no", "note to self"] {
        assert_eq!(yes_or_no(neither), None, "{neither}");
    }
    assert_eq!(chosen("no thanks", &[&["@yes"], &["@no"]]), Choice::One(1));
}

#[test]
fn digits_are_read_however_they_are_said() {
    for (said, digits) in [
        ("four five seven two", "4572"),
        ("It's 45 72.", "4572"),
        ("forty-five seventy two", "4572"),
        ("double four, triple oh, seven", "440007"),
        ("oh two oh", "020"),
        ("my account number is 4 5 7 2 thank you", "4572"),
        ("three hundred", "300"),
    ] {
        assert_eq!(spoken_digits(said).as_deref(), Some(digits), "{said}");
    }
    assert_eq!(spoken_digits("oh I forgot it"), None);
    assert_eq!(spoken_digits(&"9".repeat(500)).map(|digits| digits.len()), Some(64));
}

#[test]
fn numbers_are_read_written_or_said() {
    for (said, number) in [
        ("twelve", "12"),
        ("about 1,250.50 euros", "1250.5"),
        ("two thousand five hundred and six", "2506"),
        ("minus three point one four", "-3.14"),
        ("a hundred", "100"),
        ("twenty one", "21"),
        ("-7", "-7"),
    ] {
        assert_eq!(spoken_number(said), Decimal::parse(number), "{said}");
    }
    assert_eq!(spoken_number("many"), None);
    assert_eq!(spoken_number(&"hundred ".repeat(40)), None, "too large is no number");
}

#[test]
fn a_mistyped_word_finds_its_neighbour() {
    assert_eq!(nearest("destinaton", ["mode", "destination"]), Some("destination"));
    assert_eq!(nearest("colour", ["mode", "label"]), None);
}
