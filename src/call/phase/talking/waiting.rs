//! The caller waits for a person: an operator who was asked for, or a decision that a turn suspended on.
//!
//! He hears music and, now and then, that he is not forgotten; what he says is still answered. An operator's first words end the music, a
//! decision resumes the assistant with a turn, and a wait that lasts too long ends in words and not in silence.

use super::Talking;
use crate::call::core::Core;
use crate::call::playback::Shield;
use crate::call::{Command, TimerKind};
use crate::model::{LegId, SessionStatus, TurnInput, TurnResult};
use uuid::Uuid;

/// Whether the caller waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Human {
    NotAsked,
    /// A human was asked for and nobody has said anything yet.
    Awaited,
    /// An operator has taken part since.
    Present,
    /// A turn is suspended until somebody approves what it asked for, or does not.
    Approval,
    /// As before, while a transfer or the end has the caller.
    ApprovalAside,
}

impl Talking {
    /// What a turn's answer says about waiting (contract section 2: after everything else in it).
    pub(super) fn read_waiting(&mut self, result: &TurnResult, core: &mut Core) {
        match result.session_status.as_deref() {
            Some("awaiting_approval") => self.wait_for(Human::Approval, SessionStatus::AwaitingApproval, core),
            _ if result.handoff.is_some() => self.wait_for(Human::Awaited, SessionStatus::WaitingForHuman, core),
            Some("active") if self.human != Human::NotAsked => self.waited(core),
            Some(_) | None => {}
        }
    }

    fn wait_for(&mut self, human: Human, status: SessionStatus, core: &mut Core) {
        self.stop_music(core);
        self.human = human;
        core.order(Command::NoteStatus { status });
        core.order(Command::StartHoldMusic { leg: LegId::CALLER });
        let longest = if human == Human::Approval { core.settings.deadlines.approval } else { core.settings.deadlines.human };
        core.arm(TimerKind::Waiting, core.settings.deadlines.waiting_reminder);
        core.arm(TimerKind::WaitingOver, longest);
    }

    /// The assistant has the caller to itself again.
    pub(super) fn waited(&mut self, core: &mut Core) {
        self.stop_music(core);
        self.human = Human::NotAsked;
        core.order(Command::NoteStatus { status: SessionStatus::Active });
    }

    /// Silence of ours may be noticed: not while an operator is there, nor while nobody waits.
    pub(in crate::call::phase) fn stop_music(&mut self, core: &mut Core) {
        core.timers.stop(TimerKind::Waiting);
        core.timers.stop(TimerKind::WaitingOver);
        match self.human {
            Human::Awaited | Human::Approval => core.order(Command::StopHoldMusic { leg: LegId::CALLER }),
            Human::NotAsked | Human::Present | Human::ApprovalAside => {}
        }
        self.human = match self.human {
            Human::Awaited | Human::Present => Human::Present,
            Human::Approval | Human::ApprovalAside => Human::ApprovalAside,
            Human::NotAsked => Human::NotAsked,
        };
    }

    /// The caller is back from a transfer.
    pub(super) fn wait_on(&mut self, core: &mut Core) {
        if self.human == Human::ApprovalAside {
            self.wait_for(Human::Approval, SessionStatus::AwaitingApproval, core);
        }
    }

    pub(super) fn operator_speaks(&mut self, text: &str, core: &mut Core) {
        if self.human == Human::Awaited {
            self.stop_music(core);
        }
        core.say(None, text, Shield::Polite);
    }

    pub(super) fn decided(&mut self, approval: Uuid, approved: bool, core: &mut Core) {
        if matches!(self.human, Human::Approval | Human::ApprovalAside) {
            self.waited(core);
        }
        self.inputs.push(TurnInput::ApprovalDecided { approval, approved }, core);
    }

    pub(super) fn still_waiting(&self, core: &mut Core) {
        if core.player.is_quiet() && self.turn.is_idle() {
            let text = core.settings.texts.waiting.clone();
            core.say(None, &text, Shield::Open);
        }
        core.arm(TimerKind::Waiting, core.settings.deadlines.waiting_reminder);
    }

    /// Nobody came, or nobody decided: without a decision in time the answer is no. No approval's id is known here, so the turn gets none.
    pub(super) fn waited_too_long(&mut self, core: &mut Core) {
        match self.human {
            Human::Approval => self.decided(Uuid::nil(), false, core),
            Human::Awaited => {
                self.waited(core);
                let text = core.settings.texts.nobody_came.clone();
                core.say(None, &text, Shield::Polite);
            }
            Human::NotAsked | Human::Present | Human::ApprovalAside => {}
        }
    }
}
