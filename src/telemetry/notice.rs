//! One notice, one log line, one metric.

use super::metrics::{Counter, Histogram, count};
use super::redact::mask_digits;
use crate::model::{ConversationId, EndCause, Notice};
use serde_json::Value;

/// Tells operators. Texts that came from outside (an engine's error) are masked.
pub fn report(conversation: ConversationId, notice: &Notice) {
    match notice {
        Notice::Stale { what } => {
            tracing::debug!(%conversation, what, "an answer came too late and was dropped");
            count(Counter::StaleAnswers, "", 1);
        }
        Notice::Unexpected { what, phase } => {
            tracing::debug!(%conversation, what, phase, "an event means nothing in this phase and was dropped");
            count(Counter::UnexpectedEvents, "", 1);
        }
        Notice::TurnTimedOut { turn } => {
            tracing::warn!(%conversation, %turn, "a turn did not answer in time; the caller heard an apology");
            count(Counter::TurnsTimedOut, "", 1);
        }
        Notice::TurnFailed { turn, error } => {
            tracing::warn!(%conversation, %turn, error = %mask_digits(error), "a turn failed");
            count(Counter::TurnsFailed, "", 1);
        }
        Notice::PlaybackFailed { utterance } => {
            tracing::warn!(%conversation, %utterance, "an utterance could not be played");
            count(Counter::PlaybackFailed, "", 1);
        }
        Notice::DigitsDropped { leg, count: keys } => {
            tracing::warn!(%conversation, %leg, keys, "keys beyond what a collection holds were dropped");
            count(Counter::DigitsDropped, "", u64::from(*keys));
        }
        Notice::SayRefused { phase } => say_refused(conversation, phase),
        Notice::TransferStarted { attempt } => {
            tracing::info!(%conversation, attempt, "a transfer attempt starts");
            count(Counter::TransfersStarted, "", 1);
        }
        Notice::TransferEnded { outcome, attempts, took } => {
            tracing::info!(%conversation, outcome, attempts, took_ms = took.0, "a transfer ended");
            count(Counter::TransfersEnded, outcome, 1);
            Histogram::TransferDuration.record((*took).into());
        }
        Notice::TransferRefused { why } => {
            tracing::warn!(%conversation, why = %mask_digits(why), "a transfer was not carried out");
            count(Counter::TransfersRefused, "", 1);
        }
        Notice::EndStepTimedOut { step } => {
            tracing::warn!(%conversation, step, "a step of the call's end went on without its answer");
            count(Counter::EndStepsTimedOut, step, 1);
        }
        Notice::InputsDropped { count: inputs } => {
            tracing::warn!(%conversation, inputs, "what the caller said or keyed could not wait for its turn and was dropped");
            count(Counter::InputsDropped, "", u64::from(*inputs));
        }
        Notice::SpeechDropped { turn } => {
            tracing::warn!(%conversation, ?turn, "words of the assistant were not spoken: too many waited");
            count(Counter::SpeechDropped, "", 1);
        }
        Notice::RecognitionFailed { leg, given_up } => {
            tracing::warn!(%conversation, %leg, given_up, "the recogniser failed; keys are heard");
            count(Counter::RecognitionFailed, "", 1);
        }
        Notice::SpeechIgnored { words, on_hold, .. } => speech_ignored(conversation, *words, *on_hold),
        Notice::HandoffRequested { turn } => {
            tracing::info!(%conversation, %turn, "a turn asked for a human");
            count(Counter::HandoffsRequested, "", 1);
        }
        Notice::CallEnded { cause, duration } => {
            let word = cause_word(*cause);
            let reason = cause.termination_reason().as_str();
            tracing::info!(%conversation, cause = %word, reason, duration_ms = duration.0, "a call ended");
            count(Counter::CallsEnded, &word, 1);
            Histogram::CallDuration.record((*duration).into());
        }
    }
}

fn say_refused(conversation: ConversationId, phase: &str) {
    tracing::warn!(%conversation, phase, "an operator's words were not spoken: nobody would hear them as meant");
    count(Counter::SpeechDropped, "", 1);
}

fn speech_ignored(conversation: ConversationId, words: u32, on_hold: bool) {
    tracing::info!(%conversation, words, on_hold, "words that were not said to us were ignored");
    count(Counter::SpeechIgnored, if on_hold { "hold" } else { "echo" }, 1);
}

