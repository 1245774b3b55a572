//! The wire as a whole: what is taken, what is refused and how.
