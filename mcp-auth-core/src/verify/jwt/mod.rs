//! JWT access tokens.
