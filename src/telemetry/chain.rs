//! An error with everything that caused it, in one line.

use std::error::Error;
use std::fmt;

/// `Display` prints the error and each of its sources, joined by `: `. Our errors say only their own layer, so nothing is said twice.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'e>(pub &'e (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_says_every_layer_once() {
        let error = Outer(std::io::Error::other("port taken"));
        assert_eq!(Chain(&error).to_string(), "cannot start: port taken");
    }
}
