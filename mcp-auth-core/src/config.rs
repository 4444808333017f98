//! Configuration problems: all at once, each with its fix.
//!
//! ```
//! use mcp_auth_core::config::ConfigErrors;
//!
//! let mut errors = ConfigErrors::default();
//! errors.push("the URL has a query", "remove the query");
//! assert!(errors.into_result(()).unwrap_err().to_string().contains("remove the query"));
//! ```

use std::fmt;

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

/// Every problem that a builder found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
}

impl ConfigErrors {
    /// Notes a problem and its fix.
    pub fn push(&mut self, problem: impl Into<String>, fix: impl Into<String>) {
        self.errors.push(ConfigError { problem: problem.into(), fix: fix.into() });
    }

    /// Takes over the problems that another builder found.
    pub fn extend(&mut self, other: ConfigErrors) {
        self.errors.extend(other.errors);
    }

    /// The problems so far.
    #[must_use]
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.errors
    }

    /// `value`, if there was no problem.
    ///
    /// # Errors
    /// All problems, if there was one.
    pub fn into_result<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s)", self.errors.len())?;
        for error in &self.errors {
            write!(f, "\n  - {}\n    fix: {}", error.problem, error.fix)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
