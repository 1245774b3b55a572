//! The worker's live side, as the HTTP API asks for it.

use super::assistants::Assigned;
use super::chat::ChatHost;
use super::inbox::Fact;
use super::place::place;
use super::recover;
use super::shells::Shells;
use crate::api::{
    AssistantView, CallControl, CallDetail, CallSummary, Chat, ControlError, PlaceCall, PlaceError, PlacedCall, Readiness, assistant_id,
};
use crate::call::{AdminOrder, Event};
use crate::model::{
    ConversationId, EndCause, OrganisationId, Redacted, RuntimeStatus, SessionStatus, TerminationReason, TriggeredBy, TurnResult,
};
use crate::runtime::{CloseRecord, Transcript};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Longest an end order may take: both legs' release deadlines and the close pipeline's lie within it.
const END_WITHIN: Duration = Duration::from_secs(90);

/// Longest the words so far may take to be stored.
const FLUSH_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Control {
    pub(super) shells: Arc<Shells>,
    pub(super) chat: ChatHost,
}

impl CallControl for Control {
    fn end_session(&self, conversation: ConversationId, reason: TerminationReason) -> BoxFuture<'_, Result<TurnResult, ControlError>> {
        let shells = Arc::clone(&self.shells);
        self.chat.forget(conversation);
        // A task of its own: a client that hangs up does not stop the end of the call.
        let (done, answer) = oneshot::channel();
        self.shells.tasks.spawn("end_session", async move {
            let _ = done.send(end(&shells, conversation, reason).await);
        });
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(ControlError::Failed("the task that ends the call is gone".to_owned()))) },
        )
    }

    fn flush(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>> {
        let (done, stored) = oneshot::channel();
        let told = self.shells.directory.get(conversation).map(|live| live.inbox.put(Fact::StoreWords(done)));
        Box::pin(async move {
            told.ok_or(ControlError::NotLive)?;
            match tokio::time::timeout(FLUSH_WITHIN, stored).await {
                Ok(Ok(())) => Ok(()),
                // The call ended first, and its close stores everything; or the store failed, which the next write will find, too.
                Ok(Err(_)) => Err(ControlError::NotLive),
                Err(_) => Err(ControlError::TimedOut),
            }
        })
    }

    fn say(&self, conversation: ConversationId, text: Redacted<String>) -> BoxFuture<'_, Result<(), ControlError>> {
        let told = self.shells.directory.get(conversation).map(|live| live.inbox.put(Fact::Core(Event::Ordered(AdminOrder::Say { text }))));
        Box::pin(std::future::ready(told.ok_or(ControlError::NotLive)))
    }

    fn place_call(&self, call: PlaceCall) -> BoxFuture<'_, Result<PlacedCall, PlaceError>> {
        Box::pin(std::future::ready(place(&self.shells, &call)))
    }

    fn resolve_handoff(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>> {
        let Some(live) = self.shells.directory.get(conversation) else {
            return Box::pin(std::future::ready(Err(ControlError::NotLive)));
        };
        let (waiter, closed) = oneshot::channel();
        live.inbox.put(Fact::WhenClosed(waiter));
        live.inbox.put(Fact::Core(Event::Ordered(AdminOrder::ResolveHandoff)));
        Box::pin(async move {
            match tokio::time::timeout(END_WITHIN, closed).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(_)) => Err(ControlError::NotLive),
                Err(_) => Err(ControlError::TimedOut),
            }
        })
    }

    fn decide_approval(&self, conversation: ConversationId, approval: Uuid, approved: bool) -> BoxFuture<'_, Result<(), ControlError>> {
        let order = AdminOrder::DecideApproval { approval, approved };
        let told = self.shells.directory.get(conversation).map(|live| live.inbox.put(Fact::Core(Event::Ordered(order))));
        Box::pin(std::future::ready(told.ok_or(ControlError::NotLive)))
    }

    fn assistants(&self) -> Vec<AssistantView> {
        let assistants = &self.shells.assistants;
        let view = |assigned: &Assigned| AssistantView {
            id: assistant_id(&assigned.name),
            name: assigned.name.clone(),
            default: assigned.name == assistants.default_name(),
        };
        assistants.all().map(view).collect()
    }

    fn live_owner(&self, conversation: ConversationId) -> Option<OrganisationId> {
        self.shells.directory.get(conversation).map(|live| live.organisation)
    }

    fn live_calls(&self, organisation: OrganisationId) -> Vec<CallSummary> {
        self.shells.directory.of(organisation, self.shells.clock.now())
    }

    fn call(&self, conversation: ConversationId) -> Option<CallDetail> {
        self.shells.directory.get(conversation).map(|live| live.detail(conversation, self.shells.clock.now()))
    }

    fn readiness(&self) -> Readiness {
        let reasons = self.shells.why_not_ready();
        Readiness { ready: reasons.is_empty(), reasons }
    }
}

async fn end(shells: &Shells, conversation: ConversationId, reason: TerminationReason) -> Result<TurnResult, ControlError> {
    if let Some(live) = shells.directory.get(conversation) {
        let (waiter, closed) = oneshot::channel();
        live.inbox.put(Fact::WhenClosed(waiter));
        live.inbox.put(Fact::Core(Event::Ordered(AdminOrder::HangUp { reason })));
        return match tokio::time::timeout(END_WITHIN, closed).await {
            Ok(Ok(result)) => Ok(with_row(shells, conversation, result).await),
            // The driver ended between the look-up and the order: what is left is durable.
            Ok(Err(_)) => end_durable(shells, conversation, reason).await,
            Err(_) => Err(ControlError::TimedOut),
        };
    }
    end_durable(shells, conversation, reason).await
}

/// A conversation without a live call: what its close pipeline has not done yet.
async fn end_durable(shells: &Shells, conversation: ConversationId, reason: TerminationReason) -> Result<TurnResult, ControlError> {
    let record = CloseRecord {
        conversation,
        triggered_by: TriggeredBy::Admin,
        cause: EndCause::AdminEnded(reason),
        reason,
        transcript: words_left(shells, conversation).await,
        variables: BTreeMap::new(),
        workflow_node: None,
        turns: 0,
        summary: Redacted::default(),
        facts: Vec::new(),
    };
    shells.closer.try_close(conversation, &record).await.map_err(|parked| ControlError::Failed(parked.to_string()))?;
    Ok(with_row(shells, conversation, TurnResult::bare(conversation, RuntimeStatus::Ended)).await)
}

/// The words of a call whose close is not through: its recording still has them.
async fn words_left(shells: &Shells, conversation: ConversationId) -> Transcript {
    let Some(recorder) = &shells.recorder else { return Transcript::default() };
    if shells.closer.is_through(conversation).await {
        return Transcript::default();
    }
    recover::transcript_of(&recorder.path_of(conversation), shells.recording_key.as_ref()).unwrap_or_default()
}

/// Says that the row is closed if it is, so that ending twice answers the same.
async fn with_row(shells: &Shells, conversation: ConversationId, mut result: TurnResult) -> TurnResult {
    if shells.closer.is_through(conversation).await {
        result.session_status = serde_json::to_value(SessionStatus::Closed).ok().and_then(|word| word.as_str().map(str::to_owned));
    }
    result
}
