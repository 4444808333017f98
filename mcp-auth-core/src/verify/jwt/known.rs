//! What is the same in many tokens.
//!
//! 1. An issuer writes the same header into all its tokens, and the same few scopes: those of verified tokens are remembered
//!    by their text to the character. They are read once, and kept once.
//! 2. A token whose signature does not verify leaves nothing behind.

use std::sync::{Arc, PoisonError, RwLock};

use super::header::Header;
use crate::scope::ScopeSet;

/// So many of each are remembered: issuers rarely sign with more than two keys at a time.
const MOST: usize = 8;
/// The longest text that is remembered, in bytes.
const MAX_TEXT: usize = 4096;

/// What was read in verified tokens.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By their base64url.
    pub(super) headers: Texts<Arc<Header>>,
    /// By the claim's text.
    pub(super) scopes: Texts<ScopeSet>,
}

/// What a few texts say.
#[derive(Debug)]
pub(super) struct Texts<T> {
    known: RwLock<Vec<(Box<str>, T)>>,
}

impl<T: Clone> Texts<T> {
    pub(super) fn get(&self, text: &str) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(one, _)| **one == *text).map(|(_, meaning)| meaning.clone())
    }

    /// Remembers what a text of a verified token says; not now, where others are at it.
    pub(super) fn put(&self, text: &str, meaning: &T) {
        let Ok(mut known) = self.known.try_write() else { return };
        if text.len() <= MAX_TEXT && known.iter().all(|(one, _)| **one != *text) {
            known.truncate(MOST - 1);
            known.insert(0, (text.into(), meaning.clone()));
        }
    }
}

impl<T> Default for Texts<T> {
    fn default() -> Self {
        Self { known: RwLock::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_texts_are_remembered_and_the_last_ones() {
        let known = Texts::default();
        for n in 0..20 {
            known.put(&n.to_string(), &n);
            known.put(&n.to_string(), &99);
        }
        known.put(&"x".repeat(MAX_TEXT + 1), &0);
        let found: Vec<i32> = (0..20).filter_map(|n| known.get(&n.to_string())).collect();
        assert_eq!(found, (12..20).collect::<Vec<_>>());
        assert_eq!(known.get(&"x".repeat(MAX_TEXT + 1)), None);
    }
}
