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
}

#[derive(Clone, Debug)]
pub(crate) enum VariableKind {
    Text,
    Digits { min: usize, max: usize },
    Number { min: Option<Decimal>, max: Option<Decimal> },
    Enum(Vec<EnumMember>),
    Boolean,
}

#[derive(Clone, Debug)]
pub(crate) struct EnumMember {
    pub(crate) name: String,
    pub(crate) phrases: Vec<Phrase>,
}

/// Variables the runtime sets; files may read them and declare none of these names.
pub(crate) const SYSTEM_VARIABLES: [(&str, Kind); 9] = [
    ("assistant_name", Kind::Text),
    ("caller_number", Kind::Text),
    ("called_number", Kind::Text),
    ("direction", Kind::Text),
    ("caller_said", Kind::Text),
    ("transfer_outcome", Kind::Text),
    ("memory", Kind::Text),
    ("weekday", Kind::Text),
    ("hour", Kind::Number),
];

pub(crate) fn is_system_variable(name: &str) -> bool {
    SYSTEM_VARIABLES.iter().any(|(known, _)| *known == name)
}

impl VariableSpec {
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

    /// The value, if it fits this variable.
    pub(crate) fn checked(&self, value: Value) -> Option<Value> {
        let fits = match (&self.kind, &value) {
            (VariableKind::Text, Value::Text(text)) => text.expose().chars().count() <= MAX_TEXT,
            (VariableKind::Digits { min, max }, Value::Text(digits)) => {
                let digits = digits.expose();
                (*min..=*max).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            (VariableKind::Number { min, max }, Value::Number(number)) => {
                min.is_none_or(|min| *number >= min) && max.is_none_or(|max| *number <= max)
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
        let digits = VariableSpec { kind: VariableKind::Digits { min: 4, max: 8 }, default: None };
        let matcher = Matcher::default();
        assert_eq!(digits.read_keys("4572"), Some(Value::text("4572")));
        assert_eq!(digits.read_speech("four five seven two", &matcher), Some(Value::text("4572")));
        assert_eq!(digits.read_keys("457"), None);
        assert_eq!(digits.read_keys("45*2"), None);
        let number =
            VariableSpec { kind: VariableKind::Number { min: Decimal::from_whole(1), max: Decimal::from_whole(10) }, default: None };
        assert_eq!(number.read_keys("2*5").map(|value| value.render()).as_deref(), Some("2.5"));
        assert_eq!(number.read_speech("eleven", &matcher), None);
        let flag = VariableSpec { kind: VariableKind::Boolean, default: None };
        assert_eq!(flag.read_keys("2"), Some(Value::Boolean(false)));
        assert_eq!(flag.read_speech("yeah", &matcher), Some(Value::Boolean(true)));
    }
}
