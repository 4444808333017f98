//! What the writing tools would do, field by field, for whoever is asked to confirm it.
//!
//! 1. The domain works it out as it would do it; what it would refuse is refused here, before anybody is asked.
//! 2. People see names, not ids. The version of a task names the state that was seen, with its comments and time entries; where a
//!    timer is stopped, the timer does. Changed meanwhile, they are asked again.

use async_trait::async_trait;
use mcp_auth_core::confirm::{Preview, PreviewCall, PreviewError, Previewer};
use serde_json::to_value;

use super::actor;
use super::comments::AddComment;
use super::tasks::{CreateTask, DeleteTask, UpdateTask};
use super::time::{StartTracking, StopTracking};
use crate::domain::{Domain, DomainError, Planned, Task, Workspace, differences};

const EMPTY: &str = "–";
const NO_REASON: &str = "no reason was given";

/// Looks at what the writing tools would do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Previews {
    domain: Domain,
}

impl Previews {
    /// Previews over this data.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self { domain }
    }

    async fn of(&self, call: &PreviewCall) -> Result<Preview, PreviewError> {
        let nobody = || PreviewError::Rejected("nobody asks".to_owned());
        let principal = call.principal().ok_or_else(nobody)?;
        let workspace = self.domain.workspace_of(principal.subject()).await.map_err(told)?;
        let workspace = workspace.acting(actor(principal));
        match call.tool() {
            "create_task" => {
                let input: CreateTask = call.arguments()?;
                let reason = input.reason.clone();
                let planned = workspace.plan_creation(input.into(), reason.as_deref()).await.map_err(told)?;
                let task = planned.after.as_ref().map_or("", |task| &task.title);
                let preview = Preview::new("Create a task").creates(format!("task: {task}")).reversible();
                Ok(why(fields(preview, &workspace, &planned).await?, "Created", reason.as_deref()))
            }
            "update_task" => {
                let input: UpdateTask = call.arguments()?;
                let (id, version, reason) = (input.task_id.clone(), input.version, input.reason.clone());
                let planned = workspace.plan_update(&id, version, input.into(), reason.as_deref());
                let planned = planned.await.map_err(told)?;
                let preview = fields(about("Change", planned.before.as_ref()), &workspace, &planned).await?;
                Ok(why(preview.reversible(), "Updated", reason.as_deref()))
            }
            "delete_task" => {
                let DeleteTask { task_id, version, .. } = call.arguments()?;
                let planned = workspace.plan_deletion(&task_id, version).await.map_err(told)?;
                let title = planned.before.as_ref().map_or("", |task| &task.title);
                let preview = about("Delete", planned.before.as_ref()).removes(format!("task: {title}"));
                let preview = match planned.attached {
                    0 => preview,
                    count => preview.removes(format!("{count} comments and time entries with it")),
                };
                Ok(preview.affected(planned.attached + 1))
            }
            "add_task_comment" => {
                let AddComment { task_id, content, .. } = call.arguments()?;
                let task = workspace.task(&task_id).await.map_err(told)?;
                let what = format!("Comment on the task “{}”", task.title);
                Ok(Preview::new(what).creates(format!("comment: {content}")).reversible())
            }
            "start_time_tracking" => {
                let StartTracking { task_id, .. } = call.arguments()?;
                let task = workspace.task(&task_id).await.map_err(told)?;
                let now = workspace.tracking().await.map_err(told)?;
                if now.is_running {
                    return Err(PreviewError::Rejected("a timer is running already: stop it first".into()));
                }
                Ok(Preview::new(format!("Start the timer on the task “{}”", task.title)).reversible())
            }
            "stop_time_tracking" => {
                let StopTracking { summary, .. } = call.arguments()?;
                let now = workspace.tracking().await.map_err(told)?;
                let (Some(title), Some(since)) = (now.task_title, now.started_at) else {
                    return Err(PreviewError::Rejected("no timer is running".into()));
                };
                let what = format!("Stop the timer on the task “{title}”, which runs since {since}");
                let preview = Preview::new(what).version(now.entry_id.unwrap_or_default());
                Ok(match summary {
                    Some(summary) => preview.creates(format!("comment: {summary}")),
                    None => preview,
                })
            }
            _ => Err(PreviewError::Rejected("this tool changes nothing".to_owned())),
        }
    }
}

#[async_trait]
impl Previewer for Previews {
    async fn preview(&self, call: PreviewCall) -> Result<Preview, PreviewError> {
        self.of(&call).await
    }
}

fn about(what: &str, task: Option<&Task>) -> Preview {
    let Some(task) = task else { return Preview::new(what) };
    Preview::new(format!("{what} the task “{}”", task.title)).version(task.version.to_string())
}

/// Says field by field what would change.
async fn fields(
    mut preview: Preview,
    workspace: &Workspace,
    planned: &Planned,
) -> Result<Preview, PreviewError> {
    let json = |task: &Option<Task>| task.as_ref().and_then(|task| to_value(task).ok());
    for field in differences(json(&planned.before).as_ref(), json(&planned.after).as_ref()) {
        let before = workspace.named(&field.field, field.before.as_deref()).await.map_err(told)?;
        let after = workspace.named(&field.field, field.after.as_deref()).await.map_err(told)?;
        let or_empty = |text: Option<String>| text.unwrap_or_else(|| EMPTY.to_owned());
        preview = preview.changes(field.field, or_empty(before), or_empty(after));
    }
    Ok(preview)
}

/// Says which comment tells why.
fn why(preview: Preview, what: &str, reason: Option<&str>) -> Preview {
    preview.creates(format!("comment: {what} via MCP: {}", reason.unwrap_or(NO_REASON)))
}

fn told(error: DomainError) -> PreviewError {
    match error {
        DomainError::Unavailable(cause) => PreviewError::Unavailable(cause.into()),
        refusal => PreviewError::Rejected(refusal.to_string()),
    }
}
