//! What one tool needs before it runs.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Confirmation, Fallback, Phrase, Previewer};

/// The key in a tool's `_meta` that names its confirmation.
pub const CONFIRMATION: &str = "mcp-auth/confirmation";

/// A tool names a confirmation that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`mcp-auth/confirmation` is none of `none`, `two_step`, `elicit` and `approve`")]
pub struct UnknownConfirmation;

/// How the calls of one tool are confirmed. The default asks nothing and counts nothing.
#[derive(Clone, Default)]
#[must_use = "hand it to whoever declares the tool"]
pub struct Rule {
    pub(super) confirmation: Confirmation,
    pub(super) fallback: Fallback,
    pub(super) phrase: Option<Phrase>,
    pub(super) four_eyes: Option<Box<str>>,
    pub(super) class: Option<Box<str>>,
    pub(super) dry_run_argument: Option<Box<str>>,
    pub(super) hidden: Vec<Box<str>>,
    pub(super) structured: bool,
    pub(super) previewer: Option<Arc<dyn Previewer>>,
}

impl Rule {
    /// Calls need this confirmation; clients that cannot do it are refused.
    pub fn new(confirmation: Confirmation) -> Self {
        Self { confirmation, ..Self::default() }
    }

    /// For what removes or overwrites: the client asks its user, and counts in the class `destructive`.
    pub fn destructive() -> Self {
        Self::new(Confirmation::Elicit).class("destructive")
    }

    /// For what adds or changes: free, and counts in the class `write`.
    pub fn write() -> Self {
        Self::new(Confirmation::None).class("write")
    }

    /// The same rule with what the tool says of itself. That makes it stricter and never weaker: `destructiveHint` asks the
    /// client's user, `_meta` names a confirmation under [`CONFIRMATION`] (`two_step`, `elicit`, `approve`), and an
    /// `outputSchema` is noted. A `readOnlyHint` means nothing here.
    ///
    /// # Errors
    /// `_meta` names a confirmation that there is not.
    pub fn with_tool(mut self, tool: &Value) -> Result<Self, UnknownConfirmation> {
        let mut wanted = self.confirmation;
        if tool.pointer("/annotations/destructiveHint") == Some(&Value::Bool(true)) {
            wanted = wanted.max(Confirmation::Elicit);
        }
        if let Some(named) = tool.get("_meta").and_then(|meta| meta.get(CONFIRMATION)) {
            wanted = wanted.max(match named.as_str() {
                Some("none") => Confirmation::None,
                Some("two_step") => Confirmation::TwoStep,
                Some("elicit") => Confirmation::Elicit,
                Some("approve") => Confirmation::Approve,
                _ => return Err(UnknownConfirmation),
            });
        }
        self.confirmation = wanted;
        self.structured |= tool.get("outputSchema").is_some_and(Value::is_object);
        Ok(self)
    }

    /// The same rule with another confirmation.
    pub fn confirmation(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = confirmation;
        self
    }

    /// Says what happens with clients that cannot do what is wanted.
    pub fn or(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Whoever confirms a form or a page types these words.
    pub fn typed(mut self, phrase: Phrase) -> Self {
        self.phrase = Some(phrase);
        self
    }

    /// Somebody else than who asks approves, and holds this scope.
    pub fn four_eyes(mut self, scope: impl Into<Box<str>>) -> Self {
        self.four_eyes = Some(scope.into());
        self
    }

    /// Calls count in the write budget of this class.
    pub fn class(mut self, class: impl Into<Box<str>>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// The tool's own argument that asks for a dry run when it is `true`.
    pub fn dry_run_argument(mut self, name: impl Into<Box<str>>) -> Self {
        self.dry_run_argument = Some(name.into());
        self
    }

    /// An argument whose value is never shown in a question.
    pub fn hide(mut self, argument: impl Into<Box<str>>) -> Self {
        self.hidden.push(argument.into());
        self
    }

    /// The tool has an output schema: what the gate answers in its place is marked as an error, because clients
    /// compare all else with the schema.
    pub fn has_output_schema(mut self) -> Self {
        self.structured = true;
        self
    }

    /// Looks at what a call would do.
    pub fn preview(mut self, previewer: impl Previewer) -> Self {
        self.previewer = Some(Arc::new(previewer));
        self
    }

    /// What calls need.
    #[must_use]
    pub fn wants(&self) -> Confirmation {
        self.confirmation
    }

    /// True if calls may be asked about, now or when a budget is used up. The protocol's `requestState` is then ours.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.confirmation != Confirmation::None || self.class.is_some()
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("confirmation", &self.confirmation)
            .field("fallback", &self.fallback)
            .field("phrase", &self.phrase)
            .field("four_eyes", &self.four_eyes)
            .field("class", &self.class)
            .field("preview", &self.previewer.is_some())
            .finish_non_exhaustive()
    }
}
