//! The binary, from making a key to ending it, over one file that a server reads at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/keys.rs"]
mod support;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use mcp_auth_core::TokenVerifier;
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{TokenRefusal, VerifyError};
use serde_json::Value;
use support::{ISSUER, check, keys, keys_at};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("state.db")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-auth"));
        command
            .arg("keys")
            .args(arguments)
            .env("MCP_AUTH_STORE", format!("sqlite:{}", self.file().display()))
            .env("MCP_AUTH_ISSUER", ISSUER)
            .env_remove("MCP_AUTH_KEY_PREFIX")
            .env_remove("MCP_AUTH_ROTATE_AFTER");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn good(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn bad(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[arguments, &["--json"]].concat()).0).unwrap()
    }

    async fn server(&self) -> ApiKeys {
        let keys = keys(&self.file()).await;
        let before = keys.epoch();
        tokio::spawn(keys.background().unwrap());
        while keys.epoch() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        keys
    }
}

/// Waits until `key` is refused so; at most a second.
async fn refused(keys: &ApiKeys, key: &str, as_what: TokenRefusal) {
    let mut last = None;
    for _ in 0..100 {
        last = check(keys, key).await.err();
        if last == Some(VerifyError::Refused(as_what)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not refused as {as_what} within a second: {last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_takes_what_is_made_and_refuses_what_is_ended() {
    let place = Place::new();
    let server = place.server().await;
    let create =
        ["create", "--name", "ci", "--owner", "ada", "--scopes", "tasks:read", "--prefix", "corcava"];
    let (secret, note) = place.good(&create);
    let secret = secret.trim_end();
    assert!(secret.starts_with("corcava_") && secret.lines().count() == 1);
    assert!(!note.contains(secret) && note.contains("only showing"), "{note}");
    let verified = check(&server, secret).await.unwrap();
    assert_eq!((verified.principal().subject(), verified.principal().issuer()), ("ada", ISSUER));
    let id = verified.principal().api_key().unwrap().id.clone();

    assert!(place.good(&["rename", &id, "ci-runner"]).0.contains("ci-runner"));
    let rotated = place.json(&["rotate", &id, "--overlap", "1h"]);
    let new = rotated["secret"].as_str().unwrap();
    assert_eq!(rotated["id"], Value::from(id.as_str()));
    assert!(check(&server, new).await.is_ok() && check(&server, secret).await.is_ok());
    place.good(&["rotate", &id, "--overlap", "0s"]);
    refused(&server, new, TokenRefusal::Unknown).await;
    refused(&server, secret, TokenRefusal::Unknown).await;

    let last = place.json(&["rotate", &id, "--overlap", "0s"]);
    let last = last["secret"].as_str().unwrap();
    let principal = check(&server, last).await.unwrap().principal().clone();
    place.good(&["revoke", &id]);
    refused(&server, last, TokenRefusal::Revoked).await;
    let [revocations] = server.revocations().try_into().unwrap();
    assert!(revocations.is_revoked(&principal).await.unwrap(), "open streams end");
}

#[test]
fn lists_show_everything_but_secrets() {
    let place = Place::new();
    let names = ["it's; DROP TABLE entries", "<b>bold</b>", "third"];
    let mut secrets = Vec::new();
    for name in names {
        let created = place.json(&[
            "create",
            "--name",
            name,
            "--owner",
            "ada",
            "--environment",
            "staging",
            "--expires",
            "90d",
        ]);
        assert_eq!((created["name"].as_str(), created["state"].as_str()), (Some(name), Some("active")));
        secrets.push(created["secret"].as_str().unwrap().to_owned());
    }
    place.good(&["create", "--name", "other", "--owner", "bob"]);
    let listed = place.json(&["list"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let of_ada = place.json(&["list", "--owner", "ada"]);
    let of_ada = of_ada.as_array().unwrap();
    assert_eq!(of_ada.len(), 3);
    let id = of_ada[0]["id"].as_str().unwrap();
    place.good(&["revoke", id]);
    let (table, _) = place.good(&["list"]);
    assert_eq!(table.lines().count(), 5);
    for word in ["ID", "staging", "production", "bob", "revoked", "active"].iter().chain(&names) {
        assert!(table.contains(word), "{word}: {table}");
    }
    let everything = format!("{table}{listed}{of_ada:?}");
    for secret in secrets {
        let (_, inner) = secret.split_at("mcp_".len() + 12);
        assert!(!everything.contains(&inner[..10]));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_fix() {
    let place = Place::new();
    let (code, error) = place.bad(&["list"]);
    assert!(code == 1 && error.contains("there is no") && error.contains("fix:"), "{error}");
    assert!(!place.file().exists(), "a mistyped path makes nothing");
    place.good(&["create", "--name", "k", "--owner", "ada"]);
    let id = place.json(&["list"])[0]["id"].as_str().unwrap().to_owned();

    for (arguments, expected, says) in [
        (vec!["revoke", "nobodysnobod"], 3, "no such key"),
        (vec!["rename", "../../etc/passwd", "x"], 3, "no such key"),
        (vec!["rename", &id, "a\nb"], 2, "control characters"),
        (vec!["rotate", &id, "--overlap", "31d"], 2, "longer than 30 days"),
        (vec!["rotate", &id, "--overlap", "soon"], 2, "no duration"),
        (
            vec!["create", "--name", "k", "--owner", "ada", "--expires", "2001-01-01T00:00:00Z"],
            2,
            "has passed",
        ),
        (vec!["create", "--name", "k", "--owner", "ada", "--expires", "soon"], 2, "no time"),
        (vec!["create", "--name", "k", "--owner", "ada", "--scopes", "a\"b"], 2, "--scopes"),
        (vec!["create", "--name", "k", "--owner", "ada", "--prefix", "No"], 2, "prefix"),
        (vec!["create", "--name", "k", "--owner", "ada", "--environment", "No"], 2, "environment"),
        (vec!["list", "--store", "memory"], 2, "memory"),
        (vec!["list", "--store", "redis:x"], 2, "no store"),
        (vec!["list", "--store", ""], 2, "no store"),
        (vec!["list", "--issuer", ""], 2, "no issuer"),
    ] {
        let (code, error) = place.bad(&arguments);
        assert_eq!(code, expected, "{arguments:?}: {error}");
        assert!(error.contains(says) && error.contains("fix:"), "{arguments:?}: {error}");
    }
    assert_eq!(place.bad(&["rotate"]).0, 2);
    assert_eq!(place.bad(&["list", "--issuer", "https://other.example", "--json", "--owner"]).0, 2);
    assert_eq!(place.json(&["list", "--issuer", "https://other.example"]), Value::Array(Vec::new()));

    let other = Place::new();
    std::fs::write(other.file(), "no database, and not ours").unwrap();
    let (code, error) = other.bad(&["create", "--name", "k", "--owner", "ada"]);
    assert!(code == 1 && error.contains("cannot be opened") && error.contains("fix:"), "{error}");
    assert_eq!(std::fs::read_to_string(other.file()).unwrap(), "no database, and not ours");

    let (good, bad) = (id.as_str(), "nobodysnobod");
    let output = place.run(&["revoke", bad, good]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stdout).unwrap().contains(good), "the others are ended all the same");
    assert_eq!(place.bad(&["rotate", good]).0, 4);
}

#[test]
fn keys_are_ended_wherever_the_answer_goes() {
    let place = Place::new();
    let ids = ["one", "other", "third"].map(|name| {
        let created = place.json(&["create", "--name", name, "--owner", "ada"]);
        created["id"].as_str().unwrap().to_owned()
    });
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&["revoke", &ids[0], &ids[1]]).stdout(full()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("could not be written"), "{error}");
    let output = place.command(&["revoke", "nobodysnobod", &ids[2]]).stderr(full()).output().unwrap();
    assert!(!output.status.success());
    for key in place.json(&["list"]).as_array().unwrap() {
        assert_eq!(key["state"], "revoked", "{key}");
    }
}

/// Keys of two environments, made so many days ago: which is due, the server's ages say.
#[tokio::test]
async fn a_rotation_is_due_when_the_server_says_so() {
    const DAY: u64 = 24 * 3600 * 1000;
    let place = Place::new();
    for (environment, days) in [("production", 61), ("development", 100)] {
        let made = Timestamp::from_millis(Clock::system().now().as_millis() - days * DAY);
        let keys = keys_at(&place.file(), Clock::manual(made)).await;
        keys.create(NewKey::new(environment, "ada").environment(environment)).await.unwrap();
    }
    let states = |output: Output| {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["production", "development"].map(|environment| {
            let mut listed = listed.as_array().unwrap().iter();
            let key = listed.find(|key| key["environment"] == environment).unwrap();
            key["state"].as_str().unwrap().to_owned()
        })
    };
    let list = ["list", "--json"];
    let ages = ["--rotate-after", "production=60d", "--rotate-after", "development=180d"];
    assert_eq!(states(place.run(&list)), ["active", "due"], "90 days");
    assert_eq!(states(place.run(&[&list[..], &ages].concat())), ["due", "active"]);
    assert_eq!(states(place.run(&[&ages[..], &list].concat())), ["due", "active"], "wherever it stands");
    let variable = "production=60d,development=never";
    let by_variable = place.command(&list).env("MCP_AUTH_ROTATE_AFTER", variable).output().unwrap();
    assert_eq!(states(by_variable), ["due", "active"]);
    for bad in ["production", "production=", "production=soon", "=60d", "No=60d", ""] {
        let (code, error) = place.bad(&["list", "--rotate-after", bad]);
        assert!(code == 2 && error.contains("fix:"), "{bad}: {error}");
    }
}
