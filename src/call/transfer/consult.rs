//! A consultation as data: facts in, orders out. It walks the table in `warm` and keeps what the table does not: which destination, how long,
//! why. No id, no text, no clock: those are `phase::consulting`'s. The same machine bridges a caller whose REFER failed, without a briefing.

use super::warm::{Act, Cue, Row, State, Timer, row};
use crate::model::{CallTime, FailureReason, FallbackMode, Millis};
use std::time::Duration;

/// Shortest ringing worth a dial: the lower bound of `max_dial_seconds`.
const RING_MIN: Duration = Duration::from_secs(5);
/// What is kept of the remaining hold for the time after the answer.
const AFTER_ANSWER: Duration = Duration::from_secs(5);
/// How often the question alone is repeated after words that decide nothing.
const ASKS_MAX: u8 = 2;
/// Destinations one intent may name; further ones are left out.
pub(crate) const DESTINATIONS_MAX: usize = 16;

/// What does not change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// False: whoever answers is joined at once (a bridge in place of a REFER).
    pub(crate) briefs: bool,
    /// In order; false where the destination may not be dialled.
    pub(crate) destinations: Vec<bool>,
    /// The first one has a briefing of its own.
    pub(crate) first_differs: bool,
    /// How often the list is gone through.
    pub(crate) rounds: u32,
    pub(crate) attempts_max: u32,
    pub(crate) hold: Millis,
    pub(crate) ring: Millis,
    pub(crate) briefing: Millis,
    pub(crate) confirm: Millis,
    pub(crate) compose: Millis,
    pub(crate) reassure: Option<Millis>,
    pub(crate) classify: Option<Millis>,
    pub(crate) silence: Option<Millis>,
    /// Accepted consults are handed over by REFER with Replaces.
    pub(crate) replaces: bool,
}

/// What a supervisor chose, by key or voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Choice {
    Accept,
    Decline,
    Repeat,
    Unclear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fact {
    Begun,
    /// Nothing is left for the caller to hear.
    Quiet,
    Rang,
    Answered,
    /// Gone before the answer.
    Refused(FailureReason),
    /// Of no use any more, and owed its release.
    Broken(FailureReason),
    Left,
    Classified {
        machine: bool,
    },
    Composed,
    /// Nothing is left for the supervisor to hear.
    Briefed,
    Chose(Choice),
    Heard,
    Joined,
    NotJoined,
    HandedOver,
    HandOverFailed,
    Due(Timer),
    CallerLeft,
    CallEnds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    Announce { first: bool },
    Comfort,
    StartMusic,
    StopMusic,
    Dial { destination: usize, ring: Millis },
    Compose { destination: usize },
    Listen,
    Classify { budget: Millis },
    Brief,
    Ask,
    Remind,
    Bridge,
    Unbridge,
    HandOver,
    AbandonHandOver,
    Tone,
    Release,
    Arm(Timer, CallTime),
    Stop(Timer),
    Mark(Mark),
    Stale,
    Over(Finish),
}

/// For the books of the attempt under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    Dialled {
        destination: usize,
    },
    Skipped {
        destination: usize,
        why: FailureReason,
    },
    Answered,
    Briefed,
    Accepted,
    Declined,
    Bridged,
    /// The end of an attempt that succeeded.
    Ended,
    Failed {
        why: FailureReason,
        then: FallbackMode,
    },
}

/// How a consultation is over; exactly one of them comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Finish {
    /// Back with the assistant, for this reason.
    Back(FailureReason),
    /// The caller was with a human when it ended.
    Transferred,
    CallerLeft,
    CallEnds,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Consult {
    state: State,
    hold_until: CallTime,
    /// The destination chosen, and the round it is in.
    destination: usize,
    round: u32,
    /// Chosen and not dialled yet.
    chosen: bool,
    /// Bit set: not to be tried again.
    spent: u32,
    dialled: u32,
    announced: bool,
    /// Of the last attempt dialled; of a skipped one where none was.
    why: Option<FailureReason>,
    /// Which briefing was asked for: that of the first destination or that of the others.
    asked_for: Option<bool>,
    composed: bool,
    reminded: bool,
    asks: u8,
    music: bool,
    timers: [Option<CallTime>; Timer::ALL.len()],
}

