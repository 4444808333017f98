//! The names of collections that were read from the file.
//!
//! Collections are constants of the code, and keys name them so. What another process wrote is read from the file:
//! each name is kept once for the life of the process, and only so many are.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Bytes of a collection's name.
pub(super) const MAX_NAME: usize = 128;
const MAX_NAMES: usize = 256;

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// `name` for the life of the process; `None` if it is none, or one too many.
pub(super) fn kept(name: &[u8]) -> Option<&'static str> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME)?;
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    if names.len() >= MAX_NAMES {
        return None;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    Some(kept)
}
