//! Media types of a POST (MCP, Streamable HTTP): what is sent, and what the client takes.

use http::{HeaderMap, header};

use super::Refusal;

/// What nearly every client accepts, as it writes it.
const USUAL: &[u8] = b"application/json, text/event-stream";

/// One `Content-Type`, `application/json`, in UTF-8; no `Content-Encoding`; both answers accepted.
pub(super) fn check_post(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return Err(Refusal::ContentType) };
    let one = one.to_str().map_err(|_| Refusal::ContentType)?;
    let (essence, parameters) = one.split_once(';').unwrap_or((one, ""));
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::ContentType);
    }
    for parameter in parameters.split(';').map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or(Refusal::ContentType)?;
        if name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8") {
            return Err(Refusal::ContentType);
        }
    }
    let is_identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_identity) {
        return Err(Refusal::ContentEncoding);
    }
    if is_usual(headers)
        || accepts(headers, "application", "json") && accepts(headers, "text", "event-stream")
    {
        Ok(())
    } else {
        Err(Refusal::NotAcceptable)
    }
}

fn is_usual(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|value| value.as_bytes() == USUAL)
}

/// True if an `Accept` header takes `kind/subtype` (RFC 9110, section 12.5.1). None at all takes nothing: MCP demands one. What
/// clients usually send, the type without parameters, is compared before anything is taken apart.
pub(super) fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    let ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','));
    let is_just_that = |range: &str| {
        range.len() == kind.len() + 1 + subtype.len()
            && range
                .split_at_checked(kind.len())
                .is_some_and(|(have, rest)| have.eq_ignore_ascii_case(kind) && is_subtype(rest, subtype))
    };
    ranges.map(str::trim).any(|range| {
        if is_just_that(range) {
            return true;
        }
        let (essence, parameters) = range.split_once(';').unwrap_or((range, ""));
        let refused = parameters.split(';').filter_map(|p| p.trim().split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
        });
        let Some((range_kind, range_subtype)) = essence.trim().split_once('/') else { return false };
        let fits = |have: &str, want: &str| have == "*" || have.eq_ignore_ascii_case(want);
        !refused && fits(range_kind, kind) && fits(range_subtype, subtype)
    })
}

fn is_subtype(rest: &str, subtype: &str) -> bool {
    rest.strip_prefix('/').is_some_and(|have| have.eq_ignore_ascii_case(subtype))
}
