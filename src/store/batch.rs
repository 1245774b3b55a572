//! What can be written together: the updates of many calls, and whole closes, in one transaction.

use super::{Answer, Closing, JobKind, NewConversation, NumberedMessage, TIMELINE_MAX_ENTRIES, TimelineEntry};
use crate::model::{ConversationId, SessionStatus, WallTime};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Many writes in one transaction.
pub trait Batches: Send + Sync {
    /// All of it or nothing. It fails where a single write would, and also where one needs a closer look (a row that is closed already, a message
    /// number that is taken): each write on its own, by the other traits, then gives the answer.
    fn write_batch<'a>(&'a self, batch: &'a Batch) -> Answer<'a, ()>;
}

/// Written in the order of the fields.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub creates: Vec<NewConversation>,
    pub recordings: BTreeMap<ConversationId, (String, WallTime)>,
    /// The last one of a conversation, unless one before it was terminal.
    pub statuses: BTreeMap<ConversationId, (SessionStatus, WallTime)>,
    pub timelines: Vec<(ConversationId, Vec<TimelineEntry>)>,
    pub closes: Vec<CloseWrite>,
}

/// All that a close leaves in the store. Every step of the close log is noted with it.
#[derive(Clone, Debug)]
pub struct CloseWrite {
    pub conversation: ConversationId,
    pub context: Map<String, Value>,
    pub messages: Vec<NumberedMessage>,
    pub closing: Closing,
    pub jobs: &'static [JobKind],
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.creates.is_empty()
            && self.recordings.is_empty()
            && self.statuses.is_empty()
            && self.timelines.is_empty()
            && self.closes.is_empty()
    }

    pub(super) fn status(&mut self, conversation: ConversationId, status: SessionStatus, at: WallTime) {
        let last = self.statuses.entry(conversation).or_insert((status, at));
        if !last.0.is_terminal() {
            *last = (status, at);
        }
    }

    /// Rows that must be there when everything is written.
    pub(super) fn conversations(&self) -> impl Iterator<Item = ConversationId> {
        self.recordings.keys().chain(self.statuses.keys()).copied()
    }

    pub(super) fn timeline(&self) -> impl Iterator<Item = (ConversationId, &TimelineEntry)> {
        let entries = self.timelines.iter().flat_map(|(conversation, entries)| entries.iter().map(|entry| (*conversation, entry)));
        entries.filter(|(_, entry)| entry.seq < TIMELINE_MAX_ENTRIES)
    }
}
