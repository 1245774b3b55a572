//! What can go wrong with a provider. No text of the vendor's is kept: it may quote the key or the caller.

/// Why a provider did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    #[error("the key or the account was refused (HTTP {status}): check its key_file and what the account may use")]
    Refused { status: u16 },
    #[error("the connection could not be made: {why}")]
    Connect { why: String },
    #[error("the connection was closed (code {code})")]
    Closed { code: u16 },
    #[error("it did not answer within {millis} ms")]
    Stalled { millis: u64 },
    #[error("it sent what its documentation does not know")]
    Garbage,
    /// The vendor's own word for it.
    #[error("it reported '{code}'")]
    Reported { code: String },
}

impl ProviderFault {
    /// Trying again with the same key and the same request is of no use.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            // Policy violation: a refused key or request (RFC 6455 section 7.4.1).
            Self::Closed { code } => *code == 1_008,
            Self::Reported { code } => {
                let code = code.to_ascii_lowercase();
                ["auth", "quota", "invalid", "unaccepted", "insufficient_permissions", "input_error"].iter().any(|word| code.contains(word))
            }
            Self::Connect { .. } | Self::Stalled { .. } | Self::Garbage => false,
        }
    }

    /// A vendor's error code, cut to what a code looks like.
    pub(super) fn reported(code: &str) -> Self {
        let code: String =
            code.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.')).take(64).collect();
        Self::Reported { code: if code.is_empty() { "error".to_owned() } else { code } }
    }
}
