//! What is to be said on one leg: utterances in order, cut within one frame, reported by what really left.

use super::{FRAME, Frame, MediaFact, PlayoutFull};
use crate::model::{Millis, PlaybackReport, UtteranceId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Utterances that may wait.
const MAX_UTTERANCES: usize = 64;
/// Ended utterances remembered, so that their late chunks are known.
const REMEMBERED: usize = 32;

pub(crate) struct Playout {
    queue: VecDeque<Utterance>,
    ended: VecDeque<UtteranceId>,
    queued: usize,
    max_queued: usize,
    /// Samples that left the queue since `take_freed`.
    freed: usize,
    paused: bool,
    underruns: u64,
    stale: u64,
}

struct Utterance {
    id: UtteranceId,
    chunks: VecDeque<Arc<[i16]>>,
    /// Samples of the first chunk already played.
    offset: usize,
    /// Samples enqueued so far.
    total: u64,
    heard: u64,
    complete: bool,
    started: bool,
}

impl Playout {
    pub(crate) fn new(max_queued: Millis) -> Self {
        let max_queued = usize::try_from(max_queued.0.saturating_mul(8)).unwrap_or(usize::MAX);
        Self { queue: VecDeque::new(), ended: VecDeque::new(), queued: 0, max_queued, freed: 0, paused: false, underruns: 0, stale: 0 }
    }

    /// Samples waiting.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Samples that left the queue, played or dropped, since the last call.
    pub(crate) fn take_freed(&mut self) -> usize {
        std::mem::take(&mut self.freed)
    }

    pub(crate) fn underruns(&self) -> u64 {
        self.underruns
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale
    }

    /// Takes the whole chunk or nothing of it. A chunk of an ended utterance is dropped: its maker does not know yet.
    pub(crate) fn enqueue(&mut self, id: UtteranceId, samples: Arc<[i16]>, last: bool) -> Result<(), PlayoutFull> {
        if self.ended.contains(&id) {
            self.stale += 1;
            self.freed += samples.len();
            return Ok(());
        }
        let place = self.queue.iter().position(|utterance| utterance.id == id);
        let too_long = self.queued + samples.len() > self.max_queued && self.queued > 0;
        if too_long || (place.is_none() && self.queue.len() >= MAX_UTTERANCES) {
            return Err(PlayoutFull);
        }
        let place = place.unwrap_or_else(|| {
            self.queue.push_back(Utterance::new(id));
            self.queue.len() - 1
        });
        let utterance = &mut self.queue[place];
        if utterance.complete {
            self.stale += 1;
            self.freed += samples.len();
            return Ok(());
        }
        self.queued += samples.len();
        utterance.total += samples.len() as u64;
        utterance.complete = last;
        if !samples.is_empty() {
            utterance.chunks.push_back(samples);
        }
        Ok(())
    }

    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Drops the utterance, playing, waiting or not yet heard of. Nothing if it ended before.
    pub(crate) fn cut(&mut self, id: UtteranceId, facts: &mut VecDeque<MediaFact>) {
        if self.ended.contains(&id) {
            return;
        }
        let utterance = match self.queue.iter().position(|utterance| utterance.id == id) {
            Some(place) => self.queue.remove(place).unwrap_or_else(|| Utterance::new(id)),
            None => Utterance::new(id),
        };
        self.end(utterance, true, facts);
    }

    pub(crate) fn cut_all(&mut self, facts: &mut VecDeque<MediaFact>) {
        while let Some(utterance) = self.queue.pop_front() {
            self.end(utterance, true, facts);
        }
    }

    /// The next 20 ms, if there is anything to say. A frame taken is a frame heard.
    pub(crate) fn next(&mut self, out: &mut Frame, facts: &mut VecDeque<MediaFact>) -> bool {
        if self.paused {
            return false;
        }
        loop {
            let Some(utterance) = self.queue.front_mut() else { return false };
            let taken = utterance.take(out);
            self.queued -= taken;
            self.freed += taken;
            if taken > 0 && !utterance.started {
                utterance.started = true;
                facts.push_back(MediaFact::PlaybackStarted { utterance: utterance.id });
            }
            let over = utterance.complete && utterance.chunks.is_empty();
            if !over && taken == 0 {
                self.underruns += u64::from(utterance.started);
                return false;
            }
            if over && let Some(utterance) = self.queue.pop_front() {
                self.end(utterance, false, facts);
            }
            // An empty utterance ends at once and leaves the frame to the next one.
            if taken > 0 {
                out[taken..].fill(0);
                return true;
            }
        }
    }

    fn end(&mut self, utterance: Utterance, cut: bool, facts: &mut VecDeque<MediaFact>) {
        let waiting = utterance.total.saturating_sub(utterance.heard) as usize;
        self.queued -= waiting;
        self.freed += waiting;
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(utterance.id);
        let report =
            PlaybackReport { heard: Millis(utterance.heard / 8), total: utterance.complete.then_some(Millis(utterance.total / 8)), cut };
        facts.push_back(MediaFact::PlaybackEnded { utterance: utterance.id, report });
    }
}

impl Utterance {
    fn new(id: UtteranceId) -> Self {
        Self { id, chunks: VecDeque::new(), offset: 0, total: 0, heard: 0, complete: false, started: false }
    }

    fn take(&mut self, out: &mut Frame) -> usize {
        let mut taken = 0;
        while taken < FRAME
            && let Some(chunk) = self.chunks.front()
        {
            let rest = &chunk[self.offset..];
            let count = rest.len().min(FRAME - taken);
            out[taken..taken + count].copy_from_slice(&rest[..count]);
            taken += count;
            self.offset += count;
            if self.offset == chunk.len() {
                self.chunks.pop_front();
                self.offset = 0;
            }
        }
        self.heard += taken as u64;
        taken
    }
}

#[cfg(test)]
mod tests;
