//! The answers of tools that did not do what they were asked.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::json;

use crate::domain::DomainError;

/// Why a tool did not do it.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: &'static str,
    message: Cow<'static, str>,
}

impl Refusal {
    /// No principal came along: the service stands outside a guard.
    pub(super) const NOBODY: Self = Self { kind: "unauthenticated", message: Cow::Borrowed("") };
    /// Nothing stands before the tool that answers dry runs.
    pub(super) const DRY_RUN: Self =
        Self { kind: "invalid", message: Cow::Borrowed("a dry run is not possible here") };
    /// The task is no longer as it was confirmed.
    pub(super) const CHANGED: Self =
        Self { kind: "changed", message: Cow::Borrowed("the task was changed meanwhile: read it again") };
}

impl From<DomainError> for Refusal {
    fn from(error: DomainError) -> Self {
        if let DomainError::Unavailable(cause) = &error {
            tracing::error!(error = cause as &dyn std::error::Error, "the database failed");
        }
        Self { kind: error.kind(), message: error.to_string().into() }
    }
}

impl IntoCallToolResult for Refusal {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        tracing::debug!(kind = self.kind, "a tool refused");
        // As text only: structured content would have to be what the tool's output schema says.
        let text = json!({ "kind": self.kind, "message": self.message }).to_string();
        Ok(CallToolResult::error(vec![ContentBlock::text(text)]).into())
    }
}
