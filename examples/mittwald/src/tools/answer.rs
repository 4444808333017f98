//! The result of a tool.

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::{ApiError, Listed};

/// It worked, and there is nothing to show.
pub(super) fn done(tool: &str, message: impl Into<String>, result: Result<(), ApiError>) -> CallToolResult {
    answer(tool, result.map(|()| (message.into(), None, Map::new())))
}

/// One object.
pub(super) fn shown<T: Serialize>(
    tool: &str,
    message: impl FnOnce(&T) -> String,
    result: Result<T, ApiError>,
) -> CallToolResult {
    answer(tool, result.and_then(|object| Ok((message(&object), Some(value(&object)?), Map::new()))))
}

/// A list, with how many there are.
pub(super) fn listed<T: Serialize>(
    tool: &str,
    what: &str,
    result: Result<Listed<T>, ApiError>,
) -> CallToolResult {
    answer(
        tool,
        result.and_then(|Listed { items, total }| {
            let mut meta = Map::new();
            meta.insert("count".to_owned(), items.len().into());
            meta.insert("total".to_owned(), total.into());
            Ok((format!("{} of {total} {what}", items.len()), Some(value(&items)?), meta))
        }),
    )
}

fn value<T: Serialize>(object: &T) -> Result<Value, ApiError> {
    serde_json::to_value(object).map_err(|_| ApiError::Unreadable)
}

type Outcome = (String, Option<Value>, Map<String, Value>);

fn answer(tool: &str, result: Result<Outcome, ApiError>) -> CallToolResult {
    let name = format!("mittwald_{tool}");
    match result {
        Ok((message, data, mut meta)) => {
            meta.insert("tool".to_owned(), name.into());
            let mut text = json!({ "status": "success", "message": message, "meta": meta });
            if let (Some(data), Some(members)) = (data, text.as_object_mut()) {
                members.insert("data".to_owned(), data);
            }
            CallToolResult::success(vec![ContentBlock::text(text.to_string())])
        }
        Err(error) => {
            tracing::debug!(tool = name, kind = error.kind(), "a tool failed");
            let mut meta = json!({ "tool": name, "kind": error.kind() });
            if let Some(members) = meta.as_object_mut() {
                match &error {
                    ApiError::RateLimited { retry_after: Some(seconds) } => {
                        members.insert("retryAfterSeconds".to_owned(), (*seconds).into());
                    }
                    ApiError::Invalid { fields, .. } if !fields.is_empty() => {
                        members.insert("fields".to_owned(), json!(fields));
                    }
                    ApiError::Unsendable { field, message } => {
                        members.insert("fields".to_owned(), json!([{ "path": field, "message": message }]));
                    }
                    _ => {}
                }
            }
            let text = json!({ "status": "error", "message": error.to_string(), "meta": meta });
            CallToolResult::error(vec![ContentBlock::text(text.to_string())])
        }
    }
}
