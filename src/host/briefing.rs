//! Briefings: words for the human of a warm transfer, made by the runtime and never later than the core can wait.

use super::driver::Driver;
use super::inbox::Fact;
use crate::call::Event;
use crate::model::{CallTime, MessageMode, Redacted, RequestId};
use std::time::Duration;

impl Driver {
    pub(super) fn compose_briefing(&mut self, request: RequestId, mode: MessageMode, template: Option<&str>, deadline: CallTime) {
        self.briefings.push(request);
        self.runtime.begin_briefing(request.0, mode, template);
        self.poll_runtime();
        if self.briefings.contains(&request) {
            let wait: Duration = self.worker_time(deadline).since(self.shells.clock.now());
            let inbox = self.inbox.clone();
            self.shells.tasks.spawn("briefing", async move {
                tokio::time::sleep(wait).await;
                inbox.put(Fact::BriefingDue { request });
            });
        }
    }

    /// `None` where it was answered already.
    pub(super) fn briefing_made(&mut self, request: RequestId, text: Redacted<String>) -> Option<Event> {
        let place = self.briefings.iter().position(|open| *open == request)?;
        self.briefings.remove(place);
        Some(Event::BriefingComposed { request, text })
    }

    /// The model was too slow: what was said so far, in short, takes its place.
    pub(super) fn briefing_due(&mut self, request: RequestId) {
        if !self.briefings.contains(&request) {
            return;
        }
        tracing::warn!(conversation = %self.conversation, "a briefing was not made in time; a short extract of the conversation takes its place");
        let text = self.runtime.extract();
        let made = self.briefing_made(request, text);
        self.pending.extend(made);
    }
}
