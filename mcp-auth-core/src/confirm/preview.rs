//! What a call would do, before it does it.
//!
//! 1. A [`Previewer`] looks and changes nothing. It gets the principal, the arguments that would be forwarded, and what the
//!    tool would find beside its request.
//! 2. [`Preview::version`] names the state that was seen: if it differs when the confirmation comes, the person is asked
//!    again. Without one, the whole preview stands for it.
//! 3. Every text in a preview is data: it is made safe when it is shown, see [`Preview::text`].
//!
//! ```
//! use mcp_auth_core::confirm::Preview;
//!
//! let preview = Preview::new("Close the account")
//!     .changes("status", "open", "closed")
//!     .removes("invoice <b>2024-1</b>")
//!     .version("7")
//!     .irreversible();
//! let text = preview.text();
//! assert!(text.contains("status: \"open\" becomes \"closed\""));
//! assert!(text.contains("invoice ‹b›2024-1‹/b›"), "no markup from data");
//! ```

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Call, Digest};
use crate::principal::Principal;

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field's name.
    pub field: String,
    /// What it is now.
    pub before: String,
    /// What it would be.
    pub after: String,
}

/// What a call would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "a preview is returned by a `Previewer`"]
#[non_exhaustive]
pub struct Preview {
    /// One sentence.
    pub summary: String,
    /// What would be created.
    pub creates: Vec<String>,
    /// What would change, field by field.
    pub changes: Vec<Change>,
    /// What would go.
    pub removes: Vec<String>,
    /// How many things are touched, where that is more than the lists tell.
    pub affected: Option<u64>,
    /// Whether it can be undone; `None` if that is not known.
    pub reversible: Option<bool>,
    /// The state that was seen: a revision, an ETag, a time of change.
    pub version: Option<String>,
}

impl Preview {
    /// A preview that says `summary` in one sentence.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// Says what would be created.
    pub fn creates(mut self, what: impl Into<String>) -> Self {
        self.creates.push(what.into());
        self
    }

    /// Says what a field is and would be.
    pub fn changes(
        mut self,
        field: impl Into<String>,
        before: impl Into<String>,
        after: impl Into<String>,
    ) -> Self {
        self.changes.push(Change { field: field.into(), before: before.into(), after: after.into() });
        self
    }

    /// Says what would go.
    pub fn removes(mut self, what: impl Into<String>) -> Self {
        self.removes.push(what.into());
        self
    }

    /// Says how many things are touched.
    pub fn affected(mut self, count: u64) -> Self {
        self.affected = Some(count);
        self
    }

    /// Says that it can be undone.
    pub fn reversible(mut self) -> Self {
        self.reversible = Some(true);
        self
    }

    /// Says that it cannot be undone.
    pub fn irreversible(mut self) -> Self {
        self.reversible = Some(false);
        self
    }

    /// Names the state that was seen.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// How many things are touched: as it says, else what it lists, but never nothing.
    #[must_use]
    pub fn count(&self) -> u64 {
        let listed = self.creates.len() + self.removes.len() + usize::from(!self.changes.is_empty());
        self.affected.unwrap_or(listed as u64).max(1)
    }

    /// What stands for the state that was seen.
    #[must_use]
    pub fn seen(&self) -> Digest {
        if let Some(version) = &self.version {
            return Digest::of_parts(b"mcp-auth version 1", &[version.as_bytes()]);
        }
        let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        let (affected, reversible) = (number(self.affected), number(self.reversible.map(u64::from)));
        let counts = [self.creates.len(), self.changes.len(), self.removes.len()].map(|n| n.to_string());
        let changes = self.changes.iter().flat_map(|change| [&change.field, &change.before, &change.after]);
        let parts: Vec<&[u8]> = [&self.summary, &affected, &reversible]
            .into_iter()
            .chain(&counts)
            .chain(&self.creates)
            .chain(changes)
            .chain(&self.removes)
            .map(|part| part.as_bytes())
            .collect();
        Digest::of_parts(b"mcp-auth preview 1", &parts)
    }
}

/// Why there is no preview. The call does not run.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The call makes no sense, for example as its target does not exist; the caller is told this text.
    #[error("{0}")]
    Rejected(String),
    /// It cannot be told now.
    #[error("the preview is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Looks at what a call would do. Any `Fn(PreviewCall) -> impl Future<Output = Result<Preview, PreviewError>>` is one.
#[async_trait]
pub trait Previewer: Send + Sync + 'static {
    /// The preview of one call. Must change nothing.
    ///
    /// # Errors
    /// [`PreviewError`]; the call is then not run.
    async fn preview(&self, call: PreviewCall) -> Result<Preview, PreviewError>;
}

#[async_trait]
impl<F, R> Previewer for F
where
    F: Fn(PreviewCall) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Preview, PreviewError>> + Send,
{
    async fn preview(&self, call: PreviewCall) -> Result<Preview, PreviewError> {
        self(call).await
    }
}

/// A call that has not been made yet.
#[derive(Clone)]
pub struct PreviewCall {
    principal: Option<Principal>,
    tool: String,
    arguments: Bytes,
    extensions: http::Extensions,
}

impl PreviewCall {
    pub(super) fn new(call: Call<'_>, arguments: Bytes) -> Self {
        let extensions = call.extensions.cloned().unwrap_or_default();
        Self { principal: call.principal.cloned(), tool: call.tool.to_owned(), arguments, extensions }
    }

    /// Who asks; `None` for an anonymous call of a public tool.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// What the tool will find beside its request: its caller's own
    /// [`UpstreamCredential`](crate::verify::UpstreamCredential), which shows what that caller may see and no more.
    #[must_use]
    pub fn extensions(&self) -> &http::Extensions {
        &self.extensions
    }

    /// The tool's name.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The arguments as the JSON that would be forwarded.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.arguments
    }

    /// The arguments as the tool itself reads them.
    ///
    /// # Errors
    /// [`PreviewError::Rejected`] if they are not of this type.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, PreviewError> {
        serde_json::from_slice(&self.arguments)
            .map_err(|_| PreviewError::Rejected("The arguments are not those of this tool.".to_owned()))
    }
}

impl fmt::Debug for PreviewCall {
    /// Leaves the arguments out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviewCall").field("tool", &self.tool).finish_non_exhaustive()
    }
}
