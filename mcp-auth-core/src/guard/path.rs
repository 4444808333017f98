//! The explicit form that guards one path of a whole router.
//!
//! 1. A path that is the guarded one to the byte, or below it, is guarded.
//! 2. A path that only becomes so when it is decoded, folded or cleaned up is answered 404: some framework might route it. So is one that
//!    was encoded so often that it is not known what becomes of it.
//! 3. Every other path is outside.

/// How often a path is decoded.
const ROUNDS: usize = 4;

/// How a path lies to the guarded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Guarded,
    Spelling,
    Outside,
}

/// The path behind which everything is guarded.
#[derive(Clone, Debug)]
pub(super) struct GuardedPath {
    exact: String,
    folded: String,
}

impl GuardedPath {
    /// `path` begins with a slash and has no trailing one; `None` otherwise.
    pub(super) fn new(path: &str) -> Option<Self> {
        let is_plain = path.starts_with('/')
            && path.len() > 1
            && !path.ends_with('/')
            && fold(path)? == path.to_ascii_lowercase();
        is_plain.then(|| Self { exact: path.to_owned(), folded: path.to_ascii_lowercase() })
    }

    pub(super) fn place(&self, path: &str) -> Place {
        let is_folded_inside = fold(path).map(|folded| is_at_or_below(&folded, &self.folded));
        match (is_at_or_below(path, &self.exact), is_folded_inside) {
            // Below, in any spelling of what follows: the guard stands before all of it.
            (true, Some(true)) => Place::Guarded,
            (false, Some(false)) => Place::Outside,
            _ => Place::Spelling,
        }
    }
}

fn is_at_or_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the most forgiving router could make of a path: decoded until nothing changes, backslashes turned, `;…` removed,
/// slashes collapsed, dot segments resolved, case folded. `None` if it still changes after [`ROUNDS`].
fn fold(path: &str) -> Option<String> {
    let mut decoded = path.to_owned();
    let is_settled = (0..=ROUNDS).any(|_| {
        let next = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        std::mem::replace(&mut decoded, next) == decoded
    });
    if !is_settled {
        return None;
    }
    let mut segments: Vec<String> = Vec::new();
    for segment in decoded.replace('\\', "/").split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_lowercase()),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn other_spellings_are_recognised() {
        let guarded = GuardedPath::new("/mcp").unwrap();
        for path in ["/mcp", "/mcp/", "/mcp/x"] {
            assert_eq!(guarded.place(path), Place::Guarded, "{path}");
        }
        for path in [
            "/%6dcp",
            "//mcp",
            "/MCP",
            "/x/../mcp",
            "/mcp;a=b",
            "/%256dcp",
            "/%2525256dcp",
            "/%252525256dcp",
            "/%25252525252525256dcp",
            "/mcp/%2525252541",
            "/.;/mcp",
            "\\mcp",
            "/mcp/../admin",
        ] {
            assert_eq!(guarded.place(path), Place::Spelling, "{path}");
        }
        for path in ["/", "/mcpx", "/other", "/x/mcp", "/a%20b", "/%252525", "/%ff"] {
            assert_eq!(guarded.place(path), Place::Outside, "{path}");
        }
    }
}
