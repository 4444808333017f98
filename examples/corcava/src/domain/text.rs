//! What text may be: bounded, without control characters but tabs and line ends.

use super::DomainError;

pub(super) const TITLE: usize = 300;
pub(super) const DESCRIPTION: usize = 20_000;
pub(super) const COMMENT: usize = 10_000;
pub(super) const REASON: usize = 500;
const SEARCH: usize = 200;

/// One line that says something.
pub(super) fn line(field: &'static str, text: &str, most: usize) -> Result<(), DomainError> {
    if text.chars().any(char::is_control) {
        return Err(DomainError::Invalid { field, problem: "it has control characters or line ends" });
    }
    block(field, text, most)
}

/// Lines that say something.
pub(super) fn block(field: &'static str, text: &str, most: usize) -> Result<(), DomainError> {
    let problem = if text.trim().is_empty() {
        "it is empty"
    } else if text.len() > most {
        "it is too long"
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(DomainError::Invalid { field, problem })
}

/// What is searched for; nothing if it says nothing.
pub(super) fn search(text: Option<&str>) -> Result<Option<&str>, DomainError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = text {
        line("search", text, SEARCH)?;
    }
    Ok(text)
}
