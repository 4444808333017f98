//! From settings to a verifier: everything that is wrong with any issuer is said at once.

use url::Url;

use super::JwtVerifier;
use super::builder::{JwtVerifierBuilder, KeySource};
use super::issuer::Issuer;
use super::rules::{MAX_LEEWAY, Rules, ScopeClaims};
use super::slot::JwtKeys;
use crate::config::ConfigErrors;
use crate::http::is_loopback;

impl JwtVerifierBuilder {
    /// The verifier. Nothing is fetched before the guard's `Background` runs.
    ///
    /// # Errors
    /// Everything that is wrong with any of the issuers, each with its fix.
    pub fn build(self) -> Result<JwtVerifier, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let mut issuers: Vec<Issuer> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for builder in self.flatten() {
            let name = builder.rules.issuer.clone();
            if seen.contains(&name) {
                errors.push(
                    format!("the issuer `{name}` is there twice"),
                    "merge its settings into one builder",
                );
            }
            seen.push(name);
            match builder.build_one() {
                Ok(issuer) => issuers.push(issuer),
                Err(problems) => errors.extend(problems),
            }
        }
        errors.into_result(JwtVerifier { issuers, known: super::known::Known::default() })
    }

    fn flatten(mut self) -> Vec<Self> {
        let others = std::mem::take(&mut self.others);
        let mut all = vec![self];
        all.extend(others.into_iter().flat_map(Self::flatten));
        all
    }

    fn build_one(mut self) -> Result<Issuer, ConfigErrors> {
        let mut errors = std::mem::take(&mut self.problems);
        // A preset whose parameters are wrong has no issuer that could be judged.
        if !errors.as_slice().is_empty() {
            return Err(errors);
        }
        let issuer = Url::parse(&self.rules.issuer)
            .ok()
            .filter(|url| is_secure(url) && url.query().is_none() && url.fragment().is_none());
        if issuer.is_none() {
            errors.push(
                format!("the issuer `{}` is no https URL", self.rules.issuer),
                "copy `issuer` from the server's metadata",
            );
        }
        self.audience_rule.apply(self.default_audience.take(), &mut self.rules, &mut errors);
        check_rules(&self.rules, &mut errors);
        let is_sound = errors.as_slice().is_empty();
        let rules = self.rules;
        let name = rules.issuer.clone();
        let built = match self.source {
            Some(KeySource::Given(jwks)) => match JwtKeys::new(&jwks) {
                Ok(keys) => Some(Issuer::with_keys(rules, keys)),
                Err(error) => {
                    errors.push(
                        format!("the keys of `{name}` are of no use: {error}"),
                        "give a JWK set with an RSA (2048 bits or more), P-256, P-384 or Ed25519 key",
                    );
                    None
                }
            },
            Some(KeySource::Shared(keys)) => Some(Issuer::with_keys(rules, keys)),
            #[cfg(feature = "fetch")]
            Some(KeySource::Uri(uri)) => match Url::parse(&uri) {
                Ok(url) if is_secure(&url) => {
                    Issuer::fetching(rules, super::refresh::Source::Jwks(url), self.clock, &mut errors)
                }
                _ => {
                    errors.push(
                        format!("jwks_uri `{uri}` of `{name}` is no https URL"),
                        "copy `jwks_uri` from the server's metadata",
                    );
                    None
                }
            },
            #[cfg(feature = "fetch")]
            None => issuer.and_then(|url| {
                let source = super::refresh::Source::discovery(&name, &url);
                Issuer::fetching(rules, source, self.clock, &mut errors)
            }),
            #[cfg(not(feature = "fetch"))]
            None => {
                errors.push(
                    format!("there are no keys for `{name}`"),
                    "give them with .jwks(…), or switch on the feature `fetch`",
                );
                None
            }
        };
        match built {
            Some(issuer) if is_sound => {
                issuer.rules.warn();
                Ok(issuer)
            }
            _ => Err(errors),
        }
    }
}

fn check_rules(rules: &Rules, errors: &mut ConfigErrors) {
    let issuer = &rules.issuer;
    if rules.algorithms.is_empty() {
        errors.push(
            format!("no algorithm is allowed for `{issuer}`"),
            "leave the default, or name at least one",
        );
    }
    if rules.leeway > MAX_LEEWAY {
        errors.push(format!("the leeway for `{issuer}` is over five minutes"), "set the clocks instead");
    }
    let (ScopeClaims::First(claims) | ScopeClaims::Merged(claims)) = &rules.scope_claims;
    if claims.is_empty() {
        errors
            .push(format!("no claim of `{issuer}` grants scopes"), "leave the default, or name at least one");
    }
    let has_clients = rules.clients.as_ref().is_some_and(|clients| !clients.is_empty());
    if rules.clients.is_some() && (!has_clients || rules.client_claims.is_empty()) {
        errors.push(
            format!("no client of `{issuer}` is allowed"),
            "name at least one in allowed_clients(…), and a claim in client_claims(…)",
        );
    }
    if rules.may_lack_audience && rules.clients.is_none() {
        errors.push(
            format!("tokens of `{issuer}` may lack an audience, and every client is allowed"),
            "name your own clients with allowed_clients(…)",
        );
    }
    if rules.audiences.iter().any(String::is_empty) {
        errors.push(format!("an audience for `{issuer}` is empty"), "name it as the tokens do");
    }
}

/// https, or http on a loopback host: development.
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}
