-- Every table begins with the workspace, and every reference leads through it: no row can point into another workspace.
CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member')),
    -- The subject of the principals that act as this member; none for one who has not signed in yet.
    subject TEXT UNIQUE,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE projects (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    default_priority TEXT NOT NULL CHECK (default_priority IN ('low', 'medium', 'high', 'urgent')),
    time_tracking INTEGER NOT NULL CHECK (time_tracking IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE project_members (
    workspace_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (workspace_id, project_id, member_id),
    FOREIGN KEY (workspace_id, project_id) REFERENCES projects (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE boards (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, project_id) REFERENCES projects (workspace_id, id) ON DELETE CASCADE
) STRICT;

-- A column of a board shows its tasks of one status.
CREATE TABLE columns (
    workspace_id TEXT NOT NULL,
    board_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'in_progress', 'done', 'blocked')),
    position INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, board_id, status),
    FOREIGN KEY (workspace_id, board_id) REFERENCES boards (workspace_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE tasks (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL CHECK (status IN ('open', 'in_progress', 'done', 'blocked')),
    priority TEXT NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    due_date TEXT,
    project_id TEXT,
    board_id TEXT,
    assignee_id TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, project_id) REFERENCES projects (workspace_id, id),
    FOREIGN KEY (workspace_id, board_id) REFERENCES boards (workspace_id, id),
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES members (workspace_id, id)
) STRICT;
CREATE INDEX tasks_by_board ON tasks (workspace_id, board_id, status);
CREATE INDEX tasks_by_project ON tasks (workspace_id, project_id, status);

CREATE TABLE comments (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, author_id) REFERENCES members (workspace_id, id)
) STRICT;
CREATE INDEX comments_by_task ON comments (workspace_id, task_id, id);

CREATE TABLE time_entries (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    stopped_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, task_id) REFERENCES tasks (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
) STRICT;
CREATE INDEX time_entries_by_task ON time_entries (workspace_id, task_id);
-- One timer runs in a workspace, whatever two requests try at once.
CREATE UNIQUE INDEX running_timer ON time_entries (workspace_id) WHERE stopped_at IS NULL;
