//! The order of the steps and the judge of their log.

use crate::model::CloseStep;
use serde::{Deserialize, Serialize};

/// Work that follows a close and may take its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostJob {
    Scrub,
    Summary,
    Memory,
}

impl PostJob {
    pub const ALL: [Self; 3] = [Self::Scrub, Self::Summary, Self::Memory];
}

/// One line of the close journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "close", content = "step", rename_all = "snake_case")]
pub enum CloseEvent {
    Started(CloseStep),
    Done(CloseStep),
    /// The step failed; nothing of it may be taken for done.
    Failed(CloseStep),
    /// The worker that ran the step is gone; a restarted one picks up. Forgets how often the step failed.
    Resumed,
}

/// Tries of one step by one worker before the rest is left to the journal.
pub const STEP_ATTEMPTS: u32 = 3;

/// How far a close came. Built from nothing but its events, live and after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseLog {
    done: usize,
    running: bool,
    failures: u32,
}

/// What the host does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run this step; `attempt` counts from 1.
    Run { step: CloseStep, attempt: u32 },
    /// This step is running; wait for its outcome.
    Await { step: CloseStep },
    /// Out of attempts: leave the rest to the journal, a later worker resumes it.
    Park { step: CloseStep },
    /// All steps are done.
    Finished,
}

/// The log and the event do not fit: a step out of order, done without a start, or after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("close log: {event:?} cannot follow, {expected:?} is next; read the journal from its start")]
pub struct IllegalStep {
    pub event: CloseEvent,
    pub expected: Next,
}

impl CloseLog {
    /// From a journal, oldest first.
    ///
    /// # Errors
    /// [`IllegalStep`] at the first event that cannot follow those before it.
    pub fn replay(events: impl IntoIterator<Item = CloseEvent>) -> Result<Self, IllegalStep> {
        let mut log = Self::default();
        for event in events {
            log.append(event)?;
        }
        Ok(log)
    }

    /// Judges `event` by [`next_status`] and takes it in.
    ///
    /// # Errors
    /// [`IllegalStep`]; the log is then unchanged.
    pub fn append(&mut self, event: CloseEvent) -> Result<Next, IllegalStep> {
        let after = self.with(event)?;
        *self = after;
        Ok(self.next())
    }

    pub fn next(&self) -> Next {
        match CloseStep::ALL.get(self.done) {
            None => Next::Finished,
            Some(step) if self.running => Next::Await { step: *step },
            Some(step) if self.failures >= STEP_ATTEMPTS => Next::Park { step: *step },
            Some(step) => Next::Run { step: *step, attempt: self.failures + 1 },
        }
    }

    pub fn is_finished(&self) -> bool {
        self.next() == Next::Finished
    }

    fn with(&self, event: CloseEvent) -> Result<Self, IllegalStep> {
        let expected = self.next();
        let after = match (event, expected) {
            (CloseEvent::Started(step), Next::Run { step: due, .. }) if step == due => Self { running: true, ..self.clone() },
            (CloseEvent::Done(step), Next::Await { step: due }) if step == due => Self { done: self.done + 1, running: false, failures: 0 },
            (CloseEvent::Failed(step), Next::Await { step: due }) if step == due => {
                Self { running: false, failures: self.failures + 1, ..self.clone() }
            }
            (CloseEvent::Resumed, Next::Run { .. } | Next::Await { .. } | Next::Park { .. } | Next::Finished) => {
                Self { running: false, failures: 0, ..self.clone() }
            }
            (CloseEvent::Started(_) | CloseEvent::Done(_) | CloseEvent::Failed(_), _) => return Err(IllegalStep { event, expected }),
        };
        Ok(after)
    }
}

/// What comes after `event` on top of `log`. The only judge: the live close and the recovery after a crash both ask it.
///
/// # Errors
/// [`IllegalStep`] where the event cannot follow.
pub fn next_status(log: &CloseLog, event: CloseEvent) -> Result<Next, IllegalStep> {
    log.with(event).map(|after| after.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_close_runs_its_steps_in_the_order_of_the_contract() {
        let mut log = CloseLog::default();
        let mut ran = Vec::new();
        while let Next::Run { step, attempt } = log.next() {
            assert_eq!(attempt, 1);
            assert_eq!(log.append(CloseEvent::Started(step)), Ok(Next::Await { step }));
            log.append(CloseEvent::Done(step)).unwrap();
            ran.push(step);
        }
        assert_eq!(ran, CloseStep::ALL);
        assert!(log.is_finished());
        assert!(log.append(CloseEvent::Started(CloseStep::JobsQueued)).is_err(), "nothing starts after the end");
    }

    #[test]
    fn a_step_cannot_be_skipped_or_done_without_a_start() {
        let log = CloseLog::default();
        for event in [CloseEvent::Started(CloseStep::RowClosed), CloseEvent::Done(CloseStep::WorkflowCleanUp)] {
            let error = next_status(&log, event).unwrap_err();
            assert_eq!(error.expected, Next::Run { step: CloseStep::WorkflowCleanUp, attempt: 1 });
        }
    }

    #[test]
    fn a_failing_step_is_retried_then_left_to_the_journal_then_resumed() {
        let mut log = CloseLog::default();
        let step = CloseStep::WorkflowCleanUp;
        for _ in 0..STEP_ATTEMPTS {
            log.append(CloseEvent::Started(step)).unwrap();
            log.append(CloseEvent::Failed(step)).unwrap();
        }
        assert_eq!(log.next(), Next::Park { step });
        assert_eq!(log.append(CloseEvent::Resumed), Ok(Next::Run { step, attempt: 1 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A kill at any boundary: what is in the journal is never run again once done, and the rest is run in order.
        #[test]
        fn a_close_killed_anywhere_resumes_and_finishes_with_every_step_done_once(cuts in proptest::collection::vec(0usize..12, 0..5)) {
            let mut journal = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let mut log = CloseLog::replay(journal.iter().copied()).unwrap();
                journal.push(CloseEvent::Resumed);
                log.append(CloseEvent::Resumed).unwrap();
                for _ in 0..cut {
                    let event = match log.next() {
                        Next::Run { step, .. } => CloseEvent::Started(step),
                        Next::Await { step } => CloseEvent::Done(step),
                        Next::Park { .. } | Next::Finished => break,
                    };
                    journal.push(event);
                    log.append(event).unwrap();
                }
            }
            let done: Vec<_> = journal.iter().filter_map(|event| match event {
                CloseEvent::Done(step) => Some(*step),
                CloseEvent::Started(_) | CloseEvent::Failed(_) | CloseEvent::Resumed => None,
            }).collect();
            prop_assert_eq!(done, CloseStep::ALL.to_vec());
        }
    }
}
