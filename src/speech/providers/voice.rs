//! A vendor's voice over a WebSocket, an utterance a connection: dropped speech clears what the vendor still makes.

use std::sync::Arc;
use tokio::sync::mpsc;

use super::dialect::{Spoken, VoiceDialect};
use super::link::{Incoming, Link};
use super::{ProviderFault, Spawner, Timing};
use crate::media::{self, AudioCodec};
use crate::speech::synthesizer::without_phonemes;
use crate::speech::{Pcm, SpeakRequest, SpeechError, SpeechStream, Synthesizer};

/// Pieces that may wait to be played; a vendor that is faster waits.
const PIECES: usize = 64;

pub struct CloudSynthesizer {
    name: &'static str,
    dialect: Arc<dyn VoiceDialect>,
    timing: Timing,
    spawner: Spawner,
}

impl CloudSynthesizer {
    pub(super) fn new(name: &'static str, dialect: Arc<dyn VoiceDialect>, timing: Timing, spawner: Spawner) -> Self {
        Self { name, dialect, timing, spawner }
    }
}

impl Synthesizer for CloudSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        let (pieces, stream) = SpeechStream::channel(PIECES);
        let (name, dialect, timing) = (self.name, Arc::clone(&self.dialect), self.timing);
        (self.spawner)(
            "cloud_voice",
            Box::pin(async move {
                if let Err(fault) = speak(&*dialect, timing, &request, &pieces).await {
                    drop(pieces.try_send(Err(SpeechError::Provider { provider: name, fault })));
                }
            }),
        );
        Ok(stream)
    }
}

type Pieces = mpsc::Sender<Result<Pcm, SpeechError>>;

async fn speak(dialect: &dyn VoiceDialect, timing: Timing, request: &SpeakRequest, pieces: &Pieces) -> Result<(), ProviderFault> {
    let text = without_phonemes(request.text.expose());
    if !text.chars().any(char::is_alphanumeric) {
        return Ok(());
    }
    let mut link = Link::open(&dialect.address(request), timing.connect).await?;
    for message in dialect.script(request, &text) {
        link.send(message, timing.connect).await?;
    }
    let mut audible = false;
    loop {
        let incoming = tokio::select! {
            () = pieces.closed() => {
                link.close(dialect.clear()).await;
                return Ok(());
            }
            incoming = tokio::time::timeout(timing.answer, link.next()) => incoming,
        };
        let stalled = ProviderFault::Stalled { millis: u64::try_from(timing.answer.as_millis()).unwrap_or(u64::MAX) };
        let spoken = match incoming.map_err(|_| stalled)?? {
            Incoming::Audio(ulaw) => Spoken::Audio(ulaw),
            Incoming::Text(text) => dialect.read(&text)?,
            Incoming::Pong => Spoken::Nothing,
        };
        match spoken {
            Spoken::Audio(ulaw) if !ulaw.is_empty() => {
                audible = true;
                // A listener that is gone is noticed in the next round.
                drop(pieces.send(Ok(linear(&ulaw))).await);
            }
            Spoken::Audio(_) | Spoken::Nothing => {}
            Spoken::Done => {
                link.close(dialect.goodbye()).await;
                return if audible { Ok(()) } else { Err(ProviderFault::Garbage) };
            }
        }
    }
}

fn linear(ulaw: &[u8]) -> Pcm {
    let mut samples = vec![0; ulaw.len()];
    media::decode(AudioCodec::Pcmu, ulaw, &mut samples);
    samples.into()
}
