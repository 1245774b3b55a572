//! The world around one machine, and the promises it must keep.

use crate::call::transfer::consult::{Choice, Consult, Fact, Finish, Mark, Order, Plan};
use crate::call::transfer::warm::{Cue, Row, State, Timer};
use crate::model::{CallTime, FailureReason, Millis};
use std::time::Duration;

pub(super) type Table<'a> = &'a dyn Fn(State, Cue) -> Row;

/// Configurations that differ in what they make possible.
pub(super) fn plans() -> Vec<Plan> {
    let base = Plan {
        briefs: true,
        destinations: vec![true, true],
        first_differs: false,
        rounds: 1,
        attempts_max: 9,
        hold: Millis::from_secs(40),
        ring: Millis::from_secs(10),
        briefing: Millis::from_secs(15),
        confirm: Millis::from_secs(5),
        compose: Millis::from_secs(5),
        reassure: None,
        classify: None,
        silence: None,
        replaces: false,
    };
    let secs = |seconds| Some(Millis::from_secs(seconds));
    vec![
        base.clone(),
        Plan { classify: secs(4), silence: secs(5), first_differs: true, ..base.clone() },
        Plan { reassure: secs(10), destinations: vec![true], rounds: 2, ..base.clone() },
        Plan { replaces: true, ..base.clone() },
        Plan { destinations: vec![false, true, true], attempts_max: 1, hold: Millis::from_secs(15), ..base.clone() },
        Plan { briefs: false, destinations: vec![true], ..base.clone() },
        Plan { destinations: vec![false], ..base.clone() },
        Plan { classify: secs(4), silence: secs(5), reassure: secs(3), replaces: true, destinations: vec![true], ..base.clone() },
        Plan { classify: secs(20), compose: Millis::from_secs(20), destinations: vec![true], hold: Millis::from_secs(60), ..base },
    ]
}

/// What the world knows of the second leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Leg {
    None,
    Ringing,
    Up,
}

/// The shells as far as the machine can tell, and what it promised: the same in a search and in a random run.
#[derive(Clone)]
pub(super) struct Promises {
    pub(super) now: CallTime,
    begun: CallTime,
    timers: [Option<CallTime>; Timer::ALL.len()],
    leg: Leg,
    /// Something plays to the caller, to the supervisor.
    caller_hears: bool,
    supervisor_hears: bool,
    music: bool,
    classifying: bool,
    classified_once: bool,
    composing: bool,
    joining: bool,
    joined: bool,
    handing: bool,
    accepted: bool,
    declined: bool,
    announced: bool,
    listening: bool,
    /// A report about something said to the supervisor is still to come.
    report_owed: bool,
    noted_answer: bool,
    noted_briefing: bool,
    noted_bridge: bool,
    asks: u8,
    state: State,
    /// The hold was shortened by a drain, once.
    pub(super) drained: bool,
    hold_until: Option<CallTime>,
    /// An attempt is open in the books.
    open: bool,
    caller_gone: bool,
    over: Option<Finish>,
}

impl Promises {
    pub(super) fn new(now: CallTime) -> Self {
        Self {
            now,
            begun: now,
            timers: [None; Timer::ALL.len()],
            leg: Leg::None,
            caller_hears: false,
            supervisor_hears: false,
            music: false,
            classifying: false,
            classified_once: false,
            composing: false,
            joining: false,
            joined: false,
            handing: false,
            accepted: false,
            declined: false,
            announced: false,
            listening: false,
            report_owed: false,
            noted_answer: false,
            noted_briefing: false,
            noted_bridge: false,
            asks: 0,
            state: State::Holding,
            drained: false,
            hold_until: None,
            open: false,
            caller_gone: false,
            over: None,
        }
    }

