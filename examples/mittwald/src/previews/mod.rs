//! What a destructive call would do, from the API's data, for whoever is asked to confirm it.
//!
//! 1. It is looked at with the caller's own API token where they came with one, so a preview shows nobody more than their
//!    account may see; everybody else sees by the service's token what their scopes allow, and the rest as a number.
//! 2. A preview names things as people know them, says how many go, and whether that can be undone.
//! 3. Its version is a digest of what was seen, without what changes by itself (a status): if that differs when the answer
//!    comes, the person is asked again.
//! 4. What does not exist is refused here, before anybody is asked. An API that does not answer runs nothing.
//! 5. Nothing secret is read: no environment, no password, no token.

mod account;
mod hosting;
mod project;
mod stacks;

use std::future::Future;

use mcp_auth_core::Principal;
use mcp_auth_core::confirm::{Preview, PreviewCall, PreviewError, Previewer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::api::{Api, ApiError};
use crate::policies::hierarchy;

pub(crate) use account::revoke_token;
pub(crate) use hosting::{delete_backup, delete_database, uninstall_app, update_app};
pub(crate) use project::delete_project;
pub(crate) use stacks::{delete_stack, deploy_stack, restart_container};

/// What the caller of one tool may look at.
pub(crate) struct View {
    api: Api,
    caller: Option<Principal>,
}

impl View {
    /// Whether the caller's scopes let them see this.
    fn may(&self, scope: &str) -> bool {
        self.caller.as_ref().is_some_and(|caller| hierarchy().covers(caller.scopes(), scope))
    }
}

/// A preview by `look`, which gets the tool's own input.
pub(crate) fn by<I, F, R>(api: &Api, look: F) -> impl Previewer
where
    I: DeserializeOwned,
    F: Fn(View, I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Preview, ApiError>> + Send + 'static,
{
    let api = api.clone();
    move |call: PreviewCall| {
        let view = View { api: api.for_caller(call.extensions()), caller: call.principal().cloned() };
        let looking = call.arguments().map(|input| look(view, input));
        async move { looking?.await.map_err(unseen) }
    }
}

/// What a caller can act on is said to them; an API that does not answer is not theirs.
fn unseen(error: ApiError) -> PreviewError {
    match error {
        ApiError::NotFound
        | ApiError::Forbidden
        | ApiError::UserToken
        | ApiError::Invalid { .. }
        | ApiError::Unsendable { .. } => PreviewError::Rejected(error.to_string()),
        other => PreviewError::Unavailable(Box::new(other)),
    }
}

/// Stands for what was seen.
fn version(seen: &impl Serialize) -> Result<String, ApiError> {
    let seen = serde_json::to_vec(seen).map_err(|_| ApiError::Unreadable)?;
    Ok(Sha256::digest(seen).iter().map(|byte| format!("{byte:02x}")).collect())
}
