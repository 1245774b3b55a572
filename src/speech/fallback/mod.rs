//! An ordered list of providers as one ear and one voice.
//!
//! The first that its breaker lets through does the work. One that fails is replaced in the middle of what it did: the voice goes on with the words
//! that were not spoken, the ear hears again what was not understood. The last of the list (the local engine) is tried whatever its breaker
//! says. A caller waits for a failing provider once, at most the bound that is set, and the next caller not at all while it rests.

mod ear;
mod voice;

pub(super) use ear::FallbackRecognizer;
pub(super) use voice::FallbackSynthesizer;

use super::SpeechError;
use super::breaker::Breaker;
use std::sync::Arc;

/// One of the list.
pub(super) struct Member<T: ?Sized> {
    pub(super) name: String,
    pub(super) engine: Arc<T>,
    pub(super) breaker: Breaker,
}

/// The next to try, from `from` on.
fn next_of<T: ?Sized>(members: &[Member<T>], from: usize) -> Option<usize> {
    let last = members.len().checked_sub(1)?;
    (from..members.len()).find(|at| *at == last || members[*at].breaker.lets_through())
}

/// Failures of the request itself say nothing about the provider.
fn is_providers_fault(error: &SpeechError) -> bool {
    !matches!(error, SpeechError::TextTooLong { .. } | SpeechError::Speed { .. })
}

#[cfg(test)]
mod tests;
