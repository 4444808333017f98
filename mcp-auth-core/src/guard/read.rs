//! Reading a body within its bounds, for every adapter.

use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http::Response;
use http_body::Body;

use super::{Admitted, Refusal};

impl Admitted {
    /// Reads the whole body: at most [`max_body`](super::GuardBuilder::max_body) bytes, within
    /// [`body_timeout`](super::GuardBuilder::body_timeout). The body need not be `Send`.
    ///
    /// # Errors
    /// The answer to give instead: 413, 408, or 400 if the body broke off.
    pub async fn read<B: Body>(&self, body: B) -> Result<Bytes, Response<Bytes>> {
        let inner = &self.exchange.guard.inner;
        let collected = tokio::time::timeout(inner.body_timeout, collect(body, inner.limits.max_bytes)).await;
        collected.unwrap_or(Err(Refusal::BodyTimeout)).map_err(|refusal| self.exchange.refuse(&refusal))
    }
}

async fn collect<B: Body>(body: B, limit: usize) -> Result<Bytes, Refusal> {
    let mut body = pin!(body);
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        let Ok(mut data) = frame.into_data() else { continue };
        if whole.len().saturating_add(data.remaining()) > limit {
            return Err(Refusal::BodyTooLarge);
        }
        whole.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    Ok(whole.freeze())
}
