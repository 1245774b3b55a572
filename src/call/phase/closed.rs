//! The end: nothing is armed, nothing is owed, no order follows.

use super::Phase;
use crate::call::core::Core;
use crate::model::{CallTime, EndCause, Millis, Notice};

#[derive(Debug)]
pub(crate) struct Closed;

impl Closed {
    pub(crate) fn begin(cause: EndCause, core: &mut Core) -> Phase {
        core.timers.stop_all();
        let duration = Millis(u64::try_from(core.now.since(CallTime::ZERO).as_millis()).unwrap_or(u64::MAX));
        core.notify(Notice::CallEnded { cause, duration });
        Phase::Closed(Self)
    }
}
