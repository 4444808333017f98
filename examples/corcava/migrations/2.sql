-- What was changed, with the states before and after: written in the transaction of the change itself.
CREATE TABLE changes (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    -- The API key that the change came with; none for a token, and for the pages.
    key_id TEXT,
    -- The key's name, or the client's id.
    actor TEXT NOT NULL,
    resource TEXT NOT NULL CHECK (resource IN ('task', 'comment', 'timer')),
    kind TEXT NOT NULL CHECK (kind IN ('created', 'changed', 'deleted')),
    task_id TEXT NOT NULL,
    -- Of the task at that time: it may be gone.
    title TEXT NOT NULL,
    reason TEXT,
    state_before TEXT,
    state_after TEXT,
    -- Comments and time entries that went with a task.
    attached TEXT,
    undone_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
) STRICT;
CREATE INDEX changes_by_key ON changes (workspace_id, key_id, id);
