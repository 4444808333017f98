//! What is stored of a call that waits.
//!
//! Two entries: `approvals`, by the random id, holds the [`Record`]; `approvals_by_call`, by principal and call (hashes),
//! names the id. A pointer without a record points to what is over.

use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Approvals;
use super::decide::Verdict;
use crate::confirm::ask::stream::changed;
use crate::confirm::seal::Binding;
use crate::confirm::{Digest, Phrase};
use crate::store::{Entry, Key, StoreError, StoreExt};
use crate::time::Timestamp;

const RECORDS: &str = "approvals";
const BY_CALL: &str = "approvals_by_call";
/// The length of an id: 16 random bytes in base64url.
const ID_LEN: usize = 22;

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) client: Option<String>,
    pub(super) tool: String,
    /// Safe text.
    pub(super) text: String,
    pub(super) has_phrase: Option<bool>,
    pub(super) four_eyes: Option<Box<str>>,
    pub(super) seen: Option<String>,
    pub(super) asked_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) verdict: Option<Verdict>,
}

impl Record {
    /// True stands for the longer phrase.
    pub(super) fn phrase(&self) -> Option<Phrase> {
        self.has_phrase.map(|longer| if longer { Phrase::DeleteConfirm } else { Phrase::Confirm })
    }
}

/// A call that is to wait.
pub(in super::super) struct NewApproval<'a> {
    pub(in super::super) issuer: &'a str,
    pub(in super::super) subject: &'a str,
    pub(in super::super) client: Option<&'a str>,
    pub(in super::super) tool: &'a str,
    pub(in super::super) text: &'a str,
    pub(in super::super) phrase: Option<Phrase>,
    pub(in super::super) four_eyes: Option<&'a str>,
    pub(in super::super) seen: Option<Digest>,
}

/// A call that waits now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Asked {
    Waits(String),
    /// The principal has too many.
    TooMany,
}

/// What is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Found {
    Nothing,
    Waits { id: String },
    Decided { id: String, verdict: Verdict, seen: Option<String> },
}

impl Approvals {
    /// What became of this call.
    pub(in super::super) async fn find(&self, call: &Binding) -> Result<Found, StoreError> {
        let Some(pointer) = self.store.get(&by_call(call)).await? else { return Ok(Found::Nothing) };
        let id = id_of(&pointer)?;
        Ok(match self.record(&id).await? {
            None => Found::Nothing,
            Some((Record { verdict: None, .. }, _)) => Found::Waits { id },
            Some((Record { verdict: Some(verdict), seen, .. }, _)) => Found::Decided { id, verdict, seen },
        })
    }

    /// Waits a while for the decision about the call that waits as `id`.
    pub(in super::super) async fn wait(
        &self,
        call: &Binding,
        id: &str,
        time: Duration,
    ) -> Result<Found, StoreError> {
        let decided = async {
            let mut watch = self.store.watch();
            loop {
                match self.find(call).await? {
                    Found::Waits { .. } => changed(&mut watch, &by_id(id)).await,
                    found => return Ok(found),
                }
            }
        };
        timeout(time, decided).await.unwrap_or_else(|_| Ok(Found::Waits { id: id.to_owned() }))
    }

    /// Takes what was decided: of several callers at once, one gets true.
    pub(in super::super) async fn take(&self, call: &Binding, id: &str) -> Result<bool, StoreError> {
        let taken = self.store.take(&by_id(id)).await?.is_some();
        if taken {
            self.store.remove(&by_call(call)).await?;
        }
        Ok(taken)
    }

    /// Lets a call wait; one that waits already goes on waiting.
    pub(in super::super) async fn ask(
        &self,
        call: &Binding,
        new: NewApproval<'_>,
    ) -> Result<Asked, StoreError> {
        let pointer = by_call(call);
        let waiting = self.store.scan(BY_CALL, &pointer.partition, None, self.most).await?;
        let own = self.store.get(&pointer).await?;
        if own.is_none() && waiting.len() >= self.most {
            return Ok(Asked::TooMany);
        }
        // Somebody asked the same since it was looked for: that link was given out, and stays the one.
        if let Some(own) = own.as_ref().map(id_of).transpose()?
            && self.record(&own).await?.is_some()
        {
            return Ok(Asked::Waits(own));
        }
        let id = random_id().ok_or_else(|| StoreError::Unavailable("there is no randomness".into()))?;
        let asked_at = self.clock.now();
        let expires_at = asked_at.plus(self.open_for);
        let record = Record {
            issuer: new.issuer.to_owned(),
            subject: new.subject.to_owned(),
            client: new.client.map(str::to_owned),
            tool: new.tool.to_owned(),
            text: new.text.to_owned(),
            has_phrase: new.phrase.map(|phrase| phrase == Phrase::DeleteConfirm),
            four_eyes: new.four_eyes.map(Into::into),
            seen: new.seen.map(|seen| seen.to_string()),
            asked_at,
            expires_at,
            verdict: None,
        };
        // The record first: a pointer never leads to what is not there yet.
        self.store.insert_new(&by_id(&id), encode(&record)?, Some(expires_at)).await?;
        let pointed = match &own {
            None => self.store.insert_new(&pointer, id.clone(), Some(expires_at)).await?,
            Some(own) => self.store.replace(&pointer, own.version, id.clone(), Some(expires_at)).await?,
        };
        if pointed {
            return Ok(Asked::Waits(id));
        }
        // Somebody asked the same at the same time.
        self.store.remove(&by_id(&id)).await?;
        match self.store.get(&pointer).await? {
            Some(other) => Ok(Asked::Waits(id_of(&other)?)),
            None => Ok(Asked::TooMany),
        }
    }

    /// The record of an id, with the version of its entry.
    pub(super) async fn record(&self, id: &str) -> Result<Option<(Record, u64)>, StoreError> {
        if id.len() != ID_LEN || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Ok(None);
        }
        let Some(entry) = self.store.get(&by_id(id)).await? else { return Ok(None) };
        let record: Record =
            serde_json::from_slice(&entry.value).map_err(|why| StoreError::Damaged(why.into()))?;
        // The store's clock may be behind ours.
        Ok((record.expires_at > self.clock.now()).then_some((record, entry.version)))
    }

    /// Writes a verdict, if nobody was quicker.
    pub(super) async fn write(&self, id: &str, record: &Record, version: u64) -> Result<bool, StoreError> {
        self.store.replace(&by_id(id), version, encode(record)?, Some(record.expires_at)).await
    }
}

pub(super) fn by_id(id: &str) -> Key {
    Key::new(RECORDS, "", id)
}

fn by_call(call: &Binding) -> Key {
    Key::new(BY_CALL, call.principal.to_string(), call.whole().to_string())
}

fn id_of(pointer: &Entry) -> Result<String, StoreError> {
    String::from_utf8(pointer.value.to_vec()).map_err(|why| StoreError::Damaged(why.into()))
}

fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|why| StoreError::Damaged(why.into()))
}

fn random_id() -> Option<String> {
    let mut id = [0; 16];
    rand::fill(&mut id).ok()?;
    Some(URL_SAFE_NO_PAD.encode(id))
}
