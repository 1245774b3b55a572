//! Values of context variables. Their `Debug` shows the kind only: they hold what people said or typed.

use crate::model::Redacted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a variable may hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// Free text, keypad digits and enum members.
    Text(Redacted<String>),
    Number(Decimal),
    Boolean(bool),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Redacted::new(text.into()))
    }

    /// As it is spoken and written: `12.5`, `yes`, the text itself.
    pub fn render(&self) -> String {
        match self {
            Self::Text(text) => text.expose().clone(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(true) => "yes".to_owned(),
            Self::Boolean(false) => "no".to_owned(),
        }
    }

    /// For packets handed to people and programs: a whole number as an integer, any other number as text, so that nothing is rounded.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::Value::String(text.expose().clone()),
            Self::Number(number) => match number.whole() {
                Some(whole) => serde_json::Value::from(whole),
                None => serde_json::Value::String(number.to_string()),
            },
            Self::Boolean(flag) => serde_json::Value::Bool(*flag),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::Number(_) => "Number([redacted])",
            Self::Boolean(_) => "Boolean([redacted])",
        })
    }
}

/// A number with up to six decimals, exact: money and counts compare the same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(i64);

impl Decimal {
    const ONE: i64 = 1_000_000;

    /// `None` beyond ±9 223 372 036 854.
    pub const fn from_whole(whole: i64) -> Option<Self> {
        match whole.checked_mul(Self::ONE) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// `-12`, `12.50`; no exponent, at most six decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let dotted = digits.contains('.');
        if whole.is_empty() || whole.len() > 13 || fraction.len() > 6 || (dotted && fraction.is_empty()) {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let micros = whole.parse::<i64>().ok()?.checked_mul(Self::ONE)?;
        let part = format!("{fraction:0<6}").parse::<i64>().ok()?;
        let sum = micros.checked_add(part)?;
        Some(Self(if negative { -sum } else { sum }))
    }

    /// The integer it is, if it is one.
    pub const fn whole(self) -> Option<i64> {
        if self.0 % Self::ONE == 0 { Some(self.0 / Self::ONE) } else { None }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, part) = (size / Self::ONE.unsigned_abs(), size % Self::ONE.unsigned_abs());
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:06}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_reads_and_prints_exactly() {
        for (text, printed) in [("12", "12"), ("12.50", "12.5"), ("-0.000001", "-0.000001"), ("007", "7")] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), printed);
        }
        for wrong in ["", "-", ".5", "5.", "1e3", "1.0000001", "99999999999999", "1,5"] {
            assert_eq!(Decimal::parse(wrong), None, "{wrong}");
        }
        assert!(Decimal::parse("2").unwrap() < Decimal::parse("10").unwrap());
    }

    #[test]
    fn the_debug_form_of_a_value_shows_its_kind_only() {
        assert_eq!(format!("{:?}", Value::text("4572")), "Text([redacted])");
    }
}
