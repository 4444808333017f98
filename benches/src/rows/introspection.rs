//! Opaque tokens: what the authorization server answered, read; and a verdict that is used again.

use mcp_auth_core::bench::TokenCache;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use serde_json::json;

use super::context;
use crate::{Case, Error, Material};

/// As long as those of a large identity provider.
const TOKEN: &str = "v2.local.Zk9X3mQ7pR1tY5uB8nC2dF6gH0jL4sA_eW-iOxKvTzNqMrPbDyUhGcVl";

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let verifier = IntrospectionVerifier::builder(&material.issuer, "https://issuer.example/introspect")
        .client("bench", ClientAuthentication::basic("secret"))
        .build()?;
    let until = Clock::system().now().as_secs() + 24 * 3600;
    let answer = json!({
        "active": true, "iss": material.issuer, "aud": material.resource, "sub": "ada", "client_id": "bench",
        "scope": "notes:read notes:write", "exp": until, "iat": until - 24 * 3600, "token_type": "Bearer",
    });
    let answer = answer.to_string();
    let verified = verifier.verdict_on(answer.as_bytes(), context(&material.resource))?;
    let cache = TokenCache::new(CacheSettings::default().key(CacheKey::WholeToken));
    cache.put(TOKEN, &verified);
    // A verdict on an opaque token ends soon, and the run may take longer.
    let now = Clock::system().now();
    let resource = material.resource.clone();
    Ok(vec![
        Case::new("introspection/hit", move || cache.has(TOKEN, now.min(Clock::system().now()))),
        Case::new("introspection/answer", move || {
            verifier.verdict_on(answer.as_bytes(), context(&resource)).is_ok()
        }),
    ])
}
