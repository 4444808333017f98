//! A token that was verified before: the cache alone.

use std::sync::Arc;

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Credential, TokenVerifier};

use super::{at_once, context, verifier};
use crate::{Case, Error, Material};

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let mut cases = Vec::new();
    for (name, key) in [("hit", CacheKey::WholeToken), ("hit/sha256", CacheKey::Sha256)] {
        let token = material.token("rs256")?.to_owned();
        let cache = Arc::new(TokenCache::new(CacheSettings::default().key(key)));
        let verified = at_once(
            verifier(material, &material.jwks)?
                .verify(&Credential::bearer(token.as_str()), context(&material.resource)),
        )
        .ok_or("the verifier waits")??;
        cache.put(&token, &verified);
        let clock = Clock::system();
        cases.push(Case::new(name, move || cache.has(&token, clock.now())));
    }
    Ok(cases)
}
