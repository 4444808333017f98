//! Who may sign in: the users of the configuration, or one demo user.
//!
//! 1. The demo user's password is made at the first start, and shown once.
//! 2. Whose password changed is signed out: sessions, connected applications. Who is gone loses the API keys, too.

use std::sync::Arc;

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::{KeyRing, Store, StoreError};
use mcp_auth_core::verify::api_key::{ApiKeys, KeyError};
use mcp_auth_provider::{ChangedUser, KeptUsers, KeptUsersError, LocalUsers, Provider};
use secrecy::SecretString;

use crate::keys;
use crate::options::Account;

const DEMO_USER: &str = "demo";

/// Why the users cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// What is kept of them.
    #[error("{0}; is `master.key` the one of this data?")]
    Kept(#[from] KeptUsersError),
    /// What they had.
    #[error("what users had before cannot be ended: {0}")]
    Store(#[from] StoreError),
    /// The API keys of who is gone.
    #[error("the keys of who is gone cannot be revoked: {0}")]
    Keys(#[from] KeyError),
    /// A configured user.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// Who may sign in.
pub(crate) struct Accounts {
    pub(crate) users: Arc<LocalUsers>,
    pub(crate) names: Vec<String>,
    /// True if the demo user is the only one.
    pub(crate) is_demo: bool,
    /// The demo user's password, at the first start only.
    pub(crate) demo_password: Option<SecretString>,
    changed: Vec<ChangedUser>,
}

impl Accounts {
    /// The users of the configuration, or the demo user.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        ring: &KeyRing,
        configured: &[Account],
    ) -> Result<Self, AccountsError> {
        let mut kept = KeptUsers::load(store, ring.clone()).await?;
        for account in configured {
            kept.user(&account.name, &account.password).await?;
        }
        let is_demo = configured.is_empty();
        let demo_password = if is_demo { kept.generated(DEMO_USER).await? } else { None };
        let demo = is_demo.then(|| DEMO_USER.to_owned());
        let names = configured.iter().map(|account| account.name.clone()).chain(demo).collect();
        let (users, changed) = kept.finish()?;
        Ok(Self { users: Arc::new(users), names, is_demo, demo_password, changed })
    }

    /// Ends what they had who are gone or have another password.
    pub(crate) async fn end(&mut self, provider: &Provider, keys: &ApiKeys) -> Result<(), AccountsError> {
        for user in self.changed.drain(..) {
            let name = &user.name;
            tracing::warn!(user = name, is_gone = user.is_gone(), "a user is signed out everywhere");
            // One by one: `revoke_user` would refuse the API keys of who only has another password as well.
            for connection in provider.connections(name).await? {
                provider.disconnect(name, &connection.id).await?;
            }
            if user.is_gone() {
                keys::revoke_all(keys, name).await?;
            }
            user.done().await?;
        }
        Ok(())
    }
}
