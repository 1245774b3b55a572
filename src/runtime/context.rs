//! Context variables: what they may hold and how input becomes a value. System variables are set by the runtime only.

use super::expression::Kind;
use super::matcher::{Choice, Matcher, Phrase, fold, spoken_digits, spoken_number, yes_or_no};
use super::value::{Decimal, Value};
use crate::model::WallTime;

/// Text of one variable, in characters; longer input does not fit.
pub(crate) const MAX_TEXT: usize = 500;

/// Declared under `[variables]`.
#[derive(Clone, Debug)]
pub(crate) struct VariableSpec {
    pub(crate) kind: VariableKind,
    pub(crate) default: Option<Value>,
    /// For the model.
    pub(crate) description: Option<String>,
    /// How often it is asked for again before the node gives up; replaces the node's own.
    pub(crate) reask_cap: Option<u32>,
    /// Kept as a fact about the end user for later conversations.
    pub(crate) remember: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum VariableKind {
    Text,
    Digits { min: usize, max: usize },
    Number { min: Option<Decimal>, max: Option<Decimal>, whole: bool },
    Enum(Vec<EnumMember>),
    Boolean,
}

#[derive(Clone, Debug)]
pub(crate) struct EnumMember {
    pub(crate) name: String,
    pub(crate) phrases: Vec<Phrase>,
}

/// Variables the runtime sets; files may read them and declare none of these names.
pub(crate) const SYSTEM_VARIABLES: [(&str, Kind); 11] = [
    ("assistant_name", Kind::Text),
    ("caller_number", Kind::Text),
    ("called_number", Kind::Text),
    ("direction", Kind::Text),
    ("caller_said", Kind::Text),
    ("transfer_outcome", Kind::Text),
    ("memory", Kind::Text),
    ("tool_outcome", Kind::Text),
    ("approval", Kind::Text),
    ("weekday", Kind::Text),
    ("hour", Kind::Number),
];

pub(crate) fn is_system_variable(name: &str) -> bool {
    SYSTEM_VARIABLES.iter().any(|(known, _)| *known == name)
}

impl VariableSpec {
    pub(crate) const fn of(kind: VariableKind) -> Self {
        Self { kind, default: None, description: None, reask_cap: None, remember: false }
    }

    pub(crate) const fn comparable(&self) -> Kind {
        match self.kind {
            VariableKind::Text | VariableKind::Digits { .. } | VariableKind::Enum(_) => Kind::Text,
            VariableKind::Number { .. } => Kind::Number,
            VariableKind::Boolean => Kind::Boolean,
        }
    }

    /// From what the caller said; `None` where no value of this kind was in it.
    pub(crate) fn read_speech(&self, text: &str, matcher: &Matcher) -> Option<Value> {
        match &self.kind {
            VariableKind::Text => bounded_text(text),
            VariableKind::Digits { .. } => spoken_digits(text).and_then(|digits| self.checked(Value::text(digits))),
            VariableKind::Number { .. } => spoken_number(text).and_then(|number| self.checked(Value::Number(number))),
            VariableKind::Enum(members) => {
                let candidates = members.iter().map(|member| member.phrases.as_slice()).enumerate();
                match matcher.choose(candidates, &matcher.hear(text)) {
                    Choice::One(index) => members.get(index).map(|member| Value::text(member.name.clone())),
                    Choice::Nothing | Choice::Ambiguous => None,
                }
            }
            VariableKind::Boolean => yes_or_no(text).map(Value::Boolean),
        }
    }

    /// From the keypad: digits as they are; 1 is yes and 2 is no; the n-th member of an enum.
    pub(crate) fn read_keys(&self, keys: &str) -> Option<Value> {
        match &self.kind {
            VariableKind::Text => bounded_text(keys),
            VariableKind::Digits { .. } => self.checked(Value::text(keys)),
            VariableKind::Number { .. } => Decimal::parse(&keys.replace('*', ".")).and_then(|number| self.checked(Value::Number(number))),
            VariableKind::Enum(members) => {
                let index = keys.parse::<usize>().ok()?.checked_sub(1)?;
                members.get(index).map(|member| Value::text(member.name.clone()))
            }
            VariableKind::Boolean => match keys {
                "1" => Some(Value::Boolean(true)),
                "2" => Some(Value::Boolean(false)),
                _ => None,
            },
        }
    }

