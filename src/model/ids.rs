//! Names of things. Small ids come from counters in the call core, so that a replay gives the same ones.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! counter_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

counter_id!(
    /// One SIP dialog of a call; 0 is always the caller.
    LegId, "leg-"
);
counter_id!(
    /// One `run_turn`: input in, exactly one assistant message out.
    TurnId, "turn-"
);
counter_id!(
    /// One piece of speech played to one leg; playback reports carry it back.
    UtteranceId, "utt-"
);
counter_id!(
    /// Any other order that will be answered (REFER, close).
    RequestId, "req-"
);

impl LegId {
    pub const CALLER: LegId = LegId(0);
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// The durable row of a conversation: `conversation_id` in paths, `session_id` in bodies (contract section 1).
    ConversationId
);
uuid_id!(
    /// The tenant a key belongs to; rows of another organisation are invisible.
    OrganisationId
);
uuid_id!(
    /// One running worker process.
    WorkerId
);
