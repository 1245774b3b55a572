//! One call of a phone: its signalling key, its audio, its script.

use super::happening::Which;
use super::level::{Edge, Level};
use super::run::{LineReport, PhoneEvent};
use super::script::{KEY_HELD, Script};
use super::voice::Voice;
use crate::host::{Tasks, media_orders};
use crate::media::shell::{LegMedia, MediaEngine, MediaError, OrderRefused};
use crate::media::{LegMediaConfig, MediaFact, MediaOrder};
use crate::model::{Digit, Millis, UtteranceId};
use crate::sip::endpoint::LegKey;
use crate::sip::sdp::{AudioCodec, LocalMedia, NegotiatedAudio};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Silence for this long is the end of what the other side says.
const HANG_OVER: Millis = Millis(700);

pub(super) struct Line {
    pub(super) which: Which,
    /// `None` until the SIP task named it.
    pub(super) leg: Option<LegKey>,
    pub(super) script: Script,
    pub(super) report: LineReport,
    /// A recording is being written.
    pub(super) recording: bool,
    media: Arc<LegMedia>,
    utterances: u32,
}

impl Line {
    pub(super) fn open(
        which: Which,
        script: Script,
        seed: u64,
        engine: &MediaEngine,
        events: &mpsc::Sender<PhoneEvent>,
    ) -> Result<Self, MediaError> {
        let config = LegMediaConfig { seed, media_timeout: Millis(0), ..LegMediaConfig::default() };
        let facts = events.clone();
        let media = engine.open(
            config,
            Arc::new(move |fact| {
                let event = match fact {
                    MediaFact::PlaybackEnded { .. } => PhoneEvent::Said { line: which },
                    MediaFact::RecordingEnded { length, truncated } => PhoneEvent::Recorded { line: which, length, truncated },
                    _ => return,
                };
                tell(&facts, event);
            }),
        )?;
        let (mut level, ears) = (Level::new(HANG_OVER), events.clone());
        let tap = Box::new(move |frame: &[i16]| {
            if let Some(edge) = level.on_frame(frame) {
                tell(&ears, PhoneEvent::Heard { line: which, edge });
            }
        });
        // A new leg's queue of orders is empty: this cannot be refused.
        let _ = media.set_tap(Some(tap));
        let report = LineReport::new(which);
        Ok(Self { which, leg: None, script, report, recording: false, media: Arc::new(media), utterances: 0 })
    }

    pub(super) fn record(&mut self, path: &Path) -> Result<(), MediaError> {
        self.media.start_recording(path)?;
        self.recording = true;
        Ok(())
    }

    /// What our SDP says.
    pub(super) fn local(&self, address: IpAddr) -> LocalMedia {
        LocalMedia {
            address,
            port: self.media.local_port(),
            codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma],
            telephone_event: Some(101),
            ptime: Millis(20),
            rtcp_mux: false,
        }
    }

    pub(super) fn agree(&self, agreed: &NegotiatedAudio) -> Result<(), String> {
        media_orders(agreed)?.into_iter().try_for_each(|order| self.media.order(order)).map_err(|error| error.to_string())
    }

    /// Answered by `Said`, or `Unsaid`.
    pub(super) fn say(&mut self, words: String, voice: &Voice, tasks: &Tasks, events: &mpsc::Sender<PhoneEvent>) {
        self.utterances += 1;
        let (utterance, voice, media, events, line) =
            (UtteranceId(self.utterances), voice.clone(), Arc::clone(&self.media), events.clone(), self.which);
        tasks.spawn("phone_voice", async move {
            let why = match voice.say(&words).await {
                Ok(samples) => match media.enqueue(utterance, samples, true) {
                    Ok(()) => return,
                    Err(full) => full.to_string(),
                },
                Err(error) => error.to_string(),
            };
            tell(&events, PhoneEvent::Unsaid { line, why });
        });
    }

    pub(super) fn press(&self, keys: &[Digit]) -> Result<(), OrderRefused> {
        keys.iter().try_for_each(|digit| self.media.order(MediaOrder::SendDigit { digit: *digit, duration: KEY_HELD }))
    }

    /// The call is over; a recording is finished after it.
    pub(super) fn close(&self) {
        let _ = self.media.set_tap(None);
        let _ = self.media.order(MediaOrder::Close);
    }

    pub(super) fn heard(&mut self, edge: Edge) {
        self.report.speeches_heard += u32::from(edge == Edge::Speaks);
    }
}

/// Full: the phone's loop hangs; the fact is lost, and the phone's own time limit ends the call.
pub(super) fn tell(events: &mpsc::Sender<PhoneEvent>, event: PhoneEvent) {
    if let Err(error) = events.try_send(event) {
        tracing::debug!(%error, "a phone's fact was lost");
    }
}
