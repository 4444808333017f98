//! What the tokens of one issuer are checked by.

use std::time::Duration;

use super::algorithm::Algorithm;
use crate::scope::ScopeSet;
use crate::verify::Revocations;

pub(super) const MAX_LEEWAY: Duration = Duration::from_secs(300);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Which `typ` an access token has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypRule {
    /// `at+jwt` (RFC 9068, section 2.1), and nothing else.
    #[default]
    AccessToken,
    /// For servers that do not follow RFC 9068: also `JWT`, or none. ID tokens and logout tokens stay refused, as far as
    /// their claims show them.
    AllowJwtOrAbsent,
}

/// Which claims grant scopes.
#[derive(Clone, Debug)]
pub(super) enum ScopeClaims {
    /// The first of these that is there.
    First(Vec<String>),
    /// All of these that are there, together.
    Merged(Vec<String>),
}

/// The rules of one issuer.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// Empty: the guard's resource.
    pub(super) audiences: Vec<String>,
    /// True if one of them is that of other resources, too.
    pub(super) shared_audience: bool,
    /// True if a token may come without `aud`, from the clients named below.
    pub(super) may_lack_audience: bool,
    /// The only clients whose tokens are taken; `None` for all.
    pub(super) clients: Option<Vec<String>>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) leeway: Duration,
    pub(super) typ: TypRule,
    pub(super) scope_claims: ScopeClaims,
    pub(super) client_claims: Vec<String>,
    /// True if a token that names no client is refused.
    pub(super) names_client: bool,
    /// Claims that have to be there, each with one of these texts.
    pub(super) required: Vec<(String, Vec<String>)>,
    pub(super) grant_claim: String,
    pub(super) since_claim: String,
    pub(super) obtainable: Option<ScopeSet>,
    pub(super) revocations: Option<Revocations>,
}

impl Rules {
    /// RFC 9068, for the guard's resource.
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            audiences: Vec::new(),
            shared_audience: false,
            may_lack_audience: false,
            clients: None,
            algorithms: Algorithm::ALL.to_vec(),
            leeway: DEFAULT_LEEWAY,
            typ: TypRule::default(),
            scope_claims: ScopeClaims::First(names(["scope", "scp"])),
            client_claims: names(["client_id", "azp", "cid"]),
            names_client: false,
            required: Vec::new(),
            grant_claim: "gid".to_owned(),
            since_claim: "iat".to_owned(),
            obtainable: None,
            revocations: None,
        }
    }

    /// Says at start what is weaker than it should be.
    pub(super) fn warn(&self) {
        if self.may_lack_audience || self.shared_audience {
            tracing::warn!(
                issuer = self.issuer,
                audiences = ?self.audiences,
                clients = ?self.clients,
                "the audience of this issuer's tokens does not name this resource: whoever receives such a token elsewhere can use it here"
            );
        }
    }
}

pub(super) fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}
