//! The endpoints, one function each.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    Api, ApiError, ApiToken, App, Created, Customer, Database, Id, Listed, NewDatabase, Project,
    ProjectSummary, Server, User,
};

/// Each may fail with any [`ApiError`].
#[allow(clippy::missing_errors_doc)]
impl Api {
    /// `GET /users/{id}`, or `/users/self`.
    pub async fn user(&self, id: Option<&Id>) -> Result<User, ApiError> {
        self.get(&["users", id.map_or("self", Id::as_str)]).await
    }

    /// `GET /users/self/api-tokens/{id}`
    pub async fn api_token(&self, id: &Id) -> Result<ApiToken, ApiError> {
        self.get(&["users", "self", "api-tokens", id.as_str()]).await
    }

    /// `DELETE /users/self/api-tokens/{id}`
    pub async fn revoke_api_token(&self, id: &Id) -> Result<(), ApiError> {
        self.delete(&["users", "self", "api-tokens", id.as_str()]).await
    }

    /// `GET /servers`
    pub async fn servers(&self) -> Result<Listed<Server>, ApiError> {
        self.list(&["servers"]).await
    }

    /// `GET /customers`
    pub async fn customers(&self) -> Result<Listed<Customer>, ApiError> {
        self.list(&["customers"]).await
    }

    /// `GET /projects`
    pub async fn projects(&self) -> Result<Listed<ProjectSummary>, ApiError> {
        self.list(&["projects"]).await
    }

    /// `GET /projects/{id}`
    pub async fn project(&self, id: &Id) -> Result<Project, ApiError> {
        self.get(&["projects", id.as_str()]).await
    }

    /// `POST /servers/{id}/projects`
    pub async fn create_project(&self, server: &Id, description: &str) -> Result<Created, ApiError> {
        self.post(&["servers", server.as_str(), "projects"], &json!({ "description": description })).await
    }

    /// `DELETE /projects/{id}`
    pub async fn delete_project(&self, id: &Id) -> Result<(), ApiError> {
        self.delete(&["projects", id.as_str()]).await
    }

    /// `GET /projects/{id}/app-installations`
    pub async fn apps(&self, project: &Id) -> Result<Listed<App>, ApiError> {
        self.list(&["projects", project.as_str(), "app-installations"]).await
    }

    /// `GET /app-installations/{id}`
    pub async fn app(&self, id: &Id) -> Result<App, ApiError> {
        self.get(&["app-installations", id.as_str()]).await
    }

    /// `PATCH /app-installations/{id}`; what is `None` stays as it is.
    pub async fn update_app(
        &self,
        id: &Id,
        description: Option<&str>,
        document_root: Option<&str>,
    ) -> Result<(), ApiError> {
        let mut body = serde_json::Map::new();
        for (name, value) in [("description", description), ("customDocumentRoot", document_root)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        }
        self.patch(&["app-installations", id.as_str()], &body).await
    }

    /// `DELETE /app-installations/{id}`
    pub async fn uninstall_app(&self, id: &Id) -> Result<(), ApiError> {
        self.delete(&["app-installations", id.as_str()]).await
    }

    /// `GET /projects/{id}/mysql-databases`
    pub async fn databases(&self, project: &Id) -> Result<Listed<Database>, ApiError> {
        self.list(&["projects", project.as_str(), "mysql-databases"]).await
    }

    /// `GET /mysql-databases/{id}`
    pub async fn database(&self, id: &Id) -> Result<Database, ApiError> {
        self.get(&["mysql-databases", id.as_str()]).await
    }

    /// `POST /projects/{id}/mysql-databases`
    pub async fn create_database(
        &self,
        project: &Id,
        description: &str,
        version: &str,
        password: &SecretString,
    ) -> Result<NewDatabase, ApiError> {
        let body = json!({
            "database": { "description": description, "version": version },
            "user": { "password": password.expose_secret(), "accessLevel": "full" },
        });
        self.post(&["projects", project.as_str(), "mysql-databases"], &body).await
    }

    /// `DELETE /mysql-databases/{id}`
    pub async fn delete_database(&self, id: &Id) -> Result<(), ApiError> {
        self.delete(&["mysql-databases", id.as_str()]).await
    }
}
