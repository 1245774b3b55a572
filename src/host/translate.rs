//! Between vocabularies: SIP, media and speech facts into the core's words, the core's causes into SIP's. Pure.

use crate::call::{AnswerVerdict, Event, LegFailure, ReleaseReason, ReleasedBy};
use crate::media::{Answerer, AudioCodec, AudioFormat, EventFormat, MediaDirection, MediaFact, MediaOrder};
use crate::model::{DigitSource, EndCause, LegId, Redacted, RequestId, Speed, VoiceSettings};
use crate::runtime::ExpectedInput;
use crate::sip::endpoint::{self as sip, LegEvent, OrderError, Reason};
use crate::sip::sdp::{self, NegotiatedAudio};
use crate::speech::{Expectation, Expected, SpeakingStyle, SpeechEvent};

/// What a fact about a SIP leg means to the core. `refer` is the REFER under way on that leg, if any; facts about an older one mean nothing.
pub(super) fn leg_event(leg: LegId, event: &LegEvent, refer: Option<RequestId>) -> Option<Event> {
    match event {
        LegEvent::Incoming { .. }
        | LegEvent::ModifyFailed { .. }
        | LegEvent::ReferRequested { .. }
        | LegEvent::Redirected { .. }
        | LegEvent::ReplaceRequested { .. } => None,
        LegEvent::Ringing { .. } => Some(Event::LegRinging { leg }),
        LegEvent::Answered { .. } | LegEvent::Confirmed { .. } => Some(Event::LegAnswered { leg }),
        LegEvent::Failed { status, .. } => Some(Event::LegFailed { leg, why: failure(*status) }),
        LegEvent::Released { by, why, .. } => Some(Event::LegReleased { leg, by: released_by(*by), why: release_reason(*why) }),
        LegEvent::MediaChanged { media, .. } | LegEvent::Replaced { media, .. } => Some(Event::LegHeld { leg, held: media.held_by_peer }),
        LegEvent::Digit { digit, .. } => Some(Event::DigitPressed { leg, digit: *digit, source: DigitSource::SipInfo }),
        LegEvent::ReferAnswered { status, .. } => refer.map(|request| Event::ReferAnswered { leg, request, status: *status }),
        LegEvent::ReferProgress { status, .. } => refer.map(|request| Event::ReferProgress { leg, request, status: *status }),
        LegEvent::ReferEnded { .. } => refer.map(|request| Event::ReferEnded { leg, request }),
    }
}

/// What an order that the endpoint refused means to the core. `refer` is set if the order was that REFER.
pub(super) fn refused_order(leg: LegId, refer: Option<RequestId>, error: &OrderError) -> Option<Event> {
    match (refer, error) {
        // The leg's own last word says more.
        (_, OrderError::NoSuchLeg(_)) => None,
        (Some(request), OrderError::Busy { .. }) => Some(Event::ReferAnswered { leg, request, status: 491 }),
        (Some(request), _) => Some(Event::ReferAnswered { leg, request, status: 500 }),
        (None, OrderError::NoCommonCodec(_) | OrderError::UnusableOffer { .. }) => Some(Event::LegFailed { leg, why: LegFailure::NoMedia }),
        (None, OrderError::Full { .. }) => Some(Event::LegFailed { leg, why: LegFailure::Overloaded }),
        (None, OrderError::NoListener(_) | OrderError::Invalid { .. }) => Some(Event::LegFailed { leg, why: LegFailure::Transport }),
        // It crossed with what the peer did; the fact about that is on its way.
        (None, OrderError::WrongState { .. } | OrderError::Busy { .. }) => None,
    }
}

/// A message in one line for the recording: what came, nothing personal.
pub(super) fn summary(event: &LegEvent) -> &'static str {
    match event {
        LegEvent::Incoming { .. } => "INVITE",
        LegEvent::Ringing { .. } => "18x INVITE",
        LegEvent::Answered { .. } => "200 INVITE",
        LegEvent::Confirmed { .. } => "ACK",
        LegEvent::Failed { .. } => "final refusal of INVITE",
        LegEvent::Released { .. } => "leg released",
        LegEvent::MediaChanged { .. } => "media changed",
        LegEvent::ModifyFailed { .. } => "change of media refused",
        LegEvent::Digit { .. } => "INFO with a key",
        LegEvent::ReferAnswered { .. } => "final answer to REFER",
        LegEvent::ReferProgress { .. } => "NOTIFY",
        LegEvent::ReferEnded { .. } => "NOTIFY, terminated",
        LegEvent::ReferRequested { .. } => "REFER",
        LegEvent::Redirected { .. } => "3xx INVITE, followed",
        LegEvent::ReplaceRequested { .. } => "INVITE with Replaces",
        LegEvent::Replaced { .. } => "ACK, another peer took over",
    }
}

