//! What people said or typed: shown only as a mask.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that neither `Display` nor `Debug` shows. Serialising writes it whole: recordings and rows are written on purpose, logs by habit.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. A caller that prints it has decided to.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Redacted<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_display_nor_debug_shows_the_value_and_serde_does() {
        let number = Redacted::<String>::from("4572");
        assert_eq!(format!("{number} {number:?}"), "[redacted] [redacted]");
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"4572\"");
    }
}
