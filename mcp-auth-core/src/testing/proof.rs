//! DPoP proofs, good and bad (RFC 9449).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::TestKey;
use crate::time::Clock;

/// Builds a proof. It begins as a good one, made now, for `method` and `url`.
#[derive(Clone, Debug)]
#[must_use = "a proof is made by `sign`"]
pub struct ProofBuilder {
    key: TestKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signer: TestKey,
}

impl ProofBuilder {
    /// A good proof by `key` for one request with `token`.
    pub fn new(key: &TestKey, method: &str, url: &str, token: &str) -> Self {
        let mut jti = [0; 16];
        // Should there be no randomness, the proof counts as used before, and the test fails.
        _ = aws_lc_rs::rand::fill(&mut jti);
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let header = [("typ", json!("dpop+jwt")), ("alg", json!(key.alg())), ("jwk", bare(key))];
        let claims = [
            ("htm", json!(method)),
            ("htu", json!(url)),
            ("iat", json!(Clock::system().now().as_secs())),
            ("jti", json!(URL_SAFE_NO_PAD.encode(jti))),
            ("ath", json!(URL_SAFE_NO_PAD.encode(hash))),
        ];
        let object = |members: &[(&str, Value)]| {
            members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        Self { key: key.clone(), header: object(&header), claims: object(&claims), signer: key.clone() }
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    /// Removes a member of the header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with another key than the proof brings along.
    pub fn signed_with(mut self, key: &TestKey) -> Self {
        self.signer = key.clone();
        self
    }

    /// The thumbprint of its key, as `cnf.jkt` names it (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.key)
    }

    /// The proof.
    #[must_use]
    pub fn sign(&self) -> String {
        let encode =
            |object: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object.clone()).to_string());
        let signed = format!("{}.{}", encode(&self.header), encode(&self.claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.signer.sign(signed.as_bytes())))
    }
}

/// The thumbprint of a key, as `cnf.jkt` names it (RFC 7638).
#[must_use]
pub fn thumbprint(key: &TestKey) -> String {
    // `Map` keeps its keys in order, which is the order of RFC 7638.
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bare(key).to_string().as_bytes()))
}

/// The required members of the public key.
fn bare(key: &TestKey) -> Value {
    let jwk = key.jwk();
    let members = ["crv", "e", "kty", "n", "x", "y"].into_iter();
    let bare: Map<String, Value> =
        members.filter_map(|name| Some((name.to_owned(), jwk.get(name)?.clone()))).collect();
    Value::Object(bare)
}
