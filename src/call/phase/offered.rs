//! Before the opening event: nothing is known, nothing can happen.

use super::Phase;
use super::answering::Answering;
use crate::call::Event;
use crate::call::core::Core;

#[derive(Debug)]
pub(crate) struct Offered;

impl Offered {
    pub(crate) fn on_event(self, event: Event, core: &mut Core) -> Phase {
        match event {
            Event::Offered(opening) => {
                core.open(*opening);
                Answering::begin(core)
            }
            Event::Tick => Phase::Offered(self),
            other @ (Event::LegRinging { .. }
            | Event::LegAnswered { .. }
            | Event::LegFailed { .. }
            | Event::LegReleased { .. }
            | Event::LegHeld { .. }
            | Event::MediaLost { .. }
            | Event::ReferAnswered { .. }
            | Event::ReferProgress { .. }
            | Event::ReferEnded { .. }
            | Event::AnswerClassified { .. }
            | Event::BriefingComposed { .. }
            | Event::BridgeUp { .. }
            | Event::BridgeFailed { .. }
            | Event::SpeechStarted { .. }
            | Event::SpeechEnded { .. }
            | Event::PartialTranscript { .. }
            | Event::Transcript { .. }
            | Event::RecognitionFailed { .. }
            | Event::DigitPressed { .. }
            | Event::PlaybackStarted { .. }
            | Event::PlaybackEnded { .. }
            | Event::PlaybackFailed { .. }
            | Event::TurnSpeech { .. }
            | Event::TurnReady { .. }
            | Event::TurnFailed { .. }
            | Event::SessionEnded { .. }
            | Event::Ordered(_)
            | Event::Draining { .. }
            | Event::Overloaded) => {
                core.unexpected(&other, "offered");
                Phase::Offered(self)
            }
        }
    }
}
