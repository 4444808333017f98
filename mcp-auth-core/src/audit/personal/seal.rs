//! Sealing one value: `[personal:SUBJECT.VALUE]`.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretSlice;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::COLLECTION;
use crate::audit::EventId;
use crate::audit::sink::AuditError;
use crate::store::{Key, KeyRing};

pub(super) const BEGIN: &str = "[personal:";
const LABEL: &[u8] = b"mcp-auth audit personal 1\0";
const SUBJECT: &[u8] = b"mcp-auth audit subject 1\0";

/// Names an issuer's subject, without telling it to who only has the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject([u8; 12]);

impl Subject {
    pub(super) fn of(issuer: &str, subject: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(SUBJECT);
        context.update(&(issuer.len() as u64).to_be_bytes());
        context.update(issuer.as_bytes());
        context.update(subject.as_bytes());
        Self(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().map(Self).ok()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Where a key is kept.
pub(super) fn place(subject: impl Into<String>, id: impl Into<String>) -> Key {
    Key::new(COLLECTION, subject, id)
}

/// What a value is sealed for: it opens in its own event only.
pub(super) fn associated(event: EventId) -> Vec<u8> {
    [LABEL, event.bytes().as_slice()].concat()
}

/// How far the keeping of a key has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    NotYet,
    Yes,
}

/// A subject's key.
pub(in crate::audit) struct Held {
    pub(super) subject: Subject,
    /// `None` where there is no randomness: what is personal is left out.
    ring: Option<KeyRing>,
    kept: watch::Receiver<Kept>,
}

impl Held {
    /// Waits until the key is kept.
    pub(in crate::audit) async fn kept(&self) -> Result<(), AuditError> {
        let mut kept = self.kept.clone();
        // Whoever would say so is gone: it is not, and never will be.
        kept.wait_for(|kept| *kept == Kept::Yes).await.map(drop).map_err(|_| AuditError::NotRunning)
    }
}

/// A key that is not kept yet.
pub(super) struct Fresh {
    pub(super) held: Arc<Held>,
    pub(super) secret: Zeroizing<[u8; 32]>,
    pub(super) tell: watch::Sender<Kept>,
}

impl Fresh {
    pub(super) fn new(subject: Subject) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        let ring = rand::fill(secret.as_mut()).ok().and_then(|()| ring(secret.as_ref()));
        let (tell, kept) = watch::channel(Kept::NotYet);
        Self { held: Arc::new(Held { subject, ring, kept }), secret, tell }
    }

    /// Where it is to be kept.
    pub(super) fn place(&self) -> Option<Key> {
        Some(place(self.held.subject.to_string(), self.held.ring.as_ref()?.current()?.to_string()))
    }
}

pub(super) fn ring(secret: &[u8]) -> Option<KeyRing> {
    KeyRing::new(&SecretSlice::from(secret.to_vec())).ok()
}

/// Seals for one event.
#[derive(Clone, Copy)]
pub(in crate::audit) struct Sealer<'a> {
    pub(in crate::audit) held: &'a Held,
    pub(in crate::audit) event: EventId,
    pub(in crate::audit) names: &'a [String],
}

impl Sealer<'_> {
    pub(in crate::audit) fn is_personal_name(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Replaces what stands in `out` from `from` on, one JSON value, by its sealed form.
    pub(in crate::audit) fn seal(&self, out: &mut Vec<u8>, from: usize) {
        let plain = out.get(from..).unwrap_or_default();
        let ring = self.held.ring.as_ref();
        let sealed = ring.and_then(|ring| ring.seal(&associated(self.event), plain).ok());
        let sealed = sealed
            .map(|sealed| format!("\"{BEGIN}{}.{}]\"", self.held.subject, URL_SAFE_NO_PAD.encode(sealed)));
        out.truncate(from);
        out.extend_from_slice(sealed.as_deref().unwrap_or("\"[personal]\"").as_bytes());
    }
}
