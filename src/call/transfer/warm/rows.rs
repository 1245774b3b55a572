//! The rows themselves, one function a state.

use super::{Act, Cue, Row, State};
use Act as A;
use Cue as C;
use State as S;

/// A failed attempt whose leg is gone, or still owed its release; then whatever comes next.
const FAILED: &[Act] = &[A::Fail, A::Choose];
const RELEASED: &[Act] = &[A::Release, A::Fail, A::Choose];
const PARTED: &[Act] = &[A::Unbridge, A::Fail, A::Choose];
const PARTED_RELEASED: &[Act] = &[A::Unbridge, A::Release, A::Fail, A::Choose];

/// The row of every state and cue.
pub(crate) fn row(state: State, cue: Cue) -> Row {
    match state {
        S::Holding => holding(cue),
        S::Dialing => dialing(cue),
        S::Classifying => classifying(cue),
        S::Composing => composing(cue),
        S::Briefing => briefing(cue),
        S::Deciding => deciding(cue),
        S::Bridging => bridging(cue),
        S::HandingOver => handing_over(cue),
        S::Replaced => replaced(cue),
        S::Bridged => bridged(cue),
        S::Back => over(S::Back, cue),
        S::Ended => over(S::Ended, cue),
    }
}

const fn go(to: State, acts: &'static [Act]) -> Row {
    Row { to, acts }
}

const fn stale(state: State) -> Row {
    Row { to: state, acts: &[A::Stale] }
}

fn holding(cue: Cue) -> Row {
    match cue {
        C::Ready => go(S::Dialing, &[A::Dial]),
        C::Another => go(S::Holding, &[A::Announce]),
        C::Exhausted | C::HoldDue => go(S::Back, &[]),
        C::Reassure => go(S::Holding, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[]),
        C::Composed => go(S::Holding, &[]),
        C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Broken
        | C::SupervisorLeft
        | C::Human
        | C::Machine
        | C::Briefed
        | C::Accepted
        | C::AcceptedToHandOver
        | C::Declined
        | C::Repeat
        | C::Unclear
        | C::Heard
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::ConfirmDue => stale(S::Holding),
    }
}

fn dialing(cue: Cue) -> Row {
    match cue {
        C::AnsweredToClassify => go(S::Classifying, &[A::Attend, A::Classify]),
        C::AnsweredToBrief => go(S::Composing, &[A::Attend]),
        C::AnsweredToJoin => go(S::Bridging, &[A::Attend, A::Bridge]),
        C::Refused | C::SupervisorLeft => go(S::Holding, FAILED),
        C::Broken | C::DialDue => go(S::Holding, RELEASED),
        C::HoldDue => go(S::Back, &[A::Release, A::Fail]),
        C::Reassure => go(S::Dialing, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Fail]),
        C::Rang | C::Composed | C::Heard => go(S::Dialing, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Human
        | C::Machine
        | C::Briefed
        | C::Accepted
        | C::AcceptedToHandOver
        | C::Declined
        | C::Repeat
        | C::Unclear
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::ConfirmDue => stale(S::Dialing),
    }
}

fn classifying(cue: Cue) -> Row {
    match cue {
        // Without a verdict in time it counts as a human: nobody is left talking into silence.
        C::Human | C::ClassifyDue => go(S::Composing, &[]),
        C::Machine | C::Broken | C::BriefingDue => go(S::Holding, RELEASED),
        C::SupervisorLeft => go(S::Holding, FAILED),
        C::HoldDue => go(S::Back, &[A::Release, A::Fail]),
        C::Reassure => go(S::Classifying, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Fail]),
        // Nothing was asked yet: a key or a word decides nothing.
        C::Composed | C::Heard | C::Unclear | C::Accepted | C::AcceptedToHandOver | C::Declined | C::Repeat => go(S::Classifying, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Briefed
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ComposeDue
        | C::ConfirmDue => stale(S::Classifying),
    }
}

fn composing(cue: Cue) -> Row {
    match cue {
        C::Composed | C::ComposeDue => go(S::Briefing, &[A::Brief]),
        C::Broken | C::BriefingDue => go(S::Holding, RELEASED),
        C::SupervisorLeft => go(S::Holding, FAILED),
        C::HoldDue => go(S::Back, &[A::Release, A::Fail]),
        C::Reassure => go(S::Composing, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Fail]),
        C::Human | C::Heard | C::Unclear | C::Accepted | C::AcceptedToHandOver | C::Declined | C::Repeat => go(S::Composing, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Machine
        | C::Briefed
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ConfirmDue => stale(S::Composing),
    }
}

fn briefing(cue: Cue) -> Row {
    match cue {
        C::Briefed => go(S::Deciding, &[A::NoteBriefed]),
        C::Accepted => go(S::Bridging, &[A::NoteAccepted, A::Bridge]),
        C::AcceptedToHandOver => go(S::HandingOver, &[A::NoteAccepted, A::HandOver]),
        C::Declined => go(S::Holding, &[A::NoteDeclined, A::Release, A::Fail, A::Choose]),
        C::Repeat => go(S::Briefing, &[A::Brief]),
        C::Broken | C::BriefingDue => go(S::Holding, RELEASED),
        C::SupervisorLeft => go(S::Holding, FAILED),
        C::HoldDue => go(S::Back, &[A::Release, A::Fail]),
        C::Reassure => go(S::Briefing, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Fail]),
        C::Human | C::Heard | C::Unclear | C::Composed => go(S::Briefing, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Machine
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::ConfirmDue => stale(S::Briefing),
    }
}

