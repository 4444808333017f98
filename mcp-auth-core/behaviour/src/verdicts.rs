//! What the verifier said: a client is not told, so a case looks here.

use std::sync::{Arc, Mutex, PoisonError};

use mcp_auth_core::background::Job;
use mcp_auth_core::verify::{Revocations, TokenVerifier, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, ScopeSet};

/// The verdicts so far, in order: `good`, `unavailable`, or the kind of a refusal; shared by everybody who has a clone.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Arc<Mutex<Vec<&'static str>>>);

impl Verdicts {
    /// Those since the last asking.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn noted<V: TokenVerifier>(&self, verifier: V) -> Noted<V> {
        Noted { verifier, verdicts: self.clone() }
    }
}

/// A verifier whose verdicts are written down.
pub(crate) struct Noted<V> {
    verifier: V,
    verdicts: Verdicts,
}

#[async_trait::async_trait]
impl<V: TokenVerifier> TokenVerifier for Noted<V> {
    async fn verify(
        &self,
        credential: &Credential,
        context: VerifyContext<'_>,
    ) -> Result<Verified, VerifyError> {
        let verdict = self.verifier.verify(credential, context).await;
        let kind = match &verdict {
            Ok(_) => "good",
            Err(VerifyError::Refused(refusal)) => refusal.kind(),
            Err(_) => "unavailable",
        };
        self.verdicts.0.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
        verdict
    }
    fn authorization_servers(&self) -> Vec<String> {
        self.verifier.authorization_servers()
    }
    fn obtainable_scopes(&self) -> Option<ScopeSet> {
        self.verifier.obtainable_scopes()
    }
    fn revocations(&self) -> Vec<Revocations> {
        self.verifier.revocations()
    }
    fn epoch(&self) -> u64 {
        self.verifier.epoch()
    }
    fn is_ready(&self) -> bool {
        self.verifier.is_ready()
    }
    fn background(&self) -> Option<Job> {
        self.verifier.background()
    }
}
