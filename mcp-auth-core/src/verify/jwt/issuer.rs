//! One issuer: its rules, its keys, and who renews them.

#[cfg(feature = "fetch")]
use crate::{config::ConfigErrors, time::Clock};

use super::rules::Rules;
use super::slot::JwtKeys;

#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) rules: Rules,
    pub(super) keys: JwtKeys,
    #[cfg(feature = "fetch")]
    pub(super) refresher: Option<super::refresh::Refresher>,
}

impl Issuer {
    /// Keys that somebody else replaces, or nobody.
    pub(super) fn with_keys(rules: Rules, keys: JwtKeys) -> Self {
        Self {
            rules,
            keys,
            #[cfg(feature = "fetch")]
            refresher: None,
        }
    }

    /// Keys that are fetched.
    #[cfg(feature = "fetch")]
    pub(super) fn fetching(
        rules: Rules,
        source: super::refresh::Source,
        clock: Clock,
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        let fetcher = crate::http::Fetcher::new()
            .map_err(|error| errors.push(error.to_string(), "check the machine's TLS certificates"));
        let refresher =
            super::refresh::Refresher { issuer: rules.issuer.clone(), source, fetcher: fetcher.ok()? };
        Some(Self { rules, keys: JwtKeys::empty(clock, true), refresher: Some(refresher) })
    }
}
