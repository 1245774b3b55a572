//! Facts of OpenAPI schemas: what a program depends on, without prose.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) type Facts = BTreeMap<String, Schema>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    /// Unknown keys are refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) closed: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, Field>,
    /// Of an enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    /// A JSON type, `uuid`, or the name of another object.
    pub(crate) kind: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) required: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_length: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
    /// Of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<String>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The facts of these schemas; a missing one fails the test.
pub(crate) fn extract(document: &Value, names: &[&str]) -> Facts {
    let schemas = &document["components"]["schemas"];
    names
        .iter()
        .map(|name| {
            let schema = schemas.get(name).unwrap_or_else(|| panic!("the document has no schema {name}"));
            ((*name).to_owned(), schema_facts(schemas, schema))
        })
        .collect()
}

pub(crate) fn schema_facts(schemas: &Value, schema: &Value) -> Schema {
    let required = strings(&schema["required"]);
    let empty = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    Schema {
        closed: schema["additionalProperties"] == Value::Bool(false),
        words: strings(&schema["enum"]),
        fields: properties
            .iter()
            .map(|(name, property)| {
                let mut field = Field { required: required.contains(name), ..Field::default() };
                field_facts(schemas, property, &mut field);
                (name.clone(), field)
            })
            .collect(),
    }
}

/// OpenAPI 3.1 has several ways to write the same thing: `anyOf`/`oneOf` with null, a list of types, a reference to an enumeration.
pub(crate) fn field_facts(schemas: &Value, property: &Value, field: &mut Field) {
    if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
        field.default = Some(default.clone());
    }
    for choices in ["anyOf", "oneOf", "allOf"] {
        for choice in property[choices].as_array().into_iter().flatten() {
            field_facts(schemas, choice, field);
        }
    }
    if let Some(target) = property["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        let words = strings(&schemas[name]["enum"]);
        field.kind = if words.is_empty() { name.to_owned() } else { "string".to_owned() };
        field.words = words;
    }
    for kind in property["type"].as_array().map_or_else(|| vec![&property["type"]], |kinds| kinds.iter().collect()) {
        match kind.as_str() {
            Some("null") => field.nullable = true,
            Some("string") if property["format"] == "uuid" => field.kind = "uuid".to_owned(),
            Some(kind) => field.kind = kind.to_owned(),
            None => {}
        }
    }
    let whole = |key: &str| property[key].as_f64().map(|number| number as i64);
    field.min = whole("minimum").or(field.min);
    field.max = whole("maximum").or(field.max);
    field.max_length = property["maxLength"].as_u64().and_then(|length| usize::try_from(length).ok()).or(field.max_length);
    if let Some(items) = property.get("items") {
        let kind = items["$ref"].as_str().and_then(|target| target.rsplit('/').next()).or(items["type"].as_str());
        field.items = kind.map(str::to_owned);
    }
    let words = strings(&property["enum"]);
    if !words.is_empty() {
        field.words = words;
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
