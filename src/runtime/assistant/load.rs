//! From TOML or JSON text to an assistant: everything but the nodes.

use super::Assistant;
use super::fault::{Fault, LoadError};
use super::json;
use super::language;
use super::nodes;
use super::reader::{Faults, Found, Section, integer};
use super::tools;
use crate::model::{FirstSpeaker, FirstSpeaking, FirstSpeakingMode, Millis, VoiceSettings};
use crate::runtime::context::{EnumMember, SYSTEM_VARIABLES, VariableKind, VariableSpec, is_system_variable};
use crate::runtime::expression::Kind;
use crate::runtime::matcher::{Matcher, Phrase, fold, nearest, stem};
use crate::runtime::template::{self, TemplateFault, is_identifier};
use crate::runtime::tools::Texts;
use crate::runtime::value::{Decimal, Value};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// What the parts of a file need to know of each other while they are read.
pub(super) struct Known {
    pub(super) variables: BTreeMap<String, VariableSpec>,
    pub(super) matcher: Matcher,
    pub(super) node_ids: Vec<String>,
    pub(super) has_model: bool,
}

pub(super) fn load(file: &str, text: &str) -> Result<Assistant, Vec<LoadError>> {
    let mut faults = Faults::new(file, text);
    let Some(document) = document(file, text, &mut faults) else { return Err(faults.into_sorted()) };
    let mut root = Section::new("", 1, &document);
    let name = required_text(&mut root, "name", &mut faults);
    drop(root.string("description", &mut faults));
    let model = root.section("model", &mut faults).and_then(|section| language::model(section, &mut faults));
    let max_wait =
        root.number("max_wait_ms", 1_000, 60_000, &mut faults).and_then(|found| u64::try_from(found.value).ok()).unwrap_or(12_000);
    let utc_offset_minutes = root.number("utc_offset_minutes", -840, 840, &mut faults).map_or(0, |found| found.value);
    let matcher = root.section("matcher", &mut faults).map_or_else(Matcher::default, |section| matcher(section, &mut faults));
    let variables = root.section("variables", &mut faults).map(|section| variables(&section, &matcher, &mut faults)).unwrap_or_default();
    let known = Known { variables, matcher, node_ids: nodes::ids(&document), has_model: model.is_some() };
    let persona = language::prompt(&mut root, "persona", &known, &mut faults);
    let instructions = language::prompt(&mut root, "instructions", &known, &mut faults);
    let texts = root.section("texts", &mut faults).map_or_else(Texts::default, |section| texts(section, &known, &mut faults));
    let tools = root.section("tools", &mut faults).map(|section| tools::tools(section, &known, &mut faults)).unwrap_or_default();
    let workflow = nodes::workflow(&mut root, &known, &tools, &mut faults);
    let start_speaks = workflow.nodes.get(workflow.start).is_some_and(|node| node.say.is_some() || node.is_free());
    let voice = voice(&mut root, &known, start_speaks, &mut faults);
    root.finish(&mut faults);
    if !faults.is_empty() {
        return Err(faults.into_sorted());
    }
    let Known { variables, matcher, .. } = known;
    let max_wait = Millis(max_wait);
    Ok(Assistant { name, persona, instructions, model, voice, variables, tools, texts, matcher, workflow, utc_offset_minutes, max_wait })
}

/// JSON where the file is named so, TOML otherwise.
fn document<'t>(file: &str, text: &'t str, faults: &mut Faults<'_>) -> Option<DeTable<'t>> {
    let is_json = file.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if is_json {
        return match json::parse(text) {
            Ok(table) => Some(table),
            Err(json::JsonFault { at, detail }) => {
                let line = faults.line_of(at);
                faults.add(line, "(file)", Fault::Syntax { format: "JSON", detail });
                None
            }
        };
    }
    let (document, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let line = faults.line_of(error.span().map_or(0, |span| span.start));
        faults.add(line, "(file)", Fault::Syntax { format: "TOML", detail: error.message().to_owned() });
    }
    broken.is_empty().then(|| document.into_inner())
}

