//! The machine's orders carried out: ids, texts and legs where it has none.

use super::{Consulting, Why};
use crate::call::core::Core;
use crate::call::playback::Shield;
use crate::call::supervisor::Supervisor;
use crate::call::transfer::{self, Finish, Mark, Order, Plan, Step, Timer, destination};
use crate::call::{Command, TimerKind, ToneKind};
use crate::model::{
    AttemptWay, CallTransferIntent, EndCause, LegId, Millis, Notice, Redacted, SessionStatus, TransferOutcome, WarmTransferConfig,
};

/// What the settings and the intent make of a consultation.
pub(super) fn plan(intent: &CallTransferIntent, warm: &WarmTransferConfig, why: Why, core: &Core) -> Plan {
    let (settings, secs) = (&core.settings, |seconds: u32| Millis::from_secs(u64::from(seconds)));
    let briefs = why == Why::Warm;
    let named = 1 + if briefs { intent.warm_destinations.len() } else { 0 };
    let allowed = |index| transfer::is_allowed(destination(intent, index).expose(), settings.transfer_allowed.as_deref());
    let interval = warm.reassurance_interval_seconds.get();
    Plan {
        briefs,
        destinations: (0..named).map(allowed).collect(),
        first_differs: intent.warm_overrides.is_some(),
        rounds: if briefs { 1 + intent.max_retries.get() } else { 1 },
        attempts_max: settings.transfer.attempts_per_call.saturating_sub(core.attempts),
        hold: secs(warm.max_hold_seconds.get()),
        ring: secs(warm.max_dial_seconds.get()),
        briefing: secs(warm.max_briefing_seconds.get()),
        confirm: secs(warm.bridge_confirm_seconds.get()),
        compose: settings.deadlines.compose,
        reassure: (interval > 0).then(|| secs(interval)),
        classify: warm.detect_supervisor_voicemail.then_some(settings.deadlines.classify),
        silence: warm.detect_supervisor_silence.then(|| secs(warm.silence_timeout_seconds.get())),
        replaces: briefs && settings.transfer.replaces,
    }
}

impl Consulting {
    pub(super) fn carry_out(&mut self, orders: Vec<Order>, core: &mut Core) -> Option<Finish> {
        let mut finish = None;
        for order in orders {
            match order {
                Order::Announce { first } => self.announce(first, core),
                Order::Comfort => self.comfort(core),
                Order::StartMusic => core.order(Command::StartHoldMusic { leg: LegId::CALLER }),
                Order::StopMusic => core.order(Command::StopHoldMusic { leg: LegId::CALLER }),
                Order::Dial { destination, ring } => self.dial(destination, ring, core),
                Order::Compose { destination } => self.compose(destination, core),
                Order::Listen => self.with_supervisor(core, |supervisor, core| supervisor.listen(core)),
                Order::Classify { budget } => self.with_supervisor(core, |supervisor, core| supervisor.classify(budget, core)),
                Order::Brief => self.brief(core),
                Order::Ask => {
                    let question = core.settings.texts.briefing_question.clone();
                    self.with_supervisor(core, |supervisor, core| supervisor.say(&question, core));
                }
                Order::Remind => {
                    let reminder = self.warm.silence_reminder_text.as_str().to_owned();
                    self.with_supervisor(core, |supervisor, core| supervisor.say(&reminder, core));
                }
                Order::Bridge => self.bridge(core),
                Order::Unbridge => self.unbridge(core),
                Order::HandOver => self.hand_over(core),
                Order::AbandonHandOver => self.abandon(core),
                Order::Tone => self.tone(core),
                Order::Release => self.release(core),
                Order::Arm(timer, deadline) => core.timers.arm_at(kind(timer), core.now, deadline),
                Order::Stop(timer) => core.timers.stop(kind(timer)),
                Order::Mark(mark) => self.mark(mark, core),
                Order::Stale => core.stale("transfer"),
                Order::Over(over) => finish = Some(over),
            }
        }
        finish
    }

    fn with_supervisor(&mut self, core: &mut Core, act: impl FnOnce(&mut Supervisor, &mut Core)) {
        if let Some(supervisor) = &mut self.supervisor {
            act(supervisor, core);
        }
    }