impl Consult {
    pub(crate) fn new(plan: &Plan, now: CallTime) -> Self {
        Self {
            state: State::Holding,
            hold_until: now.after(plan.hold),
            destination: 0,
            round: 0,
            chosen: false,
            spent: 0,
            dialled: 0,
            announced: false,
            why: None,
            asked_for: None,
            composed: false,
            reminded: false,
            asks: 0,
            music: false,
            timers: [None; Timer::ALL.len()],
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// An attempt waits for the caller to have heard what is announced.
    pub(crate) fn waits_for_quiet(&self) -> bool {
        self.state == State::Holding && self.chosen
    }

    /// The same, whenever it is: for a search that looks at each situation once.
    #[cfg(test)]
    pub(crate) fn relative(&self, now: CallTime) -> Self {
        let from_now = |at: CallTime| CallTime::ZERO.after(at.since(now));
        Self { hold_until: from_now(self.hold_until), timers: self.timers.map(|timer| timer.map(from_now)), ..self.clone() }
    }

    /// A drain or another limit of the call: no attempt begins that cannot end before it, and the hold ends there.
    pub(crate) fn shorten(&mut self, limit: CallTime, orders: &mut Vec<Order>) {
        if limit >= self.hold_until || !self.state.is_hold() {
            return;
        }
        self.hold_until = limit;
        if self.timers[Timer::Hold as usize].is_some() {
            self.arm(Timer::Hold, limit, orders);
        }
    }

    /// Takes one fact by the table.
    pub(crate) fn step(&mut self, plan: &Plan, now: CallTime, fact: Fact, orders: &mut Vec<Order>) {
        self.step_by(&row, plan, now, fact, orders);
    }

    /// Takes one fact by a table: the tests bring their own.
    pub(crate) fn step_by(&mut self, table: &dyn Fn(State, Cue) -> Row, plan: &Plan, now: CallTime, fact: Fact, orders: &mut Vec<Order>) {
        if let Fact::Due(timer) = fact {
            self.timers[timer as usize] = None;
        }
        let mut cue = self.cue(plan, now, fact, orders);
        while let Some(current) = cue {
            cue = self.walk(table, plan, now, (current, fact), orders);
        }
    }

    /// The table's cue for a fact, with the decisions that need data.
    fn cue(&mut self, plan: &Plan, now: CallTime, fact: Fact, orders: &mut Vec<Order>) -> Option<Cue> {
        Some(match fact {
            Fact::Begun => self.choose(plan, now, orders),
            Fact::Quiet if !self.waits_for_quiet() => return None,
            Fact::Quiet if self.fits(now) => Cue::Ready,
            Fact::Quiet => {
                self.chosen = false;
                self.skip(self.destination, FailureReason::DoesNotFit, orders);
                Cue::Exhausted
            }
            Fact::Rang => Cue::Rang,
            Fact::Answered if !plan.briefs => Cue::AnsweredToJoin,
            Fact::Answered if plan.classify.is_some() => Cue::AnsweredToClassify,
            Fact::Answered => Cue::AnsweredToBrief,
            Fact::Refused(_) => Cue::Refused,
            Fact::Broken(_) => Cue::Broken,
            Fact::Left => Cue::SupervisorLeft,
            Fact::Classified { machine: true } => Cue::Machine,
            Fact::Classified { machine: false } => Cue::Human,
            Fact::Composed => {
                self.composed = true;
                Cue::Composed
            }
            Fact::Briefed => Cue::Briefed,
            Fact::Chose(Choice::Accept) if plan.replaces => Cue::AcceptedToHandOver,
            Fact::Chose(Choice::Accept) => Cue::Accepted,
            Fact::Chose(Choice::Decline) => Cue::Declined,
            Fact::Chose(Choice::Repeat) => Cue::Repeat,
            Fact::Chose(Choice::Unclear) if self.asks < ASKS_MAX => Cue::Unclear,
            Fact::Chose(Choice::Unclear) | Fact::Heard => {
                self.reminded = false;
                Cue::Heard
            }
            Fact::Joined => Cue::Joined,
            Fact::NotJoined => Cue::NotJoined,
            Fact::HandedOver => Cue::HandedOver,
            Fact::HandOverFailed => Cue::HandOverFailed,
            Fact::Due(timer) => self.due(timer),
            Fact::CallerLeft => Cue::CallerLeft,
            Fact::CallEnds => Cue::CallEnds,
        })
    }

    fn due(&self, timer: Timer) -> Cue {
        match timer {
            Timer::Hold => Cue::HoldDue,
            Timer::Dial => Cue::DialDue,
            Timer::Classify => Cue::ClassifyDue,
            Timer::Compose => Cue::ComposeDue,
            Timer::Briefing => Cue::BriefingDue,
            Timer::Silence if self.reminded => Cue::SilentAgain,
            Timer::Silence => Cue::Silent,
            Timer::Confirm => Cue::ConfirmDue,
            Timer::Reassure => Cue::Reassure,
        }
    }

    /// One row. Answers the cue that follows from it at once.
    fn walk(
        &mut self,
        table: &dyn Fn(State, Cue) -> Row,
        plan: &Plan,
        now: CallTime,
        (cue, fact): (Cue, Fact),
        orders: &mut Vec<Order>,
    ) -> Option<Cue> {
        let from = self.state;
        let Row { to, acts } = table(from, cue);
        self.state = to;
        self.quieten(to, orders);
        let mut failed = None;
        let mut next = None;
        for act in acts {
            if *act == Act::Fail {
                failed = Some(self.fail(cue, fact));
            } else if *act == Act::Choose {
                next = Some(self.choose_after(plan, now, failed.take(), orders));
            } else {
                self.perform(*act, plan, now, orders);
            }
        }
        if cue == Cue::HoldDue {
            self.why = Some(FailureReason::HoldExhausted);
        }
        if let Some(why) = failed {
            let then = if to == State::Back { FallbackMode::Assistant } else { FallbackMode::None };
            orders.push(Order::Mark(Mark::Failed { why, then }));
        }
        self.align(plan, now, orders);
        if to.is_over() && !from.is_over() {
            orders.push(Order::Over(self.finish(from, cue)));
        }
        match next {
            None if to == State::Composing && from != State::Composing && self.composed => Some(Cue::Composed),
            next => next,
        }
    }

    fn perform(&mut self, act: Act, plan: &Plan, now: CallTime, orders: &mut Vec<Order>) {
        match act {
            Act::Announce => {
                orders.push(Order::Announce { first: !self.announced });
                self.announced = true;
            }
            Act::Comfort => orders.push(Order::Comfort),
            Act::Dial => self.dial(plan, now, orders),
            Act::Attend => {
                orders.push(Order::Mark(Mark::Answered));
                if plan.briefs {
                    orders.push(Order::Listen);
                }
            }
            Act::Classify => orders.push(Order::Classify { budget: plan.classify.unwrap_or_default() }),
            Act::Brief => orders.push(Order::Brief),
            Act::Ask => {
                self.asks += 1;
                self.reminded = false;
                orders.push(Order::Ask);
            }
            Act::Remind => {
                self.reminded = true;
                orders.push(Order::Remind);
            }
            Act::Patience => self.timers[Timer::Silence as usize] = None,
            Act::NoteBriefed => orders.push(Order::Mark(Mark::Briefed)),
            Act::NoteAccepted => orders.push(Order::Mark(Mark::Accepted)),
            Act::NoteDeclined => orders.push(Order::Mark(Mark::Declined)),
            Act::Bridge => {
                self.timers[Timer::Confirm as usize] = None;
                orders.push(Order::Bridge);
            }
            Act::Unbridge => orders.push(Order::Unbridge),
            Act::HandOver => orders.push(Order::HandOver),
            Act::AbandonHandOver => orders.push(Order::AbandonHandOver),
            Act::Celebrate => orders.extend([Order::Tone, Order::Mark(Mark::Bridged)]),
            Act::Release => orders.push(Order::Release),
            Act::Finish => orders.push(Order::Mark(Mark::Ended)),
            Act::Stale => orders.push(Order::Stale),
            // Done in `walk`: they need to know what became of the attempt.
            Act::Fail | Act::Choose => {}
        }
    }

    fn dial(&mut self, plan: &Plan, now: CallTime, orders: &mut Vec<Order>) {
        self.chosen = false;
        self.dialled += 1;
        (self.reminded, self.asks) = (false, 0);
        let destination = self.destination;
        let own = plan.first_differs && destination == 0;
        if plan.briefs && self.asked_for != Some(own) {
            (self.asked_for, self.composed) = (Some(own), false);
            orders.push(Order::Compose { destination });
        }
        orders.push(Order::Mark(Mark::Dialled { destination }));
        orders.push(Order::Dial { destination, ring: self.ring(plan, now) });
    }

    fn ring(&self, plan: &Plan, now: CallTime) -> Millis {
        let left = self.hold_until.since(now).saturating_sub(AFTER_ANSWER);
        plan.ring.min(Millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
    }

    fn fits(&self, now: CallTime) -> bool {
        self.hold_until.since(now) >= RING_MIN + AFTER_ANSWER
    }

    /// Why the attempt failed; those who cannot answer otherwise are not asked again.
    fn fail(&mut self, cue: Cue, fact: Fact) -> FailureReason {
        let why = reason(cue, fact);
        if !is_worth_a_retry(why) {
            self.spent |= 1 << self.destination;
        }
        self.why = Some(why);
        why
    }

    fn choose_after(&mut self, plan: &Plan, now: CallTime, failed: Option<FailureReason>, orders: &mut Vec<Order>) -> Cue {
        let before = self.destination;
        // The failed attempt's row comes before those of the skipped.
        let place = orders.len();
        if failed == Some(FailureReason::LimitReached) {
            self.spent = u32::MAX;
        }
        let cue = self.choose(plan, now, orders);
        if let Some(why) = failed {
            let then = match (cue == Cue::Another, self.destination == before) {
                (true, true) => FallbackMode::Retry,
                (true, false) => FallbackMode::NextDestination,
                (false, _) => FallbackMode::Assistant,
            };
            orders.insert(place, Order::Mark(Mark::Failed { why, then }));
        }
        cue
    }

    /// Takes the next destination that may be dialled, in order, round by round.
    fn choose(&mut self, plan: &Plan, now: CallTime, orders: &mut Vec<Order>) -> Cue {
        let count = plan.destinations.len().min(DESTINATIONS_MAX);
        let first = self.dialled == 0 && self.spent == 0 && !self.announced;
        let mut place = if first { (0, 0) } else { (self.round, self.destination + 1) };
        loop {
            if place.1 >= count {
                place = (place.0 + 1, 0);
            }
            let (round, destination) = place;
            if round >= plan.rounds || count == 0 || self.spent.count_ones() as usize >= 32 {
                return Cue::Exhausted;
            }
            place.1 += 1;
            if self.spent & (1 << destination) != 0 {
                continue;
            }
            if !plan.destinations[destination] {
                self.spent |= 1 << destination;
                self.skip(destination, FailureReason::NotAllowed, orders);
                continue;
            }
            (self.round, self.destination) = (round, destination);
            let hindrance = if self.dialled >= plan.attempts_max {
                Some(FailureReason::LimitReached)
            } else if !self.fits(now) {
                Some(FailureReason::DoesNotFit)
            } else {
                None
            };
            if let Some(why) = hindrance {
                self.skip(destination, why, orders);
                return Cue::Exhausted;
            }
            self.chosen = true;
            return Cue::Another;
        }
    }

    fn skip(&mut self, destination: usize, why: FailureReason, orders: &mut Vec<Order>) {
        self.why = self.why.or(Some(why));
        orders.push(Order::Mark(Mark::Skipped { destination, why }));
    }

    fn finish(&self, from: State, cue: Cue) -> Finish {
        match (self.state, cue, from) {
            (State::Back, _, _) => Finish::Back(self.why.unwrap_or(FailureReason::Unsupported)),
            (_, Cue::HandedOver, _) => Finish::Transferred,
            (_, Cue::CallEnds, _) => Finish::CallEnds,
            (_, _, State::Bridged) => Finish::Transferred,
            (_, _, _) => Finish::CallerLeft,
        }
    }

    /// Timers and music are properties of the state.
    fn align(&mut self, plan: &Plan, now: CallTime, orders: &mut Vec<Order>) {
        for timer in Timer::ALL {
            match (self.state.runs(timer), self.timers[timer as usize]) {
                (true, None) => {
                    if let Some(deadline) = self.deadline(timer, plan, now) {
                        self.arm(timer, deadline, orders);
                    }
                }
                (false, Some(_)) => {
                    self.timers[timer as usize] = None;
                    orders.push(Order::Stop(timer));
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        if self.state.music() == Some(true) && !self.music {
            self.music = true;
            orders.push(Order::StartMusic);
        }
    }

    /// The music is over before anything else is done to the leg.
    fn quieten(&mut self, to: State, orders: &mut Vec<Order>) {
        if to.music() == Some(false) && self.music {
            self.music = false;
            orders.push(Order::StopMusic);
        }
    }

    fn deadline(&self, timer: Timer, plan: &Plan, now: CallTime) -> Option<CallTime> {
        let span = match timer {
            Timer::Hold => return Some(self.hold_until),
            Timer::Dial => self.ring(plan, now),
            Timer::Classify => plan.classify?,
            Timer::Compose => plan.compose,
            Timer::Briefing => plan.briefing,
            Timer::Silence => plan.silence?,
            Timer::Confirm => plan.confirm,
            Timer::Reassure => plan.reassure?,
        };
        Some(now.after(span))
    }

    fn arm(&mut self, timer: Timer, deadline: CallTime, orders: &mut Vec<Order>) {
        self.timers[timer as usize] = Some(deadline);
        orders.push(Order::Arm(timer, deadline));
    }
}

/// Why an attempt that failed with this cue did.
fn reason(cue: Cue, fact: Fact) -> FailureReason {
    match (cue, fact) {
        (_, Fact::Refused(why) | Fact::Broken(why)) => why,
        (Cue::Machine, _) => FailureReason::Machine,
        (Cue::Declined, _) => FailureReason::Declined,
        (Cue::SilentAgain, _) => FailureReason::SilentSupervisor,
        (Cue::BriefingDue, _) => FailureReason::BriefingTimeout,
        (Cue::DialDue, _) => FailureReason::NoAnswer,
        (Cue::SupervisorLeft, _) => FailureReason::SupervisorHungUp,
        (Cue::HoldDue, _) => FailureReason::HoldExhausted,
        (Cue::CallerLeft, _) => FailureReason::CallerHungUp,
        (Cue::CallEnds, _) => FailureReason::Interrupted,
        (_, _) => FailureReason::BridgeFailed,
    }
}

/// Whether the same destination may answer otherwise in a later round.
fn is_worth_a_retry(why: FailureReason) -> bool {
    use FailureReason as F;
    match why {
        F::NoAnswer | F::Busy | F::Unreachable | F::BridgeFailed | F::SupervisorHungUp | F::SilentSupervisor => true,
        F::Declined
        | F::NotFound
        | F::Machine
        | F::BriefingTimeout
        | F::HoldExhausted
        | F::DoesNotFit
        | F::CallerHungUp
        | F::NotAllowed
        | F::LimitReached
        | F::Interrupted
        | F::Unconfirmed
        | F::Unsupported => false,
    }
}

#[cfg(test)]
mod tests;
