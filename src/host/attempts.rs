//! The rows of a call's transfer attempts.

use super::driver::Driver;
use crate::call::Event;
use crate::model::{AttemptRecord, CallTime, ConversationId, LegId, Redacted, SessionStatus, SupervisorDecision, WallTime};
use crate::store::{ConsultTurn, LiveUpdate, TransferAttempt};
use std::sync::Arc;
use uuid::Uuid;

/// What is known of the rows written so far: a row's number is its place.
#[derive(Debug, Default)]
pub(super) struct AttemptRows(Vec<Row>);

#[derive(Debug)]
struct Row {
    transfer: u32,
    attempt: u32,
    created_at: WallTime,
    label: Option<String>,
    consult_recording: Option<String>,
}

/// The consult that is under way, word by word.
#[derive(Debug, Default)]
pub(super) struct Consult {
    leg: Option<LegId>,
    turns: Vec<ConsultTurn>,
}

/// Turns of one consult that are kept.
const CONSULT_MAX: usize = 200;

fn attempt_id(conversation: ConversationId, number: u32) -> Uuid {
    Uuid::new_v5(&conversation.0, format!("attempt {number}").as_bytes())
}

impl AttemptRows {
    /// Number of the attempt that is under way.
    fn last(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The row of this attempt and its number, from 1.
    fn of(&mut self, record: &AttemptRecord, new: impl FnOnce() -> (WallTime, Option<String>)) -> (u32, &Row) {
        let known = self.0.iter().position(|row| (row.transfer, row.attempt) == (record.transfer, record.attempt));
        let place = known.unwrap_or_else(|| {
            let (created_at, label) = new();
            self.0.push(Row { transfer: record.transfer, attempt: record.attempt, created_at, label, consult_recording: None });
            self.0.len() - 1
        });
        (u32::try_from(place + 1).unwrap_or(u32::MAX), &self.0[place])
    }
}

impl Driver {
    pub(super) fn note_attempt(&mut self, record: &AttemptRecord) {
        let (began, now) = (self.wall, self.shells.clock.wall());
        let wall = |at: CallTime| WallTime(began.0 + at.millis());
        let label = self.runtime.pending_transfer().and_then(|intent| intent.label.clone());
        let (number, row) = self.rows.of(record, || (now, label));
        let attempt = TransferAttempt {
            id: attempt_id(self.conversation, number),
            conversation: self.conversation,
            number,
            transfer: record.transfer + 1,
            mode: record.mode,
            destination: record.destination.clone(),
            destination_index: record.destination_index,
            label: row.label.clone(),
            status: status(record).to_owned(),
            created_at: row.created_at,
            dialled_at: record.dialled_at.map(wall),
            answered_at: record.answered_at.map(wall),
            briefed_at: record.briefed_at.map(wall),
            bridged_at: record.bridged_at.map(wall),
            decided_at: record.decided_at.map(wall),
            decision: record.decision.map(|decision| decision_word(decision).to_owned()),
            ended_at: record.ended_at.map(wall),
            failure_reason: record.failure_reason.map(|reason| reason.word().to_owned()),
            fallback_mode: record.fallback_mode.map(|mode| mode.word().to_owned()),
            briefing_snippet: record.briefing.clone(),
            consult_recording: row.consult_recording.clone(),
        };
        self.shells.writer.offer(LiveUpdate::Attempt(Box::new(attempt)));
    }

    /// A dialled leg is up: what is said on it is kept, and recorded, apart from the call.
    pub(super) fn begin_consult(&mut self, leg: LegId) {
        if leg == LegId::CALLER {
            return;
        }
        self.consult.leg = Some(leg);
        if let Some(folder) = &self.shells.audio_folder {
            let path = folder.join(format!("{}-consult-{}.wav", self.conversation, leg.0));
            self.legs.record_consult(leg, &path);
            if let Some(row) = self.rows.0.last_mut() {
                row.consult_recording = Some(path.to_string_lossy().into_owned());
            }
        }
    }

    /// Words of the human on the consult's leg, and of ours to them.
    pub(super) fn overhear(&mut self, event: &Event) {
        if let Event::Transcript { leg, text, .. } = event {
            self.keep_consult(*leg, "supervisor", text);
        }
    }

    pub(super) fn keep_consult(&mut self, leg: LegId, role: &str, text: &Redacted<String>) {
        if self.consult.leg != Some(leg) || self.consult.turns.len() >= CONSULT_MAX {
            return;
        }
        let turn = ConsultTurn {
            conversation: self.conversation,
            attempt: attempt_id(self.conversation, self.rows.last().max(1)),
            seq: u32::try_from(self.consult.turns.len()).unwrap_or(u32::MAX),
            role: role.to_owned(),
            content: text.clone(),
            at: self.shells.clock.wall(),
        };
        self.consult.turns.push(turn);
    }

    /// The consult is over: its words become rows, its recording ends.
    pub(super) fn end_consult(&mut self, leg: LegId) {
        if self.consult.leg != Some(leg) {
            return;
        }
        self.legs.end_consult(leg);
        let turns = std::mem::take(&mut self.consult).turns;
        if turns.is_empty() {
            return;
        }
        let (store, conversation) = (Arc::clone(&self.shells.store), self.conversation);
        self.shells.tasks.spawn("consult", async move {
            if let Err(error) = store.append_consult(turns).await {
                tracing::error!(%conversation, %error, "the words of a consult were not stored");
            }
        });
    }

    pub(super) fn note_status(&self, status: SessionStatus) {
        let (conversation, at) = (self.conversation, self.shells.clock.wall());
        self.shells.writer.offer(LiveUpdate::Status { conversation, status, at });
    }
}

/// How far the attempt has come, in a word.
fn status(record: &AttemptRecord) -> &'static str {
    let happened = |at: Option<CallTime>| at.is_some();
    match record {
        AttemptRecord { failure_reason: Some(_), .. } => "failed",
        record if happened(record.ended_at) => "completed",
        record if happened(record.bridged_at) => "bridged",
        record if happened(record.decided_at) => "bridging",
        record if happened(record.answered_at) => "briefing",
        record if happened(record.dialled_at) => "dialing",
        _ => "pending",
    }
}

const fn decision_word(decision: SupervisorDecision) -> &'static str {
    match decision {
        SupervisorDecision::Accepted => "accepted",
        SupervisorDecision::Declined => "declined",
    }
}
