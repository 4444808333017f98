//! Reading an authorization request.

use mcp_auth_core::ScopeSet;
use mcp_auth_core::http::is_loopback;
use url::Url;

use super::Problem;
use crate::answer::{Code, Refused};
use crate::clients::Client;
use crate::form::Parameters;
use crate::pages::plain;
use crate::provider::Inner;

const MAX_STATE: usize = 4096;

/// A request whose client and redirect are in order.
pub(crate) struct AuthorizationRequest {
    pub(crate) client: Client,
    pub(crate) redirect: Url,
    /// The redirect as it was sent: what the token request must repeat.
    pub(crate) redirect_text: String,
    pub(crate) state: Option<String>,
    pub(crate) scope: ScopeSet,
    pub(crate) resource: String,
    pub(crate) challenge: String,
    prompt: Option<String>,
}

impl AuthorizationRequest {
    /// What the pages call the client.
    pub(crate) fn client_name(&self) -> String {
        plain(self.client.name.as_deref().unwrap_or(&self.client.id), 200)
    }

    /// True if the redirect is a site, and the client registered it itself.
    pub(crate) fn leads_anywhere(&self) -> bool {
        let is_site = matches!(self.redirect.scheme(), "https" | "http") && !is_loopback(&self.redirect);
        self.client.is_dynamic && is_site
    }

    pub(crate) fn prompts(&self, what: &str) -> bool {
        self.prompt.as_deref().is_some_and(|prompt| prompt.split(' ').any(|one| one == what))
    }
}

impl Inner {
    /// First the client and its redirect; whatever is wrong after that is told to the client.
    pub(crate) async fn read_request(&self, parameters: Parameters) -> Result<AuthorizationRequest, Problem> {
        let unknown =
            || Refused::new(Code::InvalidClient, "client_unknown", "The application is not registered here.");
        let client =
            self.clients.find(parameters.get("client_id").ok_or_else(unknown)?).await?.ok_or_else(unknown)?;
        let wrong = || {
            Refused::new(
                Code::InvalidRequest,
                "redirect_unregistered",
                "The application did not register this redirect.",
            )
        };
        let redirect_text = match (parameters.get("redirect_uri"), client.redirects.as_slice()) {
            (Some(requested), _) if client.has_redirect(requested) => requested.to_owned(),
            (None, [only]) => only.clone(),
            _ => return Err(wrong().into()),
        };
        let redirect = Url::parse(&redirect_text).map_err(|_| wrong())?;
        let mut request = AuthorizationRequest {
            client,
            redirect,
            redirect_text,
            state: parameters.get("state").filter(|state| state.len() <= MAX_STATE).map(str::to_owned),
            scope: ScopeSet::default(),
            resource: String::new(),
            challenge: String::new(),
            prompt: parameters.get("prompt").map(str::to_owned),
        };
        match self.read_rest(&mut request, &parameters) {
            Ok(()) => Ok(request),
            Err(refused) => Err(Problem::Redirect(Box::new(request), refused)),
        }
    }

    fn read_rest(&self, request: &mut AuthorizationRequest, parameters: &Parameters) -> Result<(), Refused> {
        let refused = |code, kind, text| Err(Refused::new(code, kind, text));
        if parameters.get("response_type") != Some("code") {
            return refused(Code::UnsupportedResponseType, "response_type", "the response type must be code");
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return refused(Code::InvalidRequest, "response_mode", "the response mode must be query");
        }
        if parameters.get("state").is_some_and(|state| state.len() > MAX_STATE) {
            return refused(Code::InvalidRequest, "state_too_long", "the state is too long");
        }
        if parameters.get("request").is_some() || parameters.get("request_uri").is_some() {
            return refused(Code::InvalidRequest, "request_object", "request objects are not supported");
        }
        if parameters.get("code_challenge_method") != Some("S256") {
            return refused(Code::InvalidRequest, "pkce_method", "PKCE with S256 is required");
        }
        let is_digest = |text: &&str| {
            text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let Some(challenge) = parameters.get("code_challenge").filter(is_digest) else {
            return refused(
                Code::InvalidRequest,
                "pkce_missing",
                "code_challenge is missing or no S256 challenge",
            );
        };
        challenge.clone_into(&mut request.challenge);
        request.resource = self.resource(parameters.get("resource"))?;
        request.scope = self.scope(parameters.get("scope"))?;
        Ok(())
    }

    /// The resource that was asked for (RFC 8707); the only one, where none was named.
    pub(crate) fn resource(&self, requested: Option<&str>) -> Result<String, Refused> {
        let known = match (requested, self.resources.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            // Scheme and host may come in any case; everything else is compared to the character.
            (Some(requested), all) => all.iter().find(|known| **known == with_lower_authority(requested)),
        };
        known.cloned().ok_or(Refused::new(
            Code::InvalidTarget,
            "resource_unknown",
            "the resource is not one of this server's",
        ))
    }

    /// What was asked for, as far as it is known here. Nothing known is an error; nothing asked for is the default.
    fn scope(&self, requested: Option<&str>) -> Result<ScopeSet, Refused> {
        let Some(requested) = requested else { return Ok(self.default_scope.clone()) };
        let malformed = Refused::new(Code::InvalidScope, "scope_malformed", "the scope is malformed");
        let requested = ScopeSet::parse(requested).map_err(|_| malformed)?;
        let known = requested.filtered(|scope| self.scopes.iter().any(|(name, _)| name == scope));
        let only_protocol =
            requested.iter().all(|scope| matches!(scope, "offline_access" | "openid" | "profile"));
        match (known.is_empty(), only_protocol) {
            (false, _) => Ok(known),
            (true, true) => Ok(self.default_scope.clone()),
            (true, false) => {
                Err(Refused::new(Code::InvalidScope, "scope_unknown", "none of the scopes is known"))
            }
        }
    }
}

fn with_lower_authority(resource: &str) -> String {
    let Some((scheme, rest)) = resource.split_once("://") else { return resource.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    format!("{}://{}{path}", scheme.to_ascii_lowercase(), authority.to_ascii_lowercase())
}
