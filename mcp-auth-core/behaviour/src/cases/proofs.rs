//! Tokens that are bound to a key or to a certificate (RFC 9449, RFC 8705).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ProofBuilder, TestKey, thumbprint};
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::Algorithm;
use serde_json::{Value, json};

use crate::{Answer, Ask, Fixture, Serve, TestStore, parameter};

/// A client that holds a key, and the token that is bound to it.
struct Holder {
    key: TestKey,
    url: String,
    token: String,
}

impl Holder {
    fn new(fixture: &Fixture) -> Self {
        let key = TestKey::generate(Algorithm::Es256, "client").unwrap();
        let token = fixture.ada("notes:read").claim("cnf", json!({ "jkt": thumbprint(&key) })).sign();
        Self { key, url: fixture.url(), token }
    }

    fn proof(&self) -> ProofBuilder {
        ProofBuilder::new(&self.key, "POST", &self.url, &self.token)
    }

    fn ask(&self, fixture: &Fixture, proof: &str) -> Ask {
        let ask = fixture.call("list_notes", json!({}));
        ask.header("authorization", &format!("DPoP {}", self.token)).header("dpop", proof)
    }

    async fn call(&self, fixture: &Fixture, proof: &ProofBuilder) -> Answer {
        self.ask(fixture, &proof.sign()).send().await
    }
}

async fn with_dpop<S: Serve>(change: impl FnOnce(Dpop) -> Dpop + 'static) -> Fixture {
    let store = Arc::new(MemoryStore::default());
    Fixture::guarded::<S>(|guard| {
        guard.dpop(change(Dpop::accepted(store))).failures_per_minute(NonZeroU32::new(1000).unwrap())
    })
    .await
}

#[track_caller]
fn is_refused(answer: &Answer, error: &str) {
    answer.is(401, -32000);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("DPoP algs=\""), "{challenge}");
    assert_eq!(parameter(challenge, "error"), error, "{challenge}");
}

/// A proof is asked for on every request, and taken once; a fresh one goes through, cached verdict or not.
pub async fn a_bound_token_needs_a_proof_each_time<S: Serve>() {
    let fixture = with_dpop::<S>(|dpop| dpop).await;
    let holder = Holder::new(&fixture);
    for _ in 0..3 {
        let proof = holder.proof().sign();
        holder.ask(&fixture, &proof).send().await.is(200, None);
        assert_eq!(fixture.ran.take(), ["list_notes"]);
        is_refused(&holder.ask(&fixture, &proof).send().await, "invalid_dpop_proof");
    }
    is_refused(&holder.ask(&fixture, "x").without("dpop").send().await, "invalid_dpop_proof");
    let twice = holder.ask(&fixture, &holder.proof().sign()).add_header("dpop", &holder.proof().sign());
    is_refused(&twice.send().await, "invalid_dpop_proof");
    // A bound token is no bearer token (RFC 9449, section 7.2), and an unbound one needs no proof.
    let bearer = fixture.call("list_notes", json!({})).token(&holder.token);
    bearer.clone().send().await.is(401, -32000).challenges("invalid_token", "notes:read");
    bearer.header("dpop", &holder.proof().sign()).send().await.is(401, -32000);
    let unbound = Holder { token: fixture.reader(), ..Holder::new(&fixture) };
    unbound.call(&fixture, &unbound.proof()).await.is(401, -32000).challenges("invalid_token", "notes:read");
    fixture.nothing_ran();
    fixture.call("list_notes", json!({})).token(&unbound.token).send().await.is(200, None);
    let metadata = fixture.ask("GET", "/.well-known/oauth-protected-resource").send().await.json();
    assert!(metadata["dpop_signing_alg_values_supported"].as_array().unwrap().contains(&json!("ES256")));
}

