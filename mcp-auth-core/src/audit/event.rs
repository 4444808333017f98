//! An event as it is read back.
//!
//! 1. A line holds an intent (before), an outcome (after), or an event that ended where it began (a refusal); the three
//!    have the same members and [`AuditEvent::join`] puts intent and outcome together again.
//! 2. A member that this version does not know is skipped; one that is absent was not known.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::EventId;
use crate::time::Timestamp;

/// What a call does to the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It changes nothing.
    #[default]
    Read,
    /// It creates or changes something.
    Write,
    /// It removes something, or cannot be taken back.
    Destructive,
}

impl Effect {
    /// The word of the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }

    /// Whether something is changed.
    #[must_use]
    pub fn writes(self) -> bool {
        self != Self::Read
    }
}

/// How a call ended, or how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It may run; what became of it stands in the outcome.
    Allowed,
    /// It did not run.
    Denied,
    /// It waits for a confirmation.
    Pending,
    /// It was only shown what would happen.
    DryRun,
    /// It ran, and the service reports success.
    Succeeded,
    /// It ran, and the service reports an error.
    Failed,
    /// No answer came in time: what happened is not known.
    TimedOut,
    /// The connection or the process ended before the answer, the answer could not be read (`unread`), or the call runs on as a task
    /// (`task`): what happened is not known.
    Cut,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Allowed,
        Self::Denied,
        Self::Pending,
        Self::DryRun,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cut,
    ];

    /// The word of the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Pending => "pending",
            Self::DryRun => "dry_run",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cut => "cut",
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which part of an event a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// What is about to run.
    Intent,
    /// What became of an intent; it has the same id.
    Outcome,
    /// Both at once: nothing ran.
    #[default]
    Event,
}

impl RecordKind {
    /// The word of the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Event => "event",
        }
    }
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditPrincipal {
    /// Who vouches for the subject.
    pub issuer: String,
    /// The subject.
    pub subject: String,
    /// The OAuth client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Who acts for the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// The API key that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditKey {
    /// Its public id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The environment it is for.
    pub environment: String,
}

/// The client program, by its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditClient {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// How a write was confirmed, declined, or is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditConfirmation {
    /// The way: `two_step`, `mrtr`, `stream`, `url`.
    pub way: String,
    /// Who vouches: `asserted by client` or `verified user`; `None` while nobody has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched: Option<String>,
    /// Who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why, in the words of who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

macro_rules! event {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        /// One event, or the part of it that a record holds.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct AuditEvent {
            /// The event; intent and outcome share it.
            pub id: EventId,
            /// Which part this is.
            #[serde(default)]
            pub record: RecordKind,
            /// When the record was made.
            pub time: Timestamp,
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl AuditEvent {
            /// An event of which nothing else is known.
            #[must_use]
            pub fn new(id: EventId, record: RecordKind, time: Timestamp) -> Self {
                Self { id, record, time, $($name: None,)* }
            }

            /// This intent and its outcome as one event; the time is that of the intent.
            #[must_use]
            pub fn join(self, outcome: Self) -> Self {
                Self { id: self.id, record: RecordKind::Event, time: self.time, $($name: outcome.$name.or(self.$name),)* }
            }
        }
    };
}

/// One that is sealed is none, and no reason not to read the rest.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpAddr>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.and_then(|text| text.parse().ok()))
}

event! {
    /// Its place in the chain, where it stands in one.
    seq: u64,
    /// Who asked.
    principal: AuditPrincipal,
    /// The API key.
    key: AuditKey,
    /// How it was authenticated: `jwt`, `introspection`, `upstream`, `api_key`; `token` where its verifier does not say.
    authenticated: String,
    /// What proved that the credential is its holder's: `dpop`, `mtls`.
    proof: String,
    /// From where; `None` also where it is sealed.
    #[serde(deserialize_with = "address")]
    address: IpAddr,
    /// `User-Agent`.
    agent: String,
    /// The client program.
    client: AuditClient,
    /// The protocol's revision.
    era: String,
    /// The session, hashed.
    session: String,
    /// `traceparent` of W3C Trace Context.
    trace: String,
    /// The method: `tools/call`.
    method: String,
    /// What it touches: the tool, the resource.
    target: String,
    /// What it does.
    effect: Effect,
    /// The scopes it needs.
    required: Vec<String>,
    /// The scopes that were granted.
    granted: Vec<String>,
    /// Its parameters, redacted.
    params: Value,
    /// What was shown before it was confirmed, redacted.
    preview: Value,
    /// How it was confirmed.
    confirmation: AuditConfirmation,
    /// Why, in the words of who asked.
    reason: String,
    /// How it ended.
    outcome: OutcomeKind,
    /// Why it was denied: a refusal's `kind`.
    kind: String,
    /// The error that the service reported.
    error: String,
    /// How long it took, in microseconds.
    duration_us: u64,
    /// What came out, redacted.
    result: Value,
    /// The state before, redacted.
    before: Value,
    /// The state after, redacted.
    after: Value,
}
