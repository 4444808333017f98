//! What everybody is measured with: keys, tokens, bodies. Made once for a run, and handed to the peers as a file.

use bytes::Bytes;
use http::{Request, header, request::Parts};
use mcp_auth_core::testing::{TestKey, TokenBuilder};
use mcp_auth_core::verify::jwt::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;

/// The algorithms that are measured, as rows name them.
pub const ALGORITHMS: [(&str, Algorithm); 3] =
    [("rs256", Algorithm::Rs256), ("es256", Algorithm::Es256), ("eddsa", Algorithm::EdDsa)];

/// Keys, tokens and bodies of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Material {
    /// Who issued the tokens.
    pub issuer: String,
    /// Whom they are for: the endpoint's public URL.
    pub resource: String,
    /// The issuer's keys: one of each algorithm.
    pub jwks: Value,
    /// One token of each algorithm, by the row's name; all good for a day.
    pub tokens: Vec<(String, String)>,
    /// Bodies by size and shape; each is a call of the tool `echo`.
    pub bodies: Vec<(String, String)>,
}

impl Material {
    /// Fresh keys, and what is made of them.
    ///
    /// # Errors
    /// If the machine gives no randomness.
    pub fn generate() -> Result<Self, Error> {
        let (issuer, resource) = ("https://issuer.example", "http://127.0.0.1:8787/mcp");
        let mut keys = Vec::new();
        let mut tokens = Vec::new();
        for (name, algorithm) in ALGORITHMS {
            let key = TestKey::generate(algorithm, format!("{name}-2026-key"))?;
            keys.push(key.jwk());
            tokens.push((name.to_owned(), token(&key, issuer, resource, 0)));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            resource: resource.to_owned(),
            jwks: json!({ "keys": keys }),
            tokens,
            bodies: bodies(),
        })
    }

    /// The token of an algorithm.
    ///
    /// # Errors
    /// If there is none.
    pub fn token(&self, name: &str) -> Result<&str, Error> {
        find(&self.tokens, name)
    }

    /// A body.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn body(&self, name: &str) -> Result<Bytes, Error> {
        Ok(Bytes::copy_from_slice(find(&self.bodies, name)?.as_bytes()))
    }

    /// The head of a call with `token`, as a client of 2026-07-28 writes it.
    ///
    /// # Errors
    /// If the token cannot stand in a header.
    pub fn head(&self, token: &str) -> Result<Parts, Error> {
        let authority = self.resource.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let request = Request::post("/mcp")
            .header(header::HOST, authority)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::USER_AGENT, "bench/1")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "echo")
            .body(())?;
        Ok(request.into_parts().0)
    }
}

/// Tokens of `many` subjects, by one key of its own (ES256 signs fast), and that key as a JWK set.
///
/// # Errors
/// If the machine gives no randomness.
pub fn many_tokens(material: &Material, many: usize) -> Result<(Vec<String>, Value), Error> {
    let key = TestKey::generate(Algorithm::Es256, "many")?;
    let tokens = (0..many).map(|n| token(&key, &material.issuer, &material.resource, n)).collect();
    Ok((tokens, json!({ "keys": [key.jwk()] })))
}

/// What an identity provider's token holds: some 500 bytes of claims.
fn token(key: &TestKey, issuer: &str, resource: &str, n: usize) -> String {
    let token = TokenBuilder::new(key.clone(), issuer, resource);
    let issued = mcp_auth_core::time::Clock::system().now().as_secs();
    token
        .claim("exp", json!(issued + 24 * 3600))
        .subject(&format!("auth0|6512f0a3c9e77b61fe{n:06x}"))
        .scope("openid profile notes:read notes:write")
        .claim("client_id", json!("s6BhdRkqt3ZFjqWpXaYb7cLmNo"))
        .claim("jti", json!(format!("7f0c6a52-8f8e-4b53-9a57-{n:012x}")))
        .claim("grant_id", json!("01J9Z6T1M3W6Q9XK4V7Y2B5C8D"))
        .claim("email", json!("ada.lovelace@example.org"))
        .claim("name", json!("Ada Lovelace"))
        .sign()
}

fn bodies() -> Vec<(String, String)> {
    let object = |n: usize| json!({ "id": n, "title": "Buy milk", "done": false, "tag": "home" });
    let keys: Value =
        (0..600).map(|n| (format!("key_{n:04}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let small: Vec<Value> = (0..200).map(object).collect();
    let large: Vec<Value> = (0..19_000).map(object).collect();
    [
        ("300B", json!({ "text": "A note of some thirty letters." })),
        ("10KB-keys", keys),
        ("10KB-objects", json!({ "notes": small })),
        ("10KB-string", json!({ "text": "Forty letters, one after the other, yes. ".repeat(244) })),
        ("1MB", json!({ "notes": large })),
    ]
    .map(|(name, arguments)| (name.to_owned(), call(&arguments).to_string()))
    .into()
}

fn call(arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "echo",
        "arguments": arguments,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        },
    } })
}

fn find<'a>(among: &'a [(String, String)], name: &str) -> Result<&'a str, Error> {
    let found = among.iter().find(|(one, _)| one == name);
    found.map(|(_, text)| text.as_str()).ok_or_else(|| format!("there is no {name}").into())
}
