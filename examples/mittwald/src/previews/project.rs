//! A project goes with everything in it.

use mcp_auth_core::confirm::Preview;

use super::{View, version};
use crate::api::{ApiError, Id, Listed};
use crate::tools::OfProject;

pub(crate) async fn delete_project(view: View, input: OfProject) -> Result<Preview, ApiError> {
    let project = view.api.project(&input.project_id).await?.summary;
    let id = Id::parse(&project.id).map_err(|_| ApiError::Unreadable)?;
    let api = &view.api;
    let (apps, databases, stacks, backups, domains) = tokio::try_join!(
        api.apps(&id),
        api.databases(&id),
        api.stacks(&id),
        api.backups(&id),
        api.domains(&id),
    )?;
    let containers = || stacks.items.iter().flat_map(|stack| &stack.services);
    let volumes = || stacks.items.iter().flat_map(|stack| &stack.volumes);
    let groups = [
        (
            "App",
            "app:read",
            apps.items.iter().map(|app| format!("{} ({})", app.app_name, app.short_id)).collect(),
        ),
        (
            "Database",
            "database:read",
            databases.items.iter().map(|one| format!("{} ({})", one.description, one.name)).collect(),
        ),
        (
            "Container",
            "stack:read",
            containers().map(|one| format!("{} ({})", one.service_name, one.deployed_state.image)).collect(),
        ),
        ("Volume", "stack:read", volumes().map(|volume| volume.name.clone()).collect()),
        (
            "Backup",
            "backup:read",
            backups.items.iter().map(|backup| format!("{} of {}", backup.id, backup.requested_at)).collect(),
        ),
        ("Domain", "domain:read", domains.items.iter().map(|domain| domain.domain.clone()).collect()),
    ];
    let named = format!("Project {} ({}) with its files", project.description, project.short_id);
    let everything = "Delete a project with everything in it";
    let seen = version(&(&project.id, &project.description, &groups))?;
    // Lists are read to a bound, and all of them goes.
    let unread = beyond(&apps) + beyond(&databases) + beyond(&stacks) + beyond(&backups) + beyond(&domains);
    let named_here = groups.iter().map(|(_, _, names): &Group| names.len()).sum::<usize>();
    let affected = 1 + named_here + unread;
    let preview =
        Preview::new(everything).affected(affected as u64).irreversible().version(seen).removes(named);
    Ok(groups.into_iter().fold(preview, |preview, group| remove(preview, &view, group)))
}

/// How many there are beyond those that were read.
fn beyond<T>(list: &Listed<T>) -> usize {
    list.total.saturating_sub(list.items.len())
}

/// What these are, the scope that shows their names, and those.
type Group = (&'static str, &'static str, Vec<String>);

/// Every one by its name, or how many there are where the caller may not see them.
fn remove(preview: Preview, view: &View, (what, scope, names): Group) -> Preview {
    if names.is_empty() {
        return preview;
    }
    if !view.may(scope) {
        return preview.removes(format!("{what}: {} that this connection may not see", names.len()));
    }
    names.into_iter().fold(preview, |preview, name| preview.removes(format!("{what} {name}")))
}
