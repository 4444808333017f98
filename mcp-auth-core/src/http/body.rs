//! Reading a body within its bounds.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Over the limit: 413.
    #[error("the body is over the limit")]
    TooLarge,
    /// Not there in time: 408.
    #[error("the body did not arrive in time")]
    Timeout,
    /// The connection broke, or the framing is wrong: 400.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::TooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => http::StatusCode::REQUEST_TIMEOUT,
            Self::Broken => http::StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads at most `limit` bytes within `timeout`. The body need not be `Send`.
///
/// # Errors
/// [`BodyError`]; nothing of the body is kept then.
pub async fn read_body<B: Body>(body: B, limit: usize, timeout: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(timeout, collect(body, limit)).await.unwrap_or(Err(BodyError::Timeout))
}

/// The most that is read of a body that nobody needs, in bytes, and for how long.
const MAX_DRAINED: usize = 64 * 1024;
const DRAIN_FOR: Duration = Duration::from_millis(500);

/// Reads what follows a head that was refused, at most 64 KiB and half a second. Servers close a connection with an unread
/// body after the answer without saying so in it, and a client that keeps connections would lose its next request.
pub async fn drain_body<B: Body>(body: B) {
    let mut body = pin!(body);
    let mut read = 0_usize;
    let all = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            read = read.saturating_add(frame.data_ref().map_or(0, Buf::remaining));
            if read > MAX_DRAINED {
                return;
            }
        }
    };
    // Too slow or too much: the connection closes, as it would have.
    drop(tokio::time::timeout(DRAIN_FOR, all).await);
}

async fn collect<B: Body>(body: B, limit: usize) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(mut data) = frame.into_data() else { continue };
        if first.len().max(whole.len()).saturating_add(data.remaining()) > limit {
            return Err(BodyError::TooLarge);
        }
        let data = data.copy_to_bytes(data.remaining());
        // Most bodies come in one piece, which is taken as it is.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