    /// From configuration or another program: the written form of a value.
    pub(crate) fn read_written(&self, text: &str) -> Option<Value> {
        match &self.kind {
            VariableKind::Text => bounded_text(text),
            VariableKind::Digits { .. } => self.checked(Value::text(text)),
            VariableKind::Number { .. } => Decimal::parse(text).and_then(|number| self.checked(Value::Number(number))),
            VariableKind::Enum(_) => self.checked(Value::text(text)),
            VariableKind::Boolean => match fold(text).as_str() {
                "true" | "yes" => Some(Value::Boolean(true)),
                "false" | "no" => Some(Value::Boolean(false)),
                _ => None,
            },
        }
    }

    /// From a model or another program: JSON of a type that can stand for this variable. Nothing is guessed beyond the spelling.
    pub(crate) fn read_json(&self, value: &serde_json::Value) -> Option<Value> {
        match (&self.kind, value) {
            (_, serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_)) => None,
            (VariableKind::Boolean, serde_json::Value::Bool(flag)) => Some(Value::Boolean(*flag)),
            (VariableKind::Digits { .. }, serde_json::Value::String(text)) => {
                let digits: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '/' | '(' | ')')).collect();
                self.checked(Value::text(digits))
            }
            (VariableKind::Enum(members), serde_json::Value::String(text)) => {
                let same =
                    |member: &&EnumMember| member.name == *text || fold(&member.name.replace('_', " ")) == fold(&text.replace('_', " "));
                members.iter().find(same).map(|member| Value::text(member.name.clone()))
            }
            (_, serde_json::Value::String(text)) => self.read_written(text.trim()),
            (_, serde_json::Value::Number(number)) => self.read_written(&number.to_string()),
            (_, serde_json::Value::Bool(flag)) => self.read_written(if *flag { "true" } else { "false" }),
        }
    }

    /// The JSON schema of a value of this variable.
    pub(crate) fn schema(&self) -> serde_json::Value {
        let mut schema = match &self.kind {
            VariableKind::Text => serde_json::json!({"type": "string", "maxLength": MAX_TEXT}),
            VariableKind::Digits { min, max } => serde_json::json!({"type": "string", "pattern": format!("^[0-9]{{{min},{max}}}$")}),
            VariableKind::Number { whole: true, .. } => serde_json::json!({"type": "integer"}),
            VariableKind::Number { whole: false, .. } => serde_json::json!({"type": "number"}),
            VariableKind::Enum(members) => {
                let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
                serde_json::json!({"type": "string", "enum": names})
            }
            VariableKind::Boolean => serde_json::json!({"type": "boolean"}),
        };
        if let (Some(description), Some(schema)) = (&self.description, schema.as_object_mut()) {
            schema.insert("description".to_owned(), serde_json::Value::String(description.clone()));
        }
        schema
    }

    /// The value, if it fits this variable.
    pub(crate) fn checked(&self, value: Value) -> Option<Value> {
        let fits = match (&self.kind, &value) {
            (VariableKind::Text, Value::Text(text)) => text.expose().chars().count() <= MAX_TEXT,
            (VariableKind::Digits { min, max }, Value::Text(digits)) => {
                let digits = digits.expose();
                (*min..=*max).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            (VariableKind::Number { min, max, whole }, Value::Number(number)) => {
                let inside = min.is_none_or(|min| *number >= min) && max.is_none_or(|max| *number <= max);
                inside && (!whole || number.whole().is_some())
            }
            (VariableKind::Enum(members), Value::Text(name)) => members.iter().any(|member| member.name == *name.expose()),
            (VariableKind::Boolean, Value::Boolean(_)) => true,
            (
                VariableKind::Text
                | VariableKind::Digits { .. }
                | VariableKind::Enum(_)
                | VariableKind::Number { .. }
                | VariableKind::Boolean,
                Value::Text(_) | Value::Number(_) | Value::Boolean(_),
            ) => false,
        };
        fits.then_some(value)
    }
}

