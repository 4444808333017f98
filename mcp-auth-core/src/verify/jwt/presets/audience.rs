//! What a provider's audiences can say.

use super::super::rules::Rules;
use crate::config::ConfigErrors;

/// What stands in the `aud` of a provider's access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudienceRule {
    /// The resource itself, where the provider is set up that way: the guard's resource, unless another is named.
    Resource,
    /// As [`Resource`](Self::Resource); this one may not be named, as tokens for anything have it.
    ResourceBut(&'static str),
    /// A name that the provider gives the API, which has to be told with `audience`.
    Named,
    /// This template, with the parameters filled in.
    Is(&'static str),
    /// The same for everything that the provider signs in to: an audience of one's own or the allowed clients have to be
    /// named, and a warning is printed where this one is taken.
    Shared(&'static str),
    /// Nothing: the allowed clients have to be named, unless an audience is; a warning is printed.
    Absent,
}

impl AudienceRule {
    /// Completes the rules of an issuer, or says what is missing. `filled` is the template of [`Is`](Self::Is), filled in.
    pub(in super::super) fn apply(
        self,
        filled: Option<String>,
        rules: &mut Rules,
        errors: &mut ConfigErrors,
    ) {
        let is_named = !rules.audiences.is_empty();
        let issuer = &rules.issuer;
        match self {
            Self::ResourceBut(other) if rules.audiences.iter().any(|one| one == other) => errors.push(
                format!("the audience `{other}` stands in the tokens of `{issuer}` for any resource"),
                "let the provider add this resource as an audience, and name that",
            ),
            Self::Named if !is_named && !rules.may_lack_audience => errors.push(
                format!("the audience in the tokens of `{issuer}` is a name that the provider gives, and is not named here"),
                "name it with audience(…)",
            ),
            Self::Is(_) if !is_named => rules.audiences.extend(filled),
            Self::Shared(audience) if !is_named && rules.clients.is_none() => errors.push(
                format!("the tokens of `{issuer}` are all for `{audience}`, so that those of other resources would be taken"),
                "name the clients with allowed_clients(…), or an audience that only this resource has with audience(…)",
            ),
            Self::Shared(audience) => {
                if !is_named {
                    rules.audiences.push(audience.to_owned());
                }
                rules.shared_audience = rules.audiences.iter().any(|one| one == audience);
            }
            Self::Absent if !is_named => rules.may_lack_audience = true,
            Self::Resource | Self::ResourceBut(_) | Self::Named | Self::Is(_) | Self::Absent => {}
        }
    }
}
