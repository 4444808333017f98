//! Heads of requests and answers, from http 0.2 (actix) to http 1 (the guard) and back.
//!
//! 1. Nothing is left out: what does not convert refuses the request. A head that the guard's types cannot hold is answered 400
//!    as actix answers one that it cannot read: nobody can decide about it.

use actix_web::dev::{ResponseHead, ServiceRequest};
use actix_web::http::header as actix_header;
use actix_web::test::TestRequest;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, http as actix_http};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, header};
use http_body::Body;

use mcp_auth_core::verify::ClientCertificate;

use crate::body::Outgoing;
use crate::presence::Presence;

/// What the values of most requests' headers fit into, in bytes.
const BLOCK: usize = 2048;

/// The head of a request; `None` if the guard's types cannot hold it.
pub(crate) fn request_head(request: &HttpRequest) -> Option<Parts> {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    parts.uri = Uri::try_from(request.uri().to_string()).ok()?;
    parts.version = match request.version() {
        actix_http::Version::HTTP_09 => Version::HTTP_09,
        actix_http::Version::HTTP_10 => Version::HTTP_10,
        actix_http::Version::HTTP_11 => Version::HTTP_11,
        actix_http::Version::HTTP_2 => Version::HTTP_2,
        actix_http::Version::HTTP_3 => Version::HTTP_3,
        _ => return None,
    };
    parts.headers = guard_headers(request.headers())?;
    // Known to the connection or to a middleware before this one, and to no header.
    let certificate = request.extensions().get::<ClientCertificate>().copied();
    if let Some(certificate) = certificate.or_else(|| request.conn_data::<ClientCertificate>().copied()) {
        parts.extensions.insert(certificate);
    }
    Some(parts)
}

/// A request like this one, for an answer that is given while the request itself waits: actix lets only one of a request's
/// clones be routed on. Middlewares outside see it; it has no extensions.
pub(crate) fn likeness(request: &HttpRequest) -> HttpRequest {
    let mut like = TestRequest::with_uri(&request.uri().to_string())
        .method(request.method().clone())
        .version(request.version());
    if let Some(peer) = request.peer_addr() {
        like = like.peer_addr(peer);
    }
    request.headers().iter().fold(like, |like, header| like.append_header(header)).to_http_request()
}

/// Puts what the guard left of the headers in place of what came; `None` if they do not convert.
///
/// The guard takes headers away and adds few: those that are as they came stay where they are, and most are found at the
/// place that they were converted to.
pub(crate) fn replace_request_headers(request: &mut ServiceRequest, headers: &HeaderMap) -> Option<()> {
    let all = request.headers_mut();
    let is_left = |name: &actix_header::HeaderName| {
        let came = all.get_all(name).map(actix_header::HeaderValue::as_bytes);
        came.eq(headers.get_all(name.as_str()).iter().map(HeaderValue::as_bytes))
    };
    let mut left = headers.iter();
    let mut is_in_place = |name: &actix_header::HeaderName, value: &actix_header::HeaderValue| {
        left.next()
            .is_some_and(|(key, kept)| key.as_str() == name.as_str() && kept.as_bytes() == value.as_bytes())
    };
    let changed: Vec<_> = all
        .iter()
        .filter(|(name, value)| !is_in_place(name, value) && !is_left(name))
        .map(|(name, _)| name.clone())
        .collect();
    for name in changed {
        all.remove(name);
    }
    if all.len() == headers.len() {
        return Some(());
    }
    *all = actix_headers(headers)?;
    Some(())
}

/// The head of an answer, as the guard reads it. What does not convert is left out, and logged.
pub(crate) fn answer_head(head: &ResponseHead) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in head.headers() {
        let (key, value) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        match (key, value) {
            (Ok(key), Ok(value)) => _ = response.headers_mut().append(key, value),
            _ => tracing::error!(%name, "a header of the service's answer is malformed: it is left out"),
        }
    }
    response
}

/// An answer for actix to send, while its client is there.
pub(crate) fn answer<B>(response: Response<B>, presence: Option<Presence>) -> HttpResponse
where
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error>>,
{
    let (parts, body) = response.into_parts();
    let status = actix_http::StatusCode::from_u16(parts.status.as_u16());
    let (Ok(status), Some(headers)) = (status, actix_headers(&parts.headers)) else {
        tracing::error!("an answer cannot be sent by actix: it is withheld");
        return HttpResponse::InternalServerError().finish();
    };
    let mut builder = HttpResponse::build(status);
    // actix writes this header itself, from a setting of the answer's.
    if parts.headers.get(header::CONNECTION).is_some_and(|value| value == "close") {
        builder.force_close();
    }
    let mut response = builder.body(Outgoing::new(body, presence));
    *response.headers_mut() = headers;
    response
}

/// An answer of the guard's own.
pub(crate) fn own_answer(response: Response<Bytes>) -> HttpResponse {
    answer(response.map(http_body_util::Full::new), None)
}

/// The headers for the guard. Their values lie in one block, or few: a request has many, and most are short.
fn guard_headers(headers: &actix_header::HeaderMap) -> Option<HeaderMap> {
    let mut values = BytesMut::with_capacity(BLOCK);
    let mut converted = HeaderMap::with_capacity(headers.len_keys());
    for (name, value) in headers {
        values.extend_from_slice(value.as_bytes());
        let value = HeaderValue::from_maybe_shared(values.split().freeze()).ok()?;
        converted.append(HeaderName::from_bytes(name.as_str().as_bytes()).ok()?, value);
    }
    Some(converted)
}

fn actix_headers(headers: &HeaderMap) -> Option<actix_header::HeaderMap> {
    let mut converted = actix_header::HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = actix_header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        converted.append(name, actix_header::HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAME: [(&str, &str); 7] = [
        ("host", "a"),
        ("authorization", "b"),
        ("x-many", "c"),
        ("accept", "d"),
        ("x-many", "e"),
        ("mcp-session-id", "f"),
        ("x-many", "c"),
    ];

    /// Names with their values in order, sorted by name.
    fn sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(String, Vec<u8>)> {
        let mut sorted: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        sorted.sort_by(|one, other| one.0.cmp(&other.0));
        sorted
    }

    #[test]
    fn what_the_guard_left_is_what_is_forwarded() {
        let names = ["host", "authorization", "x-many", "accept", "mcp-session-id"];
        // Each name is left, removed, replaced or doubled.
        for choice in 0..4_u32.pow(5) {
            let mut request = CAME
                .iter()
                .fold(TestRequest::default(), |request, header| request.append_header(*header))
                .to_srv_request();
            let mut headers = guard_headers(request.headers()).unwrap_or_default();
            for (place, name) in (0..).zip(names) {
                match choice / 4_u32.pow(place) % 4 {
                    1 => _ = headers.remove(name),
                    2 => _ = headers.insert(name, HeaderValue::from_static("new")),
                    3 => _ = headers.append(name, HeaderValue::from_static("b")),
                    _ => {}
                }
            }
            assert!(replace_request_headers(&mut request, &headers).is_some());
            let forwarded =
                sorted(request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
            let left = sorted(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
            assert_eq!(forwarded, left, "{choice}");
        }
    }
}
