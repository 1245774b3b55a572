//! A recording as sentences: what happened, when, for people who ask why.

use super::format::{Entry, Line};
use crate::call::{AdminOrder, AnswerVerdict, Command, Direction, Event, LegFailure, ReleaseReason, ReleasedBy};
use crate::model::{AttemptRecord, CallTime, DigitSource, FailureReason, FallbackMode, LegId, Notice, Redacted, TurnInput};
use serde::{Deserialize, Serialize};

/// One line of a call's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub at: CallTime,
    pub who: Who,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    Caller,
    Assistant,
    Worker,
    Operator,
    /// Who was dialled for the caller.
    Human,
    Network,
}

/// Whether words and keys are written out or masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    Shown,
    Masked,
}

/// The whole story of a recording.
pub fn timeline(lines: &[Line], words: Words) -> Vec<Moment> {
    lines.iter().filter_map(|line| moment(line.at, &line.entry, words)).collect()
}

/// The sentence for one entry; `None` where it would only be noise.
pub fn moment(at: CallTime, entry: &Entry, words: Words) -> Option<Moment> {
    let (who, text) = match entry {
        Entry::Event(event) => of_event(event, words)?,
        Entry::Command(command) => of_command(command, words)?,
        Entry::Truncated { why } => (Who::Worker, format!("the recording is cut from here on: {why}")),
        Entry::Opened(_) | Entry::Ask(_) | Entry::Answer(_) | Entry::Sip(_) | Entry::Closed => return None,
    };
    Some(Moment { at, who, text })
}

fn of_event(event: &Event, words: Words) -> Option<(Who, String)> {
    let said = match event {
        Event::Offered(opening) => {
            let way = match opening.direction {
                Direction::Inbound => "a call comes in",
                Direction::Outbound => "a call is placed",
            };
            (Who::Caller, format!("{way} over trunk '{}' (conversation {})", opening.trunk, opening.conversation))
        }
        Event::LegRinging { leg } => (Who::Network, format!("{} rings", name(*leg))),
        Event::LegAnswered { leg } => (Who::Network, format!("{} is connected", name(*leg))),
        Event::LegFailed { leg, why } => (Who::Network, format!("{} could not be reached: {}", name(*leg), failure(*why))),
        Event::LegReleased { leg, by, why } => released(*leg, *by, *why),
        Event::LegHeld { leg, held: true } => (party(*leg), format!("{} puts us on hold", name(*leg))),
        Event::LegHeld { leg, held: false } => (party(*leg), format!("{} takes us back", name(*leg))),
        Event::MediaLost { leg } => (Who::Network, format!("no audio arrives from {} any more", name(*leg))),
        Event::ReferAnswered { status, .. } => (Who::Network, format!("transfer request answered with {status}")),
        Event::ReferProgress { status, .. } => (Who::Network, format!("transfer target reports {status}")),
        Event::ReferEnded { .. } => (Who::Network, "transfer reports ended without a result".to_owned()),
        Event::AnswerClassified { leg, verdict, .. } => {
            let what = match verdict {
                AnswerVerdict::Human => "a human answered",
                AnswerVerdict::Machine => "an answering machine answered",
                AnswerVerdict::Unclear => "somebody answered; it is not clear whether a human did",
            };
            (Who::Worker, format!("{what} ({})", name(*leg)))
        }
        Event::BriefingComposed { .. } => (Who::Worker, "the briefing is ready".to_owned()),
        Event::BridgeUp { .. } => (Who::Worker, "the two hear each other".to_owned()),
        Event::BridgeFailed { why, .. } => (Who::Worker, format!("the two could not be joined ({})", json_word(why))),
        Event::Transcript { leg, text, .. } => (party(*leg), format!("says {}", quoted(text, words))),
        Event::RecognitionFailed { .. } => (Who::Worker, "the recogniser failed; keys still work".to_owned()),
        Event::DigitPressed { leg, digit, source } => {
            let key = if words == Words::Shown { digit.as_char() } else { '*' };
            (party(*leg), format!("presses {key} ({})", source_word(*source)))
        }
        Event::PlaybackEnded { utterance, report } if report.cut => (Who::Assistant, format!("{utterance} is cut after {}", report.heard)),
        Event::PlaybackFailed { utterance } => (Who::Worker, format!("{utterance} could not be played")),
        Event::TurnFailed { turn, error } => (Who::Worker, format!("{turn} failed: {error}")),
        Event::Ordered(AdminOrder::HangUp { reason }) => (Who::Operator, format!("orders the end of the call ({})", reason.as_str())),
        Event::Ordered(AdminOrder::Say { text }) => (Who::Operator, format!("writes {}", quoted(text, words))),
        Event::Ordered(AdminOrder::ResolveHandoff) => (Who::Operator, "resolves the handoff".to_owned()),
        Event::Ordered(AdminOrder::DecideApproval { approved, .. }) => {
            (Who::Operator, if *approved { "approves" } else { "refuses to approve" }.to_owned())
        }
        Event::Draining { deadline } => (Who::Worker, format!("the worker drains; this call may last until {deadline}")),
        Event::Overloaded => (Who::Worker, "this call's queue overflowed".to_owned()),
        Event::SessionEnded { .. } => (Who::Worker, "the session is closed".to_owned()),
        Event::Tick
        | Event::SpeechStarted { .. }
        | Event::SpeechEnded { .. }
        | Event::PartialTranscript { .. }
        | Event::PlaybackStarted { .. }
        | Event::PlaybackEnded { .. }
        | Event::TurnSpeech { .. }
        | Event::TurnReady { .. } => return None,
    };
    Some(said)
}

