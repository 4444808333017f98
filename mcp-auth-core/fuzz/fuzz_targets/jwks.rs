//! Reading a key set never panics, and with whatever keys it has, a token that nobody signed names nobody.
//!
//! The input is taken as a key set, as the members of one key, and as the keys of two issuers, split at a NUL.
#![no_main]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::Credential;
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::jwt::{Algorithm, JwtKeys, JwtVerifier};
use mcp_auth_core::verify::{TokenVerifier, VerifyContext};

const ISSUERS: [&str; 2] = ["https://a.example", "https://b.example"];
const RESOURCE: &str = "https://mcp.example/mcp";

/// A token that is good but for its signature, of zeros.
fn unsigned(algorithm: Algorithm, issuer: &str) -> String {
    let header = format!(r#"{{"alg":"{}","typ":"at+jwt"}}"#, algorithm.as_str());
    let claims = format!(r#"{{"iss":"{issuer}","aud":"{RESOURCE}","sub":"ada","exp":2000000000}}"#);
    let signature = [0; 64];
    [header.as_bytes(), claims.as_bytes(), &signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn nobody(verifier: &JwtVerifier) {
    let context = VerifyContext { resource: RESOURCE, now: Timestamp::from_secs(1_000_000_000), address: None };
    for token in ISSUERS.iter().flat_map(|issuer| Algorithm::ALL.map(|algorithm| unsigned(algorithm, issuer)))
    {
        let credential = Credential::bearer(token);
        let verdict =
            pin!(verifier.verify(&credential, context)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(verdict) = verdict else { panic!("keys that are given are never waited for") };
        assert!(verdict.is_err());
    }
}

fn read(jwks: &[u8]) {
    if let Ok(keys) = JwtKeys::new(jwks) {
        let verifier =
            JwtVerifier::builder(ISSUERS[0]).keys(keys.clone()).build().expect("the keys are usable");
        assert!(verifier.is_ready());
        nobody(&verifier);
        keys.replace(jwks).expect("what was taken once is taken again");
        assert_eq!(verifier.epoch(), 0, "nothing was withdrawn");
    }
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    read(&[br#"{"keys":[{"#, bytes, br#"}]}"#].concat());
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    if let (Some(a), Some(b)) = (halves.next(), halves.next()) {
        let b = JwtVerifier::builder(ISSUERS[1]).jwks(b);
        if let Ok(verifier) = JwtVerifier::builder(ISSUERS[0]).jwks(a).and(b).build() {
            nobody(&verifier);
        }
    }
});
