//! One listener's session with a vendor: connections come and go, what was said stays.

use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

use super::dialect::EarDialect;
use super::ear::{Ended, Inbox};
use super::link::{Incoming, Link};
use super::utterance::{Ask, Utterances};
use super::{ProviderFault, Timing};
use crate::speech::ear::turn::VoiceDetector;
use crate::speech::{EventSink, ListenConfig, SpeechEvent};

/// Checks of the waits in one `answer`: deadlines are kept to a sixteenth.
const TICKS: u32 = 16;

pub(super) struct Session {
    dialect: Arc<dyn EarDialect>,
    timing: Timing,
    language: Option<String>,
    events: EventSink,
    utterances: Utterances,
    /// Failures in a row without a word in between.
    failures: u32,
    lagging_said: bool,
}

/// Ticks since things happened on the connection.
#[derive(Default)]
struct Since {
    sent: Duration,
    heard: Duration,
    pinged: Duration,
}

impl Session {
    pub(super) fn new(
        dialect: Arc<dyn EarDialect>,
        detector: Box<dyn VoiceDetector>,
        timing: Timing,
        config: ListenConfig,
        events: EventSink,
    ) -> Self {
        let ours = dialect.commit().is_some();
        let utterances = Utterances::new(ours, detector, config.endpointing, config.expectation, Arc::clone(&events));
        Self { dialect, timing, language: config.language, events, utterances, failures: 0, lagging_said: false }
    }

    /// Until the leg stops listening (`Ok`) or the provider has failed for good.
    pub(super) async fn run(mut self, inbox: &Inbox) -> Ended {
        loop {
            let fault = match self.connected(inbox).await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            self.failures += 1;
            if fault.is_final() || self.failures >= self.timing.attempts.max(1) {
                return Err(fault);
            }
        }
    }

    /// One connection, from its opening to its end.
    async fn connected(&mut self, inbox: &Inbox) -> Ended {
        let (hints, language) = (self.utterances.hints(), self.language.clone());
        let address = self.dialect.address(hints, language.as_deref());
        let opening = Link::open(&address, self.timing.connect);
        // Whoever hangs up meanwhile does not wait for it.
        let mut link = tokio::select! {
            link = opening => link?,
            () = closed(inbox) => return Ok(()),
        };
        if let Some(first) = self.dialect.opening(self.utterances.hints(), language.as_deref()) {
            link.send(first, self.timing.connect).await?;
        }
        for ask in self.utterances.again() {
            self.ask(&mut link, ask).await?;
        }
        let step = (self.timing.answer / TICKS).max(Duration::from_millis(1));
        let mut ticks = tokio::time::interval(step);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut since = Since::default();
        loop {
            tokio::select! {
                () = inbox.ring.notified() => {
                    if !self.take_audio(inbox, &mut link, &mut since).await? {
                        link.close(self.dialect.goodbye()).await;
                        return Ok(());
                    }
                }
                incoming = link.next() => {
                    since.heard = Duration::ZERO;
                    if let Incoming::Text(text) = incoming? {
                        for heard in self.dialect.read(&text)? {
                            if self.utterances.heard(heard)? {
                                self.failures = 0;
                            }
                        }
                    }
                }
                _ = ticks.tick() => self.tick(step, &mut link, &mut since).await?,
            }
        }
    }

    /// False once the leg stopped listening.
    async fn take_audio(&mut self, inbox: &Inbox, link: &mut Link, since: &mut Since) -> Result<bool, ProviderFault> {
        let (samples, lagged) = {
            let mut contents = inbox.lock();
            if contents.closed {
                return Ok(false);
            }
            if let Some(endpointing) = contents.endpointing.take() {
                self.utterances.retune(endpointing);
            }
            if let Some(expectation) = contents.expectation.take() {
                self.utterances.expect(expectation);
            }
            (contents.samples.drain(..).collect::<Vec<i16>>(), std::mem::take(&mut contents.lagged))
        };
        if lagged && !std::mem::replace(&mut self.lagging_said, true) {
            (self.events)(SpeechEvent::Lagging);
        }
        for ask in self.utterances.listen(&samples) {
            since.sent = Duration::ZERO;
            self.ask(link, ask).await?;
        }
        Ok(true)
    }

    async fn ask(&mut self, link: &mut Link, ask: Ask) -> Result<(), ProviderFault> {
        let message = match ask {
            Ask::Hear(ulaw) => Some(self.dialect.audio(&ulaw)),
            Ask::Words => self.dialect.commit(),
        };
        match message {
            Some(message) => link.send(message, self.timing.connect).await,
            None => Ok(()),
        }
    }

    async fn tick(&mut self, step: Duration, link: &mut Link, since: &mut Since) -> Result<(), ProviderFault> {
        for span in [&mut since.sent, &mut since.heard, &mut since.pinged] {
            *span += step;
        }
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        if since.heard >= self.timing.silent {
            return Err(ProviderFault::Stalled { millis: millis(self.timing.silent) });
        }
        if !self.utterances.waited(step, self.timing.answer) {
            return Err(ProviderFault::Stalled { millis: millis(self.timing.answer) });
        }
        if since.pinged >= self.timing.silent / 3 {
            since.pinged = Duration::ZERO;
            link.send(Message::Ping(Vec::new().into()), self.timing.connect).await?;
        }
        if since.sent >= self.timing.keep_alive
            && let Some(message) = self.dialect.keep_alive()
        {
            since.sent = Duration::ZERO;
            link.send(message, self.timing.connect).await?;
        }
        Ok(())
    }
}

async fn closed(inbox: &Inbox) {
    while !inbox.lock().closed {
        inbox.ring.notified().await;
    }
}
