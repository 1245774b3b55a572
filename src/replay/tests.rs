//! Tests of recordings and replay.
