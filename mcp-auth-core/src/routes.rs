//! Pages and documents that are served beside the MCP endpoint, without a framework.
//!
//! 1. A [`Routes`] says which exact paths it answers and answers a whole request: no streaming.
//! 2. The adapter reads at most [`Routes::max_body`] bytes and gives up after [`BODY_TIMEOUT`].
//! 3. Paths are compared to the byte, as they came; what is not listed is not answered.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// How long an adapter waits for the whole body of a request to a route.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Something that answers requests on a few fixed paths: well-known documents, a provider's endpoints.
#[async_trait]
pub trait Routes: Send + Sync + 'static {
    /// The exact paths that are answered, each with a leading slash.
    fn paths(&self) -> Vec<String>;

    /// The largest request body that is read, in bytes; a larger one is answered 413 by the adapter.
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
