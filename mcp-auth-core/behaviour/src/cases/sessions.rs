//! Sessions of the legacy era are their owner's.

use std::time::Duration;

use serde_json::json;

use crate::{Ask, Fixture, Serve, message};

fn inside(ask: Ask, session: &str) -> Ask {
    ask.header("mcp-session-id", session).header("mcp-protocol-version", message::LEGACY)
}

/// 404 for another's, a forged or a damaged one, by POST, GET and DELETE alike.
pub async fn a_session_is_its_owners<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let (ada, bob) = (fixture.reader(), fixture.ada("notes:read").subject("bob").sign());
    let other_client = fixture.ada("notes:read").claim("client_id", json!("other")).sign();
    let session = fixture.session(&ada).await;
    assert!(uuid_like(&session).is_none(), "the service's own id left the guard: {session}");
    let list = fixture.post(&message::legacy_call("list_notes", json!({})));
    let get = fixture.ask("GET", "/mcp").header("accept", "text/event-stream");
    let delete = fixture.ask("DELETE", "/mcp");

    let mut damaged = session.clone();
    let last = damaged.pop().unwrap();
    damaged.push(if last == 'A' { 'B' } else { 'A' });
    let foreign = [(session.as_str(), &bob), (session.as_str(), &other_client)];
    let forged = ["00000000-0000-4000-8000-000000000000", "x", "", damaged.as_str(), &"A".repeat(4000)];
    for (session, token) in foreign.into_iter().chain(forged.into_iter().map(|forged| (forged, &ada))) {
        for ask in [&list, &get, &delete] {
            let answer = inside(ask.clone().token(token), session).send().await;
            answer.is(404, -32000).does_not_challenge();
        }
    }
    let twice = inside(list.clone().token(&ada), &session).add_header("mcp-session-id", &session);
    twice.send().await.is(404, -32000);
    fixture.nothing_ran();

    // Ada's own goes on, with another token of hers too.
    inside(list.clone().token(&ada), &session).send().await.is(200, None);
    let stepped_up = fixture.ada("notes:read notes:delete").sign();
    inside(list.clone().token(&stepped_up), &session).send().await.is(200, None);
    assert_eq!(fixture.ran.take(), ["list_notes", "list_notes"]);
    let ended = inside(delete.token(&ada), &session).send().await;
    assert!((200..300).contains(&ended.status), "{}", ended.text());
    assert_eq!(inside(list.token(&ada), &session).send().await.status, 404);
    fixture.nothing_ran();
}

fn uuid_like(id: &str) -> Option<()> {
    (id.len() == 36 && id.matches('-').count() == 4).then_some(())
}

/// A replay would bring an answer on a stream that nobody filters: `Last-Event-ID` does not reach the service.
pub async fn an_answer_is_not_replayed<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let token = fixture.reader();
    let session = fixture.session(&token).await;
    let count = fixture.post(&message::legacy_call("count", json!({ "steps": 5 }))).token(&token);
    let mut asked = inside(count, &session).open().await;
    let first = asked.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    let event =
        first.lines().find_map(|line| line.strip_prefix("id:")).expect("the service gives events ids").trim();
    drop(asked);
    let get = fixture.ask("GET", "/mcp").header("accept", "text/event-stream").token(&token);
    let mut replay = inside(get, &session).header("last-event-id", event).open().await;
    assert_eq!(replay.status(), 200);
    let read = async {
        while let Ok(Some(chunk)) = replay.chunk().await {
            let text = String::from_utf8_lossy(&chunk).into_owned();
            assert!(!text.contains("counted"), "{text}");
        }
    };
    // The call takes half a second; the stream of notices does not end.
    assert!(tokio::time::timeout(Duration::from_millis(1500), read).await.is_err());
}

/// What it sends as one is not looked at.
pub async fn a_modern_request_has_none<S: Serve>() {
    let fixture = Fixture::start::<S>().await;
    let ask =
        fixture.call("list_notes", json!({})).token(&fixture.reader()).header("mcp-session-id", "forged");
    let answer = ask.send().await;
    answer.is(200, None);
    assert_eq!(answer.header("mcp-session-id"), "");
    let anonymous = fixture.call("list_notes", json!({})).header("mcp-session-id", "forged").send().await;
    anonymous.is(401, -32000);
}
