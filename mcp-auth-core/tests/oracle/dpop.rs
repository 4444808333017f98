//! A gate that takes DPoP proofs, and what a proof must say that it took, read by another parser than the gate's.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, StatusCode, header};
use mcp_auth_core::policy::read;
use mcp_auth_core::scope::ScopeSet;
use mcp_auth_core::store::{Committed, Entry, Key, MemoryStore, Store, StoreError, Watch, Write};
use mcp_auth_core::testing::{ProofBuilder, TestKey, thumbprint};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::Algorithm;
use mcp_auth_core::verify::{
    Binding, Thumbprint, TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError,
};
use mcp_auth_core::{Credential, Guard, Principal, ToolPolicies};
use serde_json::{Value, json};
use url::Url;

pub(crate) const URL: &str = "https://mcp.example/mcp";
pub(crate) const NOW: u64 = 1_000_000_000;
/// Bound to the gate's own key.
pub(crate) const TOKEN: &str = "token";
const WINDOW: f64 = 300.0;

pub(crate) struct Gate {
    guard: Guard,
    used: Used,
    key: TestKey,
    /// Header and claims of a good proof.
    good: [Value; 2],
}

impl Gate {
    /// A gate that knows `TOKEN`, and these tokens, each bound to the key with the thumbprint beside it.
    pub(crate) fn new(others: &[(&'static str, &str)]) -> Self {
        let key = TestKey::generate(Algorithm::Es256, "client").unwrap();
        let own = thumbprint(&key);
        let tokens = others.iter().copied().chain([(TOKEN, own.as_str())]);
        let tokens = tokens.map(|(token, jkt)| (token, Thumbprint::parse(jkt).unwrap())).collect();
        let used = Used::default();
        let (guard, _background) = Guard::builder(URL)
            .verifier(Bound(tokens))
            .tools(ToolPolicies::new().tool("t", read("t")))
            .dpop(Dpop::accepted(Arc::new(used.clone())))
            .failures_per_minute(std::num::NonZeroU32::MAX)
            .clock(Clock::manual(Timestamp::from_secs(NOW)))
            .build()
            .unwrap();
        let proof = ProofBuilder::new(&key, "POST", URL, TOKEN).claim("iat", json!(NOW)).sign();
        let mut parts = proof.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let good = [(); 2].map(|()| serde_json::from_slice(&parts.next().unwrap()).unwrap());
        Self { guard, used, key, good }
    }

    /// Forgets the proofs that were used.
    pub(crate) fn forget(&self) {
        *self.used.0.write().unwrap_or_else(PoisonError::into_inner) = fresh();
    }

    pub(crate) fn good_header(&self) -> &Value {
        &self.good[0]
    }

    pub(crate) fn good_claims(&self) -> &Value {
        &self.good[1]
    }

    /// A proof of these two, signed by the key that `TOKEN` is bound to.
    pub(crate) fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())))
    }

    /// Whether a request with this token and this proof comes through; whatever does not is told about its proof.
    pub(crate) fn takes(&self, token: &str, proof: &[u8]) -> bool {
        let Ok(proof) = HeaderValue::from_bytes(proof) else { return false };
        let request = Request::post("/mcp").header(header::HOST, "mcp.example").header("dpop", proof);
        let request = request.header(header::AUTHORIZATION, format!("DPoP {token}"));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let scopes = ScopeSet::default();
        let verdict = pin!(self.guard.require(&mut parts, None, &scopes));
        let Poll::Ready(verdict) = verdict.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a store in memory is never waited for")
        };
        let Err(answer) = verdict else { return true };
        let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(challenge.starts_with("DPoP ") && challenge.contains(r#"error="invalid_dpop_proof""#));
        false
    }

    /// Signs these two and shows the proof twice: it is taken once at most, and if it was, its rules hold.
    pub(crate) fn judge(&self, header: &[u8], claims: &[u8]) -> bool {
        let proof = self.sign(header, claims);
        if !self.takes(TOKEN, proof.as_bytes()) {
            return false;
        }
        assert!(!self.takes(TOKEN, proof.as_bytes()), "taken twice");
        self.check_header(&serde_json::from_slice(header).unwrap());
        self.check_claims(&serde_json::from_slice(claims).unwrap());
        true
    }

    fn check_header(&self, header: &Value) {
        assert!(header["typ"].as_str().unwrap().eq_ignore_ascii_case("dpop+jwt"));
        assert_eq!(header["alg"], "ES256");
        assert!(header.get("crit").is_none() && header.get("b64").is_none());
        for name in ["kty", "crv", "x", "y"] {
            assert_eq!(header["jwk"][name], self.good_header()["jwk"][name]);
        }
        assert!(header["jwk"].get("d").is_none());
    }

    fn check_claims(&self, claims: &Value) {
        assert_eq!(claims["htm"], "POST");
        let mut url = Url::parse(claims["htu"].as_str().unwrap()).unwrap();
        url.set_query(None);
        url.set_fragment(None);
        assert_eq!(url.as_str(), URL);
        #[allow(clippy::cast_precision_loss)]
        let age = claims["iat"].as_f64().unwrap().floor() - NOW as f64;
        assert!(age.abs() <= WINDOW, "{age}");
        assert_eq!(claims["ath"], self.good_claims()["ath"]);
        assert!((1..=256).contains(&claims["jti"].as_str().unwrap().len()));
    }
}

struct Bound(Vec<(&'static str, Thumbprint)>);

#[async_trait::async_trait]
impl TokenVerifier for Bound {
    async fn verify(&self, credential: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        let token = credential.expose_token();
        let (_, key) = self.0.iter().find(|(known, _)| *known == token).ok_or(TokenRefusal::Unknown)?;
        let binding = Binding { dpop: Some(*key), certificate: None };
        Ok(Verified::from(Principal::builder("https://issuer.example", "ada").build()).bound_to(binding))
    }
    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://issuer.example".to_owned()]
    }
}

/// The proofs that were used; forgetting them keeps the memory of a long run bounded.
#[derive(Clone)]
struct Used(Arc<RwLock<Arc<MemoryStore>>>);

fn fresh() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Clock::manual(Timestamp::from_secs(NOW)), 16))
}

impl Used {
    fn store(&self) -> Arc<MemoryStore> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Used {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(fresh())))
    }
}

#[async_trait::async_trait]
impl Store for Used {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.store().get(key).await
    }
    async fn scan(
        &self,
        c: &str,
        p: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.store().scan(c, p, after, limit).await
    }
    async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        self.store().commit(writes).await
    }
    fn watch(&self) -> Watch {
        self.store().watch()
    }
}
