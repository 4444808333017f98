//! The documents that describe the server (RFC 8414; OpenID Connect Discovery, as far as clients look there).

use serde_json::{Value, json};

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) authorize: String,
    pub(crate) token: String,
    pub(crate) register: String,
    pub(crate) revoke: String,
    pub(crate) jwks: String,
    /// Where users sign in for another page of this origin.
    pub(crate) sign_in: String,
    pub(crate) documents: [String; 2],
}

impl Paths {
    /// Endpoints stand at the issuer's path, documents where RFC 8414, section 3.1, and OpenID put them. Some clients do not
    /// read the metadata and call `/authorize`, `/token` and `/register`: these are the names.
    pub(crate) fn new(issuer_path: &str) -> Self {
        let base = issuer_path.trim_end_matches('/');
        Self {
            authorize: format!("{base}/authorize"),
            token: format!("{base}/token"),
            register: format!("{base}/register"),
            revoke: format!("{base}/revoke"),
            sign_in: format!("{base}/sign-in"),
            jwks: format!("{base}/.well-known/jwks.json"),
            documents: [
                format!("/.well-known/oauth-authorization-server{base}"),
                format!("{base}/.well-known/openid-configuration"),
            ],
        }
    }

    /// One document for both forms: it has the members of both.
    pub(crate) fn document(&self, issuer: &str, origin: &str, scopes: &[&str]) -> Value {
        let at = |path: &str| format!("{origin}{path}");
        json!({
            "issuer": issuer,
            "authorization_endpoint": at(&self.authorize),
            "token_endpoint": at(&self.token),
            "registration_endpoint": at(&self.register),
            "revocation_endpoint": at(&self.revoke),
            "jwks_uri": at(&self.jwks),
            "scopes_supported": scopes,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }
}
