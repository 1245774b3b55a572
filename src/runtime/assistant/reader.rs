//! Reads one TOML table key by key, remembers what was asked for, and names every fault with its line.

use super::fault::{Fault, LoadError};
use crate::runtime::matcher::nearest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// Where faults go; knows the lines of the file.
pub(super) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<LoadError>,
}

impl<'a> Faults<'a> {
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// The line, from 1, of a byte offset.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        let upto = self.text.as_bytes().get(..offset.min(self.text.len())).unwrap_or_default();
        upto.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(super) fn add(&mut self, line: usize, key: impl Into<String>, fault: Fault) {
        self.found.push(LoadError { file: self.file.to_owned(), line, key: key.into(), fault });
    }

    /// In the order of their lines.
    pub(super) fn into_sorted(mut self) -> Vec<LoadError> {
        self.found.sort_by_key(|error| error.line);
        self.found
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// One table of the file.
pub(super) struct Section<'t, 's> {
    pub(super) path: String,
    pub(super) line: usize,
    table: &'t DeTable<'s>,
    asked: BTreeSet<&'static str>,
}

/// A value and where it stands.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) line: usize,
    pub(super) key: String,
}

impl<'t, 's> Section<'t, 's> {
    pub(super) fn new(path: impl Into<String>, line: usize, table: &'t DeTable<'s>) -> Self {
        Self { path: path.into(), line, table, asked: BTreeSet::new() }
    }

    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn value(&mut self, name: &'static str, faults: &Faults<'_>) -> Option<Found<&'t DeValue<'s>>> {
        self.asked.insert(name);
        let (key, value) = self.table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
        Some(Found { value: value.get_ref(), line: faults.line_of(key.span().start), key: self.key(name) })
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        faults: &mut Faults<'_>,
        read: impl FnOnce(&'t DeValue<'s>) -> Option<T>,
    ) -> Option<Found<T>> {
        let Found { value, line, key } = self.value(name, faults)?;
        match read(value) {
            Some(value) => Some(Found { value, line, key }),
            None => {
                faults.add(line, key, Fault::WrongType { expected, found: value.type_str() });
                None
            }
        }
    }

    pub(super) fn string(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<Found<String>> {
        self.typed(name, "string", faults, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn boolean(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<Found<bool>> {
        self.typed(name, "boolean", faults, DeValue::as_bool)
    }

    /// A whole number in `min..=max`; anything else is a fault.
    pub(super) fn number(&mut self, name: &'static str, min: i64, max: i64, faults: &mut Faults<'_>) -> Option<Found<i64>> {
        let found = self.typed(name, "integer", faults, integer)?;
        if (min..=max).contains(&found.value) {
            return Some(found);
        }
        faults.add(found.line, found.key, Fault::OutOfRange { value: found.value, min, max });
        None
    }

    /// One string or a list of strings.
    pub(super) fn strings(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<Found<Vec<String>>> {
        self.typed(name, "string or array of strings", faults, |value| match value.as_str() {
            Some(one) => Some(vec![one.to_owned()]),
            None => value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
        })
    }

    pub(super) fn section(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<Section<'t, 's>> {
        let found = self.typed(name, "table", faults, DeValue::as_table)?;
        Some(Section::new(found.key, found.line, found.value))
    }

    /// The tables of an array of tables, each with the line it starts in.
    pub(super) fn sections(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Vec<Section<'t, 's>> {
        let Some(found) = self.typed(name, "array of tables", faults, DeValue::as_array) else { return Vec::new() };
        let mut sections = Vec::new();
        for (index, item) in found.value.iter().enumerate() {
            let (line, key) = (faults.line_of(item.span().start), format!("{}.{index}", found.key));
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section::new(key, line, table)),
                None => faults.add(line, key, Fault::WrongType { expected: "table", found: item.get_ref().type_str() }),
            }
        }
        sections
    }

    /// Every key of a table whose names are free: `(name, value, line)`.
    pub(super) fn entries(&self, faults: &Faults<'_>) -> Vec<(String, &'t DeValue<'s>, usize)> {
        let entry = |(key, value): (&'t toml::Spanned<_>, &'t toml::Spanned<DeValue<'s>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (name.clone().into_owned(), value.get_ref(), faults.line_of(key.span().start))
        };
        self.table.iter().map(entry).collect()
    }

    /// A structure of the model, key by key, so that every wrong key is named. Keys in `skip` are read elsewhere.
    pub(super) fn model<T: Default + Serialize + DeserializeOwned>(&self, skip: &[&str], faults: &mut Faults<'_>) -> T {
        let known = match serde_json::to_value(T::default()) {
            Ok(serde_json::Value::Object(map)) => map,
            Ok(_) | Err(_) => serde_json::Map::new(),
        };
        let mut good = serde_json::Map::new();
        for (name, value, line) in self.entries(faults) {
            if skip.contains(&name.as_str()) {
                continue;
            }
            let key = self.key(&name);
            if !known.contains_key(&name) {
                faults.add(line, key, unknown(&name, known.keys().map(String::as_str).chain(skip.iter().copied())));
                continue;
            }
            let one = serde_json::Map::from_iter([(name.clone(), json(value))]);
            match serde_json::from_value::<T>(serde_json::Value::Object(one.clone())) {
                Ok(_) => good.extend(one),
                Err(error) => faults.add(line, key, Fault::BadValue { detail: error.to_string() }),
            }
        }
        serde_json::from_value(serde_json::Value::Object(good)).unwrap_or_default()
    }

    /// Every key that nothing asked for is a fault.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        for (name, _, line) in self.entries(faults) {
            if !self.asked.contains(name.as_str()) {
                faults.add(line, self.key(&name), unknown(&name, self.asked.iter().copied()));
            }
        }
    }
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Fault {
    let known: Vec<&str> = known.collect();
    Fault::UnknownKey { suggestion: nearest(name, known.iter().copied()).map(str::to_owned), allowed: known.join(", ") }
}

/// Dates and fractions become strings, which no field of the model takes.
fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => serde_json::Value::String(text.clone().into_owned()),
        DeValue::Integer(_) => integer(value).map_or(serde_json::Value::Null, serde_json::Value::from),
        DeValue::Float(number) => serde_json::Value::String(number.to_string()),
        DeValue::Boolean(flag) => serde_json::Value::Bool(*flag),
        DeValue::Datetime(date) => serde_json::Value::String(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, item)| (key.get_ref().clone().into_owned(), json(item.get_ref())))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
