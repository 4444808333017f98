//! Filtering by due date.
//!
//! 1. Weeks begin on Monday; days are UTC's.
//! 2. What is overdue was due before today and is not done.

use std::borrow::Cow;

use chrono::{Datelike, Days, NaiveDate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::Date;

/// Which due dates are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DueFilter {
    /// Today.
    Today,
    /// Tomorrow.
    Tomorrow,
    /// From this week's Monday to its Sunday.
    ThisWeek,
    /// The week after.
    NextWeek,
    /// Before today, and not done.
    Overdue,
    /// Tasks without a due date.
    None,
    /// One day.
    On(Date),
}

/// A text that names no due dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "due_date is none of today, tomorrow, this_week, next_week, overdue, none, or a day such as 2031-05-31"
)]
pub struct DueFilterError;

impl TryFrom<String> for DueFilter {
    type Error = DueFilterError;

    fn try_from(text: String) -> Result<Self, DueFilterError> {
        Ok(match text.as_str() {
            "today" => Self::Today,
            "tomorrow" => Self::Tomorrow,
            "this_week" => Self::ThisWeek,
            "next_week" => Self::NextWeek,
            "overdue" => Self::Overdue,
            "none" => Self::None,
            _ => Self::On(Date::try_from(text).map_err(|_| DueFilterError)?),
        })
    }
}

/// A filter, as the query understands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DueRange {
    pub(super) from: Option<String>,
    pub(super) until: Option<String>,
    pub(super) is_open: bool,
    pub(super) is_absent: bool,
}

impl DueFilter {
    /// What it means on the day `today`.
    pub(super) fn range(self, today: NaiveDate) -> DueRange {
        let days = |from: Option<NaiveDate>, until: Option<NaiveDate>| DueRange {
            from: from.map(|day| day.to_string()),
            until: until.map(|day| day.to_string()),
            ..DueRange::default()
        };
        let after = |day: NaiveDate, days| day.checked_add_days(Days::new(days)).unwrap_or(day);
        let monday =
            today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into())).unwrap_or(today);
        match self {
            Self::Today => days(Some(today), Some(today)),
            Self::Tomorrow => days(Some(after(today, 1)), Some(after(today, 1))),
            Self::ThisWeek => days(Some(monday), Some(after(monday, 6))),
            Self::NextWeek => days(Some(after(monday, 7)), Some(after(monday, 13))),
            Self::Overdue => DueRange { is_open: true, ..days(None, today.pred_opt()) },
            Self::None => DueRange { is_absent: true, ..DueRange::default() },
            Self::On(Date(day)) => days(Some(day), Some(day)),
        }
    }
}

impl JsonSchema for DueFilter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DueFilter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(today|tomorrow|this_week|next_week|overdue|none|[0-9]{4}-[0-9]{2}-[0-9]{2})$"
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn range(filter: &str, today: &str) -> (Option<String>, Option<String>) {
        let range = DueFilter::try_from(filter.to_owned()).unwrap().range(today.parse().unwrap());
        (range.from, range.until)
    }

    fn days(from: &str, until: &str) -> (Option<String>, Option<String>) {
        (Some(from.to_owned()), Some(until.to_owned()))
    }

    #[test]
    fn weeks_begin_on_monday() {
        for today in ["2029-01-01", "2029-01-04", "2029-01-07"] {
            assert_eq!(range("this_week", today), days("2029-01-01", "2029-01-07"), "{today}");
            assert_eq!(range("next_week", today), days("2029-01-08", "2029-01-14"), "{today}");
        }
        assert_eq!(range("this_week", "2028-12-31"), days("2028-12-25", "2028-12-31"));
        assert_eq!(range("tomorrow", "2028-02-28"), days("2028-02-29", "2028-02-29"));
        assert_eq!(range("2028-02-29", "2020-01-01"), days("2028-02-29", "2028-02-29"));
        assert_eq!(range("overdue", "2029-01-01"), (None, Some("2028-12-31".to_owned())));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "This_Week", "week", "2029-02-30", "29-1-1", "+2029-01-01", "2029-01-01' OR 1"] {
            assert_eq!(DueFilter::try_from(bad.to_owned()), Err(DueFilterError), "{bad}");
        }
    }
}
