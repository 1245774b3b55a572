//! Transfers by REFER: what travels in them, and the REFER that replaces a consult.

use super::driver::Driver;
use crate::call::Event;
use crate::model::{LegId, Redacted, RequestId};
use crate::sip::endpoint::{IncomingCall, LegKey, Order};
use crate::telemetry::{Counter, count};

/// Why the caller is sent on, for whoever answers.
const REASON_HEADER: &str = "X-Transfer-Reason";
/// Its value is text of its own form (RFC 7433).
const USER_TO_USER: &str = "User-to-User";
/// How the core learns that a destination is not on the allow-list, or over a limit: as if the network had refused it.
const FORBIDDEN: u16 = 403;
const TOO_MANY: u16 = 429;
/// The other leg of an attended transfer is gone.
const GONE: u16 = 481;

/// A REFER the core wants.
pub(super) struct Referral {
    pub(super) leg: LegId,
    pub(super) request: RequestId,
    pub(super) destination: Redacted<String>,
    pub(super) reason: Option<Redacted<String>>,
    pub(super) headers: Vec<(String, Redacted<String>)>,
}

impl Driver {
    pub(super) fn refer(&mut self, wanted: Referral) {
        let Referral { leg, request, destination, reason, headers } = wanted;
        self.refer = Some((leg, request));
        let referral = match self.shells.dialling.refer_to(&self.legs.trunk, destination.expose()) {
            Ok(referral) => referral,
            Err(why) => {
                tracing::warn!(conversation = %self.conversation, %why, "a transfer was refused before anything was sent");
                count(Counter::CallsRefused, "destination", 1);
                return self.pending.push_back(Event::ReferAnswered { leg, request, status: FORBIDDEN });
            }
        };
        if !self.may_call_out() {
            return self.pending.push_back(Event::ReferAnswered { leg, request, status: TOO_MANY });
        }
        let reason = reason.map(|reason| (REASON_HEADER.to_owned(), reason));
        // User-to-User is for whom the peer will call (RFC 7433): it travels in Refer-To, which a tel: URI cannot carry it in.
        let is_number = referral.refer_to.starts_with("tel:");
        let (for_target, for_peer): (Vec<_>, Vec<_>) = wire_headers(reason.into_iter().chain(headers))
            .into_iter()
            .partition(|(name, _)| name.eq_ignore_ascii_case(USER_TO_USER) && !is_number);
        let referred_by = referral.with_referred_by.then(|| self.shells.own_uri());
        self.order(leg, |key, _| Order::Refer {
            leg: key,
            refer_to: referral.refer_to,
            referred_by,
            headers: for_peer,
            invite_headers: for_target,
            replaces: None,
        });
    }

    /// Attended transfer (RFC 5589 section 7): the caller's peer calls the other leg's, in place of us.
    pub(super) fn refer_replacing(&mut self, leg: LegId, request: RequestId, other: LegId) {
        self.refer = Some((leg, request));
        let Some((other, _)) = self.legs.key_and_media(other) else {
            return self.pending.push_back(Event::ReferAnswered { leg, request, status: GONE });
        };
        let referred_by = Some(self.shells.own_uri());
        self.order(leg, |key, _| Order::Refer {
            leg: key,
            refer_to: String::new(),
            referred_by,
            headers: Vec::new(),
            invite_headers: Vec::new(),
            replaces: Some(other),
        });
    }

    /// Somebody else takes over the far end of a leg (RFC 3891): only from where the call itself came.
    pub(super) fn replace(&mut self, by: LegKey, call: &IncomingCall) {
        let trunk = self.shells.dialling.trunk_of(call.source.remote.ip()).name;
        let order = if trunk == self.legs.trunk {
            Order::Replace { by }
        } else {
            tracing::warn!(conversation = %self.conversation, %trunk, "an INVITE with Replaces came over another trunk than the call: refused");
            Order::Reject { leg: by, status: 603, retry_after_seconds: None, reason: None }
        };
        let conversation = self.conversation;
        self.shells.sip.order(order, move |answer| {
            if let Err(error) = answer {
                tracing::warn!(%conversation, %error, "a leg was not replaced");
            }
        });
    }
}

/// Headers as they stand on the wire: one line each, at most 256 characters of text; User-to-User in its hexadecimal form.
pub(super) fn wire_headers(headers: impl Iterator<Item = (String, Redacted<String>)>) -> Vec<(String, String)> {
    headers
        .map(|(name, value)| {
            let value = if name.eq_ignore_ascii_case(USER_TO_USER) { user_to_user(value.expose()) } else { one_line(value.expose()) };
            (name, value)
        })
        .collect()
}

/// A header value cannot hold line ends, and need not be longer than this.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(256).collect()
}

/// RFC 7433 section 4.1: hexadecimal, as ISDN gateways take it; at most 128 octets (section 3.1 of RFC 7434).
fn user_to_user(text: &str) -> String {
    let mut end = text.len().min(128);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let digits: String = text.as_bytes()[..end].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits};encoding=hex")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line_and_user_to_user_is_hexadecimal() {
        let given = [("X-Reason".to_owned(), "two\r\nlines".into()), ("user-to-user".to_owned(), Redacted::from("Bé"))];
        let wire = wire_headers(given.into_iter());
        assert_eq!(wire[0].1, "two  lines");
        assert_eq!(wire[1].1, "42c3a9;encoding=hex");
        let long = "é".repeat(200);
        assert_eq!(user_to_user(&long).len(), 256 + ";encoding=hex".len(), "128 octets, no half character");
    }
}
