//! Conversations without a telephone: the same runtime as a call's, one turn at a time, stored turn by turn.
//!
//! Owns: the live runtimes of chats, at most `live_max` of them. One that was idle for `idle`, or the one idle longest when another needs its
//! place, is let go: nothing is lost by it. What a runtime was told is stored with each turn, and a fresh one that is told the same stands where
//! the old one stood (questions to models and tools are answered from the store, nobody is asked again). That is also how a conversation goes
//! on after a restart. Where the fresh one answers something else than was stored (the assistant's file was changed), the conversation is closed as
//! `expired`: it would go on as another one.
//!
//! Does not do: wait for a client. A turn is a task of its own; a client that hangs up does not lose it.

mod session;

use super::close::Closer;
use super::shells::Shells;
use crate::api::{Chat, ChatAnswer, ChatError, ChatEvent, ChatStream, ChatTurn};
use crate::model::{ConversationId, EndCause, Redacted, SessionStatus, TerminationReason, TriggeredBy, TurnInput, WallTime, WorkerTime};
use crate::runtime::{CloseRecord, Transcript};
use crate::store::{Conversation, StoreError};
use futures_util::future::BoxFuture;
use session::{Session, Turned};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard, mpsc};
use uuid::Uuid;

/// Deltas that wait for a slow reader; more are joined.
const DELTAS_MAX: usize = 32;
/// How long the last event of a turn waits for a reader that does not read.
const LAST_EVENT_WAIT: Duration = Duration::from_secs(30);

/// Bounds of chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatLimits {
    /// Runtimes that are kept at the same time.
    pub live_max: usize,
    /// A runtime that was not asked for this long is let go.
    pub idle: Duration,
    /// A conversation in which nothing was said for this long expires.
    pub ttl: Duration,
    /// Longest a turn may take, models and tools included.
    pub turn: Duration,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self { live_max: 500, idle: Duration::from_secs(900), ttl: Duration::from_secs(86_400), turn: Duration::from_secs(120) }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(super) struct ChatHost {
    shells: Arc<Shells>,
    limits: ChatLimits,
    slots: Arc<Mutex<BTreeMap<ConversationId, Slot>>>,
}

struct Slot {
    /// Held while a turn runs; `None`: to be made from the store.
    session: Arc<Turnstile<Option<Session>>>,
    used: WorkerTime,
}

type Held = OwnedMutexGuard<Option<Session>>;

impl Chat for ChatHost {
    fn stream_turn(&self, turn: ChatTurn) -> BoxFuture<'_, Result<ChatStream, ChatError>> {
        Box::pin(async move {
            let id = turn.conversation;
            self.open_row(&turn).await?;
            let held = self.hold(id)?;
            // Once more, now that nobody else changes it.
            let row = self.open_row(&turn).await?;
            let (events, stream) = mpsc::channel(DELTAS_MAX);
            let this = self.clone();
            self.shells.tasks.spawn("chat_turn", async move {
                let mut to = Deltas { events, pending: String::new() };
                let outcome = this.turn(row, held, TurnInput::Said { text: turn.text.clone() }, Some(turn.text), &mut to).await;
                to.last(outcome).await;
            });
            Ok(stream)
        })
    }

    fn decide_approval(&self, conversation: ConversationId, approval: Uuid, approved: bool) -> BoxFuture<'_, Result<(), ChatError>> {
        Box::pin(async move {
            let row = self.shells.store.row(conversation).await.map_err(|error| unavailable(&error))?.ok_or(ChatError::NotFound)?;
            if row.channel == "voice" || row.status != SessionStatus::AwaitingApproval {
                return Ok(());
            }
            let held = self.hold(conversation)?;
            let this = self.clone();
            let input = TurnInput::ApprovalDecided { approval, approved };
            let (done, answer) = tokio::sync::oneshot::channel();
            self.shells.tasks.spawn("chat_turn", async move {
                let outcome = this.turn(row, held, input, None, &mut Deltas::nowhere()).await;
                let _ = done.send(outcome.map(drop));
            });
            answer.await.unwrap_or_else(|_| Err(ChatError::Failed("the task that ran the turn is gone".to_owned())))
        })
    }

    fn forget(&self, conversation: ConversationId) {
        self.lock().remove(&conversation);
    }
}

