//! Verifiers whose keys are fetched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_auth_core::Credential;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::{JwtVerifier, JwtVerifierBuilder};
use mcp_auth_core::verify::{TokenVerifier, Verified, VerifyContext, VerifyError};

pub(crate) const RESOURCE: &str = "https://mcp.example/mcp";
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(61);

pub(crate) async fn verify(verifier: &JwtVerifier, token: &str) -> Result<Verified, VerifyError> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    verifier.verify(&Credential::bearer(token), context).await
}

/// Waits, at most ten seconds, until `done`.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A verifier with its job running and its first keys.
pub(crate) async fn running(builder: JwtVerifierBuilder) -> Arc<JwtVerifier> {
    let verifier = Arc::new(builder.build().unwrap());
    tokio::spawn(verifier.background().unwrap());
    until("the first keys", || verifier.is_ready()).await;
    verifier
}
