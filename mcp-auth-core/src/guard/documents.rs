//! What a guard serves beside its endpoint: the metadata documents (RFC 9728), and its gate's approval page.

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
        let page = self.inner.gate.page().map(|page| page.paths()).unwrap_or_default();
        self.inner.document_paths.iter().cloned().chain(page).collect()
    }

    fn max_body(&self) -> usize {
        self.inner.gate.page().map_or(0, |page| page.max_body())
    }

    async fn respond(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let path = request.uri().path();
        if self.inner.document_paths.iter().any(|document| document == path) {
            return self.document(request.method());
        }
        match self.inner.gate.page() {
            Some(page) => page.respond(request, peer).await,
            None => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        }
    }
}

impl Guard {
    fn document(&self, method: &Method) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        cors::allow_all(headers, METHODS);
        match *method {
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
