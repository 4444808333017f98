//! The book; its Rust blocks are compiled by the tests.

/// Declares one module per page, so that a page's Rust blocks are doc tests of this crate.
macro_rules! pages {
    ($($page:ident: $file:literal),* $(,)?) => {
        $(#[doc = include_str!(concat!("src/", $file))] #[allow(dead_code)] mod $page {})*
    };
}

pages! {
    introduction: "introduction.md",
    quick_start: "quick-start.md",
    existing_app: "existing-app.md",
    actix: "actix.md",
    decided: "decided.md",
    scopes_and_tools: "scopes-and-tools.md",
    confirmation: "confirmation.md",
    tokens_jwt: "tokens-jwt.md",
    provider_auth0: "providers/auth0.md",
    provider_entra: "providers/entra.md",
    provider_keycloak: "providers/keycloak.md",
    provider_okta: "providers/okta.md",
    provider_cognito: "providers/cognito.md",
    provider_workos: "providers/workos.md",
    provider_descope: "providers/descope.md",
    provider_scalekit: "providers/scalekit.md",
    provider_supabase: "providers/supabase.md",
    provider_oidc_provider: "providers/oidc-provider.md",
    provider_generic: "providers/generic.md",
    tokens_opaque: "tokens-opaque.md",
    tokens_api_keys: "tokens-api-keys.md",
    tokens_upstream: "tokens-upstream.md",
    tokens_bound: "tokens-bound.md",
    several_credentials: "several-credentials.md",
    audit: "audit.md",
    incident_response: "incident-response.md",
    stores: "stores.md",
    mittwald: "mittwald.md",
    clients: "clients.md",
    proxy: "proxy.md",
    troubleshooting: "troubleshooting.md",
}
