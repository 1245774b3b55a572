//! Subscription-State (RFC 6665 section 8.2.3): what a NOTIFY says of the subscription that a REFER made.

use super::{Params, ReadError, scan};
use crate::sip::headers::is_token;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionStatus {
    Active,
    Pending,
    Terminated,
    /// An extension; RFC 6665 section 4.1.3 treats it as active.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    pub status: SubscriptionStatus,
    /// `noresource`, `timeout`, …
    pub reason: Option<String>,
    /// Seconds.
    pub expires: Option<u32>,
    /// Seconds.
    pub retry_after: Option<u32>,
}

impl SubscriptionState {
    pub fn new(status: SubscriptionStatus) -> Self {
        Self { status, reason: None, expires: None, retry_after: None }
    }

    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (status, tail) = scan::cut(value, b';');
        if !is_token(status) {
            return Err(ReadError::new("Subscription-State", "no state"));
        }
        let status = match status.to_ascii_lowercase().as_str() {
            "active" => SubscriptionStatus::Active,
            "pending" => SubscriptionStatus::Pending,
            "terminated" => SubscriptionStatus::Terminated,
            _ => SubscriptionStatus::Other(status.to_owned()),
        };
        let params = Params::read_tail(tail, "Subscription-State")?;
        let seconds = |name| params.get(name).and_then(|text| scan::number(&text));
        Ok(Self { status, reason: params.get("reason"), expires: seconds("expires"), retry_after: seconds("retry-after") })
    }

    pub fn is_terminated(&self) -> bool {
        self.status == SubscriptionStatus::Terminated
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.status {
            SubscriptionStatus::Active => "active",
            SubscriptionStatus::Pending => "pending",
            SubscriptionStatus::Terminated => "terminated",
            SubscriptionStatus::Other(name) => name,
        })?;
        let mut params = Params::new();
        if let Some(reason) = &self.reason {
            params.set("reason", Some(reason));
        }
        if let Some(expires) = self.expires {
            params.set("expires", Some(&expires.to_string()));
        }
        if let Some(seconds) = self.retry_after {
            params.set("retry-after", Some(&seconds.to_string()));
        }
        write!(f, "{params}")
    }
}
