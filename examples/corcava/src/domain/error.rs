//! Why the service did not do what it was asked.

/// A refusal that whoever asked can act on, or a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// There is no such thing in the caller's workspace; whether there is one elsewhere is not said.
    #[error("there is no {what} with this id")]
    NotFound {
        /// What was looked for: `task`, `project`, …
        what: &'static str,
    },
    /// What was given is outside its bounds.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },
    /// The task is no longer as it was read.
    #[error("the task was changed meanwhile: it is at version {current}; read it again")]
    Changed {
        /// The version that it has now.
        current: i64,
    },
    /// The state of the workspace does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The database does not answer, or not as it should.
    #[error("the service cannot reach its data; try again later")]
    Unavailable(#[from] sqlx::Error),
}

impl DomainError {
    /// A stable word for programs and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Invalid { .. } => "invalid",
            Self::Changed { .. } => "changed",
            Self::Conflict(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
