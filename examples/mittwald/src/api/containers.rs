//! Containers, the stacks they run in, and what a stack is told to run.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{Api, ApiError, Id, Listed};

/// A container: a service of a stack. Its environment is not read: it may hold passwords.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Container {
    pub id: Id,
    pub short_id: String,
    pub service_name: String,
    pub stack_id: Id,
    pub status: String,
    pub deployed_state: ContainerState,
}

/// What a container runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct ContainerState {
    pub image: String,
    #[serde(default)]
    pub ports: Vec<String>,
}

/// A stack.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct Stack {
    pub id: Id,
    pub description: String,
    pub prefix: String,
    #[serde(default)]
    pub services: Vec<Container>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
}

/// A volume of a stack.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs)]
pub struct Volume {
    pub id: String,
    pub name: String,
    pub orphaned: bool,
}

/// All that a stack is to run; what it has beyond that goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Declaration {
    pub services: BTreeMap<String, ServiceDeclaration>,
    pub volumes: BTreeMap<String, VolumeDeclaration>,
}

/// A volume to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct VolumeDeclaration {
    pub name: String,
}

/// A service to run. `Debug` shows no environment.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ServiceDeclaration {
    pub image: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
}

impl fmt::Debug for ServiceDeclaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceDeclaration").field("image", &self.image).finish_non_exhaustive()
    }
}

/// What a service may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Deploy {
    pub resources: Resources,
}

/// What a service may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Resources {
    pub limits: Limits,
}

/// The most that a service may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// Each may fail with any [`ApiError`].
#[allow(clippy::missing_errors_doc)]
impl Api {
    /// `GET /projects/{id}/services`
    pub async fn containers(&self, project: &Id) -> Result<Listed<Container>, ApiError> {
        self.list(&["projects", project.as_str(), "services"]).await
    }

    /// The container of a project with this id or short id: its stack has to be known to reach it.
    pub async fn container(&self, project: &Id, id: &Id) -> Result<Container, ApiError> {
        let mut all = self.containers(project).await?.items.into_iter();
        all.find(|known| known.id == *id || known.short_id == id.as_str()).ok_or(ApiError::NotFound)
    }

    /// `GET /stacks/{id}/services/{id}/logs`: the last lines.
    pub async fn container_logs(&self, container: &Container, tail: u16) -> Result<String, ApiError> {
        let (stack, id) = (container.stack_id.as_str(), container.id.as_str());
        let mut url = self.url(["stacks", stack, "services", id, "logs"])?;
        url.query_pairs_mut().append_pair("tail", &tail.to_string());
        let answer = self.send(Method::GET, url, None::<&()>).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// `POST /stacks/{id}/services/{id}/actions/restart`
    pub async fn restart_container(&self, container: &Container) -> Result<(), ApiError> {
        let (stack, id) = (container.stack_id.as_str(), container.id.as_str());
        let url = self.url(["stacks", stack, "services", id, "actions", "restart"])?;
        self.send(Method::POST, url, None::<&()>).await.map(drop)
    }

    /// `GET /projects/{id}/stacks`
    pub async fn stacks(&self, project: &Id) -> Result<Listed<Stack>, ApiError> {
        self.list(&["projects", project.as_str(), "stacks"]).await
    }

    /// `GET /stacks/{id}`
    pub async fn stack(&self, id: &Id) -> Result<Stack, ApiError> {
        self.get(&["stacks", id.as_str()]).await
    }

    /// `PUT /stacks/{id}`: the stack is this from now on, and nothing else.
    pub async fn declare_stack(&self, id: &Id, declaration: &Declaration) -> Result<Stack, ApiError> {
        self.put(&["stacks", id.as_str()], declaration).await
    }
}
