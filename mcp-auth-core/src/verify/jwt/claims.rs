//! Reading single claims: absent is absent, and a wrong type is refused, never taken as absent.

use crate::mcp::{Kind, Raw};
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::verify::TokenRefusal;

const MAX_TEXT: usize = 1024;
const MAX_AUDIENCES: usize = 64;
/// The end of the year 9999; what lies behind it is no date.
const MAX_DATE: f64 = 253_402_300_799.0;

/// A string of 1 to 1024 bytes.
pub(super) fn text(claims: Raw<'_>, name: &str) -> Result<Option<String>, TokenRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(TokenRefusal::Claim)?;
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(TokenRefusal::Claim);
    }
    Ok(Some(text.into_owned()))
}

/// A `NumericDate` (RFC 7519, section 2), floored to whole seconds.
pub(crate) fn date(claims: Raw<'_>, name: &str) -> Result<Option<Timestamp>, TokenRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number: f64 = value.as_number().and_then(|lexeme| lexeme.parse().ok()).ok_or(TokenRefusal::Claim)?;
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

/// True if `aud`, a string or an array of strings, names one of `audiences` to the character.
pub(super) fn has_audience(claims: Raw<'_>, audiences: &[&str]) -> Result<bool, TokenRefusal> {
    let value = claims.get("aud").ok_or(TokenRefusal::Audience)?;
    match value.kind() {
        Kind::String => Ok(value.as_str().is_some_and(|one| audiences.contains(&&*one))),
        Kind::Array => {
            let mut found = false;
            for (index, item) in value.items().enumerate() {
                let item = item.as_str().ok_or(TokenRefusal::Claim)?;
                if index >= MAX_AUDIENCES {
                    return Err(TokenRefusal::Claim);
                }
                found |= audiences.contains(&&*item);
            }
            Ok(found)
        }
        _ => Err(TokenRefusal::Claim),
    }
}

/// The scopes of the first of `names` that is there: a space-separated string, or an array of strings.
pub(super) fn scopes(claims: Raw<'_>, names: &[String]) -> Result<ScopeSet, TokenRefusal> {
    let Some(value) = names.iter().find_map(|name| claims.get(name)) else { return Ok(ScopeSet::default()) };
    let set = match value.kind() {
        Kind::String => ScopeSet::parse(&value.as_str().ok_or(TokenRefusal::Claim)?),
        Kind::Array => {
            let items: Option<Vec<_>> = value.items().map(Raw::as_str).collect();
            let items = items.ok_or(TokenRefusal::Claim)?;
            ScopeSet::from_tokens(items.iter().map(|item| &**item))
        }
        _ => return Err(TokenRefusal::Claim),
    };
    set.map_err(|_| TokenRefusal::Claim)
}
