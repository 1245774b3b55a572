//! Keys nobody asked for, with the one that was probably meant.

use super::reader::{Reader, without_indices};
use serde_json::Value;
use std::collections::BTreeSet;

/// Adds a fault for every key of `root` that is not in `known`.
pub(super) fn refuse_unknown(reader: &mut Reader<'_>, root: &Value, known: &BTreeSet<String>) {
    let mut found = Vec::new();
    walk(root, "", known, &mut found);
    for key in found {
        let advice = match nearest(&without_indices(&key), known) {
            Some(meant) => format!("this key is not known; did you mean {}?", meant.replace("[]", "")),
            None => "this key is not known".to_owned(),
        };
        reader.fault(&key, advice);
    }
}

fn walk(value: &Value, path: &str, known: &BTreeSet<String>, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let plain = without_indices(&key);
                let inside = known.iter().any(|other| other.strip_prefix(&plain).is_some_and(|rest| rest.starts_with(['.', '['])));
                if known.contains(&plain) || inside {
                    walk(field, &key, known, found);
                } else {
                    found.push(key);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), known, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The known key with the fewest letters changed, if that is few; of the same section first.
fn nearest(key: &str, known: &BTreeSet<String>) -> Option<String> {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let sections = known.iter().filter_map(|other| other.split_once('.').map(|(first, _)| first.trim_end_matches("[]").to_owned()));
    let candidates = known.iter().cloned().chain(sections.collect::<BTreeSet<_>>());
    candidates
        .filter_map(|other| {
            let (other_section, other_name) = other.rsplit_once('.').unwrap_or(("", &other));
            let changed = distance(name, other_name);
            let elsewhere = usize::from(section != other_section);
            (changed <= name.chars().count().div_ceil(3) && (elsewhere == 0 || changed <= 1)).then_some((changed + 2 * elsewhere, other))
        })
        .min()
        .map(|(_, other)| other)
}

/// Levenshtein.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_of_the_same_section_or_nearly_the_same() {
        let known: BTreeSet<String> = ["media.timeout_seconds", "sip.t1_ms", "trunk[].name"].map(str::to_owned).into();
        assert_eq!(nearest("media.timeout_second", &known).as_deref(), Some("media.timeout_seconds"));
        assert_eq!(nearest("media.t1_ms", &known).as_deref(), Some("sip.t1_ms"));
        assert_eq!(nearest("mdia", &known), Some("media".to_owned()));
        assert_eq!(nearest("media.colour", &known), None);
    }
}
