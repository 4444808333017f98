//! When and from where a key was used: noted beside the request, and what an owner should hear of.
//!
//! 1. A request only puts a use into a bounded queue; if it is full the use is dropped and noted with a later one.
//! 2. One record for each key in `api_key_usage`, apart from the key itself: noting a use makes no verdict doubtful.
//! 3. It is written at most once a minute, unless the address is new or the key has become due.
//! 4. Addresses seen before are kept as hashes, the 32 latest, IPv6 by /64; only the last one is kept as it is.
//! 5. Whichever process writes an address or a due rotation down first tells of it: once, wherever the key is used.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::live::Live;
use super::record::{Record, key_of};
use super::{KeyId, LastUse};
use crate::limit::address_key;
use crate::principal::ApiKeyName;
use crate::store::{Entry, Key, Store, StoreError, StoreExt};
use crate::time::Timestamp;

const USAGE: &str = "api_key_usage";
const QUEUE: usize = 1024;
const MAX_SEEN: usize = 32;
const WRITTEN_EVERY: Duration = Duration::from_secs(60);
const TRIES: usize = 4;

/// What the owner of a key should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyEvent {
    /// The key was used from an address that it was not seen from before (IPv6: a /64).
    NewAddress {
        /// Which key.
        key: ApiKeyName,
        /// Whose it is.
        owner: String,
        /// From where.
        address: IpAddr,
        /// When.
        at: Timestamp,
        /// True if the key was never used from a known address before.
        is_first: bool,
    },
    /// The key was used and should have been rotated. Told once for each secret.
    RotationDue {
        /// Which key.
        key: ApiKeyName,
        /// Whose it is.
        owner: String,
        /// Since when.
        due_at: Timestamp,
    },
}

pub(super) struct Usage {
    store: Arc<dyn Store>,
    tell: Box<dyn Fn(&KeyEvent) + Send + Sync>,
    queue: mpsc::Sender<Use>,
    queued: Mutex<Option<mpsc::Receiver<Use>>>,
    hasher: std::hash::RandomState,
}

struct Use {
    id: KeyId,
    live: Arc<Live>,
    at: Timestamp,
    address: Option<IpAddr>,
}

#[derive(Default, Serialize, Deserialize)]
struct Seen {
    at: Timestamp,
    address: Option<IpAddr>,
    addresses: Vec<String>,
    told_due: Option<u32>,
}

