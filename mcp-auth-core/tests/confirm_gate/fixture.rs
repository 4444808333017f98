//! A gate, a clock, and calls to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mcp_auth_core::Principal;
use mcp_auth_core::confirm::{
    Approvals, Call, Client, ConfirmationGate, GateRefusal, Passage, Preview, PreviewCall, Rule, Sent,
    StoreGate,
};
use mcp_auth_core::mcp::{Era, Limits, Message, Raw, Revision};
use mcp_auth_core::store::{KeyRing, MemoryStore, Store};
use mcp_auth_core::time::{Clock, Timestamp};
use serde_json::{Value, json};

pub(crate) const FORMS: &str = r#"{"elicitation":{}}"#;
pub(crate) const LINKS: &str = r#"{"elicitation":{"url":{}}}"#;
pub(crate) const NOTHING: &str = "{}";

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: KeyRing,
    pub(crate) gate: StoreGate,
    pub(crate) approvals: Approvals,
    pub(crate) state: Arc<AtomicU64>,
}

pub(crate) fn world() -> World {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone(), 100_000));
    let keys = KeyRing::generate().unwrap();
    let approvals = Approvals::new(Arc::clone(&store), "https://mcp.example/approve").clock(clock.clone());
    let gate = gate(&clock, &store, &keys).approvals(approvals.clone());
    World { clock, store, keys, gate, approvals, state: Arc::default() }
}

pub(crate) fn gate(clock: &Clock, store: &Arc<dyn Store>, keys: &KeyRing) -> StoreGate {
    StoreGate::new("https://mcp.example/mcp", Arc::clone(store), keys.clone()).clock(clock.clone())
}

impl World {
    /// A rule whose preview shows a state that a test can change.
    pub(crate) fn watched(&self, rule: Rule) -> Rule {
        let state = Arc::clone(&self.state);
        rule.preview(move |call: PreviewCall| {
            let state = state.load(Ordering::SeqCst);
            assert_eq!(
                call.extensions().get(),
                Some(&Beside("the caller's own")),
                "as the tool will find it"
            );
            async move {
                let arguments: Value = call.arguments()?;
                let id = arguments["id"].to_string();
                Ok(Preview::new("Delete a note").removes(id).version(state.to_string()).irreversible())
            }
        })
    }

    pub(crate) fn change_state(&self) {
        self.state.fetch_add(1, Ordering::SeqCst);
    }

    /// Another process with the same store and keys.
    pub(crate) fn replica(&self) -> StoreGate {
        gate(&self.clock, &self.store, &self.keys).approvals(self.approvals.clone())
    }
}

pub(crate) fn ada() -> Principal {
    Principal::builder("https://issuer.example", "ada").client_id("cli").build()
}

pub(crate) fn message(value: &Value) -> Message {
    parse(&value.to_string())
}

pub(crate) fn parse(text: &str) -> Message {
    Message::parse(&Bytes::from(text.to_owned()), &Limits::default()).unwrap()
}

/// A call of `delete`, with `more` members of `params`.
pub(crate) fn call(arguments: Value, more: Value) -> Value {
    let mut params = json!({ "name": "delete", "arguments": arguments });
    for (key, value) in more.as_object().unwrap() {
        params[key] = value.clone();
    }
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params })
}

pub(crate) fn modern(capabilities: &'static str) -> Client {
    Client::new(Era::Modern, false, Some(Raw::parse(capabilities.as_bytes(), &Limits::default()).unwrap()))
}

pub(crate) fn legacy(capabilities: &'static str) -> Client {
    let raw = Raw::parse(capabilities.as_bytes(), &Limits::default()).unwrap();
    Client::new(Era::Legacy(Revision::V2025_11_25), true, Some(raw))
}

/// What a host puts beside each request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Beside(pub(crate) &'static str);

/// Who calls, and with what.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Option<Principal>,
    pub(crate) client: Client,
    pub(crate) tool: &'static str,
    pub(crate) session: Option<&'static str>,
}

pub(crate) fn caller(client: Client) -> Caller {
    Caller { principal: Some(ada()), client, tool: "delete", session: None }
}

impl Caller {
    pub(crate) async fn calls(&self, gate: &StoreGate, rule: &Rule, body: &Value) -> Passage {
        self.sends(gate, rule, &message(body)).await
    }

    pub(crate) async fn sends(&self, gate: &StoreGate, rule: &Rule, message: &Message) -> Passage {
        let (principal, session) = (self.principal.as_ref(), self.session);
        let (tool, client) = (self.tool, self.client);
        let mut extensions = http::Extensions::new();
        extensions.insert(Beside("the caller's own"));
        let extensions = Some(&extensions);
        gate.check(Call { principal, message, tool, rule, client, session, extensions }).await
    }
}

/// The JSON that the client is sent instead of running the call.
pub(crate) fn answer(passage: &Passage) -> Value {
    let (_, body) = passage.answer(message(&call(json!({}), json!({}))).id(), true).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The result of a question.
pub(crate) fn asked(passage: &Passage) -> Value {
    let Passage::Ask(question) = passage else { panic!("{passage:?}") };
    let Sent::Answer(body) = &question.sent else { panic!("{question:?}") };
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["id"], 7);
    body.get("result").or_else(|| body.get("error")).unwrap().clone()
}

pub(crate) fn refused(passage: &Passage) -> &'static str {
    let Passage::Refused(refusal) = passage else { panic!("{passage:?}") };
    GateRefusal::kind(refusal)
}

/// The body that is forwarded.
pub(crate) fn forwarded(passage: &Passage) -> Option<Value> {
    let Passage::Pass(pass) = passage else { panic!("{passage:?}") };
    pass.body.as_ref().map(|body| serde_json::from_slice(body).unwrap())
}

pub(crate) fn accept() -> Value {
    json!({ "confirmation": { "action": "accept", "content": { "confirm": true } } })
}
