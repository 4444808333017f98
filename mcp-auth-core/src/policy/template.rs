//! Which URIs a declaration of a resource covers: levels 1 and 2 of RFC 6570, as much as MCP's templates use.
//!
//! 1. `{name}` stands for one or more characters without `/`, `?` and `#`; `{+name}` for one or more of any.
//! 2. Everything else stands for itself, to the byte.
//! 3. A URI is covered if there is any way to expand the template to it. The time for that is at most the product of both lengths.

/// A parsed template: a literal, then variables with the literal behind each.
#[derive(Clone, Debug)]
pub(super) struct UriTemplate {
    text: Box<str>,
    first: Box<str>,
    rest: Vec<(Variable, Box<str>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    Segment,
    Any,
}

const MAX_VARIABLES: usize = 16;

impl UriTemplate {
    /// Parses a template; `None` if a brace is unbalanced, an operator unknown, or two variables touch.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.split('{');
        let first = pieces.next().filter(|first| !first.contains('}'))?;
        let mut rest: Vec<(Variable, Box<str>)> = Vec::new();
        for piece in pieces {
            let (name, literal) = piece.split_once('}')?;
            let (variable, name) = match name.strip_prefix('+') {
                Some(name) => (Variable::Any, name),
                None => (Variable::Segment, name),
            };
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
            let touches = rest.last().is_some_and(|(_, literal)| literal.is_empty());
            if !is_name || touches || literal.contains('}') {
                return None;
            }
            rest.push((variable, literal.into()));
        }
        let is_bounded = !text.is_empty() && rest.len() <= MAX_VARIABLES;
        is_bounded.then(|| Self { text: text.into(), first: first.into(), rest })
    }

    /// The template as it was declared.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True if `uri` is an expansion of the template.
    pub(super) fn matches(&self, uri: &str) -> bool {
        if !uri.starts_with(&*self.first) {
            return false;
        }
        let first = vec![self.first.len()];
        let ends = self.rest.iter().fold(first, |starts, (variable, literal)| {
            if starts.is_empty() { starts } else { ends(&starts, *variable, literal, uri) }
        });
        ends.last() == Some(&uri.len())
    }
}

/// Where a variable and the literal behind it can end, if they can begin at `starts`; both in order. A variable reaches back to the
/// nearest start: if that is too far, so are all others.
fn ends(starts: &[usize], variable: Variable, literal: &str, uri: &str) -> Vec<usize> {
    let mut starts = starts.iter().copied().peekable();
    let (mut start, mut read, mut delimited) = (None, 0, 0);
    let end = |place: usize| {
        while let Some(next) = starts.next_if(|next| *next < place) {
            start = Some(next);
        }
        if variable == Variable::Segment {
            let delimiter = uri.get(read..place)?.rfind(['/', '?', '#']);
            delimited = delimiter.map_or(delimited, |at| read + at + 1);
            read = place;
        }
        (start? >= delimited).then_some(place + literal.len())
    };
    places(literal, uri).filter_map(end).collect()
}

/// Every place where `literal` stands; an empty one, at the end.
fn places<'a>(literal: &'a str, uri: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut from = if literal.is_empty() { uri.len() } else { 0 };
    std::iter::from_fn(move || {
        let rest = uri.get(from..)?;
        let place = rest.find(literal)?;
        let first = rest.get(place..)?.chars().next().map_or(1, char::len_utf8);
        from += place + first;
        Some(from - first)
    })
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

    /// By trying every length of every variable.
    fn is_expansion(parts: &[(Variable, Box<str>)], uri: &str) -> bool {
        let Some(((variable, literal), rest)) = parts.split_first() else { return uri.is_empty() };
        uri.char_indices().map(|(at, char)| at + char.len_utf8()).any(|length| {
            let (value, behind) = uri.split_at(length);
            let is_value = *variable == Variable::Any || !value.contains(['/', '?', '#']);
            is_value && behind.strip_prefix(&**literal).is_some_and(|behind| is_expansion(rest, behind))
        })
    }

    proptest::proptest! {
        #[test]
        fn whatever_can_be_expanded_matches(
            text in "[a/é]{0,2}(\\{\\+?x\\}[a/é]{1,2}){0,3}(\\{\\+?x\\})?",
            uri in "[a/é?]{0,10}",
        ) {
            if let Some(template) = UriTemplate::parse(&text) {
                let expected =
                    uri.strip_prefix(&*template.first).is_some_and(|rest| is_expansion(&template.rest, rest));
                proptest::prop_assert_eq!(template.matches(&uri), expected, "{} {}", text, uri);
            }
        }
    }
}