/// What a fact about a leg's audio means to the core.
pub(super) fn media_fact(leg: LegId, fact: &MediaFact) -> Option<Event> {
    match fact {
        MediaFact::PlaybackStarted { utterance } => Some(Event::PlaybackStarted { utterance: *utterance }),
        MediaFact::PlaybackEnded { utterance, report } => Some(Event::PlaybackEnded { utterance: *utterance, report: *report }),
        MediaFact::DigitPressed { digit, source } => Some(Event::DigitPressed { leg, digit: *digit, source: *source }),
        MediaFact::MediaLost => Some(Event::MediaLost { leg }),
        MediaFact::AnswerClassified { who, after_beep } => {
            Some(Event::AnswerClassified { leg, verdict: verdict(*who), after_beep: *after_beep })
        }
        // Speech edges come from the recogniser, which gates them by its own model.
        MediaFact::SpeechStarted
        | MediaFact::SpeechEnded
        | MediaFact::MediaBack
        | MediaFact::SourceChanged { .. }
        | MediaFact::RoomFlows { .. }
        | MediaFact::RecordingEnded { .. }
        | MediaFact::Closed { .. } => None,
    }
}

/// What the recogniser's word means to the core.
pub(super) fn speech_event(leg: LegId, event: SpeechEvent) -> Option<Event> {
    match event {
        SpeechEvent::SpeechStarted => Some(Event::SpeechStarted { leg }),
        SpeechEvent::SpeechEnded => Some(Event::SpeechEnded { leg }),
        SpeechEvent::Partial { text } => Some(Event::PartialTranscript { leg, text }),
        SpeechEvent::Final { text, confidence_permille } => Some(Event::Transcript { leg, text, confidence_permille }),
        SpeechEvent::Failed { .. } => Some(Event::RecognitionFailed { leg }),
        // A sound without words: what it interrupted goes on.
        SpeechEvent::NoWords => Some(Event::Transcript { leg, text: Redacted::default(), confidence_permille: 0 }),
        SpeechEvent::Lagging => None,
    }
}

/// How an assistant with these settings speaks.
pub(super) fn speaking_style(voice: &VoiceSettings) -> SpeakingStyle {
    SpeakingStyle {
        voice: None,
        speed_percent: voice.tts_speed.map_or(100, Speed::percent),
        pronunciations: voice.pronunciation_overrides.clone(),
    }
}

/// How the ear should listen for what the conversation waits for.
pub(super) fn expectation(input: ExpectedInput) -> Expectation {
    let kind = match input {
        ExpectedInput { digits: Some((min, max)), .. } => Expected::Digits { min, max },
        ExpectedInput { choice: true, .. } => Expected::Choice,
        ExpectedInput { .. } => Expected::Anything,
    };
    Expectation { kind, hints: input.words.into_iter().map(Redacted::new).collect() }
}

/// The orders that bring a leg's media in line with what signalling agreed on.
pub fn media_orders(agreed: &NegotiatedAudio) -> Result<Vec<MediaOrder>, String> {
    let codec = match agreed.codec {
        sdp::AudioCodec::Pcmu => AudioCodec::Pcmu,
        sdp::AudioCodec::Pcma => AudioCodec::Pcma,
        sdp::AudioCodec::G722 => AudioCodec::G722,
        sdp::AudioCodec::Opus => return Err("Opus was agreed on but is not spoken here".to_owned()),
    };
    let event = agreed.telephone_event.map(|event| EventFormat { send: event.payload_type, receive: event.receive_payload_type });
    let direction = match (agreed.direction.sends(), agreed.direction.receives()) {
        (true, true) => MediaDirection::SendReceive,
        (true, false) => MediaDirection::SendOnly,
        (false, true) => MediaDirection::ReceiveOnly,
        (false, false) => MediaDirection::Inactive,
    };
    Ok(vec![
        MediaOrder::SetCodec { audio: AudioFormat { codec, payload_type: agreed.payload_type }, event },
        MediaOrder::SetRemote { rtp: agreed.remote },
        MediaOrder::SetDirection { direction },
    ])
}

/// The Reason header (RFC 3326) of the BYE or CANCEL that ends a leg for this cause.
pub(super) fn reason_header(cause: EndCause) -> Reason {
    Reason { protocol: "SIP".to_owned(), cause: cause.sip_status(), text: Some(cause.termination_reason().as_str().to_owned()) }
}

fn verdict(who: Answerer) -> AnswerVerdict {
    match who {
        Answerer::Human => AnswerVerdict::Human,
        Answerer::Machine => AnswerVerdict::Machine,
        Answerer::Unclear => AnswerVerdict::Unclear,
    }
}

fn failure(status: u16) -> LegFailure {
    match status {
        408 => LegFailure::NoAnswer,
        503 => LegFailure::Transport,
        status => LegFailure::Status { status },
    }
}

fn released_by(by: sip::ReleasedBy) -> ReleasedBy {
    match by {
        sip::ReleasedBy::Remote => ReleasedBy::Remote,
        sip::ReleasedBy::Local => ReleasedBy::Local,
        sip::ReleasedBy::Network => ReleasedBy::Network,
    }
}

fn release_reason(why: sip::ReleaseReason) -> ReleaseReason {
    match why {
        sip::ReleaseReason::Bye => ReleaseReason::Bye,
        sip::ReleaseReason::Cancelled => ReleaseReason::Cancelled,
        sip::ReleaseReason::Rejected { .. } | sip::ReleaseReason::NoMedia => ReleaseReason::Rejected,
        sip::ReleaseReason::NeverAcknowledged | sip::ReleaseReason::NeverPracked => ReleaseReason::NeverAcknowledged,
        sip::ReleaseReason::SessionExpired => ReleaseReason::SessionExpired,
        sip::ReleaseReason::DialogLost => ReleaseReason::DialogLost,
        sip::ReleaseReason::TransportLost => ReleaseReason::TransportLost,
    }
}
