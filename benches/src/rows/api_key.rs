//! API keys: the check by itself, held in memory, and a verdict that is used again.

use std::sync::Arc;

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, ScopeSet, TokenVerifier};
use tokio::runtime::Handle;

use super::{at_once, context};
use crate::{Case, Error, Material};

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let (keys, credential) = api_key(material)?;
    let resource = material.resource.clone();
    let verified = at_once(keys.verify(&credential, context(&resource))).ok_or("the verifier waits")??;
    let cache = TokenCache::new(CacheSettings::default().key(CacheKey::WholeToken));
    let shown = credential.expose_token().to_owned();
    cache.put(&shown, &verified);
    // A minute from now the verdict ends, and the run may take longer.
    let now = Clock::system().now();
    Ok(vec![
        Case::new("api_key", move || {
            at_once(keys.verify(&credential, context(&resource))).is_some_and(|it| it.is_ok())
        }),
        Case::new("api_key/hit", move || cache.has(&shown, std::cmp::min(now, Clock::system().now()))),
    ])
}

/// API keys that are followed, and one of them.
///
/// # Errors
/// If the store does not answer, or nobody follows it.
pub fn api_key(material: &Material) -> Result<(ApiKeys, Credential), Error> {
    let runtime = Handle::current();
    let keys = ApiKeys::builder(Arc::new(MemoryStore::default()))
        .prefix("bench")
        .issuer(&material.issuer)
        .build()?;
    if let Some(background) = keys.background() {
        runtime.spawn(background);
    }
    let credential = runtime.block_on(async {
        let key = NewKey::new("laptop", "ada").scopes(ScopeSet::parse("notes:read notes:write")?);
        let credential = Credential::bearer(keys.create(key).await?.expose_secret());
        // Only what is followed is held in memory: the background says when.
        for _ in 0..1000 {
            let verified = keys.verify(&credential, context(&material.resource)).await?;
            if verified.reuse_until().is_some() {
                return Ok(credential);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Err::<_, Error>("the store is not followed".into())
    })?;
    Ok((keys, credential))
}
