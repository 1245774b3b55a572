//! Why a store operation failed.

use crate::model::ConversationId;
use thiserror::Error;

/// `Display` says only its own layer; the cause is the `source`. None of these may end a call.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot open the store at {place}; check that the directory exists, is writable and has space")]
    Open {
        place: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("cannot bring the store at {place} to this version's tables; a newer worker may have written it")]
    Migrate {
        place: String,
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Locked longer than the busy timeout, out of connections, disk full, connection lost: the same operation may work later.
    #[error("the store did not answer while {doing}; the operation may be repeated")]
    Unavailable {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the store failed while {doing}")]
    Failed {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("conversation {0} is not in the store")]
    NotFound(ConversationId),
    #[error("conversation {0} is not closed; close it first")]
    StillLive(ConversationId),
    #[error("a batch was not written: one of its rows is missing or closed already; each write on its own says which")]
    Together,
    #[error("message {seq} of conversation {conversation} holds other words already; nothing was written")]
    SeqTaken { conversation: ConversationId, seq: u32 },
    #[error("{what} in the store cannot be read back: {value:?}")]
    Corrupt { what: &'static str, value: String },
}

impl StoreError {
    /// The same operation may work later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn during(doing: &'static str, source: sqlx::Error) -> Self {
        let transient = match &source {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
            // SQLITE_BUSY 5, LOCKED 6, IOERR 10, FULL 13, CANTOPEN 14 and their extended codes, which keep the primary one in the low byte.
            sqlx::Error::Database(inner) => {
                inner.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
            }
            _ => false,
        };
        if transient { Self::Unavailable { doing, source } } else { Self::Failed { doing, source } }
    }
}
