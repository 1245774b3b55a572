//! How often the caller was reminded, and what comes next when nothing is heard.

use crate::model::{Millis, VoiceSettings};

#[derive(Debug, Default)]
pub(crate) struct Silence {
    reminders: u32,
}

/// What a silence that lasted leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SilenceStep {
    /// This reminder, counted from 1.
    Remind(u32),
    /// No reminder is left.
    End,
}

impl Silence {
    /// The caller did something: reminders start over.
    pub(crate) fn broken(&mut self) {
        self.reminders = 0;
    }

    pub(crate) fn lasted(&mut self, voice: &VoiceSettings) -> SilenceStep {
        if self.reminders >= voice.silence_reminder_count.get() {
            return SilenceStep::End;
        }
        self.reminders += 1;
        SilenceStep::Remind(self.reminders)
    }

    /// How long the next silence may last; `None`: for ever.
    pub(crate) fn patience(voice: &VoiceSettings) -> Option<Millis> {
        match voice.silence_timeout_ms.get() {
            0 => None,
            millis => Some(Millis(u64::from(millis))),
        }
    }
}