fn of_command(command: &Command, words: Words) -> Option<(Who, String)> {
    let said = match command {
        Command::Reject { status, .. } => (Who::Worker, format!("refuses the call with {status}")),
        Command::Release { leg, cause } => (Who::Worker, format!("hangs up {} ({})", name(*leg), cause.termination_reason().as_str())),
        Command::Refer { destination, .. } => {
            let target = if words == Words::Shown { destination.expose().as_str() } else { "the configured destination" };
            (Who::Worker, format!("asks the phone network to transfer the caller to {target}"))
        }
        Command::ReferReplacing { .. } => (Who::Worker, "hands the caller over to the second leg".to_owned()),
        Command::Dial { destination, ring, .. } => {
            let target = if words == Words::Shown { destination.expose().as_str() } else { "the configured destination" };
            (Who::Worker, format!("dials {target}, for {ring} at most"))
        }
        Command::Bridge { .. } => (Who::Worker, "joins the caller and the human".to_owned()),
        Command::Unbridge { .. } => (Who::Worker, "parts the two again".to_owned()),
        Command::StartHoldMusic { .. } => (Who::Worker, "the caller hears hold music".to_owned()),
        Command::StopHoldMusic { .. } => (Who::Worker, "the hold music ends".to_owned()),
        Command::ComposeBriefing { .. } => (Who::Worker, "a briefing is being made".to_owned()),
        Command::NoteAttempt { record } => of_attempt(record)?,
        Command::NoteStatus { status } => (Who::Worker, format!("the session is {}", json_word(status))),
        Command::Play { leg, text, .. } if *leg == LegId::CALLER => (Who::Assistant, format!("says {}", quoted(text, words))),
        Command::Play { text, .. } => (Who::Assistant, format!("tells the human {}", quoted(text, words))),
        Command::RunTurn { input: TurnInput::Silent { reminder }, .. } => (Who::Worker, format!("silence; reminder {reminder}")),
        Command::RunTurn { input: TurnInput::TransferEnded { outcome, .. }, .. } => {
            (Who::Worker, format!("the transfer is over: {}", outcome.word()))
        }
        Command::Collecting { settings, .. } if settings.dtmf_enabled => {
            let end = settings.dtmf_termination_digit.map_or_else(|| "no key".to_owned(), |key| key.as_char().to_string());
            (Who::Worker, format!("collects up to {} keys, ended by {end}", settings.dtmf_max_digits.get()))
        }
        Command::Notify(notice) => of_notice(notice)?,
        Command::Ring { .. }
        | Command::Answer { .. }
        | Command::AbandonRefer { .. }
        | Command::Tone { .. }
        | Command::ClassifyAnswer { .. }
        | Command::CutPlayback { .. }
        | Command::Listen { .. }
        | Command::StopListening { .. }
        | Command::Collecting { .. }
        | Command::RunTurn { .. }
        | Command::CancelTurn { .. }
        | Command::ReportHeard { .. }
        | Command::EndSession { .. } => return None,
    };
    Some(said)
}

