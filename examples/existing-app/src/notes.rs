//! Everybody's notes, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most notes that one user may keep.
const MOST: usize = 1000;

/// The notes of all users. Each method is told whose; no method reads across users.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Notes {
    /// Two users' notes to begin with.
    pub(crate) fn demo() -> Self {
        let notes = Self::default();
        notes.add("1001", "Weave algebraic patterns");
        notes.add("1001", "Write to Charles");
        notes.add("1002", "Catch the moth");
        notes
    }

    /// What the user `owner` has noted, oldest first.
    pub(crate) fn of(&self, owner: &str) -> Vec<String> {
        self.all().get(owner).cloned().unwrap_or_default()
    }

    /// Adds a note for the user `owner`; `false` if there are too many.
    pub(crate) fn add(&self, owner: &str, text: &str) -> bool {
        let mut all = self.all();
        let notes = all.entry(owner.to_owned()).or_default();
        let has_room = notes.len() < MOST;
        if has_room {
            notes.push(text.to_owned());
        }
        has_room
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
