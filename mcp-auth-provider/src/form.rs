//! Parameters of queries and forms (RFC 6749, appendix B).
//!
//! 1. A parameter that comes twice is refused (section 3.1); an empty one counts as absent.
//! 2. At most 64 parameters; bytes that are not UTF-8 are refused.

use std::collections::HashMap;

use http::{HeaderMap, header};

const MAX_PARAMETERS: usize = 64;

/// Why parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("a parameter comes twice")]
    Repeated,
    #[error("there are too many parameters")]
    TooMany,
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    #[error("the parameters are not UTF-8")]
    Encoding,
}

/// Named parameters, each at most once.
#[derive(Default)]
pub(crate) struct Parameters {
    values: HashMap<String, String>,
}

impl Parameters {
    /// Reads a query.
    pub(crate) fn from_query(query: Option<&str>) -> Result<Self, FormError> {
        Self::parse(query.unwrap_or("").as_bytes())
    }

    /// Reads a form.
    pub(crate) fn from_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, FormError> {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(FormError::ContentType);
        }
        Self::parse(body)
    }

    fn parse(bytes: &[u8]) -> Result<Self, FormError> {
        let mut values = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            // The parser puts this in place of what is not UTF-8.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(FormError::Encoding);
            }
            if values.len() >= MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            if values.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(FormError::Repeated);
            }
        }
        Ok(Self { values })
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn twice_is_refused_and_empty_is_absent() {
        assert_eq!(Parameters::from_query(Some("a=1&%61=2")).err(), Some(FormError::Repeated));
        assert_eq!(Parameters::from_query(Some("a=%ff")).err(), Some(FormError::Encoding));
        let parameters = Parameters::from_query(Some("a=1&b=")).unwrap();
        assert_eq!((parameters.get("a"), parameters.get("b"), parameters.get("c")), (Some("1"), None, None));
    }
}