impl Known {
    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        let system = SYSTEM_VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        system.or_else(|| self.variables.get(name).map(VariableSpec::comparable))
    }

    pub(super) fn unknown_variable(&self, name: &str) -> Fault {
        let names = self.variables.keys().map(String::as_str).chain(SYSTEM_VARIABLES.iter().map(|(known, _)| *known));
        Fault::UnknownVariable { name: name.to_owned(), suggestion: nearest(name, names).map(str::to_owned) }
    }

    /// Checks the placeholders of a spoken text.
    pub(super) fn check_text(&self, found: &Found<String>, faults: &mut Faults<'_>) {
        if found.value.chars().count() > 4_000 {
            faults.add(found.line, &found.key, Fault::BadValue { detail: "a text has at most 4000 characters".to_owned() });
        }
        for fault in template::check(&found.value, |name| self.kind_of(name).is_some()).err().unwrap_or_default() {
            let fault = match fault {
                TemplateFault::UnknownVariable { name } => self.unknown_variable(&name),
                TemplateFault::Syntax { column, detail } => Fault::Expression { column, detail: detail.to_owned() },
            };
            faults.add(found.line, &found.key, fault);
        }
    }

    pub(super) fn text(&self, section: &mut Section<'_, '_>, name: &'static str, faults: &mut Faults<'_>) -> Option<String> {
        let found = section.string(name, faults)?;
        self.check_text(&found, faults);
        Some(found.value)
    }

    pub(super) fn phrases(&self, section: &mut Section<'_, '_>, name: &'static str, faults: &mut Faults<'_>) -> Vec<Phrase> {
        let Some(found) = section.strings(name, faults) else { return Vec::new() };
        if found.value.len() > 100 {
            faults.add(found.line, &found.key, Fault::BadValue { detail: "at most 100 phrases".to_owned() });
        }
        phrases(&self.matcher, &found, faults)
    }
}

fn phrases(matcher: &Matcher, found: &Found<Vec<String>>, faults: &mut Faults<'_>) -> Vec<Phrase> {
    let mut phrases = Vec::new();
    for text in &found.value {
        let known = !text.starts_with('@') || text == "@yes" || text == "@no";
        match matcher.phrase(text).filter(|_| known) {
            Some(phrase) => phrases.push(phrase),
            None => {
                let detail = format!("'{text}' is no phrase: words, or @yes, or @no");
                faults.add(found.line, &found.key, Fault::BadValue { detail });
            }
        }
    }
    phrases
}

pub(super) fn required_text(section: &mut Section<'_, '_>, name: &'static str, faults: &mut Faults<'_>) -> String {
    match section.string(name, faults) {
        Some(found) if found.value.trim().is_empty() => {
            faults.add(found.line, found.key, Fault::BadValue { detail: "must not be empty".to_owned() });
            String::new()
        }
        Some(found) => found.value,
        None => {
            if section.value(name, faults).is_none() {
                faults.add(section.line, section.key(name), Fault::Missing);
            }
            String::new()
        }
    }
}

fn matcher(mut section: Section<'_, '_>, faults: &mut Faults<'_>) -> Matcher {
    let mut matcher = Matcher::default();
    let mut number = |name, default: u32, faults: &mut Faults<'_>| {
        section.number(name, 0, 1_000, faults).and_then(|found| u32::try_from(found.value).ok()).unwrap_or(default)
    };
    matcher.threshold = number("threshold", matcher.threshold, faults).max(1);
    matcher.margin = number("margin", matcher.margin, faults);
    let synonyms = section.section("synonyms", faults);
    section.finish(faults);
    let Some(synonyms) = synonyms else { return matcher };
    for (word, value, line) in synonyms.entries(faults) {
        let key = synonyms.key(&word);
        let Some(others) = value.as_array() else {
            faults.add(line, key, Fault::WrongType { expected: "array of words", found: value.type_str() });
            continue;
        };
        for other in others {
            match other.get_ref().as_str().map(fold).filter(|other| !other.is_empty() && !other.contains(' ')) {
                Some(other) => drop(matcher.synonyms.insert(stem(&other), stem(&fold(&word)))),
                None => faults.add(line, &key, Fault::BadValue { detail: "a synonym is a single word".to_owned() }),
            }
        }
    }
    matcher
}

