//! Reading single claims: absent is absent, and a wrong type is refused, never taken as absent.

use std::borrow::Cow;

use super::known::Texts;
use super::rules::ScopeClaims;
use crate::mcp::{Fields, Kind, Raw};
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::verify::TokenRefusal;

const MAX_TEXT: usize = 1024;
const MAX_AUDIENCES: usize = 64;
/// The end of the year 9999; what lies behind it is no date.
const MAX_DATE: f64 = 253_402_300_799.0;

/// A string of 1 to 1024 bytes.
pub(crate) fn text<'a>(claims: &Fields<'a>, name: &str) -> Result<Option<Cow<'a, str>>, TokenRefusal> {
    claims.get(name).map(text_of).transpose()
}

fn text_of(value: Raw<'_>) -> Result<Cow<'_, str>, TokenRefusal> {
    let text = value.as_str().ok_or(TokenRefusal::Claim)?;
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(TokenRefusal::Claim);
    }
    Ok(text)
}

/// A `NumericDate` (RFC 7519, section 2), floored to whole seconds.
pub(crate) fn date(claims: &Fields<'_>, name: &str) -> Result<Option<Timestamp>, TokenRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let lexeme = value.as_number().ok_or(TokenRefusal::Claim)?;
    // The usual spelling; ten digits are no date behind the last one.
    if lexeme.len() <= 10
        && let Ok(seconds) = lexeme.parse()
    {
        return Ok(Some(Timestamp::from_secs(seconds)));
    }
    let number: f64 = lexeme.parse().map_err(|_| TokenRefusal::Claim)?;
    if !(0.0..=MAX_DATE).contains(&number) || number.is_sign_negative() {
        return Err(TokenRefusal::Claim);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range just above"
    )]
    Ok(Some(Timestamp::from_secs(number.floor() as u64)))
}

/// True if `aud`, a string or an array of strings, names one that `is_ours`; `None` without an `aud`.
pub(crate) fn has_audience(
    claims: &Fields<'_>,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Option<bool>, TokenRefusal> {
    let Some(value) = claims.get("aud") else { return Ok(None) };
    match value.kind() {
        Kind::String => Ok(Some(value.as_str().is_some_and(|one| is_ours(&one)))),
        Kind::Array => {
            let mut found = false;
            for (index, item) in value.items().enumerate() {
                let item = item.as_str().ok_or(TokenRefusal::Claim)?;
                if index >= MAX_AUDIENCES {
                    return Err(TokenRefusal::Claim);
                }
                found |= is_ours(&item);
            }
            Ok(Some(found))
        }
        _ => Err(TokenRefusal::Claim),
    }
}

/// The granted scopes; none if no claim is there.
pub(super) fn scopes(
    claims: &Fields<'_>,
    from: &ScopeClaims,
    known: &Texts<ScopeSet>,
) -> Result<ScopeSet, TokenRefusal> {
    match from {
        ScopeClaims::First(names) => names
            .iter()
            .find_map(|name| claims.get(name))
            .map_or_else(|| Ok(ScopeSet::default()), |value| scope_set(value, known)),
        ScopeClaims::Merged(names) => {
            let mut values = names.iter().filter_map(|name| claims.get(name));
            values.try_fold(ScopeSet::default(), |all, value| Ok(all.union(&scope_set(value, known)?)))
        }
    }
}

/// A space-separated string, or an array of strings.
fn scope_set(value: Raw<'_>, known: &Texts<ScopeSet>) -> Result<ScopeSet, TokenRefusal> {
    let set = match value.kind() {
        Kind::String => {
            let text = value.as_str().ok_or(TokenRefusal::Claim)?;
            if let Some(set) = known.get(&text) {
                return Ok(set);
            }
            ScopeSet::parse(&text).inspect(|set| known.put(&text, set))
        }
        Kind::Array => {
            let items: Option<Vec<_>> = value.items().map(Raw::as_str).collect();
            let items = items.ok_or(TokenRefusal::Claim)?;
            ScopeSet::from_tokens(items.iter().map(|item| &**item))
        }
        _ => return Err(TokenRefusal::Claim),
    };
    set.map_err(|_| TokenRefusal::Claim)
}

/// The text of the first of `names` that is there.
pub(crate) fn first_text<'a>(
    claims: &Fields<'a>,
    names: &[String],
) -> Result<Option<Cow<'a, str>>, TokenRefusal> {
    for name in names {
        if let Some(text) = text(claims, name)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The outermost actor (RFC 8693, section 4.1). Those inside it acted before and decide nothing.
pub(crate) fn actor<'a>(claims: &Fields<'a>) -> Result<Option<Cow<'a, str>>, TokenRefusal> {
    match claims.get("act") {
        None => Ok(None),
        Some(act) => act.get("sub").ok_or(TokenRefusal::Claim).and_then(text_of).map(Some),
    }
}
