//! The keys of a file, as a server has them.

use std::path::Path;
use std::sync::Arc;

use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::api_key::ApiKeys;
use mcp_auth_core::verify::{Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, TokenVerifier};
use mcp_auth_store::SqliteStore;

pub(crate) const ISSUER: &str = "https://app.example";

pub(crate) async fn keys(file: &Path) -> ApiKeys {
    keys_at(file, Clock::system()).await
}

pub(crate) async fn keys_at(file: &Path, clock: Clock) -> ApiKeys {
    let store = Arc::new(SqliteStore::open(file).await.unwrap());
    ApiKeys::builder(store).prefix("corcava").issuer(ISSUER).clock(clock).build().unwrap()
}

pub(crate) async fn check(keys: &ApiKeys, key: &str) -> Result<Verified, VerifyError> {
    let now = Clock::system().now();
    let context = VerifyContext { resource: "https://mcp.example/mcp", now, address: None };
    keys.verify(&Credential::bearer(key), context).await
}
