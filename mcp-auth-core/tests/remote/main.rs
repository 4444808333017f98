//! Tokens that another server knows: introspection and upstream checks, over HTTP.
#![cfg(all(feature = "fetch", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod introspection;
mod server;
mod upstream;

use mcp_auth_core::Credential;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError};

const RESOURCE: &str = "https://mcp.example/mcp";

async fn verify(verifier: &impl TokenVerifier, token: &str) -> Result<Verified, VerifyError> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    verifier.verify(&Credential::bearer(token), context).await
}

async fn refused(verifier: &impl TokenVerifier, token: &str) -> TokenRefusal {
    match verify(verifier, token).await {
        Err(VerifyError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The reason for the operator, and the seconds to wait.
async fn unavailable(verifier: &impl TokenVerifier, token: &str) -> (String, u64) {
    match verify(verifier, token).await {
        Err(VerifyError::Unavailable { reason, retry_after }) => (reason, retry_after.as_secs()),
        other => panic!("not unavailable: {other:?}"),
    }
}
