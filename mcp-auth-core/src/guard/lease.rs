//! How long a stream may stay open.
//!
//! 1. A leased stream ends when its credential ends: at expiry, at revocation, or when the guard shuts down.
//! 2. Only event streams are leased; which of them is a choice, because cutting a destructive call half-way may be worse
//!    than letting it end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::watch;

use crate::principal::Principal;
use crate::time::Clock;
use crate::verify::Revocations;

/// Which event streams end with the credential that opened them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lease {
    /// Every one, calls that still run included.
    All,
    /// Streams that only carry notices: `subscriptions/listen`, and GET in the legacy era.
    #[default]
    SubscriptionsOnly,
    /// None.
    Never,
}

/// Why a leased stream was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaseEnd {
    Expired,
    Revoked,
    ShutDown,
}

impl LeaseEnd {
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::ShutDown => "shut_down",
        }
    }
}

pub(super) type Term = Pin<Box<dyn Future<Output = LeaseEnd> + Send + Sync>>;

/// Completes when the lease ends.
pub(super) fn term(
    principal: Option<Principal>,
    revocations: Vec<Revocations>,
    clock: Clock,
    mut shutdown: watch::Receiver<bool>,
) -> Term {
    Box::pin(async move {
        let expiry = async {
            match principal.as_ref().and_then(Principal::expires_at) {
                Some(at) => {
                    // Asked again after each sleep, because the clock may not be the one that sleeps.
                    while clock.now() < at {
                        tokio::time::sleep(at.since(clock.now()).min(std::time::Duration::from_secs(3600)))
                            .await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        let revoked = async {
            let Some(principal) = principal.as_ref().filter(|_| !revocations.is_empty()) else {
                return std::future::pending().await;
            };
            let mut views: Vec<_> =
                revocations.iter().map(|view| Box::pin(view.revoked(principal))).collect();
            poll_fn(|cx| match views.iter_mut().any(|view| view.as_mut().poll(cx).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        };
        let shut_down = async {
            if shutdown.wait_for(|down| *down).await.is_err() {
                // The guard is gone, and with it who could decide.
            }
        };
        tokio::select! {
            biased;
            () = shut_down => LeaseEnd::ShutDown,
            () = revoked => LeaseEnd::Revoked,
            () = expiry => LeaseEnd::Expired,
        }
    })
}
