//! What an answer of an introspection endpoint must say that was taken, read by another parser than the verifier's.

use std::time::Duration;

use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use mcp_auth_core::verify::{Verified, VerifyContext};
use serde_json::Value;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const RESOURCE: &str = "https://mcp.example/mcp";
pub(crate) const NOW: u64 = 1_000_000_000;
const LEEWAY: Duration = Duration::from_secs(30);
const CACHE_FOR: Duration = Duration::from_secs(60);

pub(crate) struct Reader {
    verifier: IntrospectionVerifier,
    needs_audience: bool,
}

impl Reader {
    pub(crate) fn new(needs_audience: bool) -> Self {
        let builder = IntrospectionVerifier::builder(ISSUER, "https://issuer.example/introspect")
            .client("mcp", ClientAuthentication::basic("secret"))
            .cache_for(CACHE_FOR);
        let builder = if needs_audience { builder } else { builder.allow_missing_audience() };
        Self { verifier: builder.build().unwrap(), needs_audience }
    }

    /// Whether the answer is taken; if it is, its rules hold, and the principal says what it says.
    pub(crate) fn takes(&self, answer: &[u8]) -> bool {
        let context = VerifyContext { resource: RESOURCE, now: Timestamp::from_secs(NOW), address: None };
        let Ok(verified) = self.verifier.verdict_on(answer, context) else { return false };
        self.check(&serde_json::from_slice(answer).unwrap(), &verified);
        true
    }

    fn check(&self, answer: &Value, verified: &Verified) {
        assert_eq!(answer["active"], true);
        assert!(answer.get("iss").is_none_or(|issuer| issuer == ISSUER));
        assert!(match answer.get("aud") {
            None => !self.needs_audience,
            Some(Value::Array(all)) =>
                all.iter().all(Value::is_string) && all.iter().any(|one| one == RESOURCE),
            Some(one) => one == RESOURCE,
        });
        let date = |name: &str| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            answer.get(name).map(|at| Timestamp::from_secs(at.as_f64().unwrap().floor() as u64))
        };
        let now = Timestamp::from_secs(NOW);
        assert!(date("exp").is_none_or(|at| at > now));
        let begun = |at| at <= now.plus(LEEWAY);
        assert!(date("nbf").is_none_or(begun) && date("iat").is_none_or(begun));
        let text = |name: &str| answer.get(name).map(|text| text.as_str().unwrap());
        let principal = verified.principal();
        assert_eq!(principal.issuer(), ISSUER);
        assert_eq!(Some(principal.subject()), text("sub").or(text("client_id")));
        assert!(!principal.subject().is_empty() && principal.subject().len() <= 1024);
        assert_eq!(principal.client_id(), text("client_id"));
        assert_eq!(principal.token_id(), text("jti"));
        assert_eq!(principal.grant_id(), text("gid"));
        assert_eq!(principal.expires_at(), date("exp"));
        assert_eq!(principal.issued_at(), date("iat"));
        let granted: Vec<&str> =
            text("scope").unwrap_or_default().split(' ').filter(|s| !s.is_empty()).collect();
        assert!(granted.iter().all(|scope| principal.scopes().contains(scope)));
        assert!(principal.scopes().iter().all(|scope| granted.contains(&scope)));
        assert_eq!(principal.actor(), answer.get("act").map(|act| act["sub"].as_str().unwrap()));
        // What a token is bound to is never lost.
        let cnf = answer.get("cnf").map(|cnf| cnf.as_object().unwrap());
        let binding = verified.binding();
        assert_eq!(cnf.is_some(), binding.is_some());
        if let (Some(cnf), Some(binding)) = (cnf, binding) {
            assert_eq!(cnf.contains_key("jkt"), binding.dpop.is_some());
            assert_eq!(cnf.contains_key("x5t#S256"), binding.certificate.is_some());
        }
        let reuse = verified.reuse_until().unwrap();
        assert!(reuse <= now.plus(CACHE_FOR) && date("exp").is_none_or(|at| reuse <= at));
    }
}
