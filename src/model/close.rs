//! The steps of a conversation's close, in their order.

use super::words::words;
use std::fmt;

words!(
    /// The close pipeline's steps, in their order (contract section 2). The words are those of the journal and of the store's close log.
    CloseStep {
        /// Forget suspended workflow state of this conversation.
        WorkflowCleanUp = "workflow_clean_up",
        /// Write the buffered transcript and the memory facts, keyed by sequence number so that a second write changes nothing.
        TranscriptFlush = "transcript_flush",
        /// Emit the `session.end` span with `triggered_by`.
        SessionEndSpan = "session_end_span",
        /// The row becomes `closed` with its termination reason and retention stamp. An update: it never creates a row.
        RowClosed = "row_closed",
        /// Queue the jobs that follow a close, one row each per conversation.
        JobsQueued = "jobs_queued",
    }
);

impl fmt::Display for CloseStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
