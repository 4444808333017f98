//! One question for one token at a time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use super::{Breaker, Pass};
use crate::http::FetchError;
use crate::time::{Clock, Timestamp};
use crate::verify::{TokenRefusal, Verified, VerifyError};

const MAX_FLIGHTS: usize = 256;
const MAX_REFUSED: usize = 20_000;
const RETRY: Duration = Duration::from_secs(1);

/// How a question can end without a verdict that is good.
#[derive(Debug)]
pub(crate) enum RemoteError {
    /// The server says that the token is not good.
    Refused(TokenRefusal),
    /// The server does not answer. The text is for the operator's log.
    Failed(String),
    /// It answers what is not understood, perhaps for this token only.
    Unclear(String),
}

impl RemoteError {
    /// No answer came, or none within its bounds. What is too large the server sent on purpose.
    pub(crate) fn of(what: &str, error: &FetchError) -> Self {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let reason = format!("{what}: {error}{cause}");
        if matches!(error, FetchError::TooLarge) { Self::Unclear(reason) } else { Self::Failed(reason) }
    }
}

impl From<TokenRefusal> for RemoteError {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<RemoteError> for VerifyError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Refused(refusal) => refusal.into(),
            RemoteError::Failed(reason) | RemoteError::Unclear(reason) => unavailable(&reason, RETRY),
        }
    }
}

type Verdict = Result<Verified, VerifyError>;
type Digest = [u8; 32];

/// Asks one server about tokens. Cheap to clone; clones ask together.
#[derive(Clone)]
pub(crate) struct Asker {
    inner: Arc<Inner>,
}

struct Inner {
    breaker: Breaker,
    clock: Clock,
    refused_for: Duration,
    refused: Cache<Digest, (TokenRefusal, Timestamp)>,
    flights: Mutex<HashMap<Digest, watch::Receiver<Option<Verdict>>>>,
}

impl Asker {
    pub(crate) fn new(name: &str, clock: Clock, refused_for: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                breaker: Breaker::new(name, clock.clone()),
                clock,
                refused_for,
                refused: Cache::new(MAX_REFUSED),
                flights: Mutex::default(),
            }),
        }
    }

    /// The verdict on `token` at `resource`: by `question`, unless it is being asked already, or was refused a moment ago.
    pub(crate) async fn ask<F>(&self, resource: &str, token: &str, question: F) -> Verdict
    where
        F: Future<Output = Result<Verified, RemoteError>> + Send + 'static,
    {
        let key = digest_of(resource, token);
        if let Some((refusal, until)) = self.inner.refused.get(&key)
            && self.inner.clock.now() < until
        {
            return Err(refusal.into());
        }
        let mut verdict = self.join(key, question)?;
        let answered = verdict.wait_for(Option::is_some).await.map(|verdict| verdict.clone());
        match answered {
            Ok(Some(verdict)) => verdict,
            _ => Err(unavailable("the question was given up", RETRY)),
        }
    }

    /// The flight for this token: the one under way, or a new one.
    fn join<F>(&self, key: Digest, question: F) -> Result<watch::Receiver<Option<Verdict>>, VerifyError>
    where
        F: Future<Output = Result<Verified, RemoteError>> + Send + 'static,
    {
        let mut flights = self.inner.flights();
        if let Some(flight) = flights.get(&key) {
            return Ok(flight.clone());
        }
        if flights.len() >= MAX_FLIGHTS {
            return Err(unavailable("too many tokens are being asked about", RETRY));
        }
        let open = |wait| unavailable("the server that knows these tokens fails", wait);
        let pass = self.inner.breaker.admit().map_err(open)?;
        let (sender, receiver) = watch::channel(None);
        flights.insert(key, receiver.clone());
        let landing = Landing { inner: Arc::clone(&self.inner), key, pass, answered: false };
        // A task of its own: whoever asked first may leave.
        tokio::spawn(async move {
            let verdict = landing.land(question.await);
            sender.send_replace(Some(verdict));
        });
        Ok(receiver)
    }
}

impl Inner {
    fn flights(&self) -> MutexGuard<'_, HashMap<Digest, watch::Receiver<Option<Verdict>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flight that ends, even if its task dies.
struct Landing {
    inner: Arc<Inner>,
    key: Digest,
    pass: Pass,
    answered: bool,
}

impl Landing {
    fn land(mut self, answer: Result<Verified, RemoteError>) -> Verdict {
        let inner = Arc::clone(&self.inner);
        match answer {
            Ok(verified) => {
                self.answered = true;
                Ok(verified)
            }
            Err(error) => {
                // An answer that is not understood is one, too.
                self.answered = !matches!(error, RemoteError::Failed(_));
                if let RemoteError::Refused(refusal) = error {
                    inner.refused.insert(self.key, (refusal, inner.clock.now().plus(inner.refused_for)));
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if self.answered {
            self.inner.breaker.succeeded(self.pass);
        } else {
            self.inner.breaker.failed(self.pass);
        }
        self.inner.flights().remove(&self.key);
    }
}

fn unavailable(reason: &str, retry_after: Duration) -> VerifyError {
    VerifyError::Unavailable { reason: reason.to_owned(), retry_after }
}

/// A token that is good at one resource may not be good at another: their verdicts are kept apart. Neither holds a zero byte.
fn digest_of(resource: &str, token: &str) -> Digest {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [resource.as_bytes(), b"\0", token.as_bytes()] {
        hash.update(part);
    }
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("breaker", &self.inner.breaker).finish_non_exhaustive()
    }
}
