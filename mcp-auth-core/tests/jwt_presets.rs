//! A token of each provider's documented shape is taken, and what is no access token for this resource is refused.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::LazyLock;

use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifierBuilder, Preset};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Principal, ScopeSet};
use serde_json::{Value, json};

const RESOURCE: &str = "https://mcp.example.com/mcp";
const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
const CLIENT: &str = "75dbe77f-10a3-4e59-85fd-8c127544f17c";

static RSA: LazyLock<TestKey> = LazyLock::new(|| TestKey::generate(Algorithm::Rs256, "k").unwrap());
static EC: LazyLock<TestKey> = LazyLock::new(|| TestKey::generate(Algorithm::Es256, "ec").unwrap());

/// A token with exactly these claims, and those that every token has.
fn token(key: &TestKey, typ: Option<&str>, claims: &Value) -> TokenBuilder {
    let mut token = TokenBuilder::new(key.clone(), "", "").without("client_id").without("aud").without("jti");
    token = match typ {
        Some(typ) => token.header("typ", json!(typ)),
        None => token.without_header("typ"),
    };
    claims.as_object().unwrap().iter().fold(token, |token, (name, value)| token.claim(name, value.clone()))
}

fn with_keys(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    builder.jwks(json!({ "keys": [RSA.jwk_for_any(), EC.jwk()] }).to_string())
}

async fn verify(builder: JwtVerifierBuilder, token: &str) -> Result<Principal, TokenRefusal> {
    let verifier = with_keys(builder).build().unwrap();
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    let verdict = verifier.verify(&Credential::bearer(token), context).await;
    verdict.map(|verified| verified.principal().clone()).map_err(|error| match error {
        VerifyError::Refused(refusal) => refusal,
        other => panic!("no verdict: {other}"),
    })
}

async fn taken(builder: JwtVerifierBuilder, token: &TokenBuilder, scopes: &str, client: Option<&str>) {
    let principal = verify(builder, &token.sign()).await.unwrap();
    assert_eq!(principal.scopes(), &ScopeSet::parse(scopes).unwrap());
    assert_eq!(principal.client_id(), client);
}

async fn refused(builder: JwtVerifierBuilder, token: &str, expected: TokenRefusal) {
    assert_eq!(verify(builder, token).await.map(drop), Err(expected));
}

fn problem(builder: JwtVerifierBuilder) -> String {
    with_keys(builder).build().unwrap_err().to_string()
}

#[tokio::test]
async fn auth0() {
    let preset = || Preset::auth0("my-domain.auth0.com");
    let claims = json!({
        "iss": "https://my-domain.auth0.com/", "sub": "auth0|123456",
        "aud": [RESOURCE, "https://my-domain.auth0.com/userinfo"], "azp": "my_client_id",
        "scope": "openid profile read:patients", "permissions": ["admin"],
    });
    let good = token(&RSA, Some("JWT"), &claims);
    taken(preset(), &good, "openid profile read:patients", Some("my_client_id")).await;
    let with_permissions = preset().merged_scope_claims(["scope", "permissions"]);
    taken(with_permissions, &good, "openid profile read:patients admin", Some("my_client_id")).await;
    let rfc9068 = token(&RSA, Some("at+jwt"), &claims).without("azp").claim("client_id", json!("c"));
    taken(preset(), &rfc9068, "openid profile read:patients", Some("c")).await;

    // Without an audience Auth0 issues an opaque token, or an encrypted one of five parts.
    for opaque in ["L0nG0paque_T0ken-x9", "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn"] {
        refused(preset(), opaque, TokenRefusal::Malformed).await;
    }
    let userinfo = good.clone().claim("aud", json!("https://my-domain.auth0.com/userinfo"));
    refused(preset(), &userinfo.sign(), TokenRefusal::Audience).await;
    let id_token = good.claim("aud", json!("my_client_id")).without("azp").without("scope");
    refused(preset(), &id_token.sign(), TokenRefusal::Audience).await;
}

