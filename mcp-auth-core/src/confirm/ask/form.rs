//! A question to a person, and the answer.
//!
//! 1. The form has one field: a typed phrase where the rule demands one, else a box to tick.
//! 2. Only `accept` with the right content confirms. A ticked box that is missing, or other words, is no confirmation.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::confirm::Phrase;
use crate::mcp::{Kind, Raw};

/// The longest text of an answer that is looked at.
const LONGEST: usize = 256;

/// The parameters of `elicitation/create`. Revisions up to 2025-06-18 know no `mode`.
pub(in super::super) fn params(message: &str, phrase: Option<Phrase>, with_mode: bool) -> Value {
    let (name, field) = match phrase {
        Some(phrase) => {
            let title = format!("Type {} to go on", phrase.as_str());
            ("phrase", json!({ "type": "string", "title": title, "maxLength": 64 }))
        }
        None => ("confirm", json!({ "type": "boolean", "title": "Confirm", "default": false })),
    };
    let schema = json!({ "type": "object", "properties": { name: field }, "required": [name] });
    let mut params = json!({ "message": message, "requestedSchema": schema });
    if let (true, Some(members)) = (with_mode, params.as_object_mut()) {
        members.insert("mode".to_owned(), Value::from("form"));
    }
    params
}

/// What the person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Accept,
    Decline,
    Cancel,
}

/// An answer as it was read, before anybody judged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Reply {
    action: Action,
    confirm: Option<bool>,
    phrase: Option<String>,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Answer {
    Accepted,
    /// Accepted, but without the tick or with other words.
    TooWeak,
    Declined,
    Cancelled,
}

impl Reply {
    /// Reads an `ElicitResult`; `None` if it is none. Members that are not known are ignored.
    pub(in super::super) fn read(result: Raw<'_>) -> Option<Self> {
        let action = match result.get("action")?.as_str()?.as_ref() {
            "accept" => Action::Accept,
            "decline" => Action::Decline,
            "cancel" => Action::Cancel,
            _ => return None,
        };
        let content = match result.get("content") {
            Some(content) if content.is_null() => None,
            Some(content) if content.kind() == Kind::Object => Some(content),
            Some(_) => return None,
            None => None,
        };
        let confirm = match content.and_then(|content| content.get("confirm")) {
            Some(confirm) => Some(confirm.as_bool()?),
            None => None,
        };
        let phrase = match content.and_then(|content| content.get("phrase")) {
            Some(phrase) => Some(phrase.as_str().filter(|phrase| phrase.len() <= LONGEST)?.into_owned()),
            None => None,
        };
        Some(Self { action, confirm, phrase })
    }

    /// A question that the client could not ask.
    pub(in super::super) const fn cancelled() -> Self {
        Self { action: Action::Cancel, confirm: None, phrase: None }
    }

    pub(in super::super) fn judge(&self, phrase: Option<Phrase>) -> Answer {
        let is_confirmed = match phrase {
            Some(phrase) => self.phrase.as_deref().is_some_and(|typed| phrase.is(typed)),
            None => self.confirm == Some(true),
        };
        match self.action {
            Action::Accept if is_confirmed => Answer::Accepted,
            Action::Accept => Answer::TooWeak,
            Action::Decline => Answer::Declined,
            Action::Cancel => Answer::Cancelled,
        }
    }

    /// True unless the person turned down a link.
    pub(in super::super) fn agrees(&self) -> bool {
        self.action == Action::Accept
    }
}
