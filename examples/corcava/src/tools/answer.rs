//! The answers of tools that did not do what they were asked.

use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::json;

use crate::domain::DomainError;

/// Why a tool did not do it.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: &'static str,
    message: String,
}

impl Refusal {
    /// No principal came along: the service stands outside a guard.
    pub(super) const NOBODY: Self = Self { kind: "unauthenticated", message: String::new() };
}

impl From<DomainError> for Refusal {
    fn from(error: DomainError) -> Self {
        if let DomainError::Unavailable(cause) = &error {
            tracing::error!(error = cause as &dyn std::error::Error, "the database failed");
        }
        Self { kind: error.kind(), message: error.to_string() }
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
