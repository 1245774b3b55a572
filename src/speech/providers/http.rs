//! `POST {url}/v1/audio/speech`: OpenAI's speech, and every server that imitates it. 24 kHz linear samples come back in chunks as they are made.

use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use super::link::install_tls;
use super::{ProviderConfig, ProviderFault, Spawner, Timing};
use crate::speech::resample::ToTelephone;
use crate::speech::synthesizer::without_phonemes;
use crate::speech::{Pcm, SpeakRequest, SpeechError, SpeechStream, Synthesizer};

const NAME: &str = "openai";
const URL: &str = "https://api.openai.com";
const MODEL: &str = "gpt-4o-mini-tts";
const VOICE: &str = "alloy";
const PIECES: usize = 64;

pub struct HttpSynthesizer {
    client: reqwest::Client,
    config: ProviderConfig,
    timing: Timing,
    spawner: Spawner,
}

impl HttpSynthesizer {
    pub(super) fn new(config: ProviderConfig, timing: Timing, spawner: Spawner) -> Result<Self, SpeechError> {
        install_tls();
        let client = reqwest::Client::builder().connect_timeout(timing.connect).redirect(reqwest::redirect::Policy::none()).build();
        let refused = |_| SpeechError::Provider { provider: NAME, fault: ProviderFault::Connect { why: "no HTTP client".to_owned() } };
        Ok(Self { client: client.map_err(refused)?, config, timing, spawner })
    }

    fn request(&self, request: &SpeakRequest) -> reqwest::RequestBuilder {
        let body = json!({
            "model": self.config.model_or(MODEL),
            "voice": request.voice.as_deref().or(self.config.voice.as_deref()).unwrap_or(VOICE),
            "input": without_phonemes(request.text.expose()),
            "response_format": "pcm",
            "speed": f64::from(request.speed_percent) / 100.0,
        });
        let post = self.client.post(format!("{}/v1/audio/speech", self.config.url_or(URL))).json(&body);
        // A server of one's own may want none.
        if self.config.key.expose().is_empty() { post } else { post.bearer_auth(self.config.key.expose()) }
    }
}

impl Synthesizer for HttpSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        let (pieces, stream) = SpeechStream::channel(PIECES);
        let (post, timing) = (self.request(&request), self.timing);
        (self.spawner)(
            "cloud_voice",
            Box::pin(async move {
                if let Err(fault) = speak(post, timing, &pieces).await {
                    drop(pieces.try_send(Err(SpeechError::Provider { provider: NAME, fault })));
                }
            }),
        );
        Ok(stream)
    }
}

async fn speak(
    post: reqwest::RequestBuilder,
    timing: Timing,
    pieces: &mpsc::Sender<Result<Pcm, SpeechError>>,
) -> Result<(), ProviderFault> {
    let stalled = || ProviderFault::Stalled { millis: u64::try_from(timing.answer.as_millis()).unwrap_or(u64::MAX) };
    let answer = tokio::time::timeout(timing.answer, post.send()).await.map_err(|_| stalled())?;
    let answer = answer.map_err(|_| ProviderFault::Connect { why: "no HTTP answer".to_owned() })?;
    match answer.status().as_u16() {
        200 => {}
        status @ (400..=404 | 422) => return Err(ProviderFault::Refused { status }),
        status => return Err(ProviderFault::Connect { why: format!("HTTP {status}") }),
    }
    let (mut body, mut sampler) = (answer.bytes_stream(), ToTelephone::from_24_khz());
    let (mut rest, mut audible) = (Vec::new(), false);
    loop {
        let chunk = tokio::select! {
            // The connection closes with the body: that is how the vendor learns of an interruption.
            () = pieces.closed() => return Ok(()),
            chunk = tokio::time::timeout(timing.answer, body.next()) => chunk.map_err(|_| stalled())?,
        };
        let Some(chunk) = chunk else { break };
        rest.extend_from_slice(&chunk.map_err(|_| ProviderFault::Closed { code: 1_006 })?);
        let (whole, odd) = rest.as_chunks::<2>();
        let samples: Vec<i16> = whole.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        rest = odd.to_vec();
        let samples = sampler.run(&samples);
        if !samples.is_empty() {
            audible = true;
            drop(pieces.send(Ok(samples.into())).await);
        }
    }
    if audible { Ok(()) } else { Err(ProviderFault::Garbage) }
}
