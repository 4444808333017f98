//! English or German: as chosen on the page, else as the browser prefers.

use http::{HeaderMap, header};
use url::form_urlencoded;

use super::texts::{self, Texts};
use crate::sessions::cookies;

const COOKIE: &str = "corcava-language";

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Language {
    pub(super) is_german: bool,
    /// True if it was chosen just now.
    is_chosen: bool,
}

impl Language {
    pub(super) fn of(query: &str, headers: &HeaderMap) -> Self {
        let read = |code: &str| match code {
            "de" => Some(true),
            "en" => Some(false),
            _ => None,
        };
        let chosen = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
        if let Some(is_german) = chosen.and_then(|(_, code)| read(&code)) {
            return Self { is_german, is_chosen: true };
        }
        let kept = cookies(headers).find(|(name, _)| *name == COOKIE).and_then(|(_, code)| read(code));
        let is_german = kept.unwrap_or_else(|| {
            let preferred = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            let tags =
                preferred.unwrap_or_default().split(',').map(|tag| tag.trim().get(..2).unwrap_or_default());
            tags.filter_map(read).next().unwrap_or(false)
        });
        Self { is_german, is_chosen: false }
    }

    pub(super) fn texts(self) -> &'static Texts {
        if self.is_german { &texts::GERMAN } else { &texts::ENGLISH }
    }

    /// The `Set-Cookie` that keeps a choice.
    pub(super) fn set_cookie(self) -> Option<String> {
        let code = self.texts().code;
        self.is_chosen.then(|| format!("{COOKIE}={code}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_choice_goes_before_the_cookie_and_that_before_the_browser() {
        let mut headers = HeaderMap::new();
        assert!(!Language::of("", &headers).is_german);
        headers.insert(header::ACCEPT_LANGUAGE, "fr, de-AT;q=0.9, en".parse().unwrap());
        assert!(Language::of("", &headers).is_german);
        headers.insert(header::COOKIE, "corcava-language=en".parse().unwrap());
        assert!(!Language::of("lang=xx", &headers).is_german);
        assert!(Language::of("lang=de", &headers).is_german);
        assert!(Language::of("lang=de", &headers).set_cookie().is_some());
    }
}
