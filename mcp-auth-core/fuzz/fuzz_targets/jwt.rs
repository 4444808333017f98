//! Verifying a token never panics, and without the issuer's private key it never names a principal.
//!
//! The input is taken as a token, and, if it is three lines, as the header, claims and signature of one.
#![no_main]

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::Credential;
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::jwt::{JwtVerifier, TypRule};
use mcp_auth_core::verify::{TokenVerifier, VerifyContext};

/// The public key of RFC 8037, appendix A.2, and the point of RFC 7515, appendix A.3.
const JWKS: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
     "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

static VERIFIERS: LazyLock<[JwtVerifier; 2]> = LazyLock::new(|| {
    [TypRule::AccessToken, TypRule::AllowJwtOrAbsent].map(|typ| {
        let other = JwtVerifier::builder("https://other.example").jwks(JWKS).no_audience();
        let other =
            other.allowed_clients(["cli"]).merged_scope_claims(["scope", "scp", "permissions", "roles"]);
        let builder = JwtVerifier::builder("https://issuer.example").jwks(JWKS).require_typ(typ);
        builder.and(other).build().expect("the keys are usable")
    })
});

fn verify(token: &str) {
    let credential = Credential::bearer(token);
    let context = VerifyContext { resource: "https://mcp.example/mcp", now: Timestamp::from_secs(1_000_000_000), address: None };
    for verifier in VERIFIERS.iter() {
        let verdict =
            pin!(verifier.verify(&credential, context)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(verdict) = verdict else { panic!("keys that are given are never waited for") };
        assert!(verdict.is_err());
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(token) = std::str::from_utf8(bytes) {
        verify(token);
    }
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n').map(|line| URL_SAFE_NO_PAD.encode(line));
    if let (Some(header), Some(claims), Some(signature)) = (lines.next(), lines.next(), lines.next()) {
        verify(&format!("{header}.{claims}.{signature}"));
    }
});
