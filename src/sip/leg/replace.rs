//! An INVITE of another peer that takes a leg over (RFC 3891): attended transfer by someone else, with us as the one who is kept.
//!
//! The leg stays the same to everybody outside, with another dialog under it; the old dialog ends as a leg nobody hears of.

use super::refer_to::Replaced;
use super::{Leg, Phase};
use crate::model::WorkerTime;
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::Reply;
use crate::sip::endpoint::{LegEvent, LegKey, OrderError, ReleaseReason, ReleasedBy, SubscriptionEnd};
use crate::sip::readers::Replaces;
use crate::sip::sdp::LocalMedia;

/// Why a dialog of ours is not given away, as the answer to the INVITE.
pub(crate) const NO_SUCH_DIALOG: u16 = 481;
const BUSY_HERE: u16 = 486;
pub(crate) const DECLINE: u16 = 603;

/// What passes from the old dialog's leg to the new one's.
pub(crate) struct Estate {
    key: LegKey,
    local: LocalMedia,
    was_up: bool,
}

impl Leg {
    /// This leg's dialog as its peer has to name it in Replaces.
    pub(crate) fn replaceable(&self) -> Result<Replaced, OrderError> {
        match (&self.phase, &self.dialog) {
            (Phase::Up, Some(dialog)) => Ok(Replaced {
                target: dialog.remote_target().to_owned(),
                replaces: Replaces {
                    call_id: dialog.key.call_id.clone(),
                    to_tag: dialog.key.remote_tag.clone(),
                    from_tag: dialog.key.local_tag.clone(),
                    early_only: false,
                },
            }),
            (_, _) => Err(self.wrong_state("be replaced")),
        }
    }

    /// May an INVITE with Replaces have this leg (RFC 3891 section 3)? `Err` is the status that says why not.
    pub(crate) fn yields(&self, early_only: bool) -> Result<(), u16> {
        match &self.phase {
            Phase::Up if early_only => Err(BUSY_HERE),
            Phase::Up => Ok(()),
            // Only a dialog we asked for ourselves: who calls us must not be handed over while we have not even answered.
            Phase::Calling(_) if !self.cancel_wanted() => Ok(()),
            Phase::Offered(_) => Err(NO_SUCH_DIALOG),
            Phase::Calling(_) | Phase::Closing(_) | Phase::Leaving(_) | Phase::Gone => Err(DECLINE),
        }
    }

    /// The leg an unanswered INVITE wants to take over.
    pub(crate) fn replaces(&self) -> Option<LegKey> {
        match &self.phase {
            Phase::Offered(offered) => offered.replaces,
            Phase::Calling(_) | Phase::Up | Phase::Closing(_) | Phase::Leaving(_) | Phase::Gone => None,
        }
    }

    pub(super) fn replace_undecided(&mut self, core: &mut Core, at: WorkerTime) {
        // Answered meanwhile, or gone: then there is nothing to refuse.
        let _ = self.reject(core, at, DECLINE, None, None);
    }

    /// What the successor of this leg needs; `None` if it has no media to hand over.
    pub(crate) fn estate(&self) -> Option<Estate> {
        let local = self.local.clone()?;
        Some(Estate { key: self.key, local, was_up: matches!(self.phase, Phase::Up) })
    }

    /// Answers the INVITE with the media of the leg it takes over.
    pub(crate) fn succeed(&mut self, core: &mut Core, at: WorkerTime, estate: &Estate, held: super::HoldState) -> Result<(), OrderError> {
        self.hold = held;
        self.answer(core, at, estate.local.clone())?;
        self.succession = Some(if estate.was_up { Succession::WasUp } else { Succession::WasRinging });
        self.key = estate.key;
        Ok(())
    }

    /// Goes on under another key, unheard: what was still owed to the old one's user is told now.
    pub(crate) fn bow_out(&mut self, core: &mut Core, at: WorkerTime, key: LegKey) {
        if self.ours.as_ref().is_some_and(super::modify::Ours::is_wanted) {
            core.tell(LegEvent::ModifyFailed { leg: self.key, status: 491 });
        }
        if self.awaits_notify() {
            self.end_watch(core, SubscriptionEnd::GaveUp);
        }
        core.hush(key);
        self.key = key;
        if self.release(core, at, None, 480).is_err() {
            self.gone(core, ReleasedBy::Local, ReleaseReason::Bye);
        }
    }

    pub(crate) const fn held(&self) -> super::HoldState {
        self.hold
    }

    /// Refuses the INVITE that came too late or offers nothing usable.
    pub(crate) fn refuse_succession(&mut self, core: &mut Core, at: WorkerTime, status: u16) {
        if let Phase::Offered(offered) = &self.phase {
            let (server, tag) = (offered.server.clone(), offered.tag.clone());
            core.respond(at, &server, Reply::tagged(status, &tag));
            self.gone(core, ReleasedBy::Local, ReleaseReason::Rejected { status });
        }
    }
}

/// What the leg was when its new dialog took it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Succession {
    WasUp,
    WasRinging,
}
