//! The human's leg of a consultation. A type of its own: whatever it is told reaches that leg and no other, and nothing here knows the caller.

use super::Command;
use super::core::Core;
use super::playback::{Player, Shield};
use crate::model::{EndCause, LegId, Millis, Notice, PlaybackReport, Redacted, UtteranceId};

/// How often the recogniser is started again before keys alone count.
const RECOGNISER_RESTARTS: u32 = 2;

#[derive(Debug)]
pub(crate) struct Supervisor {
    leg: LegId,
    player: Player,
    /// How often the recogniser failed while we listen to him; `None` while we do not.
    deaf: Option<u32>,
    /// He put us on hold: that he sends nothing is no loss.
    pub(crate) held: bool,
}

impl Supervisor {
    pub(crate) fn dial(destination: Redacted<String>, headers: Vec<(String, Redacted<String>)>, ring: Millis, core: &mut Core) -> Self {
        let leg = core.legs.add();
        let request = core.new_request();
        core.order(Command::Dial { leg, request, destination, headers, ring });
        Self { leg, player: Player::default(), deaf: None, held: false }
    }

    pub(crate) fn leg(&self) -> LegId {
        self.leg
    }

    pub(crate) fn listen(&mut self, core: &mut Core) {
        self.deaf = Some(0);
        core.order(Command::Listen { leg: self.leg });
    }

    /// From here on he talks with the caller.
    pub(crate) fn stop_listening(&mut self, core: &mut Core) {
        if self.deaf.take().is_some() {
            core.order(Command::StopListening { leg: self.leg });
        }
    }

    pub(crate) fn classify(&self, budget: Millis, core: &mut Core) {
        core.order(Command::ClassifyAnswer { leg: self.leg, budget });
    }

    pub(crate) fn say(&mut self, text: &str, core: &mut Core) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let utterance = core.new_utterance();
        if self.player.queue(utterance, None, text, Shield::Whole) {
            core.order(Command::Play { leg: self.leg, utterance, text: Redacted::new(text.to_owned()) });
        } else {
            core.notify(Notice::SpeechDropped { turn: None });
        }
    }

    pub(crate) fn hush(&mut self, core: &mut Core) {
        for utterance in self.player.cut_all() {
            core.order(Command::CutPlayback { leg: self.leg, utterance });
        }
    }

    /// Nothing is left for him to hear.
    pub(crate) fn is_quiet(&self) -> bool {
        self.player.is_quiet()
    }

    pub(crate) fn owns(&self, utterance: UtteranceId) -> bool {
        self.player.owns(utterance)
    }

    pub(crate) fn playback_started(&mut self, utterance: UtteranceId, core: &Core) {
        self.player.started(utterance, core.now);
    }

    pub(crate) fn playback_ended(&mut self, utterance: UtteranceId, report: PlaybackReport) {
        self.player.ended(utterance, report);
    }

    pub(crate) fn playback_failed(&mut self, utterance: UtteranceId, core: &mut Core) {
        core.notify(Notice::PlaybackFailed { utterance });
        self.player.failed(utterance);
    }

    /// Starts the recogniser again, some times.
    pub(crate) fn recognition_failed(&mut self, core: &mut Core) {
        let Some(failures) = &mut self.deaf else { return };
        *failures += 1;
        let given_up = *failures > RECOGNISER_RESTARTS;
        core.notify(Notice::RecognitionFailed { leg: self.leg, given_up });
        if !given_up {
            core.order(Command::Listen { leg: self.leg });
        }
    }

    /// BYE, or CANCEL while it rings: his leg is over for us, whatever it still reports.
    pub(crate) fn release(self, cause: EndCause, core: &mut Core) {
        core.release_leg(self.leg, cause);
    }
}
