//! Accounts of the provider's own.
//!
//! 1. Passwords are kept as argon2id and nowhere else.
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

use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::limit::{FailureBudget, address_key};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::password;
use super::{Login, SignIn, SignInError, User};
use crate::secret;

const AT_ONCE: usize = 2;
const MAX_WAIT: Duration = Duration::from_secs(10);
const MAX_NAME: usize = 128;
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
            nobody: password::nobody(),
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
        self.add(name.into(), &password.into());
        self
    }

    /// Adds a user by what [`hash_password`](Self::hash_password) made of the password.
    #[must_use]
    pub fn hashed_user(mut self, name: impl Into<String>, hash: impl Into<String>) -> Self {
        self.add_hashed(name.into(), hash.into());
        self
    }

    /// What may be kept of a password: argon2id, to be given to [`hashed_user`](Self::hashed_user). Takes some
    /// tens of milliseconds. `None` if the password is empty or longer than 1024 bytes.
    #[must_use]
    pub fn hash_password(password: &SecretString) -> Option<String> {
        password::hash(password)
    }

    /// What stands for a user's password in sessions of the host's own, and tells nothing of it: another one after a change.
    /// `None` for who is no user.
    #[must_use]
    pub fn mark(&self, name: &str) -> Option<String> {
        self.hashes.get(name).map(|hash| secret::hash(hash))
    }

    pub(super) fn add(&mut self, name: String, password: &SecretString) {
        match password::hash(password).filter(|_| is_name(&name)) {
            Some(hash) => self.add_hashed(name, hash),
            None => self.problem(&name, "name or password is empty or too long"),
        }
    }

    pub(super) fn add_hashed(&mut self, name: String, hash: String) {
        if is_name(&name) && password::is_hash(&hash) {
            self.hashes.insert(name, hash);
        } else {
            self.problem(&name, "the name, or what is kept of the password, is malformed");
        }
    }

    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("user `{name}`: {problem}"));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.hashes.contains_key(name)
    }
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
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
        if password::is_too_long(password) {
            return Err(SignInError::Wrong);
        }
        let stored =
            self.hashes.get(name).or(self.nobody.as_ref()).cloned().ok_or(SignInError::Unavailable)?;
        let permit = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.at_once).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or(SignInError::Unavailable)?;
        let password = password.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            password::matches(&password, &stored)
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

impl std::fmt::Debug for LocalUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalUsers").field("users", &self.hashes.len()).finish_non_exhaustive()
    }
}
