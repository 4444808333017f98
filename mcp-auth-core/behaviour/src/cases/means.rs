//! What a record says of how somebody came in.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::audit::{Audit, ChannelSink};
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ProofBuilder, TestKey, thumbprint};
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use mcp_auth_core::verify::jwt::Algorithm;
use mcp_auth_core::verify::upstream::{UpstreamPrincipal, UpstreamVerifier};
use serde_json::{Value, json};

use super::records::next;
use crate::{Api, Ask, Fixture, Serve, Setup};

#[derive(serde::Deserialize)]
struct User {
    id: String,
}

/// By which verifier, and what proved that the token is its holder's.
pub async fn how_somebody_came_in_is_said<S: Serve>() {
    let api = Api::start().await;
    let upstream = UpstreamVerifier::builder(format!("{}/self", api.origin))
        .shape(|token| token.starts_with("svc:"))
        .header("x-access-token")
        .principal(|answers| Some(UpstreamPrincipal::new(answers.json::<User>(0)?.id).roles(["any"])))
        .role("any", "notes:read")
        .build()
        .unwrap();
    let (sink, mut deliveries) = ChannelSink::new(64);
    let dpop = Dpop::accepted(Arc::new(MemoryStore::default()));
    let fixture = Fixture::with::<S>(Setup {
        guard: Box::new(|guard| guard.audit(Audit::new(sink)).dpop(dpop)),
        verifier: Box::new(|authority, jwt| {
            authority.introspection_client("notes", "s3cr3t");
            let opaque =
                IntrospectionVerifier::builder(authority.issuer(), authority.introspection_endpoint())
                    .client("notes", ClientAuthentication::basic("s3cr3t"))
                    .build()
                    .unwrap();
            let seen = upstream.clone();
            let router = VerifierRouter::new().jwt(jwt).shape(move |token| seen.is_for(token), upstream);
            Arc::new(router.opaque(opaque))
        }),
        ..Setup::default()
    })
    .await;
    let key = TestKey::generate(Algorithm::Es256, "client").unwrap();
    let certificate = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, b"ada's certificate"));
    let call = || fixture.call("list_notes", json!({}));
    let bound = |ask: Ask, cnf: Value| {
        let needs_proof = cnf.get("jkt").is_some();
        let token = fixture.ada("notes:read").claim("cnf", cnf).sign();
        if !needs_proof {
            return ask.token(&token);
        }
        let proof = ProofBuilder::new(&key, "POST", &fixture.url(), &token).sign();
        ask.header("authorization", &format!("DPoP {token}")).header("dpop", &proof)
    };
    let with_certificate = || call().header("x-tls", "ada's certificate");
    let (jkt, x5t) = (thumbprint(&key), certificate);
    for (ask, authenticated, proof) in [
        (call().token(&fixture.reader()), "jwt", None),
        (call().token(&fixture.authority.opaque_for(&fixture.url(), "notes:read")), "introspection", None),
        (call().token("svc:ada:any"), "upstream", None),
        (bound(call(), json!({ "jkt": jkt })), "jwt", Some("dpop")),
        (bound(with_certificate(), json!({ "x5t#S256": x5t })), "jwt", Some("mtls")),
        (bound(with_certificate(), json!({ "jkt": jkt, "x5t#S256": x5t })), "jwt", Some("dpop mtls")),
    ] {
        ask.send().await.is(200, None);
        let intent = next(&mut deliveries).await;
        assert_eq!((&intent["authenticated"], intent["proof"].as_str()), (&json!(authenticated), proof));
        assert_eq!(next(&mut deliveries).await["outcome"], "succeeded");
    }
}
