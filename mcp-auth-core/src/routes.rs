//! Pages and documents that are served beside the MCP endpoint, without a framework.
//!
//! 1. A [`Routes`] says which exact paths it answers and answers a whole request: no streaming.
//! 2. An adapter hands each request to [`serve`], which reads at most [`Routes::max_body`] bytes within 15 seconds.
//! 3. Paths are compared to the byte, as they came, whatever a framework made of them; what is not listed is answered 404.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;

use crate::http::{drain_body, read_body};

/// How long the whole body of a request to a route may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Reads the body of a request within its bounds and has `routes` answer it; for adapters.
pub async fn serve<R: Routes, B: Body>(
    routes: &R,
    parts: Parts,
    body: B,
    peer: Option<IpAddr>,
) -> Response<Bytes> {
    if !routes.paths().iter().any(|path| path == parts.uri.path()) {
        drain_body(body).await;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    match read_body(body, routes.max_body(), BODY_TIMEOUT).await {
        Ok(body) => routes.respond(Request::from_parts(parts, body), peer).await,
        Err(error) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = error.status();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

/// Something that answers requests on a few fixed paths: well-known documents, a provider's endpoints.
#[async_trait]
pub trait Routes: Send + Sync + 'static {
    /// The exact paths that are answered, each with a leading slash.
    fn paths(&self) -> Vec<String>;

    /// The largest request body that is read, in bytes; a larger one is answered 413.
    fn max_body(&self) -> usize {
        64 * 1024
    }

    /// Answers a request. `peer` is the address that the connection came from, where it is known.
    async fn respond(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes>;
}

#[async_trait]
impl<R: Routes + ?Sized> Routes for std::sync::Arc<R> {
    fn paths(&self) -> Vec<String> {
        (**self).paths()
    }

    fn max_body(&self) -> usize {
        (**self).max_body()
    }

    async fn respond(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        (**self).respond(request, peer).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct One;

    #[async_trait]
    impl Routes for One {
        fn paths(&self) -> Vec<String> {
            vec!["/one".to_owned()]
        }

        async fn respond(&self, _: Request<Bytes>, _: Option<IpAddr>) -> Response<Bytes> {
            Response::new(Bytes::from_static(b"one"))
        }
    }

    #[tokio::test]
    async fn one_spelling_is_answered() {
        for (path, status) in [("/one", 200), ("/%6fne", 404), ("/one/", 404), ("/other", 404)] {
            let (parts, ()) = Request::get(path).body(()).unwrap().into_parts();
            let answer = serve(&One, parts, String::new(), None).await;
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}
