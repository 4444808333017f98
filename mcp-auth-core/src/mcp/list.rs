//! Lists on their way back.
//!
//! 1. A list keeps the entries that the principal may see; `result.cacheScope` becomes `"private"`, because what is
//!    filtered per principal must not be cached for others.
//! 2. Only what changes is cut out or in; every other byte of the answer stays.
//! 3. An answer that is not a plain list result is an error, and the caller must not pass it on. A JSON-RPC error is
//!    understood and stays as it is.

use bytes::Bytes;
use thiserror::Error;

use super::{
    raw::{Kind, Raw},
    splice::replace,
    strict::{Limits, StrictError},
};

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListKind {
    /// `tools/list`, by name.
    Tools,
    /// `prompts/list`, by name.
    Prompts,
    /// `resources/list`, by URI.
    Resources,
    /// `resources/templates/list`, by URI template.
    ResourceTemplates,
}

impl ListKind {
    /// The list that a method answers with.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        Some(match method {
            "tools/list" => Self::Tools,
            "prompts/list" => Self::Prompts,
            "resources/list" => Self::Resources,
            "resources/templates/list" => Self::ResourceTemplates,
            _ => return None,
        })
    }

    fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Tools => ("tools", "name"),
            Self::Prompts => ("prompts", "name"),
            Self::Resources => ("resources", "uri"),
            Self::ResourceTemplates => ("resourceTemplates", "uriTemplate"),
        }
    }
}

/// Why an answer was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// Not strict JSON.
    #[error("the answer is not strict JSON: {0}")]
    Strict(#[from] StrictError),
    /// Not a JSON-RPC response.
    #[error("the answer is not a JSON-RPC response")]
    NotAResponse,
    /// The result has no such list, or an entry without a name.
    #[error("the result is not the list that was asked for")]
    NotAList,
}

/// Answers may nest as deep as any reader allows; their size was bounded by the caller.
const LIMITS: Limits = Limits { max_bytes: usize::MAX, max_depth: Limits::DEEPEST };

/// Keeps the entries whose name, URI or URI template `keep` accepts, and marks the result private: always in the
/// modern era, else where it says `cacheScope` at all. Bound the size of `body` before.
///
/// # Errors
/// What is not understood; the answer must then not be passed on.
pub fn filter_list(
    body: &Bytes,
    list: ListKind,
    modern: bool,
    mut keep: impl FnMut(&str) -> bool,
) -> Result<Bytes, RewriteError> {
    let Some(result) = result(body)? else { return Ok(body.clone()) };
    let (array, name) = list.keys();
    let array =
        member(result, array)?.filter(|value| value.kind() == Kind::Array).ok_or(RewriteError::NotAList)?;
    let mut kept = Vec::new();
    let mut all = true;
    for entry in array.items() {
        let name = member(entry, name)?.and_then(Raw::as_str).ok_or(RewriteError::NotAList)?;
        if keep(&name) { kept.push(entry.bytes()) } else { all = false }
    }
    let filtered = [b"[", kept.join(&b","[..]).as_slice(), b"]"].concat();
    let changes = if all { Vec::new() } else { vec![(array, filtered)] };
    finish(body, result, modern, changes)
}

/// Marks a result private without filtering: for `resources/read` and `server/discover`.
///
/// # Errors
/// What is not understood; the answer must then not be passed on.
pub fn mark_private(body: &Bytes, modern: bool) -> Result<Bytes, RewriteError> {
    match result(body)? {
        Some(result) => finish(body, result, modern, Vec::new()),
        None => Ok(body.clone()),
    }
}

/// The result of a response; `None` if it is an error.
fn result(body: &[u8]) -> Result<Option<Raw<'_>>, RewriteError> {
    let response = Raw::parse(body, &LIMITS)?;
    let (result, error) = (member(response, "result")?, member(response, "error")?);
    match (result, error) {
        (Some(result), None) if result.kind() == Kind::Object => Ok(Some(result)),
        (None, Some(_)) => Ok(None),
        _ => Err(RewriteError::NotAResponse),
    }
}

/// A member by its exact key; refused if another spelling of the key stands beside or instead of it.
fn member<'a>(object: Raw<'a>, key: &str) -> Result<Option<Raw<'a>>, RewriteError> {
    let mut found = None;
    for member in object.members().filter(|member| member.key.eq_ignore_ascii_case(key)) {
        if member.key != key {
            return Err(RewriteError::NotAList);
        }
        found = Some(member.value);
    }
    Ok(found)
}

fn finish<'a>(
    body: &'a Bytes,
    result: Raw<'a>,
    modern: bool,
    mut changes: Vec<(Raw<'a>, Vec<u8>)>,
) -> Result<Bytes, RewriteError> {
    match member(result, "cacheScope")? {
        Some(scope) if scope.bytes() == br#""private""# => {}
        Some(scope) => changes.push((scope, br#""private""#.to_vec())),
        None if modern => {
            let comma = if result.members().next().is_some() { &b","[..] } else { b"" };
            changes.push((result.opening(), [br#"{"cacheScope":"private""#, comma].concat()));
        }
        None => {}
    }
    if changes.is_empty() {
        return Ok(body.clone());
    }
    changes.sort_by_key(|(value, _)| value.span().range().start);
    let changes: Vec<_> = changes.iter().map(|(value, new)| (*value, new.as_slice())).collect();
    Ok(replace(body, &changes).into())
}
