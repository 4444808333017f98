//! Who may sign in, from one start to the next.
//!
//! 1. Accounts that are given replace those that were there. Whose password changed, or who is gone, is signed out everywhere.
//! 2. Where nobody could sign in yet, a demo user is made, and its password told this once.

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_provider::{ChangedUser, KeptUsers, KeptUsersError, LocalUsers};

use crate::options::Account;
use crate::state::State;

const DEMO_USER: &str = "demo";

/// Why logins are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginsError {
    /// What is kept of them.
    #[error("{0}; was the store sealed with another --key?")]
    Kept(#[from] KeptUsersError),
    /// An account.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
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
    pub(crate) changed: Vec<ChangedUser>,
}

/// Reads the logins, and replaces them by `given` if that is not empty.
pub(crate) async fn load(state: &State, given: &[Account]) -> Result<Logins, LoginsError> {
    let mut kept = KeptUsers::load(state.store.clone(), state.ring.clone()).await?;
    let (mut names, mut made): (Vec<String>, _) = (Vec::new(), None);
    for account in given {
        kept.user(&account.name, &account.password).await?;
        names.push(account.name.clone());
    }
    if given.is_empty() {
        names.extend(kept.names().map(str::to_owned));
        if names.is_empty() {
            names.push(DEMO_USER.to_owned());
        }
        for name in &names {
            if let Some(password) = kept.generated(name).await? {
                made = Some(Account { name: name.clone(), password });
            }
        }
    }
    let (users, changed) = kept.finish()?;
    Ok(Logins { users, names, made, changed })
}
