//! What names may look like. They are shown in lists and logs: one line, no control characters; markup is left to whoever
//! shows them.

use super::KeyError;

/// The longest name, in bytes.
pub(super) const NAME: usize = 256;
/// The longest owner or issuer, in bytes: both together name a partition of the store.
pub(super) const OWNER: usize = 256;
const ENVIRONMENT: usize = 32;

/// One line of at most `most` bytes that says something.
pub(super) fn line(field: &'static str, text: &str, most: usize) -> Result<(), KeyError> {
    let problem = if text.trim().is_empty() {
        "it is empty"
    } else if text.len() > most {
        "it is too long"
    } else if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(KeyError::Invalid { field, problem })
}

pub(super) fn environment(name: &str) -> Result<(), KeyError> {
    let is_name = (1..=ENVIRONMENT).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let problem = "it is not 1 to 32 small letters, digits and `-`";
    if is_name { Ok(()) } else { Err(KeyError::Invalid { field: "environment", problem }) }
}

/// Line separators and what turns the direction of text: one name must not look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