#[tokio::test]
async fn entra_v2_and_v1() {
    let v2 = || Preset::entra_v2(TENANT).audience(API);
    let v2_claims = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": API, "azp": CLIENT, "azpacr": "0",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "scp": "notes.read notes.write", "tid": TENANT,
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
    });
    let v2_token = token(&RSA, Some("JWT"), &v2_claims);
    taken(v2(), &v2_token, "notes.read notes.write", Some(CLIENT)).await;
    let application = v2_token.clone().without("scp").claim("roles", json!(["Notes.Read.All"]));
    taken(v2(), &application, "Notes.Read.All", Some(CLIENT)).await;
    let assigned = v2_token.clone().claim("roles", json!(["Admin"]));
    taken(v2(), &assigned, "notes.read notes.write", Some(CLIENT)).await;

    let v1 = || Preset::entra_v1(TENANT).audience(format!("api://{API}"));
    let v1_claims = json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": format!("api://{API}"), "appid": CLIENT,
        "appidacr": "0", "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA", "scp": "user_impersonation",
        "tid": TENANT, "ver": "1.0",
    });
    let v1_token = token(&RSA, Some("JWT"), &v1_claims);
    taken(v1(), &v1_token, "user_impersonation", Some(CLIENT)).await;

    refused(v2(), &v1_token.sign(), TokenRefusal::Issuer).await;
    refused(v1(), &v2_token.sign(), TokenRefusal::Issuer).await;
    refused(v2(), &v2_token.clone().claim("ver", json!("1.0")).sign(), TokenRefusal::Claim).await;
    let both = v2().and(with_keys(v1()));
    taken(both, &v1_token, "user_impersonation", Some(CLIENT)).await;
    let other = v2_token
        .clone()
        .claim("iss", json!("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
    refused(v2(), &other.sign(), TokenRefusal::Issuer).await;
    let id_token = v2_token.without("azp").without("scp");
    refused(v2(), &id_token.sign(), TokenRefusal::Client).await;

    assert!(problem(Preset::entra_v2(TENANT)).contains("audience"));
    assert!(problem(Preset::entra_v2("common").audience(API)).contains("anybody's tenant"));
}

#[tokio::test]
async fn keycloak() {
    let preset = || Preset::keycloak("https://id.example.com/", "staff");
    let claims = json!({
        "iss": "https://id.example.com/realms/staff", "sub": "f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e", "typ": "Bearer",
        "azp": "frontend-client", "aud": [RESOURCE, "account"], "scope": "openid notes:read",
        "realm_access": { "roles": ["offline_access"] }, "sid": "4c0a3a8a", "acr": "1",
    });
    let good = token(&RSA, Some("JWT"), &claims);
    taken(preset(), &good, "openid notes:read", Some("frontend-client")).await;
    let bound = good.clone().claim("typ", json!("DPoP"));
    taken(preset(), &bound, "openid notes:read", Some("frontend-client")).await;

    refused(preset(), &good.clone().claim("aud", json!("account")).sign(), TokenRefusal::Audience).await;
    refused(preset(), &good.clone().without("aud").sign(), TokenRefusal::Audience).await;
    for other in ["ID", "Refresh", "Offline"] {
        refused(preset(), &good.clone().claim("typ", json!(other)).sign(), TokenRefusal::Claim).await;
    }
    let realm = good.claim("iss", json!("https://id.example.com/realms/master"));
    refused(preset(), &realm.sign(), TokenRefusal::Issuer).await;
    assert!(problem(Preset::keycloak("https://id.example.com", "../master")).contains("realm"));
    assert!(problem(preset().audience("account")).contains("account"));
}

#[tokio::test]
async fn okta() {
    let preset = || Preset::okta("example.okta.com", "default");
    let claims = json!({
        "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
        "iss": "https://example.okta.com/oauth2/default", "aud": RESOURCE, "sub": "00ujmkLgagxeRrAg20g3",
        "cid": "nmdP1fcyvdVO11AL7ECm", "uid": "00ujmkLgagxeRrAg20g3", "scp": ["openid", "flights"],
    });
    let good = token(&RSA, None, &claims);
    taken(preset(), &good, "openid flights", Some("nmdP1fcyvdVO11AL7ECm")).await;

    let organisation = good
        .clone()
        .header("typ", json!("application/okta-internal-at+jwt"))
        .claim("iss", json!("https://example.okta.com"))
        .claim("aud", json!("https://example.okta.com"));
    refused(preset(), &organisation.sign(), TokenRefusal::Issuer).await;
    let typed = good.clone().header("typ", json!("application/okta-internal-at+jwt"));
    refused(preset(), &typed.sign(), TokenRefusal::Type).await;
    let id_token = good.without("cid").without("scp").claim("at_hash", json!("cpqKfdQA5eH891Ff5oJr_Q"));
    refused(preset(), &id_token.sign(), TokenRefusal::Client).await;
    refused(preset(), &id_token.claim("cid", json!("c")).sign(), TokenRefusal::Type).await;
    assert!(problem(Preset::okta("https://example.okta.com", "default")).contains("domain"));
}

#[tokio::test]
async fn cognito() {
    let preset = || Preset::cognito("eu-central-1_AbCdEfGhI").allowed_clients(["1h57kf5cpq17m0eml12EXAMPLE"]);
    let claims = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "token_use": "access", "scope": "notes/read openid",
        "auth_time": 1_500_009_400, "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
        "version": 2, "jti": "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": "1h57kf5cpq17m0eml12EXAMPLE",
        "username": "janedoe", "cognito:groups": ["test-group"],
    });
    let good = token(&RSA, None, &claims);
    taken(preset(), &good, "notes/read openid", Some("1h57kf5cpq17m0eml12EXAMPLE")).await;

    let id_token =
        good.clone().claim("token_use", json!("id")).claim("aud", json!("1h57kf5cpq17m0eml12EXAMPLE"));
    refused(preset(), &id_token.sign(), TokenRefusal::Audience).await;
    let id_token = good.clone().claim("token_use", json!("id"));
    refused(preset(), &id_token.sign(), TokenRefusal::Claim).await;
    refused(preset(), &good.clone().claim("client_id", json!("another")).sign(), TokenRefusal::Client).await;
    refused(preset(), &good.clone().without("client_id").sign(), TokenRefusal::Client).await;
    let pool = good
        .clone()
        .claim("iss", json!("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Another00"));
    refused(preset(), &pool.sign(), TokenRefusal::Issuer).await;

    assert!(problem(Preset::cognito("eu-central-1_AbCdEfGhI")).contains("allowed_clients"));
    // With an audience the clients need not be named, and a token without one is refused.
    let bound = || Preset::cognito("eu-central-1_AbCdEfGhI").audience(RESOURCE);
    refused(bound(), &good.sign(), TokenRefusal::Audience).await;
    verify(bound(), &good.claim("aud", json!(RESOURCE)).sign()).await.unwrap();
}

