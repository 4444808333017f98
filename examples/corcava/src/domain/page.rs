//! Pages of lists.

use schemars::JsonSchema;
use serde::Serialize;

use super::DomainError;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRequest {
    /// How many at most, 1 to 100; 20 if not given.
    pub limit: Option<u32>,
    /// How many to leave out at the beginning.
    pub offset: Option<u32>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
    /// How many were wanted.
    pub limit: u32,
    /// How many were left out before them.
    pub offset: u32,
    /// True if more follow.
    pub has_more: bool,
}

impl PageRequest {
    /// Limit and offset.
    pub(super) fn bounds(self) -> Result<(u32, u32), DomainError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(DomainError::Invalid { field: "limit", problem: "it is not 1 to 100" });
        }
        Ok((limit, self.offset.unwrap_or(0)))
    }
}

impl<T> Page<T> {
    pub(super) fn new(items: Vec<T>, total: i64, (limit, offset): (u32, u32)) -> Self {
        let shown = i64::from(offset).saturating_add(i64::try_from(items.len()).unwrap_or(i64::MAX));
        Self { has_more: shown < total, items, total, limit, offset }
    }
}
