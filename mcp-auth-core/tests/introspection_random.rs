//! Whatever an introspection endpoint answers, nothing panics; and what is taken says that the token is good here and now.
#![cfg(feature = "fetch")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "oracle/introspection.rs"]
mod oracle;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use oracle::{ISSUER, NOW, RESOURCE, Reader};

static READERS: LazyLock<[Reader; 2]> = LazyLock::new(|| [true, false].map(Reader::new));

/// What the strict and the lenient reader say.
fn takes(answer: &[u8]) -> [bool; 2] {
    READERS.each_ref().map(|reader| reader.takes(answer))
}

fn good() -> Value {
    json!({ "active": true, "iss": ISSUER, "aud": RESOURCE, "sub": "ada", "exp": NOW + 60 })
}

/// Any value that may stand for a member, good ones among them.
fn value() -> impl Strategy<Value = Value> {
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let known = [json!(ISSUER), json!(RESOURCE), json!([RESOURCE, "b"]), json!({ "sub": "agent" })];
    let bound = ["jkt", "x5t#S256", "jku"].map(|name| json!({ name: thumbprint }));
    let both = json!({ "jkt": thumbprint, "x5t#S256": thumbprint });
    let known: Vec<Value> = known.into_iter().chain(bound).chain([both]).collect();
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW - 2..NOW + 100).prop_map(|at| json!(at as f64 + 0.5)),
        "\\PC{0,60}".prop_map(Value::from),
        "[a-z:]{1,8}( [a-z:]{1,8}){0,3}".prop_map(Value::from),
        prop::collection::vec("\\PC{0,10}", 0..4).prop_map(Value::from),
        prop::sample::select(known),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "active",
        "iss",
        "aud",
        "sub",
        "client_id",
        "scope",
        "exp",
        "nbf",
        "iat",
        "jti",
        "gid",
        "act",
        "cnf",
        "x",
    ])
}

#[test]
fn the_answer_itself_is_good() {
    assert_eq!(takes(good().to_string().as_bytes()), [true, true]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(takes(&bytes), [false, false]);
    }

    #[test]
    fn no_text_beside_active_panics(members in "\\PC{0,200}") {
        takes(format!(r#"{{"active":true,"sub":"ada",{members}}}"#).as_bytes());
    }

    #[test]
    fn what_is_taken_is_good(
        changes in prop::collection::vec((name(), value()), 0..4), absent in prop::option::of(name())
    ) {
        let mut answer = good();
        changes.into_iter().for_each(|(name, value)| answer[name] = value);
        if let Some(name) = absent {
            answer.as_object_mut().unwrap().remove(name);
        }
        let [strict, lenient] = takes(answer.to_string().as_bytes());
        prop_assert!(lenient || !strict);
    }

    #[test]
    fn a_member_that_comes_twice_is_refused(name in name(), value in value()) {
        let mut answer = good();
        answer[name] = value.clone();
        let answer = answer.to_string();
        let twice = format!("{},{}:{value}}}", answer.strip_suffix('}').unwrap(), json!(name));
        prop_assert_eq!(takes(twice.as_bytes()), [false, false]);
    }
}
