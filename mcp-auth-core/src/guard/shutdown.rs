//! The end of a guard.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Guard;
use crate::audit::Audit;

/// What is left to do after [`Guard::shutdown`]. Await it once the connections have ended: the record takes nothing more, and what
/// it has is written. Bounded in time: a disk that hangs does not keep a service from ending.
pub struct Shutdown {
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Shutdown {
    pub(super) fn new(guard: &Guard) -> Self {
        let audit: Option<Audit> = guard.inner.recorder.as_ref().map(|recorder| recorder.audit.clone());
        Self { closing: audit.map(|audit| Box::pin(async move { audit.close().await }) as _) }
    }
}

impl Future for Shutdown {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.closing.as_mut().map_or(Poll::Ready(()), |closing| closing.as_mut().poll(context))
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").finish_non_exhaustive()
    }
}