impl ChatHost {
    pub(super) fn new(shells: Arc<Shells>, limits: ChatLimits) -> Self {
        Self { shells, limits, slots: Arc::default() }
    }

    /// Lets go of what was idle too long.
    pub(super) fn sweep(&self) {
        let now = self.shells.clock.now();
        self.lock().retain(|_, slot| now.since(slot.used) < self.limits.idle || slot.session.try_lock().is_err());
    }

    /// The row, if a turn may be run on it.
    async fn open_row(&self, turn: &ChatTurn) -> Result<Conversation, ChatError> {
        if self.shells.directory.get(turn.conversation).is_some_and(|live| live.organisation == turn.organisation) {
            return Err(ChatError::LiveCall);
        }
        let row = self.shells.store.get(turn.organisation, turn.conversation).await.map_err(|error| unavailable(&error))?;
        let row = row.ok_or(ChatError::NotFound)?;
        match row.status {
            status if status.is_terminal() => Err(ChatError::NotOpen(status)),
            _ if row.channel == "voice" => Err(ChatError::LiveCall),
            SessionStatus::AwaitingApproval => Err(ChatError::WaitsForApproval),
            _ => Ok(row),
        }
    }

    /// The conversation's turnstile, held. Another turn holds it: busy. No place, and every runtime there is runs a turn: full.
    fn hold(&self, id: ConversationId) -> Result<Held, ChatError> {
        let now = self.shells.clock.now();
        let mut slots = self.lock();
        if !slots.contains_key(&id) && slots.len() >= self.limits.live_max.max(1) {
            let idle = slots.iter().filter(|(_, slot)| slot.session.try_lock().is_ok()).min_by_key(|(_, slot)| slot.used);
            let longest = idle.map(|(id, _)| *id).ok_or(ChatError::Full)?;
            slots.remove(&longest);
        }
        let slot = slots.entry(id).or_insert_with(|| Slot { session: Arc::default(), used: now });
        slot.used = now;
        Arc::clone(&slot.session).try_lock_owned().map_err(|_| ChatError::Busy)
    }

    /// One turn to its end, stored. The session stays where it is only if it was.
    async fn turn(
        &self,
        row: Conversation,
        mut held: Held,
        input: TurnInput,
        said: Option<Redacted<String>>,
        to: &mut Deltas,
    ) -> Result<ChatAnswer, ChatError> {
        let mut session = match held.take() {
            Some(session) => session,
            None => match Session::from_store(&self.shells, &row).await {
                Ok(session) => session,
                Err(session::Lost::Diverged) => {
                    self.close(row.id, Ending::LOST).await;
                    return Err(ChatError::NotOpen(SessionStatus::Expired));
                }
                Err(session::Lost::NoAssistant) => return Err(ChatError::NoAssistant),
                Err(session::Lost::Store(error)) => return Err(unavailable(&error)),
            },
        };
        let turned = if row.status == SessionStatus::WaitingForHuman && matches!(input, TurnInput::Said { .. }) {
            session.listens()
        } else {
            session.answers(&self.shells, input, self.limits.turn, to).await
        };
        let (ended, cut_short) = (turned.ended, turned.cut_short);
        let answer = self.store(&row, &mut session, turned, said).await?;
        if ended {
            drop(held);
            return self.ended(answer).await;
        }
        *held = (!cut_short).then_some(session);
        Ok(answer)
    }

