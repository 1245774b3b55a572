//! The picture of the table, drawn from the table itself: `warm.md` beside it cannot go stale.

use super::{Act, Cue, State, row};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// "AnsweredToBrief" as "answered to brief".
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// The document: a Mermaid state diagram, and every row that does something.
fn draw() -> String {
    let mut text = String::from(
        "# The states of a warm transfer\n\nDrawn from the table in `warm/rows.rs`; a test compares and, after a change of the table, prints \
         what belongs here.\n\n```mermaid\nstateDiagram-v2\n    [*] --> Holding\n",
    );
    for from in State::ALL.into_iter().filter(|state| !state.is_over()) {
        let mut ways: BTreeMap<State, Vec<String>> = BTreeMap::new();
        for cue in Cue::ALL {
            let to = row(from, cue).to;
            if to != from {
                ways.entry(to).or_default().push(words(&format!("{cue:?}")));
            }
        }
        for (to, cues) in ways {
            let _ = writeln!(text, "    {from:?} --> {to:?} : {}", cues.join(", "));
        }
    }
    text.push_str("    Back --> [*]\n    Ended --> [*]\n```\n\n| state | cue | to | what is done |\n|---|---|---|---|\n");
    for from in State::ALL {
        for cue in Cue::ALL {
            let row = row(from, cue);
            if row.acts != [Act::Stale] {
                let acts: Vec<_> = row.acts.iter().map(|act| words(&format!("{act:?}"))).collect();
                let cue = words(&format!("{cue:?}"));
                let _ = writeln!(text, "| {from:?} | {cue} | {:?} | {} |", row.to, acts.join(", "));
            }
        }
    }
    text.push_str("\nEvery other pair of state and cue is counted as stale and changes nothing.\n");
    text
}

#[test]
fn the_picture_in_the_documentation_is_that_of_the_table() {
    let (drawn, kept) = (draw(), include_str!("../warm.md"));
    if drawn != kept {
        println!("{drawn}");
    }
    assert!(drawn == kept, "warm.md is not the table's picture any more: put there what is printed above, and look at what changed");
}
