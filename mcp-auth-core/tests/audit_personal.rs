//! What is personal: sealed in the record, read while its key is there, and gone with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcp_auth_core::Principal;
use mcp_auth_core::audit::chain::{Verify, files};
use mcp_auth_core::audit::personal::{PersonalKeys, Reveal, erase};
use mcp_auth_core::audit::{
    Audit, AuditError, AuditEvent, ChannelSink, Effect, FanOut, Intent, JsonLines, LogLine, Outcome, Rules,
    Shown, TracingSink,
};
use mcp_auth_core::mcp::{Limits, Raw};
use mcp_auth_core::store::{KeyRing, MemoryStore, Sealed};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const PARAMS: &str = r#"{"title":"Lunch","Email":"ada@example.org","who":{"born":"1815-12-10","password":"hunter2"},"changes":[{"field":"email","before":"old@example.org"}],"content":[{"text":"{\"pages\":[\"{\\\"EMAIL\\\":\\\"deep@example.org\\\",\\\"pin\\\":\\\"hunter2\\\"}\"]}"},{"text":"{\"pages\":2}"}]}"#;

type Store = Arc<Sealed<Arc<MemoryStore>>>;

struct Place {
    directory: PathBuf,
    memory: Arc<MemoryStore>,
    ring: KeyRing,
}

impl Place {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("mcp-auth-personal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, memory: Arc::default(), ring: KeyRing::generate().unwrap() }
    }

    fn store(&self) -> Store {
        Arc::new(Sealed::new(Arc::clone(&self.memory), self.ring.clone()))
    }

