//! When backups are made, and when they go.
//!
//! 1. A backup is kept for 7 days to a year; asked for a calendar year, it is 365 days.
//! 2. A schedule has the five fields of a crontab, each a `*`, numbers, ranges or steps, without names; its minute is one
//!    number, so it is due at most once an hour.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
const MAX_TEXT: usize = 100;
const FIELDS: [(&str, RangeInclusive<u8>); 5] = [
    ("minute", 0..=59),
    ("hour", 0..=23),
    ("day of month", 1..=31),
    ("month", 1..=12),
    ("day of week", 0..=7),
];

/// Why a time is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScheduleError {
    #[error("must be a duration such as `30d`, or a UTC time such as `2030-01-31T00:00:00Z`")]
    Expiry,
    #[error("must be at least 7 days and at most a year from now")]
    Range,
    #[error("must be from `7d` to `365d`")]
    Ttl,
    #[error("must be five fields: minute, hour, day of month, month, day of week")]
    Cron,
    #[error("has a {0} that is none")]
    Field(&'static str),
    #[error("must have one number as its minute: at most one backup an hour")]
    TooOften,
}

/// When a backup made now expires.
pub(super) fn expiry(text: &str, now: SystemTime) -> Result<SystemTime, ScheduleError> {
    if text.len() > MAX_TEXT {
        return Err(ScheduleError::Expiry);
    }
    let keep = match humantime::parse_duration(text) {
        // A year has 365.25 days there.
        Ok(keep) if keep > 365 * DAY && keep < 366 * DAY => 365 * DAY,
        Ok(keep) => keep,
        Err(_) => humantime::parse_rfc3339(text)
            .map_err(|_| ScheduleError::Expiry)?
            .duration_since(now)
            .map_err(|_| ScheduleError::Range)?,
    };
    if !(7 * DAY..=365 * DAY).contains(&keep) {
        return Err(ScheduleError::Range);
    }
    now.checked_add(keep).ok_or(ScheduleError::Range)
}

/// How long the backups of a schedule are kept.
pub(super) fn ttl(text: &str) -> Result<(), ScheduleError> {
    let days = text.strip_suffix('d').and_then(number);
    days.filter(|days| (7..=365).contains(days)).map(drop).ok_or(ScheduleError::Ttl)
}

/// A cron expression.
pub(super) fn cron(text: &str) -> Result<(), ScheduleError> {
    let fields: Vec<&str> = text.split(' ').collect();
    if text.len() > MAX_TEXT || fields.len() != FIELDS.len() {
        return Err(ScheduleError::Cron);
    }
    for ((name, bounds), field) in FIELDS.iter().zip(&fields) {
        if !field.split(',').all(|part| stands(part, bounds)) {
            return Err(ScheduleError::Field(name));
        }
    }
    fields.first().and_then(|minute| number(minute)).map(drop).ok_or(ScheduleError::TooOften)
}

/// `*`, `5`, `1-5`, `*/2` or `1-5/2`.
fn stands(part: &str, bounds: &RangeInclusive<u8>) -> bool {
    let within = |text: &str| number(text).and_then(|n| u8::try_from(n).ok()).filter(|n| bounds.contains(n));
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let step_holds =
        step.is_none_or(|step| number(step).is_some_and(|n| (1..=u16::from(*bounds.end())).contains(&n)));
    step_holds
        && match range.split_once('-') {
            _ if range == "*" => true,
            Some((from, to)) => within(from).zip(within(to)).is_some_and(|(from, to)| from <= to),
            None => step.is_none() && within(range).is_some(),
        }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn backups_stay_between_a_week_and_a_year() {
        let now = humantime::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
        let day = |text| expiry(text, now).map(|at| at.duration_since(now).unwrap().as_secs() / 86_400);
        for (text, expected) in [
            ("7d", Ok(7)),
            ("4weeks", Ok(28)),
            ("1y", Ok(365)),
            ("2030-02-01T00:00:00Z", Ok(31)),
            ("2030-02-01T00:00:00.500Z", Ok(31)),
            ("6d", Err(ScheduleError::Range)),
            ("30m", Err(ScheduleError::Range)),
            ("366d", Err(ScheduleError::Range)),
            ("2029-12-01T00:00:00Z", Err(ScheduleError::Range)),
            ("2032-01-01T00:00:00Z", Err(ScheduleError::Range)),
            ("99999999999999999999y", Err(ScheduleError::Expiry)),
            ("2030-02-01", Err(ScheduleError::Expiry)),
            ("soon", Err(ScheduleError::Expiry)),
            ("", Err(ScheduleError::Expiry)),
        ] {
            assert_eq!(day(text), expected, "{text}");
        }
        for (text, holds) in [("7d", true), ("365d", true), ("6d", false), ("366d", false), ("+7d", false)] {
            assert_eq!(ttl(text).is_ok(), holds, "{text}");
        }
    }

    #[test]
    fn a_schedule_has_five_fields_that_exist() {
        for good in ["0 2 * * *", "59 */6 1-15 1,6,12 0-7", "5 8-18/2 * * 1", "0 0 31 12 7"] {
            assert_eq!(cron(good), Ok(()), "{good}");
        }
        for (bad, error) in [
            ("", ScheduleError::Cron),
            ("0 2 * *", ScheduleError::Cron),
            ("0 2 * * * *", ScheduleError::Cron),
            ("0  2 * * *", ScheduleError::Cron),
            ("@daily", ScheduleError::Cron),
            ("60 2 * * *", ScheduleError::Field("minute")),
            ("0 24 * * *", ScheduleError::Field("hour")),
            ("0 2 0 * *", ScheduleError::Field("day of month")),
            ("0 2 * 13 *", ScheduleError::Field("month")),
            ("0 2 * JAN *", ScheduleError::Field("month")),
            ("0 2 * * 8", ScheduleError::Field("day of week")),
            ("0 5-2 * * *", ScheduleError::Field("hour")),
            ("0 */0 * * *", ScheduleError::Field("hour")),
            ("0 +2 * * *", ScheduleError::Field("hour")),
            ("0 2, * * *", ScheduleError::Field("hour")),
            ("* * * * *", ScheduleError::TooOften),
            ("0,30 * * * *", ScheduleError::TooOften),
            ("*/15 * * * *", ScheduleError::TooOften),
        ] {
            assert_eq!(cron(bad), Err(error), "{bad}");
        }
    }
}