/// Every kind of bad proof: 401 `invalid_dpop_proof`, one body for all, and nothing runs.
pub async fn bad_proofs_are_refused_alike<S: Serve>() {
    let fixture = with_dpop::<S>(|dpop| dpop).await;
    let holder = Holder::new(&fixture);
    let good = || holder.proof();
    let now = Clock::system().now().as_secs();
    let other = TestKey::generate(Algorithm::Es256, "other").unwrap();
    let rsa = TestKey::generate(Algorithm::Rs256, "rsa").unwrap();
    let private = {
        let mut jwk = holder.key.jwk();
        jwk["d"] = json!("AAAA");
        jwk
    };
    let mut wrong: Vec<(&str, String)> = vec![
        ("other key", ProofBuilder::new(&other, "POST", &holder.url, &holder.token).sign()),
        ("signed by another", good().signed_with(&other).sign()),
        ("typ", good().header("typ", json!("JWT")).sign()),
        ("no typ", good().without_header("typ").sign()),
        ("crit", good().header("crit", json!(["x"])).sign()),
        ("none", good().header("alg", json!("none")).sign()),
        ("HS256", good().header("alg", json!("HS256")).sign()),
        ("alg of another key", good().header("alg", json!("RS256")).sign()),
        ("no jwk", good().without_header("jwk").sign()),
        ("private jwk", good().header("jwk", private).sign()),
        ("symmetric jwk", good().header("jwk", json!({ "kty": "oct", "k": "AAAA" })).sign()),
        ("jwk of another", good().header("jwk", rsa.jwk()).sign()),
        ("htm", good().claim("htm", json!("GET")).sign()),
        ("htm in small letters", good().claim("htm", json!("post")).sign()),
        ("htu of another host", good().claim("htu", json!("https://evil.example/mcp")).sign()),
        ("htu of another path", good().claim("htu", json!(format!("{}/", holder.url))).sign()),
        ("htu that is no URL", good().claim("htu", json!("mcp")).sign()),
        ("iat too old", good().claim("iat", json!(now - 302)).sign()),
        ("iat to come", good().claim("iat", json!(now + 310)).sign()),
        ("iat as text", good().claim("iat", json!(now.to_string())).sign()),
        ("ath of another token", good().claim("ath", json!(URL_SAFE_NO_PAD.encode([0; 32]))).sign()),
        ("jti empty", good().claim("jti", json!("")).sign()),
        ("jti too long", good().claim("jti", json!("j".repeat(257))).sign()),
        ("jti as number", good().claim("jti", json!(7)).sign()),
        ("too large", good().claim("x", json!("x".repeat(9000))).sign()),
        ("not a JWT", "proof".to_owned()),
        ("four parts", format!("{}.x", good().sign())),
    ];
    for claim in ["htm", "htu", "iat", "ath", "jti"] {
        wrong.push((claim, good().without(claim).sign()));
    }
    let mut bodies = std::collections::BTreeSet::new();
    for (label, proof) in wrong {
        let answer = holder.ask(&fixture, &proof).send().await;
        assert_eq!((answer.status, fixture.ran.take().len()), (401, 0), "{label}: {}", answer.text());
        is_refused(&answer, "invalid_dpop_proof");
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "answers tell what is wrong with a proof: {bodies:?}");
    // What RFC 9449 lets differ.
    let spelled = holder.url.replace("http:", "HTTP:") + "?x=1#y";
    for proof in [
        good().claim("htu", json!(spelled)),
        good().header("typ", json!("DPoP+jwt")),
        good().claim("iat", json!(now as f64 + 0.5)),
        good().claim("jti", json!("j".repeat(256))),
    ] {
        holder.call(&fixture, &proof).await.is(200, None);
    }
}

/// Every algorithm that is offered is taken.
pub async fn proofs_of_every_algorithm<S: Serve>() {
    let fixture = with_dpop::<S>(|dpop| dpop).await;
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(algorithm, "client").unwrap();
        let token = fixture.ada("notes:read").claim("cnf", json!({ "jkt": thumbprint(&key) })).sign();
        let holder = Holder { key, token, url: fixture.url() };
        holder.call(&fixture, &holder.proof()).await.is(200, None);
    }
}