fn deciding(cue: Cue) -> Row {
    match cue {
        C::Accepted => go(S::Bridging, &[A::NoteAccepted, A::Bridge]),
        C::AcceptedToHandOver => go(S::HandingOver, &[A::NoteAccepted, A::HandOver]),
        C::Declined => go(S::Holding, &[A::NoteDeclined, A::Release, A::Fail, A::Choose]),
        C::Repeat => go(S::Briefing, &[A::Brief]),
        C::Unclear => go(S::Deciding, &[A::Ask, A::Patience]),
        C::Heard | C::Briefed => go(S::Deciding, &[A::Patience]),
        C::Silent => go(S::Deciding, &[A::Remind]),
        C::SilentAgain | C::Broken | C::BriefingDue => go(S::Holding, RELEASED),
        C::SupervisorLeft => go(S::Holding, FAILED),
        C::HoldDue => go(S::Back, &[A::Release, A::Fail]),
        C::Reassure => go(S::Deciding, &[A::Comfort]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Fail]),
        C::Human | C::Composed => go(S::Deciding, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Machine
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::ConfirmDue => stale(S::Deciding),
    }
}

fn bridging(cue: Cue) -> Row {
    match cue {
        C::Joined => go(S::Bridged, &[A::Celebrate]),
        C::NotJoined => go(S::Holding, RELEASED),
        C::ConfirmDue | C::Broken => go(S::Holding, PARTED_RELEASED),
        C::SupervisorLeft => go(S::Holding, PARTED),
        C::HoldDue => go(S::Back, &[A::Unbridge, A::Release, A::Fail]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Unbridge, A::Release, A::Fail]),
        // He accepted: what he says or presses from here on is for the caller.
        C::Heard | C::Unclear | C::Accepted | C::AcceptedToHandOver | C::Declined | C::Repeat | C::Briefed | C::Composed | C::Human => {
            go(S::Bridging, &[])
        }
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Machine
        | C::Silent
        | C::SilentAgain
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::Reassure => stale(S::Bridging),
    }
}

fn handing_over(cue: Cue) -> Row {
    match cue {
        C::HandedOver => go(S::Ended, &[A::Release, A::Finish]),
        C::HandOverFailed => go(S::Bridging, &[A::Bridge]),
        C::ConfirmDue => go(S::Bridging, &[A::AbandonHandOver, A::Bridge]),
        // His telephone ends the dialog that was replaced: most likely the success that is about to be confirmed.
        C::SupervisorLeft => go(S::Replaced, &[]),
        C::Broken => go(S::Holding, &[A::AbandonHandOver, A::Release, A::Fail, A::Choose]),
        C::HoldDue => go(S::Back, &[A::AbandonHandOver, A::Release, A::Fail]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::AbandonHandOver, A::Release, A::Fail]),
        C::Heard | C::Unclear | C::Accepted | C::AcceptedToHandOver | C::Declined | C::Repeat | C::Briefed | C::Composed | C::Human => {
            go(S::HandingOver, &[])
        }
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Machine
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::Reassure => stale(S::HandingOver),
    }
}

fn replaced(cue: Cue) -> Row {
    match cue {
        C::HandedOver => go(S::Ended, &[A::Finish]),
        C::HandOverFailed => go(S::Holding, FAILED),
        C::ConfirmDue => go(S::Holding, &[A::AbandonHandOver, A::Fail, A::Choose]),
        C::HoldDue => go(S::Back, &[A::AbandonHandOver, A::Fail]),
        C::CallerLeft | C::CallEnds => go(S::Ended, &[A::AbandonHandOver, A::Fail]),
        C::Composed => go(S::Replaced, &[]),
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Broken
        | C::SupervisorLeft
        | C::Human
        | C::Machine
        | C::Briefed
        | C::Accepted
        | C::AcceptedToHandOver
        | C::Declined
        | C::Repeat
        | C::Unclear
        | C::Heard
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::Reassure => stale(S::Replaced),
    }
}

fn bridged(cue: Cue) -> Row {
    match cue {
        C::SupervisorLeft => go(S::Ended, &[A::Finish]),
        C::Broken | C::NotJoined | C::CallerLeft | C::CallEnds => go(S::Ended, &[A::Release, A::Finish]),
        // The two talk with each other.
        C::Heard | C::Unclear | C::Accepted | C::AcceptedToHandOver | C::Declined | C::Repeat | C::Briefed | C::Joined | C::Composed => {
            go(S::Bridged, &[])
        }
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Human
        | C::Machine
        | C::Silent
        | C::SilentAgain
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::ConfirmDue
        | C::HoldDue
        | C::Reassure => stale(S::Bridged),
    }
}

fn over(state: State, cue: Cue) -> Row {
    match cue {
        C::Ready
        | C::Another
        | C::Exhausted
        | C::Rang
        | C::AnsweredToClassify
        | C::AnsweredToBrief
        | C::AnsweredToJoin
        | C::Refused
        | C::Broken
        | C::SupervisorLeft
        | C::Human
        | C::Machine
        | C::Composed
        | C::Briefed
        | C::Accepted
        | C::AcceptedToHandOver
        | C::Declined
        | C::Repeat
        | C::Unclear
        | C::Heard
        | C::Silent
        | C::SilentAgain
        | C::Joined
        | C::NotJoined
        | C::HandedOver
        | C::HandOverFailed
        | C::DialDue
        | C::ClassifyDue
        | C::ComposeDue
        | C::BriefingDue
        | C::ConfirmDue
        | C::HoldDue
        | C::Reassure
        | C::CallerLeft
        | C::CallEnds => stale(state),
    }
}
