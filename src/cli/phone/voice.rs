//! The voice of the person at the phone: the worker's own synthesiser, a little deeper or higher, so that two of them can be told apart.

use crate::speech::{Pcm, SpeakRequest, SpeechError, Synthesizer};
use std::sync::Arc;

/// See the module.
#[derive(Clone)]
pub(crate) struct Voice {
    synthesizer: Arc<dyn Synthesizer>,
    /// 100 is the synthesiser's own pitch; 70 to 140.
    pitch_percent: u16,
}

impl Voice {
    pub(crate) fn new(synthesizer: Arc<dyn Synthesizer>, pitch_percent: u16) -> Self {
        Self { synthesizer, pitch_percent: pitch_percent.clamp(70, 140) }
    }

    /// What the synthesiser is asked for: played slower or faster afterwards, it has its own pace again.
    pub(crate) fn request(&self, text: &str) -> SpeakRequest {
        SpeakRequest { speed_percent: 10_000 / self.pitch_percent, ..SpeakRequest::plain(text) }
    }

    /// The whole text as samples.
    pub(crate) async fn say(&self, text: &str) -> Result<Pcm, SpeechError> {
        let mut stream = self.synthesizer.speak(self.request(text))?;
        let mut samples = Vec::new();
        while let Some(piece) = stream.next().await {
            samples.extend_from_slice(&piece?);
        }
        Ok(stretched(&samples, self.pitch_percent).into())
    }
}

/// Plays the samples at `percent` of their rate, by linear interpolation: 80 is deeper and slower.
fn stretched(samples: &[i16], percent: u16) -> Vec<i16> {
    let step = u64::from(percent);
    let length = samples.len() as u64 * 100 / step.max(1);
    let sample = |index: u64| i64::from(usize::try_from(index).ok().and_then(|index| samples.get(index)).copied().unwrap_or(0));
    (0..length)
        .map(|number| {
            let (place, part) = (number * step / 100, (number * step % 100) as i64);
            let value = (sample(place) * (100 - part) + sample(place + 1) * part) / 100;
            i16::try_from(value).unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::scripted::ScriptedSynthesizer;

    fn crossings(samples: &[i16]) -> usize {
        samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
    }

    #[tokio::test]
    async fn a_deeper_voice_takes_as_long_and_swings_slower() {
        let synthesizer: Arc<dyn Synthesizer> = Arc::new(ScriptedSynthesizer::new(1_000));
        let own = Voice::new(Arc::clone(&synthesizer), 100).say("one").await.unwrap();
        let deep = Voice::new(synthesizer, 80).say("one").await.unwrap();
        assert!(own.len().abs_diff(deep.len()) < 80, "{} {}", own.len(), deep.len());
        assert!((395..=401).contains(&crossings(&own)), "{}", crossings(&own));
        assert!((315..=321).contains(&crossings(&deep)), "{}", crossings(&deep));
    }
}
