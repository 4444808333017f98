//! Accounts of the provider's own.
//!
//! 1. Passwords are kept as argon2id (19 MiB, two passes, one lane: OWASP's parameters) and nowhere else.
//! 2. An unknown name costs as much as a wrong password.
//! 3. Wrong attempts are counted for the address and for the name, known or not; whoever has too many waits, and to be told so
//!    is one more of the address. Names share 65,536 places by a hash with a random key: nobody can fill a table, or choose
//!    with whom a name shares.
//! 4. At most two passwords are checked at once, so that a flood cannot take the memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::limit::{FailureBudget, address_key};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::{Login, SignIn, SignInError, User};

const AT_ONCE: usize = 2;
const MAX_WAIT: Duration = Duration::from_secs(10);
const MAX_NAME: usize = 128;
const MAX_PASSWORD: usize = 1024;
const PLACES: u64 = 65_536;
/// Wrong attempts in a minute, for a name and for an address.
const PER_NAME: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const PER_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

/// Users who are configured with name and password.
pub struct LocalUsers {
    hashes: HashMap<String, String>,
    /// What an unknown name is checked against.
    nobody: Option<String>,
    problems: Vec<String>,
    /// By the place of the name.
    names: FailureBudget<u64>,
    places: RandomState,
    addresses: FailureBudget<IpAddr>,
    at_once: Arc<Semaphore>,
}

impl Default for LocalUsers {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalUsers {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hashes: HashMap::new(),
            nobody: hash("").ok(),
            problems: Vec::new(),
            names: FailureBudget::new(PER_NAME),
            places: RandomState::new(),
            addresses: FailureBudget::new(PER_ADDRESS),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Adds a user. The password is hashed here and forgotten.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<SecretString>) -> Self {
        let (name, password) = (name.into(), password.into());
        if name.is_empty()
            || name.len() > MAX_NAME
            || password.expose_secret().is_empty()
            || password.expose_secret().len() > MAX_PASSWORD
        {
            self.problems.push(format!("user `{name}`: name or password is empty or too long"));
            return self;
        }
        match hash(password.expose_secret()) {
            Ok(hash) => drop(self.hashes.insert(name, hash)),
            Err(error) => {
                self.problems.push(format!("user `{name}`: the password cannot be hashed: {error}"))
            }
        }
        self
    }
}

impl LocalUsers {
    /// Adds a user by what [`hash_password`](Self::hash_password) made of the password.
    #[must_use]
    pub fn hashed_user(mut self, name: impl Into<String>, hash: impl Into<String>) -> Self {
        let (name, hash) = (name.into(), hash.into());
        if name.is_empty() || name.len() > MAX_NAME || PasswordHash::new(&hash).is_err() {
            self.problems
                .push(format!("user `{name}`: the name, or what is kept of the password, is malformed"));
            return self;
        }
        self.hashes.insert(name, hash);
        self
    }

    /// What may be kept of a password: argon2id, to be given to [`hashed_user`](Self::hashed_user). Takes some
    /// tens of milliseconds. `None` if the password is empty or longer than 1024 bytes.
    #[must_use]
    pub fn hash_password(password: &SecretString) -> Option<String> {
        let password = password.expose_secret();
        if password.is_empty() || password.len() > MAX_PASSWORD {
            return None;
        }
        hash(password).ok()
    }
}

#[async_trait]
impl SignIn for LocalUsers {
    fn login(&self) -> Login {
        Login::Form
    }

    async fn user(&self, _: &Parts) -> Option<User> {
        None
    }

    async fn check(
        &self,
        name: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<User, SignInError> {
        let address = address_key(address);
        let place = self.places.hash_one(name) % PLACES;
        let throttled = |retry_after| SignInError::Throttled { retry_after };
        let begun = async { Ok((self.addresses.begin(&address).await?, self.names.begin(&place).await?)) };
        // Many at once try no more passwords than one after the other.
        let begun = tokio::time::timeout(MAX_WAIT, begun).await.map_err(|_| SignInError::Unavailable)?;
        let (by_address, by_name) = begun.map_err(throttled)?;
        if password.expose_secret().len() > MAX_PASSWORD {
            return Err(SignInError::Wrong);
        }
        let stored =
            self.hashes.get(name).or(self.nobody.as_ref()).cloned().ok_or(SignInError::Unavailable)?;
        let permit = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.at_once).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or(SignInError::Unavailable)?;
        let password = password.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            PasswordHash::new(&stored).is_ok_and(|stored| {
                argon2().is_ok_and(|argon2| {
                    argon2.verify_password(password.expose_secret().as_bytes(), &stored).is_ok()
                })
            })
        });
        if verified.await.map_err(|_| SignInError::Unavailable)? && self.hashes.contains_key(name) {
            by_name.succeeded();
            by_address.succeeded();
            return Ok(User::new(name));
        }
        Err(SignInError::Wrong)
    }

    fn report(&self, errors: &mut ConfigErrors) {
        for problem in &self.problems {
            errors.push(problem.clone(), "give a name of at most 128 and a password of at most 1024 bytes");
        }
        if self.hashes.is_empty() && self.problems.is_empty() {
            errors.push(
                "there is no user who could sign in",
                "add one with LocalUsers::new().user(name, password)",
            );
        }
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None)?))
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let argon2 = argon2().map_err(argon2::password_hash::Error::from)?;
    Ok(argon2.hash_password(password.as_bytes(), &SaltString::generate(&mut OsRng))?.to_string())
}

impl std::fmt::Debug for LocalUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalUsers").field("users", &self.hashes.len()).finish_non_exhaustive()
    }
}
