//! Work that goes on beside the requests: key refresh, sweeping, watching.
//!
//! 1. Libraries start no runtime: whoever builds a [`Guard`](crate::Guard) gets one [`Background`] and spawns it.
//! 2. A `Background` that is dropped before it ran says so at level `error`; what depends on it refuses.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// A boxed piece of background work.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// All background work of a guard or provider, as one future for the host to spawn.
/// It ends when every job has ended; most run until they are dropped.
#[must_use = "spawn it (`tokio::spawn(background)`): without it keys are never fetched and nothing is swept"]
pub struct Background {
    jobs: Vec<Job>,
    running: Arc<AtomicBool>,
}

impl Background {
    /// Joins `jobs` into one future.
    pub fn new(jobs: Vec<Job>) -> Self {
        Self { jobs, running: Arc::new(AtomicBool::new(false)) }
    }

    /// Takes over `other`, so that a host has one future to spawn.
    pub fn and(mut self, other: Background) -> Self {
        self.jobs.push(Box::pin(other));
        self
    }

    /// A flag that is true from the first poll on until the future is dropped.
    pub(crate) fn running(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.running)
    }
}

impl Future for Background {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.running.store(true, Ordering::Release);
        self.jobs.retain_mut(|job| job.as_mut().poll(cx).is_pending());
        if self.jobs.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.running.swap(false, Ordering::AcqRel) && !self.jobs.is_empty() {
            tracing::error!("Background was dropped before it ran: spawn it with tokio::spawn(background)");
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}
