//! The conversation's hands: carries out what the runtime asks, over HTTP, and says nothing the runtime did not ask for.
//!
//! Owns: the client for OpenAI-compatible chat endpoints (streamed or whole, tool calls joined by index, time-outs of every phase, retries,
//! fallback chains), the client for HTTP tools (secrets put in here and nowhere else), the bound on questions under way, and the scripted
//! model server that tests and users rehearse with.
//!
//! Does not: decide what a failure means to the caller (the runtime does), start a task, read a clock (both are handed in), follow a redirect,
//! use a proxy, or go anywhere but to the base URLs of the settings and the tool URLs of the assistants' files. Keys and secrets are in
//! headers marked as sensitive; neither they nor any words are in an error, a log line or a `Debug` form.
//!
//! | what | bound | when full |
//! |---|---|---|
//! | questions under way, all calls | `ShellConfig::asks_max` | answered `overloaded` at once |
//! | one line of a stream, one event | 256 KiB | `bad_answer` |
//! | one answer | 1 MiB, of it 64 KiB of text, 16 tool calls of 64 KiB | `bad_answer` |
//! | a tool's answer | what its file says, 1 MiB at most | `bad_answer` |
//! | pieces not yet taken by the call | what `Deliver` lets through; then nothing more is read from the network | the server waits |
//!
//! Dropping the future of [`RuntimeShell::carry_out`] drops its connection: that is how a question is cancelled.
#![allow(
    clippy::disallowed_types,
    clippy::wildcard_enum_match_arm,
    reason = "the shell of a pure module owns sockets and is no state machine"
)]

mod chat;
mod completion;
mod config;
mod error;
mod http;
pub mod scripted;
mod sse;
mod tool;

pub use config::{ModelRole, ShellConfig, TokenField};
pub use error::{Failure, ShellError, TooLong};
pub use http::{BaseUrl, client, install_tls};

use super::{
    Answer, AnswerBody, Ask, AskFailure, AskId, HttpAnswer, HttpToolCall, ModelAnswer, ModelCall, Question, RetryPolicy, ToolCall,
};
use crate::model::{Millis, Redacted, WorkerTime};
use chat::{Endpoint, Piece};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tool::Tools;

/// Tells the time since the worker's start.
pub type Clock = Arc<dyn Fn() -> WorkerTime + Send + Sync>;

/// Takes the answers of one question, in order. While it waits nothing more is read from the network.
pub trait Deliver: Send {
    fn deliver(&mut self, answer: Answer) -> impl Future<Output = ()> + Send;
}

/// What a question took, for spans and metrics. Holds no words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskReport {
    /// The role that answered, or was tried last; a tool's name.
    pub role: String,
    /// Host of the endpoint that was asked last.
    pub server: String,
    /// As configured, and as the endpoint names it.
    pub request_model: Option<String>,
    pub model: Option<String>,
    pub tries: u32,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub first_token: Option<Millis>,
    pub elapsed: Millis,
    pub http_status: Option<u16>,
    /// `AskFailure::word`, or `timed_out`.
    pub error: Option<&'static str>,
}

/// Carries out asks; one a worker.
pub struct RuntimeShell {
    endpoints: BTreeMap<String, Endpoint>,
    tools: Tools,
    places: Semaphore,
    places_max: usize,
    clock: Clock,
}

impl RuntimeShell {
    /// # Errors
    /// A key no header can carry, or no root certificates where an endpoint needs them.
    pub fn new(config: ShellConfig, clock: Clock) -> Result<Self, ShellError> {
        let tools = Tools::new(&config)?;
        let endpoints = config.roles.into_iter().map(|(name, role)| Ok((name, Endpoint::new(role)?))).collect::<Result<_, ShellError>>()?;
        Ok(Self { endpoints, tools, places: Semaphore::new(config.asks_max), places_max: config.asks_max, clock })
    }

    /// Questions under way.
    pub fn open(&self) -> usize {
        self.places_max.saturating_sub(self.places.available_permits())
    }

    /// Works on one question until its last answer is delivered. Drop it to cancel.
    pub async fn carry_out<D: Deliver>(&self, ask: Ask, deliver: &mut D) -> AskReport {
        let started = (self.clock)();
        let mut work = Work { ask: ask.id, started, deadline: ask.deadline, clock: &self.clock, deliver, spoken: false, rest: None };
        let mut report = AskReport::default();
        let Ok(_place) = self.places.try_acquire() else {
            let detail = format!("this worker works on {} questions already", self.places_max);
            work.fail(&mut report, AskFailure::Overloaded, detail).await;
            return report;
        };
        let whole = match &ask.what {
            Question::Model(call) => timeout(ask.deadline.into(), self.model(call, ask.retry, &mut work, &mut report)).await,
            Question::HttpTool(call) => timeout(ask.deadline.into(), self.tool(call, ask.retry, &mut work, &mut report)).await,
        };
        let outcome = whole.unwrap_or(Err(Failure::TookTooLong(ask.deadline.into())));
        report.elapsed = work.elapsed();
        match outcome {
            Ok(body) => work.deliver(body).await,
            Err(failure) => work.failed(&mut report, &failure).await,
        }
        if let Some(rest) = work.rest {
            http::drain(rest).await;
        }
        report
    }

