//! Reading single values.

use std::convert::Infallible;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Account, ClientOptions};

/// Takes a secret out of clap's hands.
#[allow(clippy::unnecessary_wraps)] // clap wants a result.
pub(super) fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.to_owned().into())
}

/// `20s`, `15m`, `1h`, `30d`: whole, above zero.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (unit_at, unit) = text.char_indices().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    let number: u64 = text.get(..unit_at)?.parse().ok()?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The values, with `@FILE` replaced by the file's lines.
///
/// # Errors
/// Names the file that cannot be read.
pub(super) fn expand(values: Vec<SecretString>) -> Result<Vec<SecretString>, String> {
    let mut all = Vec::new();
    for value in values {
        let Some(path) = value.expose_secret().strip_prefix('@') else {
            all.push(value);
            continue;
        };
        let text: SecretString = std::fs::read_to_string(path)
            .map_err(|error| format!("`{path}` cannot be read: {error}"))?
            .into();
        let lines = text.expose_secret().lines().map(str::trim);
        all.extend(lines.filter(|line| !line.is_empty()).map(SecretString::from));
    }
    Ok(all)
}

/// `NAME:PASSWORD`
pub(super) fn account(value: &SecretString) -> Option<Account> {
    let (name, password) = value.expose_secret().split_once(':')?;
    let whole = !name.is_empty() && !password.is_empty();
    whole.then(|| Account { name: name.to_owned(), password: password.into() })
}

/// `ID[:SECRET] REDIRECT…`
pub(super) fn client(value: &SecretString) -> Option<ClientOptions> {
    let mut words = value.expose_secret().split_whitespace();
    let who = words.next()?;
    let (id, secret) = match who.split_once(':') {
        Some((id, secret)) if !secret.is_empty() => (id, Some(SecretString::from(secret))),
        Some(_) => return None,
        None => (who, None),
    };
    let redirects: Vec<String> = words.map(str::to_owned).collect();
    let whole = !id.is_empty() && !redirects.is_empty();
    whole.then(|| ClientOptions { id: id.to_owned(), secret, redirects })
}
