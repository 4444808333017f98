//! Reading a proof never panics; a proof that is taken fits its request, is signed by the key that the token names, and is
//! taken once.
//!
//! The first character chooses what the rest is: `0` a proof as it stands; `1` the header, claims and signature of one, a line
//! each; `2` the claims, and `3` the members of the header beside `jwk`, of one that the right key signs.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/oracle/dpop.rs"]
mod oracle;

use oracle::{Gate, TOKEN};

/// A good proof, behind its `0`. Nobody has its key any more.
const SEED: &[u8] = include_bytes!("../seeds/dpop_proof/proof");
const SEEDED: &str = "seeded";
const SEEDED_KEY: &str = "sPRx4sMm85NgNb_2LPUn27O-axUlxSv4j4JTd8mCvS4";

static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::new(&[(SEEDED, SEEDED_KEY)]));

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    GATE.forget();
    match how % 4 {
        0 => {
            if GATE.takes(SEEDED, rest) {
                assert_eq!(signed(rest), signed(&SEED[1..]));
                assert!(!GATE.takes(SEEDED, rest), "taken twice");
            }
        }
        1 => {
            let parts = rest.splitn(3, |byte| *byte == b'\n').map(|part| URL_SAFE_NO_PAD.encode(part));
            let proof = parts.collect::<Vec<_>>().join(".");
            assert!(!GATE.takes(TOKEN, proof.as_bytes()), "nobody signed it");
        }
        2 => {
            GATE.judge(GATE.good_header().to_string().as_bytes(), rest);
        }
        _ => {
            let jwk = format!(r#"{{"jwk":{},"#, GATE.good_header()["jwk"]);
            let header = [jwk.as_bytes(), rest, b"}"].concat();
            GATE.judge(&header, GATE.good_claims().to_string().as_bytes());
        }
    }
});

/// What the signature of a proof is about.
fn signed(proof: &[u8]) -> &[u8] {
    let end = proof.iter().rposition(|byte| *byte == b'.').expect("a proof has parts");
    &proof[..end]
}