impl Usage {
    pub(super) fn new(store: Arc<dyn Store>, tell: Box<dyn Fn(&KeyEvent) + Send + Sync>) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        let queued = Mutex::new(Some(queued));
        Self { store, tell, queue, queued, hasher: std::hash::RandomState::new() }
    }

    /// Notes a use, if it is worth it; never waits.
    pub(super) fn note(&self, id: KeyId, live: &Arc<Live>, at: Timestamp, address: Option<IpAddr>) {
        if !live.is_noteworthy(at, self.hasher.hash_one(address_key(address))) {
            return;
        }
        if self.queue.try_send(Use { id, live: Arc::clone(live), at, address }).is_err() {
            live.forget_noted();
            metrics::counter!("mcp_auth_api_key_uses_dropped_total").increment(1);
        }
    }

    /// Writes down what is queued, for the first who asks.
    pub(super) async fn write_down(&self) {
        let taken = self.queued.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut queued) = taken else { return };
        while let Some(noted) = queued.recv().await {
            if let Err(error) = self.write(&noted).await {
                noted.live.forget_noted();
                tracing::warn!(%error, key = noted.id.as_str(), "the use of a key could not be written down");
            }
        }
    }

    pub(super) async fn last(&self, id: &str) -> Result<Option<LastUse>, StoreError> {
        let entry = self.store.get(&Key::new(USAGE, "", id)).await?;
        let seen = entry.as_ref().map(Seen::read);
        Ok(seen.map(|seen| LastUse { at: seen.at, address: seen.address }))
    }

    /// Lets the store forget the uses of a key together with the key.
    pub(super) async fn keep_until(&self, id: &str, until: Option<Timestamp>) -> Result<(), StoreError> {
        let key = Key::new(USAGE, "", id);
        for _ in 0..TRIES {
            let Some(entry) = self.store.get(&key).await? else { return Ok(()) };
            if self.store.replace(&key, entry.version, entry.value, until).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    async fn write(&self, noted: &Use) -> Result<(), StoreError> {
        let key = Key::new(USAGE, "", noted.id.as_str());
        for _ in 0..TRIES {
            let entry = self.store.get(&key).await?;
            let mut seen = entry.as_ref().map(Seen::read).unwrap_or_default();
            let events = seen.take_in(noted);
            if events.is_empty() && noted.at.since(seen.at) < WRITTEN_EVERY {
                return Ok(());
            }
            seen.at = seen.at.max(noted.at);
            seen.address = noted.address;
            let value = serde_json::to_vec(&seen).map_err(|error| StoreError::Damaged(error.into()))?;
            let (until, is_first) = (noted.live.kept_until, entry.is_none());
            let is_written = match entry {
                Some(entry) => {
                    // What is known of the key may be old: its end only ever comes nearer.
                    let until = [entry.expires_at, until].into_iter().flatten().min();
                    self.store.replace(&key, entry.version, value, until).await?
                }
                None => self.store.insert_new(&key, value, until).await?,
            };
            if is_written {
                events.iter().for_each(|event| self.tell(event));
                return if is_first { self.keep_as_long_as_key(noted).await } else { Ok(()) };
            }
        }
        Err(contended())
    }

    /// Whoever revoked the key before there was a record of its use found nothing to forget.
    async fn keep_as_long_as_key(&self, noted: &Use) -> Result<(), StoreError> {
        let until = match self.store.get(&key_of(noted.id)).await? {
            Some(entry) => Record::read(&entry)?.kept_until(),
            None => Some(noted.at),
        };
        if until == noted.live.kept_until {
            return Ok(());
        }
        self.keep_until(noted.id.as_str(), until).await
    }

    fn tell(&self, event: &KeyEvent) {
        match event {
            KeyEvent::NewAddress { key, owner, address, is_first, .. } => {
                tracing::info!(kind = "api_key_new_address", key = key.id, name = key.name, owner, %address, is_first);
            }
            KeyEvent::RotationDue { key, owner, due_at } => {
                tracing::warn!(
                    kind = "api_key_rotation_due",
                    key = key.id,
                    name = key.name,
                    owner,
                    due_at = due_at.as_secs()
                );
            }
        }
        (self.tell)(event);
    }
}

impl Seen {
    /// What cannot be read is begun anew: it lets nobody in.
    fn read(entry: &Entry) -> Self {
        serde_json::from_slice(&entry.value).unwrap_or_default()
    }

    /// Takes a use in; what is new about it.
    fn take_in(&mut self, noted: &Use) -> Vec<KeyEvent> {
        let mut events = Vec::new();
        let principal = noted.live.principal();
        let Some(name) = principal.api_key() else { return events };
        let owner = principal.subject();
        if let Some(address) = noted.address {
            let hash = hash(noted.id, address);
            if !self.addresses.contains(&hash) {
                events.push(KeyEvent::NewAddress {
                    key: name.clone(),
                    owner: owner.to_owned(),
                    address,
                    at: noted.at,
                    is_first: self.addresses.is_empty(),
                });
                if self.addresses.len() >= MAX_SEEN {
                    self.addresses.remove(0);
                }
                self.addresses.push(hash);
            }
        }
        let rotations = noted.live.rotations;
        if let Some(due_at) = noted.live.due_at.filter(|due| *due <= noted.at)
            && self.told_due.is_none_or(|told| told < rotations)
        {
            self.told_due = Some(rotations);
            events.push(KeyEvent::RotationDue { key: name.clone(), owner: owner.to_owned(), due_at });
        }
        events
    }
}

fn contended() -> StoreError {
    StoreError::Unavailable("others write the same entry all the time".into())
}

/// Half a SHA-256 over key and address: the same address of two keys does not look the same.
fn hash(id: KeyId, address: IpAddr) -> String {
    let text = format!("{} {}", id.as_str(), address_key(Some(address)));
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref().first_chunk::<16>().unwrap_or(&[0; 16]))
}
