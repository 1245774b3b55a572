//! Every metric there is. A name or label that is not in this file does not exist; labels come from closed lists, so their number is bounded.

use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::fmt;
use std::sync::{Arc, Mutex};
use thiserror::Error;

macro_rules! metric_list {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal, $help:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $help] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("voice_worker_", $word),)* }
            }

            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

metric_list!(
    /// Things that happened. The label, where there is one, is named in [`Counter::label`].
    Counter {
        CallsEnded = "calls_ended_total", "Calls that ended, by cause.";
        TurnsTimedOut = "turns_timed_out_total", "Turns that did not answer in time.";
        TurnsFailed = "turns_failed_total", "Turns that failed.";
        PlaybackFailed = "playback_failed_total", "Utterances that could not be played.";
        DigitsDropped = "digits_dropped_total", "Keys beyond what a collection holds.";
        InputsDropped = "inputs_dropped_total", "Things callers said or keyed that could not wait for their turn.";
        SpeechDropped = "speech_dropped_total", "Words of assistants that were not spoken because too many waited.";
        RecognitionFailed = "recognition_failed_total", "Recogniser failures on live legs.";
        SpeechIgnored = "speech_ignored_total", "Utterances that were not said to us, by what they were.";
        HandoffsRequested = "handoffs_requested_total", "Turns that asked for a human.";
        TransfersStarted = "transfers_started_total", "Transfer attempts.";
        TransfersEnded = "transfers_ended_total", "Transfers that ended, by outcome.";
        TransfersRefused = "transfers_refused_total", "Transfers that were not carried out.";
        StaleAnswers = "stale_answers_total", "Answers that came too late to matter.";
        UnexpectedEvents = "unexpected_events_total", "Events that meant nothing in their phase.";
        EndStepsTimedOut = "end_steps_timed_out_total", "Steps of a call's end that went on without their answer.";
        ModelCalls = "model_calls_total", "Questions to models, by outcome.";
        ToolCalls = "tool_calls_total", "Calls of HTTP tools, by outcome.";
        TurnTokens = "turn_tokens_total", "Tokens of models, prompt and completion together.";
        SpansDropped = "spans_dropped_total", "Spans that did not reach the collector, by why.";
        CallsRefused = "calls_refused_total", "Calls and destinations that were turned away, by why.";
        OrdersNotCarriedOut = "orders_not_carried_out_total", "Orders of calls that this worker cannot carry out.";
        Orphans = "orphans_reaped_total", "Things found without their partners and removed; must stay 0.";
    }
);

metric_list!(
    /// How much there is now; asked of the owner when the page is rendered.
    Gauge {
        CallsLive = "calls_live", "Calls that are up or being set up.";
        CallsMax = "calls_max", "Calls this worker takes.";
        SipLegs = "sip_legs", "SIP legs that belong to a call.";
        SipDialogs = "sip_dialogs", "SIP dialogs.";
        SipTransactions = "sip_transactions", "SIP transactions.";
        RtpPortsUsed = "rtp_ports_used", "RTP ports of live legs.";
        RtpPortsResting = "rtp_ports_resting", "RTP ports in quarantine.";
        PacerLateP99 = "pacer_late_p99_microseconds", "How late the audio pacer woke, 99th percentile since the start.";
        PacerLateMax = "pacer_late_max_microseconds", "How late the audio pacer woke, at worst since the start.";
        PacerSkipped = "pacer_ticks_skipped", "Ticks of the audio pacer left out since the start because it was too late.";
        RecordingFaults = "recording_faults", "Recordings that lost lines since the start.";
        RecordingLate = "recording_late", "Times since the start that a call went on before the disk had taken its event.";
        Tasks = "tasks", "Tasks the worker spawned.";
        AsksOpen = "asks_open", "Questions to models and tools under way.";
        StoreQueue = "store_queue", "Live updates that wait for the store.";
        StoreDropped = "store_updates_dropped", "Live updates dropped since the start.";
        StoreFailed = "store_updates_failed", "Live updates the store refused since the start.";
        Ready = "ready", "1 if new calls are taken.";
        AllocatedBytes = "allocated_bytes", "Memory the allocator has given out.";
    }
);