#[tokio::test]
async fn workos() {
    let preset = || Preset::workos("example.authkit.app");
    let claims = json!({
        "iss": "https://example.authkit.app", "sub": "user_01HBEQKA6K4QJAS93VPE39W1JT", "aud": RESOURCE,
        "sid": "session_01HQSXZGF8FHF7A9ZZFCW4387R", "jti": "01HQSXZXPPFPKMDD32RKTFY6PV", "scope": "openid profile",
    });
    let good = token(&RSA, Some("JWT"), &claims);
    taken(preset(), &good, "openid profile", None).await;
    // A client that sent no `resource` gets a token for itself; a session's token is another issuer's.
    refused(preset(), &good.clone().claim("aud", json!("client_01")).sign(), TokenRefusal::Audience).await;
    let session = good.claim("iss", json!("https://api.workos.com")).without("aud");
    refused(preset(), &session.sign(), TokenRefusal::Issuer).await;
}

#[tokio::test]
async fn descope() {
    let issuer = "https://api.descope.com/v1/apps/agentic/P2abc/MS3def";
    let claims = json!({ "iss": issuer, "sub": "U2abc", "aud": RESOURCE, "scope": "mcp:read" });
    let good = token(&RSA, Some("JWT"), &claims);
    taken(Preset::descope(issuer), &good, "mcp:read", None).await;
    let project = good.clone().claim("iss", json!("https://api.descope.com/P2abc"));
    refused(Preset::descope(issuer), &project.sign(), TokenRefusal::Issuer).await;
    refused(Preset::descope(issuer), &good.claim("aud", json!("P2abc")).sign(), TokenRefusal::Audience).await;
}

