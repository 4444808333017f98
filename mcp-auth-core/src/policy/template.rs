//! Which URIs a declaration of a resource covers: levels 1 and 2 of RFC 6570, as much as MCP's templates use.
//!
//! 1. `{name}` stands for one or more characters without `/`, `?` and `#`; `{+name}` for one or more of any.
//! 2. Everything else stands for itself, to the byte: another spelling of a URI is another URI, and undeclared.

/// A parsed template.
#[derive(Clone, Debug)]
pub(super) struct UriTemplate {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(Box<str>),
    Segment,
    Any,
}

const MAX_PARTS: usize = 32;

impl UriTemplate {
    /// Parses a template; `None` if a brace is unbalanced, an operator unknown, or two variables touch.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('{') {
                let (name, after) = inner.split_once('}')?;
                let (part, name) = match name.strip_prefix('+') {
                    Some(name) => (Part::Any, name),
                    None => (Part::Segment, name),
                };
                let is_name = !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
                if !is_name || matches!(parts.last(), Some(Part::Any | Part::Segment)) {
                    return None;
                }
                parts.push(part);
                rest = after;
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                let (literal, after) = rest.split_at(end);
                if literal.contains('}') {
                    return None;
                }
                parts.push(Part::Literal(literal.into()));
                rest = after;
            }
        }
        (!parts.is_empty() && parts.len() <= MAX_PARTS).then(|| Self { text: text.into(), parts })
    }

    /// The template as it was declared.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True if `uri` is an expansion of the template.
    pub(super) fn matches(&self, uri: &str) -> bool {
        matches(&self.parts, uri)
    }
}

/// Each variable ends at the first place where the literal behind it stands, the last one at the end; there is no
/// backtracking, so the time is linear.
fn matches<'a>(mut parts: &'a [Part], mut uri: &'a str) -> bool {
    loop {
        let value = match parts {
            [] => return uri.is_empty(),
            [Part::Literal(literal), rest @ ..] => {
                let Some(after) = uri.strip_prefix(&**literal) else { return false };
                (parts, uri) = (rest, after);
                continue;
            }
            [_] => std::mem::take(&mut uri),
            [_, Part::Literal(last)] => {
                let Some(value) = uri.strip_suffix(&**last) else { return false };
                uri = last;
                value
            }
            [_, Part::Literal(next), ..] => {
                let first = uri.chars().next().map_or(0, char::len_utf8);
                let Some(at) = uri.get(first..).and_then(|tail| tail.find(&**next)) else { return false };
                let Some((value, after)) = uri.split_at_checked(first + at) else { return false };
                uri = after;
                value
            }
            [_, ..] => return false,
        };
        let [variable, rest @ ..] = parts else { return false };
        if value.is_empty() || (matches!(variable, Part::Segment) && has_delimiter(value)) {
            return false;
        }
        parts = rest;
    }
}

fn has_delimiter(value: &str) -> bool {
    value.contains(['/', '?', '#'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn templates_match_whole_uris() {
        let note = UriTemplate::parse("note://{id}").unwrap();
        assert!(note.matches("note://7"));
        for other in ["note://", "note://7/8", "note://7?x", "Note://7", "xnote://7"] {
            assert!(!note.matches(other), "{other}");
        }
        let logs = UriTemplate::parse("file:///logs/{+path}.txt").unwrap();
        assert!(logs.matches("file:///logs/a/b.txt.txt"));
        assert!(!logs.matches("file:///logs/.txt"));
        let two = UriTemplate::parse("db://{a}/t/{b}").unwrap();
        assert!(two.matches("db://x/t/y"));
        assert!(!two.matches("db://x/u/y"));
    }

    #[test]
    fn broken_templates_are_refused() {
        for bad in ["{", "a}", "{a}{b}", "{?a}", "{}", ""] {
            assert!(UriTemplate::parse(bad).is_none(), "{bad}");
        }
    }
}
