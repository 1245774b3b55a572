//! The driver's hands: each command to its shell, never awaited. What cannot be carried out comes back as an event.

use super::bridge::chime;
use super::driver::Driver;
use super::inbox::Fact;
use super::outbound::Wanted;
use super::referral::Referral;
use super::translate;
use crate::call::{Command, Event};
use crate::media::MediaOrder;
use crate::model::{EndCause, LegId, Millis, RequestId, Text, TriggeredBy};
use crate::sip::endpoint::{LegKey, Order};
use crate::sip::sdp::LocalMedia;
use std::sync::Arc;

/// From the pacer's tick to the core, on a busy machine.
const VERDICT_TRAVELS: Millis = Millis(250);

impl Driver {
    pub(super) fn carry_out(&mut self, command: Command) {
        match command {
            Command::Ring { leg } => self.order(leg, |key, _| Order::Ring { leg: key }),
            Command::Answer { leg } => self.order(leg, |key, media| Order::Answer { leg: key, media }),
            Command::Reject { leg, status } => {
                self.order(leg, |key, _| Order::Reject { leg: key, status, retry_after_seconds: None, reason: None });
            }
            Command::Release { leg, cause } => self.release(leg, cause),
            Command::Refer { leg, request, destination, reason, headers } => {
                self.refer(Referral { leg, request, destination, reason, headers });
            }
            Command::ReferReplacing { leg, request, other } => self.refer_replacing(leg, request, other),
            Command::AbandonRefer { leg, request } => {
                if self.refer == Some((leg, request)) {
                    self.refer = None;
                }
                self.order(leg, |key, _| Order::AbandonRefer { leg: key });
            }
            Command::Dial { leg, request: _, destination, headers, ring } => self.dial(Wanted { leg, destination, headers, ring }),
            Command::Bridge { a, b, request } => self.bridge(a, b, request),
            Command::Unbridge { a, b } => self.unbridge(a, b),
            Command::StartHoldMusic { leg } => {
                self.legs.media_order(leg, MediaOrder::StartMusic { music: self.shells.calling.music.clone() });
            }
            Command::StopHoldMusic { leg } => {
                self.legs.media_order(leg, MediaOrder::StopMusic);
            }
            Command::Tone { leg, kind } => {
                self.legs.media_order(leg, MediaOrder::PlayChime { chime: chime(kind) });
            }
            Command::ClassifyAnswer { leg, budget } => {
                // The verdict is in the core's hands before its own clock gives up on it.
                let budget = Millis(budget.0.saturating_sub(VERDICT_TRAVELS.0));
                self.legs.media_order(leg, MediaOrder::ClassifyAnswer { budget });
            }
            Command::ComposeBriefing { request, mode, template, deadline } => {
                self.compose_briefing(request, mode, template.as_ref().map(Text::as_str), deadline);
            }
            Command::NoteAttempt { record } => self.note_attempt(&record),
            Command::NoteStatus { status } => self.note_status(status),
            Command::Play { leg, utterance, text } => {
                self.keep_consult(leg, "assistant", &text);
                if !self.legs.play(leg, utterance, text) {
                    self.pending.push_back(Event::PlaybackFailed { utterance });
                }
            }
            Command::CutPlayback { leg, utterance } => self.legs.cut(leg, utterance),
            Command::Listen { leg } => self.listen(leg),
            Command::StopListening { leg } => self.legs.stop_listening(leg),
            Command::Collecting { leg, settings } => self.legs.collecting(leg, &settings),
            Command::RunTurn { turn, input } => match self.runtime.begin_turn(turn, input) {
                Ok(()) => self.poll_runtime(),
                Err(error) => self.pending.push_back(Event::TurnFailed { turn, error: error.to_string() }),
            },
            Command::CancelTurn { turn } => {
                self.runtime.cancel_turn(turn);
                self.poll_runtime();
            }
            Command::ReportHeard { turn, text } => self.runtime.heard(turn, text.expose()),
            Command::EndSession { request, cause, triggered_by } => self.end_session(request, cause, triggered_by),
            Command::Notify(notice) => self.notify(&notice),
        }
    }

    pub(super) fn order(&mut self, leg: LegId, order: impl FnOnce(LegKey, LocalMedia) -> Order) {
        let Some((key, media)) = self.legs.key_and_media(leg) else {
            // Its `LegReleased` is on its way or was handled already.
            tracing::debug!(conversation = %self.conversation, %leg, "an order for a leg that is gone");
            return;
        };
        let (inbox, order) = (self.inbox.clone(), order(key, media));
        let refer = matches!(order, Order::Refer { .. }).then_some(self.refer).flatten();
        self.shells.sip.order(order, move |answer| {
            if let Err(error) = answer
                && let Some(event) = translate::refused_order(leg, refer.map(|(_, request)| request), &error)
            {
                tracing::warn!(%leg, %error, "an order was refused by the SIP endpoint");
                inbox.put(Fact::Core(event));
            }
        });
    }

    fn listen(&mut self, leg: LegId) {
        let inbox = self.inbox.clone();
        let sink = move |event| {
            if let Some(event) = translate::speech_event(leg, event) {
                inbox.put(Fact::Core(event));
            }
        };
        if let Err(error) = self.legs.listen(leg, self.shells.recognizer.as_ref(), sink) {
            tracing::warn!(conversation = %self.conversation, %error, "speech is not heard on this leg; keys are");
            self.pending.push_back(Event::RecognitionFailed { leg });
        }
    }

    fn end_session(&mut self, request: RequestId, cause: EndCause, triggered_by: TriggeredBy) {
        self.cause = Some(cause);
        let record = self.runtime.end_session(triggered_by, cause);
        // Whatever was still asked is not wanted any more.
        self.poll_runtime();
        let (shells, inbox, conversation) = (Arc::clone(&self.shells), self.inbox.clone(), self.conversation);
        let session = self.spans.session().clone();
        self.shells.tasks.spawn("close", async move {
            shells.closer.close(conversation, record, &session).await;
            inbox.put(Fact::Core(Event::SessionEnded { request }));
        });
    }
}