#[tokio::test]
async fn scalekit() {
    let preset = || Preset::scalekit("https://example.scalekit.com", "res_123");
    let claims = json!({
        "iss": "https://example.scalekit.com/resources/res_123", "sub": "usr_1", "aud": ["res_123"],
        "client_id": "mcp_client", "scope": "notes:read",
    });
    let good = token(&RSA, Some("JWT"), &claims);
    taken(preset(), &good, "notes:read", Some("mcp_client")).await;
    refused(preset(), &good.clone().claim("aud", json!(["res_999"])).sign(), TokenRefusal::Audience).await;
    let by_url = good.claim("aud", json!(RESOURCE));
    taken(preset().audience(RESOURCE), &by_url, "notes:read", Some("mcp_client")).await;
    assert!(problem(Preset::scalekit("https://example.scalekit.com", "123")).contains("res_"));
}

#[tokio::test]
async fn supabase() {
    let preset = || Preset::supabase("abcdefghijklmnop").allowed_clients(["9a8b7c6d"]);
    let claims = json!({
        "iss": "https://abcdefghijklmnop.supabase.co/auth/v1", "sub": "123e4567-e89b-12d3-a456-426614174000",
        "role": "authenticated", "aud": "authenticated", "client_id": "9a8b7c6d", "aal": "aal1",
        "email": "user@example.com", "session_id": "session-uuid",
    });
    let good = token(&EC, Some("JWT"), &claims);
    taken(preset(), &good, "", Some("9a8b7c6d")).await;

    let hmac = good.signed_with_hmac(b"super-secret-jwt-token-with-at-least-32-characters");
    refused(preset(), &hmac, TokenRefusal::Algorithm).await;
    // The token of a user's own session names no client.
    refused(preset(), &good.clone().without("client_id").sign(), TokenRefusal::Client).await;
    refused(preset(), &good.clone().claim("client_id", json!("another")).sign(), TokenRefusal::Client).await;
    refused(preset(), &good.clone().claim("aud", json!("anon")).sign(), TokenRefusal::Audience).await;

    assert!(problem(Preset::supabase("abcdefghijklmnop")).contains("allowed_clients"));
    let own = Preset::supabase("abcdefghijklmnop").audience(RESOURCE);
    taken(own, &good.claim("aud", json!(RESOURCE)), "", Some("9a8b7c6d")).await;
}

#[tokio::test]
async fn servers_that_follow_rfc_9068() {
    for preset in [Preset::oidc_provider, Preset::generic] {
        let builder = || preset("https://issuer.example.com");
        let claims = json!({
            "iss": "https://issuer.example.com", "sub": "ada", "aud": RESOURCE, "client_id": "cli",
            "scope": "notes:read", "jti": "x",
        });
        let good = token(&RSA, Some("at+jwt"), &claims);
        taken(builder(), &good, "notes:read", Some("cli")).await;
        refused(builder(), &token(&RSA, Some("JWT"), &claims).sign(), TokenRefusal::Type).await;
        refused(builder(), &good.clone().without("client_id").sign(), TokenRefusal::Client).await;
        refused(builder(), &good.claim("aud", json!("cli")).sign(), TokenRefusal::Audience).await;
        assert!(problem(preset("http://issuer.example.com")).contains("no https URL"));
    }
}

#[test]
fn the_data_are_whole() {
    for preset in Preset::ALL {
        assert!(std::ptr::eq(Preset::named(preset.name).unwrap(), preset), "{}", preset.name);
        assert!(preset.source.starts_with("https://"), "{}", preset.name);
        assert!(!preset.algorithms.is_empty() && !preset.scope_claims.is_empty(), "{}", preset.name);
        assert!(!preset.names_client || !preset.client_claims.is_empty(), "{}", preset.name);
        for template in [Some(preset.issuer), preset.jwks_uri].into_iter().flatten() {
            let mut left = template.to_owned();
            for parameter in preset.parameters {
                left = left.replace(&format!("{{{}}}", parameter.name), "");
            }
            assert!(!left.contains(['{', '}']), "{}: {template}", preset.name);
        }
        let errors = preset.builder(&[]).build().unwrap_err();
        assert_eq!(errors.as_slice().len(), preset.parameters.len().max(1), "{errors}");
    }
    assert!(Preset::named("nobody").is_none());
}
