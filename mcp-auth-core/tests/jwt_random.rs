//! Whatever is done to a token, it never panics and never names another principal.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};
use mcp_auth_core::Credential;
use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifier};
use mcp_auth_core::verify::{TokenVerifier, VerifyContext, VerifyError};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

const ISSUER: &str = "https://issuer.example";
const RESOURCE: &str = "https://mcp.example/mcp";

struct Fixture {
    verifier: JwtVerifier,
    token: String,
    runtime: Runtime,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let key = TestKey::generate(Algorithm::Es256, "k").unwrap();
    let jwks = json!({ "keys": [key.jwk()] }).to_string();
    Fixture {
        verifier: JwtVerifier::builder(ISSUER).jwks(jwks).build().unwrap(),
        token: TokenBuilder::new(key, ISSUER, RESOURCE).scope("notes:read").sign(),
        runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
    }
});

fn verify(token: &str) -> Result<String, VerifyError> {
    let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
    let credential = Credential::bearer(token);
    FIXTURE
        .runtime
        .block_on(FIXTURE.verifier.verify(&credential, context))
        .map(|v| v.principal().subject().to_owned())
}

#[test]
fn the_token_itself_is_good() {
    assert_eq!(verify(&FIXTURE.token).as_deref(), Ok("ada"));
}

#[test]
fn every_single_byte_counts() {
    for at in 0..FIXTURE.token.len() {
        for other in *b"A_.=e" {
            let mut bytes = FIXTURE.token.clone().into_bytes();
            if bytes[at] != other {
                bytes[at] = other;
                let verdict = verify(std::str::from_utf8(&bytes).unwrap());
                assert!(matches!(verdict, Err(VerifyError::Refused(_))), "byte {at}: {verdict:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_changed_token_verifies_as_nobody(at in any::<prop::sample::Index>(), with in 0_u8..128) {
        let mut bytes = FIXTURE.token.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        let verdict = verify(std::str::from_utf8(&bytes).unwrap());
        prop_assert!(matches!(verdict, Err(VerifyError::Refused(_))), "{:?}", verdict);
    }

    #[test]
    fn a_cut_or_extended_token_verifies_as_nobody(
        at in any::<prop::sample::Index>(), more in "[A-Za-z0-9_.=-]{0,8}", cut in any::<bool>()
    ) {
        let token = &FIXTURE.token;
        let at = at.index(token.len());
        let changed = if cut { token[..at].to_owned() } else { format!("{}{more}{}", &token[..at], &token[at..]) };
        prop_assume!(changed != *token);
        let verdict = verify(&changed);
        prop_assert!(matches!(verdict, Err(VerifyError::Refused(_))), "{:?}", verdict);
    }

    #[test]
    fn no_text_panics(token in "\\PC{0,200}|[A-Za-z0-9_-]{0,80}[.][A-Za-z0-9_-]{0,80}[.][A-Za-z0-9_-]{0,90}") {
        prop_assert!(matches!(verify(&token), Err(VerifyError::Refused(_))));
    }

    #[test]
    fn no_header_and_claims_panic(header in "\\PC{0,80}", claims in "\\PC{0,80}", signature in prop::collection::vec(any::<u8>(), 0..100)) {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
        use base64::Engine as _;
        let token = format!("{}.{}.{}", B64.encode(header), B64.encode(claims), B64.encode(signature));
        prop_assert!(matches!(verify(&token), Err(VerifyError::Refused(_))));
    }

    #[test]
    fn no_authorization_header_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), bearer in any::<bool>()) {
        let value = if bearer { [b"Bearer ".as_slice(), &bytes].concat() } else { bytes };
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        if let Ok(Some(credential)) = Credential::from_request(&headers, &Uri::from_static("/mcp")) {
            let context = VerifyContext { resource: RESOURCE, now: Clock::system().now(), address: None };
            prop_assert!(FIXTURE.runtime.block_on(FIXTURE.verifier.verify(&credential, context)).is_err());
        }
    }
}
