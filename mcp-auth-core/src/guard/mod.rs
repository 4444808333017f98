//! The guard: what joins verification, policy and protocol, and decides about each request.
//!
//! A request is decided in three steps, each a page of its own:
//!
//! 1. **Admit** ([`Guard::admit`], `admit.rs`), from the head alone: not shutting down; host and origin; a preflight is
//!    answered; the method; the failure budget of the address; the credential; the verifier; revocations; the session; the
//!    media types. The body has not been read.
//! 2. **Decide** ([`Admitted::decide`], `decide.rs`), from one strict reading of the body: one message; headers that agree
//!    with it; a method that exists; a target that is declared; the scopes for it; the confirmation of a tool's call
//!    (`confirm.rs`), which in a legacy session is asked for in the answer's own stream (`ask.rs`).
//! 3. **Respond** ([`Exchange::respond`], `exchange.rs`): lists are filtered, sessions sealed, streams leased.
//!
//! What was checked is what is forwarded: the original bytes, without what belongs to a confirmation. `Authorization`, `DPoP` and a principal that came in are
//! removed; the verified [`Principal`](crate::Principal) travels in the request's extensions, and so does the
//! [`Confirmed`](crate::confirm::Confirmed) of a call that somebody confirmed. Whatever is not understood is refused.
//!
//! ```
//! use mcp_auth_core::{Guard, Principal, ToolPolicies, TokenVerifier, Credential};
//! use mcp_auth_core::policy::read;
//! use mcp_auth_core::verify::{TokenRefusal, Verified, VerifyContext, VerifyError};
//!
//! struct OneToken;
//!
//! #[async_trait::async_trait]
//! impl TokenVerifier for OneToken {
//!     async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
//!         match credential.expose_token() {
//!             "secret" => Ok(Principal::builder("https://issuer.example", "ada").build().into()),
//!             _ => Err(TokenRefusal::Unknown.into()),
//!         }
//!     }
//!     fn authorization_servers(&self) -> Vec<String> {
//!         vec!["https://issuer.example".to_owned()]
//!     }
//! }
//!
//! let (guard, _background) = Guard::builder("https://mcp.example/mcp")
//!     .verifier(OneToken)
//!     .tools(ToolPolicies::new().tool("list_notes", read("notes:read")))
//!     .build()?;
//! assert!(guard.is_ready());
//! # Ok::<_, mcp_auth_core::config::ConfigErrors>(())
//! ```

mod admit;
mod answer;
mod ask;
mod authenticate;
mod body;
mod builder;
mod confirm;
mod decide;
mod documents;
mod exchange;
mod lease;
mod media;
mod meters;
mod outcome;
mod path;
mod record;
mod refusal;
mod rest;
mod routed;
mod session;
mod shutdown;
mod software;
mod span;
mod sparing;
mod trail;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::confirm::ConfirmationGate;
use crate::http::{HostRules, ResourceUrl, TrustedProxies};
use crate::limit::{FailureBudget, PrincipalLimits};
use crate::mcp::Limits;
use crate::policy::ScopePolicy;
use crate::scope::ScopeSet;
use crate::time::Clock;
#[cfg(feature = "jwt")]
use crate::verify::dpop::Dpop;
use crate::verify::{Revocations, TokenCache, TokenVerifier};

pub use admit::{Admission, Admitted};
pub use ask::{AskThenForward, Settling};
pub use body::GuardedBody;
pub use builder::GuardBuilder;
pub use decide::{Decision, Forward};
pub use exchange::Exchange;
pub use lease::Lease;
pub use refusal::Refusal;
pub use rest::Rest;
pub use shutdown::Shutdown;

/// Decides about every request to one MCP endpoint. Cheap to clone; clones are the same guard.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

struct Inner {
    resource: ResourceUrl,
    metadata_url: Option<String>,
    document_paths: Vec<String>,
    document: Bytes,
    hosts: HostRules,
    proxies: TrustedProxies,
    verifier: Arc<dyn TokenVerifier>,
    policy: Arc<dyn ScopePolicy>,
    gate: Arc<dyn ConfirmationGate>,
    recorder: Option<record::Recorder>,
    revocations: Vec<Revocations>,
    challenge_scope: ScopeSet,
    obtainable: Option<ScopeSet>,
    budget: Arc<FailureBudget<IpAddr>>,
    principals: PrincipalLimits,
    cache: Arc<TokenCache>,
    meters: meters::Meters,
    #[cfg(feature = "jwt")]
    dpop: Option<Dpop>,
    sessions: session::SessionSeal,
    lease: Lease,
    limits: Limits,
    body_timeout: Duration,
    max_answer: usize,
    only_under: Option<path::GuardedPath>,
    clock: Clock,
    shutdown: watch::Sender<bool>,
    /// The same, to be read by every request without a lock.
    is_shutting_down: AtomicBool,
    background: Arc<AtomicBool>,
    background_warned: AtomicBool,
    address_warned: AtomicBool,
}

impl Guard {
    /// Starts a guard for the MCP endpoint with this public URL: https, or http on a loopback host.
    pub fn builder(resource: impl Into<String>) -> GuardBuilder {
        GuardBuilder::new(resource.into())
    }

    /// The public URL of the endpoint: what tokens must be issued for.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.inner.resource.as_str()
    }

    /// Ends leased streams and refuses whatever comes from now on with 503; readiness turns false. All this happens at once; what it
    /// returns flushes the record, to be awaited when the connections have ended.
    pub fn shutdown(&self) -> Shutdown {
        self.inner.is_shutting_down.store(true, Ordering::Release);
        self.inner.shutdown.send_replace(true);
        Shutdown::new(self)
    }

    /// True if requests can be decided: not shutting down, and the verifier has what it needs.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_shutting_down() && self.inner.verifier.is_ready()
    }

    fn is_shutting_down(&self) -> bool {
        self.inner.is_shutting_down.load(Ordering::Acquire)
    }

    fn warn_without_address(&self) {
        if !self.inner.address_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "no peer address is known: all requests share one failure budget; serve with connect info"
            );
        }
    }

    fn warn_without_background(&self) {
        let inner = &self.inner;
        if !inner.background.load(Ordering::Acquire) && !inner.background_warned.swap(true, Ordering::Relaxed)
        {
            tracing::error!(
                "the guard's Background does not run: spawn it, or keys are not fetched and nothing is swept"
            );
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("resource", &self.inner.resource.as_str()).finish_non_exhaustive()
    }
}
