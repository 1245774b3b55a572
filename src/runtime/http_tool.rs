//! Tools behind HTTP: what they want, the request they become, and what their answer sets.

use super::ask::{HeaderPiece, HeaderValue, HttpMethod, HttpToolCall, RetryPolicy, ToolSpec};
use super::context::VariableSpec;
use super::template;
use super::value::Value;
use crate::model::{Millis, Redacted};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Longest answer of a tool that is taken.
const MAX_RESPONSE_BYTES: u32 = 64 * 1024;
/// Characters of an answer that the model is shown.
const MAX_SHOWN: usize = 4_000;

/// One entry of `[tools.http]`.
#[derive(Clone, Debug)]
pub(crate) struct HttpTool {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) method: HttpMethod,
    /// With `{{input}}` and `{{variable}}`.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<HeaderPart>)>,
    pub(crate) timeout: Millis,
    pub(crate) retry: RetryPolicy,
    /// Said while the tool runs, where nothing else was said.
    pub(crate) say: Option<String>,
    pub(crate) inputs: BTreeMap<String, Input>,
    /// Variable and JSON pointer into the answer.
    pub(crate) outputs: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderPart {
    Template(String),
    Secret(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) spec: VariableSpec,
    pub(crate) required: bool,
    /// Always this, whatever the model says; it is not even shown the input. A template.
    pub(crate) pinned: Option<String>,
    /// Where nothing was given. A template.
    pub(crate) default: Option<String>,
}

impl HttpTool {
    pub(crate) fn spec(&self) -> ToolSpec {
        let open = || self.inputs.iter().filter(|(_, input)| input.pinned.is_none());
        let properties: Map<String, Json> = open().map(|(name, input)| (name.clone(), input.spec.schema())).collect();
        let required: Vec<&String> = open().filter(|(_, input)| input.required && input.default.is_none()).map(|(name, _)| name).collect();
        let parameters = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        ToolSpec { name: self.name.clone(), description: self.description.clone(), parameters }
    }

    /// What is sent, from what a model gave. The error is for the model: it names inputs, not what the caller said.
    pub(crate) fn read_arguments(
        &self,
        given: &Map<String, Json>,
        fill: &dyn Fn(&str) -> String,
    ) -> Result<BTreeMap<String, Value>, String> {
        if let Some(name) = given.keys().find(|name| self.inputs.get(*name).is_none_or(|input| input.pinned.is_some())) {
            let known: Vec<&str> = self.inputs.iter().filter(|(_, input)| input.pinned.is_none()).map(|(name, _)| name.as_str()).collect();
            let name: String = name.chars().take(64).collect();
            return Err(format!("there is no input '{name}'; known: {}", known.join(", ")));
        }
        self.collect(fill, |name, input| match given.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => {
                input.spec.read_json(value).map(Some).ok_or_else(|| format!("input '{name}' does not fit {}", input.spec.schema()))
            }
        })
    }

    /// What is sent, from the templates of an action node.
    pub(crate) fn fill_arguments(
        &self,
        with: &[(String, String)],
        fill: &dyn Fn(&str) -> String,
    ) -> Result<BTreeMap<String, Value>, String> {
        self.collect(fill, |name, input| {
            let Some((_, template)) = with.iter().find(|(given, _)| given == name) else { return Ok(None) };
            let text = fill(template);
            if text.is_empty() {
                return Ok(None);
            }
            input.spec.read_written(&text).map(Some).ok_or_else(|| format!("input '{name}' cannot hold what is assigned to it"))
        })
    }

    fn collect(
        &self,
        fill: &dyn Fn(&str) -> String,
        mut given: impl FnMut(&str, &Input) -> Result<Option<Value>, String>,
    ) -> Result<BTreeMap<String, Value>, String> {
        let mut arguments = BTreeMap::new();
        for (name, input) in &self.inputs {
            let written = |text: &String| input.spec.read_written(&fill(text));
            let value = match (&input.pinned, &input.default) {
                (Some(pinned), _) => written(pinned),
                (None, default) => given(name, input)?.or_else(|| default.as_ref().and_then(written)),
            };
            match value {
                Some(value) => drop(arguments.insert(name.clone(), value)),
                None if input.required => return Err(format!("input '{name}' is missing")),
                None => {}
            }
        }
        Ok(arguments)
    }

    /// The request. Inputs named in the URL stand there only; the others are its query (GET, DELETE) or its JSON body.
    pub(crate) fn request(&self, arguments: &BTreeMap<String, Value>, variable: &dyn Fn(&str) -> Option<Value>) -> HttpToolCall {
        let lookup = |name: &str| arguments.get(name).cloned().or_else(|| variable(name)).map(|value| plain(&value));
        let mut url = template::fill(&self.url, |name| lookup(name).map(|text| percent_encoded(&text)));
        let in_url = |name: &str| template::names(&self.url).contains(&name);
        let others: Vec<(&String, &Value)> = arguments.iter().filter(|(name, _)| !in_url(name)).collect();
        let mut body = None;
        match self.method {
            HttpMethod::Get | HttpMethod::Delete => {
                for (name, value) in others {
                    url.push(if url.contains('?') { '&' } else { '?' });
                    url.push_str(&format!("{}={}", percent_encoded(name), percent_encoded(&plain(value))));
                }
            }
            HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch => {
                let fields: Map<String, Json> = others.into_iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
                body = Some(Redacted::new(Json::Object(fields)));
            }
        }
        let piece = |part: &HeaderPart| match part {
            HeaderPart::Template(text) => HeaderPiece::Text { text: Redacted::new(template::fill(text, lookup)) },
            HeaderPart::Secret(name) => HeaderPiece::Secret { name: name.clone() },
        };
        let headers = self.headers.iter().map(|(name, parts)| (name.clone(), HeaderValue(parts.iter().map(piece).collect())));
        HttpToolCall {
            tool: self.name.clone(),
            method: self.method,
            url: Redacted::new(url),
            headers: headers.collect(),
            body,
            max_response_bytes: MAX_RESPONSE_BYTES,
        }
    }
}

