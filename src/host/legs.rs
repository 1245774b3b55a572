//! A call's legs as the driver holds them: signalling key, media, voice and ear of each.

use super::inbox::{Fact, Inbox};
use super::spawn::Tasks;
use super::translate;
use super::voice::Voice;
use crate::media::MediaOrder;
use crate::media::shell::LegMedia;
use crate::model::{DtmfSettings, LegId, Millis, Redacted, UtteranceId};
use crate::sip::endpoint::LegKey;
use crate::sip::sdp::{AudioCodec, LocalMedia, NegotiatedAudio};
use crate::speech::{
    Endpointing, Expectation, Expected, ListenConfig, ListenHandle, Recognizer, SpeakingStyle, SpeechError, SpeechEvent, Synthesizer,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// See the module.
pub(super) struct Legs {
    /// The trunk the call came over, by name.
    pub(super) trunk: String,
    legs: BTreeMap<LegId, Leg>,
}

struct Leg {
    key: LegKey,
    media: Arc<LegMedia>,
    address: IpAddr,
    voice: Voice,
    ear: Option<Arc<ListenHandle>>,
    /// What the conversation waits for, and whether the keypad does.
    expectation: Expectation,
    keypad: bool,
    state: LegState,
}

/// As admins see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegState {
    Ringing,
    Up,
    Held,
    Releasing,
}

impl LegState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Up => "up",
            Self::Held => "held",
            Self::Releasing => "releasing",
        }
    }
}

impl Legs {
    /// A call with its caller's leg; `address` is where this leg's media reaches us.
    pub(super) fn new(
        trunk: String,
        key: LegKey,
        media: Arc<LegMedia>,
        address: IpAddr,
        synthesizer: Arc<dyn Synthesizer>,
        inbox: Inbox,
        tasks: &Tasks,
    ) -> Self {
        let (voice, speaking) = Voice::new(synthesizer, Arc::clone(&media), inbox);
        tasks.spawn("voice", speaking);
        let leg =
            Leg { key, media, address, voice, ear: None, expectation: Expectation::default(), keypad: false, state: LegState::Ringing };
        Self { trunk, legs: BTreeMap::from([(LegId::CALLER, leg)]) }
    }

    pub(super) fn ids(&self) -> Vec<LegId> {
        self.legs.keys().copied().collect()
    }

    pub(super) fn states(&self) -> Vec<(LegId, LegState)> {
        self.legs.iter().map(|(id, leg)| (*id, leg.state)).collect()
    }

    /// What an order to the SIP endpoint needs.
    pub(super) fn key_and_media(&self, leg: LegId) -> Option<(LegKey, LocalMedia)> {
        let leg = self.legs.get(&leg)?;
        let media = LocalMedia {
            address: leg.address,
            port: leg.media.local_port(),
            codecs: vec![AudioCodec::Pcmu, AudioCodec::Pcma],
            telephone_event: Some(101),
            ptime: Millis(20),
            rtcp_mux: false,
        };
        Some((leg.key, media))
    }

    /// Signalling agreed on this.
    pub(super) fn agree(&mut self, leg: LegId, agreed: &NegotiatedAudio) -> Result<(), String> {
        let Some(leg) = self.legs.get_mut(&leg) else { return Ok(()) };
        if leg.state != LegState::Releasing {
            leg.state = if agreed.held_by_peer { LegState::Held } else { LegState::Up };
        }
        for order in translate::media_orders(agreed)? {
            leg.media.order(order).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// How the assistant speaks on this leg.
    pub(super) fn speak_as(&mut self, leg: LegId, style: Arc<SpeakingStyle>) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.voice.speak_as(style);
        }
    }

    /// False if it could not be queued.
    pub(super) fn play(&mut self, leg: LegId, utterance: UtteranceId, text: Redacted<String>) -> bool {
        self.legs.get_mut(&leg).is_some_and(|leg| leg.voice.play(utterance, text))
    }

    pub(super) fn cut(&mut self, leg: LegId, utterance: UtteranceId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.voice.cut(utterance);
            send(leg, MediaOrder::CutUtterance { utterance });
        }
    }

    pub(super) fn playback_ended(&mut self, leg: LegId, utterance: UtteranceId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.voice.ended(utterance);
        }
    }

    /// Nothing plays on this leg any more; it is about to be released.
    pub(super) fn silence(&mut self, leg: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.state = LegState::Releasing;
            send(leg, MediaOrder::StopAll);
        }
    }

    pub(super) fn listen(
        &mut self,
        leg: LegId,
        recognizer: &dyn Recognizer,
        sink: impl Fn(SpeechEvent) + Send + Sync + 'static,
    ) -> Result<(), SpeechError> {
        let Some(leg) = self.legs.get_mut(&leg) else { return Ok(()) };
        let expectation = leg.expected();
        let config = ListenConfig { endpointing: Endpointing::expecting(expectation.kind), expectation, ..ListenConfig::default() };
        let ear = Arc::new(recognizer.listen(config, Arc::new(sink))?);
        let hears = Arc::clone(&ear);
        if leg.media.set_tap(Some(Box::new(move |frame| hears.push(frame)))).is_err() {
            tracing::warn!("the leg's audio could not be tapped");
        }
        leg.ear = Some(ear);
        Ok(())
    }

    pub(super) fn stop_listening(&mut self, leg: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.ear = None;
            let _ = leg.media.set_tap(None);
        }
    }

    /// While a number is asked for, pauses between its groups do not end what the caller says.
    pub(super) fn collecting(&mut self, leg: LegId, settings: &DtmfSettings) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.keypad = settings.dtmf_enabled;
            leg.retune();
        }
    }

    /// What the conversation waits for now: the words of its choices, a number, anything.
    pub(super) fn expect(&mut self, leg: LegId, expectation: Expectation) {
        if let Some(leg) = self.legs.get_mut(&leg)
            && leg.expectation != expectation
        {
            leg.expectation = expectation;
            leg.retune();
        }
    }

    /// The leg is gone: its media closes and its port rests.
    pub(super) fn released(&mut self, leg: LegId) {
        if let Some(leg) = self.legs.remove(&leg) {
            let _ = leg.media.set_tap(None);
            send(&leg, MediaOrder::Close);
        }
    }
}

impl Leg {
    /// A keypad that collects waits for digits, however they come.
    fn expected(&self) -> Expectation {
        let kind = match (self.expectation.kind, self.keypad) {
            (Expected::Anything, true) => Expected::Digits { min: 1, max: 255 },
            (kind, _) => kind,
        };
        Expectation { kind, hints: self.expectation.hints.clone() }
    }

    fn retune(&self) {
        if let Some(ear) = &self.ear {
            let expectation = self.expected();
            ear.retune(Endpointing::expecting(expectation.kind));
            ear.expect(&expectation);
        }
    }
}

impl Drop for Legs {
    fn drop(&mut self) {
        for leg in self.legs.values() {
            send(leg, MediaOrder::Close);
        }
    }
}

fn send(leg: &Leg, order: MediaOrder) {
    if let Err(error) = leg.media.order(order) {
        tracing::debug!(%error, "an order to a leg's media was not taken");
    }
}

/// Puts a leg's media facts into its call's inbox.
pub(super) fn media_sink(leg: LegId, inbox: Inbox) -> crate::media::shell::FactSink {
    Arc::new(move |fact| inbox.put(Fact::Media { leg, fact }))
}
