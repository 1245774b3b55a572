//! Values that exist only inside their bounds (parse, don't validate).

use serde::{Deserialize, Serialize};
use std::fmt;

/// An integer in `MIN..=MAX`; anything else is refused when it is parsed or built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// Smallest and largest value allowed.
    pub const RANGE: (u32, u32) = (MIN, MAX);

    /// For constants in code; out of range is a compile error when used in a `const`.
    pub const fn of(value: u32) -> Self {
        assert!(value >= MIN && value <= MAX, "constant out of its bounds");
        Self(value)
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Bounded<MIN, MAX> {
    type Error = OutOfBounds;

    fn try_from(value: i64) -> Result<Self, OutOfBounds> {
        match u32::try_from(value) {
            Ok(inside) if (MIN..=MAX).contains(&inside) => Ok(Self(inside)),
            Ok(_) | Err(_) => Err(OutOfBounds::Number { value, min: MIN, max: MAX }),
        }
    }
}

impl<const MIN: u32, const MAX: u32> From<Bounded<MIN, MAX>> for i64 {
    fn from(value: Bounded<MIN, MAX>) -> i64 {
        i64::from(value.0)
    }
}

/// A string of at most `MAX` characters (Unicode scalar values, as JSON Schema's `maxLength` counts).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub const MAX_CHARS: usize = MAX;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = OutOfBounds;

    fn try_from(value: String) -> Result<Self, OutOfBounds> {
        let chars = value.chars().count();
        if chars > MAX { Err(OutOfBounds::Length { chars, max: MAX }) } else { Ok(Self(value)) }
    }
}

impl<const MAX: usize> TryFrom<&str> for Text<MAX> {
    type Error = OutOfBounds;

    fn try_from(value: &str) -> Result<Self, OutOfBounds> {
        Self::try_from(value.to_owned())
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(value: Text<MAX>) -> String {
        value.0
    }
}

/// Why a value was refused; says the allowed range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutOfBounds {
    Number { value: i64, min: u32, max: u32 },
    Length { chars: usize, max: usize },
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { value, min, max } => write!(f, "{value} is outside {min}..={max}"),
            Self::Length { chars, max } => write!(f, "{chars} characters long, at most {max} are allowed"),
        }
    }
}

impl std::error::Error for OutOfBounds {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_bounds_is_refused_with_the_range() {
        let error = serde_json::from_str::<Bounded<5, 120>>("121").unwrap_err().to_string();
        assert!(error.contains("121 is outside 5..=120"), "{error}");
        assert!(serde_json::from_str::<Bounded<5, 120>>("-1").is_err());
        assert_eq!(serde_json::from_str::<Bounded<5, 120>>("120").unwrap().get(), 120);
    }

    #[test]
    fn a_text_is_counted_in_characters_not_bytes() {
        assert!(Text::<3>::try_from("äöü").is_ok());
        assert!(Text::<3>::try_from("abcd").is_err());
    }
}