    /// The role's chain, until one answers or one has said something.
    async fn model<D: Deliver>(
        &self,
        call: &ModelCall,
        retry: RetryPolicy,
        work: &mut Work<'_, D>,
        report: &mut AskReport,
    ) -> Result<AnswerBody, Failure> {
        let fallback = self.endpoints.get(&call.role).map(|endpoint| endpoint.role.fallback.clone()).unwrap_or_default();
        let mut last = Failure::NotSent(format!("no [[model]] has the role '{}'", call.role));
        for name in std::iter::once(&call.role).chain(&fallback) {
            let Some(endpoint) = self.endpoints.get(name) else { continue };
            report.role.clone_from(name);
            endpoint.role.base_url.host().clone_into(&mut report.server);
            report.request_model = Some(endpoint.role.model.clone());
            let tries = retry.max_retries.min(endpoint.role.retries);
            let mut pauses = Pauses::new(retry, tries);
            loop {
                report.tries += 1;
                match self.ask_model(endpoint, call, work, report).await {
                    Ok(body) => return Ok(body),
                    Err(failure) if work.spoken => return Err(failure),
                    Err(failure) => {
                        let pause = pauses.before_next(&failure, work.left());
                        tracing::warn!(role = %name, %failure, again = pause.is_some(), "a model did not answer");
                        last = failure;
                        let Some(pause) = pause else { break };
                        sleep(pause).await;
                    }
                }
            }
        }
        Err(last)
    }

    /// One try.
    async fn ask_model<D: Deliver>(
        &self,
        endpoint: &Endpoint,
        call: &ModelCall,
        work: &mut Work<'_, D>,
        report: &mut AskReport,
    ) -> Result<AnswerBody, Failure> {
        let whole = Duration::from(endpoint.role.request);
        timeout(whole, read_answer(endpoint, call, work, report)).await.unwrap_or(Err(Failure::TookTooLong(whole)))
    }

    async fn tool<D: Deliver>(
        &self,
        call: &HttpToolCall,
        retry: RetryPolicy,
        work: &mut Work<'_, D>,
        report: &mut AskReport,
    ) -> Result<AnswerBody, Failure> {
        report.role.clone_from(&call.tool);
        let mut pauses = Pauses::new(retry, retry.max_retries);
        loop {
            report.tries += 1;
            let answered = match self.tools.send(call).await {
                Ok(answered) => answered,
                Err(failure) => {
                    if let Some(pause) = pauses.before_next(&failure, work.left()) {
                        tracing::warn!(tool = %call.tool, %failure, "a tool did not answer and is tried again");
                        sleep(pause).await;
                        continue;
                    }
                    match failure {
                        // Tried often enough: the status is the answer.
                        Failure::Status { status, .. } => (status, serde_json::Value::Null),
                        other => return Err(other),
                    }
                }
            };
            report.http_status = Some(answered.0);
            return Ok(AnswerBody::HttpDone(HttpAnswer { status: answered.0, body: Redacted::new(answered.1), elapsed: work.elapsed() }));
        }
    }
}

impl fmt::Debug for RuntimeShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeShell").field("endpoints", &self.endpoints).field("open", &self.open()).finish_non_exhaustive()
    }
}

