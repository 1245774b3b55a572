//! Typed values out of a [`Source`]: each read notes its key as known and every fault, and goes on with the default.

use super::fault::{Fault, Place};
use super::source::Source;
use crate::model::{Millis, Redacted};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Longest secret that is read from a file.
const SECRET_MAX_BYTES: usize = 4_096;

#[derive(Debug)]
pub(super) struct Reader<'s> {
    source: &'s Source,
    pub(super) faults: Vec<Fault>,
    /// Every key asked for, array indices left out: `trunk[].address`.
    pub(super) known: BTreeSet<String>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, faults: Vec::new(), known: BTreeSet::new() }
    }

    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.faults.push(Fault { place: self.source.place(key), key: key.to_owned(), message: message.into() });
    }

    fn value(&mut self, key: &str) -> Option<&'s Value> {
        self.known.insert(without_indices(key));
        self.source.value(key)
    }

    /// Prefixes of an array of tables: `trunk[0]`, `trunk[1]`, …
    pub(super) fn tables(&mut self, key: &str) -> Vec<String> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => (0..items.len()).map(|index| format!("{key}[{index}]")).collect(),
            Some(_) => {
                self.fault(key, format!("must be an array of tables; write [[{key}]]"));
                Vec::new()
            }
        }
    }

    pub(super) fn integer(&mut self, key: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(value) = self.value(key) else { return default };
        let number = match value {
            Value::Number(number) => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
            Value::String(text) if self.source.is_overridden(key) => text.trim().parse::<i128>().ok(),
            _ => None,
        };
        let allowed = format!("a whole number in {}..={}", range.start(), range.end());
        match number.map(u64::try_from) {
            Some(Ok(number)) if range.contains(&number) => number,
            Some(_) => {
                self.fault(key, format!("{} is out of range; allowed is {allowed}", shown(value)));
                default
            }
            None => {
                self.fault(key, format!("{} is no whole number; allowed is {allowed}", shown(value)));
                default
            }
        }
    }

    pub(super) fn count(&mut self, key: &str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        u32::try_from(self.integer(key, range, u64::from(default))).unwrap_or(default)
    }

    /// A number that need not be whole.
    pub(super) fn decimal(&mut self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if self.source.is_overridden(key) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.fault(key, format!("{} is out of range; allowed is a number in {}..={}", shown(value), range.start(), range.end()));
        }
        number
    }

    /// A `*_seconds` key.
    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<u64>, default: Millis) -> Millis {
        Millis::from_secs(self.integer(key, range, default.0 / 1_000))
    }

    /// A `*_ms` key.
    pub(super) fn millis(&mut self, key: &str, range: RangeInclusive<u64>, default: Millis) -> Millis {
        Millis(self.integer(key, range, default.0))
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let parsed = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if self.source.is_overridden(key) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.fault(key, format!("{} is neither true nor false", shown(value)));
        }
        parsed
    }

    /// A text of 1 to `max` characters.
    pub(super) fn text(&mut self, key: &str, max: usize) -> Option<String> {
        let value = self.value(key)?;
        match value {
            Value::String(text) if (1..=max).contains(&text.chars().count()) => Some(text.clone()),
            Value::String(_) => {
                self.fault(key, format!("must be 1 to {max} characters long"));
                None
            }
            other => {
                self.fault(key, format!("{} is no text; write it in quotes", shown(other)));
                None
            }
        }
    }

    pub(super) fn required_text(&mut self, key: &str, max: usize) -> String {
        if self.value(key).is_none() {
            self.fault(key, "is required");
        }
        self.text(key, max).unwrap_or_default()
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key, SECRET_MAX_BYTES).map(PathBuf::from)
    }

    /// A value written as text, such as an address.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, what: &str) -> Option<T> {
        let text = self.text(key, 1_024)?;
        let parsed = text.trim().parse().ok();
        if parsed.is_none() {
            self.fault(key, format!("{text:?} is no {what}"));
        }
        parsed
    }

    /// One of a closed list of words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(key, 64) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.fault(key, format!("{text:?} is not known; allowed is one of {}", allowed.join(", ")));
        default
    }

    /// An array of texts; from the environment a list with commas.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        match value {
            Value::String(text) if self.source.is_overridden(key) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            Value::Array(items) if items.iter().all(Value::is_string) => {
                Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            other => {
                self.fault(key, format!("{} is no list of texts; write [\"…\", \"…\"]", shown(other)));
                None
            }
        }
    }

    pub(super) fn parsed_list<T: FromStr<Err: Display>>(&mut self, key: &str, what: &str) -> Option<Vec<T>> {
        let texts = self.texts(key)?;
        let mut list = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(value) => list.push(value),
                Err(error) => {
                    let item = format!("{key}[{index}]");
                    let place = if self.source.is_overridden(key) { key } else { item.as_str() };
                    self.fault(place, format!("{text:?} is no {what}: {error}"));
                }
            }
        }
        Some(list)
    }

    /// The contents of the file a `*_file` key names. A bare name is looked up among the service manager's credentials first. The secret is in
    /// no message.
    pub(super) fn secret_file(&mut self, key: &str) -> Option<Redacted<String>> {
        let named = self.path(key)?;
        let bare = named.components().count() == 1;
        let credential = self.source.credentials.as_ref().filter(|_| bare).map(|directory| directory.join(&named));
        let path = credential.filter(|path| path.exists()).unwrap_or(named);
        match read_secret(&path) {
            Ok(secret) => Some(secret.into()),
            Err(why) => {
                self.fault(key, format!("the secret in {} cannot be used: {why}", path.display()));
                None
            }
        }
    }

    /// A rule between several keys.
    pub(super) fn rule(&mut self, holds: bool, key: &str, message: impl FnOnce() -> String) {
        if !holds {
            let place = match self.source.place(key) {
                Place::File { path, .. } if self.source.value(key).is_none() => Place::File { path, line: None },
                place => place,
            };
            self.faults.push(Fault { place, key: key.to_owned(), message: message() });
        }
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if bytes.len() > SECRET_MAX_BYTES {
        return Err(format!("it is longer than {SECRET_MAX_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("it is empty".to_owned()),
        secret => Ok(secret.to_owned()),
    }
}

/// A wrong value in a message; long ones are cut.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
}

/// `trunk[3].address` to `trunk[].address`.
pub(super) fn without_indices(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    let mut inside = false;
    for letter in key.chars() {
        match letter {
            '[' => {
                inside = true;
                plain.push('[');
            }
            ']' => {
                inside = false;
                plain.push(']');
            }
            _ if inside => {}
            _ => plain.push(letter),
        }
    }
    plain
}
