//! What one call's turns, questions and transfers took: spans for a collector, figures for the metrics.
//!
//! A turn is measured as the caller perceives it: from the end of what they said (or the key that ended their input) to the first sound of the
//! answer. It stays open until that sound and its result are both there.

use crate::call::{Command, Event};
use crate::model::{CallTime, LegId, Notice, TransferOutcome, TurnId, TurnInput, TurnResult, UtteranceId};
use crate::runtime::shell::AskReport;
use crate::runtime::{Ask, AskReason, Question};
use crate::telemetry::{AskFigures, Counter, Histogram, count, span};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::Span;

/// Turns measured at a time; the oldest is let go.
const OPEN_MAX: usize = 8;

/// See the module.
pub(super) struct Spans {
    session: Span,
    turns: BTreeMap<TurnId, OpenTurn>,
    transfer: Option<Span>,
    /// The caller stopped speaking.
    spoke_until: Option<CallTime>,
    turns_begun: u32,
}

struct OpenTurn {
    span: Span,
    began: CallTime,
    /// The first words after the turn began, whoever chose them: what the caller hears.
    utterance: Option<UtteranceId>,
    heard: bool,
    closed: bool,
    /// The turn was begun, and its model has said something.
    asked: CallTime,
    has_words: bool,
}

impl Spans {
    pub(super) fn new(session: Span) -> Self {
        Self { session, turns: BTreeMap::new(), transfer: None, spoke_until: None, turns_begun: 0 }
    }

    pub(super) const fn session(&self) -> &Span {
        &self.session
    }

    /// Before the core handles it.
    pub(super) fn event(&mut self, at: CallTime, event: &Event) {
        if let Event::SpeechEnded { leg: LegId::CALLER } = event {
            self.spoke_until = Some(at);
        } else if let Event::SpeechStarted { leg: LegId::CALLER } = event {
            self.spoke_until = None;
        } else if let Event::PlaybackStarted { utterance } = event {
            self.sounded(at, *utterance);
        } else if let Event::TurnReady { turn, result } = event {
            self.ready(*turn, result);
        } else if let Event::TurnFailed { turn, .. } = event {
            self.close_turn(*turn, Some("turn_failed"));
        }
    }

    /// As the core ordered it.
    pub(super) fn command(&mut self, at: CallTime, command: &Command) {
        if let Command::RunTurn { turn, input } = command {
            self.begin(at, *turn, input);
        } else if let Command::Play { leg: LegId::CALLER, utterance, .. } = command {
            if let Some(open) = self.turns.values_mut().next_back().filter(|open| open.utterance.is_none()) {
                open.utterance = Some(*utterance);
            }
        } else if let Command::CancelTurn { turn } = command {
            self.turns.remove(turn);
        } else if let Command::Notify(notice) = command {
            self.notice(notice);
        } else if let Command::EndSession { cause, .. } = command {
            let word = serde_json::to_value(cause).ok();
            let word = word.as_ref().and_then(|word| word.as_str().or_else(|| word.as_object()?.keys().next().map(String::as_str)));
            span::record(&self.session, "voice.end_cause", word);
            span::number(&self.session, "voice.turns", Some(u64::from(self.turns_begun)));
        }
    }

    /// The span of a question; its parent is the turn it belongs to.
    pub(super) fn ask(&self, ask: &Ask) -> Span {
        let parent = match ask.why {
            AskReason::Turn { turn } => self.turns.get(&turn).map_or(&self.session, |open| &open.span),
            AskReason::After { .. } => &self.session,
            AskReason::Briefing { .. } => self.transfer.as_ref().unwrap_or(&self.session),
        };
        match &ask.what {
            Question::Model(call) => span::model_call(parent, &call.role),
            Question::HttpTool(call) => span::tool_call(parent, &call.tool),
        }
    }

