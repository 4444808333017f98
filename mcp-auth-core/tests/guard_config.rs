//! Every configuration problem is reported at once, each with its fix.
#![cfg(feature = "jwt")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::policy::{public, read, write};
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::{JwtVerifier, JwtVerifierBuilder};
use mcp_auth_core::verify::{TokenRefusal, TokenVerifier, Verified, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, Guard, ToolPolicies};
use serde_json::json;

/// A verifier that refuses everything, and names these servers.
struct Nobody(&'static [&'static str]);

#[async_trait]
impl TokenVerifier for Nobody {
    async fn verify(&self, _: &Credential, _: VerifyContext<'_>) -> Result<Verified, VerifyError> {
        Err(TokenRefusal::Unknown.into())
    }
    fn authorization_servers(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// Asserts that the problems are these, in this order, each with a fix, and that the message shows all of it.
fn assert_problems(errors: &ConfigErrors, expected: &[(&str, &str)]) {
    let text = errors.to_string();
    assert_eq!(errors.as_slice().len(), expected.len(), "{text}");
    assert!(text.starts_with(&format!("the configuration has {} problem(s)", expected.len())), "{text}");
    for (error, (problem, fix)) in errors.as_slice().iter().zip(expected) {
        assert!(error.problem.contains(problem), "`{problem}` in: {text}");
        assert!(error.fix.contains(fix), "`{fix}` in: {text}");
        assert!(text.contains(&error.problem) && text.contains(&error.fix), "{text}");
    }
}

fn guard_errors(resource: &str, policies: ToolPolicies) -> ConfigErrors {
    let guard =
        Guard::builder(resource).verifier(Nobody(&["https://issuer.example"])).tools(policies).build();
    guard.map(drop).unwrap_err()
}

fn verifier_errors(builder: JwtVerifierBuilder) -> ConfigErrors {
    builder.build().map(drop).unwrap_err()
}

#[test]
fn a_guard_reports_all_its_problems() {
    let errors = Guard::builder("http://mcp.example/mcp")
        .challenge_scope("a\"b")
        .only_under("mcp/../x")
        .allowed_origins(["app.example", "https://app.example/", "null"])
        .max_body(0)
        .max_answer(0)
        .session_key(vec![1, 2, 3].into())
        .build()
        .map(drop)
        .unwrap_err();
    assert_problems(
        &errors,
        &[
            ("challenge_scope", "single spaces"),
            ("only_under: `mcp/../x`", "/mcp"),
            ("allowed_origins: `app.example`", "https://app.example"),
            ("allowed_origins: `https://app.example/`", "https://app.example"),
            ("allowed_origins: `null`", "https://app.example"),
            ("max_body is 0", "leave the default"),
            ("max_answer is 0", "leave the default"),
            ("http on a host that is not loopback", "use https"),
            ("no verifier", ".verifier("),
            ("no tools are declared", ".tools("),
            ("", "32 random bytes"),
        ],
    );
}

#[test]
fn a_nonce_key_is_no_guessable_one() {
    let build = |bytes: usize| {
        let dpop = Dpop::accepted(Arc::new(MemoryStore::default())).nonce_key(&vec![7; bytes].into());
        let guard = Guard::builder("https://mcp.example/mcp").verifier(Nobody(&["https://issuer.example"]));
        guard.tools(ToolPolicies::new().tool("a", read("a"))).dpop(dpop).build().map(drop)
    };
    for bytes in [0, 1, 31] {
        assert_problems(&build(bytes).unwrap_err(), &[("dpop: the nonce key", "32 random bytes")]);
    }
    build(32).unwrap();
}

#[test]
fn a_resource_is_one_plain_url() {
    for (resource, problem) in [
        ("", "no absolute URL"),
        ("/mcp", "no absolute URL"),
        ("ftp://127.0.0.1/mcp", "no absolute URL"),
        ("HTTPS://mcp.example/mcp", "no absolute URL"),
        ("https://mcp.example/a/../mcp", "no absolute URL"),
        ("https://mcp.example:443/mcp", "no absolute URL"),
        ("https://mcp.example/mcp?x=1", "has a query"),
        ("https://mcp.example/mcp#x", "has a query"),
        ("https://ada@mcp.example/mcp", "has a query"),
        ("http://localhost.evil.example/mcp", "not loopback"),
        ("http://192.168.0.1/mcp", "not loopback"),
    ] {
        let errors = guard_errors(resource, ToolPolicies::new().tool("a", read("a")));
        assert_problems(&errors, &[(problem, "use https")]);
    }
}

#[test]
fn a_verifier_names_an_authorization_server() {
    let builder = |servers| {
        let guard = Guard::builder("https://mcp.example/mcp").verifier(Nobody(servers));
        guard.tools(ToolPolicies::new().tool("a", public()))
    };
    let silent = builder(&[]).build().map(drop).unwrap_err();
    assert_problems(&silent, &[("no authorization server", ".without_authorization_server()")]);
    builder(&[]).without_authorization_server().build().map(drop).unwrap();
    let both = builder(&["https://issuer.example"]).without_authorization_server().build();
    assert_problems(&both.map(drop).unwrap_err(), &[("the verifier names one", "remove")]);
}

#[test]
fn policies_report_all_their_problems() {
    let tools = ["list", "get", "delete"].map(|name| json!({ "name": name, "inputSchema": {} }));
    let policies = ToolPolicies::from_tools(tools)
        .unwrap()
        .tool("list", read("notes:read"))
        .tool("list", read("notes:read"))
        .tool("remove", write(""))
        .tool("erase", write("a\"b"))
        .resource("note://{a}{b}", read("a  \"b"))
        .prompt("greet", read(""))
        .method("tasks/get", read("\\"));
    assert_problems(
        &guard_errors("https://mcp.example/mcp", policies),
        &[
            ("tool `list` is declared twice", "keep one"),
            ("tool `remove`: its scopes", "public()"),
            ("tool `erase`: its scopes", "public()"),
            ("resource `note://{a}{b}`: its scopes", "public()"),
            ("`note://{a}{b}` is no URI template", "text between"),
            ("prompt `greet`: its scopes", "public()"),
            ("method `tasks/get`: its scopes", "public()"),
            ("tools without a declaration: delete, get", "declare each"),
            ("tools that do not exist: erase, remove", "correct the name"),
        ],
    );
    assert_problems(
        &guard_errors("https://mcp.example/mcp", ToolPolicies::new()),
        &[("nothing is declared", ".tool(")],
    );
    assert!(ToolPolicies::from_tools([json!({ "title": "nameless" })]).is_err());
}

#[test]
fn a_jwt_verifier_reports_all_its_problems() {
    let errors = verifier_errors(
        JwtVerifier::builder("http://issuer.example")
            .algorithms([])
            .leeway(Duration::from_secs(301))
            .jwks(r#"{"keys":[]}"#),
    );
    assert_problems(
        &errors,
        &[
            ("`http://issuer.example` is no https URL", "the server's metadata"),
            ("no algorithm", "at least one"),
            ("over five minutes", "clocks"),
            ("no usable key", "P-256"),
        ],
    );
    for issuer in [
        "",
        "issuer",
        "ftp://issuer.example",
        "ftp://localhost",
        "https://issuer.example?a",
        "https://issuer.example#a",
        "file:///etc/passwd",
    ] {
        let errors = verifier_errors(JwtVerifier::builder(issuer).jwks("no JSON"));
        assert_problems(&errors, &[("is no https URL", "metadata"), ("not a JWK set", "give a JWK set")]);
    }
}

#[cfg(feature = "fetch")]
#[test]
fn a_fetching_verifier_reports_all_its_problems() {
    for uri in ["http://issuer.example/jwks", "jwks", "ftp://127.0.0.1/jwks", "file:///jwks"] {
        let errors = verifier_errors(JwtVerifier::builder("nowhere").algorithms([]).jwks_uri(uri));
        assert_problems(
            &errors,
            &[("`nowhere` is no https URL", "metadata"), ("no algorithm", ""), (uri, "copy `jwks_uri`")],
        );
    }
    assert_problems(
        &verifier_errors(JwtVerifier::builder("nowhere").leeway(Duration::MAX)),
        &[("`nowhere` is no https URL", "metadata"), ("over five minutes", "clocks")],
    );
}
