//! The live calls of this worker, for admin orders, drain and reconcile. Nothing else lives here.

use super::inbox::{Fact, Inbox};
use super::legs::LegState;
use crate::api::{ArmedTimer, CallDetail, CallSummary, LegView, TimelineLine};
use crate::call::TimerKind;
use crate::model::{CallTime, ConversationId, LegId, Millis, OrganisationId, WallTime, WorkerTime};
use crate::replay::{Moment, Who};
use crate::store::{TIMELINE_MAX_ENTRIES, TimelineEntry};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One live call.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) organisation: OrganisationId,
    pub(super) direction: &'static str,
    pub(super) trunk: String,
    pub(super) assistant: String,
    /// Masked.
    pub(super) caller: String,
    pub(super) wall: WallTime,
    pub(super) started: WorkerTime,
    pub(super) inbox: Inbox,
    pub(super) view: Arc<View>,
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    calls: Mutex<BTreeMap<ConversationId, Live>>,
}

impl Directory {
    pub(super) fn add(&self, conversation: ConversationId, live: Live) {
        self.lock().insert(conversation, live);
    }

    pub(super) fn remove(&self, conversation: ConversationId) {
        self.lock().remove(&conversation);
    }

    pub(super) fn get(&self, conversation: ConversationId) -> Option<Live> {
        self.lock().get(&conversation).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The call is live and this leg is one of its own.
    pub(super) fn knows(&self, conversation: ConversationId, leg: LegId) -> bool {
        self.lock().get(&conversation).is_some_and(|live| live.view.lock().legs.iter().any(|(known, _)| *known == leg))
    }

    /// The same fact to every call.
    pub(super) fn tell_all(&self, mut fact: impl FnMut(&Live) -> Fact) {
        for live in self.lock().values() {
            live.inbox.put(fact(live));
        }
    }

    /// Oldest first.
    pub(super) fn of(&self, organisation: OrganisationId, now: WorkerTime) -> Vec<CallSummary> {
        let calls = self.lock();
        let mut found: Vec<(WorkerTime, CallSummary)> = calls
            .iter()
            .filter(|(_, live)| live.organisation == organisation)
            .map(|(id, live)| (live.started, live.summary(*id, now)))
            .collect();
        found.sort_by_key(|(started, _)| *started);
        found.into_iter().map(|(_, summary)| summary).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConversationId, Live>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    pub(super) fn summary(&self, conversation: ConversationId, now: WorkerTime) -> CallSummary {
        CallSummary {
            conversation_id: conversation,
            organisation: self.organisation,
            direction: self.direction.to_owned(),
            trunk: self.trunk.clone(),
            assistant: self.assistant.clone(),
            phase: self.view.lock().phase.to_owned(),
            caller: self.caller.clone(),
            started_at: self.wall,
            duration_ms: Millis(u64::try_from(now.since(self.started).as_millis()).unwrap_or(u64::MAX)),
        }
    }

    pub(super) fn detail(&self, conversation: ConversationId, now: WorkerTime) -> CallDetail {
        let summary = self.summary(conversation, now);
        let seen = self.view.lock();
        CallDetail {
            summary,
            legs: seen.legs.iter().map(|(leg, state)| leg_view(*leg, *state)).collect(),
            timers: seen.timers.iter().map(|(at, kind)| ArmedTimer { timer: kind_word(*kind), at_us: *at }).collect(),
            timeline: seen.moments.iter().map(line).collect(),
            timeline_dropped: seen.dropped,
        }
    }
}

/// What a driver shows of its call; the driver writes, admins read.
#[derive(Debug, Default)]
pub(super) struct View {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    phase: &'static str,
    timers: Vec<(CallTime, TimerKind)>,
    legs: Vec<(LegId, LegState)>,
    moments: Vec<Moment>,
    dropped: u32,
}

impl View {
    pub(super) fn update(&self, phase: &'static str, timers: Vec<(CallTime, TimerKind)>, legs: Vec<(LegId, LegState)>) {
        let mut seen = self.lock();
        seen.phase = phase;
        seen.timers = timers;
        seen.legs = legs;
    }

    pub(super) fn tell(&self, moment: Moment) {
        let mut seen = self.lock();
        if seen.moments.len() < TIMELINE_MAX_ENTRIES as usize {
            seen.moments.push(moment);
        } else {
            seen.dropped = seen.dropped.saturating_add(1);
        }
    }

    /// The timeline as rows.
    pub(super) fn rows(&self) -> Vec<TimelineEntry> {
        let seen = self.lock();
        (0_u32..)
            .zip(&seen.moments)
            .map(|(seq, moment)| TimelineEntry { seq, at: moment.at, kind: who_word(moment.who).to_owned(), text: moment.text.clone() })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(moment: &Moment) -> TimelineLine {
    TimelineLine { at_us: moment.at, kind: who_word(moment.who).to_owned(), text: moment.text.clone() }
}

fn who_word(who: Who) -> &'static str {
    match who {
        Who::Caller => "caller",
        Who::Assistant => "assistant",
        Who::Worker => "worker",
        Who::Operator => "operator",
        Who::Human => "human",
        Who::Network => "network",
    }
}

fn kind_word(kind: TimerKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => format!("{kind:?}"),
    }
}

fn leg_view(leg: LegId, state: LegState) -> LegView {
    let role = if leg == LegId::CALLER { "caller" } else { "supervisor" };
    LegView { leg, role: role.to_owned(), state: state.word().to_owned() }
}