fn variables(section: &Section<'_, '_>, matcher: &Matcher, faults: &mut Faults<'_>) -> BTreeMap<String, VariableSpec> {
    let mut variables = BTreeMap::new();
    for (name, value, line) in section.entries(faults) {
        let key = section.key(&name);
        if is_system_variable(&name) {
            faults.add(line, key, Fault::BadValue { detail: format!("'{name}' is set by the runtime; choose another name") });
            continue;
        }
        if !is_identifier(&name) {
            let detail = "a name is letters, digits and underscores, at most 64, not starting with a digit".to_owned();
            faults.add(line, key, Fault::BadValue { detail });
            continue;
        }
        let Some(table) = value.as_table() else {
            faults.add(line, key, Fault::WrongType { expected: "table", found: value.type_str() });
            continue;
        };
        if let Some(spec) = variable(Section::new(key, line, table), matcher, faults) {
            variables.insert(name, spec);
        }
    }
    variables
}

pub(super) fn variable(mut section: Section<'_, '_>, matcher: &Matcher, faults: &mut Faults<'_>) -> Option<VariableSpec> {
    const KINDS: &str = "string, digits, number (float), int, enum, boolean (bool)";
    let description = section.string("description", faults).map(|found| found.value);
    let reask_cap = section.number("reask_cap", 0, 10, faults).and_then(|found| u32::try_from(found.value).ok());
    let remember = section.boolean("remember", faults).is_some_and(|found| found.value);
    let word = required_text(&mut section, "type", faults);
    let kind = match word.as_str() {
        "string" => VariableKind::Text,
        "digits" => {
            let mut length = |name, default: usize| {
                section.number(name, 1, 64, faults).and_then(|found| usize::try_from(found.value).ok()).unwrap_or(default)
            };
            let (min, max) = (length("min_length", 1), length("max_length", 64));
            if min > max {
                faults.add(
                    section.line,
                    section.key("min_length"),
                    Fault::BadValue { detail: format!("{min} is more than max_length {max}") },
                );
            }
            VariableKind::Digits { min, max }
        }
        "number" | "float" | "int" => {
            let mut bound =
                |name| section.number(name, -1_000_000_000, 1_000_000_000, faults).and_then(|found| Decimal::from_whole(found.value));
            VariableKind::Number { min: bound("min"), max: bound("max"), whole: word == "int" }
        }
        "enum" => VariableKind::Enum(members(&mut section, matcher, faults)),
        "boolean" | "bool" => VariableKind::Boolean,
        "" => return None,
        _ => {
            faults.add(section.line, section.key("type"), Fault::NotOneOf { word, allowed: KINDS.to_owned() });
            return None;
        }
    };
    let mut spec = VariableSpec { description, reask_cap, remember, ..VariableSpec::of(kind) };
    if let Some(found) = section.value("default", faults) {
        spec.default = literal(found.value).and_then(|text| spec.read_written(&text));
        if spec.default.is_none() {
            faults.add(
                found.line,
                found.key,
                Fault::BadValue { detail: "the default does not fit the variable's type and bounds".to_owned() },
            );
        }
    }
    section.finish(faults);
    Some(spec)
}

