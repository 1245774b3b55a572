//! An ear out of several: when one dies in the middle of an utterance, the next one hears that utterance from its beginning.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Member, is_providers_fault, next_of};
use crate::speech::{Endpointing, EventSink, Expectation, Intake, ListenConfig, ListenHandle, Recognizer, SpeechError, SpeechEvent};

/// What the next ear hears again: at most 15 s, and 500 ms where nobody speaks.
const KEPT: usize = 15 * 8_000;
const QUIET: usize = 4_000;
/// What an ear takes at once; see [`Intake::push`].
const RING: usize = 8_000;

/// See the module.
pub(in crate::speech) struct FallbackRecognizer {
    members: Arc<Vec<Member<dyn Recognizer>>>,
}

impl FallbackRecognizer {
    pub(in crate::speech) fn new(members: Vec<Member<dyn Recognizer>>) -> Self {
        Self { members: Arc::new(members) }
    }
}

impl Recognizer for FallbackRecognizer {
    fn listen(&self, config: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError> {
        let listening = Arc::new(Listening { members: Arc::clone(&self.members), events, state: Mutex::new(State::new(config)) });
        listening.begin(0)?;
        Ok(ListenHandle::new(listening))
    }
}

struct Listening {
    members: Arc<Vec<Member<dyn Recognizer>>>,
    events: EventSink,
    state: Mutex<State>,
}

struct State {
    config: ListenConfig,
    current: usize,
    ear: Option<Arc<ListenHandle>>,
    /// Since the last words, for whoever comes next.
    kept: VecDeque<i16>,
    /// Not yet taken by the current ear.
    backlog: VecDeque<i16>,
    speaking: bool,
    /// An utterance began and its words are not there yet.
    owed: bool,
    closed: bool,
}

impl State {
    fn new(config: ListenConfig) -> Self {
        Self { config, current: 0, ear: None, kept: VecDeque::new(), backlog: VecDeque::new(), speaking: false, owed: false, closed: false }
    }

    /// The ear, and as much as it has room for. Handed over without the lock: an ear may answer at once.
    fn portion(&mut self) -> Option<(Arc<ListenHandle>, Vec<i16>)> {
        let ear = Arc::clone(self.ear.as_ref()?);
        let room = RING.saturating_sub(ear.waiting()).min(self.backlog.len());
        Some((ear, self.backlog.drain(..room).collect()))
    }
}

impl Listening {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first from `from` on that listens.
    fn begin(self: &Arc<Self>, mut from: usize) -> Result<(), SpeechError> {
        let mut last_error = SpeechError::Unavailable { why: "no recognizer is configured".to_owned() };
        while let Some(at) = next_of(&self.members, from) {
            let config = {
                let mut state = self.lock();
                state.current = at;
                state.config.clone()
            };
            let listening = Arc::downgrade(self);
            let sink: EventSink = Arc::new(move |event| heard(&listening, at, event));
            match self.members[at].engine.listen(config, sink) {
                Ok(ear) => {
                    let mut state = self.lock();
                    state.ear = Some(Arc::new(ear));
                    state.backlog = state.kept.clone();
                    return Ok(());
                }
                Err(error) => {
                    self.failed(at, &error);
                    last_error = error;
                }
            }
            from = at + 1;
        }
        Err(last_error)
    }

    fn failed(&self, at: usize, error: &SpeechError) {
        if is_providers_fault(error) {
            self.members[at].breaker.failed();
        }
        tracing::warn!(provider = %self.members[at].name, %error, "an ear failed; the next one goes on");
    }
}

/// A fact of the ear at place `at`; nothing where another one listens by now.
fn heard(listening: &Weak<Listening>, at: usize, event: SpeechEvent) {
    let Some(listening) = listening.upgrade() else { return };
    let mut gone = None;
    let passed = {
        let mut state = listening.lock();
        if state.current != at || state.closed {
            return;
        }
        match &event {
            // The next ear hears the beginning again; the call has heard of it.
            SpeechEvent::SpeechStarted => {
                state.owed = true;
                !std::mem::replace(&mut state.speaking, true)
            }
            SpeechEvent::SpeechEnded => std::mem::take(&mut state.speaking),
            SpeechEvent::Final { .. } | SpeechEvent::NoWords => {
                listening.members[at].breaker.worked();
                if !state.speaking {
                    state.owed = false;
                    state.kept.clear();
                }
                true
            }
            SpeechEvent::Partial { .. } | SpeechEvent::Lagging => true,
            SpeechEvent::Failed { .. } => {
                gone = state.ear.take();
                true
            }
        }
    };
    drop(gone);
    if let SpeechEvent::Failed { error } = &event {
        listening.failed(at, error);
        if listening.begin(at + 1).is_ok() {
            return;
        }
    }
    if passed {
        (listening.events)(event);
    }
}

impl Intake for Listening {
    fn push(&self, samples: &[i16]) {
        let mut state = self.lock();
        state.kept.extend(samples);
        let keep = if state.owed { KEPT } else { QUIET };
        let excess = state.kept.len().saturating_sub(keep);
        state.kept.drain(..excess);
        state.backlog.extend(samples);
        let excess = state.backlog.len().saturating_sub(KEPT);
        state.backlog.drain(..excess);
        let portion = state.portion();
        drop(state);
        if let Some((ear, samples)) = portion {
            ear.push(&samples);
        }
    }

    fn retune(&self, endpointing: Endpointing) {
        let mut state = self.lock();
        state.config.endpointing = endpointing;
        let ear = state.ear.clone();
        drop(state);
        if let Some(ear) = ear {
            ear.retune(endpointing);
        }
    }

    fn expect(&self, expectation: &Expectation) {
        let mut state = self.lock();
        state.config.expectation = expectation.clone();
        let ear = state.ear.clone();
        drop(state);
        if let Some(ear) = ear {
            ear.expect(expectation);
        }
    }

    fn waiting(&self) -> usize {
        let state = self.lock();
        state.backlog.len() + state.ear.as_ref().map_or(0, |ear| ear.waiting())
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let ear = state.ear.take();
        drop(state);
        drop(ear);
    }
}
