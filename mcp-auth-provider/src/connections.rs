//! What a user is connected with, for a page on which they end it.
//!
//! 1. A connection is a grant that has not ended. A user sees and ends their own only.

use mcp_auth_core::store::{Key, StoreError};
use mcp_auth_core::time::Timestamp;

use crate::grants::{GRANTS, Grant};
use crate::provider::Provider;

const PAGE: usize = 200;

/// A client that a user let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Names it in [`Provider::disconnect`]; no secret.
    pub id: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's name; where it registered itself, its own claim.
    pub client_name: Option<String>,
    /// The scopes that were granted, separated by spaces.
    pub scope: String,
    /// When the user agreed.
    pub since: Timestamp,
}

impl Provider {
    /// The clients that `subject` let in, the newest first. Reads every grant: meant for a person's page.
    ///
    /// # Errors
    /// If the store cannot tell.
    pub async fn connections(&self, subject: &str) -> Result<Vec<Connection>, StoreError> {
        let (inner, mut found, mut after) = (&self.inner, Vec::new(), None::<String>);
        loop {
            let page = inner.store.scan(GRANTS, "", after.as_deref(), PAGE).await?;
            for entry in &page {
                let Ok(grant) = serde_json::from_slice::<Grant>(&entry.value) else { continue };
                if grant.subject != subject || inner.grants.is_revoked(&grant).await? {
                    continue;
                }
                let client = inner.clients.find(&grant.client_id).await.ok().flatten();
                found.push(Connection {
                    id: grant.id,
                    client_name: client.and_then(|client| client.name),
                    client_id: grant.client_id,
                    scope: grant.scope,
                    since: grant.since,
                });
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => break,
            }
        }
        found.sort_by_key(|connection| std::cmp::Reverse(connection.since));
        Ok(found)
    }

    /// Ends a connection of `subject`'s with every token of it; false if there is none with this id.
    ///
    /// # Errors
    /// If it cannot be kept; then it should be tried again.
    pub async fn disconnect(&self, subject: &str, id: &str) -> Result<bool, StoreError> {
        let entry = self.inner.store.get(&Key::new(GRANTS, "", id)).await?;
        let grant = entry.and_then(|entry| serde_json::from_slice::<Grant>(&entry.value).ok());
        if grant.is_none_or(|grant| grant.subject != subject) {
            return Ok(false);
        }
        self.inner.grants.end(id, "the user ended it").await?;
        Ok(true)
    }
}