async fn read_answer<D: Deliver>(
    endpoint: &Endpoint,
    call: &ModelCall,
    work: &mut Work<'_, D>,
    report: &mut AskReport,
) -> Result<AnswerBody, Failure> {
    let first = Duration::from(Millis(endpoint.role.first_token.0.min(call.first_token.0)));
    let stall = Duration::from(Millis(endpoint.role.idle.0.min(call.stall.0)));
    let begin = async {
        let mut reading = endpoint.open(call).await?;
        let piece = reading.next().await?;
        Ok::<_, Failure>((reading, piece))
    };
    let (mut reading, mut piece) = timeout(first, begin).await.unwrap_or(Err(Failure::NoFirstWord(first)))?;
    report.first_token = (piece != Piece::End).then(|| work.elapsed());
    loop {
        match piece {
            Piece::Text(text) => work.say(text).await,
            Piece::Tool => {}
            Piece::End => break,
        }
        piece = timeout(stall, reading.next()).await.unwrap_or(Err(Failure::StoodStill(stall)))?;
    }
    work.rest = reading.rest();
    let completion = reading.completion;
    if !completion.has_words_or_tools() {
        // An answer of nothing at all is no answer: the caller would hear nothing.
        return Err(Failure::NotUnderstood);
    }
    report.input_tokens = completion.usage.map(|usage| usage.prompt_tokens);
    report.output_tokens = completion.usage.map(|usage| usage.completion_tokens);
    report.model.clone_from(&completion.model);
    let tool_calls = completion.tools().enumerate().map(|(index, tool)| ToolCall {
        id: if tool.id.is_empty() { format!("call-{index}") } else { tool.id.clone() },
        name: tool.name.clone(),
        arguments: Redacted::new(tool.arguments.clone()),
    });
    Ok(AnswerBody::ModelDone(ModelAnswer {
        tool_calls: tool_calls.collect(),
        model: completion.model.clone().unwrap_or_else(|| endpoint.role.model.clone()),
        tokens: completion.usage.map(completion::Usage::total),
        first_token: report.first_token,
        elapsed: work.elapsed(),
        text: Redacted::new(completion.text),
    }))
}

/// One question being worked on.
struct Work<'w, D> {
    ask: AskId,
    started: WorkerTime,
    deadline: Millis,
    clock: &'w Clock,
    deliver: &'w mut D,
    /// A delta was handed over: from then on nothing is tried again.
    spoken: bool,
    rest: Option<reqwest::Response>,
}

impl<D: Deliver> Work<'_, D> {
    async fn say(&mut self, text: String) {
        self.spoken = true;
        self.deliver(AnswerBody::ModelDelta { text: Redacted::new(text) }).await;
    }

    async fn deliver(&mut self, body: AnswerBody) {
        self.deliver.deliver(Answer { id: self.ask, body }).await;
    }

    fn elapsed(&self) -> Millis {
        Millis(u64::try_from((self.clock)().since(self.started).as_millis()).unwrap_or(u64::MAX))
    }

    fn left(&self) -> Duration {
        Millis(self.deadline.0.saturating_sub(self.elapsed().0)).into()
    }

    async fn failed(&mut self, report: &mut AskReport, failure: &Failure) {
        let why = match failure {
            Failure::NoFirstWord(_) | Failure::StoodStill(_) | Failure::TookTooLong(_) => {
                report.error = Some("timed_out");
                let elapsed = self.elapsed();
                return self.deliver(AnswerBody::TimedOut { elapsed }).await;
            }
            Failure::Cut | Failure::NotUnderstood | Failure::Reported if self.spoken => AskFailure::CutShort,
            Failure::NoConnection | Failure::ConnectTimeout(_) | Failure::Cut => AskFailure::Unreachable,
            Failure::Status { status, .. } => match status {
                408 | 425 | 429 => AskFailure::Overloaded,
                500..=599 => AskFailure::ServerError,
                _ => AskFailure::Refused,
            },
            Failure::Reported => AskFailure::ServerError,
            Failure::NotUnderstood | Failure::TooLong(_) => AskFailure::BadAnswer,
            Failure::NotSent(_) => AskFailure::NotConfigured,
        };
        if let Failure::Status { status, .. } = failure {
            report.http_status = Some(*status);
        }
        let detail = format!("{}: {failure}", report.role);
        self.fail(report, why, detail).await;
    }

    async fn fail(&mut self, report: &mut AskReport, why: AskFailure, detail: String) {
        report.error = Some(why.word());
        let elapsed = self.elapsed();
        self.deliver(AnswerBody::Failed { why, detail, elapsed }).await;
    }
}

/// The pauses between tries of one endpoint.
struct Pauses {
    left: u8,
    next: Duration,
}

impl Pauses {
    fn new(retry: RetryPolicy, tries: u8) -> Self {
        Self { left: tries, next: retry.backoff.into() }
    }

    /// How long to wait before the next try; `None`: there is none, or it could not begin in time.
    fn before_next(&mut self, failure: &Failure, left: Duration) -> Option<Duration> {
        // A server that said nothing for its whole time is not given it again: the next one of the chain is asked.
        let silent = matches!(failure, Failure::NoFirstWord(_) | Failure::StoodStill(_) | Failure::TookTooLong(_));
        if self.left == 0 || silent || !failure.is_passing() {
            return None;
        }
        self.left -= 1;
        let pause = failure.retry_after().unwrap_or(self.next);
        self.next = self.next.saturating_mul(2);
        (pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests;
