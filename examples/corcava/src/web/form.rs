//! Reading forms.
//!
//! 1. At most 64 fields; bytes that are not UTF-8 are refused. A field that is there once only must be there once.

use url::form_urlencoded;

use super::answer::Failure;

const MAX_FIELDS: usize = 64;

/// The fields of a form, or of a query.
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(bytes).into_owned().take(MAX_FIELDS + 1).collect();
        // The parser puts this in place of what is not UTF-8.
        let is_text = |text: &str| !text.contains('\u{fffd}');
        if fields.len() > MAX_FIELDS || !fields.iter().all(|(name, value)| is_text(name) && is_text(value)) {
            return Err(Failure::Malformed);
        }
        Ok(Self { fields })
    }

    /// The one value of a field; empty if it is absent.
    pub(super) fn get<'a>(&'a self, name: &str) -> Result<&'a str, Failure> {
        let mut values = self.all(name);
        let first = values.next().unwrap_or_default();
        if values.next().is_some() { Err(Failure::Malformed) } else { Ok(first) }
    }

    /// Every value of a field.
    pub(super) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}
