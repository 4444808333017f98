//! The arguments of a call, as a scope rule sees them.

use std::borrow::Cow;

use crate::mcp::Raw;

/// The arguments that will be forwarded, read where they lie. Absent arguments read as an empty object.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    raw: Option<Raw<'a>>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(raw: Option<Raw<'a>>) -> Self {
        Self { raw }
    }

    /// The string argument `name`; `None` if it is absent or of another type.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.as_str()
    }

    /// The argument `name`, whatever its type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.raw?.get(name)
    }
}
