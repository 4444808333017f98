//! The metadata documents that a guard serves (RFC 9728).

use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::Guard;
use crate::http::cors;
use crate::routes::Routes;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

#[async_trait]
impl Routes for Guard {
    fn paths(&self) -> Vec<String> {
        self.inner.document_paths.clone()
    }

    fn max_body(&self) -> usize {
        0
    }

    async fn respond(&self, request: Request<Bytes>, _peer: Option<IpAddr>) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        cors::allow_all(headers, METHODS);
        match *request.method() {
            Method::GET | Method::HEAD => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
                *response.body_mut() = self.inner.document.clone();
            }
            Method::OPTIONS => *response.status_mut() = StatusCode::NO_CONTENT,
            _ => {
                headers.insert(header::ALLOW, METHODS);
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
        }
        response
    }
}
