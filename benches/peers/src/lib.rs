//! Other libraries, each set up as its documentation says, given the tokens and bodies of `throughput`.
//!
//! 1. A workspace of its own: features of theirs (of serde_json, of jsonwebtoken) must not change what is measured as ours.
//! 2. Every library checks signature, issuer, audience and expiry, as far as it can; nothing is switched off for speed.
//! 3. Keys are loaded before the clock starts. A row is named as ours, then `@` and the library.
//! 4. The raw check is timed beside each row here, too: ratios compare across the two programs, whatever the machine does.

mod authplane;
mod jwt_authorizer;
mod keys;
mod plain;
mod resource_server;
mod tower_mcp;
mod turbomcp;

use std::future::Future;

use benches::rows::Raw;
use benches::{Case, Error, Material};
use futures_util::FutureExt;

pub use keys::serve;

/// Every case of every library.
///
/// # Errors
/// If one cannot be set up.
pub async fn all(material: &Material, jwks_url: &str) -> Result<Vec<Case<'static>>, Error> {
    let mut cases = plain::cases(material)?;
    cases.extend(tower_mcp::cases(material, jwks_url).await?);
    cases.extend(turbomcp::cases(material, jwks_url).await?);
    cases.extend(jwt_authorizer::cases(material).await?);
    cases.extend(authplane::cases(material, jwks_url)?);
    cases.extend(resource_server::cases(material, jwks_url)?);
    Ok(cases)
}

/// A row for a token that the library has not seen.
fn miss(
    material: &Material,
    algorithm: &str,
    library: &str,
    verify: impl FnMut() -> bool + 'static,
) -> Result<Case<'static>, Error> {
    let raw = Raw::of(material, algorithm)?;
    Ok(Case::new(format!("miss/{algorithm}@{library}"), verify).beside(move || raw.verifies()))
}

/// True if it ended at once, and well.
fn is_ok<T, E>(future: impl Future<Output = Result<T, E>>) -> bool {
    future.now_or_never().is_some_and(|it| it.is_ok())
}
