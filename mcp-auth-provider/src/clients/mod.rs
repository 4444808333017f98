//! OAuth clients: those that were configured, and those that registered themselves.

mod redirect;
mod register;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::store::{Committed, Condition, Key, Store, StoreExt, Write};
use mcp_auth_core::time::{Clock, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::answer::Refused;
use crate::secret;

pub(crate) use redirect::RedirectRules;
pub(crate) use register::Registration;
pub(crate) use waiting::WaitingList;

const COLLECTION: &str = "clients";
/// How long a registration waits for its client.
const UNUSED_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest client identifier that is looked up, in bytes.
const MAX_ID: usize = 256;

/// An OAuth client. It may ask for any scope of the provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Client {
    pub(crate) id: String,
    /// The hash of its secret; none for a public client.
    pub(crate) secret_hash: Option<String>,
    pub(crate) redirects: Vec<String>,
    pub(crate) name: Option<String>,
    /// It registered itself, so its name is its own claim.
    pub(crate) is_dynamic: bool,
    pub(crate) may_refresh: bool,
}

impl Client {
    /// A client without a secret: an application on the user's machine. `redirects` as for
    /// [registration](https://www.rfc-editor.org/rfc/rfc7591#section-2): https, or http on loopback, where the port does not matter.
    pub fn public<R: Into<String>>(id: impl Into<String>, redirects: impl IntoIterator<Item = R>) -> Self {
        Self {
            id: id.into(),
            secret_hash: None,
            redirects: redirects.into_iter().map(Into::into).collect(),
            name: None,
            is_dynamic: false,
            may_refresh: true,
        }
    }

    /// A client with a secret. Only the secret's SHA-256 is kept: take a random one of 256 bits.
    pub fn confidential<R: Into<String>>(
        id: impl Into<String>,
        secret: impl Into<SecretString>,
        redirects: impl IntoIterator<Item = R>,
    ) -> Self {
        let secret: SecretString = secret.into();
        Self { secret_hash: Some(secret::hash(secret.expose_secret())), ..Self::public(id, redirects) }
    }

    /// The name that the consent page shows. By default the identifier.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(crate) fn is_public(&self) -> bool {
        self.secret_hash.is_none()
    }

    /// The registered redirect that `requested` is, if it is one.
    pub(crate) fn has_redirect(&self, requested: &str) -> bool {
        self.redirects.iter().any(|registered| redirect::matches(registered, requested))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("public", &self.is_public())
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

/// Finds clients.
pub(crate) struct Clients {
    pub(crate) configured: HashMap<String, Client>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
}

impl Clients {
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Client>, Refused> {
        if id.len() > MAX_ID {
            return Ok(None);
        }
        if let Some(client) = self.configured.get(id) {
            return Ok(Some(client.clone()));
        }
        let entry = self.store.get(&key(id)).await?;
        Ok(entry.map(|entry| serde_json::from_slice(&entry.value)).transpose()?)
    }

    /// Keeps a registration for a day longer than what is granted to it for `life`: its client comes back when that has ended.
    pub(crate) async fn keep(&self, client: &Client, life: Duration) -> Result<(), Refused> {
        if !client.is_dynamic {
            return Ok(());
        }
        let until = self.clock.now().plus(life).plus(UNUSED_LIFE);
        let kept = self.store.get(&key(&client.id)).await?.and_then(|entry| entry.expires_at);
        self.store(client, kept.map_or(until, |kept| kept.max(until))).await
    }

    /// Removes a registration that was to end at `until`; one that was used since then has another end, and stays.
    async fn remove_unused(&self, id: &str, until: Timestamp) -> Result<(), Refused> {
        let key = key(id);
        let Some(entry) = self.store.get(&key).await? else { return Ok(()) };
        if entry.expires_at == Some(until) {
            let condition = Condition::Version(entry.version);
            let removed = self.store.commit(vec![Write { key, condition, content: None }]).await?;
            tracing::debug!(
                client = id,
                removed = removed == Committed::Yes,
                "an unused registration made room"
            );
        }
        Ok(())
    }

    async fn store(&self, client: &Client, until: Timestamp) -> Result<(), Refused> {
        Ok(self.store.put(&key(&client.id), serde_json::to_vec(client)?, Some(until)).await?)
    }
}

fn key(id: &str) -> Key {
    Key::new(COLLECTION, "", id)
}
