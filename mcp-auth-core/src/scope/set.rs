//! A set of scope tokens (RFC 6749, section 3.3).

use std::fmt;
use std::sync::Arc;

/// The most scopes one set holds.
pub const MAX_SCOPES: usize = 256;
/// The longest scope token, in bytes.
pub const MAX_SCOPE_LEN: usize = 256;

/// An ordered set of scope tokens. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet {
    /// In order, each once, one space between two. Never an empty text.
    text: Option<Arc<str>>,
}

/// Why a text is no set of scopes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A byte outside `scope-token` (RFC 6749, section 3.3), or an empty token.
    #[error("a scope has a character that RFC 6749 does not allow")]
    Character,
    /// More than [`MAX_SCOPES`] scopes, or one longer than [`MAX_SCOPE_LEN`] bytes.
    #[error("too many scopes, or one that is too long")]
    TooLarge,
}

impl ScopeSet {
    /// Parses a space-separated list; repeated scopes and repeated spaces are folded.
    ///
    /// # Errors
    /// [`ScopeError`] on a forbidden character or past the bounds.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut tokens = Vec::with_capacity(16);
        let mut start = 0;
        for (end, byte) in text.bytes().chain([b' ']).enumerate() {
            if byte == b' ' {
                let token = text.get(start..end).unwrap_or_default();
                if !token.is_empty() {
                    push(&mut tokens, token)?;
                }
                start = end + 1;
            } else if !is_scope_byte(byte) {
                return Err(ScopeError::Character);
            }
        }
        Ok(Self::of(tokens))
    }

    /// Builds a set from single tokens.
    ///
    /// # Errors
    /// [`ScopeError`] on a forbidden character or past the bounds.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut all = Vec::with_capacity(16);
        for token in tokens {
            if token.is_empty() || !token.bytes().all(is_scope_byte) {
                return Err(ScopeError::Character);
            }
            push(&mut all, token)?;
        }
        Ok(Self::of(all))
    }

    fn of(mut tokens: Vec<&str>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        Self { text: (!tokens.is_empty()).then(|| tokens.join(" ").into()) }
    }

    /// True if `scope` itself is in the set; for what a scope implies ask a [`ScopeHierarchy`](super::ScopeHierarchy).
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|have| have == scope)
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.iter().flat_map(|text| text.split(' '))
    }

    /// How many scopes there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Space-separated, in order.
    pub(crate) fn as_str(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.as_str().len()
    }

    /// True without any scope.
    pub fn is_empty(&self) -> bool {
        self.text.is_none()
    }

    /// All scopes of both sets, in order; never cut, as both sides were bounded already.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()).collect())
    }

    /// The scopes for which `keep` is true.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self::of(self.iter().filter(|scope| keep(scope)).collect())
    }
}

/// Space-separated, in order: the form of a `scope` parameter.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

fn push<'a>(tokens: &mut Vec<&'a str>, token: &'a str) -> Result<(), ScopeError> {
    if token.len() > MAX_SCOPE_LEN || tokens.len() >= MAX_SCOPES {
        return Err(ScopeError::TooLarge);
    }
    tokens.push(token);
    Ok(())
}

fn is_scope_byte(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}
