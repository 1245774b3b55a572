//! What a leg can do besides talking to its assistant: music on hold, short sounds, judging who answered, and knowing that a bridge carries audio.

use super::answering::AnswerDetector;
use super::chime::{Chime, ChimePlayer};
use super::music::{HoldMusic, MusicPlayer};
use super::{Frame, MediaFact, RoomId};
use crate::model::Millis;
use std::collections::VecDeque;

/// Sounds that may wait for the words before them.
const CHIMES_MAX: usize = 4;

#[derive(Default)]
pub(crate) struct Extras {
    music: Option<MusicPlayer>,
    chimes: VecDeque<ChimePlayer>,
    answering: Option<AnswerDetector>,
    room: Option<Room>,
}

/// Membership of a room, and whether audio has gone through it in both directions of this leg.
struct Room {
    id: RoomId,
    heard: bool,
    told: bool,
}

impl Extras {
    pub(crate) fn start_music(&mut self, music: &HoldMusic) {
        self.music = Some(MusicPlayer::new(music.clone()));
    }

    pub(crate) fn stop_music(&mut self) {
        if let Some(music) = &mut self.music {
            music.stop();
        }
    }

    pub(crate) fn chime(&mut self, chime: Chime) {
        if self.chimes.len() < CHIMES_MAX {
            self.chimes.push_back(ChimePlayer::new(chime));
        }
    }

    /// Silence within the frame.
    pub(crate) fn silence(&mut self) {
        self.music = None;
        self.chimes.clear();
    }

    pub(crate) fn classify(&mut self, budget: Millis) {
        self.answering = Some(AnswerDetector::new(budget));
    }

    pub(crate) fn join(&mut self, id: RoomId) {
        self.room = Some(Room { id, heard: false, told: false });
    }

    pub(crate) fn leave(&mut self) {
        self.room = None;
    }

    pub(crate) fn room(&self) -> Option<RoomId> {
        self.room.as_ref().map(|room| room.id)
    }

    /// A packet of the peer came.
    pub(crate) fn packet_came(&mut self) {
        if let Some(room) = &mut self.room {
            room.heard = true;
        }
    }

    /// What the others say is about to leave.
    pub(crate) fn relayed(&mut self, facts: &mut VecDeque<MediaFact>) {
        if let Some(room) = &mut self.room
            && room.heard
            && !room.told
        {
            room.told = true;
            facts.push_back(MediaFact::RoomFlows { room: room.id });
        }
    }

    /// The 20 ms the peer was heard in.
    pub(crate) fn hear(&mut self, frame: &Frame, facts: &mut VecDeque<MediaFact>) {
        if let Some((who, after_beep)) = self.answering.as_mut().and_then(|detector| detector.on_frame(frame)) {
            self.answering = None;
            facts.push_back(MediaFact::AnswerClassified { who, after_beep });
        }
    }

    /// Adds music and sounds to what is said; `speaking` if those are an utterance's words.
    pub(crate) fn mix(&mut self, speaking: bool, said: &mut Frame) {
        if self.music.as_mut().is_some_and(|music| !music.mix(speaking, said)) {
            self.music = None;
        }
        if !speaking && self.chimes.front_mut().is_some_and(|chime| !chime.mix(said)) {
            self.chimes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
