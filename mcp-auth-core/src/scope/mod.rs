//! What may be asked for: scopes and what they imply.
//!
//! 1. A [`ScopeSet`] is parsed once, ordered, bounded; comparing allocates nothing.
//! 2. Which scope implies which is said by one [`ScopeHierarchy`], never guessed from a name.

mod hierarchy;
mod set;

pub use hierarchy::ScopeHierarchy;
pub use set::{MAX_SCOPE_LEN, MAX_SCOPES, ScopeError, ScopeSet};
