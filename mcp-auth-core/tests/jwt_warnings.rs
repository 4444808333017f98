//! Where the audience cannot name the resource, the operator is told so at start, and only then.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use mcp_auth_core::testing::TestKey;
use mcp_auth_core::verify::jwt::{Algorithm, JwtVerifier, JwtVerifierBuilder, Preset};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const RESOURCE: &str = "https://mcp.example.com/mcp";

/// Keeps the issuers that warnings name.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Visit for Warnings {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "issuer" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn warned_of(builder: JwtVerifierBuilder) -> Vec<String> {
    let jwks = json!({ "keys": [TestKey::generate(Algorithm::Es256, "k").unwrap().jwk()] }).to_string();
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || builder.jwks(jwks).build().unwrap());
    let warned = warnings.0.lock().unwrap();
    warned.clone()
}

#[test]
fn a_weak_audience_is_warned_of() {
    let issuer = "https://issuer.example";
    let cognito = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI";
    let supabase = "https://abcdefghijklmnop.supabase.co/auth/v1";
    for (builder, expected) in [
        (JwtVerifier::builder(issuer).no_audience().allowed_clients(["c"]), Some(issuer)),
        (JwtVerifier::builder(issuer).allowed_clients(["c"]), None),
        (JwtVerifier::builder(issuer).audience("api"), None),
        (Preset::cognito("eu-central-1_AbCdEfGhI").allowed_clients(["c"]), Some(cognito)),
        (Preset::cognito("eu-central-1_AbCdEfGhI").audience(RESOURCE), None),
        (Preset::supabase("abcdefghijklmnop").allowed_clients(["c"]), Some(supabase)),
        (Preset::supabase("abcdefghijklmnop").audience("authenticated"), Some(supabase)),
        (Preset::supabase("abcdefghijklmnop").audience(RESOURCE), None),
        (Preset::auth0("tenant.eu.auth0.com"), None),
    ] {
        assert_eq!(warned_of(builder), expected.map(str::to_owned).into_iter().collect::<Vec<_>>());
    }
}
