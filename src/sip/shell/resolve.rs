//! Host names to addresses, off the loop: A and AAAA by the system's resolver. NAPTR and SRV (RFC 3263) are not asked.

use super::ShellLimits;
use crate::model::WorkerTime;
use crate::sip::endpoint::{Transmit, Transport};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

/// Names whose answers are kept.
const MAX_KEPT: usize = 1_024;

type Lookup = Pin<Box<dyn Future<Output = (String, Vec<IpAddr>)> + Send>>;

pub(super) struct Resolver {
    limits: ShellLimits,
    kept: BTreeMap<String, (WorkerTime, Vec<IpAddr>)>,
    waiting: BTreeMap<String, Vec<Waiting>>,
    running: FuturesUnordered<Lookup>,
}

/// A message behind a look-up, in order.
pub(super) struct Waiting {
    pub(super) transmit: Transmit,
    pub(super) transport: Transport,
    pub(super) port: u16,
}

/// What is known of a name at once.
pub(super) enum Known {
    Addresses(Vec<IpAddr>),
    /// The message waits.
    Later,
    /// Too much waits already.
    Full,
}

/// The end of a look-up; no addresses: not found, or not in time.
pub(super) struct Resolved {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) waiting: Vec<Waiting>,
}

impl Resolver {
    pub(super) fn new(limits: ShellLimits) -> Self {
        Self { limits, kept: BTreeMap::new(), waiting: BTreeMap::new(), running: FuturesUnordered::new() }
    }

    pub(super) fn ask(&mut self, at: WorkerTime, host: &str, waiting: impl FnOnce() -> Waiting) -> Known {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Known::Addresses(vec![address]);
        }
        let name = host.to_ascii_lowercase();
        if let Some((until, addresses)) = self.kept.get(&name) {
            if at < *until {
                return Known::Addresses(addresses.clone());
            }
            self.kept.remove(&name);
        }
        if let Some(queue) = self.waiting.get_mut(&name) {
            if queue.len() >= self.limits.behind_lookup {
                return Known::Full;
            }
            queue.push(waiting());
            return Known::Later;
        }
        if self.running.len() >= self.limits.lookups {
            return Known::Full;
        }
        self.waiting.insert(name.clone(), vec![waiting()]);
        self.running.push(Box::pin(look_up(name, self.limits.lookup_patience.into())));
        Known::Later
    }

    /// Pends while nothing is looked up.
    pub(super) async fn next(&mut self) -> (String, Vec<IpAddr>) {
        match self.running.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    pub(super) fn finish(&mut self, at: WorkerTime, name: String, addresses: Vec<IpAddr>) -> Resolved {
        let waiting = self.waiting.remove(&name).unwrap_or_default();
        if !addresses.is_empty() {
            if self.kept.len() >= MAX_KEPT {
                self.kept.retain(|_, (until, _)| at < *until);
            }
            if self.kept.len() >= MAX_KEPT {
                self.kept.pop_first();
            }
            self.kept.insert(name, (at.after(self.limits.lookup_kept), addresses.clone()));
        }
        Resolved { addresses, waiting }
    }
}

async fn look_up(name: String, patience: Duration) -> (String, Vec<IpAddr>) {
    let asked = (name.clone(), 0);
    let addresses = match tokio::time::timeout(patience, tokio::net::lookup_host(asked)).await {
        Ok(Ok(addresses)) => addresses.map(|address: SocketAddr| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    (name, addresses)
}
