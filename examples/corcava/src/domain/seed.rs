//! What a new workspace holds: something to list, to filter and to change.

use chrono::{DateTime, Days, NaiveDate};
use sqlx::SqliteConnection;

use super::{Id, Status};

struct Seeder<'a> {
    connection: &'a mut SqliteConnection,
    workspace: String,
    today: NaiveDate,
    now: i64,
}

/// Makes a workspace of `subject`; its id and the member's.
pub(super) async fn workspace(
    connection: &mut SqliteConnection,
    subject: &str,
    now: i64,
) -> Result<(String, String), sqlx::Error> {
    let today = DateTime::from_timestamp_millis(now).unwrap_or_default().date_naive();
    let workspace = String::from(Id::new());
    sqlx::query("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'Demo workspace', ?)")
        .bind(&workspace)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    let mut seeder = Seeder { connection, workspace, today, now };
    let owner = seeder.member(subject, "owner", Some(subject)).await?;
    let colleague = seeder.member("Mira Sol", "member", None).await?;

    let site = seeder.project("Website relaunch", "The new site, in two languages.", "high").await?;
    let launch = seeder.board(&site, "Launch").await?;
    let care = seeder.project("Customer care", "Questions and answers.", "medium").await?;
    let inbox = seeder.board(&care, "Inbox").await?;
    for member in [&owner, &colleague] {
        seeder.joins(&site, member).await?;
    }
    seeder.joins(&care, &owner).await?;

    let tasks = [
        ("Write the imprint", "open", "high", Some(0), &site, &launch, Some(&owner)),
        ("Translate the home page", "in_progress", "medium", Some(1), &site, &launch, Some(&colleague)),
        ("Check contrast in dark mode", "open", "low", Some(8), &site, &launch, None),
        ("Choose the fonts", "done", "medium", None, &site, &launch, Some(&colleague)),
        ("Move the domain", "blocked", "urgent", Some(3), &site, &launch, Some(&owner)),
        ("Answer the refund request", "open", "high", Some(0), &care, &inbox, Some(&owner)),
    ];
    for (title, status, priority, due_in, project, board, assignee) in tasks {
        let task = seeder.task(title, status, priority, due_in, project, board, assignee).await?;
        if status == "blocked" {
            seeder.comment(&task, &colleague, "The registrar has not sent the code yet.").await?;
        }
    }
    Ok((seeder.workspace, owner))
}

impl Seeder<'_> {
    async fn member(&mut self, name: &str, role: &str, subject: Option<&str>) -> Result<String, sqlx::Error> {
        let id = String::from(Id::new());
        sqlx::query("INSERT INTO members (workspace_id, id, name, role, subject) VALUES (?, ?, ?, ?, ?)")
            .bind(&self.workspace)
            .bind(&id)
            .bind(name)
            .bind(role)
            .bind(subject)
            .execute(&mut *self.connection)
            .await?;
        Ok(id)
    }

    async fn project(
        &mut self,
        name: &str,
        description: &str,
        priority: &str,
    ) -> Result<String, sqlx::Error> {
        let id = String::from(Id::new());
        sqlx::query(
            "INSERT INTO projects (workspace_id, id, name, description, default_priority, time_tracking, created_at)
             VALUES (?, ?, ?, ?, ?, 1, ?)",
        )
        .bind(&self.workspace)
        .bind(&id)
        .bind(name)
        .bind(description)
        .bind(priority)
        .bind(self.now)
        .execute(&mut *self.connection)
        .await?;
        Ok(id)
    }

    async fn joins(&mut self, project: &str, member: &str) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO project_members (workspace_id, project_id, member_id) VALUES (?, ?, ?)")
            .bind(&self.workspace)
            .bind(project)
            .bind(member)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    async fn board(&mut self, project: &str, name: &str) -> Result<String, sqlx::Error> {
        let id = String::from(Id::new());
        sqlx::query("INSERT INTO boards (workspace_id, id, project_id, name) VALUES (?, ?, ?, ?)")
            .bind(&self.workspace)
            .bind(&id)
            .bind(project)
            .bind(name)
            .execute(&mut *self.connection)
            .await?;
        for (position, (status, name)) in (0_i64..).zip(Status::ALL.iter().zip(COLUMNS)) {
            sqlx::query(
                "INSERT INTO columns (workspace_id, board_id, id, name, status, position) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(&self.workspace)
            .bind(&id)
            .bind(String::from(Id::new()))
            .bind(name)
            .bind(status.as_str())
            .bind(position)
            .execute(&mut *self.connection)
            .await?;
        }
        Ok(id)
    }

    #[allow(clippy::too_many_arguments)] // One row of the table above.
    async fn task(
        &mut self,
        title: &str,
        status: &str,
        priority: &str,
        due_in: Option<u64>,
        project: &str,
        board: &str,
        assignee: Option<&String>,
    ) -> Result<String, sqlx::Error> {
        let id = String::from(Id::new());
        let due = due_in.and_then(|days| self.today.checked_add_days(Days::new(days)));
        sqlx::query(
            "INSERT INTO tasks (workspace_id, id, title, status, priority, due_date, project_id, board_id,
                                assignee_id, version, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?10)",
        )
        .bind(&self.workspace)
        .bind(&id)
        .bind(title)
        .bind(status)
        .bind(priority)
        .bind(due.map(|day| day.to_string()))
        .bind(project)
        .bind(board)
        .bind(assignee)
        .bind(self.now)
        .execute(&mut *self.connection)
        .await?;
        Ok(id)
    }

    async fn comment(&mut self, task: &str, author: &str, content: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO comments (workspace_id, id, task_id, author_id, content, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.workspace)
        .bind(String::from(Id::new()))
        .bind(task)
        .bind(author)
        .bind(content)
        .bind(self.now)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

/// The columns of a board, as [`Status::ALL`] goes.
const COLUMNS: [&str; 4] = ["To do", "Doing", "Done", "Blocked"];
