//! An API on loopback with a live call that is a fake, a real SQLite store and a client.

use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;
use voice_worker::api::{
    self, ApiState, ArmedTimer, AssistantView, CallControl, CallDetail, CallSummary, Chat, ChatError, ChatStream, ChatTurn, ControlError,
    Key, KeyRing, LegView, PlaceCall, PlaceError, PlacedCall, Readiness, TimelineLine, assistant_id,
};
use voice_worker::model::{
    CallTime, ConversationId, LegId, Millis, OrganisationId, Redacted, RuntimeStatus, TerminationReason, TurnResult, WallTime,
};
use voice_worker::store::{NewConversation, SqliteConfig, SqliteStore, Store};

pub(crate) const OURS: OrganisationId = OrganisationId(Uuid::from_u128(0xA));
pub(crate) const THEIRS: OrganisationId = OrganisationId(Uuid::from_u128(0xB));
pub(crate) const KEY: &str = "key-of-ours";
pub(crate) const THEIR_KEY: &str = "key-of-theirs";
pub(crate) const NOW: WallTime = WallTime(1_767_323_045_678);
/// The one live call, of OURS.
pub(crate) const LIVE: u128 = 1;

pub(crate) fn id(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

pub(crate) async fn insert(store: &Arc<dyn Store>, n: u128, organisation: OrganisationId) {
    let new = NewConversation::inbound_voice(id(n), organisation, Uuid::from_u128(0xE), NOW);
    store.create(new).await.unwrap();
}

/// Calls as the API needs them.
#[derive(Default)]
pub(crate) struct FakeControl {
    live: Mutex<Vec<ConversationId>>,
    ended: Mutex<Vec<(ConversationId, TerminationReason)>>,
    failure: Mutex<Option<String>>,
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) placed: Mutex<Vec<PlaceCall>>,
    pub(crate) placing: Mutex<Option<Result<PlacedCall, PlaceError>>>,
    reasons: Mutex<Vec<String>>,
    pub(crate) panic_next: AtomicBool,
}

impl FakeControl {
    pub(crate) fn ends(&self) -> Vec<(ConversationId, TerminationReason)> {
        self.ended.lock().unwrap().clone()
    }

    pub(crate) fn hang_up(&self, id: ConversationId) {
        self.live.lock().unwrap().retain(|live| *live != id);
    }

    pub(crate) fn fail_with(&self, why: &str) {
        *self.failure.lock().unwrap() = Some(why.to_owned());
    }

    pub(crate) fn drain(&self, reason: &str) {
        self.reasons.lock().unwrap().push(reason.to_owned());
    }

    fn summary(&self, id: ConversationId) -> CallSummary {
        CallSummary {
            conversation_id: id,
            organisation: OURS,
            direction: "inbound".to_owned(),
            trunk: "t".to_owned(),
            assistant: "sample".to_owned(),
            phase: "talking".to_owned(),
            caller: "+49*****".to_owned(),
            started_at: NOW,
            duration_ms: Millis(5),
        }
    }
}

