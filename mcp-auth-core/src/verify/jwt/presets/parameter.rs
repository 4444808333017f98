//! The parameters of a preset, checked before they stand in a URL.

use url::Url;

use super::Preset;
use crate::config::ConfigErrors;
use crate::http::is_loopback;

const MAX_VALUE: usize = 512;

/// A parameter of a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name between the braces of a template.
    pub name: &'static str,
    /// What it has to look like.
    pub form: Form,
}

/// What a parameter has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A host name of two labels or more, in lower case, without scheme, port and path.
    Host,
    /// Letters, digits, `-`, `_` and `.`, one at least, and no dots alone.
    Segment,
    /// A [`Segment`](Self::Segment) that begins with this.
    SegmentWith(&'static str),
    /// A label of a host name: lower-case letters, digits and `-`.
    Label,
    /// A GUID in lower case.
    Guid,
    /// An https URL (or http on loopback) without query, fragment and user; a slash at its end is left out.
    Base,
    /// An issuer as the tokens write it; `build` checks it.
    Issuer,
}

impl Parameter {
    pub(super) const fn new(name: &'static str, form: Form) -> Self {
        Self { name, form }
    }
}

impl Form {
    fn check(self, value: &str) -> Result<String, String> {
        let is_segment = |value: &str| {
            value.bytes().any(|byte| byte.is_ascii_alphanumeric())
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let is_good = value.len() <= MAX_VALUE
            && match self {
                Self::Host => is_host(value),
                Self::Segment => is_segment(value),
                Self::SegmentWith(prefix) => {
                    value.len() > prefix.len() && value.starts_with(prefix) && is_segment(value)
                }
                Self::Label => is_label(value),
                Self::Guid => is_guid(value),
                Self::Base => is_base(value),
                Self::Issuer => true,
            };
        let trimmed = if self == Self::Base { value.trim_end_matches('/') } else { value };
        if is_good { Ok(trimmed.to_owned()) } else { Err(self.to_string()) }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str("give a host name in lower case, without scheme and path"),
            Self::Segment => f.write_str("give letters, digits, `-`, `_` and `.`"),
            Self::SegmentWith(prefix) => write!(f, "give the identifier that begins with `{prefix}`"),
            Self::Label => f.write_str("give lower-case letters, digits and `-`"),
            Self::Guid => f.write_str(
                "give the GUID, in lower case: a name such as `common` stands for anybody's tenant",
            ),
            Self::Base => f.write_str("give an https URL without query and fragment"),
            Self::Issuer => f.write_str("give the issuer as the tokens write it"),
        }
    }
}

/// Fills the templates of `preset`; notes every value that does not look as it has to.
pub(super) fn fill(preset: &Preset, values: &[&str]) -> (impl Fn(&str) -> String, ConfigErrors) {
    let mut problems = ConfigErrors::default();
    let mut filled: Vec<(String, String)> = Vec::new();
    for (index, parameter) in preset.parameters.iter().enumerate() {
        let value = values.get(index).copied().unwrap_or_default();
        match parameter.form.check(value) {
            Ok(value) => filled.push((format!("{{{}}}", parameter.name), value)),
            Err(fix) => {
                problems.push(format!("{}: the {} `{value}` is none", preset.name, parameter.name), fix)
            }
        }
    }
    if values.len() > preset.parameters.len() {
        let expected = preset.parameters.len();
        problems.push(format!("{}: there are too many values", preset.name), format!("give {expected}"));
    }
    let fill = move |template: &str| {
        filled.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
    };
    (fill, problems)
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_host(text: &str) -> bool {
    // The last label has a letter: no address.
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && text.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_lowercase()))
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn is_base(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)))
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.contains(['{', '}'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_right_is_filled_in() {
        let guid = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
        for (form, good, bad) in [
            (
                Form::Host,
                vec!["a.example", "tenant.eu.auth0.com", "xn--bcher-kva.example"],
                vec![
                    "",
                    "localhost",
                    "A.example",
                    "a.example/",
                    "https://a.example",
                    "a.example:443",
                    "a..b",
                    "a.example@evil",
                    "127.0.0.1",
                    "a.example?x",
                    "{domain}.example",
                ],
            ),
            (
                Form::Segment,
                vec!["default", "aus1_-.X"],
                vec!["", "..", ".", "a/b", "a b", "a?b", "a#b", "%2e%2e", "ä", "{a}"],
            ),
            (Form::SegmentWith("res_"), vec!["res_1"], vec!["res_", "app_1", "res_a/b"]),
            (Form::Label, vec!["eu-central-1"], vec!["", "EU", "a.b", "a/b"]),
            (
                Form::Guid,
                vec![guid],
                vec!["common", "organizations", "8EAEF023-2b34-4da1-9baa-8bc8c9d6a490", "8eaef023", ""],
            ),
            (
                Form::Base,
                vec!["https://id.example", "https://id.example/auth/", "http://127.0.0.1:8080"],
                vec![
                    "",
                    "http://id.example",
                    "https://id.example?x",
                    "https://id.example/#f",
                    "https://u:p@id.example",
                    "id.example",
                    "https://id.example/{realm}",
                ],
            ),
        ] {
            for value in good {
                assert!(form.check(value).is_ok(), "{form:?} {value}");
            }
            for value in bad {
                assert!(form.check(value).is_err(), "{form:?} {value}");
            }
        }
        assert_eq!(Form::Base.check("https://id.example/auth/").as_deref(), Ok("https://id.example/auth"));
    }
}