metric_list!(
    /// Distributions, in seconds.
    Histogram {
        CallDuration = "call_duration_seconds", "Offer to end.";
        TransferDuration = "transfer_duration_seconds", "Start of a transfer to its outcome.";
        TurnFirstToken = "turn_ttft_seconds", "Start of a turn to the first words of its model.";
        TurnFirstAudio = "turn_first_audio_seconds", "End of what the caller said to the first sound of the answer.";
        ModelCallDuration = "model_call_duration_seconds", "Questions to models, retries and fallbacks included.";
        ToolCallDuration = "tool_call_duration_seconds", "Calls of HTTP tools, retries included.";
    }
);

impl Counter {
    /// Its label and every value the label may have. A value that is none of them is counted as `other`.
    pub const fn label(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::CallsEnded => Some(("cause", CAUSES)),
            Self::TransfersEnded => Some(("outcome", OUTCOMES)),
            Self::EndStepsTimedOut => Some(("step", END_STEPS)),
            Self::Orphans => Some(("kind", ORPHANS)),
            Self::CallsRefused => Some(("why", REFUSALS)),
            Self::SpeechIgnored => Some(("what", NOT_FOR_US)),
            Self::ModelCalls | Self::ToolCalls => Some(("outcome", ASK_OUTCOMES)),
            Self::SpansDropped => Some(("why", SPANS_DROPPED)),
            Self::TurnsTimedOut
            | Self::TurnsFailed
            | Self::PlaybackFailed
            | Self::DigitsDropped
            | Self::InputsDropped
            | Self::TurnTokens
            | Self::SpeechDropped
            | Self::RecognitionFailed
            | Self::HandoffsRequested
            | Self::TransfersStarted
            | Self::TransfersRefused
            | Self::StaleAnswers
            | Self::UnexpectedEvents
            | Self::OrdersNotCarriedOut => None,
        }
    }
}

const OTHER: &str = "other";
/// Our own voice that came back; words while the peer held us.
const NOT_FOR_US: &[&str] = &["echo", "hold"];
/// `EndCause` in serde's words; a test holds the list against the type.
const CAUSES: &[&str] = &[
    "caller_hung_up",
    "caller_cancelled",
    "assistant_ended",
    "admin_ended",
    "silence_timeout",
    "max_duration",
    "voicemail_detected",
    "transferred",
    "media_lost",
    "server_shutdown",
    "engine_failed",
    "overloaded",
    "capacity_rejected",
    "never_acknowledged",
    "connection_lost",
    "setup_failed",
    "callee_busy",
    "callee_no_answer",
    "callee_declined",
    "callee_not_found",
    "callee_unavailable",
    "sip_failed",
    "handoff_resolved",
    "orphaned",
];
/// `TransferOutcome::word`.
const OUTCOMES: &[&str] = &[
    "confirmed",
    "presumed",
    "busy",
    "declined",
    "no_answer",
    "not_found",
    "not_permitted",
    "failed",
    "unknown",
    "no_notify",
    "no_response",
    "glare",
    "caller_hung_up",
    "not_allowed",
    "already_in_progress",
    "interrupted",
    "unsupported",
    "bridged",
    "unreachable",
    "machine",
    "silent_supervisor",
    "briefing_timeout",
    "hold_exhausted",
    "does_not_fit",
    "bridge_failed",
    "supervisor_hung_up",
    "limit_reached",
    "unconfirmed",
];
const END_STEPS: &[&str] = &["last_words", "release", "close"];
const REFUSALS: &[&str] = &["full", "draining", "no_assistant", "no_media", "destination", "limit"];
/// `AskFailure::word`, and the two that are none.
const ASK_OUTCOMES: &[&str] =
    &["ok", "timed_out", "not_configured", "unreachable", "refused", "overloaded", "server_error", "cut_short", "bad_answer"];
