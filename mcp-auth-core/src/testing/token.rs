//! Tokens, good and bad.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::TestKey;
use crate::time::{Clock, Timestamp};

/// Builds a signed token. It begins as a good access token (RFC 9068) of five minutes for `ada`.
#[derive(Clone, Debug)]
#[must_use = "a token is made by `sign`"]
pub struct TokenBuilder {
    key: TestKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    raw_header: Option<String>,
    raw_claims: Option<String>,
}

impl TokenBuilder {
    /// A good token of `issuer` for `audience`, signed with `key`.
    pub fn new(key: TestKey, issuer: &str, audience: &str) -> Self {
        let now = Clock::system().now().as_secs();
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(key.alg()));
        header.insert("typ".to_owned(), json!("at+jwt"));
        header.insert("kid".to_owned(), json!(key.kid()));
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(issuer)),
            ("sub", json!("ada")),
            ("aud", json!(audience)),
            ("client_id", json!("test-client")),
            ("iat", json!(now)),
            ("exp", json!(now + 300)),
            ("jti", json!(format!("{now}-{}", audience.len()))),
        ] {
            claims.insert(name.to_owned(), value);
        }
        Self { key, header, claims, raw_header: None, raw_claims: None }
    }

    /// Issues it at `now`, for five minutes.
    pub fn at(self, now: Timestamp) -> Self {
        self.claim("iat", json!(now.as_secs())).claim("exp", json!(now.as_secs() + 300))
    }

    /// Sets `scope`.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", json!(scope))
    }

    /// Sets `sub`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", json!(subject))
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

    /// Puts this text in place of the header's JSON.
    pub fn raw_header(mut self, json: impl Into<String>) -> Self {
        self.raw_header = Some(json.into());
        self
    }

    /// Puts this text in place of the claims' JSON, `{claims}` standing for the members built so far.
    pub fn raw_claims(mut self, json: &str) -> Self {
        let built = Value::Object(self.claims.clone()).to_string();
        self.raw_claims = Some(json.replace("{claims}", built.trim_start_matches('{').trim_end_matches('}')));
        self
    }

    /// Signs with another key than the header names.
    pub fn signed_with(mut self, key: TestKey) -> Self {
        self.key = key;
        self
    }

    /// Ended an hour before it was made.
    pub fn expired(self) -> Self {
        let now = self.made_at();
        self.claim("iat", json!(now.saturating_sub(7200))).claim("exp", json!(now.saturating_sub(3600)))
    }

    /// Begins an hour after it was made.
    pub fn not_yet(self) -> Self {
        let now = self.made_at();
        self.claim("nbf", json!(now + 3600)).claim("exp", json!(now + 7200))
    }

    /// `iat` in seconds, by whichever clock it was set.
    fn made_at(&self) -> u64 {
        let iat = self.claims.get("iat").and_then(Value::as_u64);
        iat.unwrap_or_else(|| Clock::system().now().as_secs())
    }

    /// Bound to the DPoP key with this thumbprint (RFC 9449, section 6.1).
    pub fn bound_to_dpop(self, thumbprint: &str) -> Self {
        self.claim("cnf", json!({ "jkt": thumbprint }))
    }

    /// Bound to the client certificate with this thumbprint (RFC 8705, section 3.1).
    pub fn bound_to_certificate(self, thumbprint: &str) -> Self {
        self.claim("cnf", json!({ "x5t#S256": thumbprint }))
    }

    /// Acted with by `actor` on behalf of the subject (RFC 8693, section 4.1).
    pub fn actor(self, actor: &str) -> Self {
        self.claim("act", json!({ "sub": actor }))
    }

    /// The part that is signed.
    #[must_use]
    pub fn unsigned(&self) -> String {
        let header =
            self.raw_header.clone().unwrap_or_else(|| Value::Object(self.header.clone()).to_string());
        let claims =
            self.raw_claims.clone().unwrap_or_else(|| Value::Object(self.claims.clone()).to_string());
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    /// The token.
    #[must_use]
    pub fn sign(&self) -> String {
        let signed = self.unsigned();
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The token without its last part: two parts only.
    #[must_use]
    pub fn without_signature(&self) -> String {
        self.unsigned()
    }

    /// The token as an unsecured one (RFC 7519, section 6): `alg` is `none`, and the last part is empty.
    #[must_use]
    pub fn alg_none(&self) -> String {
        format!("{}.", self.clone().header("alg", json!("none")).unsigned())
    }

    /// The token with one bit of its signature turned.
    #[must_use]
    pub fn tampered(&self) -> String {
        let mut signature = self.key.sign(self.unsigned().as_bytes());
        if let Some(byte) = signature.last_mut() {
            *byte ^= 1;
        }
        self.with_signature(&signature)
    }

    /// The token as an HMAC of it would be signed by who takes `secret`, a public key, for a shared one.
    #[must_use]
    pub fn signed_with_hmac(&self, secret: &[u8]) -> String {
        let token = self.clone().header("alg", json!("HS256"));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&key, token.unsigned().as_bytes());
        token.with_signature(tag.as_ref())
    }

    /// The token with a signature of the caller's own making.
    #[must_use]
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.unsigned(), URL_SAFE_NO_PAD.encode(signature))
    }
}
