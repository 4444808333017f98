//! A planted secret never reaches a sink, wherever it is planted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use mcp_auth_core::Principal;
use mcp_auth_core::audit::{
    Audit, AuditEvent, ChannelSink, Effect, Intent, Outcome, OutcomeKind, Redactor, Rules, SessionName,
    Shown, is_unsafe,
};
use mcp_auth_core::mcp::{Limits, Raw};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What is planted: no part of it of eight characters may be found again.
fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9]{40}"
}

/// The same of what people choose, and of what generators make; it needs no escapes in JSON.
fn wild() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9#,;'(){}<>&%+/=!$ :@?|~^*.\\[\\]-]{39}"
}

/// Where such a secret stands in texts: configurations, command lines, JSON and what is left of it.
fn written(secret: &str, way: usize) -> String {
    let (a, b) = secret.split_at(20);
    let credentials = json!({"user": "x", "credentials": {"user": "x", "pw": secret}, "n": 1});
    match way {
        0 => format!("A=1\nexport DB_PASS={secret}\nB=2"),
        1 => format!("db:\n  smtpPass: {secret}\n  user: x"),
        2 => format!("- passcode: |\n    {a}\n    {b}\n  user: x"),
        3 => format!("password:\n  {secret}\nuser: x"),
        4 => json!({"recoveryCodes": [secret], "n": 1}).to_string(),
        5 => credentials.to_string(),
        6 => json!([{"value": secret, "name": "DB_PASS"}]).to_string(),
        7 => format!("got {credentials} now"),
        8 => format!("{{\n  \"recoveryCodes\":\n  [\n    \"{secret}\"\n  ]"),
        9 => format!("password: '{}'\nuser: x", secret.replace('\'', "''")),
        10 => format!("mysql --password=\"{secret}\" -h x"),
        11 => json!({"content": json!({"text": credentials.to_string()}).to_string()}).to_string(),
        _ => format!("PIN = \"\"\"\n{secret}\n\"\"\""),
    }
}

const WRITTEN: usize = 13;

