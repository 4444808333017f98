//! The presets themselves. A shape is read, never guessed; what could not be read is listed in `unverified`.

use super::{AudienceRule, Form, Parameter, Preset};
use crate::verify::jwt::{Algorithm, TypRule};

/// RFC 9068, and the ground on which the others stand.
const RFC_9068: Preset = Preset {
    name: "generic",
    issuer: "{issuer}",
    parameters: &[Parameter::new("issuer", Form::Issuer)],
    jwks_uri: None,
    algorithms: &Algorithm::ALL,
    typ: TypRule::AccessToken,
    scope_claims: &["scope"],
    client_claims: &["client_id"],
    names_client: true,
    audience: AudienceRule::Resource,
    required: &[],
    source: "https://www.rfc-editor.org/rfc/rfc9068.html",
    unverified: &[],
};

/// A server that does not write `at+jwt`.
const OTHER: Preset = Preset { typ: TypRule::AllowJwtOrAbsent, ..RFC_9068 };

/// What both versions of Entra's tokens share.
const ENTRA: Preset = Preset {
    parameters: &[Parameter::new("tenant", Form::Guid)],
    algorithms: &[Algorithm::Rs256],
    // Users' tokens have `scp`; those of applications have `roles` in its place.
    scope_claims: &["scp", "roles"],
    audience: AudienceRule::Named,
    ..OTHER
};

const DOMAIN: Parameter = Parameter::new("domain", Form::Host);

pub(super) static GENERIC: Preset = RFC_9068;

pub(super) static AUTH0: Preset = Preset {
    name: "auth0",
    issuer: "https://{domain}/",
    parameters: &[DOMAIN],
    // HS256 can be chosen, too: such tokens are refused.
    algorithms: &[Algorithm::Rs256, Algorithm::Ps256],
    // `azp` in the default profile, `client_id` in the RFC 9068 profile.
    client_claims: &["client_id", "azp"],
    source: "https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles",
    ..OTHER
};

pub(super) static ENTRA_V2: Preset = Preset {
    name: "entra-v2",
    issuer: "https://login.microsoftonline.com/{tenant}/v2.0",
    client_claims: &["azp"],
    required: &[("ver", &["2.0"])],
    source: "https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference",
    ..ENTRA
};

pub(super) static ENTRA_V1: Preset = Preset {
    name: "entra-v1",
    issuer: "https://sts.windows.net/{tenant}/",
    // The metadata is not below the issuer.
    jwks_uri: Some("https://login.microsoftonline.com/{tenant}/discovery/keys"),
    client_claims: &["appid"],
    required: &[("ver", &["1.0"])],
    source: "https://learn.microsoft.com/entra/identity-platform/access-tokens",
    unverified: &["that the keys of one tenant stand at this URL (the page shows the one for all tenants)"],
    ..ENTRA
};

pub(super) static KEYCLOAK: Preset = Preset {
    name: "keycloak",
    issuer: "{base}/realms/{realm}",
    parameters: &[Parameter::new("base", Form::Base), Parameter::new("realm", Form::Segment)],
    client_claims: &["azp"],
    // Every user has roles at the client `account`, and so its name among the audiences.
    audience: AudienceRule::ResourceBut("account"),
    // The type stands in the claims: an ID token says `ID`, a refresh token `Refresh`.
    required: &[("typ", &["Bearer", "DPoP"])],
    source: "https://www.keycloak.org/docs/latest/server_admin/#audience-support",
    unverified: &["`typ`, `azp` and `scope` among the claims (seen in tokens, not on the page)"],
    ..OTHER
};

pub(super) static OKTA: Preset = Preset {
    name: "okta",
    issuer: "https://{domain}/oauth2/{server}",
    parameters: &[DOMAIN, Parameter::new("server", Form::Segment)],
    algorithms: &[Algorithm::Rs256],
    scope_claims: &["scp"],
    client_claims: &["cid"],
    source: "https://developer.okta.com/docs/reference/api/oidc/#access-token",
    ..OTHER
};

pub(super) static COGNITO: Preset = Preset {
    name: "cognito",
    issuer: "https://cognito-idp.{region}.amazonaws.com/{pool}",
    parameters: &[Parameter::new("region", Form::Label), Parameter::new("pool", Form::Segment)],
    algorithms: &[Algorithm::Rs256],
    audience: AudienceRule::Absent,
    required: &[("token_use", &["access"])],
    source: "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html",
    ..OTHER
};

pub(super) static WORKOS: Preset = Preset {
    name: "workos",
    issuer: "https://{domain}",
    parameters: &[DOMAIN],
    // The metadata that the page shows names no keys.
    jwks_uri: Some("https://{domain}/oauth2/jwks"),
    algorithms: &[Algorithm::Rs256],
    client_claims: &["client_id", "azp"],
    names_client: false,
    source: "https://workos.com/docs/user-management/mcp",
    unverified: &[
        "the URL of the keys",
        "the algorithm",
        "`typ`",
        "the claim that names the client",
        "`scope`",
    ],
    ..OTHER
};

pub(super) static DESCOPE: Preset = Preset {
    name: "descope",
    algorithms: &[Algorithm::Rs256],
    client_claims: &["client_id", "azp"],
    names_client: false,
    source: "https://docs.descope.com/mcp/gateways/integrations",
    unverified: &["`typ`", "the claim that names the client"],
    ..OTHER
};

pub(super) static SCALEKIT: Preset = Preset {
    name: "scalekit",
    issuer: "{environment}/resources/{resource}",
    parameters: &[
        Parameter::new("environment", Form::Base),
        Parameter::new("resource", Form::SegmentWith("res_")),
    ],
    jwks_uri: Some("{environment}/keys"),
    algorithms: &[Algorithm::Rs256],
    client_claims: &["client_id", "azp"],
    names_client: false,
    audience: AudienceRule::Is("{resource}"),
    source: "https://github.com/scalekit-developers/scalekit-mcpuse-example",
    unverified: &["the algorithm", "`typ`"],
    ..OTHER
};

pub(super) static SUPABASE: Preset = Preset {
    name: "supabase",
    issuer: "https://{project}.supabase.co/auth/v1",
    parameters: &[Parameter::new("project", Form::Label)],
    jwks_uri: Some("https://{project}.supabase.co/auth/v1/.well-known/jwks.json"),
    // The signing keys can be a shared secret (HS256), too: such tokens are refused.
    algorithms: &[Algorithm::Es256, Algorithm::Rs256],
    audience: AudienceRule::Shared("authenticated"),
    source: "https://supabase.com/docs/guides/auth/oauth-server/token-security",
    ..OTHER
};

pub(super) static OIDC_PROVIDER: Preset = Preset {
    name: "oidc-provider",
    source: "https://github.com/panva/node-oidc-provider/blob/main/lib/models/formats/jwt.js",
    ..RFC_9068
};

pub(super) const ALL: [&Preset; 12] = [
    &AUTH0,
    &ENTRA_V2,
    &ENTRA_V1,
    &KEYCLOAK,
    &OKTA,
    &COGNITO,
    &WORKOS,
    &DESCOPE,
    &SCALEKIT,
    &SUPABASE,
    &OIDC_PROVIDER,
    &GENERIC,
];
