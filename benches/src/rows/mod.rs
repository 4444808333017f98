//! The rows, from a signature to a whole request.

mod api_key;
mod audit;
mod cache;
mod dpop;
mod guard;
mod introspection;
mod parse;
mod state;
mod stream;
mod verify;

use std::future::Future;

use futures_util::FutureExt;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifyContext;

use crate::{Case, Error, Material};

pub use api_key::api_key;
pub use audit::{Known, Nowhere, PARAMS};
pub use guard::{Place, guard};
pub use verify::{Raw, verifier};

/// Every case that one thread runs. Needs a runtime around it, for what goes on in the background.
///
/// # Errors
/// If something cannot be built.
pub fn all(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let mut cases = verify::cases(material)?;
    cases.extend(cache::cases(material)?);
    cases.extend(api_key::cases(material)?);
    cases.extend(introspection::cases(material)?);
    cases.extend(dpop::cases(material)?);
    cases.extend(guard::cases(material)?);
    cases.extend(stream::cases(material)?);
    cases.extend(parse::cases(material)?);
    cases.extend(audit::cases()?);
    cases.extend(state::cases()?);
    Ok(cases)
}

/// What waits for nothing ends at once; what waits came out wrong.
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    future.now_or_never()
}

/// A request to `resource`, now.
pub fn context(resource: &str) -> VerifyContext<'_> {
    VerifyContext { resource, now: Clock::system().now(), address: None }
}
