//! Containers and the stacks they run in. What replaces them may hold passwords: only names, images and ports are shown.

use mcp_auth_core::confirm::Preview;

use super::{View, version};
use crate::api::{ApiError, Container, Declaration, Stack};
use crate::tools::{OfContainer, OfStack, StackDeploy, declaration};

pub(crate) async fn restart_container(view: View, input: OfContainer) -> Result<Preview, ApiError> {
    let container = view.api.container(&input.project_id, &input.container_id).await?;
    let summary = format!("Restart container {}; what it does is interrupted", named(&container));
    let preview = Preview::new(summary).changes("status", &container.status, "restarts").affected(1);
    Ok(preview.irreversible().version(version(&seen(&container))?))
}

pub(crate) async fn deploy_stack(view: View, input: StackDeploy) -> Result<Preview, ApiError> {
    let declared = declaration(&input.compose_yaml)?;
    let stack = view.api.stack(&input.stack_id).await?;
    let preview = Preview::new(format!("Replace what stack {} ({}) runs", stack.description, stack.prefix));
    replace(preview, &stack, &declared)
}

pub(crate) async fn delete_stack(view: View, input: OfStack) -> Result<Preview, ApiError> {
    let stack = view.api.stack(&input.stack_id).await?;
    let summary = format!("Remove every container of stack {} ({})", stack.description, stack.prefix);
    replace(Preview::new(summary), &stack, &Declaration::default())
}

/// What becomes of a stack that is to be this and nothing else.
fn replace(mut preview: Preview, stack: &Stack, declared: &Declaration) -> Result<Preview, ApiError> {
    let mut affected = 0_u64;
    for (name, service) in &declared.services {
        affected += 1;
        preview = match stack.services.iter().find(|known| known.service_name == *name) {
            Some(known) => {
                // Even with the same image: the environment that it has now is not known here, and is overwritten.
                let after = format!("{}, with the settings of the file", service.image);
                preview.changes(format!("container {name}"), &known.deployed_state.image, after)
            }
            None => preview.creates(format!("Container {name} ({})", service.image)),
        };
    }
    for known in stack.services.iter().filter(|known| !declared.services.contains_key(&known.service_name)) {
        affected += 1;
        preview = preview.removes(format!("Container {}", named(known)));
    }
    let is_declared = |name: &str| declared.volumes.values().any(|volume| volume.name == name);
    for volume in declared.volumes.values() {
        if !stack.volumes.iter().any(|known| known.name == volume.name) {
            affected += 1;
            preview = preview.creates(format!("Volume {}", volume.name));
        }
    }
    for known in stack.volumes.iter().filter(|known| !known.orphaned && !is_declared(&known.name)) {
        affected += 1;
        preview = preview.changes(format!("volume {}", known.name), "attached", "detached, with its data");
    }
    let services: Vec<_> = stack.services.iter().map(seen).collect();
    let volumes: Vec<_> =
        stack.volumes.iter().map(|known| (&known.id, &known.name, known.orphaned)).collect();
    let version = version(&(&stack.id, services, volumes))?;
    Ok(preview.affected(affected).irreversible().version(version))
}

fn named(container: &Container) -> String {
    format!("{} ({}, {})", container.service_name, container.deployed_state.image, container.short_id)
}

fn seen(container: &Container) -> impl serde::Serialize + '_ {
    let state = &container.deployed_state;
    (&container.id, &container.service_name, &state.image, &state.ports)
}
