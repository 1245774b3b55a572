//! Keypad collection: the assistant's settings and the per-turn retune (contract section 5).

use super::bounded::{Bounded, Text};
use super::media::Digit;
use serde::{Deserialize, Serialize};

/// `DtmfInputSpec` of the published API: how the next keypad collection differs from the assistant's settings. An unset field leaves the
/// assistant's value in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DtmfInputSpec {
    /// Collection is wanted even where the assistant has `dtmf_enabled = false`.
    #[serde(default = "yes")]
    pub expects_input: bool,
    #[serde(default)]
    pub max_digits: Option<Bounded<1, 64>>,
    #[serde(default)]
    pub termination_digit: Option<Text<1>>,
    #[serde(default)]
    pub inter_digit_timeout_ms: Option<Bounded<250, 60_000>>,
    #[serde(default)]
    pub prefix: Option<Text<32>>,
}

impl Default for DtmfInputSpec {
    fn default() -> Self {
        Self { expects_input: true, max_digits: None, termination_digit: None, inter_digit_timeout_ms: None, prefix: None }
    }
}

fn yes() -> bool {
    true
}

/// The keypad settings in force: the assistant's, or the assistant's with a retune applied. Field names and defaults are those of the
/// published voice configuration (`dtmf_*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DtmfSettings {
    pub dtmf_enabled: bool,
    /// `None`: no key ends the collection.
    pub dtmf_termination_digit: Option<Digit>,
    pub dtmf_inter_digit_timeout_ms: Bounded<250, 60_000>,
    pub dtmf_max_digits: Bounded<1, 64>,
    pub dtmf_prefix: Text<32>,
}

impl Default for DtmfSettings {
    fn default() -> Self {
        Self {
            dtmf_enabled: false,
            dtmf_termination_digit: Digit::from_char('#'),
            dtmf_inter_digit_timeout_ms: Bounded::of(3_000),
            dtmf_max_digits: Bounded::of(32),
            dtmf_prefix: Text::try_from("DTMF: ").unwrap_or_default(),
        }
    }
}

impl DtmfSettings {
    /// These settings with `retune` laid over them; `None` is no retune.
    pub fn retuned(&self, retune: Option<&DtmfInputSpec>) -> Self {
        let Some(retune) = retune else { return self.clone() };
        Self {
            dtmf_enabled: self.dtmf_enabled || retune.expects_input,
            dtmf_termination_digit: match &retune.termination_digit {
                Some(key) => key.as_str().chars().next().and_then(Digit::from_char),
                None => self.dtmf_termination_digit,
            },
            dtmf_inter_digit_timeout_ms: retune.inter_digit_timeout_ms.unwrap_or(self.dtmf_inter_digit_timeout_ms),
            dtmf_max_digits: retune.max_digits.unwrap_or(self.dtmf_max_digits),
            dtmf_prefix: retune.prefix.clone().unwrap_or_else(|| self.dtmf_prefix.clone()),
        }
    }
}
