//! One leg's voice: utterances are synthesised and handed to the pacer one after the other, in the order they were ordered.

use super::inbox::{Fact, Inbox};
use crate::call::Event;
use crate::media::MediaOrder;
use crate::media::shell::LegMedia;
use crate::model::{Redacted, UtteranceId};
use crate::speech::{Pcm, SpeakingStyle, SpeechStream, Synthesizer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Utterances that may wait to be synthesised. Full: the utterance fails and the core is told.
const QUEUE_MAX: usize = 64;
/// How long to wait when the pacer holds as much audio as it may (minutes of it): by then a good part was played.
const FULL_WAIT: Duration = Duration::from_millis(250);

/// The driver's side.
#[derive(Debug)]
pub(super) struct Voice {
    queue: mpsc::Sender<Job>,
    style: Arc<SpeakingStyle>,
    /// Utterances not reported as ended yet.
    open: BTreeMap<UtteranceId, CancellationToken>,
}

#[derive(Debug)]
struct Job {
    utterance: UtteranceId,
    text: Redacted<String>,
    style: Arc<SpeakingStyle>,
    cut: CancellationToken,
}

impl Voice {
    /// The handle, and the task that does the work; it ends when the handle is dropped.
    pub(super) fn new(
        synthesizer: Arc<dyn Synthesizer>,
        media: Arc<LegMedia>,
        inbox: Inbox,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        (Self { queue, style: Arc::default(), open: BTreeMap::new() }, speak_all(jobs, synthesizer, media, inbox))
    }

    /// How everything from now on is spoken.
    pub(super) fn speak_as(&mut self, style: Arc<SpeakingStyle>) {
        self.style = style;
    }

    /// False if it could not be queued.
    pub(super) fn play(&mut self, utterance: UtteranceId, text: Redacted<String>) -> bool {
        let cut = CancellationToken::new();
        let queued = self.queue.try_send(Job { utterance, text, style: Arc::clone(&self.style), cut: cut.clone() }).is_ok();
        if queued {
            self.open.insert(utterance, cut);
        }
        queued
    }

    /// No more audio of it is made; what the pacer holds is cut by its own order.
    pub(super) fn cut(&mut self, utterance: UtteranceId) {
        if let Some(cut) = self.open.get(&utterance) {
            cut.cancel();
        }
    }

    pub(super) fn ended(&mut self, utterance: UtteranceId) {
        self.open.remove(&utterance);
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        for cut in self.open.values() {
            cut.cancel();
        }
    }
}

async fn speak_all(mut jobs: mpsc::Receiver<Job>, synthesizer: Arc<dyn Synthesizer>, media: Arc<LegMedia>, inbox: Inbox) {
    while let Some(job) = jobs.recv().await {
        if job.cut.is_cancelled() {
            continue;
        }
        let spoken = match synthesizer.speak(job.style.request(job.text.expose())) {
            Ok(stream) => hand_over(stream, &job, &media).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = spoken {
            tracing::warn!(utterance = %job.utterance, %error, "an utterance could not be spoken");
            // What was handed over already must not hang without an end.
            let _ = media.order(MediaOrder::CutUtterance { utterance: job.utterance });
            inbox.put(Fact::Core(Event::PlaybackFailed { utterance: job.utterance }));
        }
    }
}

async fn hand_over(mut stream: SpeechStream, job: &Job, media: &LegMedia) -> Result<(), String> {
    loop {
        let piece = tokio::select! {
            () = job.cut.cancelled() => return Ok(()),
            piece = stream.next() => piece,
        };
        match piece {
            Some(Ok(samples)) => enqueue(&samples, false, job, media).await,
            Some(Err(error)) => return Err(error.to_string()),
            None => {
                enqueue(&Pcm::from([]), true, job, media).await;
                return Ok(());
            }
        }
    }
}

async fn enqueue(samples: &Pcm, last: bool, job: &Job, media: &LegMedia) {
    while media.enqueue(job.utterance, Arc::clone(samples), last).is_err() {
        tokio::select! {
            () = job.cut.cancelled() => return,
            () = tokio::time::sleep(FULL_WAIT) => {}
        }
    }
}
