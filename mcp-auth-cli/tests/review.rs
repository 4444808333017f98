//! What the review tells apart: kinds of refusals, and callers, however many they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

/// The rules that the review finds broken, each with whom, in a log of these events, one a second.
fn reviewed(events: impl Iterator<Item = Value>) -> Vec<(String, String)> {
    let mut lines = String::new();
    for (number, mut event) in events.enumerate() {
        event["id"] = json!(format!("0190b4a0-0000-7000-8000-{number:012x}"));
        event["time"] = json!(1_800_000_000_000_u64 + 1000 * number as u64);
        writeln!(lines, "{event}").unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    std::fs::write(&path, lines).unwrap();
    let log = format!("jsonl:{}", path.display());
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
        .args(["audit", "review", "--json", "--audit", &log])
        .output()
        .unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let code = if findings.is_empty() { 0 } else { 6 };
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|finding| (word(&finding["rule"]), word(&finding["who"]))).collect()
}

fn denied(kind: &str) -> Value {
    json!({ "principal": { "issuer": "i", "subject": "ada" }, "outcome": "denied", "kind": kind })
}

#[test]
fn refusals_are_told_apart_by_their_kind() {
    for (kind, count, rule) in [
        ("too_many_requests", 1, "too many requests"),
        ("too_many_at_once", 1, "too many requests"),
        ("too_many_failures", 1, "too many requests"),
        ("write_budget", 1, "too many requests"),
        ("confirmations_waiting", 1, "too many requests"),
        ("no_token", 5, "repeated refusals"),
        ("token_expired", 5, "repeated refusals"),
        ("dpop_replayed", 5, "repeated refusals"),
        ("insufficient_scope", 5, "repeated refusals"),
        ("origin_not_allowed", 5, "repeated refusals"),
    ] {
        let expected = (rule.to_owned(), "ada".to_owned());
        assert_eq!(reviewed((0..count).map(|_| denied(kind))), [expected], "{kind}");
    }
    for kind in ["not_found", "confirmation_not_given", "token_in_query", "syntax", "body_too_large"] {
        assert_eq!(reviewed((0..10).map(|_| denied(kind))), [], "{kind}");
    }
}

#[test]
fn callers_of_one_network_are_one_and_many_networks_hide_nobody() {
    let unknown =
        |address: String| json!({ "address": address, "outcome": "denied", "kind": "token_unknown" });
    let one = (0..5).map(|n| unknown(format!("2001:db8:0:1::{n:x}")));
    let found = |rule: &str, who: &str| (rule.to_owned(), who.to_owned());
    assert_eq!(reviewed(one), [found("repeated refusals", "2001:db8:0:1::/64")]);
    let apart = (0..5).map(|n| unknown(format!("192.0.2.{n}")));
    assert_eq!(reviewed(apart), []);
    let same = ["::ffff:192.0.2.1", "192.0.2.1"];
    let mapped = (0..5).map(|n| unknown(same[n % 2].to_owned()));
    assert_eq!(reviewed(mapped), [found("repeated refusals", "192.0.2.1")]);

    let networks = (0..100_001).map(|n| unknown(format!("2001:db8:{:x}:{:x}::1", n >> 16, n & 0xffff)));
    let then = networks.chain((0..5).map(|_| denied("no_token")));
    assert_eq!(reviewed(then), [found("not told apart", "(others)"), found("repeated refusals", "ada")]);
}
