//! Who the user is: local accounts, or the session that the host already has.

mod host;
mod kept;
mod local;
mod password;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use host::HostSession;
pub use kept::{ChangedUser, KeptUsers, KeptUsersError};
pub use local::LocalUsers;

use mcp_auth_core::config::ConfigErrors;

/// A signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The stable identifier: the `sub` of tokens. Never reuse one for another person.
    pub subject: String,
    /// What the consent page calls the user.
    pub name: String,
}

impl User {
    /// A user whose name is its identifier.
    pub fn new(subject: impl Into<String>) -> Self {
        let subject = subject.into();
        Self { name: subject.clone(), subject }
    }
}

/// How a user signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// With name and password, on the provider's own page; the provider keeps the session.
    Form,
    /// On a page of the host's, which keeps the session. The address of the authorization request is added to `url` as the
    /// query parameter `return_to`, a path on the provider's origin.
    Page {
        /// The page, a path on the same origin or a URL.
        url: String,
        /// The name of the query parameter.
        return_to: String,
    },
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Wrong name or password; which of them is not said.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many attempts.
    #[error("too many attempts")]
    Throttled {
        /// Until the next one is looked at.
        retry_after: Duration,
    },
    /// It cannot be told now.
    #[error("sign-in is not possible now")]
    Unavailable,
}

/// Signs users in.
#[async_trait]
pub trait SignIn: Send + Sync + 'static {
    /// Where users sign in.
    fn login(&self) -> Login;

    /// The user of a request, by the host's own session. With [`Login::Form`] the provider keeps the session and does not ask.
    async fn user(&self, request: &Parts) -> Option<User>;

    /// Checks a name and a password. Only asked with [`Login::Form`].
    ///
    /// # Errors
    /// [`SignInError`]; takes the same time for an unknown name and a wrong password.
    async fn check(
        &self,
        name: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<User, SignInError>;

    /// Adds what is wrong with the configuration.
    fn report(&self, errors: &mut ConfigErrors) {
        let _ = errors;
    }
}
