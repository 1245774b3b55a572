//! `[[model]]` and `[[secret]]`: whom the worker may ask, and with what.

use super::model::{Model, Secret, Settings};
use super::reader::Reader;
use crate::model::{Millis, Redacted};
use crate::runtime::shell::{BaseUrl, ModelRole, TokenField};

const NAME_MAX: usize = 64;
/// Fallbacks of one role.
const FALLBACKS_MAX: usize = 4;

pub(super) fn models(r: &mut Reader<'_>) -> Vec<Model> {
    r.tables("model").iter().map(|at| model(r, at)).collect()
}

pub(super) fn secrets(r: &mut Reader<'_>) -> Vec<Secret> {
    let tables = r.tables("secret");
    tables
        .iter()
        .map(|at| {
            let (key, name) = (format!("{at}.file"), r.required_text(&format!("{at}.name"), NAME_MAX));
            let value = secret(r, &key);
            if value.is_none() && !r.faults.iter().any(|fault| fault.key == key) {
                r.fault(&key, "is required");
            }
            Secret { name, value: value.unwrap_or_default() }
        })
        .collect()
}

/// Rules between the tables.
pub(super) fn rules(r: &mut Reader<'_>, settings: &Settings) {
    let roles: Vec<&str> = settings.models.iter().map(|model| model.role.as_str()).collect();
    for (index, model) in settings.models.iter().enumerate() {
        let first = roles.iter().position(|role| *role == model.role);
        r.rule(first == Some(index), &format!("model[{index}].role"), || format!("{:?} is the role of another [[model]]", model.role));
        let fallback = model.endpoint.as_ref().map(|endpoint| endpoint.fallback.as_slice()).unwrap_or_default();
        let key = format!("model[{index}].fallback");
        r.rule(fallback.len() <= FALLBACKS_MAX, &key, || format!("names {} roles; at most {FALLBACKS_MAX} are allowed", fallback.len()));
        for (place, name) in fallback.iter().enumerate() {
            r.rule(roles.contains(&name.as_str()), &key, || {
                format!("{name:?} is the role of no [[model]]; there is: {}", roles.join(", "))
            });
            let again = *name == model.role || fallback.iter().take(place).any(|earlier| earlier == name);
            r.rule(!again, &key, || format!("{name:?} would be asked twice"));
        }
        if let Some(endpoint) = &model.endpoint {
            let key = format!("model[{index}].request_ms");
            let message = || format!("must be at least first_token_ms ({}) and idle_ms ({})", endpoint.first_token.0, endpoint.idle.0);
            r.rule(endpoint.request >= endpoint.first_token && endpoint.request >= endpoint.idle, &key, message);
        }
    }
    let names: Vec<&str> = settings.secrets.iter().map(|secret| secret.name.as_str()).collect();
    for (index, name) in names.iter().enumerate() {
        let first = names.iter().position(|other| other == name) == Some(index);
        r.rule(first, &format!("secret[{index}].name"), || format!("{name:?} is the name of another [[secret]]"));
    }
}

fn model(r: &mut Reader<'_>, at: &str) -> Model {
    let key = |name: &str| format!("{at}.{name}");
    let role = r.required_text(&key("role"), NAME_MAX);
    let base_url = base_url(r, &key("base_url"));
    let name = r.required_text(&key("model"), 256);
    // Every key is read even where one is wrong: all faults are found in one go.
    let stand_in = || "http://127.0.0.1".parse().expect("a plain URL");
    let d = ModelRole::new(base_url.clone().unwrap_or_else(stand_in), name);
    let mut span = |name: &str, range, default: Millis| r.millis(&key(name), range, default);
    let (connect, request) = (span("connect_ms", 50..=30_000, d.connect), span("request_ms", 500..=300_000, d.request));
    let (first_token, idle) = (span("first_token_ms", 100..=120_000, d.first_token), span("idle_ms", 100..=60_000, d.idle));
    let endpoint = ModelRole {
        key: secret(r, &key("key_file")),
        temperature: r.decimal(&key("temperature"), 0.0..=2.0),
        max_tokens: r.count(&key("max_tokens"), 1..=16_384, d.max_tokens),
        token_field: token_field(r, &key("max_tokens_field"), d.token_field),
        stream_usage: r.boolean(&key("stream_usage")).unwrap_or(d.stream_usage),
        retries: u8::try_from(r.count(&key("retries"), 0..=5, u32::from(d.retries))).unwrap_or(d.retries),
        fallback: r.texts(&key("fallback")).unwrap_or_default(),
        connect,
        request,
        first_token,
        idle,
        ..d
    };
    Model { role, endpoint: base_url.map(|_| endpoint) }
}

fn base_url(r: &mut Reader<'_>, key: &str) -> Option<BaseUrl> {
    let _ = r.required_text(key, 1_024);
    optional_url(r, key)
}

pub(super) fn optional_url(r: &mut Reader<'_>, key: &str) -> Option<BaseUrl> {
    let text = r.text(key, 1_024)?;
    match text.trim().parse() {
        Ok(url) => Some(url),
        Err(error) => {
            r.fault(key, format!("{error}"));
            None
        }
    }
}

fn token_field(r: &mut Reader<'_>, key: &str, default: TokenField) -> TokenField {
    let words = [TokenField::MaxTokens, TokenField::MaxCompletionTokens].map(|field| (field.name(), field));
    r.word(key, &words, default)
}

/// A secret that a header can carry.
pub(super) fn secret(r: &mut Reader<'_>, key: &str) -> Option<Redacted<String>> {
    let secret = r.secret_file(key)?;
    let fits = secret.expose().bytes().all(|byte| (0x20..0x7f).contains(&byte));
    r.rule(fits, key, || "the secret in this file holds characters that no HTTP header can carry; it must be one line of ASCII".to_owned());
    Some(secret)
}
