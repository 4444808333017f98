//! The ways in which an authority fails.

use std::time::Duration;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Status 500.
    Failing,
    /// A good answer, after this time.
    Slow(Duration),
    /// Status 200 and JSON by its type, which it is not.
    Garbage,
    /// A good answer, behind a megabyte of spaces.
    Oversized,
    /// A good answer that calls itself `text/html`.
    WrongContentType,
    /// 302 to a place of the same origin that has the good answer.
    Redirecting,
}
