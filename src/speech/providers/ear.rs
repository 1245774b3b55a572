//! A leg's audio to a vendor, its words back.
//!
//! Voice, pauses and the end of a turn are found here, by the same detector as the local ear's, because only we know what question was asked; the
//! vendor hears speech and no silence, is asked for words in each pause, and they shape the wait as local words do. A vendor that takes turns
//! itself (no [`EarDialect::commit`]) hears everything and is believed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

use super::dialect::EarDialect;
use super::session::Session;
use super::{ProviderFault, Spawner, Timing};
use crate::speech::ear::turn::{Earshot, VoiceDetector};
use crate::speech::{Endpointing, EventSink, Expectation, Intake, ListenConfig, ListenHandle, Recognizer, SpeechError, SpeechEvent};

/// One second at 8 kHz.
const RING: usize = 8_000;

pub struct CloudRecognizer {
    name: &'static str,
    dialect: Arc<dyn EarDialect>,
    timing: Timing,
    spawner: Spawner,
    detector: Detector,
}

/// Makes a voice detector a listener.
pub(super) type Detector = fn() -> Box<dyn VoiceDetector>;

impl CloudRecognizer {
    pub(super) fn new(name: &'static str, dialect: Arc<dyn EarDialect>, timing: Timing, spawner: Spawner) -> Self {
        Self { name, dialect, timing, spawner, detector: || Box::new(Earshot::new()) }
    }

    #[cfg(test)]
    pub(super) fn detecting(self, detector: Detector) -> Self {
        Self { detector, ..self }
    }
}

impl Recognizer for CloudRecognizer {
    fn listen(&self, config: ListenConfig, events: EventSink) -> Result<ListenHandle, SpeechError> {
        let inbox = Arc::new(Inbox::default());
        let session = Session::new(Arc::clone(&self.dialect), (self.detector)(), self.timing, config, Arc::clone(&events));
        let (name, heard) = (self.name, Arc::clone(&inbox));
        (self.spawner)(
            "cloud_ear",
            Box::pin(async move {
                if let Err(fault) = session.run(&heard).await
                    && !heard.lock().closed
                {
                    events(SpeechEvent::Failed { error: SpeechError::Provider { provider: name, fault } });
                }
            }),
        );
        Ok(ListenHandle::new(Arc::new(CloudIntake(inbox))))
    }
}

/// What the leg leaves for the session.
#[derive(Default)]
pub(super) struct Inbox {
    contents: Mutex<Contents>,
    pub(super) ring: Notify,
}

#[derive(Default)]
pub(super) struct Contents {
    pub(super) samples: VecDeque<i16>,
    pub(super) lagged: bool,
    pub(super) endpointing: Option<Endpointing>,
    pub(super) expectation: Option<Expectation>,
    pub(super) closed: bool,
}

impl Inbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct CloudIntake(Arc<Inbox>);

impl Intake for CloudIntake {
    fn push(&self, samples: &[i16]) {
        let mut contents = self.0.lock();
        let samples = &samples[samples.len().saturating_sub(RING)..];
        let excess = (contents.samples.len() + samples.len()).saturating_sub(RING);
        contents.lagged |= excess > 0;
        contents.samples.drain(..excess);
        contents.samples.extend(samples);
        drop(contents);
        self.0.ring.notify_one();
    }

    fn retune(&self, endpointing: Endpointing) {
        self.0.lock().endpointing = Some(endpointing);
    }

    fn expect(&self, expectation: &Expectation) {
        self.0.lock().expectation = Some(expectation.clone());
    }

    fn waiting(&self) -> usize {
        self.0.lock().samples.len()
    }

    fn close(&self) {
        self.0.lock().closed = true;
        self.0.ring.notify_one();
    }
}

/// What a session that failed says of itself.
pub(super) type Ended = Result<(), ProviderFault>;
