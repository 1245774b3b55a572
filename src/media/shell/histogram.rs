//! Durations counted in steps of a quarter: fixed size, one writer, any reader.

use super::engine::Quantiles;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Four steps to the octave, up to 2^31 µs.
const STEPS: usize = 128;

pub(super) struct Histogram {
    counts: [AtomicU64; STEPS],
    max: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; STEPS], max: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.counts[step(micros)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let max = self.max.load(Ordering::Relaxed);
        let at = |share_percent: u64| {
            let wanted = (total * share_percent).div_ceil(100);
            let mut seen = 0;
            let place = counts.iter().position(|count| {
                seen += count;
                seen >= wanted && wanted > 0
            });
            place.map_or(0, |place| bound(place).min(max))
        };
        Quantiles { p50: at(50), p99: at(99), max }
    }
}

/// Below 4 µs a step each, then four an octave.
fn step(micros: u64) -> usize {
    if micros < 4 {
        return micros as usize;
    }
    let octave = micros.ilog2();
    let quarter = (micros >> (octave - 2)) & 3;
    (((octave - 1) * 4) as usize + quarter as usize).min(STEPS - 1)
}

/// Largest value of a step.
fn bound(step: usize) -> u64 {
    if step < 4 {
        return step as u64;
    }
    let (octave, quarter) = (step as u64 / 4 + 1, step as u64 % 4);
    ((5 + quarter) << (octave - 2)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_step_and_a_step_is_a_quarter_wide() {
        for micros in (0..5_000).chain([65_535, 65_536, 1_000_000]) {
            let place = step(micros);
            assert!(micros <= bound(place), "{micros}");
            assert!(place == 0 || micros > bound(place - 1), "{micros}");
            assert!(bound(place) <= micros + micros / 4, "{micros}");
        }
    }

    #[test]
    fn the_quantiles_of_a_hundred() {
        let histogram = Histogram::new();
        assert_eq!(histogram.quantiles(), Quantiles::default());
        (0..98).for_each(|_| histogram.record(Duration::from_micros(3)));
        (0..2).for_each(|_| histogram.record(Duration::from_micros(5_000)));
        assert_eq!(histogram.quantiles(), Quantiles { p50: 3, p99: 5_000, max: 5_000 });
    }
}
