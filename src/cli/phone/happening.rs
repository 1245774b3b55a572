//! What a phone reports while it runs, as sentences for people.

use crate::model::{Millis, WorkerTime};
use crate::sip::endpoint::{ReleaseReason, ReleasedBy};
use std::fmt;

/// One line of a phone's story.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    /// By the clock the phone was given.
    pub(crate) at: WorkerTime,
    pub(crate) line: Which,
    pub(crate) what: What,
}

/// Which call of the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    /// The one it was told to place.
    Dialled,
    /// The one a REFER asked for.
    Referred,
    /// One that came in.
    Incoming,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Calls {
        target: String,
    },
    ComesIn,
    Rings {
        status: u16,
    },
    Answered,
    Says {
        words: String,
    },
    Presses {
        keys: String,
    },
    Hears,
    HearsNothing,
    Held {
        held: bool,
    },
    /// The other side asks us to call someone.
    AskedToCall {
        target: String,
        follows: bool,
    },
    HangsUp,
    Failed {
        status: u16,
    },
    Released {
        by: ReleasedBy,
        why: ReleaseReason,
    },
    Recorded {
        length: Millis,
        truncated: bool,
    },
    /// An `expect` step.
    Skipped,
    TimeIsUp,
    Fault {
        why: String,
    },
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Which::Dialled => {}
            Which::Referred => f.write_str("[referred call] ")?,
            Which::Incoming => f.write_str("[incoming call] ")?,
        }
        self.what.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { target } => write!(f, "calls {target}"),
            Self::ComesIn => f.write_str("a call comes in"),
            Self::Rings { status } => write!(f, "it rings ({status})"),
            Self::Answered => f.write_str("answered"),
            Self::Says { words } => write!(f, "says “{words}”"),
            Self::Presses { keys } => write!(f, "presses {keys}"),
            Self::Hears => f.write_str("the other side speaks"),
            Self::HearsNothing => f.write_str("the other side is silent"),
            Self::Held { held: true } => f.write_str("is put on hold"),
            Self::Held { held: false } => f.write_str("media changed"),
            Self::AskedToCall { target, follows: true } => write!(f, "is asked to call {target} and does"),
            Self::AskedToCall { target, follows: false } => write!(f, "is asked to call {target} and declines"),
            Self::HangsUp => f.write_str("hangs up"),
            Self::Failed { status } => write!(f, "the call failed with {status}"),
            Self::Released { by, why } => write!(f, "over: {}", ending(*by, *why)),
            Self::Recorded { length, truncated: false } => write!(f, "recorded {length} of audio"),
            Self::Recorded { length, truncated: true } => write!(f, "recorded {length} of audio; some is missing"),
            Self::Skipped => f.write_str("skips an \"expect\" step: only a replay can check it"),
            Self::TimeIsUp => f.write_str("the time is up"),
            Self::Fault { why } => write!(f, "fault: {why}"),
        }
    }
}

fn ending(by: ReleasedBy, why: ReleaseReason) -> String {
    let who = match by {
        ReleasedBy::Remote => "the other side",
        ReleasedBy::Local => "we",
        ReleasedBy::Network => "the network",
    };
    match (by, why) {
        (_, ReleaseReason::Bye) => format!("{who} hung up"),
        (_, ReleaseReason::Rejected { status }) => format!("refused with {status}"),
        (_, ReleaseReason::Cancelled) => "cancelled before the answer".to_owned(),
        (_, why) => format!("{who} ended it ({why:?})"),
    }
}