    fn begin(&mut self, at: CallTime, turn: TurnId, input: &TurnInput) {
        let spoke_until = self.spoke_until.take();
        let (word, began) = match input {
            TurnInput::Started => ("started", at),
            TurnInput::Said { .. } => ("said", spoke_until.unwrap_or(at)),
            TurnInput::Keyed { .. } => ("keyed", at),
            TurnInput::Silent { .. } => ("silent", at),
            TurnInput::TransferEnded { .. } => ("transfer_ended", at),
            TurnInput::ApprovalDecided { .. } => ("approval_decided", at),
        };
        // What nobody heard an answer of by now will not be.
        self.turns.retain(|_, open| !open.closed);
        if self.turns.len() >= OPEN_MAX {
            self.turns.pop_first();
        }
        self.turns_begun = self.turns_begun.saturating_add(1);
        let span = span::turn(&self.session, turn, word);
        self.turns.insert(turn, OpenTurn { span, began, utterance: None, heard: false, closed: false, asked: at, has_words: false });
    }

    fn sounded(&mut self, at: CallTime, utterance: UtteranceId) {
        let Some((turn, open)) = self.turns.iter_mut().find(|(_, open)| open.utterance == Some(utterance) && !open.heard) else { return };
        let took = at.since(open.began);
        open.heard = true;
        Histogram::TurnFirstAudio.record(took);
        span::number(&open.span, "turn_first_audio_ms", Some(millis(took)));
        let turn = *turn;
        self.let_go(turn);
    }

    fn ready(&mut self, turn: TurnId, result: &TurnResult) {
        if let Some(open) = self.turns.get(&turn) {
            span::record(&open.span, "gen_ai.response.model", result.model_used.as_deref());
            span::number(&open.span, "voice.turn.tokens", result.token_count);
            count(Counter::TurnTokens, "", result.token_count.unwrap_or(0));
        }
        self.close_turn(turn, result.error.as_deref().map(error_type));
    }

    fn close_turn(&mut self, turn: TurnId, error: Option<&str>) {
        if let Some(open) = self.turns.get_mut(&turn) {
            open.closed = true;
            span::failed(&open.span, error);
        }
        self.let_go(turn);
    }

    /// Words of a model came; the first ones of a turn are its time to first token.
    pub(super) fn words(&mut self, at: CallTime, why: AskReason) {
        if let AskReason::Turn { turn } = why
            && let Some(open) = self.turns.get_mut(&turn).filter(|open| !open.has_words)
        {
            open.has_words = true;
            let took = at.since(open.asked);
            Histogram::TurnFirstToken.record(took);
            span::number(&open.span, "turn_ttft_ms", Some(millis(took)));
        }
    }

    /// Done once it was answered and heard.
    fn let_go(&mut self, turn: TurnId) {
        if self.turns.get(&turn).is_some_and(|open| open.closed && open.heard) {
            self.turns.remove(&turn);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::TransferStarted { attempt } = notice {
            self.transfer = Some(span::transfer(&self.session, *attempt));
        } else if let Notice::TransferEnded { outcome, .. } = notice
            && let Some(span) = self.transfer.take()
        {
            span.record("voice.transfer.outcome", outcome.as_str());
            let reached = [TransferOutcome::Confirmed, TransferOutcome::Presumed].iter().any(|good| good.word() == outcome);
            if !reached {
                span.record("otel.status_code", "ERROR");
            }
        }
    }
}

/// What a question took, into its span and the metrics.
pub(super) fn asked(span: &Span, ask: &Ask, report: &AskReport) {
    let outcome = report.error.unwrap_or("ok");
    let is_model = matches!(ask.what, Question::Model(_));
    let (calls, duration) =
        if is_model { (Counter::ModelCalls, Histogram::ModelCallDuration) } else { (Counter::ToolCalls, Histogram::ToolCallDuration) };
    count(calls, outcome, 1);
    duration.record(report.elapsed.into());
    let of_model = |text| Some(text).filter(|text: &&str| is_model && !text.is_empty());
    let figures = AskFigures {
        request_model: report.request_model.as_deref(),
        response_model: report.model.as_deref(),
        role: of_model(&report.role),
        server: of_model(&report.server),
        tries: report.tries,
        input_tokens: report.input_tokens,
        output_tokens: report.output_tokens,
        first_token: report.first_token,
        http_status: report.http_status,
        error: report.error,
    };
    figures.record(span);
}

/// The contract's errors begin with their kind: `node_execution_failed: <Type>: <detail>`. The detail is not for a span.
fn error_type(error: &str) -> &str {
    error.split(':').next().unwrap_or_default().trim()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
