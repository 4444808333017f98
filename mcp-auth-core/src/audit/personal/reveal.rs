//! Reading what is personal, as long as its key is there.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::seal::{BEGIN, Subject, associated, place, ring};
use crate::audit::EventId;
use crate::store::{KeyRing, Sealed, Store, StoreError};

/// More keys are not remembered.
const MOST: usize = 10_000;
/// Behind the format's byte: which key sealed a value.
const KEY_ID: std::ops::Range<usize> = 1..9;

/// Puts into lines what was sealed.
#[derive(Debug)]
pub struct Reveal<S> {
    store: Sealed<S>,
    known: HashMap<(Subject, String), Option<KeyRing>>,
}

impl<S: Store> Reveal<S> {
    /// With the keys of this store, sealed as the server has it.
    pub fn new(store: Sealed<S>) -> Self {
        Self { store, known: HashMap::new() }
    }

    /// The store of the keys.
    #[must_use]
    pub fn store(&self) -> &Sealed<S> {
        &self.store
    }

    /// The line with what is personal in plain text; what has no key any more stays sealed. What comes out is for readers: the chain
    /// is over what went in.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    pub async fn line<'a>(&mut self, line: &'a [u8]) -> Result<Cow<'a, [u8]>, StoreError> {
        if !line.windows(BEGIN.len()).any(|part| part == BEGIN.as_bytes()) {
            return Ok(Cow::Borrowed(line));
        }
        let Ok(mut event) = serde_json::from_slice::<Value>(line) else { return Ok(Cow::Borrowed(line)) };
        let id = event.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let Some(id) = id else { return Ok(Cow::Borrowed(line)) };
        let mut sealed = Vec::new();
        each(&mut event, &mut |text| sealed.extend(Text::read(text)));
        for text in &sealed {
            self.look_up(text).await?;
        }
        replace(&mut event, &|text| self.open(&Text::read(text)?, id));
        Ok(serde_json::to_vec(&event).map_or(Cow::Borrowed(line), Cow::Owned))
    }

    async fn look_up(&mut self, text: &Text) -> Result<(), StoreError> {
        let name = (text.subject, text.key.clone());
        if self.known.contains_key(&name) {
            return Ok(());
        }
        let kept = self.store.get(&place(text.subject.to_string(), text.key.clone())).await?;
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(name, kept.and_then(|entry| ring(&entry.value)));
        Ok(())
    }

    fn open(&self, text: &Text, id: EventId) -> Option<Value> {
        let ring = self.known.get(&(text.subject, text.key.clone()))?.as_ref()?;
        serde_json::from_slice(&ring.open(&associated(id), &text.sealed).ok()?).ok()
    }
}

/// A text that may be a sealed value. Whatever a client writes of this form does not open.
struct Text {
    subject: Subject,
    key: String,
    sealed: Vec<u8>,
}

impl Text {
    fn read(text: &str) -> Option<Self> {
        let (subject, sealed) = text.strip_prefix(BEGIN)?.strip_suffix(']')?.split_once('.')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let key = sealed.get(KEY_ID)?.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { subject: Subject::read(subject)?, key, sealed })
    }
}

fn each(value: &mut Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, look)),
        Value::Object(members) => members.values_mut().for_each(|member| each(member, look)),
        _ => {}
    }
}

fn replace(value: &mut Value, by: &impl Fn(&str) -> Option<Value>) {
    match value {
        Value::String(text) => {
            if let Some(plain) = by(text) {
                *value = plain;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, by)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, by)),
        _ => {}
    }
}