    fn log(&self) -> PathBuf {
        self.directory.join("audit.jsonl")
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let text = std::fs::read(self.log()).unwrap();
        text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// The intents and outcomes, with what is personal where its key is there.
    async fn revealed(&self) -> Vec<AuditEvent> {
        let mut reveal = Reveal::new(Sealed::new(Arc::clone(&self.memory), self.ring.clone()));
        let mut events = Vec::new();
        for line in self.lines() {
            if let LogLine::Event(event) = LogLine::read(&reveal.line(&line).await.unwrap()) {
                events.push(*event);
            }
        }
        events
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn user(subject: &str) -> Principal {
    Principal::builder(ISSUER, subject).build()
}

fn rules() -> Rules {
    Rules::from_schema(
        &json!({ "properties": { "who": { "properties": { "born": { "x-mcp-auth-personal": true } } } } }),
    )
}

async fn call(audit: &Audit, principal: &Principal, effect: Effect) -> Result<(), AuditError> {
    let (params, rules) = (Raw::parse(PARAMS.as_bytes(), &Limits::default()).unwrap(), rules());
    let shown = Shown::new(params, Some(&rules));
    let intent = Intent {
        principal: Some(principal),
        address: Some([203, 0, 113, 7].into()),
        agent: Some("claude-code/2.1"),
        effect,
        params: Some(shown),
        ..Intent::default()
    };
    audit.begin(&intent).await?.finish(&Outcome::succeeded().result(shown));
    Ok(())
}

const PERSONAL: [&str; 6] =
    ["203.0.113.7", "claude-code", "ada@example.org", "1815-12-10", "old@example.org", "deep@example.org"];

#[tokio::test]
async fn a_key_that_is_destroyed_takes_what_is_personal_with_it() {
    let place = Place::new("erase");
    let (lines, writer) = JsonLines::builder(place.log()).open().unwrap();
    let (keys, keeper) = PersonalKeys::new(place.store());
    let running = tokio::spawn(writer);
    tokio::spawn(keeper);
    let audit = Audit::new(lines).personal(keys.name("email"));
    let (ada, bob) = (user("ada"), user("bob"));
    call(&audit, &ada, Effect::Write).await.unwrap();
    call(&audit, &bob, Effect::Destructive).await.unwrap();

    assert_eq!(erase(&place.store(), ISSUER, "nobody").await.unwrap(), 0);
    assert_eq!(erase(&place.store(), ISSUER, "ada").await.unwrap(), 1);
    // Who comes back is somebody new. The process hears of it from the store.
    let mut again = 0;
    while erase(&place.store(), ISSUER, "ada").await.unwrap() == 0 {
        again += 1;
        assert!(again < 500, "the erased key stays in use");
        tokio::time::sleep(Duration::from_millis(10)).await;
        call(&audit, &ada, Effect::Read).await.unwrap();
    }
    audit.close().await;
    running.await.unwrap();

    let text = String::from_utf8(place.lines().concat()).unwrap();
    for personal in PERSONAL.into_iter().chain(["hunter2"]) {
        assert!(!text.contains(personal), "{personal} stands in the record");
    }
    assert!(text.contains("Lunch") && text.contains("ada"));
    let report = Verify::default().files(&files(&place.log()).unwrap(), |_| {}).unwrap();
    assert!(report.records >= 4);

    let events = place.revealed().await;
    let of = |subject: &str| {
        let is =
            move |event: &&AuditEvent| event.principal.as_ref().is_some_and(|who| who.subject == subject);
        events.iter().find(is).unwrap()
    };
    let (ada, bob) = (of("ada"), of("bob"));
    assert_eq!((ada.address, bob.address), (None, Some([203, 0, 113, 7].into())));
    assert!(ada.agent.as_deref().unwrap().starts_with("[personal:"), "{ada:?}");
    assert_eq!(bob.agent.as_deref(), Some("claude-code/2.1"));
    let shown = json!({ "title": "Lunch", "Email": "ada@example.org",
        "who": { "born": "1815-12-10", "password": "[redacted: name]" },
        "changes": [{ "field": "email", "before": "old@example.org" }],
        "content": [{ "text": r#"{"pages":["{\"EMAIL\":\"deep@example.org\",\"pin\":\"[redacted: name]\"}"]}"# }, { "text": "{\"pages\":2}" }] });
    assert_eq!(bob.params, Some(shown.clone()));
    let outcome = events.iter().find(|event| event.id == bob.id && event.result.is_some()).unwrap();
    assert_eq!(outcome.result, Some(shown));
    assert_eq!(ada.params.as_ref().unwrap()["title"], "Lunch");
    assert!(ada.params.as_ref().unwrap()["who"]["born"].as_str().unwrap().starts_with("[personal:"));
}

#[tokio::test]
async fn a_sealed_value_opens_in_its_own_event_only() {
    let place = Place::new("moved");
    let (sink, mut deliveries) = ChannelSink::new(16);
    let (keys, keeper) = PersonalKeys::new(place.store());
    tokio::spawn(keeper);
    let audit = Audit::new(sink).personal(keys);
    for _ in 0..2 {
        call(&audit, &user("ada"), Effect::Read).await.unwrap();
    }
    let mut records = Vec::new();
    for _ in 0..4 {
        records.push(String::from_utf8(deliveries.next().await.unwrap().record.json().to_vec()).unwrap());
    }
    let id = |record: &str| record[7..43].to_owned();
    let moved = records[0].replace(&id(&records[0]), &id(&records[2]));
    let mut reveal = Reveal::new(Sealed::new(Arc::clone(&place.memory), place.ring.clone()));
    // The key is kept beside the reads, in a moment.
    let mut plain = String::new();
    for _ in 0..500 {
        reveal = Reveal::new(Sealed::new(Arc::clone(&place.memory), place.ring.clone()));
        plain = String::from_utf8(reveal.line(records[0].as_bytes()).await.unwrap().into_owned()).unwrap();
        if plain.contains("203.0.113.7") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(plain.contains("203.0.113.7"), "{plain}");
    let moved = reveal.line(moved.as_bytes()).await.unwrap();
    assert!(!String::from_utf8_lossy(&moved).contains("203.0.113.7"), "it was moved");
    for forged in ["[personal:]", "[personal:AAAAAAAAAAAAAAAA.]", "[personal:AAAAAAAAAAAAAAAA.AQID]"] {
        let line = format!(r#"{{"id":"{}","time":1,"agent":"{forged}"}}"#, id(&records[0]));
        let revealed = reveal.line(line.as_bytes()).await.unwrap();
        assert!(String::from_utf8_lossy(&revealed).contains(forged), "what a client writes stays what it is");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_its_key_and_a_read_does_not() {
    let place = Place::new("waits");
    let (keys, keeper) = PersonalKeys::new(place.store());
    let audit = Audit::new(FanOut::new().required(TracingSink)).personal(keys);
    call(&audit, &user("ada"), Effect::Read).await.unwrap();
    assert_eq!(call(&audit, &user("ada"), Effect::Write).await.unwrap_err(), AuditError::TimedOut);
    let running = tokio::spawn(keeper);
    call(&audit, &user("ada"), Effect::Write).await.unwrap();
    running.abort();
    assert!(running.await.is_err());
    // A key that nobody can keep is not waited for.
    let started = tokio::time::Instant::now();
    assert_eq!(call(&audit, &user("bob"), Effect::Write).await.unwrap_err(), AuditError::NotRunning);
    assert_eq!(started.elapsed(), Duration::ZERO);
    call(&audit, &user("ada"), Effect::Write).await.unwrap();
}