    async fn store(
        &self,
        row: &Conversation,
        session: &mut Session,
        turned: Turned,
        said: Option<Redacted<String>>,
    ) -> Result<ChatAnswer, ChatError> {
        let now = self.shells.clock.wall();
        let ttl = u64::try_from(self.limits.ttl.as_millis()).unwrap_or(u64::MAX);
        let commit = session.commit(row, &turned, said, now, WallTime(now.0.saturating_add(ttl)));
        let stored = self.shells.store.commit_turn(row.id, commit).await.map_err(|error| unavailable(&error))?;
        session.stored(row, turned, stored)
    }

    /// The assistant ended the conversation with this turn: it is closed before the answer leaves.
    async fn ended(&self, mut answer: ChatAnswer) -> Result<ChatAnswer, ChatError> {
        self.forget(answer.conversation);
        self.close(answer.conversation, Ending::BY_AGENT).await;
        answer.session_status = SessionStatus::Closed;
        Ok(answer)
    }

    pub(super) async fn close(&self, conversation: ConversationId, ending: Ending) {
        self.forget(conversation);
        let closer: &Closer = &self.shells.closer;
        if let Err(parked) = closer.try_close_as(conversation, &ending.record(conversation), ending.status).await {
            tracing::error!(%conversation, %parked, "a conversation is not closed in the store yet");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConversationId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a chat ends by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    status: SessionStatus,
    reason: TerminationReason,
    triggered_by: TriggeredBy,
    cause: EndCause,
}

impl Ending {
    const BY_AGENT: Self = Self {
        status: SessionStatus::Closed,
        reason: TerminationReason::AgentInitiated,
        triggered_by: TriggeredBy::Agent,
        cause: EndCause::AssistantEnded,
    };
    /// Nothing was said in it for too long.
    pub(super) const ABANDONED: Self = Self {
        status: SessionStatus::Expired,
        reason: TerminationReason::Abandoned,
        triggered_by: TriggeredBy::Worker,
        cause: EndCause::Orphaned,
    };
    /// It cannot be taken up where it was left.
    const LOST: Self = Self {
        status: SessionStatus::Expired,
        reason: TerminationReason::StateMismatch,
        triggered_by: TriggeredBy::Worker,
        cause: EndCause::Orphaned,
    };

    /// Its words and variables are in the store already.
    fn record(self, conversation: ConversationId) -> CloseRecord {
        CloseRecord {
            conversation,
            triggered_by: self.triggered_by,
            cause: self.cause,
            reason: self.reason,
            transcript: Transcript::default(),
            variables: BTreeMap::new(),
            workflow_node: None,
            turns: 0,
            summary: Redacted::default(),
            facts: Vec::new(),
        }
    }
}

fn unavailable(error: &StoreError) -> ChatError {
    if error.is_transient() { ChatError::Unavailable(error.to_string()) } else { ChatError::Failed(error.to_string()) }
}

/// Where a turn's words go while it runs.
pub(super) struct Deltas {
    events: mpsc::Sender<ChatEvent>,
    /// What a slow reader has not taken yet.
    pending: String,
}

impl Deltas {
    /// Nobody reads.
    fn nowhere() -> Self {
        let (events, _) = mpsc::channel(1);
        Self { events, pending: String::new() }
    }

    /// Never waits.
    fn say(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.is_empty() {
            return;
        }
        match self.events.try_send(ChatEvent::Delta(Redacted::new(self.pending.clone()))) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => self.pending.clear(),
            Err(mpsc::error::TrySendError::Full(_)) => {}
        }
    }

    async fn last(self, outcome: Result<ChatAnswer, ChatError>) {
        let last = match outcome {
            Ok(answer) => ChatEvent::Complete(Box::new(answer)),
            Err(error) => ChatEvent::Failed(error),
        };
        let rest = (!self.pending.is_empty()).then(|| ChatEvent::Delta(Redacted::new(self.pending)));
        for event in rest.into_iter().chain([last]) {
            if self.events.send_timeout(event, LAST_EVENT_WAIT).await.is_err() {
                // The client hung up or does not read: the turn is stored all the same.
                return;
            }
        }
    }
}
