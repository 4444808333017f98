//! What went wrong, what to do about it, and the exit code that a script sees.
//!
//! 0 done; 1 could not be done; 2 asked for wrongly; 3 there is no such key, or no such event; 4 the key has ended, or was changed meanwhile;
//! 5 the audit is broken; 6 the review found something.

use std::fmt;
use std::process::ExitCode;

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::verify::api_key::KeyError;

/// A problem and its fix.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    fix: String,
    code: u8,
}

impl Failure {
    /// Something could not be done.
    pub(crate) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into(), code: 1 }
    }

    /// Something was asked for wrongly.
    pub(crate) fn usage(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { code: 2, ..Self::new(problem, fix) }
    }

    /// Something was found that a script has to tell apart.
    pub(crate) fn found(code: u8, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { code, ..Self::new(problem, fix) }
    }

    /// What the process ends with.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let (code, fix) = match &error {
            KeyError::NotFound => {
                (3, "look for its id with `mcp-auth keys list`, and see that --issuer is the server's")
            }
            KeyError::Invalid { .. } => (2, "give another value"),
            KeyError::Ended => (4, "make a new one with `mcp-auth keys create`"),
            KeyError::Changed => (4, "look at it with `mcp-auth keys list`, then try again"),
            KeyError::Store(_) => (1, "see that the store is the server's, and can be written by you"),
            _ => (1, "try again"),
        };
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self { code, ..Self::new(format!("{error}{cause}"), fix) }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        let problems: Vec<_> = errors.as_slice().iter().map(|error| error.problem.as_str()).collect();
        let fixes: Vec<_> = errors.as_slice().iter().map(|error| error.fix.as_str()).collect();
        Self::usage(problems.join("; "), fixes.join("; "))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  fix: {}", self.problem, self.fix)
    }
}
