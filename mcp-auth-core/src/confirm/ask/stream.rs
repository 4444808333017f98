//! A question in a session of the legacy era, and the answer that is posted to it.
//!
//! 1. The question's id is random and begins with [`PREFIX`]: answers with it never reach the service.
//! 2. What waits is an entry of the store, so the answer may arrive at another process than the one that waits.
//! 3. Principal and session are part of its key: an answer from elsewhere finds nothing. The first answer counts.
//! 4. In one session a bounded number of questions waits; one whose stream was dropped does not count.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::form::Reply;
use super::place::{Dropped, Place};
use crate::confirm::{Call, Client, Digest, Received, Rule};
use crate::mcp::{Message, MessageKind, Raw};
use crate::principal::Principal;
use crate::store::{Change, Key, Store, StoreError, StoreExt};
use crate::time::Timestamp;

/// Begins the ids of our questions.
const PREFIX: &str = "mcp-auth-";
const WAITING: &str = "elicitations";
/// The length of what follows: 16 random bytes in base64url.
const ID_LEN: usize = 22;
/// The most questions that wait in one session.
const MOST: usize = 16;

/// A question that was put into a stream, with the call that waits for it.
pub struct StreamQuestion {
    pub(in super::super) id: String,
    pub(in super::super) place: Place,
    pub(in super::super) event: Bytes,
    pub(in super::super) seen: Option<Digest>,
    pub(in super::super) round: u8,
    pub(in super::super) call: OwnedCall,
}

impl StreamQuestion {
    /// The message to write as one event of the stream: JSON in one line.
    #[must_use]
    pub fn event(&self) -> &Bytes {
        &self.event
    }
}

impl fmt::Debug for StreamQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamQuestion").field("tool", &self.call.tool).finish_non_exhaustive()
    }
}

/// A call that outlives its request.
pub(in super::super) struct OwnedCall {
    principal: Option<Principal>,
    message: Message,
    tool: String,
    rule: Rule,
    client: Client,
    session: Option<String>,
    extensions: Option<http::Extensions>,
}

impl OwnedCall {
    pub(in super::super) fn of(call: Call<'_>) -> Self {
        Self {
            principal: call.principal.cloned(),
            message: call.message.clone(),
            tool: call.tool.to_owned(),
            rule: call.rule.clone(),
            client: call.client,
            session: call.session.map(str::to_owned),
            extensions: call.extensions.cloned(),
        }
    }

    pub(in super::super) fn as_call(&self) -> Call<'_> {
        Call {
            principal: self.principal.as_ref(),
            message: &self.message,
            tool: &self.tool,
            rule: &self.rule,
            client: self.client,
            session: self.session.as_deref(),
            extensions: self.extensions.as_ref(),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Waiting {
    reply: Option<Reply>,
}

/// An id for a new question; `None` without randomness.
pub(in super::super) fn new_id() -> Option<String> {
    let mut id = [0; 16];
    rand::fill(&mut id).ok()?;
    Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(id)))
}

/// Lets a question wait for its answer; `None` if too many wait already.
pub(in super::super) async fn open(
    store: &dyn Store,
    dropped: &Dropped,
    id: &str,
    call: Call<'_>,
    expires_at: Timestamp,
) -> Result<Option<Place>, StoreError> {
    dropped.remove(store).await;
    let key = key(call.principal, call.session.unwrap_or_default(), id);
    if store.scan(WAITING, &key.partition, None, MOST).await?.len() >= MOST {
        return Ok(None);
    }
    // Before it is written: who leaves meanwhile leaves nothing behind.
    let place = Place::new(key.clone(), dropped);
    let written = store.insert_new(&key, encode(&Waiting::default())?, Some(expires_at)).await?;
    Ok(written.then_some(place))
}

/// Takes what a client posted.
pub(in super::super) async fn receive(
    store: &dyn Store,
    principal: Option<&Principal>,
    session: &str,
    response: &Message,
) -> Result<Received, StoreError> {
    let MessageKind::Response { id } = response.kind() else { return Ok(Received::NotOurs) };
    let Some(id) = serde_json::from_slice::<String>(id.json()).ok().filter(|id| id.starts_with(PREFIX))
    else {
        return Ok(Received::NotOurs);
    };
    if id.len() != PREFIX.len() + ID_LEN || !id.is_ascii() {
        return Ok(Received::Refused);
    }
    let key = key(principal, session, &id);
    let Some(entry) = store.get(&key).await? else { return Ok(Received::Refused) };
    if decode(&entry.value)?.reply.is_some() {
        return Ok(Received::Refused);
    }
    let reply = match response.result() {
        Some(result) => Reply::read(result),
        // The client could not ask.
        None => response.error().map(|_: Raw<'_>| Reply::cancelled()),
    };
    let Some(reply) = reply else { return Ok(Received::Refused) };
    let answered = encode(&Waiting { reply: Some(reply) })?;
    let first = store.replace(&key, entry.version, answered, entry.expires_at).await?;
    Ok(if first { Received::Taken } else { Received::Refused })
}

/// Waits for the answer and takes it; `None` if none came in time.
pub(in super::super) async fn wait(
    store: &dyn Store,
    question: &mut StreamQuestion,
    time: Duration,
) -> Result<Option<Reply>, StoreError> {
    let StreamQuestion { id, place, call, .. } = question;
    let call = call.as_call();
    let key = key(call.principal, call.session.unwrap_or_default(), id);
    let answered = async {
        let mut watch = store.watch();
        loop {
            let Some(entry) = store.get(&key).await? else { return Ok(None) };
            if decode(&entry.value)?.reply.is_some() {
                return match store.take(&key).await? {
                    Some(taken) => Ok(decode(&taken.value)?.reply),
                    None => Ok(None),
                };
            }
            changed(&mut watch, &key).await;
        }
    };
    let answer = match timeout(time, answered).await {
        Ok(answered) => answered?,
        Err(_) => store.remove(&key).await.map(|()| None)?,
    };
    place.is_over();
    Ok(answer)
}

/// Until `key` may have changed.
pub(in super::super) async fn changed(watch: &mut crate::store::Watch, key: &Key) {
    loop {
        match watch.next().await {
            Some(Change::Changed { key: other, .. }) if other != *key => {}
            Some(_) => return,
            None => std::future::pending().await,
        }
    }
}

fn key(principal: Option<&Principal>, session: &str, id: &str) -> Key {
    let (known, who) = principal.map_or((&b"anonymous"[..], ""), |principal| (b"principal", principal.key()));
    let owner = Digest::of_parts(b"mcp-auth asked in 1", &[known, who.as_bytes(), session.as_bytes()]);
    Key::new(WAITING, owner.to_string(), id)
}

fn encode(waiting: &Waiting) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(waiting).map_err(|why| StoreError::Damaged(why.into()))
}

fn decode(value: &[u8]) -> Result<Waiting, StoreError> {
    serde_json::from_slice(value).map_err(|why| StoreError::Damaged(why.into()))
}
