//! The state of a question that travels through the client: sealed, and opened again.

use mcp_auth_core::bench::SealedState;
use mcp_auth_core::store::KeyRing;
use mcp_auth_core::time::Clock;

use crate::{Case, Error};

pub(super) fn cases() -> Result<Vec<Case<'static>>, Error> {
    let make = || -> Result<SealedState, Error> {
        SealedState::new(KeyRing::generate()?, Clock::system().now()).ok_or_else(|| "no randomness".into())
    };
    let (seal, open) = (make()?, make()?);
    let text = open.seal().ok_or("it does not seal")?;
    Ok(vec![
        Case::new("confirm/seal", move || seal.seal().is_some()),
        Case::new("confirm/open", move || open.opens(&text)),
    ])
}
