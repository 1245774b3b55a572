//! Audio as data.
#![deny(clippy::disallowed_types, clippy::wildcard_enum_match_arm)]