/// RFC 9449, section 9.
pub async fn a_nonce_is_handed_out_and_asked_for<S: Serve>() {
    let fixture = with_dpop::<S>(Dpop::with_nonces).await;
    let holder = Holder::new(&fixture);
    let first = holder.call(&fixture, &holder.proof()).await;
    is_refused(&first, "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").to_owned();
    holder.call(&fixture, &holder.proof().claim("nonce", json!(nonce))).await.is(200, None);
    let forged = holder.call(&fixture, &holder.proof().claim("nonce", json!(format!("{nonce}A")))).await;
    is_refused(&forged, "use_dpop_nonce");
    assert!(!forged.header("dpop-nonce").is_empty());
}

/// Where only bound tokens are taken.
pub async fn unbound_tokens_are_refused_where_proofs_are_required<S: Serve>() {
    let store = Arc::new(MemoryStore::default());
    let fixture = Fixture::guarded::<S>(|guard| guard.dpop(Dpop::required(store))).await;
    let answer = fixture.call("list_notes", json!({})).token(&fixture.reader()).send().await;
    is_refused(&answer, "invalid_dpop_proof");
    is_refused(&fixture.call("list_notes", json!({})).send().await, "");
    let holder = Holder::new(&fixture);
    holder.call(&fixture, &holder.proof()).await.is(200, None);
    let metadata = fixture.ask("GET", "/.well-known/oauth-protected-resource").send().await.json();
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
}

/// Whether a proof was used cannot be told: 503, and not a refusal.
pub async fn a_store_that_is_down_lets_no_proof_pass<S: Serve>() {
    let store = TestStore::new(Clock::system());
    store.set_down(true);
    let fixture = Fixture::guarded::<S>(move |guard| guard.dpop(Dpop::accepted(store.shared()))).await;
    let holder = Holder::new(&fixture);
    let answer = holder.call(&fixture, &holder.proof()).await;
    answer.is(503, -32000).does_not_challenge();
    assert!(!answer.header("retry-after").is_empty() && !answer.text().contains("secret"));
    fixture.nothing_ran();
}

/// The certificate is the connection's; a server of these tests takes it from a header that stands for TLS.
pub async fn a_token_that_is_bound_to_a_certificate<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let of = |der: &[u8]| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
    let bound = |cnf: Value| fixture.ada("notes:read").claim("cnf", cnf).sign();
    let token = bound(json!({ "x5t#S256": of(b"ada's certificate") }));
    let call = || fixture.call("list_notes", json!({})).token(&token);
    for _ in 0..2 {
        call().header("x-tls", "ada's certificate").send().await.is(200, None);
    }
    call().header("x-tls", "eve's certificate").send().await.is(401, -32000);
    call().send().await.is(401, -32000).challenges("invalid_token", "notes:read");
    assert_eq!(fixture.ran.take().len(), 2);
    // Bound to a key as well: then the certificate is not enough.
    let both = bound(json!({ "x5t#S256": of(b"c"), "jkt": of(b"k") }));
    fixture.call("list_notes", json!({})).token(&both).header("x-tls", "c").send().await.is(401, -32000);
    fixture.nothing_ran();
}

/// Used proofs are kept as long as they would be taken, and no longer.
pub async fn used_proofs_are_kept_for_their_window<S: Serve>() {
    let clock = Clock::manual(Clock::system().now());
    let store = Arc::new(MemoryStore::new(clock.clone(), 1));
    let (kept, guards) = (Arc::clone(&store), clock.clone());
    let fixture = Fixture::guarded::<S>(move |guard| guard.dpop(Dpop::accepted(kept)).clock(guards)).await;
    let holder = Holder::new(&fixture);
    // By the guard's clock: it stands, however long the fixture took.
    let now = json!(clock.now().as_secs());
    holder.call(&fixture, &holder.proof().claim("iat", now.clone())).await.is(200, None);
    // No room for another: then it cannot be told whether it is new.
    holder.call(&fixture, &holder.proof().claim("iat", now)).await.is(503, -32000);
    clock.advance(Duration::from_secs(302));
    let later = json!(clock.now().as_secs());
    let lasting = fixture.ada("notes:read").claim("cnf", json!({ "jkt": thumbprint(&holder.key) }));
    let token = lasting.claim("exp", json!(clock.now().as_secs() + 300)).sign();
    let holder = Holder { token, ..holder };
    holder.call(&fixture, &holder.proof().claim("iat", later)).await.is(200, None);
}
