//! The answers of tools that changed something, and of those that did not do what they were asked.

use std::borrow::Cow;

use mcp_auth_core::audit::{AFTER, BEFORE};
use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::handler::server::wrapper::Json;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, MetaObject};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::domain::DomainError;

/// What a tool answers that changed something, with the states before and after for the record.
pub(super) struct Written<T, B = T> {
    answer: T,
    before: Option<B>,
    /// False if nothing is left; else the answer is the state after.
    is_left: bool,
}

impl<T> Written<T> {
    pub(super) fn created(answer: T) -> Self {
        Self { answer, before: None, is_left: true }
    }
}

impl<T, B> Written<T, B> {
    pub(super) fn changed(before: B, answer: T) -> Self {
        Self { answer, before: Some(before), is_left: true }
    }

    pub(super) fn deleted(before: B, answer: T) -> Self {
        Self { answer, before: Some(before), is_left: false }
    }
}

impl<T: Serialize + JsonSchema + 'static, B: Serialize> IntoCallToolResult for Written<T, B> {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let before = self.before.map(serde_json::to_value).transpose();
        let before = before.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let mut answer = Json(self.answer).into_call_tool_result()?;
        if let CallToolResponse::Complete(result) = &mut answer {
            let after = result.structured_content.clone().filter(|_| self.is_left);
            let states = [(BEFORE, before), (AFTER, after)].into_iter();
            let states = states.filter_map(|(when, state)| Some((when.to_owned(), state?)));
            result.meta = Some(MetaObject(states.collect()));
        }
        Ok(answer)
    }
}

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
