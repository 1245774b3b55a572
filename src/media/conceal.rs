//! What is played where audio is missing: the last pitch periods again, fading (after ITU-T G.711 Appendix I, without its delay), or the noise
//! the peer described (RFC 3389).
//!
//! Works on runs of samples of any length, so that packets of any size leave gaps of any size.

/// Samples remembered: three periods of the longest pitch and what the search compares.
const HISTORY: usize = 520;
/// Pitch searched for: 66 to 200 Hz.
const LAGS: std::ops::RangeInclusive<usize> = 40..=120;
/// What the search compares, 20 ms.
const WINDOW: usize = 160;
/// Full level for the first 10 ms, then down to nothing at 60 ms.
const STEADY: usize = 80;
const SILENT: usize = 480;

pub(crate) struct Concealer {
    history: [i16; HISTORY],
    /// While audio is missing.
    gap: Option<Gap>,
}

struct Gap {
    pitch: usize,
    /// Samples invented so far.
    length: usize,
    /// How far the last real sample lies from where the repeated period would have it.
    step: f32,
}

impl Default for Concealer {
    fn default() -> Self {
        // Before the first packet there is nothing to go on with.
        Self { history: [0; HISTORY], gap: Some(Gap { pitch: *LAGS.end(), length: SILENT, step: 0.0 }) }
    }
}

impl Concealer {
    /// The last 20 ms hold nothing that a listener would notice.
    pub(crate) fn is_quiet(&self) -> bool {
        self.history[HISTORY - WINDOW..].iter().all(|sample| sample.unsigned_abs() < 200)
    }

    /// Nothing more is heard of what was invented by now.
    pub(crate) fn is_silent(&self) -> bool {
        self.gap.as_ref().is_some_and(|gap| gap.length >= SILENT)
    }

    /// Real audio: its beginning is blended with what was invented, if anything was.
    pub(crate) fn real(&mut self, run: &mut [i16]) {
        if let Some(mut gap) = self.gap.take().filter(|gap| gap.length < SILENT) {
            // Longer after a long gap: by then the voice has moved on.
            let blend = (gap.pitch / 4 + gap.length / 20).min(80).min(run.len());
            for (place, sample) in run[..blend].iter_mut().enumerate() {
                let invented = gap.next(&self.history);
                let share = (place + 1) as f32 / (blend + 1) as f32;
                *sample = (f32::from(*sample) * share + invented * (1.0 - share)) as i16;
            }
        }
        remember(&mut self.history, run);
    }

    /// Fills a run for which nothing came.
    pub(crate) fn missing(&mut self, run: &mut [i16]) {
        let history = &self.history;
        let gap = self.gap.get_or_insert_with(|| Gap::begin(history));
        for sample in run.iter_mut() {
            *sample = gap.next(history) as i16;
        }
    }

    /// Audio that is meant to be there without having come (comfort noise): what comes next goes on from it.
    pub(crate) fn noise(&mut self, run: &[i16]) {
        self.gap = None;
        remember(&mut self.history, run);
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Gap {
    fn begin(history: &[i16; HISTORY]) -> Self {
        let pitch = pitch_of(history);
        let step = f32::from(history[HISTORY - 1]) - f32::from(history[HISTORY - 1 - pitch]);
        Self { pitch, length: 0, step }
    }

    fn next(&mut self, history: &[i16; HISTORY]) -> f32 {
        let place = self.length;
        self.length += 1;
        if place >= SILENT {
            return 0.0;
        }
        // One period at first, then two, then three: a single one repeated for long sounds like a buzzer.
        let (periods, since) = match place {
            0..80 => (1, place),
            80..160 => (2, place - 80),
            _ => (3, place - 160),
        };
        let blend = self.pitch / 4;
        let mut value = self.repeated(history, periods, place);
        if periods > 1 && since < blend {
            let share = since as f32 / blend as f32;
            value = value * share + self.repeated(history, periods - 1, place) * (1.0 - share);
        }
        if place < blend {
            value += self.step * (1.0 - (place + 1) as f32 / (blend + 1) as f32);
        }
        let level = 1.0 - place.saturating_sub(STEADY) as f32 / (SILENT - STEADY) as f32;
        (value * level).clamp(-32_767.0, 32_767.0)
    }

    /// The last `periods` periods, over and over.
    fn repeated(&self, history: &[i16; HISTORY], periods: usize, place: usize) -> f32 {
        let length = self.pitch * periods;
        f32::from(history[HISTORY - length + place % length])
    }
}

/// The lag at which the last 20 ms look most like what was before them.
fn pitch_of(history: &[i16; HISTORY]) -> usize {
    let newest = &history[HISTORY - WINDOW..];
    let likeness = |lag: usize, every: usize| {
        let older = &history[HISTORY - WINDOW - lag..HISTORY - lag];
        let (mut product, mut power) = (0.0_f32, 1.0_f32);
        for (new, old) in newest.iter().zip(older).step_by(every) {
            product += f32::from(*new) * f32::from(*old);
            power += f32::from(*old) * f32::from(*old);
        }
        product / power.sqrt()
    };
    let best = |lags: &mut dyn Iterator<Item = usize>, every: usize| {
        lags.map(|lag| (lag, likeness(lag, every))).max_by(|one, other| one.1.total_cmp(&other.1)).map_or(*LAGS.end(), |(lag, _)| lag)
    };
    let coarse = best(&mut LAGS.step_by(2), 2);
    let around = coarse.saturating_sub(2).max(*LAGS.start())..=(coarse + 2).min(*LAGS.end());
    best(&mut around.into_iter(), 1)
}

fn remember(history: &mut [i16; HISTORY], run: &[i16]) {
    let run = &run[run.len().saturating_sub(HISTORY)..];
    history.copy_within(run.len().., 0);
    history[HISTORY - run.len()..].copy_from_slice(run);
}

/// The noise a peer described instead of sending it (RFC 3389). Its spectrum is ours: soft, without edges.
pub(crate) struct Noise {
    amplitude: f32,
    state: u32,
    last: f32,
}

impl Noise {
    /// `payload` is that of a comfort-noise packet: its first octet is the level in dB below full scale; an empty one says nothing and is quiet.
    pub(crate) fn described(payload: &[u8]) -> Self {
        let level = payload.first().map_or(70, |octet| octet & 0x7f).clamp(30, 127);
        let rms = 32_768.0 * 10.0_f32.powf(-f32::from(level) / 20.0);
        // Uniform noise of amplitude a has a root mean square of a/sqrt(3); the filter below takes another sqrt(3) off.
        Self { amplitude: rms * 3.0, state: 0x2545_f491, last: 0.0 }
    }

    pub(crate) fn fill(&mut self, run: &mut [i16]) {
        for sample in run {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = (f32::from((self.state >> 16) as u16) / 32_767.5 - 1.0) * self.amplitude;
            self.last = 0.5 * self.last + 0.5 * white;
            *sample = self.last as i16;
        }
    }
}

#[cfg(test)]
mod tests;
