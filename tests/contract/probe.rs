//! What our types really do: every published fact becomes a value that must be taken or refused.

use crate::facts::{Facts, Field};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Reads a value as one of our types and writes it again.
pub(crate) type Probe = fn(Value) -> Result<Value, String>;

pub(crate) fn through<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// Adds a line to `faults` for each fact the type does not keep.
pub(crate) fn object(name: &str, facts: &Facts, probe: Probe, faults: &mut Vec<String>) {
    let schema = &facts[name];
    let least: Map<String, Value> =
        schema.fields.iter().filter(|(_, field)| field.required).map(|(key, field)| (key.clone(), sample(field))).collect();
    let mut check = |holds: bool, what: String| {
        if !holds {
            faults.push(format!("{name}: {what}"));
        }
    };
    let with = |key: &str, value: Value| {
        let mut object = least.clone();
        object.insert(key.to_owned(), value);
        probe(Value::Object(object))
    };

    let written = probe(Value::Object(least.clone())).unwrap_or_else(|error| panic!("{name} refuses its required fields: {error}"));
    let ours: Vec<&String> = written.as_object().unwrap().keys().collect();
    check(ours == schema.fields.keys().collect::<Vec<_>>(), format!("fields are {ours:?}"));
    check(with("no_such_key", json!(1)).is_err() == schema.closed, format!("unknown keys must be refused: {}", schema.closed));
    for (key, field) in &schema.fields {
        if field.required {
            let mut without = least.clone();
            without.remove(key);
            check(probe(Value::Object(without)).is_err(), format!("{key} is required"));
        } else {
            let default = field.default.clone().unwrap_or_else(|| if field.nullable { Value::Null } else { json!([]) });
            check(written[key] == default, format!("{key} defaults to {} instead of {default}", written[key]));
        }
        check(with(key, Value::Null).is_ok() == field.nullable, format!("{key} nullable must be {}", field.nullable));
        for (value, fits) in values(facts, field) {
            let taken = with(key, value.clone());
            check(taken.is_ok() == fits, format!("{key} = {value}: must be taken: {fits}, but {taken:?}"));
            if let (Ok(object), true) = (taken, fits) {
                check(includes(&object[key], &value), format!("{key} = {value} becomes {}", object[key]));
            }
        }
    }
}

/// Values at and beyond the field's bounds, and of wrong types; each with whether it fits.
fn values(facts: &Facts, field: &Field) -> Vec<(Value, bool)> {
    let mut values = match field.kind.as_str() {
        "integer" => vec![
            (json!(field.min.unwrap_or(0)), true),
            (json!(field.max.unwrap_or(1_000_000)), true),
            (json!("1"), false),
            (json!(1.5), false),
        ],
        "boolean" => vec![(json!(true), true), (json!(false), true), (json!("true"), false), (json!(1), false)],
        "uuid" => vec![(json!("3c90c3cc-0d44-4b50-8888-8dd25736052a"), true), (json!("x"), false), (json!(1), false)],
        "string" if !field.words.is_empty() => {
            let words = field.words.iter().map(|word| (json!(word), true));
            words.chain([(json!("no such word"), false), (json!(1), false)]).collect()
        }
        "string" => vec![(json!("x"), true), (json!(""), true), (json!(1), false)],
        "array" => vec![(json!([]), true), (json!("x"), false), (json!([1]), false)],
        "object" => vec![(json!({ "any": 1 }), true), (json!("x"), false)],
        other => vec![(Value::Object(least(facts, other)), true), (json!("x"), false)],
    };
    if field.items.as_deref() == Some("string") {
        values.push((json!(["a", "b"]), true));
    }
    values.extend(field.min.map(|min| (json!(min - 1), false)));
    values.extend(field.max.map(|max| (json!(max + 1), false)));
    if let Some(length) = field.max_length {
        // Characters, not bytes.
        values.push((json!("ü".repeat(length)), true));
        values.push((json!("x".repeat(length + 1)), false));
    }
    values
}

fn least(facts: &Facts, name: &str) -> Map<String, Value> {
    let fields = facts.get(name).map(|schema| &schema.fields).into_iter().flatten();
    fields.filter(|(_, field)| field.required).map(|(key, field)| (key.clone(), sample(field))).collect()
}

fn sample(field: &Field) -> Value {
    match (field.words.first(), field.kind.as_str()) {
        (Some(word), _) => json!(word),
        (None, "integer") => json!(field.min.unwrap_or(0)),
        (None, "boolean") => json!(true),
        (None, _) => json!("x"),
    }
}

/// What was given is there; an object may have gained its defaults.
fn includes(written: &Value, given: &Value) -> bool {
    match (written, given) {
        (Value::Object(written), Value::Object(given)) => given.iter().all(|(key, value)| written.get(key) == Some(value)),
        _ => written == given,
    }
}
