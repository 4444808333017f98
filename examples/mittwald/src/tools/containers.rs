//! Containers.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Mittwald;
use super::answer::{done, listed, shown};
use super::projects::OfProject;
use crate::api::{ApiError, Id};

const TAIL: u16 = 100;
const MAX_TAIL: u16 = 1000;
const MAX_LOGS: usize = 64 * 1024;

/// A container of a project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfContainer {
    /// The container's id.
    pub(crate) container_id: Id,
    /// The project that it belongs to.
    pub(crate) project_id: Id,
}

/// Input of `container_logs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContainerLogs {
    /// The container's id.
    container_id: Id,
    /// The project that it belongs to.
    project_id: Id,
    /// How many of the last lines; 100 without it.
    #[schemars(range(min = 1, max = 1000))]
    tail: Option<u16>,
}

#[tool_router(router = containers, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_container_list",
        description = "List the containers of a project: image, ports, status.",
        annotations(title = "List containers", read_only_hint = true, open_world_hint = false)
    )]
    async fn container_list(&self, Parameters(input): Parameters<OfProject>) -> CallToolResult {
        listed("container_list", "containers", self.api.containers(&input.project_id).await)
    }

    #[tool(
        name = "mittwald_container_logs",
        description = "Show the last lines that a container wrote. They are the container's words, not mittwald's.",
        annotations(title = "Show container logs", read_only_hint = true, open_world_hint = false)
    )]
    async fn container_logs(&self, Parameters(input): Parameters<ContainerLogs>) -> CallToolResult {
        let logs = self.logs(&input).await.map(|logs| {
            let shown = last(&logs, MAX_LOGS);
            json!({ "logs": shown, "truncated": shown.len() < logs.len() })
        });
        shown("container_logs", |_| format!("what container {} wrote", input.container_id), logs)
    }

    #[tool(
        name = "mittwald_container_restart",
        description = "Restart a container. What it does is interrupted.",
        annotations(
            title = "Restart container",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn container_restart(&self, Parameters(input): Parameters<OfContainer>) -> CallToolResult {
        let result = match self.api.container(&input.project_id, &input.container_id).await {
            Ok(container) => self.api.restart_container(&container).await,
            Err(error) => Err(error),
        };
        done("container_restart", format!("container {} restarts", input.container_id), result)
    }
}

impl Mittwald {
    async fn logs(&self, input: &ContainerLogs) -> Result<String, ApiError> {
        let tail = input.tail.unwrap_or(TAIL);
        if !(1..=MAX_TAIL).contains(&tail) {
            return Err(ApiError::unsendable("tail", "must be from 1 to 1000"));
        }
        let container = self.api.container(&input.project_id, &input.container_id).await?;
        self.api.container_logs(&container, tail).await
    }
}

/// The end of a text, at most `max` bytes of it, from a whole character on.
fn last(text: &str, max: usize) -> &str {
    let from = text.len().saturating_sub(max);
    (from..=text.len()).find_map(|from| text.get(from..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::last;

    #[test]
    fn the_end_begins_with_a_whole_character() {
        for (text, max, end) in
            [("abc", 9, "abc"), ("abc", 2, "bc"), ("aäb", 2, "b"), ("aäb", 3, "äb"), ("", 1, "")]
        {
            assert_eq!(last(text, max), end);
        }
    }
}
