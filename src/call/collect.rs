//! The keypad collector (contract section 5).
//!
//! Keys of a running collection are in `digits`. Keys that came when no collection could take them (a turn was computed, a transfer ran,
//! the keypad was off) are in `kept`, in order, and open the next collection. Together they never exceed 64: further keys are dropped with a
//! notice. Keys typed while the keypad was off and nobody had asked for them grow old: past 30 s they are noise, not input.

use crate::model::{CallTime, Digit, DtmfInputSpec, DtmfSettings, Millis};
use std::collections::VecDeque;
use std::time::Duration;

/// Keys one call may hold.
pub(crate) const DIGITS_MAX: usize = 64;
/// How long a key that nobody asked for waits for a collection.
const UNASKED_AGE: Duration = Duration::from_secs(30);

/// Where a kept key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// During a turn or a transfer: it never grows old.
    Asked,
    /// The keypad was off.
    Unasked,
}

/// What a key did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing is being collected.
    Nothing,
    /// A collection runs and waits this long for its next key.
    Waiting(Millis),
    /// A collection ended; this is the caller's input, prefix included.
    Done(String),
}

#[derive(Debug)]
pub(crate) struct Collector {
    assistant: DtmfSettings,
    in_force: DtmfSettings,
    digits: Vec<Digit>,
    kept: VecDeque<(CallTime, Kept, Digit)>,
    /// A collection that ended on its count may still be followed by its termination key, until then.
    trailing: Option<(CallTime, Digit)>,
}

impl Collector {
    pub(crate) fn new(assistant: &DtmfSettings) -> Self {
        let in_force = assistant.clone();
        Self { assistant: assistant.clone(), in_force, digits: Vec::new(), kept: VecDeque::new(), trailing: None }
    }

    pub(crate) fn settings(&self) -> &DtmfSettings {
        &self.in_force
    }

    pub(crate) fn is_on(&self) -> bool {
        self.in_force.dtmf_enabled
    }

    pub(crate) fn is_collecting(&self) -> bool {
        !self.digits.is_empty()
    }

    pub(crate) fn held(&self) -> usize {
        self.digits.len() + self.kept.len()
    }

    /// Applies a turn's retune; `None` restores the assistant's settings. True if they changed.
    pub(crate) fn retune(&mut self, spec: Option<&DtmfInputSpec>) -> bool {
        let next = self.assistant.retuned(spec);
        let changed = next != self.in_force;
        self.in_force = next;
        changed
    }

    /// A key for the collection now. False if it was dropped because 64 keys are held.
    pub(crate) fn keep(&mut self, now: CallTime, why: Kept, digit: Digit) -> bool {
        if self.swallows(now, digit) {
            return true;
        }
        self.forget_old(now);
        if self.held() >= DIGITS_MAX {
            return false;
        }
        self.kept.push_back((now, why, digit));
        true
    }

    /// A key for the collection that runs, or the first of a new one.
    pub(crate) fn press(&mut self, now: CallTime, digit: Digit) -> Progress {
        if self.swallows(now, digit) {
            return if self.is_collecting() { self.waiting() } else { Progress::Nothing };
        }
        self.take(now, digit)
    }

    /// Feeds the kept keys to a collection until one ends; the rest stays for the next.
    pub(crate) fn resume(&mut self, now: CallTime) -> Progress {
        if !self.is_on() {
            return Progress::Nothing;
        }
        self.forget_old(now);
        let mut progress = Progress::Nothing;
        while let Some((_, _, digit)) = self.kept.pop_front() {
            progress = self.take(now, digit);
            if let Progress::Done(_) = progress {
                self.swallow_kept();
                break;
            }
        }
        progress
    }

    /// The inter-digit time-out.
    pub(crate) fn time_out(&mut self) -> Progress {
        if self.is_collecting() { Progress::Done(self.finish()) } else { Progress::Nothing }
    }

    fn take(&mut self, now: CallTime, digit: Digit) -> Progress {
        if self.in_force.dtmf_termination_digit == Some(digit) {
            return Progress::Done(self.finish());
        }
        self.digits.push(digit);
        if self.digits.len() < self.in_force.dtmf_max_digits.get() as usize {
            return self.waiting();
        }
        let patience = Millis(u64::from(self.in_force.dtmf_inter_digit_timeout_ms.get()));
        self.trailing = self.in_force.dtmf_termination_digit.map(|key| (now.after(patience), key));
        Progress::Done(self.finish())
    }

    fn waiting(&self) -> Progress {
        Progress::Waiting(Millis(u64::from(self.in_force.dtmf_inter_digit_timeout_ms.get())))
    }

    fn finish(&mut self) -> String {
        let mut text = self.in_force.dtmf_prefix.as_str().to_owned();
        text.extend(self.digits.drain(..).map(Digit::as_char));
        text
    }

    /// The `#` after a full count belongs to the collection it ends, not to the next.
    fn swallows(&mut self, now: CallTime, digit: Digit) -> bool {
        matches!(self.trailing.take(), Some((until, key)) if key == digit && now <= until)
    }

    fn swallow_kept(&mut self) {
        let Some((_, key)) = self.trailing else { return };
        if let Some((_, _, next)) = self.kept.front() {
            if *next == key {
                self.kept.pop_front();
            }
            self.trailing = None;
        }
    }

    fn forget_old(&mut self, now: CallTime) {
        self.kept.retain(|(at, why, _)| *why == Kept::Asked || now.since(*at) <= UNASKED_AGE);
    }
}

#[cfg(test)]
mod tests;
