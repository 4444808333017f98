//! Apps, databases and backups.

use mcp_auth_core::confirm::Preview;

use super::{View, version};
use crate::api::{ApiError, App};
use crate::tools::{AppUpdate, OfApp, OfBackup, OfDatabase};

pub(crate) async fn update_app(view: View, input: AppUpdate) -> Result<Preview, ApiError> {
    let app = view.api.app(&input.installation_id).await?;
    let mut preview = Preview::new(format!("Change {}", named(&app))).affected(1).reversible();
    let root = app.custom_document_root.as_deref().unwrap_or("the app's own");
    for (field, before, after) in [
        ("description", app.description.as_str(), input.description),
        ("document root", root, input.document_root),
    ] {
        if let Some(after) = after {
            preview = preview.changes(field, before, after);
        }
    }
    Ok(preview.version(seen(&app)?))
}

pub(crate) async fn uninstall_app(view: View, input: OfApp) -> Result<Preview, ApiError> {
    let app = view.api.app(&input.installation_id).await?;
    let preview = Preview::new("Uninstall an app with its files").removes(named(&app)).affected(1);
    Ok(preview.irreversible().version(seen(&app)?))
}

pub(crate) async fn delete_database(view: View, input: OfDatabase) -> Result<Preview, ApiError> {
    let database = view.api.database(&input.database_id).await?;
    let named = format!("Database {} ({}, MySQL {})", database.description, database.name, database.version);
    let user = database.main_user.as_ref();
    let seen = version(&(&database.id, &database.name, &database.description, &database.version, user))?;
    let preview = Preview::new("Delete a database with its data").removes(named).irreversible().version(seen);
    Ok(match user {
        Some(user) => preview.removes(format!("Database user {}", user.name)).affected(2),
        None => preview.affected(1),
    })
}

pub(crate) async fn delete_backup(view: View, input: OfBackup) -> Result<Preview, ApiError> {
    let backup = view.api.backup(&input.backup_id).await?;
    if !backup.deletable {
        return Err(ApiError::Forbidden);
    }
    let mut named = format!("Backup {} of {}", backup.id, backup.requested_at);
    if let Some(description) = &backup.description {
        named = format!("{named}, {description}");
    }
    if let Some(ends) = &backup.expires_at {
        named = format!("{named}, kept until {ends}");
    }
    let seen = version(&(&backup.id, &backup.description, &backup.requested_at, &backup.expires_at))?;
    Ok(Preview::new("Delete a backup").removes(named).affected(1).irreversible().version(seen))
}

fn named(app: &App) -> String {
    let version = app.app_version.current.as_deref().unwrap_or(&app.app_version.desired);
    format!("{} {version}, {} ({})", app.app_name, app.description, app.short_id)
}

fn seen(app: &App) -> Result<String, ApiError> {
    version(&(
        &app.id,
        &app.app_name,
        &app.app_version,
        &app.description,
        &app.custom_document_root,
        app.disabled,
    ))
}
