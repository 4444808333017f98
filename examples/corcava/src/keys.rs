//! API keys: how they are set up, and the first one.

use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::{Key, Store, StoreExt};
use mcp_auth_core::verify::api_key::{ApiKeys, CreatedKey, KeyError, NewKey};

use crate::environment::Environment;
use crate::policies::EVERYTHING;

/// What every key begins with.
pub const PREFIX: &str = "corcava";

/// For how long the old secret is taken beside the new one, if nothing else is chosen.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);

const DEMO_KEY: &str = "demo-first-start";

/// The keys of the users whom `issuer` vouches for.
pub(crate) fn api_keys(
    store: Arc<dyn Store>,
    issuer: &str,
    environment: Environment,
) -> Result<ApiKeys, ConfigErrors> {
    let keys = ApiKeys::builder(store).prefix(PREFIX).issuer(issuer).environment(environment.as_str());
    Environment::ALL
        .into_iter()
        .fold(keys, |keys, each| keys.rotate_after(each.as_str(), Some(each.rotated_after())))
        .build()
}

/// True for what these keys look like.
pub(crate) fn is_key_shaped(token: &str) -> bool {
    token.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('_'))
}

/// A key of `owner`'s for everything, at the first start only.
pub(crate) async fn first_key(
    store: &Arc<dyn Store>,
    keys: &ApiKeys,
    owner: &str,
) -> Result<Option<CreatedKey>, KeyError> {
    if !store.insert_new(&Key::new("corcava_demo", "", "key"), "", None).await? {
        return Ok(None);
    }
    let scopes = ScopeSet::from_tokens([EVERYTHING])
        .map_err(|_| KeyError::Invalid { field: "scopes", problem: "they are none" })?;
    keys.create(NewKey::new(DEMO_KEY, owner).scopes(scopes)).await.map(Some)
}

/// Ends every key of `owner`'s.
pub(crate) async fn revoke_all(keys: &ApiKeys, owner: &str) -> Result<(), KeyError> {
    let mut after = None;
    loop {
        let page = keys.list_of(owner, after.as_deref(), 200).await?;
        for key in page.keys.iter().filter(|key| key.revoked_at.is_none()) {
            keys.revoke(&key.id).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
