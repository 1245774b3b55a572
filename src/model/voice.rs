//! How an assistant behaves on the phone (contract sections 5 and 6). Names, bounds and defaults are those of the published voice configuration.

use super::bounded::{Bounded, Text};
use super::dtmf::DtmfSettings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Voice behaviour of one assistant. Every unset key has the contract's default; an unknown one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VoiceSettings {
    pub first_speaking: FirstSpeaking,
    pub interruptions_enabled: bool,
    pub interruption_min_words: Bounded<0, 20>,
    pub interruption_min_duration_ms: Bounded<0, 10_000>,
    /// After an interruption, no second one cuts for this long.
    pub interruption_backoff_ms: Bounded<0, 10_000>,
    /// How long a turn waits for the recogniser's final words after speech ended.
    pub interruption_final_transcript_grace_ms: Bounded<0, 2_000>,
    /// At most 50; any of them interrupts whatever the word count.
    pub interruption_trigger_phrases: Vec<String>,
    /// At most 20; these interrupt even uninterruptible speech other than the disclosure.
    pub interruption_hard_phrases: Vec<String>,
    /// 0 = never.
    pub silence_timeout_ms: Bounded<0, 600_000>,
    pub silence_reminder_count: Bounded<0, 10>,
    pub silence_reminder_mode: SilenceReminderMode,
    pub silence_reminder_message: Option<Text<500>>,
    pub silence_end_action: SilenceEndAction,
    pub silence_end_message: Option<Text<500>>,
    pub max_call_duration_ms: Bounded<1_000, 14_400_000>,
    pub voicemail_detection_mode: VoicemailDetectionMode,
    pub voicemail_detection_timeout_ms: Bounded<0, 60_000>,
    pub voicemail_message: Option<Text<1000>>,
    /// Pace of the assistant's voice, 1 = the voice's own; 0 counts as unset.
    pub tts_speed: Option<Speed>,
    /// Word or phrase to how it is said: other words, or phonemes between slashes.
    pub pronunciation_overrides: BTreeMap<String, String>,
    #[serde(flatten)]
    pub dtmf: DtmfSettings,
}

/// A pace from 0 to below 10, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Speed(u16);

impl Speed {
    /// Percent of the voice's own pace.
    pub const fn percent(self) -> u16 {
        if self.0 == 0 { 100 } else { self.0 }
    }
}

impl TryFrom<f64> for Speed {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if !(0.0..10.0).contains(&value) {
            return Err(format!("{value} is no speed: from 0 to below 10"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside 0 to 1000")]
        let hundredths = (value * 100.0).round() as u16;
        Ok(Self(hundredths))
    }
}

impl From<Speed> for f64 {
    fn from(speed: Speed) -> Self {
        Self::from(speed.0) / 100.0
    }
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            first_speaking: FirstSpeaking::default(),
            interruptions_enabled: true,
            interruption_min_words: Bounded::of(2),
            interruption_min_duration_ms: Bounded::of(0),
            interruption_backoff_ms: Bounded::of(1_000),
            interruption_final_transcript_grace_ms: Bounded::of(250),
            interruption_trigger_phrases: Vec::new(),
            interruption_hard_phrases: Vec::new(),
            silence_timeout_ms: Bounded::of(30_000),
            silence_reminder_count: Bounded::of(0),
            silence_reminder_mode: SilenceReminderMode::Static,
            silence_reminder_message: None,
            silence_end_action: SilenceEndAction::HangupImmediate,
            silence_end_message: None,
            max_call_duration_ms: Bounded::of(600_000),
            voicemail_detection_mode: VoicemailDetectionMode::Off,
            voicemail_detection_timeout_ms: Bounded::of(2_000),
            voicemail_message: None,
            tts_speed: None,
            pronunciation_overrides: BTreeMap::new(),
            dtmf: DtmfSettings::default(),
        }
    }
}

/// Who opens the conversation and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirstSpeaking {
    pub first_speaker: FirstSpeaker,
    pub mode: FirstSpeakingMode,
    /// Required for a static first word of the agent.
    pub text: Option<Text<1000>>,
    pub instructions: Option<Text<2000>>,
    pub interruptible: bool,
    /// Played first and never cut, even when the user speaks first.
    pub ai_disclosure_text: Option<Text<500>>,
}

impl Default for FirstSpeaking {
    fn default() -> Self {
        Self {
            first_speaker: FirstSpeaker::Agent,
            mode: FirstSpeakingMode::Static,
            text: None,
            instructions: None,
            interruptible: true,
            ai_disclosure_text: None,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $first:ident, $second:ident }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            #[default]
            $first,
            $second,
        }
    };
}

words!(FirstSpeaker { Agent, User });
words!(FirstSpeakingMode { Static, Dynamic });
words!(
    /// Fixed reminder text, or one the runtime makes (a turn with `TurnInput::Silent`).
    SilenceReminderMode { Static, Auto }
);
words!(SilenceEndAction { HangupImmediate, SpeakThenHangup });
words!(VoicemailDetectionMode { Off, LeaveMessage });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keypad_settings_stand_among_the_voice_settings_and_unknown_keys_are_refused() {
        let voice: VoiceSettings = serde_json::from_str(r#"{"dtmf_enabled": true, "dtmf_max_digits": 8}"#).unwrap();
        assert!(voice.dtmf.dtmf_enabled);
        assert_eq!(voice.dtmf.dtmf_max_digits.get(), 8);
        let spoken: VoiceSettings = serde_json::from_str(r#"{"tts_speed": 1.15, "pronunciation_overrides": {"Acme": "ack me"}}"#).unwrap();
        assert_eq!((spoken.tts_speed.map(Speed::percent), spoken.pronunciation_overrides.len()), (Some(115), 1));
        assert!(serde_json::from_str::<VoiceSettings>(r#"{"tts_speed": 10.0}"#).is_err());
        let error = serde_json::from_str::<VoiceSettings>(r#"{"dtmf_max_digitz": 8}"#).unwrap_err().to_string();
        assert!(error.contains("dtmf_max_digitz"), "{error}");
        let again: VoiceSettings = serde_json::from_str(&serde_json::to_string(&voice).unwrap()).unwrap();
        assert_eq!(again, voice);
    }
}