    /// The same, whenever it is: times only count from now.
    pub(super) fn relative(&self) -> impl std::hash::Hash {
        let timers: Vec<Option<Duration>> = self.timers.iter().map(|timer| timer.map(|at| at.since(self.now))).collect();
        let flags = [
            self.caller_hears,
            self.supervisor_hears,
            self.music,
            self.classifying,
            self.classified_once,
            self.composing,
            self.joining,
            self.joined,
            self.handing,
            self.accepted,
            self.declined,
            self.announced,
            self.listening,
            self.report_owed,
            self.noted_answer,
            self.noted_briefing,
            self.noted_bridge,
            self.drained,
            self.open,
            self.caller_gone,
        ];
        (timers, flags, self.leg, self.over, self.asks, self.state)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Everything that can happen now; time aside.
    pub(super) fn possible(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::CallerLeft, Fact::CallEnds];
        if self.caller_hears {
            facts.push(Fact::Quiet);
        }
        if self.composing {
            facts.push(Fact::Composed);
        }
        match self.leg {
            Leg::None => {}
            Leg::Ringing => {
                facts.extend([Fact::Rang, Fact::Answered, Fact::Refused(FailureReason::Busy), Fact::Refused(FailureReason::NotFound)]);
                facts.extend([Fact::Broken(FailureReason::Unreachable), Fact::Refused(FailureReason::LimitReached), Fact::Left]);
                facts.push(Fact::Heard);
            }
            Leg::Up => {
                facts.extend([Fact::Left, Fact::Broken(FailureReason::Unreachable), Fact::Heard]);
                let choices = [Choice::Accept, Choice::Decline, Choice::Repeat, Choice::Unclear];
                facts.extend(choices.map(Fact::Chose));
            }
        }
        if self.report_owed {
            facts.push(Fact::Briefed);
        }
        if self.classifying {
            facts.extend([Fact::Classified { machine: true }, Fact::Classified { machine: false }]);
        }
        if self.joining && self.leg == Leg::Up {
            facts.extend([Fact::Joined, Fact::NotJoined]);
        }
        if self.joined {
            facts.extend([Fact::Joined, Fact::NotJoined]);
        }
        if self.handing {
            facts.extend([Fact::HandedOver, Fact::HandOverFailed]);
        }
        facts
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<(CallTime, Timer)> {
        Timer::ALL.into_iter().filter_map(|timer| self.timers[timer as usize].map(|at| (at, timer))).min()
    }

    /// The fact as the shells know it, before the machine does.
    pub(super) fn happens(&mut self, fact: Fact) {
        match fact {
            Fact::Quiet => self.caller_hears = false,
            Fact::Answered => self.leg = Leg::Up,
            Fact::Refused(_) | Fact::Left => self.lose_leg(),
            Fact::Classified { .. } => self.classifying = false,
            Fact::Composed => self.composing = false,
            Fact::Briefed => (self.supervisor_hears, self.report_owed) = (false, false),
            Fact::Joined => (self.joining, self.joined) = (false, true),
            Fact::NotJoined => (self.joining, self.joined) = (false, false),
            Fact::HandedOver | Fact::HandOverFailed => self.handing = false,
            Fact::Due(timer) => self.timers[timer as usize] = None,
            Fact::CallerLeft => self.caller_gone = true,
            Fact::Begun | Fact::Rang | Fact::Broken(_) | Fact::Chose(_) | Fact::Heard | Fact::CallEnds => {}
        }
    }

    fn lose_leg(&mut self) {
        self.leg = Leg::None;
        (self.supervisor_hears, self.report_owed, self.classifying, self.joined) = (false, false, false, false);
    }

    /// The machine's orders against what may be ordered; then what must always hold.
    pub(super) fn check(&mut self, plan: &Plan, consult: &Consult, fact: Fact, orders: &[Order]) -> Result<(), String> {
        for order in orders {
            self.order(plan, *order, fact).map_err(|broken| format!("{broken} ({order:?} on {fact:?})"))?;
        }
        self.answers(plan, consult, fact, orders)?;
        self.always(plan, consult, fact)?;
        self.state = consult.state();
        Ok(())
    }

    /// A drain: the hold ends sooner.
    pub(super) fn shortened(&mut self, limit: CallTime, orders: &[Order]) {
        (self.drained, self.hold_until) = (true, Some(limit));
        for order in orders {
            if let Order::Arm(timer, at) = order {
                self.timers[*timer as usize] = Some(*at);
            }
        }
    }

    /// What a fact must lead to.
    fn answers(&mut self, plan: &Plan, consult: &Consult, fact: Fact, orders: &[Order]) -> Result<(), String> {
        let ensure = |holds: bool, promise: &str| if holds { Ok(()) } else { Err(format!("{promise} (after {fact:?})")) };
        let (before, state) = (self.state, consult.state());
        let asked = matches!(before, State::Briefing | State::Deciding);
        let has = |wanted: Order| orders.contains(&wanted);
        match fact {
            Fact::Due(Timer::Hold) => ensure(state.is_over(), "when the hold is over it is over")?,
            Fact::Due(Timer::Reassure) => ensure(has(Order::Comfort), "the caller is reassured")?,
            Fact::Due(Timer::Silence) => ensure(has(Order::Remind) || state != State::Deciding, "silence is reminded of, or ends it")?,
            Fact::Due(Timer::Classify) => ensure(state != State::Classifying, "a verdict that does not come is not waited for")?,
            Fact::Due(Timer::Compose) => ensure(state != State::Composing, "words that do not come are not waited for")?,
            Fact::Chose(Choice::Repeat) if asked => ensure(has(Order::Brief), "who asks for it hears it again")?,
            Fact::Chose(Choice::Unclear) if before == State::Deciding && self.asks < 2 => {
                self.asks += 1;
                ensure(has(Order::Ask), "who did not understand is asked again")?;
            }
            Fact::Due(Timer::Dial | Timer::Briefing | Timer::Confirm)
            | Fact::Chose(_)
            | Fact::Begun
            | Fact::Quiet
            | Fact::Rang
            | Fact::Answered
            | Fact::Refused(_)
            | Fact::Broken(_)
            | Fact::Left
            | Fact::Classified { .. }
            | Fact::Composed
            | Fact::Briefed
            | Fact::Heard
            | Fact::Joined
            | Fact::NotJoined
            | Fact::HandedOver
            | Fact::HandOverFailed
            | Fact::CallerLeft
            | Fact::CallEnds => {}
        }
        ensure(!has(Order::Brief) || state == State::Briefing, "who is briefed is being briefed")?;
        let heard = matches!(fact, Fact::Heard | Fact::Briefed | Fact::Chose(Choice::Unclear));
        if let (true, State::Deciding, State::Deciding, Some(silence)) = (heard, before, state, plan.silence) {
            let patience = self.timers[Timer::Silence as usize];
            ensure(patience == Some(self.now.after(silence)), "silence counts from the last sound")?;
        }
        Ok(())
    }

    fn order(&mut self, plan: &Plan, order: Order, fact: Fact) -> Result<(), String> {
        let ensure = |holds: bool, promise: &str| if holds { Ok(()) } else { Err(promise.to_owned()) };
        ensure(self.over.is_none(), "nothing follows the end")?;
        let up = self.leg == Leg::Up;
        match order {
            Order::Announce { .. } | Order::Comfort => {
                ensure(!self.caller_gone && !self.joined && !self.joining && !self.handing, "nothing is said into a bridge or to nobody")?;
                self.caller_hears = true;
                self.announced |= matches!(order, Order::Announce { .. });
            }
            Order::StartMusic => {
                ensure(!self.music && !self.caller_gone && !self.joined, "music for somebody who is on hold")?;
                self.music = true;
            }
            Order::StopMusic => self.music = false,
            Order::Dial { ring, .. } => {
                ensure(self.leg == Leg::None, "one human at a time")?;
                ensure(!self.caller_hears, "the announcement is heard out before the dial")?;
                ensure(self.open, "an attempt is in the books before it is dialled")?;
                ensure(std::mem::take(&mut self.announced), "the caller is told before each dial")?;
                ensure(ring >= Millis::from_secs(5), "a dial that can be answered")?;
                self.leg = Leg::Ringing;
                (self.classified_once, self.accepted, self.declined, self.listening) = (false, false, false, false);
                (self.noted_answer, self.noted_briefing, self.noted_bridge, self.asks) = (false, false, false, 0);
            }
            Order::Compose { .. } => self.composing = true,
            Order::Listen => {
                ensure(up, "the leg that listens is up")?;
                self.listening = true;
            }
            Order::Classify { .. } => {
                ensure(up && !self.classified_once, "one verdict a leg")?;
                (self.classifying, self.classified_once) = (true, true);
            }
            Order::Brief | Order::Ask | Order::Remind => {
                ensure(up && !self.joined && !self.joining && !self.handing, "a human is told something while he is alone")?;
                let verdict = !self.classifying || matches!(fact, Fact::Due(_) | Fact::Composed | Fact::Chose(_));
                ensure(verdict, "no word before the verdict or its deadline")?;
                ensure(self.classified_once || plan.classify.is_none(), "a machine is looked for where that is wanted")?;
                ensure(self.listening, "who is asked is listened to")?;
                (self.supervisor_hears, self.report_owed) = (true, true);
            }
            Order::Bridge => {
                ensure(up && !self.caller_gone && !self.joined, "two people are joined")?;
                ensure(self.accepted || !plan.briefs, "who is joined has accepted")?;
                ensure(!self.music, "the music is over before two are joined")?;
                // The order hushes both first.
                (self.caller_hears, self.supervisor_hears, self.joining) = (false, false, true);
            }
            Order::Unbridge => (self.joining, self.joined) = (false, false),
            Order::HandOver => {
                ensure(up && !self.caller_gone && self.accepted, "a caller is handed to somebody who accepted")?;
                (self.caller_hears, self.supervisor_hears, self.handing) = (false, false, true);
            }
            Order::AbandonHandOver => self.handing = false,
            Order::Tone => ensure(self.joined, "the tone marks a bridge")?,
            Order::Release => {
                ensure(self.leg != Leg::None, "a release of a leg that is there")?;
                // Whoever is joined is parted by the release of one; a bridge under way is to be called off.
                self.lose_leg();
            }
            Order::Arm(timer, at) => self.timers[timer as usize] = Some(at),
            Order::Stop(timer) => self.timers[timer as usize] = None,
            Order::Mark(mark) => self.mark(mark)?,
            Order::Stale => {}
            Order::Over(finish) => self.over = Some(finish),
        }
        Ok(())
    }

    fn mark(&mut self, mark: Mark) -> Result<(), String> {
        let known = match mark {
            Mark::Dialled { .. } => !std::mem::replace(&mut self.open, true),
            Mark::Skipped { .. } => true,
            Mark::Answered => self.open && !std::mem::replace(&mut self.noted_answer, true),
            Mark::Briefed => {
                self.noted_briefing = true;
                self.open
            }
            Mark::Accepted => self.open && !std::mem::replace(&mut self.accepted, true),
            Mark::Declined => self.open && !self.accepted && !std::mem::replace(&mut self.declined, true),
            Mark::Bridged => self.open && self.joined && !std::mem::replace(&mut self.noted_bridge, true),
            Mark::Failed { why: FailureReason::Declined, .. } => self.declined && std::mem::replace(&mut self.open, false),
            Mark::Ended | Mark::Failed { .. } => std::mem::replace(&mut self.open, false),
        };
        if known { Ok(()) } else { Err("the books are in order".to_owned()) }
    }

    fn always(&self, plan: &Plan, consult: &Consult, fact: Fact) -> Result<(), String> {
        let ensure = |holds: bool, promise: &str| if holds { Ok(()) } else { Err(format!("{promise} (after {fact:?})")) };
        let state = consult.state();
        if let Some(finish) = self.over {
            ensure(self.leg == Leg::None, "no leg outlives its transfer")?;
            ensure(!self.open, "no attempt stays open in the books")?;
            ensure(!self.music, "no music after the hold")?;
            ensure(!self.handing && !self.joined && !self.joining, "nothing is left joined or asked for")?;
            ensure(self.timers.iter().all(Option::is_none), "no timer outlives it")?;
            ensure(state.is_over(), "the end is the end")?;
            return ensure(!self.caller_gone || !matches!(finish, Finish::Back(_)), "a caller who left does not come back");
        }
        ensure(!state.is_over(), "an end is told")?;
        ensure(fact != Fact::CallEnds && fact != Fact::CallerLeft, "the end of the call ends the transfer at once")?;
        if state == State::Bridged {
            ensure(self.joined && self.leg == Leg::Up && self.noted_bridge, "two people are joined, and it is in the books")?;
            ensure(!self.caller_hears && !self.supervisor_hears && !self.music, "nothing of ours plays into a bridge")?;
            return ensure(self.timers.iter().all(Option::is_none), "no hold runs in a bridge");
        }
        ensure(!self.joined, "joined people are known to be")?;
        let (deadline, _) = self.next().ok_or("the caller always has a next deadline")?;
        let limit = self.hold_until.unwrap_or(self.begun.after(plan.hold));
        ensure(deadline <= limit, "the caller is never on hold beyond the limit")?;
        ensure(self.timers[Timer::Hold as usize].is_some_and(|at| at <= limit), "the hold has its own deadline")?;
        let waits = self.caller_hears || self.leg != Leg::None || self.handing || consult.waits_for_quiet();
        ensure(waits, "somebody is being reached while the caller waits")?;
        ensure(self.joining == (state == State::Bridging), "a bridge is asked for where it is waited for")?;
        ensure(self.handing == matches!(state, State::HandingOver | State::Replaced), "a REFER is out where it is waited for")?;
        ensure(state != State::Holding || self.leg == Leg::None, "no leg between attempts")?;
        ensure((state == State::Holding) != self.open, "an attempt under way is in the books, and no other")?;
        ensure((self.leg == Leg::Ringing) == (state == State::Dialing), "who rings is dialled, who answered is not left ringing")?;
        ensure(self.leg != Leg::Up || self.noted_answer, "an answer is in the books")?;
        ensure(state != State::Classifying || self.classifying, "a verdict is awaited")?;
        ensure(state != State::Composing || !consult.composed, "words that are there are said")?;
        ensure(state != State::Deciding || self.noted_briefing, "a briefing is in the books")?;
        ensure(state != State::Briefing || self.supervisor_hears, "who is briefed hears something")
    }
}

/// One random run.
pub(super) struct World<'a> {
    plan: &'a Plan,
    dice: u64,
    promises: Promises,
    consult: Consult,
}

