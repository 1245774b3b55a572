//! How a number becomes a URI on a trunk.

use super::destination::{DialString, E164, shown};
use super::{Hop, TrunkError};
use std::str::FromStr;

/// A URI with a place for the number: `{e164}` (also `{number}`: with its `+`) or `{digits}` (without), and `{address}` for the trunk's
/// outbound address. The default is `sip:{e164}@{address};user=phone`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationTemplate(String);

impl DestinationTemplate {
    /// The URI for `number`. A trunk without an outbound address cannot fill `{address}`; the number then goes out as a `tel:` URI, which a
    /// peer that accepts REFER can follow by its own dial plan.
    pub(super) fn fill(&self, number: &E164, outbound: Option<&Hop>) -> Result<String, TrunkError> {
        let address = match outbound {
            Some(hop) => hop.authority(),
            None if self.0.contains("{address}") => return Ok(format!("tel:{}", number.as_str())),
            None => String::new(),
        };
        Ok(filled(&self.0, number.as_str(), number.digits(), &address))
    }
}

impl Default for DestinationTemplate {
    fn default() -> Self {
        Self("sip:{e164}@{address};user=phone".to_owned())
    }
}

impl FromStr for DestinationTemplate {
    type Err = TrunkError;

    fn from_str(text: &str) -> Result<Self, TrunkError> {
        let text = text.trim();
        let wrong = |problem| TrunkError::Template { template: shown(text), problem };
        let places = ["{e164}", "{number}", "{digits}"].iter().map(|place| text.matches(place).count()).sum::<usize>();
        if places != 1 {
            return Err(wrong("it needs exactly one of {e164} and {digits}"));
        }
        let example = filled(text, "+12025550123", "12025550123", "trunk.example");
        if example.contains(['{', '}']) {
            return Err(wrong("only {e164}, {number}, {digits} and {address} are known"));
        }
        match DialString::from_str(&example) {
            Ok(DialString::Sip { .. } | DialString::Tel { .. }) => Ok(Self(text.to_owned())),
            Ok(DialString::Number(_)) | Err(_) => Err(wrong("filled with a number it is no sip: or tel: URI")),
        }
    }
}

fn filled(template: &str, e164: &str, digits: &str, address: &str) -> String {
    template.replace("{e164}", e164).replace("{number}", e164).replace("{digits}", digits).replace("{address}", address)
}
