//! From the credential to the principal.
//!
//! 1. Whatever happens, no credential stays in the request.
//! 2. A verdict that may be used again is used again. Only what would cost a verification is held against the failure budget
//!    of its address, so that a good credential passes beside a flood of bad ones.
//! 3. On every request, hit or not: what was revoked, what the credential is bound to, how much its principal may do.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderName, HeaderValue};

use super::{Exchange, Refusal};
use crate::confirm::Confirmed;
use crate::credential::{Credential, Presented, Scheme};
use crate::limit::{LimitError, address_key};
use crate::principal::Principal;
use crate::time::Timestamp;
use crate::verify::{
    Binding, ClientCertificate, TokenRefusal, UpstreamCredential, Verified, VerifyContext, VerifyError,
};

/// Where a DPoP proof stands (RFC 9449, section 4.1).
const PROOF: HeaderName = HeaderName::from_static("dpop");
/// Says by when an API key should have been replaced, as a date of RFC 9110.
const ROTATION_DUE: HeaderName = HeaderName::from_static("api-key-rotation-due");

impl Exchange {
    pub(super) async fn authenticate(&mut self, parts: &mut Parts, anonymous: bool) -> Result<(), Refusal> {
        let presented = Presented::take(&mut parts.headers, &parts.uri);
        #[cfg(feature = "jwt")]
        let proof = crate::verify::dpop::presented(&parts.headers);
        parts.headers.remove(PROOF);
        parts.extensions.remove::<Principal>();
        parts.extensions.remove::<UpstreamCredential>();
        parts.extensions.remove::<Confirmed>();
        if self.address.is_none() {
            self.guard.warn_without_address();
        }
        let who = address_key(self.address);
        let Some(presented) = presented? else {
            if !anonymous {
                return Err(Refusal::NoToken { needed: None });
            }
            self.permit = Some(self.guard.inner.principals.begin_anonymous(who)?);
            return Ok(());
        };
        // What few requests need waits in a box, so that the others carry no room for it.
        let verified = match self.known(&presented) {
            Some(verified) => verified,
            None => Box::pin(self.verdict(presented.credential()?, who)).await?,
        };
        self.check_certificate(parts, verified.binding())?;
        #[cfg(feature = "jwt")]
        if self.needs_proof(presented.scheme(), verified.binding()) {
            Box::pin(self.check_proof(parts, &presented, proof, verified.binding())).await?;
        }
        #[cfg(not(feature = "jwt"))]
        if presented.scheme() == Scheme::Dpop || verified.binding().is_some_and(|to| to.dpop.is_some()) {
            return Err(TokenRefusal::Binding.into());
        }
        let principal = verified.principal();
        // Known from here on: the record of what is refused names it.
        self.principal = Some(principal.clone());
        self.trail.proof = verified.binding().and_then(Binding::name);
        self.permit = Some(self.guard.inner.principals.begin(principal)?);
        if let Some(at) = verified.due_for_rotation().filter(|at| *at <= self.guard.inner.clock.now()) {
            self.notices.extend(http_date(at).map(|date| (ROTATION_DUE, date)));
        }
        self.span.record("subject", principal.subject());
        self.span.record("client", principal.client_id());
        parts.extensions.insert(principal.clone());
        if let Some(upstream) = verified.upstream() {
            parts.extensions.insert(upstream.clone());
        }
        Ok(())
    }

    /// A verdict that was given before and still holds, as far as can be told without waiting.
    fn known(&self, presented: &Presented) -> Option<Verified> {
        let inner = &self.guard.inner;
        let now = inner.clock.now();
        let (epoch, revocations) = (inner.verifier.epoch(), self.revocations_version());
        let cached = inner.cache.get(presented.bytes(), now, epoch)?;
        let is_fresh = inner.revocations.iter().all(|view| view.is_fresh(now));
        if !(is_fresh && cached.is_checked_at(revocations)) {
            return None;
        }
        inner.meters.cache_hit();
        Some(cached.verified().clone())
    }

    /// The verdict on a credential: one that was given before, or a new one. What was revoked is refused either way.
    async fn verdict(&self, credential: Credential, who: IpAddr) -> Result<Verified, Refusal> {
        let inner = &self.guard.inner;
        let now = inner.clock.now();
        let token = credential.expose_token().as_bytes();
        // Read before anything is asked: what changes meanwhile makes the verdict an old one.
        let (epoch, revocations) = (inner.verifier.epoch(), self.revocations_version());
        if let Some(cached) = inner.cache.get(token, now, epoch) {
            inner.meters.cache_hit();
            self.check_revoked(cached.verified()).await.map_err(|error| self.note(error, who))?;
            cached.checked_at(revocations);
            return Ok(cached.verified().clone());
        }
        inner.meters.cache_miss();
        let attempt = inner.budget.begin(&who).await;
        let attempt = attempt.map_err(|retry_after| Refusal::TooManyFailures { retry_after })?;
        let context = VerifyContext { resource: inner.resource.as_str(), now, address: self.address };
        let verdict = inner.verifier.verify(&credential, context).await;
        match &verdict {
            Err(VerifyError::Refused(_)) => attempt.failed(),
            _ => attempt.succeeded(),
        }
        let verified = verdict?;
        self.check_revoked(&verified).await.map_err(|error| self.note(error, who))?;
        inner.cache.put(token, &verified, epoch, revocations);
        Ok(verified)
    }