impl CallControl for FakeControl {
    fn end_session(&self, conversation: ConversationId, reason: TerminationReason) -> BoxFuture<'_, Result<TurnResult, ControlError>> {
        Box::pin(async move {
            assert!(!self.panic_next.swap(false, Ordering::SeqCst), "asked to");
            if let Some(why) = self.failure.lock().unwrap().clone() {
                return Err(ControlError::Failed(why));
            }
            self.ended.lock().unwrap().push((conversation, reason));
            Ok(TurnResult::bare(conversation, RuntimeStatus::Ended))
        })
    }

    fn flush(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>> {
        self.told.lock().unwrap().push(format!("flush {conversation}"));
        Box::pin(async { Ok(()) })
    }

    fn say(&self, conversation: ConversationId, text: Redacted<String>) -> BoxFuture<'_, Result<(), ControlError>> {
        self.told.lock().unwrap().push(format!("say {conversation} {}", text.expose()));
        Box::pin(async { Ok(()) })
    }

    fn place_call(&self, call: PlaceCall) -> BoxFuture<'_, Result<PlacedCall, PlaceError>> {
        let answer = self.placing.lock().unwrap().clone().unwrap_or(Err(PlaceError::UnknownNumber));
        self.placed.lock().unwrap().push(call);
        Box::pin(std::future::ready(answer))
    }

    fn resolve_handoff(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>> {
        let answer = if self.live_owner(conversation).is_some() { Ok(()) } else { Err(ControlError::NotLive) };
        Box::pin(std::future::ready(answer))
    }

    fn decide_approval(&self, _: ConversationId, _: Uuid, _: bool) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(std::future::ready(Err(ControlError::NotLive)))
    }

    fn assistants(&self) -> Vec<AssistantView> {
        vec![AssistantView { id: assistant_id("sample"), name: "sample".to_owned(), default: true }]
    }

    fn live_owner(&self, conversation: ConversationId) -> Option<OrganisationId> {
        self.live.lock().unwrap().contains(&conversation).then_some(OURS)
    }

    fn live_calls(&self, organisation: OrganisationId) -> Vec<CallSummary> {
        let live = self.live.lock().unwrap().clone();
        live.into_iter().map(|id| self.summary(id)).filter(|call| call.organisation == organisation).collect()
    }

    fn call(&self, conversation: ConversationId) -> Option<CallDetail> {
        self.live_owner(conversation)?;
        Some(CallDetail {
            summary: self.summary(conversation),
            legs: vec![LegView { leg: LegId::CALLER, role: "caller".to_owned(), state: "up".to_owned() }],
            timers: vec![ArmedTimer { timer: "silence".to_owned(), at_us: CallTime::from_millis(30_000) }],
            timeline: vec![TimelineLine { at_us: CallTime::ZERO, kind: "event".to_owned(), text: "offered".to_owned() }],
            timeline_dropped: 0,
        })
    }

    fn readiness(&self) -> Readiness {
        let reasons = self.reasons.lock().unwrap().clone();
        Readiness { ready: reasons.is_empty(), reasons }
    }
}

/// Chats are tested on a whole worker, in `tests/chat.rs`.
struct NoChat;

impl Chat for NoChat {
    fn stream_turn(&self, _: ChatTurn) -> BoxFuture<'_, Result<ChatStream, ChatError>> {
        Box::pin(async { Err(ChatError::LiveCall) })
    }

    fn decide_approval(&self, _: ConversationId, _: Uuid, _: bool) -> BoxFuture<'_, Result<(), ChatError>> {
        Box::pin(async { Ok(()) })
    }

    fn forget(&self, _: ConversationId) {}
}

pub(crate) struct Bench {
    pub(crate) control: Arc<FakeControl>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sqlite: SqliteStore,
    base: String,
    client: reqwest::Client,
    server: tokio::task::JoinSet<()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ApiState)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(&SqliteConfig::at(dir.path().join("w.sqlite"))).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(sqlite.clone());
        store.put_organisation(OURS, "ours", NOW).await.unwrap();
        store.put_organisation(THEIRS, "theirs", NOW).await.unwrap();
        let control = Arc::new(FakeControl::default());
        control.live.lock().unwrap().push(id(LIVE));
        let keys = KeyRing::new(vec![Key::from_secret("ours", OURS, KEY), Key::from_secret("theirs", THEIRS, THEIR_KEY)]);
        let mut state = ApiState::new(control.clone(), Arc::new(NoChat), store.clone(), keys.clone(), Arc::new(|| NOW));
        state.metrics = Arc::new(|| "calls 1\n".to_owned());
        change(&mut state);
        let listener = api::bind("127.0.0.1:0".parse().unwrap(), &keys).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tokio::task::JoinSet::new();
        let router = api::router(state);
        server.spawn(async move { api::serve(listener, router, std::future::pending()).await.unwrap() });
        // The client in use comes without a provider of its own.
        voice_worker::runtime::shell::install_tls();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap();
        Self { control, store, sqlite, base, client, server, _dir: dir }
    }

    /// Status and JSON body; an empty body is null, anything else that is no JSON fails the test.
    pub(crate) async fn ask_as(&self, key: Option<&str>, method: Method, path: &str, body: Option<&str>) -> (u16, Value) {
        assert!(!self.server.is_empty());
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let is_json = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let bytes = response.bytes().await.unwrap();
        if bytes.is_empty() || (!is_json && status < 400) {
            return (status, Value::Null);
        }
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{status} {path}: {error}: {bytes:?}")))
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&str>) -> (u16, Value) {
        self.ask_as(Some(KEY), Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask_as(Some(KEY), Method::GET, path, None).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let request = self.client.get(format!("{}{path}", self.base)).header("x-api-key", KEY);
        request.send().await.unwrap().text().await.unwrap()
    }
}
