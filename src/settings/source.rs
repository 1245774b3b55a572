//! File and environment merged into one tree, with the place of every key.

use super::fault::{Fault, Place};
use config::{Config, File, FileFormat};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Prefix of overrides: `VOICE_WORKER__SECTION__KEY`, arrays by index (`VOICE_WORKER__TRUNK__0__ADDRESS`).
pub(super) const ENV_PREFIX: &str = "VOICE_WORKER__";

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) root: Value,
    file: Option<PathBuf>,
    lines: BTreeMap<String, usize>,
    /// Overridden key to the variable's name.
    overridden: BTreeMap<String, String>,
    /// The service manager's `$CREDENTIALS_DIRECTORY`.
    pub(super) credentials: Option<PathBuf>,
}

impl Source {
    /// Reads the file, if there is one, and lays the environment over it.
    pub(super) fn read(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, Fault> {
        let text = match path {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| Fault {
                place: Place::File { path: path.to_owned(), line: None },
                key: String::new(),
                message: format!("the configuration file cannot be read: {error}"),
            })?,
        };
        Self::parse(path, &text, env)
    }

    pub(super) fn parse(path: Option<&Path>, text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, Fault> {
        let mut source = Self { file: path.map(Path::to_owned), ..Self::default() };
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            source.fault_in_file(line, error.message())
        })?;
        note_table(text, "", table.get_ref(), &mut source.lines);
        let mut builder = Config::builder().add_source(File::from_str(text, FileFormat::Toml));
        for (name, value) in env {
            if name == "CREDENTIALS_DIRECTORY" {
                source.credentials = Some(PathBuf::from(&value));
            }
            let Some(key) = name.strip_prefix(ENV_PREFIX).map(key_of) else { continue };
            if key.split('[').skip(1).any(|index| index.split(']').next().is_none_or(|digits| digits.len() > 3)) {
                return Err(Fault { place: Place::Environment(name), key, message: "an index may be at most 999".to_owned() });
            }
            builder = builder.set_override(&key, value).map_err(|error| Fault {
                place: Place::Environment(name.clone()),
                key: key.clone(),
                message: format!("this is no key: {error}"),
            })?;
            source.overridden.insert(key, name);
        }
        let built = builder.build().and_then(Config::try_deserialize);
        source.root = built.map_err(|error| source.fault_in_file(None, &error.to_string()))?;
        Ok(source)
    }

    fn fault_in_file(&self, line: Option<usize>, message: &str) -> Fault {
        let place = match &self.file {
            Some(path) => Place::File { path: path.clone(), line },
            None => Place::Settings,
        };
        Fault { place, key: String::new(), message: message.trim().to_owned() }
    }

    /// The value at a dotted path; `None` where it is absent.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        let mut at = &self.root;
        for segment in key.split('.') {
            let (name, index) = match segment.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (segment, None),
            };
            at = at.get(name)?;
            if let Some(index) = index {
                at = at.get(index)?;
            }
        }
        Some(at).filter(|value| !value.is_null())
    }

    pub(super) fn is_overridden(&self, key: &str) -> bool {
        self.overridden.contains_key(key)
    }

    /// Where the key was written; for an absent one its nearest written parent.
    pub(super) fn place(&self, key: &str) -> Place {
        if let Some(name) = self.overridden.get(key) {
            return Place::Environment(name.clone());
        }
        let Some(path) = &self.file else {
            let inside = self.overridden.iter().find(|(other, _)| other.starts_with(key));
            return inside.map_or(Place::Settings, |(_, name)| Place::Environment(name.clone()));
        };
        let mut known = key;
        loop {
            if let Some(line) = self.lines.get(known) {
                return Place::File { path: path.clone(), line: Some(*line) };
            }
            match known.rsplit_once('.') {
                Some((parent, _)) => known = parent,
                None => return Place::File { path: path.clone(), line: None },
            }
        }
    }
}

/// `TRUNK__0__ADDRESS` to `trunk[0].address`.
fn key_of(name: &str) -> String {
    let mut key = String::new();
    for segment in name.split("__") {
        if !key.is_empty() && !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            key.push('[');
            key.push_str(segment);
            key.push(']');
            continue;
        }
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(&segment.to_ascii_lowercase());
    }
    key
}

fn note_table(text: &str, path: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = if path.is_empty() { name.get_ref().to_string() } else { format!("{path}.{}", name.get_ref()) };
        lines.insert(key.clone(), line_of(text, name.span().start));
        note_value(text, &key, value, lines);
    }
}

fn note_value(text: &str, key: &str, value: &Spanned<DeValue<'_>>, lines: &mut BTreeMap<String, usize>) {
    match value.get_ref() {
        DeValue::Table(table) => note_table(text, key, table, lines),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let key = format!("{key}[{index}]");
                lines.insert(key.clone(), line_of(text, item.span().start));
                note_value(text, &key, item, lines);
            }
        }
        _ => {}
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}
