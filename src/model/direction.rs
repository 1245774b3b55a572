//! Which way a call goes.

use super::words::words;

words!(
    /// Who called whom.
    CallDirection {
        /// Somebody called this worker.
        Inbound = "inbound",
        /// This worker placed the call.
        Outbound = "outbound",
    }
);
