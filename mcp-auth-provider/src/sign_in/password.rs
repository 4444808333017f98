//! What is kept of a password.
//!
//! 1. argon2id with 19 MiB, two passes and one lane (OWASP's parameters), and nothing else.
//! 2. A password has between 1 and 1024 bytes. Each call takes some tens of milliseconds.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};

const MAX_LENGTH: usize = 1024;

/// `None` if the password is empty or too long.
pub(super) fn hash(password: &SecretString) -> Option<String> {
    if password.expose_secret().is_empty() || is_too_long(password) {
        return None;
    }
    hash_any(password.expose_secret())
}

/// What the password of somebody unknown is compared with, for as long as that of anybody takes.
pub(super) fn nobody() -> Option<String> {
    hash_any("")
}

pub(super) fn is_too_long(password: &SecretString) -> bool {
    password.expose_secret().len() > MAX_LENGTH
}

pub(super) fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok()
}

/// True if `hash` was made of `password`.
pub(super) fn matches(password: &SecretString, hash: &str) -> bool {
    let Some(argon2) = argon2() else { return false };
    let password = password.expose_secret().as_bytes();
    PasswordHash::new(hash).is_ok_and(|hash| argon2.verify_password(password, &hash).is_ok())
}

fn hash_any(password: &str) -> Option<String> {
    let salt = SaltString::generate(&mut OsRng);
    Some(argon2()?.hash_password(password.as_bytes(), &salt).ok()?.to_string())
}

fn argon2() -> Option<Argon2<'static>> {
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).ok()?))
}
