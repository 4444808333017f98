//! A mittwald API to run against: the endpoints that the tools use, in process, on loopback.
//!
//! 1. Its data is the same at every start; what is created gets the next number of a series.
//! 2. Nothing sleeps: what is created becomes ready after it was read a few times ([`READS_UNTIL_READY`]).
//! 3. Every path needs a token of the account, as `X-Access-Token` or `Authorization: Bearer`: the service's own, or one
//!    of the two of the user's that are the same at every start. One without `api_write` changes nothing (403); one that
//!    was revoked is refused from the next request on (401).
//! 4. Lists are bare arrays, cut by `limit` and `skip`, with `X-Pagination-*`; errors are `{type, message}`.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let fake = mittwald_mcp::fake::Fake::start("ada").await?;
//! assert!(fake.url().starts_with("http://127.0.0.1:"));
//! # Ok::<_, std::io::Error>(()) }).unwrap();
//! ```

mod answer;
mod apps;
mod backups;
mod containers;
mod databases;
mod declare;
mod domains;
mod gate;
mod model;
mod page;
mod projects;
mod seed;
mod seed_hosting;
mod stack;
mod tokens;
mod users;
mod world;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use answer::Problem;
use world::Shared;

pub use seed::{
    DEMO_RO_TOKEN, DEMO_RO_TOKEN_ID, DEMO_RW_TOKEN, DEMO_RW_TOKEN_ID, FIRST_SERVER, SERVICE_TOKEN_ID,
    SPARE_TOKEN_ID,
};
pub use seed_hosting::AUTH_CODE;
pub use world::READS_UNTIL_READY;

/// A running fake. It ends when it is dropped.
#[derive(Debug)]
pub struct Fake {
    url: String,
    token: SecretString,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Fake {
    /// Starts on a free loopback port, for an account whose user has this first name.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(user: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/v2", listener.local_addr()?);
        let token = seed::service_token();
        let shared = Arc::new(Shared::new(seed::world(user, &token)));
        let router = router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fake mittwald API ended");
            }
        });
        Ok(Self { url, token, shared, task: task.abort_handle() })
    }

    /// The base URL, with the version: `http://127.0.0.1:PORT/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The service's token: random, made at start.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// Answers so many more requests, and 429 from then on. `None` lifts the limit.
    pub fn limit_requests(&self, requests: Option<u32>) {
        self.shared.limit_requests(requests);
    }

    /// How many requests arrived with a good token.
    #[must_use]
    pub fn served(&self) -> usize {
        self.shared.served()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let v2 = Router::new()
        .route("/users/{id}", get(users::get))
        .route("/users/self/credentials/token", post(tokens::check))
        .route("/users/self/api-tokens", get(tokens::list))
        .route("/users/self/api-tokens/{id}", get(tokens::get).delete(tokens::revoke))
        .route("/servers", get(projects::servers))
        .route("/customers", get(users::customers))
        .route("/projects", get(projects::list))
        .route("/projects/{id}", get(projects::get).delete(projects::delete))
        .route("/servers/{id}/projects", post(projects::create))
        .route("/projects/{id}/app-installations", get(apps::list))
        .route("/app-installations/{id}", get(apps::get).patch(apps::update).delete(apps::uninstall))
        .route("/projects/{id}/mysql-databases", get(databases::list).post(databases::create))
        .route("/mysql-databases/{id}", get(databases::get).delete(databases::delete))
        .route("/projects/{id}/services", get(containers::services))
        .route("/projects/{id}/stacks", get(containers::stacks))
        .route("/stacks/{id}", get(containers::stack).put(containers::declare))
        .route("/stacks/{id}/services/{service}/logs", get(containers::logs))
        .route("/stacks/{id}/services/{service}/actions/restart", post(containers::restart))
        .route("/projects/{id}/backups", get(backups::list).post(backups::create))
        .route("/projects/{id}/backup-schedules", get(backups::schedules).post(backups::schedule))
        .route("/project-backups/{id}", get(backups::get).delete(backups::delete))
        .route("/domains", get(domains::list))
        .fallback(|| async { Problem::not_found("route") })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(from_fn_with_state(Arc::clone(&shared), gate::gate))
        .with_state(shared);
    Router::new().nest("/v2", v2)
}
