//! Whose turn it is to read the record.
//!
//! 1. One reads at a time, for as long as the reading takes: whoever hangs up does not let the next one in.
//! 2. Of each user one is in the queue at most, so that nobody waits behind many of another's.
//! 3. What is handed out whole is a user's own turn until it is taken, and nobody else's: a slow reader holds it once.
//! 4. Whoever has waited for [`WAIT`] is sent away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const WAIT: Duration = Duration::from_secs(5);

/// The queue.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// No more than there are users who may sign in.
    users: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// Held by the reading itself.
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_user: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: one(), users: Mutex::default() }
    }
}

impl Turns {
    /// The turn of `subject`, unless it does not come in time.
    pub(super) async fn next(&self, subject: &str) -> Option<Turn> {
        let turn = async {
            let of_user = self.of(subject).acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _of_all: of_all, _of_user: of_user })
        };
        tokio::time::timeout(WAIT, turn).await.ok().flatten()
    }

    /// What `subject` has to itself, unless it is not free in time.
    pub(super) async fn own(&self, subject: &str) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(WAIT, self.of(subject).acquire_owned()).await.ok()?.ok()
    }

    fn of(&self, subject: &str) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(users.entry(subject.to_owned()).or_insert_with(one))
    }
}

fn one() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}
