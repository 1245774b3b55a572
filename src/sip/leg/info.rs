//! Keys by INFO, both body types.

use super::{Leg, Phase, full};
use crate::model::{Digit, Millis, WorkerTime};
use crate::sip::endpoint::core::Core;
use crate::sip::endpoint::servers::{Reply, ServerKey};
use crate::sip::endpoint::{LegEvent, OrderError};
use crate::sip::message::{Method, Request};
use crate::sip::readers::DtmfInfo;

impl Leg {
    /// `application/dtmf-relay` and `application/dtmf` are keys; an empty INFO is a keep-alive; anything else is 415.
    pub(super) fn on_info(&mut self, core: &mut Core, at: WorkerTime, server: &ServerKey, request: &Request) {
        let content_type = request.headers.get("Content-Type").unwrap_or_default();
        if request.body.is_empty() {
            core.respond(at, server, Reply::new(200));
            return;
        }
        if !DtmfInfo::is_dtmf(content_type) {
            let accept = format!("{}, {}", DtmfInfo::RELAY, DtmfInfo::PLAIN);
            core.respond(at, server, Reply::new(415).with("Accept", accept));
            return;
        }
        match DtmfInfo::read(&request.body) {
            Ok(key) => {
                core.respond(at, server, Reply::new(200));
                core.tell(LegEvent::Digit { leg: self.key, digit: key.digit, duration: key.duration });
            }
            Err(_) => {
                core.respond(at, server, Reply::new(400).with("Warning", "399 voice-worker \"no key in the body\""));
            }
        }
    }

    pub(crate) fn send_digit(&mut self, core: &mut Core, at: WorkerTime, digit: Digit, duration: Millis) -> Result<(), OrderError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(self.wrong_state("send a digit"));
        }
        let Some(mut request) = self.request(Method::Info) else { return Err(self.wrong_state("send a digit")) };
        request.headers.set("Content-Type", DtmfInfo::RELAY);
        request.body = DtmfInfo { digit, duration: Some(duration) }.relay_body();
        self.send(core, at, request).map(|_| ()).map_err(full)
    }
}
