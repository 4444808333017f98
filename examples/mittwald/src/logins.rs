//! Who may sign in, from one start to the next.
//!
//! 1. Only what argon2id made of a password is kept, and that sealed.
//! 2. Accounts that are given replace those that were there. Whose password changed, or who is gone, is signed out everywhere.
//! 3. Where nobody could sign in yet, a demo user is made, and its password told this once.

use mcp_auth_core::store::{Key, Sealed, Store, StoreError, StoreExt as _};
use mcp_auth_provider::{LocalUsers, SignIn as _};
use secrecy::SecretString;
use uuid::Uuid;

use crate::options::Account;
use crate::state::State;

const LOGINS: &str = "logins";
const DEMO_USER: &str = "demo";
const PAGE: usize = 1000;

/// Why logins are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginsError {
    /// The store does not answer, or was sealed with another key.
    #[error("the logins cannot be read or kept: {0}; was the store sealed with another --key?")]
    Store(#[from] StoreError),
    /// A password that cannot be kept.
    #[error("the password of `{0}` is too long")]
    Password(String),
}

/// Who may sign in. By default nobody: at an external authorization server.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    pub(crate) users: LocalUsers,
    /// In the order in which they were given, or of the alphabet.
    pub(crate) names: Vec<String>,
    /// The demo user and its password, if they were made just now.
    pub(crate) made: Option<Account>,
    /// Whose sessions and grants have to end.
    pub(crate) ended: Vec<String>,
}

/// Reads the logins, and replaces them by `given` if that is not empty.
pub(crate) async fn load(state: &State, given: &[Account]) -> Result<Logins, LoginsError> {
    let store = Sealed::new(state.store.clone(), state.ring.clone());
    let mut known = read(&store).await?;
    let mut logins = Logins::default();
    if given.is_empty() && known.is_empty() {
        let password: SecretString = Uuid::new_v4().simple().to_string().into();
        let demo = Account { name: DEMO_USER.to_owned(), password };
        if store.insert_new(&key(&demo.name), hash(&demo)?, None).await? {
            logins.made = Some(demo);
        }
        known = read(&store).await?;
    }
    if given.is_empty() {
        for (name, hash) in known {
            logins.add(name, hash);
        }
        return Ok(logins);
    }
    for account in given {
        let before = known.iter().position(|(name, _)| *name == account.name);
        let before = before.map(|at| known.swap_remove(at).1);
        let hash = match before {
            Some(before) if is_password(&before, account).await => before,
            before => {
                let hash = hash(account)?;
                store.put(&key(&account.name), hash.clone(), None).await?;
                logins.ended.extend(before.map(|_| account.name.clone()));
                hash
            }
        };
        logins.add(account.name.clone(), hash);
    }
    for (name, _) in known {
        store.remove(&key(&name)).await?;
        logins.ended.push(name);
    }
    Ok(logins)
}

impl Logins {
    fn add(&mut self, name: String, hash: String) {
        let users = std::mem::take(&mut self.users);
        self.users = users.hashed_user(&name, hash);
        self.names.push(name);
    }
}

/// Names and hashes, in order.
async fn read(store: &impl Store) -> Result<Vec<(String, String)>, StoreError> {
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        let after = all.last().map(|(name, _)| name.clone());
        let page = store.scan(LOGINS, "", after.as_deref(), PAGE).await?;
        let done = page.len() < PAGE;
        all.extend(page.into_iter().map(|entry| {
            // What is no text is no hash either, which the provider's builder reports.
            (entry.id, String::from_utf8(entry.value.to_vec()).unwrap_or_default())
        }));
        if done {
            return Ok(all);
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(LOGINS, "", name)
}

fn hash(account: &Account) -> Result<String, LoginsError> {
    LocalUsers::hash_password(&account.password).ok_or_else(|| LoginsError::Password(account.name.clone()))
}

async fn is_password(hash: &str, account: &Account) -> bool {
    let users = LocalUsers::new().hashed_user(&account.name, hash);
    users.check(&account.name, &account.password, None).await.is_ok()
}
