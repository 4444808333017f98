//! Pages: `limit` and `skip` in, `X-Pagination-*` out.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::answer::{Invalid, Problem, check};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1000;

/// The part of a list that is asked for, as it was written.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Window {
    limit: Option<String>,
    skip: Option<String>,
}

impl Window {
    /// The part of `all`, with its headers.
    pub(super) fn cut<T: Serialize>(self, all: impl IntoIterator<Item = T>) -> Result<Response, Problem> {
        let read = |text: Option<String>, default| text.map_or(Some(default), |text| text.parse().ok());
        let limit = read(self.limit, DEFAULT_LIMIT).filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let skip = read(self.skip, 0);
        check([
            (limit.is_some(), Invalid::new("limit", "range", "must be an integer from 1 to 1000")),
            (skip.is_some(), Invalid::new("skip", "range", "must be an integer of at least 0")),
        ])?;
        let (limit, skip) = (limit.unwrap_or(DEFAULT_LIMIT), skip.unwrap_or(0));
        let all: Vec<T> = all.into_iter().collect();
        let headers = [
            ("x-pagination-limit", limit.to_string()),
            ("x-pagination-skip", skip.to_string()),
            ("x-pagination-page", (skip / limit + 1).to_string()),
            ("x-pagination-totalcount", all.len().to_string()),
        ];
        let part: Vec<T> = all.into_iter().skip(skip).take(limit).collect();
        Ok((headers, Json(part)).into_response())
    }
}