    async fn check_revoked(&self, verified: &Verified) -> Result<(), VerifyError> {
        for view in &self.guard.inner.revocations {
            if view.is_revoked(verified.principal()).await? {
                return Err(TokenRefusal::Revoked.into());
            }
        }
        Ok(())
    }

    /// Grows with every revocation that is known here.
    fn revocations_version(&self) -> u64 {
        self.guard.inner.revocations.iter().map(|view| view.version()).fold(0, u64::wrapping_add)
    }

    /// A refused credential counts against its address.
    fn note(&self, error: VerifyError, who: IpAddr) -> Refusal {
        if matches!(error, VerifyError::Refused(_)) {
            self.guard.inner.budget.note_failure(&who);
        }
        error.into()
    }

    /// RFC 8705, section 3: the certificate is the connection's.
    fn check_certificate(&self, parts: &Parts, binding: Option<&Binding>) -> Result<(), Refusal> {
        let Some(needed) = binding.and_then(|binding| binding.certificate) else { return Ok(()) };
        let shown = parts.extensions.get::<ClientCertificate>().map(ClientCertificate::thumbprint);
        if shown == Some(needed) {
            Ok(())
        } else {
            Err(self.note(TokenRefusal::Binding.into(), address_key(self.address)))
        }
    }

    /// True unless a plain bearer token may be used as it is.
    #[cfg(feature = "jwt")]
    fn needs_proof(&self, scheme: Scheme, binding: Option<&Binding>) -> bool {
        let is_required = self.guard.inner.dpop.as_ref().is_some_and(|dpop| dpop.is_required());
        binding.is_some_and(|binding| binding.dpop.is_some()) || scheme != Scheme::Bearer || is_required
    }

    /// RFC 9449, section 7: the proof is this request's.
    #[cfg(feature = "jwt")]
    async fn check_proof(
        &mut self,
        parts: &Parts,
        presented: &Presented,
        proof: Result<Option<HeaderValue>, crate::verify::dpop::ProofRefusal>,
        binding: Option<&Binding>,
    ) -> Result<(), Refusal> {
        use crate::verify::dpop::{Expected, NONCE, ProofError, ProofRefusal};

        let bound = binding.and_then(|binding| binding.dpop);
        let guard = self.guard.clone();
        let inner = &guard.inner;
        let (who, now) = (address_key(self.address), inner.clock.now());
        let (key, dpop) = match (bound, presented.scheme(), &inner.dpop) {
            (None, Scheme::Bearer, _) => return Err(ProofRefusal::Missing.into()),
            (Some(key), Scheme::Dpop, Some(dpop)) => (key, dpop),
            _ => return Err(self.note(TokenRefusal::Binding.into(), who)),
        };
        let url = self.url(parts);
        let credential = presented.credential()?;
        let token = credential.expose_token();
        let expected = Expected { method: &parts.method, url: &url, token, key, now };
        let checked = match proof {
            Ok(proof) => dpop.check(proof.as_ref(), expected).await,
            Err(refusal) => Err(refusal.into()),
        };
        match checked {
            Ok(false) => {}
            Ok(true) => self.notices.extend(dpop.nonce(now).map(|nonce| (NONCE, nonce))),
            Err(ProofError::Refused(refusal)) => {
                match refusal {
                    ProofRefusal::Nonce => self.notices.extend(dpop.nonce(now).map(|nonce| (NONCE, nonce))),
                    _ => inner.budget.note_failure(&who),
                }
                return Err(refusal.into());
            }
            Err(ProofError::Store(error)) => return Err(self.note(error.into(), who)),
        }
        Ok(())
    }

    /// The public URL of the request: the endpoint's, or that of the path below it.
    #[cfg(feature = "jwt")]
    fn url(&self, parts: &Parts) -> String {
        let inner = &self.guard.inner;
        match inner.only_under.is_some() || !self.is_mcp {
            true => format!("{}{}", inner.resource.origin(), parts.uri.path()),
            // By mount: a router may have taken the path away that it was reached by.
            false => inner.resource.as_str().to_owned(),
        }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(refusal) => refusal.into(),
            VerifyError::Unavailable { reason, retry_after } => Self::Unavailable { reason, retry_after },
        }
    }
}

impl From<LimitError> for Refusal {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Rate { retry_after } => Self::TooManyRequests { retry_after },
            LimitError::Concurrency => Self::TooManyAtOnce,
        }
    }
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.as_millis());
    HeaderValue::try_from(httpdate::fmt_http_date(at)).ok()
}