/// The end of an attempt that failed; everything before it is told by what happens.
fn of_attempt(record: &AttemptRecord) -> Option<(Who, String)> {
    let why = match record.failure_reason? {
        FailureReason::NoAnswer => "nobody answered",
        FailureReason::Busy => "busy",
        FailureReason::Declined => "declined",
        FailureReason::NotFound => "there is no such number",
        FailureReason::Unreachable => "could not be reached",
        FailureReason::Machine => "an answering machine",
        FailureReason::SilentSupervisor => "nothing was heard",
        FailureReason::BriefingTimeout => "no decision in time",
        FailureReason::HoldExhausted => "the caller was on hold for as long as he may be",
        FailureReason::DoesNotFit => "the remaining hold was too short to dial",
        FailureReason::BridgeFailed => "the two could not be joined",
        FailureReason::SupervisorHungUp => "the human hung up",
        FailureReason::CallerHungUp => "the caller hung up",
        FailureReason::NotAllowed => "not on the list of destinations",
        FailureReason::LimitReached => "too many attempts",
        FailureReason::Interrupted => "the call had to end",
        FailureReason::Unconfirmed => "no confirmation came",
        FailureReason::Unsupported => "this trunk cannot do it",
    };
    let then = match record.fallback_mode {
        Some(FallbackMode::NextDestination) => "; the next destination is tried",
        Some(FallbackMode::Retry) => "; it is tried again",
        Some(FallbackMode::Bridge) => "; the worker dials itself",
        Some(FallbackMode::Assistant) => "; the caller is back with the assistant",
        Some(FallbackMode::None) | None => "",
    };
    Some((Who::Worker, format!("attempt {} failed: {why}{then}", record.attempt)))
}

fn of_notice(notice: &Notice) -> Option<(Who, String)> {
    let text = match notice {
        Notice::CallEnded { cause, duration } => {
            format!("the call is over after {duration}: {} (cause {})", cause.termination_reason().as_str(), json_word(cause))
        }
        Notice::TransferStarted { attempt } => format!("transfer, attempt {attempt}"),
        Notice::TransferEnded { outcome, attempts, took } => format!("transfer ended: {outcome} after {attempts} attempt(s), {took}"),
        Notice::SayRefused { phase } => format!("the operator's words were not spoken (the call is {phase})"),
        Notice::TransferRefused { why } => format!("transfer refused: {why}"),
        Notice::TurnTimedOut { turn } => format!("{turn} did not answer in time"),
        Notice::EndStepTimedOut { step } => format!("end step '{step}' did not answer in time"),
        Notice::DigitsDropped { count, .. } => format!("{count} key(s) dropped: too many"),
        Notice::SpeechIgnored { on_hold, .. } => {
            format!("speech not said to us was ignored ({})", if *on_hold { "on hold" } else { "our own echo" })
        }
        Notice::HandoffRequested { .. } => "the assistant asks for a human".to_owned(),
        Notice::RecognitionFailed { given_up: true, .. } => "speech is not heard any more; keys are".to_owned(),
        Notice::InputsDropped { count } => format!("{count} thing(s) the caller said or keyed dropped: too many waited"),
        Notice::SpeechDropped { .. } => "words were not spoken: too many waited".to_owned(),
        Notice::RecognitionFailed { given_up: false, .. }
        | Notice::Stale { .. }
        | Notice::Unexpected { .. }
        | Notice::TurnFailed { .. }
        | Notice::PlaybackFailed { .. } => return None,
    };
    Some((Who::Worker, text))
}

fn released(leg: LegId, by: ReleasedBy, why: ReleaseReason) -> (Who, String) {
    match (by, why) {
        (ReleasedBy::Remote, ReleaseReason::Cancelled) => (party(leg), format!("{} gives up before the answer", name(leg))),
        (ReleasedBy::Remote, _) => (party(leg), format!("{} hangs up", name(leg))),
        (ReleasedBy::Local, _) => (Who::Network, format!("{} is released", name(leg))),
        (ReleasedBy::Network, why) => (Who::Network, format!("{} is lost ({})", name(leg), json_word(&why))),
    }
}

fn failure(why: LegFailure) -> String {
    match why {
        LegFailure::Status { status } => format!("status {status}"),
        LegFailure::NoAnswer
        | LegFailure::NoMedia
        | LegFailure::Overloaded
        | LegFailure::Transport
        | LegFailure::NotAllowed
        | LegFailure::LimitReached => json_word(&why),
    }
}

fn name(leg: LegId) -> &'static str {
    if leg == LegId::CALLER { "the caller" } else { "the second leg" }
}

fn party(leg: LegId) -> Who {
    if leg == LegId::CALLER { Who::Caller } else { Who::Human }
}

fn source_word(source: DigitSource) -> &'static str {
    match source {
        DigitSource::Rfc4733 => "RFC 4733",
        DigitSource::SipInfo => "SIP INFO",
        DigitSource::InBand => "tone",
    }
}

fn quoted(text: &Redacted<String>, words: Words) -> String {
    match words {
        Words::Shown => format!("“{}”", text.expose()),
        Words::Masked => format!("({} words)", text.expose().split_whitespace().count()),
    }
}

/// The serde name of a unit or tagged enum: the same word as in recordings and metrics.
fn json_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(map)) => {
            map.values().find_map(serde_json::Value::as_str).map(str::to_owned).or_else(|| map.keys().next().cloned()).unwrap_or_default()
        }
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
