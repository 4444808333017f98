//! What a verifier found out about a credential.

use crate::principal::Principal;
use crate::time::Timestamp;

use super::{Binding, UpstreamCredential};

/// A credential that was found good: whose it is, and what else the guard has to know about it. Cheap to clone.
///
/// ```
/// use mcp_auth_core::Principal;
/// use mcp_auth_core::verify::Verified;
///
/// let once = Verified::from(Principal::builder("https://issuer.example", "ada").build());
/// assert!(once.reuse_until().is_none(), "asked again for every request");
/// ```
#[derive(Clone, Debug)]
pub struct Verified {
    principal: Principal,
    reuse_until: Option<Timestamp>,
    rare: Option<Box<Rare>>,
}

/// What few credentials have: a cache holds many, and most of them without.
#[derive(Clone, Debug, Default)]
struct Rare {
    binding: Option<Binding>,
    rotation_due: Option<Timestamp>,
    upstream: Option<UpstreamCredential>,
}

impl From<Principal> for Verified {
    /// Good for this one request.
    fn from(principal: Principal) -> Self {
        Self { principal, reuse_until: None, rare: None }
    }
}

impl Verified {
    /// The guard may take the same credential again without asking, until `at` and never past its expiry.
    #[must_use]
    pub fn reusable_until(mut self, at: Timestamp) -> Self {
        self.reuse_until = Some(self.principal.expires_at().map_or(at, |end| end.min(at)));
        self
    }

    /// The credential is good only together with this proof (RFC 9449, RFC 8705), which the guard checks on every request.
    #[must_use]
    pub fn bound_to(mut self, binding: Binding) -> Self {
        self.rare().binding = Some(binding);
        self
    }

    /// The credential should have been replaced by `at`; answers after that say so.
    #[must_use]
    pub fn rotation_due(mut self, at: Timestamp) -> Self {
        self.rare().rotation_due = Some(at);
        self
    }

    /// What tools may show to the service's own API for this principal.
    #[must_use]
    pub fn with_upstream(mut self, credential: UpstreamCredential) -> Self {
        self.rare().upstream = Some(credential);
        self
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The same once more, with a principal that shares nothing with this one's.
    pub(super) fn separate(&self) -> Self {
        Self { principal: self.principal.separate(), ..self.clone() }
    }

    /// Whose the credential is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The proof that has to come with it.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        self.rare.as_ref()?.binding.as_ref()
    }

    /// Until when the verdict may be used again; `None` for this request only.
    #[must_use]
    pub fn reuse_until(&self) -> Option<Timestamp> {
        self.reuse_until
    }

    /// When it should have been replaced.
    #[must_use]
    pub fn due_for_rotation(&self) -> Option<Timestamp> {
        self.rare.as_ref()?.rotation_due
    }

    /// What tools may show to the service's own API.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamCredential> {
        self.rare.as_ref()?.upstream.as_ref()
    }
}