/// The variables that `outputs` take from `body`, and the names of those whose value was missing or does not fit.
pub(crate) fn bound(
    outputs: &[(String, String)],
    body: &Json,
    variables: &BTreeMap<String, VariableSpec>,
) -> (Vec<(String, Value)>, Vec<String>) {
    let (mut values, mut missing) = (Vec::new(), Vec::new());
    for (name, pointer) in outputs {
        match body.pointer(pointer).and_then(|found| variables.get(name)?.read_json(found)) {
            Some(value) => values.push((name.clone(), value)),
            None => missing.push(name.clone()),
        }
    }
    (values, missing)
}

/// An answer as the model reads it, cut to a bound.
pub(crate) fn shown(status: u16, body: &Json) -> String {
    let text = json!({"status": status, "body": body}).to_string();
    if text.chars().count() <= MAX_SHOWN { text } else { text.chars().take(MAX_SHOWN).collect::<String>() + "… (cut)" }
}

/// As a program reads it: `true` where a person hears "yes".
fn plain(value: &Value) -> String {
    match value {
        Value::Boolean(flag) => flag.to_string(),
        Value::Text(_) | Value::Number(_) => value.render(),
    }
}

/// RFC 3986 section 2.3: everything but the unreserved characters. `.` and `..` would be steps in a path, even encoded (section 6.2.2.3): they
/// are encoded twice, so that what a caller says leads nowhere else.
fn percent_encoded(text: &str) -> String {
    if text == "." || text == ".." {
        return "%252E".repeat(text.len());
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `Bearer ${secret:name}` in its parts.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn header_parts(text: &str) -> Result<Vec<HeaderPart>, &'static str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let end = from.find('}').ok_or("'${' without '}'")?;
        let name = from[2..end].strip_prefix("secret:").ok_or("only ${secret:name} is known")?;
        let is_name =
            !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !is_name {
            return Err("a secret's name is letters, digits, '_', '-' and '.', at most 64");
        }
        if !before.is_empty() {
            parts.push(HeaderPart::Template(before.to_owned()));
        }
        parts.push(HeaderPart::Secret(name.to_owned()));
        rest = &from[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(HeaderPart::Template(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