/// What a secret looks like where only its looks betray it.
fn dressed(secret: &str, way: usize) -> String {
    let (a, b) = secret.split_at(20);
    match way {
        0 => format!("eyJ{a}.eyJ{b}.{a}"),
        1 => format!("failed for ghp_{secret} at line 3"),
        2 => format!("Authorization: Bearer {secret}"),
        3 => format!("postgres://ada:{secret}@db/x"),
        4 => format!("https://x/cb?state=1&access_token={secret}&n=2"),
        5 => format!("-----BEGIN PRIVATE KEY-----\n{a}\n{b}\n-----END PRIVATE KEY-----"),
        6 => format!(r#"{{"nested":{{"client_secret": "{secret}"}}}}"#),
        7 => format!("corcava_{secret}"),
        9 => format!("psql --db-password '{secret}' -h db"),
        8 => format!("{} sk_live_{secret}", "x ".repeat(500)),
        _ => format!("password={secret}"),
    }
}

const WAYS: usize = 11;

/// A place for it: a value under a secret name, by a schema, or dressed; and then buried.
fn planted() -> impl Strategy<Value = (String, Value)> {
    let names =
        prop::sample::select(vec!["password", "apiKey", "X-Auth-Token", "db_secret", "PIN", "Cookie"]);
    let place = (0..WAYS + 4, names);
    let buried = prop::collection::vec((any::<bool>(), "[a-z]{1,8}", 0..4_usize), 0..24);
    (secret(), place, buried).prop_map(|(secret, (way, name), levels)| {
        let mut value = match way {
            way if way < WAYS => json!({ "text": dressed(&secret, way) }),
            way if way == WAYS => json!({ name: secret }),
            way if way == WAYS + 1 => json!({ name: [{"deep": secret}, 1] }),
            way if way == WAYS + 2 => json!([{"value": secret, "name": name}]),
            _ => json!({ dressed(&secret, 1): true }),
        };
        for (is_array, name, more) in levels {
            value = if is_array {
                Value::Array(std::iter::repeat_n(json!(1), more).chain([value]).collect())
            } else {
                json!({ "a": "b".repeat(more), name: value })
            };
        }
        (secret, value)
    })
}

fn assert_gone(secret: &str, json: &[u8]) {
    let text = std::str::from_utf8(json).unwrap();
    for start in 0..=secret.len() - 8 {
        assert!(!text.contains(&secret[start..start + 8]), "{secret} in {text}");
    }
    serde_json::from_slice::<AuditEvent>(json).expect("a record can be read");
}

/// Everything that reached a sink from a call with this value in every place.
fn recorded(value: &Value, text: &str, rules: Option<&Rules>) -> Vec<Vec<u8>> {
    let bytes = serde_json::to_vec(value).unwrap();
    let limits = Limits::default().with_max_bytes(64 << 20);
    let shown = Some(Shown::new(Raw::parse(&bytes, &limits).unwrap(), rules));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (sink, mut deliveries) = ChannelSink::new(16);
        let audit = Audit::new(sink).redactor(Redactor::default().beginning("corcava_"));
        let principal = Principal::builder("https://issuer.example", text).client_id(text).build();
        let intent = Intent {
            principal: Some(&principal),
            agent: Some(text),
            client: Some((text, text)),
            session: Some(SessionName::of(text)),
            trace: Some(text),
            target: Some(text),
            params: shown,
            preview: shown,
            reason: Some(text),
            ..Intent::default()
        };
        let mut outcome = Outcome::failed(text);
        (outcome.result, outcome.before, outcome.after) = (shown, shown, shown);
        audit.begin(&intent).await.unwrap().finish(&outcome);
        audit.record(&intent, &outcome);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(deliveries.next().await.unwrap().record.json().to_vec());
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_planted_secret_reaches_no_sink((secret, value) in planted(), way in 0..WAYS) {
        for json in recorded(&value, &dressed(&secret, way), None) {
            assert_gone(&secret, &json);
        }
    }

    #[test]
    fn nor_does_one_with_anything_in_it(secret in wild(), way in 0..WRITTEN) {
        let text = written(&secret, way);
        for json in recorded(&json!({"content": [{"type": "text", "text": text}]}), &text, None) {
            assert_gone(&secret, &json);
        }
    }

    #[test]
    fn nor_does_one_that_only_the_schema_knows(secret in secret(), mark in 0..3_usize, depth in 0..6_usize) {
        let mut schema = [json!({"writeOnly": true}), json!({"format": "password"}), json!({"x-mcp-auth-redact": true})][mark].clone();
        let mut value = json!(secret);
        for level in 0..depth {
            (schema, value) = if level % 2 == 0 {
                (json!({"properties": {"inner": schema}}), json!({"inner": value, "other": 1}))
            } else {
                (json!({"items": {"oneOf": [schema, {"type": "null"}]}}), json!([value, null]))
            };
        }
        let rules = Rules::from_schema(&schema);
        for json in recorded(&value, "", Some(&rules)) {
            assert_gone(&secret, &json);
        }
    }

    #[test]
    fn whatever_comes_is_one_safe_line(text in any::<String>(), value in any::<Vec<(String, String)>>()) {
        let object: Map<_, _> = value.into_iter().map(|(name, text)| (name, json!(text))).collect();
        for json in recorded(&Value::Object(object), &text, None) {
            let line = String::from_utf8(json).unwrap();
            assert!(!line.chars().any(is_unsafe), "{line:?}");
            serde_json::from_str::<AuditEvent>(&line).expect("can be read");
        }
    }
}

#[test]
fn parameters_of_any_size_and_depth_make_a_small_record() {
    let mut deep = json!("x");
    for _ in 0..60 {
        deep = json!([deep]);
    }
    let many: Map<_, _> = (0..20_000).map(|n| (format!("name{n}"), json!(n))).collect();
    for value in
        [json!({"text": "y".repeat(4 << 20)}), deep, json!(vec![json!({"a": [1, 2]}); 100_000]), json!(many)]
    {
        for json in recorded(&value, &"z ".repeat(1 << 20), None) {
            assert!(json.len() < 64 << 10, "{}", json.len());
            serde_json::from_slice::<AuditEvent>(&json).expect("can be read");
        }
    }
}

#[test]
fn what_is_json_is_redacted_as_json_wherever_it_is_written() {
    let text =
        json!({"title": "x", "env": [{"name": "DB_PASS", "value": "hunter2"}], "codes": [1]}).to_string();
    let value = json!({"text": text, "uri": "note://1?word=hunter2", "log": "[1] {"});
    let more = "[1,2],".repeat(200_000);
    let value = json!({"of": value, "large": format!("[{more}3]")});
    for json in recorded(&value, "", None) {
        let event: AuditEvent = serde_json::from_slice(&json).unwrap();
        let kept = event.params.or(event.result).unwrap();
        let text =
            json!({"title": "x", "env": [{"name": "DB_PASS", "value": "[redacted: name]"}], "codes": [1]});
        let inside: Value = serde_json::from_str(kept["of"]["text"].as_str().unwrap()).unwrap();
        assert_eq!(inside, text);
        assert_eq!(kept["of"]["uri"], "note://1?[redacted: query]");
        assert_eq!((&kept["of"]["log"], &kept["large"]), (&json!("[1] {"), &json!("[cut: 1200003 bytes]")));
    }
}

#[test]
fn a_value_whose_name_stands_beside_it_is_secret_as_it_is() {
    for named in [
        json!({"name": "DB_PASSWORD", "value": "hunter2-hunter2"}),
        json!({"Name": "DB_PASSWORD", "Value": "hunter2-hunter2"}),
        json!({"VALUE": "hunter2-hunter2", "key": "/prod/api-key"}),
        json!({"op": "replace", "path": "/credentials/0", "value": "hunter2-hunter2"}),
        json!({"op": "replace", "path": "/card/pin", "value": "hunter2-hunter2"}),
        json!({"header": "Authorization", "value": "hunter2-hunter2"}),
        json!({"field": "user.password", "before": "hunter2-hunter2", "after": {"is": "hunter2-hunter2"}}),
        json!("DB_PASSWORD\t= hunter2-hunter2"),
    ] {
        for json in recorded(&json!({ "of": [named] }), "", None) {
            assert_gone("hunter2-hunter2", &json);
        }
    }
    for open in [
        json!({"name": "color", "value": "hunter2-hunter2"}),
        json!({"path": "/title", "value": "hunter2-hunter2"}),
    ] {
        assert!(
            recorded(&open, "", None)
                .iter()
                .all(|json| String::from_utf8_lossy(json).contains("hunter2-hunter2"))
        );
    }
}

#[tokio::test]
async fn a_ticket_that_is_dropped_was_cut_and_what_is_not_acknowledged_does_not_run() {
    let (sink, mut deliveries) = ChannelSink::new(8);
    let audit = Audit::new(sink);
    let read = audit.begin(&Intent::default()).await.unwrap();
    let id = read.id();
    drop(read);
    let intent = deliveries.next().await.unwrap().record;
    let cut = deliveries.next().await.unwrap().record;
    assert_eq!((intent.id(), cut.id(), cut.outcome()), (id, id, OutcomeKind::Cut));

    let write = Intent { effect: Effect::Destructive, ..Intent::default() };
    let begun = tokio::spawn(audit.begin(&write));
    let delivered = deliveries.next().await.unwrap();
    assert!(!begun.is_finished(), "it waits");
    delivered.acknowledge(Ok(()));
    begun.await.unwrap().unwrap().finish(&Outcome::succeeded());
    assert_eq!(deliveries.next().await.unwrap().record.outcome(), OutcomeKind::Succeeded);

    let begun = tokio::spawn(audit.begin(&write));
    drop(deliveries.next().await.unwrap());
    assert!(begun.await.unwrap().is_err());
    let denied = deliveries.next().await.unwrap().record;
    assert_eq!(denied.outcome(), OutcomeKind::Denied);
    drop(deliveries);
    assert!(audit.begin(&write).await.is_err());
}