const SPANS_DROPPED: &[&str] = &["full", "refused"];
const ORPHANS: &[&str] = &["dialog", "rtp_port", "driver", "runtime"];

const METADATA: Metadata<'static> = Metadata::new("voice_worker", Level::INFO, Some("voice_worker"));
/// What a caller waits for an answer, and what it is made of.
const SHORT: &[f64] = &[0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0];
/// Call lengths and transfer times.
const LONG: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];

#[derive(Debug, Error)]
pub enum MetricsError {
    #[error("the metrics could not be built")]
    Build(#[source] metrics_exporter_prometheus::BuildError),
    #[error("another recorder of metrics is installed already")]
    Installed,
}

type Collector = Box<dyn Fn(&mut Gauges<'_>) + Send + Sync>;

/// The page of metrics.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    page: PrometheusHandle,
    collectors: Arc<Mutex<Vec<Collector>>>,
}

/// Where a collector writes.
pub struct Gauges<'m>(&'m PrometheusRecorder);

impl Metrics {
    /// A page of its own; what [`count`] counts does not reach it before [`Metrics::install`].
    pub fn new() -> Result<Self, MetricsError> {
        let mut builder = PrometheusBuilder::new();
        for histogram in Histogram::ALL {
            let buckets = match histogram {
                Histogram::CallDuration | Histogram::TransferDuration => LONG,
                Histogram::TurnFirstToken | Histogram::TurnFirstAudio | Histogram::ModelCallDuration | Histogram::ToolCallDuration => SHORT,
            };
            builder = builder.set_buckets_for_metric(Matcher::Full(histogram.name().to_owned()), buckets).map_err(MetricsError::Build)?;
        }
        let recorder = Arc::new(builder.build_recorder());
        describe(&recorder);
        Ok(Self { page: recorder.handle(), recorder, collectors: Arc::default() })
    }

    /// Makes this the page of the process. Once.
    pub fn install(&self) -> Result<(), MetricsError> {
        metrics::set_global_recorder(Arc::clone(&self.recorder)).map_err(|_| MetricsError::Installed)
    }

    /// Asks `collector` for its gauges each time the page is rendered; it must be quick and must not wait.
    pub fn collect(&self, collector: impl Fn(&mut Gauges<'_>) + Send + Sync + 'static) {
        self.collectors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Box::new(collector));
    }

    /// Prometheus text.
    pub fn render(&self) -> String {
        for collector in self.collectors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            collector(&mut Gauges(&self.recorder));
        }
        self.page.render()
    }

    /// Runs `work` with this page as the recorder of the thread; for tests.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.recorder, work)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Gauges<'_> {
    pub fn set(&mut self, gauge: Gauge, value: u64) {
        // Exact to 2^53, far beyond any of these.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float in Prometheus")]
        self.0.register_gauge(&Key::from_static_name(gauge.name()), &METADATA).set(value as f64);
    }
}

impl fmt::Debug for Gauges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

/// Adds to a counter; `label` is its label's value where it has one.
pub fn count(counter: Counter, label: &str, by: u64) {
    let key = match counter.label() {
        None => Key::from_static_name(counter.name()),
        Some((name, allowed)) => {
            let value = allowed.iter().find(|word| **word == label).copied().unwrap_or(OTHER);
            Key::from_parts(counter.name(), vec![Label::from_static_parts(name, value)])
        }
    };
    metrics::with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(by));
}

impl Histogram {
    pub fn record(self, span: std::time::Duration) {
        let key = Key::from_static_name(self.name());
        metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(span.as_secs_f64()));
    }
}

fn describe(recorder: &PrometheusRecorder) {
    let text = |text: &'static str| SharedString::const_str(text);
    for counter in Counter::ALL {
        recorder.describe_counter(counter.name().into(), None, text(counter.help()));
    }
    for gauge in Gauge::ALL {
        recorder.describe_gauge(gauge.name().into(), None, text(gauge.help()));
    }
    for histogram in Histogram::ALL {
        recorder.describe_histogram(histogram.name().into(), Some(Unit::Seconds), text(histogram.help()));
    }
}