    fn release(&mut self, core: &mut Core) {
        let own = if self.told.is_some() { EndCause::Transferred } else { EndCause::AssistantEnded };
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.release(self.ends.unwrap_or(own), core);
        }
    }

    fn announce(&mut self, first: bool, core: &mut Core) {
        let text = match (self.why, first) {
            (Why::Warm, true) => self.warm.hold_announcement_text.as_str().to_owned(),
            (Why::Warm, false) => self.warm.retry_announcement_text.as_str().to_owned(),
            (Why::AfterRefer, _) => {
                let own = self.intent.retry_text.as_ref().map(|text| text.as_str().to_owned());
                own.unwrap_or_else(|| core.settings.texts.transfer_retry.clone())
            }
            (Why::InsteadOfRefer, _) => String::new(),
        };
        core.say(None, &text, Shield::Whole);
    }

    /// Not on top of something that is being said already.
    fn comfort(&mut self, core: &mut Core) {
        if core.player.is_quiet() {
            let text = self.warm.reassurance_text.as_str().to_owned();
            core.say(None, &text, Shield::Whole);
        }
    }

    fn dial(&mut self, index: usize, ring: Millis, core: &mut Core) {
        core.attempts = core.attempts.saturating_add(1);
        core.notify(Notice::TransferStarted { attempt: self.ledger.attempts() });
        let reason = self.intent.reason.clone().map(Redacted::new);
        let headers = core.settings.transfer.header.clone().zip(reason).into_iter().collect();
        self.supervisor = Some(Supervisor::dial(destination(&self.intent, index), headers, ring, core));
    }

    fn compose(&mut self, index: usize, core: &mut Core) {
        let own = self.intent.warm_overrides.as_ref().filter(|_| index == 0);
        let mode = own.and_then(|own| own.message_mode).unwrap_or(self.warm.message_mode);
        let template = own.and_then(|own| own.briefing_template.clone()).or_else(|| self.warm.briefing_template.clone());
        let request = core.new_request();
        (self.compose, self.briefing) = (Some(request), None);
        let deadline = core.now.after(core.settings.deadlines.briefing);
        core.order(Command::ComposeBriefing { request, mode, template, deadline });
    }

    /// The briefing and the question, from the start.
    fn brief(&mut self, core: &mut Core) {
        let told = self.briefing.clone().filter(|text| !text.expose().trim().is_empty());
        let told = told.unwrap_or_else(|| Redacted::new(core.settings.texts.briefing_fallback.clone()));
        self.ledger.briefed_with(&told);
        let question = core.settings.texts.briefing_question.clone();
        self.with_supervisor(core, |supervisor, core| {
            supervisor.hush(core);
            supervisor.say(told.expose(), core);
            supervisor.say(&question, core);
        });
    }

    fn bridge(&mut self, core: &mut Core) {
        self.hush(core);
        self.handover = None;
        let Some(leg) = self.supervisor.as_ref().map(Supervisor::leg) else { return };
        let request = core.new_request();
        self.bridge = Some(request);
        core.order(Command::Bridge { a: LegId::CALLER, b: leg, request });
    }

    /// Neither hears us any more, nor do we listen.
    fn hush(&mut self, core: &mut Core) {
        core.hush();
        self.with_supervisor(core, |supervisor, core| {
            supervisor.hush(core);
            supervisor.stop_listening(core);
        });
    }

    fn unbridge(&mut self, core: &mut Core) {
        self.bridge = None;
        if let Some(leg) = self.supervisor.as_ref().map(Supervisor::leg) {
            core.order(Command::Unbridge { a: LegId::CALLER, b: leg });
        }
    }

    fn hand_over(&mut self, core: &mut Core) {
        self.hush(core);
        let Some(other) = self.supervisor.as_ref().map(Supervisor::leg) else { return };
        let request = core.new_request();
        self.handover = Some(Step::Asked(request));
        core.order(Command::ReferReplacing { leg: LegId::CALLER, request, other });
    }

    fn abandon(&mut self, core: &mut Core) {
        if let Some(request) = self.handover.take().and_then(Step::request) {
            core.order(Command::AbandonRefer { leg: LegId::CALLER, request });
        }
    }

    fn tone(&mut self, core: &mut Core) {
        core.order(Command::Tone { leg: LegId::CALLER, kind: ToneKind::Bridged });
        if let Some(leg) = self.supervisor.as_ref().map(Supervisor::leg) {
            core.order(Command::Tone { leg, kind: ToneKind::Bridged });
        }
    }

    fn mark(&mut self, mark: Mark, core: &mut Core) {
        self.ledger.mark(mark, &self.intent, AttemptWay::Dial, core);
        if mark == Mark::Bridged {
            self.tell(TransferOutcome::Bridged, core);
            core.order(Command::NoteStatus { status: SessionStatus::Transferred });
            core.arm(TimerKind::MaxDuration, core.settings.deadlines.bridged);
        }
        if let Mark::Failed { .. } = mark {
            self.bridge = None;
        }
    }
}

fn kind(timer: Timer) -> TimerKind {
    match timer {
        Timer::Hold => TimerKind::Hold,
        Timer::Dial => TimerKind::Dial,
        Timer::Classify => TimerKind::Classify,
        Timer::Compose => TimerKind::Compose,
        Timer::Briefing => TimerKind::Briefing,
        Timer::Silence => TimerKind::SupervisorSilence,
        Timer::Confirm => TimerKind::BridgeConfirm,
        Timer::Reassure => TimerKind::Reassurance,
    }
}
