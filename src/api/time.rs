//! Wall time on the wire: RFC 3339, UTC, milliseconds.

use crate::model::WallTime;
use jiff::Timestamp;
use serde::Serializer;

/// `2026-01-02T03:04:05.678Z`; a time that no calendar holds is its last one.
pub(super) fn text(at: WallTime) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    format!("{:.3}", Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}

pub(super) fn parse(text: &str) -> Option<WallTime> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(WallTime)
}

pub(super) fn rfc3339<S: Serializer>(at: &WallTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(*at))
}

pub(super) fn opt_rfc3339<S: Serializer>(at: &Option<WallTime>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, to),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds_and_read_back() {
        assert_eq!(text(WallTime(1_767_323_045_678)), "2026-01-02T03:04:05.678Z");
        assert_eq!(parse("2026-01-02T04:04:05.678+01:00"), Some(WallTime(1_767_323_045_678)));
        assert_eq!(text(WallTime(u64::MAX)).get(..4), Some("9999"));
    }
}
