//! Tests of expressions.

use super::*;
use proptest::prelude::*;

fn kind_of(name: &str) -> Option<Kind> {
    match name {
        "account" | "empty" => Some(Kind::Text),
        "tries" | "unset" => Some(Kind::Number),
        "known" => Some(Kind::Boolean),
        _ => None,
    }
}

fn value_of(name: &str) -> Option<Value> {
    match name {
        "account" => Some(Value::text("AB-12")),
        "empty" => Some(Value::text("")),
        "tries" => Decimal::from_whole(3).map(Value::Number),
        "known" => Some(Value::Boolean(true)),
        _ => None,
    }
}

fn holds(text: &str) -> bool {
    Condition::parse(text, &kind_of).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).holds(&value_of)
}

#[test]
fn conditions_hold_as_written() {
    for yes in [
        "tries >= 3 and tries < 10",
        "tries == 3.0",
        "not (tries = 2 or account = 'x')",
        "known",
        "missing(unset) and missing(empty) and not missing(tries)",
        "eq_normalized(account, 'ab 12')",
        "account != \"AB\"",
        "false or true and known",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in ["tries != 3", "unset = 0", "unset != 0", "not known", "missing(account)", "true and false or false"] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn a_fault_names_its_column() {
    for (text, column) in [
        ("tries >", 8),
        ("tries > 'a'", 7),
        ("account < 'b'", 9),
        ("tries and known", 1),
        ("known known", 7),
        ("known and (tries = 1", 21),
        ("count(tries)", 1),
        ("account = 'x", 11),
        ("tries % 2 = 1", 7),
        ("tries", 1),
        ("", 1),
        ("tries = 1.2.3", 9),
    ] {
        match Condition::parse(text, &kind_of) {
            Err(ExpressionFault::Syntax { column: found, .. }) => assert_eq!(found, column, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let unknown = Condition::parse("colour = 'red'", &kind_of);
    assert_eq!(unknown, Err(ExpressionFault::UnknownVariable { name: "colour".to_owned() }));
    assert!(Condition::parse(&"(".repeat(5_000), &kind_of).is_err(), "depth is bounded");
    assert!(Condition::parse(&"not ".repeat(5_000), &kind_of).is_err(), "depth is bounded");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z()'\"=<>! .,0-9-]{0,40}|\\PC{0,20}") {
        let _ = Condition::parse(&text, &kind_of);
    }
}
