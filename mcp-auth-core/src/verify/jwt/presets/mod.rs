//! What the tokens of well-known providers look like, as data.
//!
//! 1. A preset only fills in a [`JwtVerifierBuilder`]; everything it sets can be set by hand, and set again after it.
//! 2. Each names the public page where the shape was read. What no such page says is listed as unverified.
//! 3. Parameters are checked: a host is a host, an identifier an identifier. What is wrong is said by `build`, with the rest.
//! 4. Where an audience cannot name the resource, `build` asks for one, or for the clients that are allowed, and warns.
//!
//! ```
//! use mcp_auth_core::verify::jwt::Preset;
//!
//! let builder = Preset::auth0("tenant.eu.auth0.com").audience("https://mcp.example.com/mcp");
//! # let builder = builder.jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#);
//! let verifier = builder.build()?;
//! # use mcp_auth_core::TokenVerifier;
//! assert_eq!(verifier.authorization_servers(), ["https://tenant.eu.auth0.com/"]);
//! # Ok::<(), mcp_auth_core::config::ConfigErrors>(())
//! ```

mod audience;
mod data;
mod parameter;

use super::algorithm::Algorithm;
use super::builder::JwtVerifierBuilder;
use super::rules::TypRule;

pub use audience::AudienceRule;
pub use parameter::{Form, Parameter};

/// The shape of a provider's access tokens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Preset {
    /// What it is called: `auth0`, `entra-v2`.
    pub name: &'static str,
    /// The issuer, with `{…}` for each parameter.
    pub issuer: &'static str,
    /// What the templates take, in the order in which it is given.
    pub parameters: &'static [Parameter],
    /// The URL of the keys, a template, too; `None` if they are discovered from the issuer.
    pub jwks_uri: Option<&'static str>,
    /// What the provider signs with.
    pub algorithms: &'static [Algorithm],
    /// The `typ` in the header.
    pub typ: TypRule,
    /// Where the scopes stand: the first of these claims that is there.
    pub scope_claims: &'static [&'static str],
    /// Where the client's identifier stands: the first of these claims that is there.
    pub client_claims: &'static [&'static str],
    /// True if a token that names no client is no access token of the provider.
    pub names_client: bool,
    /// What `aud` says.
    pub audience: AudienceRule,
    /// Claims that have to be there, each with one of these texts.
    pub required: &'static [(&'static str, &'static [&'static str])],
    /// The public page where the shape was read.
    pub source: &'static str,
    /// What that page does not say.
    pub unverified: &'static [&'static str],
}

impl Preset {
    /// All presets.
    pub const ALL: [&'static Self; 12] = data::ALL;

    /// The preset with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|preset| preset.name == name)
    }

    /// A builder with everything that the preset knows, for these values of its parameters. What is wrong with them is said
    /// by [`build`](JwtVerifierBuilder::build).
    pub fn builder(&self, values: &[&str]) -> JwtVerifierBuilder {
        let (fill, problems) = parameter::fill(self, values);
        let mut builder = JwtVerifierBuilder::new(fill(self.issuer))
            .algorithms(self.algorithms.iter().copied())
            .require_typ(self.typ)
            .scope_claims(self.scope_claims.iter().copied())
            .client_claims(self.client_claims.iter().copied());
        if self.names_client {
            builder = builder.require_client();
        }
        for (claim, texts) in self.required {
            builder = texts.iter().fold(builder, |builder, text| builder.require_claim(*claim, *text));
        }
        #[cfg(feature = "fetch")]
        if let Some(jwks_uri) = self.jwks_uri {
            builder = builder.jwks_uri(fill(jwks_uri));
        }
        if let AudienceRule::Is(template) = self.audience {
            builder.default_audience = Some(fill(template));
        }
        builder.audience_rule = self.audience;
        builder.problems = problems;
        builder
    }

    /// Auth0, by the tenant's domain or a custom one: `tenant.eu.auth0.com`.
    pub fn auth0(domain: &str) -> JwtVerifierBuilder {
        data::AUTH0.builder(&[domain])
    }

    /// Microsoft Entra ID, tokens of version 2.0, by the tenant's id (a GUID).
    pub fn entra_v2(tenant: &str) -> JwtVerifierBuilder {
        data::ENTRA_V2.builder(&[tenant])
    }

    /// Microsoft Entra ID, tokens of version 1.0, by the tenant's id (a GUID).
    pub fn entra_v1(tenant: &str) -> JwtVerifierBuilder {
        data::ENTRA_V1.builder(&[tenant])
    }

    /// Keycloak, by its base URL and the realm: `https://id.example.com`, `staff`.
    pub fn keycloak(base: &str, realm: &str) -> JwtVerifierBuilder {
        data::KEYCLOAK.builder(&[base, realm])
    }

    /// Okta, by the domain and the id of a custom authorization server: `example.okta.com`, `default`.
    pub fn okta(domain: &str, server: &str) -> JwtVerifierBuilder {
        data::OKTA.builder(&[domain, server])
    }

    /// Amazon Cognito, by the id of the user pool, which begins with its region: `eu-central-1_AbCdEfGhI`.
    pub fn cognito(pool: &str) -> JwtVerifierBuilder {
        data::COGNITO.builder(&[pool.split('_').next().unwrap_or_default(), pool])
    }

    /// WorkOS `AuthKit`, by its domain: `example.authkit.app`.
    pub fn workos(domain: &str) -> JwtVerifierBuilder {
        data::WORKOS.builder(&[domain])
    }

    /// Descope, by the issuer of an MCP server as its console shows it.
    pub fn descope(issuer: &str) -> JwtVerifierBuilder {
        data::DESCOPE.builder(&[issuer])
    }

    /// Scalekit, by the environment's URL and the id of the MCP server: `https://example.scalekit.com`, `res_…`.
    pub fn scalekit(environment: &str, resource: &str) -> JwtVerifierBuilder {
        data::SCALEKIT.builder(&[environment, resource])
    }

    /// Supabase with asymmetric signing keys, by the project's reference.
    pub fn supabase(project: &str) -> JwtVerifierBuilder {
        data::SUPABASE.builder(&[project])
    }

    /// The `oidc-provider` package for Node.js with JWT access tokens, by its issuer.
    pub fn oidc_provider(issuer: &str) -> JwtVerifierBuilder {
        data::OIDC_PROVIDER.builder(&[issuer])
    }

    /// Any server whose access tokens follow RFC 9068, by its issuer.
    pub fn generic(issuer: &str) -> JwtVerifierBuilder {
        data::GENERIC.builder(&[issuer])
    }

    /// True if the page named as the source says all of it.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.unverified.is_empty()
    }
}