fn bounded_text(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT { None } else { Some(Value::text(text)) }
}

/// Day and hour where the assistant works.
pub(crate) fn weekday_and_hour(wall: WallTime, utc_offset_minutes: i64) -> (&'static str, i64) {
    const DAYS: [&str; 7] = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
    let minutes = i64::try_from(wall.0 / 60_000).unwrap_or(0).saturating_add(utc_offset_minutes);
    let day = usize::try_from(minutes.div_euclid(24 * 60).rem_euclid(7)).unwrap_or(0);
    (DAYS[day], minutes.div_euclid(60).rem_euclid(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_and_hour_follow_the_offset() {
        let wall = WallTime(1_700_000_000_000); // 2023-11-14 22:13:20 UTC, a Tuesday
        assert_eq!(weekday_and_hour(wall, 0), ("tuesday", 22));
        assert_eq!(weekday_and_hour(wall, 120), ("wednesday", 0));
        assert_eq!(weekday_and_hour(WallTime(0), -60), ("wednesday", 23));
    }

    #[test]
    fn keys_and_words_give_the_same_value_and_bounds_hold() {
        let digits = VariableSpec::of(VariableKind::Digits { min: 4, max: 8 });
        let matcher = Matcher::default();
        assert_eq!(digits.read_keys("4572"), Some(Value::text("4572")));
        assert_eq!(digits.read_speech("four five seven two", &matcher), Some(Value::text("4572")));
        assert_eq!(digits.read_keys("457"), None);
        assert_eq!(digits.read_keys("45*2"), None);
        let (min, max) = (Decimal::from_whole(1), Decimal::from_whole(10));
        let number = VariableSpec::of(VariableKind::Number { min, max, whole: false });
        assert_eq!(number.read_keys("2*5").map(|value| value.render()).as_deref(), Some("2.5"));
        assert_eq!(number.read_speech("eleven", &matcher), None);
        let flag = VariableSpec::of(VariableKind::Boolean);
        assert_eq!(flag.read_keys("2"), Some(Value::Boolean(false)));
        assert_eq!(flag.read_speech("yeah", &matcher), Some(Value::Boolean(true)));
    }

    #[test]
    fn a_model_that_writes_a_number_as_text_is_understood_and_one_that_writes_nonsense_is_not() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let whole = VariableSpec::of(VariableKind::Number { min: None, max: Decimal::from_whole(10), whole: true });
        assert_eq!(whole.read_json(&json("\" 7 \"")).map(|value| value.render()).as_deref(), Some("7"));
        for wrong in ["7.5", "11", "\"seven\"", "null", "[7]", "true"] {
            assert_eq!(whole.read_json(&json(wrong)), None, "{wrong}");
        }
        let digits = VariableSpec::of(VariableKind::Digits { min: 4, max: 8 });
        assert_eq!(digits.read_json(&json("\"45 72-1\"")), Some(Value::text("45721")));
        assert_eq!(digits.read_json(&json("4572")), Some(Value::text("4572")));
        let member = |name: &str| EnumMember { name: name.to_owned(), phrases: Vec::new() };
        let size = VariableSpec::of(VariableKind::Enum(vec![member("very_large"), member("small")]));
        assert_eq!(size.read_json(&json("\"Very Large\"")), Some(Value::text("very_large")));
        assert_eq!(size.read_json(&json("\"huge\"")), None);
        let flag = VariableSpec::of(VariableKind::Boolean);
        assert_eq!(flag.read_json(&json("\"no\"")), Some(Value::Boolean(false)));
    }
}
