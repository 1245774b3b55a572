//! What a leg's media learned, past tense.

use super::answering::Answerer;
use super::order::RoomId;
use crate::model::{Digit, DigitSource, Millis, PlaybackReport, UtteranceId};
use std::net::SocketAddr;

/// Facts about audio; never audio itself. Given to the leg's sink in the order they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaFact {
    /// The first frame of the utterance was handed to the pacer.
    PlaybackStarted {
        utterance: UtteranceId,
    },
    /// The last frame left, or the utterance was cut; said exactly once of each utterance that was enqueued or cut.
    PlaybackEnded {
        utterance: UtteranceId,
        report: PlaybackReport,
    },
    /// One key press, said at its first packet (or first detection).
    DigitPressed {
        digit: Digit,
        source: DigitSource,
    },
    /// The caller has spoken for `VadConfig::start`.
    SpeechStarted,
    /// The caller has been silent for `VadConfig::stop`.
    SpeechEnded,
    /// No RTP for longer than `LegMediaConfig::media_timeout` while it should come. Said once; `MediaBack` follows if it returns.
    MediaLost,
    MediaBack,
    /// RTP is now taken from (and sent to) another address than the signalled one: a NAT stands between.
    SourceChanged {
        to: SocketAddr,
    },
    /// Since it joined the room the peer's packets came and the others' audio was sent to it. Said once a `Join`.
    RoomFlows {
        room: RoomId,
    },
    /// Who answered; said once a `ClassifyAnswer`.
    AnswerClassified {
        who: Answerer,
        after_beep: bool,
    },
    /// The recording file ended; `truncated` if audio is missing from it (full disk, slow disk). The call is untouched.
    RecordingEnded {
        length: Millis,
        truncated: bool,
    },
    /// The last fact of a leg: its port is in quarantine, nothing more is sent.
    Closed {
        stats: Box<LegStats>,
    },
}

/// Counters of one leg since it was opened. Packets unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    pub sent: u64,
    pub sent_octets: u64,
    pub send_errors: u64,
    pub received: u64,
    pub received_octets: u64,
    /// Expected by sequence number and not seen.
    pub lost: u64,
    /// Came after its time to be played.
    pub late: u64,
    pub duplicates: u64,
    pub reordered: u64,
    /// No valid RTP or RTCP.
    pub malformed: u64,
    /// From an address that is not the leg's peer; dropped.
    pub strangers: u64,
    /// With a payload type that was not negotiated; dropped.
    pub unknown_payload: u64,
    /// Received frames (20 ms) of which a part had to be invented.
    pub concealed_frames: u64,
    /// Frames dropped or repeated to follow the peer's clock or a changed delay.
    pub adjusted_frames: u64,
    /// The receive buffer was set anew: new SSRC or a jump of the timestamp.
    pub resyncs: u64,
    /// Frames skipped in time because the pacer was stalled.
    pub skipped_frames: u64,
    /// Frames of silence sent inside an utterance because the producer was late.
    pub underrun_frames: u64,
    /// Chunks dropped because their utterance was cut or over.
    pub stale_chunks: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter_micros: u32,
    /// Delay the receive buffer aims at.
    pub buffer_ms: u32,
    /// Round trip by the peer's last report; 0 unknown.
    pub round_trip_ms: u32,
    /// Packets of ours the peer says it lost, by its last report.
    pub peer_lost: u32,
    pub digits_received: u64,
    pub digits_sent: u64,
    /// Keys not sent because 32 waited already.
    pub digits_refused: u64,
}