/// `values = ["a", "b"]`, or a table of the phrases that mean each value.
fn members(section: &mut Section<'_, '_>, matcher: &Matcher, faults: &mut Faults<'_>) -> Vec<EnumMember> {
    let Some(found) = section.value("values", faults) else {
        faults.add(section.line, section.key("values"), Fault::Missing);
        return Vec::new();
    };
    let (line, key) = (found.line, found.key);
    let mut members = Vec::new();
    let mut add = |name: &str, said: Vec<String>, faults: &mut Faults<'_>| {
        let value = said.into_iter().chain([name.replace('_', " ")]).collect();
        let phrases = phrases(matcher, &Found { value, line, key: key.clone() }, faults);
        members.push(EnumMember { name: name.to_owned(), phrases });
    };
    let strings = |value: &DeValue<'_>| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
    };
    if let Some(names) = strings(found.value) {
        names.iter().for_each(|name| add(name, Vec::new(), faults));
    } else if let Some(table) = found.value.as_table() {
        for (name, said) in table {
            match strings(said.get_ref()) {
                Some(said) => add(name.get_ref(), said, faults),
                None => faults.add(line, &key, Fault::WrongType { expected: "array of phrases", found: said.get_ref().type_str() }),
            }
        }
    } else {
        faults.add(line, &key, Fault::WrongType { expected: "array of strings, or table of phrases", found: found.value.type_str() });
    }
    members
}

/// A literal as it is written: text, whole number, true or false.
pub(super) fn literal(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(_) => integer(value).map(|number| number.to_string()),
        DeValue::Boolean(flag) => Some(Value::Boolean(*flag).render()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn texts(mut section: Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> Texts {
    let mut texts = Texts::default();
    let places: [(&'static str, &mut String); 12] = [
        ("not_understood", &mut texts.not_understood),
        ("still_there", &mut texts.still_there),
        ("transfer_in_progress", &mut texts.transfer_in_progress),
        ("transfer_busy", &mut texts.transfer_busy),
        ("transfer_declined", &mut texts.transfer_declined),
        ("transfer_no_answer", &mut texts.transfer_no_answer),
        ("transfer_failed", &mut texts.transfer_failed),
        ("handoff_in_progress", &mut texts.handoff_in_progress),
        ("awaiting_approval", &mut texts.awaiting_approval),
        ("greeting", &mut texts.greeting),
        ("apology", &mut texts.apology),
        ("apology_cut_short", &mut texts.apology_cut_short),
    ];
    for (name, place) in places {
        if let Some(text) = known.text(&mut section, name, faults) {
            *place = text;
        }
    }
    section.finish(faults);
    texts
}

/// Placeholders in every text of a model structure.
pub(super) fn check_texts(section: &Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) {
    for (name, value, line) in section.entries(faults) {
        if let Some(text) = value.as_str() {
            known.check_text(&Found { value: text.to_owned(), line, key: section.key(&name) }, faults);
        }
    }
}

fn voice(root: &mut Section<'_, '_>, known: &Known, start_speaks: bool, faults: &mut Faults<'_>) -> VoiceSettings {
    let section = root.section("voice", faults);
    let mut line = 1;
    let voice = match section {
        None => VoiceSettings::default(),
        Some(mut section) => {
            line = section.line;
            check_texts(&section, known, faults);
            let mut voice: VoiceSettings = section.model(&["first_speaking"], faults);
            if let Some(first) = section.section("first_speaking", faults) {
                line = first.line;
                check_texts(&first, known, faults);
                voice.first_speaking = first.model::<FirstSpeaking>(&[], faults);
            }
            for (name, list, most) in [
                ("interruption_trigger_phrases", &voice.interruption_trigger_phrases, 50),
                ("interruption_hard_phrases", &voice.interruption_hard_phrases, 20),
            ] {
                if list.len() > most {
                    faults.add(section.line, section.key(name), Fault::BadValue { detail: format!("at most {most} phrases") });
                }
            }
            voice
        }
    };
    let first = &voice.first_speaking;
    match (first.first_speaker, first.mode) {
        (FirstSpeaker::Agent, FirstSpeakingMode::Static) if first.text.is_none() && !start_speaks => {
            faults.add(line, "voice.first_speaking.text", Fault::MissingGreeting);
        }
        (FirstSpeaker::Agent, FirstSpeakingMode::Dynamic) if !known.has_model => {
            let detail = "dynamic first words need a language model: name one under [model], or use mode = \"static\"".to_owned();
            faults.add(line, "voice.first_speaking.mode", Fault::BadValue { detail });
        }
        (FirstSpeaker::Agent | FirstSpeaker::User, FirstSpeakingMode::Static | FirstSpeakingMode::Dynamic) => {}
    }
    voice
}
