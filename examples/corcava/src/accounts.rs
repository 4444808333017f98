//! Who may sign in: the users of the configuration, or one demo user.
//!
//! 1. The demo user's password is made at the first start, shown once, and kept as a hash.

use std::sync::Arc;

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::{Key, Store, StoreError, StoreExt};
use mcp_auth_provider::{LocalUsers, SignIn};
use secrecy::SecretString;

use crate::options::Account;
use crate::secret::{self, NoRandomness};

const DEMO_USER: &str = "demo";
const COLLECTION: &str = "corcava_demo";

/// Why the users cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The store.
    #[error("the demo user cannot be read or kept")]
    Store(#[from] StoreError),
    /// No password can be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// What is kept of the demo user's password is damaged.
    #[error("what is kept of the demo user is damaged: give --user NAME:PASSWORD")]
    Damaged,
    /// A configured user.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// Who may sign in.
pub(crate) struct Accounts {
    pub(crate) users: Arc<LocalUsers>,
    /// The first of them.
    pub(crate) first: String,
    /// All of them, for people.
    pub(crate) names: String,
    /// True if the demo user is the only one.
    pub(crate) is_demo: bool,
    /// The demo user's password, at the first start only.
    pub(crate) demo_password: Option<SecretString>,
}

impl Accounts {
    /// The users of the configuration, or the demo user.
    pub(crate) async fn open(store: &Arc<dyn Store>, configured: &[Account]) -> Result<Self, AccountsError> {
        let (users, first, demo_password) = match configured.first() {
            Some(first) => {
                let users = configured
                    .iter()
                    .fold(LocalUsers::new(), |users, user| users.user(&user.name, user.password.clone()));
                (users, first.name.clone(), None)
            }
            None => {
                let (hash, password) = demo(store).await?;
                (LocalUsers::new().hashed_user(DEMO_USER, hash), DEMO_USER.to_owned(), password)
            }
        };
        let mut errors = ConfigErrors::default();
        users.report(&mut errors);
        let names: Vec<&str> = configured.iter().map(|user| user.name.as_str()).collect();
        let names = if configured.is_empty() { DEMO_USER.to_owned() } else { names.join(", ") };
        let is_demo = configured.is_empty();
        errors
            .into_result(Self { users: Arc::new(users), first, names, is_demo, demo_password })
            .map_err(Into::into)
    }
}

/// What is kept of the demo user's password; and the password, if it was made just now.
async fn demo(store: &Arc<dyn Store>) -> Result<(String, Option<SecretString>), AccountsError> {
    let place = Key::new(COLLECTION, "", "password");
    if let Some(entry) = store.get(&place).await? {
        let hash = String::from_utf8(entry.value.to_vec()).map_err(|_| AccountsError::Damaged)?;
        return Ok((hash, None));
    }
    let password: SecretString = secret::random()?.as_str().into();
    let hash = LocalUsers::hash_password(&password).ok_or(AccountsError::Damaged)?;
    if store.insert_new(&place, hash.clone(), None).await? {
        return Ok((hash, Some(password)));
    }
    let entry = store.get(&place).await?.ok_or(AccountsError::Damaged)?;
    Ok((String::from_utf8(entry.value.to_vec()).map_err(|_| AccountsError::Damaged)?, None))
}
