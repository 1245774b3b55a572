//! A call's legs as the driver holds them: signalling key, media, voice and ear of each.

use super::inbox::{Fact, Inbox};
use super::line::{Goodbye, Line, Release};
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
use std::path::Path;
use std::sync::Arc;

/// See the module.
pub(super) struct Legs {
    /// The trunk the call came (or goes) over, by name.
    pub(super) trunk: String,
    legs: BTreeMap<LegId, Leg>,
    synthesizer: Arc<dyn Synthesizer>,
    style: Arc<SpeakingStyle>,
    inbox: Inbox,
    tasks: Tasks,
    codecs: Vec<AudioCodec>,
}

struct Leg {
    line: Line,
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
    /// A call without a leg yet.
    pub(super) fn new(
        trunk: String,
        synthesizer: Arc<dyn Synthesizer>,
        style: Arc<SpeakingStyle>,
        codecs: Vec<AudioCodec>,
        inbox: Inbox,
        tasks: Tasks,
    ) -> Self {
        Self { trunk, legs: BTreeMap::new(), synthesizer, style, inbox, tasks, codecs }
    }

    /// Another leg, with a voice of its own; `address` is where its media reaches us.
    pub(super) fn add(&mut self, id: LegId, line: Line, media: Arc<LegMedia>, address: IpAddr) {
        let (mut voice, speaking) = Voice::new(Arc::clone(&self.synthesizer), Arc::clone(&media), self.inbox.clone());
        voice.speak_as(Arc::clone(&self.style));
        self.tasks.spawn("voice", speaking);
        let leg =
            Leg { line, media, address, voice, ear: None, expectation: Expectation::default(), keypad: false, state: LegState::Ringing };
        self.legs.insert(id, leg);
    }

    /// Where the media of the call's first leg reaches us.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.legs.values().next().map(|leg| leg.address)
    }

    pub(super) fn ids(&self) -> Vec<LegId> {
        self.legs.keys().copied().collect()
    }

    pub(super) fn states(&self) -> Vec<(LegId, LegState)> {
        self.legs.iter().map(|(id, leg)| (*id, leg.state)).collect()
    }

    /// What an order to the SIP endpoint needs; `None` for a leg that is gone or has no key yet.
    pub(super) fn key_and_media(&self, leg: LegId) -> Option<(LegKey, LocalMedia)> {
        let leg = self.legs.get(&leg)?;
        Some((leg.line.key()?, local_media(leg.address, leg.media.local_port(), &self.codecs)))
    }

    /// What is to be done to release it; `None` if there is no such leg.
    pub(super) fn release(&self, leg: LegId, goodbye: Goodbye) -> Option<Release> {
        self.legs.get(&leg).map(|leg| leg.line.release(goodbye))
    }

    /// The endpoint refused to dial it.
    pub(super) fn is_refused(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.line.is_refused())
    }

    /// Answered, and not on its way out.
    pub(super) fn is_up(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| matches!(leg.state, LegState::Up | LegState::Held))
    }

    /// An order to a leg's media; false if it was not taken.
    pub(super) fn media_order(&self, leg: LegId, order: MediaOrder) -> bool {
        self.legs.get(&leg).is_some_and(|leg| send(leg, order))
    }

    /// Records a consult apart from the call.
    pub(super) fn record_consult(&self, leg: LegId, path: &Path) {
        if let Some(leg) = self.legs.get(&leg)
            && let Err(error) = leg.media.start_recording(path)
        {
            tracing::error!(%error, "the audio of a consult is not recorded; the call goes on");
        }
    }

    /// The consult is over; the caller's own recording goes on.
    pub(super) fn end_consult(&self, id: LegId) {
        if id != LegId::CALLER
            && let Some(leg) = self.legs.get(&id)
            && let Err(error) = leg.media.stop_recording()
        {
            tracing::debug!(%error, "a consult's recording ends with its leg");
        }
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

fn send(leg: &Leg, order: MediaOrder) -> bool {
    let taken = leg.media.order(order);
    if let Err(error) = &taken {
        tracing::debug!(%error, "an order to a leg's media was not taken");
    }
    taken.is_ok()
}

/// What we offer and answer with.
pub(super) fn local_media(address: IpAddr, port: u16, codecs: &[AudioCodec]) -> LocalMedia {
    LocalMedia { address, port, codecs: codecs.to_vec(), telephone_event: Some(101), ptime: Millis(20), rtcp_mux: false }
}

/// Puts a leg's media facts into its call's inbox.
pub(super) fn media_sink(leg: LegId, inbox: Inbox) -> crate::media::shell::FactSink {
    Arc::new(move |fact| inbox.put(Fact::Media { leg, fact }))
}
