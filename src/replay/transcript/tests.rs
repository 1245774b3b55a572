//! Tests of transcript replay.
