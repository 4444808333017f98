//! What the benchmarks seal and open: the state of a question, for one call.

use std::time::Duration;

use super::Digest;
use super::seal::{Binding, Purpose, Seal, State};
use crate::store::KeyRing;
use crate::time::Timestamp;

/// A seal, a question's state, and the call that it is for.
#[derive(Debug)]
pub struct SealedState {
    seal: Seal,
    binding: Binding,
    state: State,
    now: Timestamp,
}

impl SealedState {
    /// A state of five minutes; `None` without randomness.
    #[must_use]
    pub fn new(ring: KeyRing, now: Timestamp) -> Option<Self> {
        let arguments = Digest::of_nothing();
        let binding =
            Binding::new("https://mcp.example/mcp", Some("ada"), "tools/call", "delete_note", arguments);
        let state = State::new(Purpose::Form, now.plus(Duration::from_secs(300)), Some(arguments))?;
        Some(Self { seal: Seal::new(ring), binding, state, now })
    }

    /// The text that travels.
    #[must_use]
    pub fn seal(&self) -> Option<String> {
        self.seal.seal(&self.state, &self.binding)
    }

    /// True if the text comes from here and is for this call.
    #[must_use]
    pub fn opens(&self, text: &str) -> bool {
        self.seal.open(text, &[Purpose::Form], &self.binding, self.now).is_ok()
    }
}
