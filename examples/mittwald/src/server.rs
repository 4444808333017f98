//! The server: everything joined, started and ended.
//!
//! 1. `/mcp` is the guarded MCP service; well-known documents and the provider's endpoints lie at the root.
//! 2. `/healthz` says that the process answers, `/readyz` that requests can be decided.
//! 3. It ends within [`END_WITHIN`]: leased streams end, sessions are cancelled, what is left is cut.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use mcp_auth_axum::McpAuthLayer;
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{Audit, JsonLines, OpenError};
use mcp_auth_core::background::Background;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::policy::PolicyError;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::api::{Api, ApiSetupError};
use crate::approvals;
use crate::authority::{Authority, AuthorityError, Places};
use crate::banner::Banner;
use crate::fake::Fake;
use crate::logins::{self, Logins, LoginsError};
use crate::options::{ApiOptions, AuthorityOptions, Options};
use crate::policies::policies;
use crate::state::{State, StateError};
use crate::tools::Mittwald;

/// The longest that ending takes, open streams included.
pub const END_WITHIN: Duration = Duration::from_secs(4);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The fake API cannot be started.
    #[error("the fake mittwald API cannot start")]
    Fake(#[source] io::Error),
    /// The API's client cannot be made.
    #[error(transparent)]
    Api(#[from] ApiSetupError),
    /// The tools' definitions cannot be read.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// The store, or the key that seals its secrets.
    #[error(transparent)]
    State(#[from] StateError),
    /// The record of calls.
    #[error("the record of calls: {0}; give another --audit, or --audit off")]
    Record(#[from] OpenError),
    /// The logins.
    #[error(transparent)]
    Logins(#[from] LoginsError),
    /// Who issues tokens.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
}

/// A running server. Dropped, it ends at once; [`Running::stop`] ends it in order.
#[must_use = "the server ends when this is dropped"]
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    guard: Guard,
    banner: Banner,
    fake: Option<Fake>,
    state: State,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    background: JoinHandle<()>,
}

impl Running {
    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn mcp_url(&self) -> &str {
        self.guard.resource()
    }

    /// The fake API, if the tools use it.
    #[must_use]
    pub fn fake(&self) -> Option<&Fake> {
        self.fake.as_ref()
    }

    /// What to show to whoever started it. It holds the demo user's password.
    #[must_use]
    pub fn banner(&self) -> &Banner {
        &self.banner
    }

    /// Ends it: nothing new is taken, streams end, and after [`END_WITHIN`] what is left is cut.
    pub async fn stop(mut self) {
        let record = self.guard.shutdown();
        self.stop.send_replace(true);
        if tokio::time::timeout(END_WITHIN, &mut self.server).await.is_err() {
            tracing::warn!("connections were cut after {} s", END_WITHIN.as_secs());
        }
        record.await;
        self.state.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
        self.background.abort();
    }
}

/// Starts the server. It answers when this returns.
///
/// # Errors
/// [`StartError`] says what is wrong, and how to fix it.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let listen_error = |source| StartError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let origin = match &options.public_url {
        Some(url) => url.origin().ascii_serialization(),
        None => format!("http://{address}"),
    };
    let mcp_url = format!("{origin}/mcp");

    let state = State::open(&options.store).await?;
    let logins = match &options.authority {
        AuthorityOptions::Embedded(embedded) => logins::load(&state, &embedded.users).await?,
        AuthorityOptions::External { .. } => Logins::default(),
    };
    let (api_url, api, fake) = match &options.api {
        ApiOptions::At { url, token } => (url.clone(), Api::new(url.clone(), token.clone())?, None),
        ApiOptions::Fake => {
            let owner = logins.names.first().map_or("ada", String::as_str);
            let fake = Fake::start(owner).await.map_err(StartError::Fake)?;
            let url = Url::parse(fake.url()).map_err(|error| StartError::Fake(io::Error::other(error)))?;
            (url.clone(), Api::new(url, fake.token().clone())?, Some(fake))
        }
    };
    let banner = Banner::new(&mcp_url, &options.authority, &logins, &state, fake.is_some());

    let guard = Guard::builder(&mcp_url)
        .name("mittwald")
        .tools(approvals::demand(policies(&api, options.cannot_ask)?, &options.approve))
        .challenge_scope(&options.challenge_scope)
        .allowed_hosts(&options.allowed_hosts)
        .allowed_origins(&options.allowed_origins)
        .trusted_proxies(options.trusted_proxies.clone());
    let places = Places { origin: &origin, mcp: &mcp_url, api: &api_url, proxies: &options.trusted_proxies };
    let authority = Authority::new(&options.authority, logins, &places, &state).await?;
    let guard = match &authority.approvers {
        Some(approvers) if !options.approve.is_empty() => {
            guard.confirmation(approvals::gate(&places, approvers.clone(), &state)?)
        }
        _ => guard,
    };
    // Who did what, and who allowed it: a write that cannot be recorded does not run. The guard's shutdown writes its end.
    let record =
        options.audit.as_deref().map(|path| JsonLines::builder(path).key_beside().open()).transpose()?;
    let (guard, writer) = match record {
        Some((lines, writer)) => (guard.audit(Audit::new(lines)), Some(writer)),
        None => (guard, None),
    };
    let (guard, background) = guard.verifier(authority.verifier).build()?;
    let background = [authority.background, writer].into_iter().flatten().fold(background, Background::and);

    // The guard has checked host and origin, with the public URL in mind; rmcp's own list knows loopback only.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let sessions = config.cancellation_token.clone();
    let tools = Mittwald::new(api, authority.revocations);
    let mcp =
        StreamableHttpService::new(move || Ok(tools.clone()), LocalSessionManager::default().into(), config);
    let app = Router::new()
        .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
        .merge(mcp_auth_axum::routes(&guard))
        .merge(authority.routes)
        .merge(health(&guard));

    let (stop, mut stopped) = watch::channel(false);
    let ending = async move {
        // An error means that the sender is gone, which ends the server too.
        drop(stopped.wait_for(|stopped| *stopped).await);
        sessions.cancel();
    };
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(ending).await {
            tracing::error!(%error, "the server ended");
        }
    });
    let background = tokio::spawn(background);
    Ok(Running { address, guard, banner, fake, state, stop, server, background })
}

fn health(guard: &Guard) -> Router {
    let guard = guard.clone();
    let ready = move || async move {
        if guard.is_ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}
