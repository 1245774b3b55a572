//! What the core needs to know of the assistant and of the worker: part of the opening event, so that a replay has it too.

use crate::model::{Millis, VoiceSettings};
use serde::{Deserialize, Serialize};

/// Everything that bounds a call. Arrives in the opening event; never changes during the call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallSettings {
    pub voice: VoiceSettings,
    pub deadlines: Deadlines,
    pub texts: FixedTexts,
    /// Where a transfer may go: exact destinations, or prefixes that end in `*`, compared byte for byte. `None`: every destination an intent
    /// can name was configured, so no second list is kept.
    pub transfer_allowed: Option<Vec<String>>,
    pub transfer: TransferProfile,
}

/// What the call's trunk can do for a transfer; filled from the trunk's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferProfile {
    pub refer: ReferProfile,
    /// Where a REFER is refused or fails, dial the destination as a second leg and bridge.
    pub bridge_on_failure: bool,
    /// After an accepted consult hand the caller over by REFER with Replaces (RFC 3891), so that the worker leaves the path; where that is
    /// refused the media is bridged.
    pub replaces: bool,
    /// Header of a REFER and of a second leg's INVITE that carries the reason and the summary. `None`: nothing but the reason, in the host's own.
    pub header: Option<String>,
    /// Whether second legs can be dialled over this trunk: without them a warm transfer is `Unsupported`.
    pub dials: bool,
    /// Attempts one call may make, all its transfers together; a further one is not dialled (`limit_reached`).
    pub attempts_per_call: u32,
}

impl Default for TransferProfile {
    fn default() -> Self {
        Self { refer: ReferProfile::Works, bridge_on_failure: false, replaces: false, header: None, dials: true, attempts_per_call: 20 }
    }
}

/// What the trunk does with a REFER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferProfile {
    /// Answers and reports by NOTIFY.
    #[default]
    Works,
    /// Answers 202 and never reports: the acceptance is all there is to know.
    AcceptsWithoutNotify,
    /// Refuses every REFER: none is sent.
    Refuses,
}

/// How long the core waits for each answer before it goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// Inbound: how long the answer waits for the first words, so that the caller does not pick up silence.
    pub greeting: Millis,
    /// Outbound: offer to `LegAnswered` or `LegFailed`.
    pub setup: Millis,
    /// `RunTurn` to `TurnReady` or the next `TurnSpeech`.
    pub turn: Millis,
    /// `Answer` to `LegAnswered`; 64*T1 by RFC 3261, plus a margin for the SIP module to speak first.
    pub acknowledge: Millis,
    /// `Play` to `PlaybackEnded`: a bound on any one utterance.
    pub utterance: Millis,
    /// The last words of a call, all of them together.
    pub last_words: Millis,
    /// `Release` to `LegReleased`.
    pub release: Millis,
    /// `EndSession` to `SessionEnded`.
    pub close: Millis,
    /// `Refer` to `ReferAnswered`.
    pub refer_answer: Millis,
    /// 202 to the first NOTIFY, restarted by each provisional one.
    pub refer_notify: Millis,
    /// 202 to the end, however many provisional NOTIFYs come.
    pub refer_total: Millis,
    /// Second leg answered to a verdict on who did.
    pub classify: Millis,
    /// How long a human who answered waits for the briefing's words.
    pub compose: Millis,
    /// `ComposeBriefing` to `BriefingComposed`; it runs while the leg rings.
    pub briefing: Millis,
    /// Bridged to the end: bounds a call that the assistant has left and that nobody hangs up.
    pub bridged: Millis,
    /// While the caller waits for a person: how often he is told so.
    pub waiting_reminder: Millis,
    /// A suspended turn to its approval; then it counts as refused.
    pub approval: Millis,
    /// A request for a human to the first sign of one; then the assistant goes on.
    pub human: Millis,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            greeting: Millis(1_000),
            setup: Millis::from_secs(60),
            turn: Millis::from_secs(15),
            acknowledge: Millis::from_secs(34),
            utterance: Millis::from_secs(120),
            last_words: Millis::from_secs(60),
            release: Millis::from_secs(34),
            close: Millis::from_secs(10),
            refer_answer: Millis::from_secs(34),
            refer_notify: Millis::from_secs(30),
            refer_total: Millis::from_secs(120),
            classify: Millis::from_secs(4),
            compose: Millis::from_secs(5),
            briefing: Millis::from_secs(10),
            bridged: Millis::from_secs(4 * 3_600),
            waiting_reminder: Millis::from_secs(20),
            approval: Millis::from_secs(300),
            human: Millis::from_secs(300),
        }
    }
}

/// Sentences the worker says when the runtime cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FixedTexts {
    /// A turn failed or timed out.
    pub apology: String,
    /// Turns failed too often; the last words of the call.
    pub apology_and_goodbye: String,
    /// A transfer failed and the intent has no words for it.
    pub transfer_failed: String,
    /// Said before a retry where the intent has no `retry_text`.
    pub transfer_retry: String,
    /// A drain does not leave time for a transfer.
    pub draining: String,
    /// A static reminder where the assistant has no `silence_reminder_message`.
    pub silence_reminder: String,
    /// `speak_then_hangup` where the assistant has no `silence_end_message`.
    pub silence_goodbye: String,
    /// A human is told this where there is no briefing.
    pub briefing_fallback: String,
    /// Asked after the briefing.
    pub briefing_question: String,
    /// While the caller waits for a person's decision or help.
    pub waiting: String,
    /// A human was asked for and nobody came.
    pub nobody_came: String,
}

impl Default for FixedTexts {
    fn default() -> Self {
        Self {
            apology: "Sorry, I did not get that. Could you say it again?".to_owned(),
            apology_and_goodbye: "I'm sorry, I can't go on right now. Please call again later. Goodbye.".to_owned(),
            transfer_failed: "I'm sorry, I could not connect you. I can keep helping you here.".to_owned(),
            transfer_retry: "I could not reach them. Let me try once more.".to_owned(),
            draining: "I'm sorry, I can't connect you right now. Please call again in a few minutes.".to_owned(),
            silence_reminder: "Are you still there?".to_owned(),
            silence_goodbye: "I can't hear you, so I will end the call. Goodbye.".to_owned(),
            briefing_fallback: "Hello. A caller would like to speak with you.".to_owned(),
            briefing_question: "Press 1 or say yes to take the call, 2 or no to decline, 3 or again to hear this once more.".to_owned(),
            waiting: "Thank you for waiting. I am still on it.".to_owned(),
            nobody_came: "I'm sorry, nobody is free right now. I can keep helping you here.".to_owned(),
        }
    }
}
