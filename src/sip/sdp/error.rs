//! Why a description cannot be used, and the SIP answer to that.

use std::net::IpAddr;

/// Why an offer or an answer cannot be used. The text quotes the peer's words with control characters taken out and cut at 120 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("the session description has {bytes} bytes; at most {max} are read")]
    TooLarge { bytes: usize, max: usize },
    #[error("the session description has more than {max} media lines")]
    TooManyStreams { max: usize },
    #[error("the session description cannot be read: {problem}")]
    Malformed { problem: String },
    #[error("the parser saw {parsed} of {written} media lines; answering would shift the streams")]
    LineCount { written: usize, parsed: usize },
    #[error("a body of type '{content_type}' was sent where application/sdp is needed")]
    ContentType { content_type: String },
    #[error("the body of type '{content_type}' has no readable application/sdp part: {problem}")]
    Multipart { content_type: String, problem: String },
    #[error("no audio stream is offered, only: {offered}")]
    NoAudio { offered: String },
    #[error("no common codec: the peer has {theirs}; this worker has {ours} (setting: codecs)")]
    NoCommonCodec { theirs: String, ours: String },
    #[error(
        "audio is offered only over {proto}; this worker speaks RTP/AVP without encryption: allow unencrypted media for it at the peer"
    )]
    SecureMediaOnly { proto: String },
    #[error("audio is offered over '{proto}'; this worker speaks RTP/AVP")]
    Transport { proto: String },
    #[error("the peer's audio address '{address}' cannot be used: {problem}")]
    Address { address: String, problem: &'static str },
    #[error("the peer's audio address {theirs} and ours {ours} are of different families: set a media address of the peer's family")]
    AddressFamily { theirs: IpAddr, ours: IpAddr },
    #[error("the answer refused our audio stream (port 0)")]
    Refused,
    #[error("the answer has {answered} media lines and none for the audio offered at place {wanted}")]
    AnswerShape { answered: usize, wanted: usize },
    #[error("no codec is configured for this leg (setting: codecs)")]
    NothingToOffer,
}

impl SdpError {
    /// The final status of a request that carried such a body (RFC 3261 sections 13.3.1.3 and 21.4).
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::Malformed { .. } | Self::Multipart { .. } => 400,
            Self::ContentType { .. } => 415,
            Self::LineCount { .. } | Self::NothingToOffer => 500,
            Self::TooManyStreams { .. }
            | Self::NoAudio { .. }
            | Self::NoCommonCodec { .. }
            | Self::SecureMediaOnly { .. }
            | Self::Transport { .. }
            | Self::Address { .. }
            | Self::AddressFamily { .. }
            | Self::Refused
            | Self::AnswerShape { .. } => 488,
        }
    }

    /// The code for a `Warning` header beside a 488 (RFC 3261 section 20.43); the text is this error's own.
    pub const fn warning_code(&self) -> Option<u16> {
        match self {
            Self::NoAudio { .. } => Some(304),
            Self::NoCommonCodec { .. } => Some(305),
            Self::SecureMediaOnly { .. } | Self::Transport { .. } => Some(302),
            Self::AddressFamily { .. } => Some(300),
            Self::Address { .. } => Some(301),
            Self::TooManyStreams { .. } | Self::Refused | Self::AnswerShape { .. } => Some(399),
            Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Multipart { .. }
            | Self::ContentType { .. }
            | Self::LineCount { .. }
            | Self::NothingToOffer => None,
        }
    }
}

/// A peer's words, fit for an error text.
pub(super) fn quoted(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(120).collect()
}
