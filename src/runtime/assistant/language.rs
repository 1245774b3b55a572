//! The parts of an assistant file that speak to models and programs: `[model]`, prompts and `[tools.http]`.

use super::fault::Fault;
use super::load::{Known, required_text, variable};
use super::reader::{Faults, Found, Section};
use crate::model::Millis;
use crate::runtime::ask::{HttpMethod, RetryPolicy};
use crate::runtime::http_tool::{HeaderPart, HttpTool, Input, header_parts};
use crate::runtime::language::ModelUse;
use crate::runtime::template::{self, TemplateFault, is_identifier};
use std::collections::BTreeMap;

/// Longest persona, instructions or step, in characters.
const MAX_PROMPT: usize = 20_000;
/// Names the runtime's own tools have.
const RESERVED: &[&str] = &["transfer_call", "request_human_handoff", "end_session", "set_variables", "take_path", "step_done", "choose"];

pub(super) fn model(mut section: Section<'_, '_>, faults: &mut Faults<'_>) -> Option<ModelUse> {
    let role = required_text(&mut section, "role", faults);
    let fallback = section.strings("fallback", faults).map(|found| found.value).unwrap_or_default();
    let own = ModelUse::of(&role);
    let mut span = |name, default: Millis, min: i64, max: i64, faults: &mut Faults<'_>| {
        section.number(name, min, max, faults).and_then(|found| u64::try_from(found.value).ok()).map_or(default, Millis)
    };
    let timeout = span("timeout_ms", own.timeout, 500, 120_000, faults);
    let first_token = span("first_token_ms", own.first_token, 200, 60_000, faults);
    let stall = span("stall_ms", own.stall, 200, 60_000, faults);
    let backoff = span("backoff_ms", own.retry.backoff, 0, 10_000, faults);
    let max_retries = section.number("max_retries", 0, 5, faults).and_then(|found| u8::try_from(found.value).ok());
    let mut count = |name, default: u32, min: i64, max: i64, faults: &mut Faults<'_>| {
        section.number(name, min, max, faults).and_then(|found| u32::try_from(found.value).ok()).unwrap_or(default)
    };
    let max_rounds = count("max_rounds", own.max_rounds, 1, 20, faults);
    let window = count("window", 40, 2, 200, faults);
    let max_output_tokens = count("max_output_tokens", own.max_output_tokens, 16, 8_192, faults);
    let mut named = |name, faults: &mut Faults<'_>| section.string(name, faults).map_or_else(|| role.clone(), |found| found.value);
    let (judge, writer) = (named("judge", faults), named("writer", faults));
    let (line, path) = (section.line, section.path.clone());
    section.finish(faults);
    let chain: Vec<String> = std::iter::once(role).chain(fallback).collect();
    let is_role = |role: &String| {
        !role.is_empty() && role.len() <= 64 && role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let named_well = chain.iter().chain([&judge, &writer]).filter(|role| !role.is_empty()).all(is_role);
    if !named_well || chain.len() > 4 {
        let detail = "a role is letters, digits, '_' and '-', at most 64; at most 3 fallbacks".to_owned();
        faults.add(line, path, Fault::BadValue { detail });
    }
    Some(ModelUse {
        chain,
        judge,
        writer,
        timeout,
        first_token,
        stall,
        retry: RetryPolicy { max_retries: max_retries.unwrap_or(own.retry.max_retries), backoff },
        max_rounds,
        window: usize::try_from(window).unwrap_or(own.window),
        max_output_tokens,
    })
}

/// A text for the model alone; without a model nobody would read it.
pub(super) fn prompt(section: &mut Section<'_, '_>, name: &'static str, known: &Known, faults: &mut Faults<'_>) -> Option<String> {
    let found = section.string(name, faults)?;
    if !known.has_model {
        let detail = "nobody reads this: the assistant names no language model; add [model] with a role".to_owned();
        faults.add(found.line, &found.key, Fault::BadValue { detail });
    }
    if found.value.chars().count() > MAX_PROMPT {
        faults.add(found.line, &found.key, Fault::BadValue { detail: format!("at most {MAX_PROMPT} characters are allowed") });
    }
    known.check_placeholders(&found, &[], faults);
    Some(found.value)
}

