//! What a principal gets to see.

use serde_json::{Value, json};

use crate::{Answer, Fixture, Serve, Setup, message};

fn names(answer: &Answer, list: &str, key: &str) -> Vec<String> {
    let result = answer.json()["result"][list].clone();
    let mut names: Vec<String> = result
        .as_array()
        .unwrap_or_else(|| panic!("no list: {}", answer.text()))
        .iter()
        .map(|entry| entry[key].as_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    names
}

const OPEN: [&str; 9] =
    ["about", "ask_back", "count", "delete_note", "echo", "list_notes", "move_notes", "wait", "whoami"];

/// A tool that needs more is shown, a hidden one is not; as JSON and as an event stream.
pub async fn tools_are_filtered_in_both_eras<S: Serve>() {
    for json in [false, true] {
        let fixture = Fixture::with::<S>(Setup { json, ..Setup::default() }).await;
        for (scope, sees_all) in [("notes:read", false), ("", false), ("admin", true)] {
            let token = fixture.ada(scope).sign();
            let mut expected: Vec<&str> = OPEN.to_vec();
            if sees_all {
                expected.insert(7, "purge");
            }
            let modern = fixture.post(&message::modern("tools/list", json!({}))).token(&token).send().await;
            assert_eq!(names(modern.is(200, None), "tools", "name"), expected);
            assert_eq!(modern.json()["result"]["cacheScope"], "private");

            let mut legacy = fixture.post(&message::legacy("tools/list", json!({}))).token(&token);
            legacy = legacy.header("mcp-protocol-version", message::LEGACY);
            if !json {
                legacy = legacy.header("mcp-session-id", &fixture.session(&token).await);
            }
            let legacy = legacy.send().await;
            assert_eq!(names(legacy.is(200, None), "tools", "name"), expected);
            let kind = if json { "application/json" } else { "text/event-stream" };
            assert!(legacy.header("content-type").starts_with(kind), "{:?}", legacy.headers);
            assert!(!legacy.text().contains("purge") || sees_all);
        }
    }
}

/// The same of resources, templates and prompts; what is not declared is not there.
pub async fn resources_and_prompts_are_filtered<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for (scope, sees_all) in [("notes:read", false), ("admin", true)] {
        let token = fixture.ada(scope).sign();
        for (method, list, key, open, hidden) in [
            ("resources/list", "resources", "uri", "note://1", "diary://1"),
            ("resources/templates/list", "resourceTemplates", "uriTemplate", "note://{id}", "diary://{id}"),
            ("prompts/list", "prompts", "name", "summary", "confession"),
        ] {
            let answer = fixture.post(&message::modern(method, json!({}))).token(&token).send().await;
            let mut expected = vec![open];
            if sees_all {
                expected.insert(0, hidden);
            }
            assert_eq!(names(answer.is(200, None), list, key), expected, "{method}");
            assert_eq!(answer.json()["result"]["cacheScope"], "private", "{method}");
        }
    }
}

/// Nothing that was made for one principal is kept for another.
pub async fn answers_are_private<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    for message in [
        message::modern("resources/read", json!({ "uri": "note://1" })),
        message::modern("server/discover", json!({})),
    ] {
        let answer = fixture.post(&message).token(&fixture.reader()).send().await;
        answer.is(200, None);
        assert_eq!(answer.json()["result"]["cacheScope"], "private", "{}", answer.text());
        assert!(answer.header("cache-control").contains("no-"), "{:?}", answer.headers);
    }
}

/// All but the date, in both eras.
pub async fn hidden_is_nonexistent_to_the_byte<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    let session = fixture.session(&token).await;
    for (method, key, hidden, absent) in [
        ("tools/call", "name", "purge", "nurse"),
        ("resources/read", "uri", "diary://1", "niary://1"),
        ("prompts/get", "name", "confession", "profession"),
    ] {
        for modern in [true, false] {
            let mut answers = Vec::new();
            for target in [hidden, absent] {
                // The hidden tool mirrors this parameter in a header, which is not sent.
                let params: Value = json!({ key: target, "arguments": { "folder": "x" } });
                let ask = if modern {
                    fixture.post(&message::modern(method, params))
                } else {
                    let ask = fixture.post(&message::legacy(method, params));
                    ask.header("mcp-session-id", &session).header("mcp-protocol-version", message::LEGACY)
                };
                let mut answer = ask.without("mcp-param-folder").token(&token).send().await;
                let code = if method == "resources/read" && !modern { -32002 } else { -32602 };
                answer.is(200, code).does_not_challenge();
                answer.headers.remove("date");
                answers.push(answer);
            }
            assert_eq!(answers.first(), answers.last(), "{method}");
        }
    }
    fixture.nothing_ran();
    let admin = fixture.ada("admin").sign();
    fixture.call("purge", json!({ "folder": "x" })).token(&admin).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["purge"]);
    // A method that nobody offers is one that does not exist.
    let undeclared = fixture.post(&message::modern("tasks/get", json!({ "taskId": "1" }))).token(&token);
    undeclared.header("mcp-name", "1").send().await.is(404, -32601);
    let unknown = fixture.post(&message::modern("tools/destroy", json!({}))).token(&token).send().await;
    unknown.is(404, -32601);
    let server_only = fixture.post(&message::legacy("sampling/createMessage", json!({}))).token(&token);
    server_only.send().await.is(200, -32601);
    fixture.nothing_ran();
}
