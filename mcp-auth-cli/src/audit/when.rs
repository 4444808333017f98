//! Times, as they are asked for and shown.

use std::time::{Duration, UNIX_EPOCH};

use mcp_auth_core::time::Timestamp;

use crate::failure::Failure;

/// Reads `2h` as that long ago, or a moment of RFC 3339.
pub(super) fn read(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.minus(ago));
    }
    let moment = humantime::parse_rfc3339_weak(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    moment.map(|since| Timestamp::default().plus(since)).ok_or_else(|| {
        Failure::usage(
            format!("--{name}: `{text}` is no time"),
            "write 2h for two hours ago, or 2027-01-31T12:00:00Z",
        )
    })
}

/// Writes a moment, to the millisecond.
pub(super) fn write(at: Timestamp) -> String {
    // What is later than the year 9999 has no form in RFC 3339, and would make the formatter panic.
    let at = Duration::from_millis(at.as_millis().min(253_402_300_799_999));
    humantime::format_rfc3339_millis(UNIX_EPOCH + at).to_string()
}