impl<'a> World<'a> {
    pub(super) fn random(plan: &'a Plan, seed: u64) -> Self {
        let now = CallTime::from_millis(seed % 10_000);
        Self { plan, dice: seed.wrapping_mul(0x5851_F42D_4C95_7F2D), promises: Promises::new(now), consult: Consult::new(plan, now) }
    }

    /// To the end, which must come.
    pub(super) fn run(&mut self, table: Table<'_>) -> Result<(), String> {
        let mut fact = Fact::Begun;
        let mut orders = Vec::new();
        for _ in 0..400 {
            orders.clear();
            self.consult.step_by(table, self.plan, self.promises.now, fact, &mut orders);
            self.promises.check(self.plan, &self.consult, fact, &orders)?;
            if self.promises.is_over() {
                return Ok(());
            }
            fact = self.next_fact()?;
            self.promises.happens(fact);
        }
        Err("it ends".to_owned())
    }

    fn next_fact(&mut self) -> Result<Fact, String> {
        if self.consult.waits_for_quiet() && !self.promises.caller_hears {
            return Ok(Fact::Quiet);
        }
        let due = self.promises.next();
        let mut possible = self.promises.possible();
        // The caller's patience and orders from outside are rare; a bridge ends at last.
        if self.roll(12) > 0 && due.is_some() {
            possible.retain(|fact| !matches!(fact, Fact::CallerLeft | Fact::CallEnds));
        }
        match due {
            Some((at, timer)) if possible.is_empty() || self.roll(3) == 0 => {
                self.promises.now = self.promises.now.max(at);
                Ok(Fact::Due(timer))
            }
            due => {
                let soon = due.map_or(5_000, |(at, _)| u64::try_from(at.since(self.promises.now).as_millis()).unwrap_or(0));
                let later = self.roll(soon.clamp(1, 4_000));
                self.promises.now = self.promises.now.after(Millis(later));
                let place = self.roll(possible.len().max(1) as u64) as usize;
                possible.get(place).copied().ok_or_else(|| "something can happen".to_owned())
            }
        }
    }

    /// SplitMix64.
    fn roll(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