/// `[tools.http]`: each entry one tool.
pub(super) fn http_tools(section: &Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> BTreeMap<String, HttpTool> {
    let mut tools = BTreeMap::new();
    for (name, value, line) in section.entries(faults) {
        let key = section.key(&name);
        let Some(table) = value.as_table() else {
            faults.add(line, key, Fault::WrongType { expected: "table", found: value.type_str() });
            continue;
        };
        if !is_identifier(&name) || RESERVED.contains(&name.as_str()) {
            let detail = format!("a tool's name is letters, digits and underscores, and none of: {}", RESERVED.join(", "));
            faults.add(line, &key, Fault::BadValue { detail });
        }
        let tool = http_tool(&name, Section::new(key, line, table), known, faults);
        tools.insert(name, tool);
    }
    tools
}

fn http_tool(name: &str, mut section: Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> HttpTool {
    let description = required_text(&mut section, "description", faults);
    let (method, is_safe) = method(&mut section, faults);
    let inputs = section.section("inputs", faults).map(|inner| inputs(&inner, known, faults)).unwrap_or_default();
    let input_names: Vec<&str> = inputs.keys().map(String::as_str).collect();
    let url = required_text(&mut section, "url", faults);
    let at =
        |section: &Section<'_, '_>, name: &str, value: &str| Found { value: value.to_owned(), line: section.line, key: section.key(name) };
    known.check_placeholders(&at(&section, "url", &url), &input_names, faults);
    if !url.is_empty() && (!(url.starts_with("https://") || url.starts_with("http://")) || url.contains("${") || url.len() > 2_000) {
        let detail = "an absolute http:// or https:// URL without secrets, at most 2000 characters; secrets belong in headers".to_owned();
        faults.add(section.line, section.key("url"), Fault::BadValue { detail });
    }
    if authority(&url).contains("{{") {
        let detail = "the host of a tool's URL is written out: what a caller says may choose a path or a query, never a host".to_owned();
        faults.add(section.line, section.key("url"), Fault::BadValue { detail });
    }
    let headers = section.section("headers", faults).map(|inner| headers(&inner, known, &input_names, faults)).unwrap_or_default();
    let timeout = section.number("timeout_ms", 100, 60_000, faults).and_then(|found| u64::try_from(found.value).ok()).unwrap_or(5_000);
    let backoff = section.number("backoff_ms", 0, 10_000, faults).and_then(|found| u64::try_from(found.value).ok()).unwrap_or(250);
    let idempotent = section.boolean("idempotent", faults).map_or(is_safe, |found| found.value);
    let retries = section.number("max_retries", 0, 5, faults);
    if let Some(found) = retries.as_ref().filter(|found| found.value > 0 && !idempotent) {
        let detail = "this method is not repeated: a lost answer would run it twice; set idempotent = true if that does no harm".to_owned();
        faults.add(found.line, &found.key, Fault::BadValue { detail });
    }
    let say = known.text(&mut section, "say", faults);
    let outputs = section.section("output", faults).map(|inner| outputs(&inner, known, faults)).unwrap_or_default();
    section.finish(faults);
    let max_retries = retries.and_then(|found| u8::try_from(found.value).ok()).unwrap_or(0);
    HttpTool {
        name: name.to_owned(),
        description,
        method,
        url,
        headers,
        timeout: Millis(timeout),
        retry: RetryPolicy { max_retries, backoff: Millis(backoff) },
        say,
        inputs,
        outputs,
    }
}

/// Host and port: what stands between `//` and the next slash, question mark or end.
fn authority(url: &str) -> &str {
    let rest = url.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn method(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> (HttpMethod, bool) {
    let Some(found) = section.string("method", faults) else { return (HttpMethod::Get, true) };
    match found.value.to_ascii_uppercase().as_str() {
        "GET" => (HttpMethod::Get, true),
        "PUT" => (HttpMethod::Put, true),
        "DELETE" => (HttpMethod::Delete, true),
        "POST" => (HttpMethod::Post, false),
        "PATCH" => (HttpMethod::Patch, false),
        _ => {
            let allowed = "GET, POST, PUT, PATCH, DELETE".to_owned();
            faults.add(found.line, found.key, Fault::NotOneOf { word: found.value, allowed });
            (HttpMethod::Get, true)
        }
    }
}

fn inputs(section: &Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    for (name, value, line) in section.entries(faults) {
        let key = section.key(&name);
        match value.as_table() {
            Some(table) if is_identifier(&name) => {
                let mut inner = Section::new(key, line, table);
                let required = inner.boolean("required", faults).is_none_or(|found| found.value);
                let pinned = known.text(&mut inner, "pinned", faults);
                if let Some(spec) = variable(inner, &known.matcher, faults) {
                    let default = spec.default.as_ref().map(crate::runtime::Value::render);
                    inputs.insert(name, Input { spec, required, pinned, default });
                }
            }
            Some(_) => faults.add(line, key, Fault::BadValue { detail: "an input's name is letters, digits and underscores".to_owned() }),
            None => faults.add(line, key, Fault::WrongType { expected: "table", found: value.type_str() }),
        }
    }
    inputs
}

fn headers(section: &Section<'_, '_>, known: &Known, inputs: &[&str], faults: &mut Faults<'_>) -> Vec<(String, Vec<HeaderPart>)> {
    let mut headers = Vec::new();
    for (name, value, line) in section.entries(faults) {
        let key = section.key(&name);
        let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let Some(text) = value.as_str().filter(|text| is_token && !text.chars().any(char::is_control)) else {
            faults.add(
                line,
                key,
                Fault::BadValue { detail: "a header is a name of letters, digits and '-', and one line of text".to_owned() },
            );
            continue;
        };
        match header_parts(text) {
            Ok(parts) => {
                known.check_placeholders(&Found { value: text.to_owned(), line, key }, inputs, faults);
                headers.push((name, parts));
            }
            Err(detail) => faults.add(line, key, Fault::BadValue { detail: detail.to_owned() }),
        }
    }
    headers
}

/// Variable = JSON pointer (RFC 6901).
pub(super) fn outputs(section: &Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    for (name, value, line) in section.entries(faults) {
        let key = section.key(&name);
        match value.as_str() {
            Some(_) if !known.variables.contains_key(&name) => faults.add(line, key, known.unknown_variable(&name)),
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => outputs.push((name, pointer.to_owned())),
            Some(_) => {
                faults.add(line, key, Fault::BadValue { detail: "a JSON pointer: /name/0/other, or empty for the whole".to_owned() })
            }
            None => faults.add(line, key, Fault::WrongType { expected: "string", found: value.type_str() }),
        }
    }
    outputs
}

impl Known {
    /// Placeholders may also name `more`.
    fn check_placeholders(&self, found: &Found<String>, more: &[&str], faults: &mut Faults<'_>) {
        let known = |name: &str| more.contains(&name) || self.kind_of(name).is_some();
        for fault in template::check(&found.value, known).err().unwrap_or_default() {
            let fault = match fault {
                TemplateFault::UnknownVariable { name } => self.unknown_variable(&name),
                TemplateFault::Syntax { column, detail } => Fault::Expression { column, detail: detail.to_owned() },
            };
            faults.add(found.line, &found.key, fault);
        }
    }
}
