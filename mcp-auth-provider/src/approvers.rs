//! Who may approve calls, by the provider's own sign-in.
//!
//! 1. A person is who is signed in to the provider, in this browser; who is not signs in there and comes back.
//! 2. The subject is that of the tokens, so that whoever asked by a token, or owns the key that asked, is the same person.
//! 3. What somebody may approve for others ([`Rule::four_eyes`](mcp_auth_core::confirm::Rule::four_eyes)) is the host's to say:
//!    by default nothing.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::approval::{Approver, Approvers, SignedIn};
use url::Url;

use crate::answer::Refused;
use crate::provider::{Inner, Provider};
use crate::sign_in::User;

/// The provider's users, as those who decide on an
/// [`ApprovalPage`](mcp_auth_core::confirm::approval::ApprovalPage). Made by [`Provider::approvers`].
#[derive(Clone)]
pub struct ProviderApprovers {
    inner: Arc<Inner>,
    scopes: Arc<dyn Fn(&User) -> ScopeSet + Send + Sync>,
}

impl Provider {
    /// Lets this provider's users decide about calls: whoever asked about their own.
    #[must_use]
    pub fn approvers(&self) -> ProviderApprovers {
        ProviderApprovers { inner: Arc::clone(&self.inner), scopes: Arc::new(|_| ScopeSet::default()) }
    }
}

impl ProviderApprovers {
    /// Says what each user may approve for others.
    #[must_use]
    pub fn scopes(mut self, of: impl Fn(&User) -> ScopeSet + Send + Sync + 'static) -> Self {
        self.scopes = Arc::new(of);
        self
    }

    async fn user(&self, request: &Parts) -> Result<Option<User>, Refused> {
        let browser = self.inner.browsers.of(request)?;
        Ok(self.inner.current_user(request, &browser).await?.map(|session| session.user))
    }
}

#[async_trait]
impl Approvers for ProviderApprovers {
    async fn signed_in(&self, request: &Parts) -> SignedIn {
        match self.user(request).await {
            Ok(Some(user)) => SignedIn::As(Approver {
                issuer: self.inner.issuer.clone(),
                scopes: (self.scopes)(&user),
                subject: user.subject,
            }),
            Ok(None) => self.inner.sign_in_url(request).map_or(SignedIn::Unavailable, SignedIn::SignInAt),
            Err(refused) => {
                refused.record("approvers", None);
                SignedIn::Unavailable
            }
        }
    }

    async fn client_name(&self, client: &str) -> Option<String> {
        match self.inner.clients.find(client).await {
            Ok(client) => client?.name,
            Err(refused) => {
                refused.record("approvers", Some(client));
                None
            }
        }
    }

    fn sign_in_at(&self, request: &Parts) -> Option<String> {
        // A host's page may send whoever is signed in straight back.
        if self.inner.has_sign_in_page() { self.inner.sign_in_url(request) } else { None }
    }

    fn vouches_for(&self, issuer: &str) -> bool {
        self.inner.issuer == issuer
    }

    fn report(&self, page: &Url, errors: &mut ConfigErrors) {
        if page.origin().ascii_serialization() != self.inner.origin {
            errors.push(
                format!(
                    "the approval page `{page}` is not on the provider's origin: nobody is signed in there"
                ),
                format!("put it below {}", self.inner.origin),
            );
        }
    }
}

impl fmt::Debug for ProviderApprovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderApprovers").field("issuer", &self.inner.issuer).finish_non_exhaustive()
    }
}
