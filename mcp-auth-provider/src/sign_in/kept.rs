//! Local users who are known again at the next start.
//!
//! 1. Only what argon2id made of a password is kept, and that sealed.
//! 2. Who may sign in is named at each start. Whoever is not named any more is gone; a password that is the same changes nothing.
//! 3. Whoever is gone, or has another password, is a [`ChangedUser`]: what they had before is for the host to end. Until it
//!    says that this is done they are one at every start, so that nothing is forgotten where a start is broken off.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::{Entry, Key, KeyRing, Sealed, Store, StoreError, StoreExt};
use secrecy::SecretString;

use super::local::{LocalUsers, is_name};
use super::{SignIn, password};
use crate::secret;

const USERS: &str = "local_users";
const PAGE: usize = 1000;

/// Why the users are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptUsersError {
    /// The store does not answer, or was sealed with another key.
    #[error("the users cannot be read or kept: {0}")]
    Store(#[from] StoreError),
    /// No password can be made.
    #[error("no password can be made: the machine gives no randomness")]
    NoPassword,
}

/// Makes [`LocalUsers`] of whoever may sign in, and tells who could before and now cannot.
///
/// ```
/// use std::sync::Arc;
/// use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
/// use mcp_auth_provider::{KeptUsers, Provider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let (store, ring): (Arc<dyn Store>, _) = (Arc::new(MemoryStore::default()), KeyRing::generate()?);
/// let mut kept = KeptUsers::load(Arc::clone(&store), ring).await?;
/// kept.user("ada", &"analytical engine".into()).await?;
/// if let Some(password) = kept.generated("demo").await? {
///     // The first start: show it, it is not shown again.
/// #   assert_eq!(secrecy::ExposeSecret::expose_secret(&password).len(), 43);
/// }
/// let (users, changed) = kept.finish()?;
/// # let builder = Provider::builder("http://127.0.0.1:8787").resource("http://127.0.0.1:8787/mcp").scopes([("a", "A")]);
/// let (provider, background) = builder.store(store).sign_in(users).build()?;
/// for user in changed {
///     provider.revoke_user(&user.name).await?;
///     user.done().await?;
/// }
/// # drop(background);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct KeptUsers {
    store: Sealed<Arc<dyn Store>>,
    /// Who was there and was not named yet.
    before: BTreeMap<String, String>,
    users: LocalUsers,
    changed: Vec<(String, Option<String>)>,
}

/// A user who is gone or has another password, and still has what they had before.
#[must_use = "end what the user had, then say that it is `done`"]
pub struct ChangedUser {
    /// The user.
    pub name: String,
    /// What is to be kept from now on.
    hash: Option<String>,
    store: Sealed<Arc<dyn Store>>,
}

impl KeptUsers {
    /// Reads who was there at the last start.
    ///
    /// # Errors
    /// [`KeptUsersError::Store`].
    pub async fn load(store: Arc<dyn Store>, ring: KeyRing) -> Result<Self, KeptUsersError> {
        let store = Sealed::new(store, ring);
        let (mut before, mut after) = (BTreeMap::new(), None::<String>);
        loop {
            let page = store.scan(USERS, "", after.as_deref(), PAGE).await?;
            after = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
            for entry in page {
                let hash = text(&entry)?;
                before.insert(entry.id, hash);
            }
            if after.is_none() {
                return Ok(Self { store, before, users: LocalUsers::new(), changed: Vec::new() });
            }
        }
    }

    /// Who was there and was not named yet, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.before.keys().map(String::as_str)
    }

    /// This one may sign in, with this password. What is wrong with them is told by [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`KeptUsersError::Store`].
    pub async fn user(&mut self, name: &str, password: &SecretString) -> Result<(), KeptUsersError> {
        if self.users.has(name) {
            self.users.problem(name, "there are two of this name");
            return Ok(());
        }
        let before = self.before.remove(name);
        if let Some(hash) = before.as_ref().filter(|hash| password::matches(password, hash)) {
            self.users.add_hashed(name.to_owned(), hash.clone());
            return Ok(());
        }
        let Some(hash) = password::hash(password).filter(|_| is_name(name)) else {
            self.users.add(name.to_owned(), password);
            return Ok(());
        };
        match before {
            Some(_) => self.changed.push((name.to_owned(), Some(hash.clone()))),
            None => self.store.put(&key(name), hash.clone(), None).await?,
        }
        self.users.add_hashed(name.to_owned(), hash);
        Ok(())
    }

    /// This one may sign in, with the password of before. Who is new gets a random one, which is given this once.
    ///
    /// # Errors
    /// [`KeptUsersError`].
    pub async fn generated(&mut self, name: &str) -> Result<Option<SecretString>, KeptUsersError> {
        if self.users.has(name) || !is_name(name) {
            self.users.problem(name, "there are two of this name, or it is empty or too long");
            return Ok(None);
        }
        if let Some(hash) = self.before.remove(name) {
            self.users.add_hashed(name.to_owned(), hash);
            return Ok(None);
        }
        let password = secret::random().map_err(|_| KeptUsersError::NoPassword)?;
        let password = SecretString::from(password.as_str());
        let hash = password::hash(&password).ok_or(KeptUsersError::NoPassword)?;
        if self.store.insert_new(&key(name), hash.clone(), None).await? {
            self.users.add_hashed(name.to_owned(), hash);
            return Ok(Some(password));
        }
        // Another process was first.
        let entry = self.store.get(&key(name)).await?;
        let hash = entry.map_or_else(|| Err(damaged("it was made and is gone")), |entry| text(&entry))?;
        self.users.add_hashed(name.to_owned(), hash);
        Ok(None)
    }

    /// Who may sign in, and whose sessions, grants and keys have to end.
    ///
    /// # Errors
    /// What is wrong with a name or a password, or that nobody was named.
    pub fn finish(self) -> Result<(LocalUsers, Vec<ChangedUser>), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        self.users.report(&mut errors);
        let gone = self.before.into_keys().map(|name| (name, None));
        let changed = self.changed.into_iter().chain(gone);
        let changed = changed.map(|(name, hash)| ChangedUser { name, hash, store: self.store.clone() });
        errors.into_result((self.users, changed.collect()))
    }
}

impl ChangedUser {
    /// True if the user may not sign in any more; false if it is with another password.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.hash.is_none()
    }

    /// Keeps the change: what the user had before has ended.
    ///
    /// # Errors
    /// If it cannot be kept; then the next start tells of it again.
    pub async fn done(self) -> Result<(), StoreError> {
        match self.hash {
            Some(hash) => self.store.put(&key(&self.name), hash, None).await,
            None => self.store.remove(&key(&self.name)).await,
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(USERS, "", name)
}

fn text(entry: &Entry) -> Result<String, StoreError> {
    // The error would show what it was made of.
    std::str::from_utf8(&entry.value).map(str::to_owned).map_err(|_| damaged("it is no text"))
}

fn damaged(why: &'static str) -> StoreError {
    StoreError::Damaged(why.into())
}

impl std::fmt::Debug for KeptUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptUsers").field("users", &self.users).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ChangedUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangedUser")
            .field("name", &self.name)
            .field("is_gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}
