//! Who may sign in: the users of the configuration, or one demo user.
//!
//! 1. The demo user's password is made at the first start, and shown once.
//! 2. What argon2id makes of a password is kept from one start to the next, and that sealed: it tells who is gone, and whose
//!    password changed. A password that is the same keeps what was made of it.
//! 3. Whose password changed is signed out: sessions, connected applications. Who is gone loses the API keys, too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::{Entry, Key, KeyRing, Sealed, Store, StoreError, StoreExt};
use mcp_auth_core::verify::api_key::{ApiKeys, KeyError};
use mcp_auth_provider::{LocalUsers, Provider, SignIn};
use secrecy::SecretString;

use crate::keys;
use crate::options::Account;
use crate::secret::{self, NoRandomness};

const DEMO_USER: &str = "demo";
const ACCOUNTS: &str = "corcava_accounts";
const PAGE: usize = 1000;

/// Why the users cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The store.
    #[error("the users cannot be read or kept: {0}; is `master.key` the one of this data?")]
    Store(#[from] StoreError),
    /// The API keys of who is gone.
    #[error("the keys of who is gone cannot be revoked: {0}")]
    Keys(#[from] KeyError),
    /// No password can be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// What is kept of a password is damaged.
    #[error("what is kept of a user is damaged: give --user NAME:PASSWORD")]
    Damaged,
    /// A configured user.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// Who may sign in.
pub(crate) struct Accounts {
    pub(crate) users: Arc<LocalUsers>,
    /// What stands for each user's password: another one after a change.
    pub(crate) marks: HashMap<String, String>,
    /// The first of them.
    pub(crate) first: String,
    /// All of them, for people.
    pub(crate) names: String,
    /// True if the demo user is the only one.
    pub(crate) is_demo: bool,
    /// The demo user's password, at the first start only.
    pub(crate) demo_password: Option<SecretString>,
    store: Sealed<Arc<dyn Store>>,
    ended: Vec<Ended>,
}

/// A user who is gone, or has another password: what is kept of that one.
struct Ended {
    name: String,
    hash: Option<String>,
}

impl Accounts {
    /// The users of the configuration, or the demo user. Until [`end`](Self::end) the change is not kept.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        ring: &KeyRing,
        configured: &[Account],
    ) -> Result<Self, AccountsError> {
        let store = Sealed::new(store, ring.clone());
        let mut known = read(&store).await?;
        let (mut users, mut hashes, mut ended, mut demo_password) =
            (LocalUsers::new(), Vec::new(), Vec::new(), None);
        if configured.is_empty() {
            let hash = match known.remove(DEMO_USER) {
                Some(hash) => hash,
                None => {
                    let (hash, password) = demo(&store).await?;
                    demo_password = password;
                    hash
                }
            };
            hashes.push((DEMO_USER.to_owned(), hash));
        }
        for account in configured {
            let name = account.name.clone();
            let before = known.remove(&name);
            if let Some(hash) = &before
                && is_password(hash, account).await
            {
                hashes.push((name, hash.clone()));
                continue;
            }
            let Some(hash) = LocalUsers::hash_password(&account.password) else {
                // Says what is wrong with it.
                users = users.user(name, account.password.clone());
                continue;
            };
            match before {
                Some(_) => ended.push(Ended { name: name.clone(), hash: Some(hash.clone()) }),
                None => store.put(&key(&name), hash.clone(), None).await?,
            }
            hashes.push((name, hash));
        }
        ended.extend(known.into_keys().map(|name| Ended { name, hash: None }));
        let users = hashes.iter().fold(users, |users, (name, hash)| users.hashed_user(name, hash));
        let mut errors = ConfigErrors::default();
        users.report(&mut errors);
        let names: Vec<&str> = hashes.iter().map(|(name, _)| name.as_str()).collect();
        let accounts = Self {
            users: Arc::new(users),
            first: names.first().copied().unwrap_or_default().to_owned(),
            names: names.join(", "),
            is_demo: configured.is_empty(),
            marks: hashes.into_iter().map(|(name, hash)| (name, secret::hash(&hash))).collect(),
            demo_password,
            store,
            ended,
        };
        errors.into_result(accounts).map_err(Into::into)
    }

    /// Ends what they had who are gone or have another password. Kept only then: broken off, it is done at the next start.
    pub(crate) async fn end(&self, provider: &Provider, keys: &ApiKeys) -> Result<(), AccountsError> {
        for Ended { name, hash } in &self.ended {
            tracing::warn!(user = name, is_gone = hash.is_none(), "a user is signed out everywhere");
            // One by one: `revoke_user` would refuse the API keys of who only has another password as well.
            for connection in provider.connections(name).await? {
                provider.disconnect(name, &connection.id).await?;
            }
            match hash {
                Some(hash) => self.store.put(&key(name), hash.clone(), None).await?,
                None => {
                    keys::revoke_all(keys, name).await?;
                    self.store.remove(&key(name)).await?;
                }
            }
        }
        Ok(())
    }
}

fn key(name: &str) -> Key {
    Key::new(ACCOUNTS, "", name)
}

/// Names, and what is kept of their passwords.
async fn read(store: &impl Store) -> Result<BTreeMap<String, String>, AccountsError> {
    let (mut all, mut after) = (BTreeMap::new(), None::<String>);
    loop {
        let page = store.scan(ACCOUNTS, "", after.as_deref(), PAGE).await?;
        after = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
        for entry in page {
            all.insert(entry.id.clone(), text(&entry)?);
        }
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn is_password(hash: &str, account: &Account) -> bool {
    let users = LocalUsers::new().hashed_user(&account.name, hash);
    users.check(&account.name, &account.password, None).await.is_ok()
}

/// What is kept of the demo user's password; and the password, if it was made just now.
async fn demo(store: &impl Store) -> Result<(String, Option<SecretString>), AccountsError> {
    let password: SecretString = secret::random()?.as_str().into();
    let hash = LocalUsers::hash_password(&password).ok_or(AccountsError::Damaged)?;
    if store.insert_new(&key(DEMO_USER), hash.clone(), None).await? {
        return Ok((hash, Some(password)));
    }
    // Another process was first.
    let entry = store.get(&key(DEMO_USER)).await?.ok_or(AccountsError::Damaged)?;
    Ok((text(&entry)?, None))
}

fn text(entry: &Entry) -> Result<String, AccountsError> {
    String::from_utf8(entry.value.to_vec()).map_err(|_| AccountsError::Damaged)
}
