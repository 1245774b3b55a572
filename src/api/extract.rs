//! Requests into values, with every fault in FastAPI's shape. Types, words and sentences are those its clients know.

use super::problem::{Problem, ValidationError};
use crate::model::{ConversationId, WallTime};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query as AxumQuery};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Map, Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Longest body that is read.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The path's one parameter as it was sent, percent-decoded.
#[derive(Debug)]
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|why| Problem::new(StatusCode::BAD_REQUEST, "invalid_path", "The path cannot be read.").because(why.to_string()))?;
        Ok(Self(text))
    }
}

/// The JSON of a body; `None` if there is none, or `null`.
pub(super) async fn json_body(body: Body) -> Result<Option<Value>, Problem> {
    let read = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY_BYTES)).await.map_err(|_| Problem::body_timeout())?;
    // axum says the same for a body that is too long and for a client that went away; the second reads no answer.
    let bytes = read.map_err(|error| Problem::too_large(MAX_BODY_BYTES).because(error.to_string()))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Problem::invalid(vec![ValidationError {
            kind: "json_invalid".to_owned(),
            loc: vec!["body".into(), offset(&bytes, error.line(), error.column()).into()],
            msg: "JSON decode error".to_owned(),
            input: json!({}),
            ctx: Some(json!({ "error": error.to_string() })),
        }])),
    }
}

/// Byte offset of serde's line and column, both from 1 (column 0: the line's start).
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let before: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(bytes.len())
}

/// Collects the faults of one request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<ValidationError>);

impl Faults {
    fn add(&mut self, kind: &str, loc: [&str; 2], msg: impl Into<String>, input: Value, ctx: Option<Value>) {
        let loc = loc.iter().map(|part| Value::from(*part)).collect();
        self.0.push(ValidationError { kind: kind.to_owned(), loc, msg: msg.into(), input, ctx });
    }

    /// Refuses if there was any fault.
    pub(super) fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }

    fn uuid_text(&mut self, loc: [&str; 2], text: &str) -> Option<Uuid> {
        match Uuid::parse_str(text) {
            Ok(id) => Some(id),
            Err(error) => {
                let ctx = json!({ "error": error.to_string() });
                self.add("uuid_parsing", loc, format!("Input should be a valid UUID, {error}"), text.into(), Some(ctx));
                None
            }
        }
    }

    /// `conversation_id` of the path.
    pub(super) fn path_id(&mut self, text: &str) -> ConversationId {
        ConversationId(self.path_uuid("conversation_id", text))
    }

    /// The path's one parameter; nil with a fault if it is no UUID.
    pub(super) fn path_uuid(&mut self, name: &str, text: &str) -> Uuid {
        self.uuid_text(["path", name], text).unwrap_or_default()
    }

    /// The fields of a body that must be there; empty with a fault if it is not.
    pub(super) fn required_object(&mut self, body: Option<Value>) -> Map<String, Value> {
        match body {
            Some(body) => self.object(body).unwrap_or_default(),
            None => {
                self.0.push(ValidationError {
                    kind: "missing".to_owned(),
                    loc: vec!["body".into()],
                    msg: "Field required".to_owned(),
                    input: Value::Null,
                    ctx: None,
                });
                Map::new()
            }
        }
    }

    /// Any other fault of one field of the body.
    pub(super) fn field(&mut self, kind: &str, name: &str, msg: impl Into<String>, input: Value) {
        self.add(kind, ["body", name], msg, input, None);
    }

    /// Keys that a closed object does not have.
    pub(super) fn closed(&mut self, fields: &Map<String, Value>, known: &[&str]) {
        for (name, value) in fields.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.add("extra_forbidden", ["body", name], "Extra inputs are not permitted", value.clone(), None);
        }
    }

    /// The body as an object; a fault and `None` if it is something else.
    pub(super) fn object(&mut self, body: Value) -> Option<Map<String, Value>> {
        match body {
            Value::Object(fields) => Some(fields),
            other => {
                self.0.push(ValidationError {
                    kind: "model_attributes_type".to_owned(),
                    loc: vec!["body".into()],
                    msg: "Input should be a valid dictionary or object to extract fields from".to_owned(),
                    input: other,
                    ctx: None,
                });
                None
            }
        }
    }

    fn missing(&mut self, fields: &Map<String, Value>, name: &str) {
        self.add("missing", ["body", name], "Field required", Value::Object(fields.clone()), None);
    }

    /// Nil with a fault if it is not there or no UUID.
    pub(super) fn required_uuid(&mut self, fields: &Map<String, Value>, name: &str) -> Uuid {
        match fields.get(name) {
            None => {
                self.missing(fields, name);
                Uuid::nil()
            }
            Some(value) => self.uuid_value(name, value).unwrap_or_default(),
        }
    }

    /// Absent or null is fine.
    pub(super) fn optional_uuid(&mut self, fields: &Map<String, Value>, name: &str) -> Option<Uuid> {
        match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => self.uuid_value(name, value),
        }
    }

    fn uuid_value(&mut self, name: &str, value: &Value) -> Option<Uuid> {
        if let Value::String(text) = value {
            return self.uuid_text(["body", name], text);
        }
        self.add("uuid_type", ["body", name], "UUID input should be a string, bytes or UUID object", value.clone(), None);
        None
    }

    /// A string of at least `min` characters; empty with a fault otherwise.
    pub(super) fn required_string(&mut self, fields: &Map<String, Value>, name: &str, min: usize) -> String {
        match fields.get(name) {
            None => self.missing(fields, name),
            Some(Value::String(text)) if text.chars().count() >= min => return text.clone(),
            Some(Value::String(text)) => {
                let msg = format!("String should have at least {min} character{}", if min == 1 { "" } else { "s" });
                self.add("string_too_short", ["body", name], msg, text.clone().into(), Some(json!({ "min_length": min })));
            }
            Some(other) => self.add("string_type", ["body", name], "Input should be a valid string", other.clone(), None),
        }
        String::new()
    }

    /// One of `words`; `default` where it is absent.
    pub(super) fn word<'w>(&mut self, fields: &Map<String, Value>, name: &str, words: &[&'w str], default: &'w str) -> &'w str {
        let Some(value) = fields.get(name) else { return default };
        match words.iter().find(|word| value.as_str() == Some(**word)) {
            Some(word) => word,
            None => {
                self.not_a_word(["body", name], words, value.clone());
                default
            }
        }
    }

    /// One of `words`, absent or null.
    pub(super) fn optional_word<'w>(&mut self, fields: &Map<String, Value>, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let value = fields.get(name).filter(|value| !value.is_null())?;
        let found = words.iter().copied().find(|word| value.as_str() == Some(*word));
        if found.is_none() {
            self.not_a_word(["body", name], words, value.clone());
        }
        found
    }

    fn not_a_word(&mut self, loc: [&str; 2], words: &[&str], input: Value) {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.join(", "),
        };
        let ctx = json!({ "expected": expected.as_str() });
        self.add("literal_error", loc, format!("Input should be {expected}"), input, Some(ctx));
    }

    /// True or false; `default` where it is absent.
    pub(super) fn boolean(&mut self, fields: &Map<String, Value>, name: &str, default: bool) -> bool {
        match fields.get(name) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(other) => {
                self.add("bool_type", ["body", name], "Input should be a valid boolean", other.clone(), None);
                default
            }
        }
    }

    /// True or false, and there.
    pub(super) fn required_boolean(&mut self, fields: &Map<String, Value>, name: &str) -> bool {
        if !fields.contains_key(name) {
            self.missing(fields, name);
        }
        self.boolean(fields, name, false)
    }

    /// An object, absent or null.
    pub(super) fn optional_map(&mut self, fields: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
        match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map.clone()),
            Some(other) => {
                self.add("dict_type", ["body", name], "Input should be a valid dictionary", other.clone(), None);
                None
            }
        }
    }

    /// Absent is fine, null is not.
    pub(super) fn string_if_present(&mut self, fields: &Map<String, Value>, name: &str) {
        if fields.get(name).is_some_and(|value| !value.is_string()) {
            self.add("string_type", ["body", name], "Input should be a valid string", fields[name].clone(), None);
        }
    }

    /// A string of at most `max` characters, absent or null.
    pub(super) fn optional_string(&mut self, fields: &Map<String, Value>, name: &str, max: usize) -> Option<String> {
        match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.chars().count() <= max => Some(text.clone()),
            Some(Value::String(text)) => {
                let msg = format!("String should have at most {max} characters");
                self.add("string_too_long", ["body", name], msg, text.clone().into(), Some(json!({ "max_length": max })));
                None
            }
            Some(other) => {
                self.add("string_type", ["body", name], "Input should be a valid string", other.clone(), None);
                None
            }
        }
    }
}

