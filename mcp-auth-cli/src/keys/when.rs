//! Times, as an operator writes and reads them.

use std::time::{Duration, UNIX_EPOCH};

use mcp_auth_core::time::Timestamp;

use crate::failure::Failure;

/// Reads `90d` as that long after `now`, or a moment of RFC 3339.
pub(crate) fn read(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = humantime::parse_duration(text) {
        return Ok(now.plus(time));
    }
    let moment = humantime::parse_rfc3339_weak(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    moment.map(|since| Timestamp::default().plus(since)).ok_or_else(|| {
        Failure::usage(format!("--expires: `{text}` is no time"), "write 90d, or 2027-01-31T12:00:00Z")
    })
}

/// Reads `24h`.
pub(crate) fn duration(name: &str, text: &str) -> Result<Duration, Failure> {
    humantime::parse_duration(text)
        .map_err(|_| Failure::usage(format!("--{name}: `{text}` is no duration"), "write 24h, 7d or 0s"))
}

/// Writes a moment in RFC 3339, to the second.
pub(crate) fn write(at: Timestamp) -> String {
    // What is later than the year 9999 has no form in RFC 3339, and would make the formatter panic.
    let at = Duration::from_secs(at.as_secs().min(253_402_300_799));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + at).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let now = Timestamp::from_secs(1_000_000_000);
        assert_eq!(read("90d", now).unwrap(), Timestamp::from_secs(1_000_000_000 + 90 * 86_400));
        assert_eq!(read("2001-09-09T01:46:40Z", now).unwrap(), now);
        assert_eq!(write(now), "2001-09-09T01:46:40Z");
        assert_eq!(write(Timestamp::from_millis(u64::MAX)), "9999-12-31T23:59:59Z");
        for bad in ["", "soon", "-1d", "2027-13-01T00:00:00Z", "99999999999999999999d"] {
            assert!(read(bad, now).is_err(), "{bad}");
        }
    }
}
