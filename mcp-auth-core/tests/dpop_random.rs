//! Whatever comes as a proof, nothing panics; and what is taken fits the request, each time by another parser's reading.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "oracle/dpop.rs"]
mod oracle;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use oracle::{Gate, NOW, TOKEN};

static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::new(&[]));

/// Any value that may stand for a claim, good ones among them.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW - 400..NOW + 400).prop_map(Value::from),
        (NOW - 400..NOW + 400).prop_map(|at| json!(at as f64 + 0.5)),
        "\\PC{0,300}".prop_map(Value::from),
        "https://mcp\\.example(:443|:80|)/(mcp|MCP|%6dcp|\\./mcp|mcp/)(\\?q|#f|)".prop_map(Value::from),
        prop::sample::select(vec![
            "POST", "post", "GET", "dpop+jwt", "DPoP+JWT", "JWT", "ES256", "none", "own"
        ])
        .prop_map(Value::from),
        prop::collection::vec("\\PC{0,10}", 0..3).prop_map(Value::from),
    ]
}

#[test]
fn the_proof_itself_is_good() {
    let gate = Gate::new(&[]);
    assert!(gate.judge(gate.good_header().to_string().as_bytes(), gate.good_claims().to_string().as_bytes()));
}

proptest! {
    #[test]
    fn no_header_value_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!GATE.takes(TOKEN, &bytes));
    }

    #[test]
    fn no_unsigned_parts_are_taken(
        header in "\\PC{0,80}", claims in "\\PC{0,80}", signature in prop::collection::vec(any::<u8>(), 0..100)
    ) {
        let parts = [header.as_bytes(), claims.as_bytes(), &signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        prop_assert!(!GATE.takes(TOKEN, parts.join(".").as_bytes()));
    }

    #[test]
    fn a_changed_proof_is_refused(at in any::<prop::sample::Index>(), with in 0x21_u8..0x7f) {
        let [header, claims] = [GATE.good_header(), GATE.good_claims()].map(Value::to_string);
        let mut proof = GATE.sign(header.as_bytes(), claims.as_bytes()).into_bytes();
        let at = at.index(proof.len());
        prop_assume!(proof[at] != with);
        proof[at] = with;
        prop_assert!(!GATE.takes(TOKEN, &proof));
    }

    #[test]
    fn signed_text_does_not_panic(header in "\\PC{0,120}", claims in "\\PC{0,120}") {
        prop_assert!(!GATE.takes(TOKEN, GATE.sign(header.as_bytes(), claims.as_bytes()).as_bytes()));
    }

    #[test]
    fn what_is_taken_fits(
        changes in prop::collection::vec((prop::sample::select(vec!["htm", "htu", "iat", "jti", "ath", "nonce", "x"]), value()), 0..3),
        more in prop::collection::vec((prop::sample::select(vec!["typ", "alg", "jwk", "crit", "b64", "kid"]), value()), 0..2),
        absent in prop::option::weighted(0.2, prop::sample::select(vec!["htm", "htu", "iat", "jti", "ath"])),
    ) {
        let [mut header, mut claims] = [GATE.good_header(), GATE.good_claims()].map(Value::clone);
        changes.into_iter().for_each(|(name, value)| claims[name] = value);
        more.into_iter().for_each(|(name, value)| header[name] = value);
        if let Some(name) = absent {
            claims.as_object_mut().unwrap().remove(name);
        }
        GATE.forget();
        let taken = GATE.judge(header.to_string().as_bytes(), claims.to_string().as_bytes());
        prop_assert!(absent.is_none() || !taken);
    }
}