/// The query's pairs; of a name given twice the last counts.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumQuery(pairs) = AxumQuery::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|why| Problem::new(StatusCode::BAD_REQUEST, "invalid_query", "The query cannot be read.").because(why.to_string()))?;
        Ok(Self(pairs))
    }
}

impl Query {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number in `min..=max`, or `default` where it is absent.
    pub(super) fn integer(&self, faults: &mut Faults, name: &str, (min, max): (i64, i64), default: i64) -> i64 {
        let Some(text) = self.text(name) else { return default };
        let loc = ["query", name];
        match text.trim().parse::<i64>() {
            Err(_) => {
                faults.add("int_parsing", loc, "Input should be a valid integer, unable to parse string as an integer", text.into(), None);
            }
            Ok(value) if value < min => {
                let msg = format!("Input should be greater than or equal to {min}");
                faults.add("greater_than_equal", loc, msg, text.into(), Some(json!({ "ge": min })));
            }
            Ok(value) if value > max => {
                let msg = format!("Input should be less than or equal to {max}");
                faults.add("less_than_equal", loc, msg, text.into(), Some(json!({ "le": max })));
            }
            Ok(value) => return value,
        }
        default
    }

    pub(super) fn uuid(&self, faults: &mut Faults, name: &str) -> Option<Uuid> {
        self.text(name).and_then(|text| faults.uuid_text(["query", name], text))
    }

    pub(super) fn time(&self, faults: &mut Faults, name: &str) -> Option<WallTime> {
        let text = self.text(name)?;
        let parsed = super::time::parse(text);
        if parsed.is_none() {
            let ctx = json!({ "error": "not RFC 3339" });
            faults.add("datetime_from_date_parsing", ["query", name], "Input should be a valid datetime", text.into(), Some(ctx));
        }
        parsed
    }

    /// `name` must be one of `words`, if it is there.
    pub(super) fn one_of(&self, faults: &mut Faults, name: &str, words: &[&str]) {
        let Some(text) = self.text(name) else { return };
        if !words.contains(&text) {
            faults.not_a_word(["query", name], words, text.into());
        }
    }

    pub(super) fn boolean(&self, faults: &mut Faults, name: &str) {
        let Some(text) = self.text(name) else { return };
        let known = ["1", "0", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"];
        if !known.contains(&text.to_ascii_lowercase().as_str()) {
            faults.add("bool_parsing", ["query", name], "Input should be a valid boolean, unable to interpret input", text.into(), None);
        }
    }
}
