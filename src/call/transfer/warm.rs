//! The table of a warm transfer: where a consultation stands, and what each cue makes of it.
//!
//! Every (state, cue) pair has its row, written out. A row says where it goes on and what is done; data (which destination, how long, why) and
//! timers are `consult`'s, and which timers run is a property of the state ([`State::runs`]). A caller who is bridged after a REFER failed walks
//! the same table, from `Dialing` straight to `Bridging`. The picture of it is `warm.md`, drawn from here by a test.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    /// Between attempts: the caller hears an announcement.
    Holding,
    Dialing,
    /// Somebody answered: a human or a machine?
    Classifying,
    /// A human is there; what to tell him is being made.
    Composing,
    /// He is told, and asked.
    Briefing,
    /// He was asked; his word is awaited.
    Deciding,
    /// He accepted: the two legs are being joined.
    Bridging,
    /// He accepted: the caller is handed over by REFER with Replaces.
    HandingOver,
    /// As before, and his leg with us is over; the network has not confirmed yet.
    Replaced,
    /// The two talk; both legs are watched.
    Bridged,
    /// The caller is back with the assistant.
    Back,
    /// The call is over for us.
    Ended,
}

/// What happened, with every decision that needs data already taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cue {
    /// The announcement has played and the chosen attempt fits the remaining hold.
    Ready,
    /// Another attempt was chosen.
    Another,
    /// No attempt is left, or none fits.
    Exhausted,
    Rang,
    AnsweredToClassify,
    AnsweredToBrief,
    AnsweredToJoin,
    /// The leg could not be set up and is gone.
    Refused,
    /// The leg is of no use any more and still owed its release.
    Broken,
    /// The leg is gone.
    SupervisorLeft,
    Human,
    Machine,
    Composed,
    /// What was being said to the supervisor has played.
    Briefed,
    Accepted,
    AcceptedToHandOver,
    Declined,
    Repeat,
    /// Words that decide nothing.
    Unclear,
    /// A sound.
    Heard,
    /// Nothing was heard in time, for the first time.
    Silent,
    SilentAgain,
    Joined,
    NotJoined,
    HandedOver,
    HandOverFailed,
    DialDue,
    ClassifyDue,
    ComposeDue,
    BriefingDue,
    ConfirmDue,
    HoldDue,
    Reassure,
    CallerLeft,
    /// An order, a drain, a limit of the call.
    CallEnds,
}

/// What is done, in the row's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    /// To the caller: the hold announcement, later the retry announcement.
    Announce,
    /// To the caller: the reassurance.
    Comfort,
    Dial,
    /// Listen to the leg that answered.
    Attend,
    Classify,
    /// To the supervisor: the briefing and the question.
    Brief,
    /// To the supervisor: the question alone.
    Ask,
    /// To the supervisor: the silence reminder.
    Remind,
    /// His silence is counted anew.
    Patience,
    /// In the books: the briefing has played.
    NoteBriefed,
    NoteAccepted,
    NoteDeclined,
    /// Hush both and join them.
    Bridge,
    Unbridge,
    HandOver,
    /// The REFER is not waited for any more.
    AbandonHandOver,
    /// Joined: the tone, the books, the row's status.
    Celebrate,
    /// BYE or CANCEL of the supervisor's leg.
    Release,
    /// The attempt failed; the reason is the cue's.
    Fail,
    /// What comes next: answered by `Another` or `Exhausted`.
    Choose,
    /// In the books: the end of what succeeded.
    Finish,
    /// The cue means nothing here; it is counted.
    Stale,
}

/// One row's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) to: State,
    pub(crate) acts: &'static [Act],
}

/// What a consultation may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// `max_hold_seconds`, over all attempts.
    Hold,
    /// `max_dial_seconds`.
    Dial,
    /// The verdict on who answered.
    Classify,
    /// The briefing's words.
    Compose,
    /// `max_briefing_seconds`, from the answer.
    Briefing,
    /// `silence_timeout_seconds`.
    Silence,
    /// `bridge_confirm_seconds`.
    Confirm,
    /// `reassurance_interval_seconds`.
    Reassure,
}

impl State {
    #[cfg(test)]
    pub(crate) const ALL: [State; 12] = [
        Self::Holding,
        Self::Dialing,
        Self::Classifying,
        Self::Composing,
        Self::Briefing,
        Self::Deciding,
        Self::Bridging,
        Self::HandingOver,
        Self::Replaced,
        Self::Bridged,
        Self::Back,
        Self::Ended,
    ];

    /// Nothing follows.
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Back | Self::Ended)
    }

    /// The caller waits.
    pub(crate) const fn is_hold(self) -> bool {
        !matches!(self, Self::Bridged | Self::Back | Self::Ended)
    }

    /// Whether the timer runs in this state: it is started on the way in if it does not run yet, and stopped on the way out.
    pub(crate) const fn runs(self, timer: Timer) -> bool {
        match timer {
            Timer::Hold => self.is_hold(),
            Timer::Dial => matches!(self, Self::Dialing),
            Timer::Classify => matches!(self, Self::Classifying),
            Timer::Compose => matches!(self, Self::Composing),
            Timer::Briefing => matches!(self, Self::Classifying | Self::Composing | Self::Briefing | Self::Deciding),
            Timer::Silence => matches!(self, Self::Deciding),
            Timer::Confirm => matches!(self, Self::Bridging | Self::HandingOver | Self::Replaced),
            Timer::Reassure => {
                matches!(self, Self::Holding | Self::Dialing | Self::Classifying | Self::Composing | Self::Briefing | Self::Deciding)
            }
        }
    }

    /// Whether the caller hears hold music; `None`: as before.
    pub(crate) const fn music(self) -> Option<bool> {
        match self {
            Self::Holding => None,
            Self::Dialing | Self::Classifying | Self::Composing | Self::Briefing | Self::Deciding => Some(true),
            Self::Bridging | Self::HandingOver | Self::Replaced | Self::Bridged | Self::Back | Self::Ended => Some(false),
        }
    }
}

impl Cue {
    #[cfg(test)]
    pub(crate) const ALL: [Cue; 35] = [
        Self::Ready,
        Self::Another,
        Self::Exhausted,
        Self::Rang,
        Self::AnsweredToClassify,
        Self::AnsweredToBrief,
        Self::AnsweredToJoin,
        Self::Refused,
        Self::Broken,
        Self::SupervisorLeft,
        Self::Human,
        Self::Machine,
        Self::Composed,
        Self::Briefed,
        Self::Accepted,
        Self::AcceptedToHandOver,
        Self::Declined,
        Self::Repeat,
        Self::Unclear,
        Self::Heard,
        Self::Silent,
        Self::SilentAgain,
        Self::Joined,
        Self::NotJoined,
        Self::HandedOver,
        Self::HandOverFailed,
        Self::DialDue,
        Self::ClassifyDue,
        Self::ComposeDue,
        Self::BriefingDue,
        Self::ConfirmDue,
        Self::HoldDue,
        Self::Reassure,
        Self::CallerLeft,
        Self::CallEnds,
    ];
}

impl Timer {
    pub(crate) const ALL: [Timer; 8] =
        [Self::Hold, Self::Dial, Self::Classify, Self::Compose, Self::Briefing, Self::Silence, Self::Confirm, Self::Reassure];
}

mod rows;

pub(crate) use rows::row;

#[cfg(test)]
mod picture;
