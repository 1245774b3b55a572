//! Facts of OpenAPI operations: what a client depends on, without prose.

use crate::facts::{Field, Schema, field_facts, schema_facts};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `METHOD /path` to its facts.
pub(crate) type Operations = BTreeMap<String, Operation>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// `query limit`, `path conversation_id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, Field>,
    /// Fields of the body by their place: ``, `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Shape>,
    pub(crate) responses: BTreeMap<String, Option<Shape>>,
}

/// Every schema reachable from a body, by the way to it: `` is the body itself, `items[]` the items of its field.
pub(crate) type Shape = BTreeMap<String, Schema>;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub(crate) fn operations(document: &Value) -> Operations {
    let mut found = Operations::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.insert(format!("{} {path}", method.to_uppercase()), facts(document, operation));
            }
        }
    }
    found
}

fn facts(document: &Value, operation: &Value) -> Operation {
    let schemas = &document["components"]["schemas"];
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let mut field = Field { required: parameter["required"] == true, ..Field::default() };
        field_facts(schemas, &parameter["schema"], &mut field);
        (format!("{} {}", parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap()), normal(field))
    });
    let responses =
        operation["responses"].as_object().unwrap().iter().map(|(status, response)| (status.clone(), shape_of(schemas, response)));
    Operation {
        id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
        parameters: parameters.collect(),
        body: operation.get("requestBody").and_then(|body| shape_of(schemas, body)),
        responses: responses.collect(),
    }
}

fn shape_of(schemas: &Value, with_content: &Value) -> Option<Shape> {
    let schema = with_content["content"].get("application/json")?.get("schema")?;
    let mut shape = Shape::new();
    walk(schemas, schema, "", &mut BTreeSet::new(), &mut shape);
    (!shape.is_empty()).then_some(shape)
}

/// Follows references, the one alternative that is not null, lists and the fields of objects.
fn walk(schemas: &Value, schema: &Value, way: &str, seen: &mut BTreeSet<String>, shape: &mut Shape) {
    for choices in ["anyOf", "oneOf", "allOf"] {
        for choice in schema[choices].as_array().into_iter().flatten() {
            walk(schemas, choice, way, seen, shape);
        }
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        // What an evidence package is made of is nothing a worker has.
        if name.starts_with("Evidence") || !seen.insert(name.to_owned()) {
            return;
        }
        walk(schemas, &schemas[name], way, seen, shape);
        seen.remove(name);
        return;
    }
    if let Some(items) = schema.get("items") {
        walk(schemas, items, &format!("{way}[]"), seen, shape);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let mut facts = schema_facts(schemas, schema);
        facts.fields = facts.fields.into_iter().map(|(name, field)| (name, normal(field))).collect();
        let known = shape.entry(way.to_owned()).or_default();
        known.closed |= facts.closed;
        known.fields.extend(facts.fields);
        for (name, property) in properties {
            let dot = if way.is_empty() { "" } else { "." };
            walk(schemas, property, &format!("{way}{dot}{name}"), seen, shape);
        }
    }
}

/// The name of a schema is no fact for a client: what is in it is compared by the way to it.
fn normal(mut field: Field) -> Field {
    let plain = ["string", "integer", "number", "boolean", "uuid", "object", "array", ""];
    if !plain.contains(&field.kind.as_str()) {
        field.kind = "object".to_owned();
    }
    if field.items.as_ref().is_some_and(|items| !plain.contains(&items.as_str())) {
        field.items = Some("object".to_owned());
    }
    field.words.sort();
    field
}

/// Every difference as one line, from the published operations to ours.
pub(crate) fn differences(published: &Operations, ours: &Operations) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, wanted) in published {
        let Some(found) = ours.get(name) else {
            lines.push(format!("{name}: not served"));
            continue;
        };
        if found.id != wanted.id {
            lines.push(format!("{name}: operation id {}", found.id));
        }
        compare("parameter", name, &wanted.parameters, &found.parameters, &mut lines);
        shapes("body", name, wanted.body.as_ref(), found.body.as_ref(), &mut lines);
        for (status, shape) in &wanted.responses {
            match found.responses.get(status) {
                None => lines.push(format!("{name}: {status} is never answered")),
                Some(answered) => shapes(status, name, shape.as_ref(), answered.as_ref(), &mut lines),
            }
        }
        let more = found.responses.keys().filter(|status| !wanted.responses.contains_key(*status));
        lines.extend(more.map(|status| format!("{name}: answers {status}, too")));
    }
    lines.extend(ours.keys().filter(|name| !published.contains_key(*name)).map(|name| format!("{name}: not published")));
    lines
}

fn shapes(what: &str, name: &str, wanted: Option<&Shape>, found: Option<&Shape>, lines: &mut Vec<String>) {
    let empty = Shape::new();
    let (wanted, found) = (wanted.unwrap_or(&empty), found.unwrap_or(&empty));
    for (way, schema) in wanted {
        match found.get(way) {
            None => lines.push(format!("{name}: {what} has no {way:?}")),
            Some(ours) => {
                if ours.closed != schema.closed {
                    lines.push(format!("{name}: {what} {way:?} is closed: {}", ours.closed));
                }
                compare(&format!("{what} {way:?}"), name, &schema.fields, &ours.fields, lines);
            }
        }
    }
    lines.extend(found.keys().filter(|way| !wanted.contains_key(*way)).map(|way| format!("{name}: {what} has {way:?}, too")));
}

fn compare(what: &str, name: &str, wanted: &BTreeMap<String, Field>, found: &BTreeMap<String, Field>, lines: &mut Vec<String>) {
    for (field, fact) in wanted {
        match found.get(field) {
            None => lines.push(format!("{name}: {what} lacks {field}")),
            Some(ours) if ours != fact => lines.push(format!("{name}: {what} {field}: {}", changed(fact, ours))),
            Some(_) => {}
        }
    }
    lines.extend(found.keys().filter(|field| !wanted.contains_key(*field)).map(|field| format!("{name}: {what} has {field}, too")));
}

/// Which facts of the field are others.
fn changed(wanted: &Field, found: &Field) -> String {
    let (wanted, found) = (serde_json::to_value(wanted).unwrap(), serde_json::to_value(found).unwrap());
    let keys: BTreeSet<&String> = wanted.as_object().into_iter().chain(found.as_object()).flat_map(|facts| facts.keys()).collect();
    let lines = keys.into_iter().filter(|key| wanted[*key] != found[*key]);
    lines.map(|key| format!("{key} {} instead of {}", found[key], wanted[key])).collect::<Vec<_>>().join(", ")
}
