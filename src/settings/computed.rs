//! Deadlines that follow from the settings, for `voice-worker check`.

use super::model::Settings;
use crate::model::Millis;

/// One deadline, and how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedDeadline {
    pub name: &'static str,
    pub span: Millis,
    /// The formula, with the keys it stands on.
    pub from: &'static str,
}

/// Every deadline a call or the worker lives by.
pub fn computed_deadlines(settings: &Settings) -> Vec<ComputedDeadline> {
    let (sip, d) = (&settings.sip, &settings.deadlines);
    let line = |name, span: u64, from| ComputedDeadline { name, span: Millis(span), from };
    vec![
        line("sip: request without an answer (timers B, F)", 64 * sip.t1.0, "64 * sip.t1_ms"),
        line("sip: 200 without ACK (timer H)", 64 * sip.t1.0, "64 * sip.t1_ms"),
        line("sip: retransmission at most every", sip.t2.0, "sip.t2_ms"),
        line("sip: a message may live in the network (timers I, K)", sip.t4.0, "sip.t4_ms"),
        line("sip: session refreshed every", sip.session_expires.0 / 2, "sip.session_expires_seconds / 2"),
        line("sip: shortest session accepted", sip.min_session_expires.0, "sip.min_session_expires_seconds"),
        line("call: answered but not acknowledged", d.acknowledge.0, "deadlines.acknowledge_ms"),
        line("call: turn without a word", d.turn.0, "deadlines.turn_ms"),
        line("call: one utterance", d.utterance.0, "deadlines.utterance_ms"),
        line("call: no RTP", settings.media.timeout.0, "media.timeout_seconds"),
        line("transfer: REFER without an answer", d.refer_answer.0, "deadlines.refer_answer_ms"),
        line("transfer: 202 without NOTIFY, restarted by provisional ones", d.refer_notify.0, "deadlines.refer_notify_ms"),
        line("transfer: 202 to the end", d.refer_total.0, "deadlines.refer_total_ms"),
        line("end: last words, release and close, at most", end(settings), "deadlines.utterance_ms + release_ms + close_ms"),
        line("end: RTP port rests", settings.media.quarantine.0, "media.quarantine_seconds"),
        line("worker: calls may finish after SIGTERM", settings.worker.drain_deadline.0, "worker.drain_deadline_seconds"),
        line(
            "worker: gone after SIGTERM, at most (TimeoutStopSec must be more)",
            settings.worker.drain_deadline.0 + d.release.0 + d.close.0,
            "worker.drain_deadline_seconds + deadlines.release_ms + close_ms",
        ),
    ]
}

fn end(settings: &Settings) -> u64 {
    let d = &settings.deadlines;
    d.utterance.0 + d.release.0 + d.close.0
}
