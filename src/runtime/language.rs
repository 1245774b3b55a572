//! How an assistant uses a language model. Which model a role is, the host's configuration says.

use super::ask::RetryPolicy;
use crate::model::Millis;

/// `[model]` of an assistant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelUse {
    /// Roles that hold the conversation: the first one, then each of the others where the one before failed and nothing was spoken yet.
    pub(crate) chain: Vec<String>,
    /// Judges plain-words conditions.
    pub(crate) judge: String,
    /// Writes briefings, summaries and memory facts.
    pub(crate) writer: String,
    pub(crate) timeout: Millis,
    pub(crate) first_token: Millis,
    pub(crate) stall: Millis,
    pub(crate) retry: RetryPolicy,
    /// Model calls in one turn at one node before it fails with `max_steps_exceeded`.
    pub(crate) max_rounds: u32,
    /// Entries of the transcript the model is shown.
    pub(crate) window: usize,
    pub(crate) max_output_tokens: u32,
}

impl ModelUse {
    pub(crate) fn of(role: &str) -> Self {
        Self {
            chain: vec![role.to_owned()],
            judge: role.to_owned(),
            writer: role.to_owned(),
            timeout: Millis(20_000),
            first_token: Millis(5_000),
            stall: Millis(4_000),
            retry: RetryPolicy { max_retries: 1, backoff: Millis(250) },
            max_rounds: 6,
            window: 40,
            max_output_tokens: 400,
        }
    }

    /// Every role it names, each once.
    pub(crate) fn roles(&self) -> Vec<&str> {
        let mut roles: Vec<&str> = self.chain.iter().chain([&self.judge, &self.writer]).map(String::as_str).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}
