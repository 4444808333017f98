//! The service's own users, as axum-login wants them.

use std::fmt;
use std::sync::Arc;

use axum_login::{AuthUser, AuthnBackend, UserId};
use serde::Deserialize;
use tokio::task::{JoinError, spawn_blocking};

/// A user of the service.
#[derive(Clone)]
pub(crate) struct User {
    /// Never given to anybody else, also when the name changes.
    pub(crate) id: String,
    /// What the user signs in with.
    pub(crate) name: String,
    password_hash: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.id.clone()
    }

    /// A new password ends all sessions.
    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

/// What the login form sends. Not `Debug`: it holds a password.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
    /// Where to go afterwards.
    pub(crate) next: Option<String>,
}

/// All users.
#[derive(Clone, Debug)]
pub(crate) struct Users(Arc<[User]>);

impl Users {
    /// Two users with passwords that everybody knows.
    pub(crate) fn demo() -> Self {
        let user = |id: &str, name: &str, password: &str| User {
            id: id.to_owned(),
            name: name.to_owned(),
            password_hash: password_auth::generate_hash(password),
        };
        Self(Arc::new([user("1001", "ada", "analytical engine"), user("1002", "grace", "nanoseconds")]))
    }
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = JoinError;

    /// Hashes a password also for a name that nobody has, so that time does not tell which names exist.
    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, JoinError> {
        let users = self.clone();
        spawn_blocking(move || {
            let user = users.0.iter().find(|user| user.name == credentials.username);
            let hash = user.or(users.0.first()).map_or("", |user| &user.password_hash);
            let is_right = password_auth::verify_password(&credentials.password, hash).is_ok();
            user.filter(|_| is_right).cloned()
        })
        .await
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, JoinError> {
        Ok(self.0.iter().find(|user| user.id == *id).cloned())
    }
}
