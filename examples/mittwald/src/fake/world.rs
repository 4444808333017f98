//! The state of the fake, and how it changes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::answer::Problem;
use super::backups::{Backup, Schedule};
use super::domains::Domain;
use super::model::{AppInstallation, Customer, Database, Project, Server, User};
use super::stack::Stack;
use super::tokens::{ApiToken, Presented};

/// How often something that was created is read before it is ready.
pub const READS_UNTIL_READY: u32 = 2;

/// Everything that there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) user: User,
    pub(super) tokens: Vec<ApiToken>,
    pub(super) customers: Vec<Customer>,
    pub(super) servers: Vec<Server>,
    pub(super) projects: Vec<Project>,
    pub(super) apps: Vec<AppInstallation>,
    pub(super) databases: Vec<Database>,
    pub(super) stacks: Vec<Stack>,
    pub(super) backups: Vec<Backup>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) domains: Vec<Domain>,
    pub(super) created: u64,
}

impl World {
    /// The next number, and an id made of it.
    pub(super) fn next_id(&mut self) -> (u64, String) {
        self.created += 1;
        (self.created, format!("99999999-9999-4999-8999-{:012}", self.created))
    }

    /// The id of the project with this id or short id.
    pub(super) fn project_id(&self, id: &str) -> Result<String, Problem> {
        self.projects
            .iter()
            .find(|project| project.id == id || project.short_id == id)
            .map(|project| project.id.clone())
            .ok_or_else(|| Problem::not_found("project"))
    }
}

impl Project {
    /// Notes a read; enough of them make the project ready.
    pub(super) fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
        if self.reads > READS_UNTIL_READY {
            (self.status, self.readiness, self.is_ready) = ("ready", "ready", true);
        }
    }
}

impl Database {
    /// Notes a read; enough of them make the database ready.
    pub(super) fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
        if self.reads > READS_UNTIL_READY {
            (self.status, self.is_ready) = ("ready", true);
        }
    }
}

/// The world, its rate limit and a count.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    limit: Mutex<Option<Limit>>,
    served: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    limit: u32,
    left: u32,
}

/// What the rate limit says about one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) granted: bool,
    pub(super) limit: u32,
    pub(super) remaining: u32,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self { world: Mutex::new(world), limit: Mutex::default(), served: AtomicUsize::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of the account's tokens this is; no early exit on the first byte that differs.
    pub(super) fn presented(&self, token: &str) -> Option<Presented> {
        self.world()
            .tokens
            .iter()
            .find(|known| known.secret.expose_secret().as_bytes().ct_eq(token.as_bytes()).into())
            .map(Presented::from)
    }

    pub(super) fn limit_requests(&self, requests: Option<u32>) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) =
            requests.map(|limit| Limit { limit, left: limit });
    }

    pub(super) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// Counts one request; `None` if there is no limit.
    pub(super) fn take(&self) -> Option<Allowance> {
        self.served.fetch_add(1, Ordering::SeqCst);
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = limit.as_mut()?;
        let granted = limit.left > 0;
        limit.left = limit.left.saturating_sub(1);
        Some(Allowance { granted, limit: limit.limit, remaining: limit.left })
    }
}
