//! A voice out of several: when one breaks off, the next one goes on with the words that were not spoken.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

use super::{Member, is_providers_fault, next_of};
use crate::model::Redacted;
use crate::speech::providers::Spawner;
use crate::speech::{Pcm, SpeakRequest, SpeechError, SpeechStream, Synthesizer};

const PIECES: usize = 64;
/// Pace of speech, to know how many words a voice got out: 2.5 words a second.
const SAMPLES_A_WORD: usize = 3_200;

/// See the module.
pub(in crate::speech) struct FallbackSynthesizer {
    members: Arc<Vec<Member<dyn Synthesizer>>>,
    patience: Duration,
    spawner: Spawner,
}

impl FallbackSynthesizer {
    /// `patience` bounds the wait for each next audio of a provider that is not the last.
    pub(in crate::speech) fn new(members: Vec<Member<dyn Synthesizer>>, patience: Duration, spawner: Spawner) -> Self {
        Self { members: Arc::new(members), patience, spawner }
    }
}

impl Synthesizer for FallbackSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        let (pieces, stream) = SpeechStream::channel(PIECES);
        let (members, patience) = (Arc::clone(&self.members), self.patience);
        (self.spawner)("voice_fallback", Box::pin(async move { speak(&members, patience, request, &pieces).await }));
        Ok(stream)
    }
}

type Pieces = mpsc::Sender<Result<Pcm, SpeechError>>;

/// How one voice ended.
enum Ended {
    Whole,
    Unheard,
    Failed { error: SpeechError, samples: usize },
}

async fn speak(members: &[Member<dyn Synthesizer>], patience: Duration, mut request: SpeakRequest, pieces: &Pieces) {
    let mut from = 0;
    let mut last_error = SpeechError::Unavailable { why: "no synthesizer is configured".to_owned() };
    while let Some(at) = next_of(members, from) {
        let member = &members[at];
        let is_last = at + 1 == members.len();
        match attempt(member, (!is_last).then_some(patience), &request, pieces).await {
            Ended::Whole => {
                member.breaker.worked();
                return;
            }
            Ended::Unheard => return,
            Ended::Failed { error, samples } => {
                if is_providers_fault(&error) {
                    member.breaker.failed();
                }
                tracing::warn!(provider = %member.name, %error, "a voice failed; the next one goes on");
                let said = samples * usize::from(request.speed_percent) / 100 / SAMPLES_A_WORD;
                let rest = request.text.expose().split_whitespace().skip(said).collect::<Vec<_>>().join(" ");
                request.text = Redacted::new(rest);
                last_error = error;
            }
        }
        from = at + 1;
    }
    drop(pieces.send(Err(last_error)).await);
}

async fn attempt(member: &Member<dyn Synthesizer>, patience: Option<Duration>, request: &SpeakRequest, pieces: &Pieces) -> Ended {
    let mut samples = 0;
    let mut stream = match member.engine.speak(request.clone()) {
        Ok(stream) => stream,
        Err(error) => return Ended::Failed { error, samples },
    };
    loop {
        let piece = match patience {
            Some(patience) => match tokio::time::timeout(patience, stream.next()).await {
                Ok(piece) => piece,
                Err(_) => {
                    let why = format!("no audio within {} ms", patience.as_millis());
                    return Ended::Failed { error: SpeechError::Synthesis { why }, samples };
                }
            },
            None => stream.next().await,
        };
        match piece {
            Some(Ok(pcm)) => {
                samples += pcm.len();
                if pieces.send(Ok(pcm)).await.is_err() {
                    return Ended::Unheard;
                }
            }
            Some(Err(error)) => return Ended::Failed { error, samples },
            None => return Ended::Whole,
        }
    }
}