/// Serde's word of the cause; the admin's reason is not part of it.
fn cause_word(cause: EndCause) -> String {
    match serde_json::to_value(cause) {
        Ok(Value::String(word)) => word,
        Ok(Value::Object(tagged)) => tagged.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, TerminationReason, TransferOutcome};
    use crate::telemetry::{Gauge, Metrics};
    use uuid::Uuid;

    const CALL: ConversationId = ConversationId(Uuid::nil());

    fn page(notices: &[Notice]) -> String {
        let metrics = Metrics::new().unwrap();
        metrics.during(|| notices.iter().for_each(|notice| report(CALL, notice)));
        metrics.render()
    }

    #[test]
    fn each_notice_is_one_metric_with_the_true_cause() {
        let page = page(&[
            Notice::CallEnded { cause: EndCause::CallerHungUp, duration: Millis(2_000) },
            Notice::CallEnded { cause: EndCause::AdminEnded(TerminationReason::Resolved), duration: Millis(1) },
            Notice::DigitsDropped { leg: crate::model::LegId::CALLER, count: 3 },
            Notice::EndStepTimedOut { step: "made up".to_owned() },
        ]);
        for line in [
            "voice_worker_calls_ended_total{cause=\"caller_hung_up\"} 1",
            "voice_worker_calls_ended_total{cause=\"admin_ended\"} 1",
            "voice_worker_call_duration_seconds_count 2",
            "voice_worker_digits_dropped_total 3",
            "voice_worker_end_steps_timed_out_total{step=\"other\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn every_cause_and_outcome_has_its_own_label() {
        let causes = causes().map(|cause| Notice::CallEnded { cause, duration: Millis(1) });
        let outcomes = outcomes().into_iter().map(|outcome| Notice::TransferEnded {
            outcome: outcome.word().to_owned(),
            attempts: 1,
            took: Millis(1),
        });
        let page = page(&causes.into_iter().chain(outcomes).collect::<Vec<_>>());
        assert!(!page.contains("\"other\""), "{page}");
    }

    fn causes() -> [EndCause; 24] {
        use EndCause as E;
        [
            E::CallerHungUp,
            E::CallerCancelled,
            E::AssistantEnded,
            E::AdminEnded(TerminationReason::Unknown),
            E::SilenceTimeout,
            E::MaxDuration,
            E::VoicemailDetected,
            E::Transferred,
            E::MediaLost,
            E::ServerShutdown,
            E::EngineFailed,
            E::Overloaded,
            E::CapacityRejected,
            E::NeverAcknowledged,
            E::ConnectionLost,
            E::SetupFailed,
            E::CalleeBusy,
            E::CalleeNoAnswer,
            E::CalleeDeclined,
            E::CalleeNotFound,
            E::CalleeUnavailable,
            E::SipFailed,
            E::HandoffResolved,
            E::Orphaned,
        ]
    }

    fn outcomes() -> Vec<TransferOutcome> {
        use TransferOutcome as T;
        let fixed = [
            T::Confirmed,
            T::Presumed,
            T::Unknown,
            T::NoNotify,
            T::NoResponse,
            T::Glare,
            T::CallerHungUp,
            T::NotAllowed,
            T::AlreadyInProgress,
            T::Interrupted,
            T::Unsupported,
            T::Bridged,
        ];
        let reasons = crate::model::FailureReason::ALL.into_iter().map(|why| T::NotReached { why });
        fixed.into_iter().chain(reasons).chain((400..700).map(|status| T::Failed { status })).collect()
    }

    #[test]
    fn a_gauge_is_asked_of_its_owner_each_time() {
        let metrics = Metrics::new().unwrap();
        let calls = std::sync::Arc::new(std::sync::Mutex::new(vec![1, 2]));
        let owner = std::sync::Arc::clone(&calls);
        metrics.collect(move |gauges| gauges.set(Gauge::CallsLive, owner.lock().unwrap().len() as u64));
        assert!(metrics.render().contains("voice_worker_calls_live 2"));
        calls.lock().unwrap().clear();
        assert!(metrics.render().contains("voice_worker_calls_live 0"));
    }
}
