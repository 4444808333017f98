//! Why something could not be done with a key.

use crate::store::StoreError;

/// Why a key could not be made, read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such key of this issuer.
    #[error("there is no such key")]
    NotFound,
    /// What was asked for is outside its bounds.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which part: `name`, `owner`, `environment`, `expires_at`, `overlap`.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The key is revoked or has expired: it cannot be rotated or changed.
    #[error("the key has ended")]
    Ended,
    /// Somebody else rotated or changed the key at the same time; look at it, then try again.
    #[error("the key was changed at the same time")]
    Changed,
    /// The system gave no randomness.
    #[error("the system gives no randomness")]
    Randomness,
    /// The store does not answer, or not as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
}
