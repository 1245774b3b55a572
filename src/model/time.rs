//! Time as data. Nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

macro_rules! microsecond_time {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            pub const ZERO: Self = Self(0);
            pub const MAX: Self = Self(u64::MAX);

            pub const fn from_micros(micros: u64) -> Self {
                Self(micros)
            }

            pub const fn from_millis(millis: u64) -> Self {
                Self(millis.saturating_mul(1_000))
            }

            pub const fn micros(self) -> u64 {
                self.0
            }

            pub const fn millis(self) -> u64 {
                self.0 / 1_000
            }

            /// Time that passed since `earlier`; zero if it is later.
            pub const fn since(self, earlier: Self) -> Duration {
                Duration::from_micros(self.0.saturating_sub(earlier.0))
            }

            /// Saturates at the end of time instead of wrapping.
            pub fn after(self, span: impl Into<Duration>) -> Self {
                let micros = u64::try_from(span.into().as_micros()).unwrap_or(u64::MAX);
                Self(self.0.saturating_add(micros))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{:03}s", self.0 / 1_000_000, (self.0 / 1_000) % 1_000)
            }
        }
    };
}

microsecond_time!(
    /// Microseconds since the call was offered.
    CallTime
);
microsecond_time!(
    /// Microseconds since the worker started; the time of everything that outlives a call (SIP, media).
    WorkerTime
);

/// A span in whole milliseconds, as settings and the contract write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Duration {
        Duration::from_millis(span.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Milliseconds since 1970-01-01 UTC. Arrives in the opening event of a call; the core never asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub u64);
