//! The server: everything joined, started and ended.
//!
//! 1. `/mcp` is the guarded MCP service; well-known documents and the provider's endpoints lie at the root, the pages beside them.
//! 2. `/healthz` says that the process answers, `/readyz` that requests can be decided.
//! 3. It ends within [`END_WITHIN`]: leased streams end, sessions are cancelled, what is left is cut; then the files are closed.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use mcp_auth_actix::{McpAuth, mcp_service, routes};
use mcp_auth_core::Guard;
use mcp_auth_core::audit::{JsonLines, OpenError};
use mcp_auth_core::background::Background;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::policy::PolicyError;
use mcp_auth_core::store::Store;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::VerifierRouter;
use mcp_auth_core::verify::api_key::{ApiKeys, KeyError};
use mcp_auth_provider::{Provider, SigningKey, SigningKeyError};
use mcp_auth_store::SqliteStore;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::accounts::{Accounts, AccountsError};
use crate::activity::Activity;
use crate::authority;
use crate::banner::Banner;
use crate::confirming;
use crate::data::{Data, DataError};
use crate::domain::Domain;
use crate::journal::Journal;
use crate::keys;
use crate::options::{AuthorityOptions, Options};
use crate::policies::{Confirming, policies};
use crate::sessions::Sessions;
use crate::tools::{Corcava, Previews};
use crate::web::{SETTINGS, Web};

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
    /// The data directory.
    #[error("the data cannot be opened: {0}")]
    Data(#[from] DataError),
    /// The users.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The key that signs tokens.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    /// The record of calls.
    #[error("the record of calls: {0}; give another --audit, or --audit off")]
    Record(#[from] OpenError),
    /// The first API key.
    #[error("the first key cannot be made: {0}")]
    Keys(#[from] KeyError),
    /// The tools' definitions cannot be read.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The origin that clients use is no URL.
    #[error("the public URL is no origin")]
    Origin(#[from] url::ParseError),
}

/// A running server. Dropped, it ends at once; [`Running::stop`] ends it in order.
#[must_use = "the server ends when this is dropped"]
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    guard: Guard,
    banner: Banner,
    domain: Domain,
    sqlite: SqliteStore,
    keys: ApiKeys,
    record: Option<JsonLines>,
    sessions: CancellationToken,
    handle: ServerHandle,
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

    /// The keys that are taken.
    #[must_use]
    pub fn keys(&self) -> &ApiKeys {
        &self.keys
    }

    /// What to show to whoever started it. It holds the demo user's password and the first key.
    #[must_use]
    pub fn banner(&self) -> &Banner {
        &self.banner
    }

    /// Ends it: nothing new is taken, streams end, and after [`END_WITHIN`] what is left is cut.
    pub async fn stop(mut self) {
        self.guard.shutdown();
        self.sessions.cancel();
        // Told before it is waited for.
        drop(self.handle.stop(true));
        if tokio::time::timeout(END_WITHIN, &mut self.server).await.is_err() {
            tracing::warn!("connections were cut after {} s", END_WITHIN.as_secs());
        }
        if let Some(record) = &self.record {
            record.close().await;
        }
        self.background.abort();
        self.domain.close().await;
        self.sqlite.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        self.server.abort();
        self.background.abort();
    }
}

/// What only an embedded authorization server brings along.
struct Embedded {
    provider: Provider,
    background: Background,
    accounts: Accounts,
    sessions: Sessions,
}

/// Starts the server. It answers when this returns.
///
/// # Errors
/// [`StartError`] says what is wrong, and how to fix it.
pub async fn start(options: Options) -> Result<Running, StartError> {
    start_behind(options, |store| store).await
}

/// The same, with something before the store of keys, grants and sessions: it sees all that is asked of that.
///
/// # Errors
/// As [`start`]'s.
pub async fn start_behind(
    options: Options,
    before: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
) -> Result<Running, StartError> {
    let listen_error = |source| StartError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let origin = match &options.public_url {
        Some(url) => url.origin(),
        None => Url::parse(&format!("http://{address}"))?.origin(),
    };
    let origin = origin.ascii_serialization();
    let mcp_url = format!("{origin}/mcp");
    let data = Data::open(&options.data, before).await?;

    let mut embedded = embedded(&options, &data, &origin, &mcp_url).await?;
    let (verifier, issuer) = match (&embedded, &options.authority) {
        (None, AuthorityOptions::External { issuer, audiences, jwks_uri }) => {
            (authority::external(issuer, audiences, jwks_uri.as_deref())?, issuer.as_str())
        }
        (Some(embedded), _) => (VerifierRouter::new().jwt(embedded.provider.verifier()), origin.as_str()),
        (None, AuthorityOptions::Embedded(_)) => (VerifierRouter::new(), origin.as_str()),
    };
    // The same users come by token and by key.
    let keys = keys::api_keys(data.store(), issuer, options.environment)?;
    if let Some(embedded) = &mut embedded {
        embedded.accounts.end(&embedded.provider, &keys).await?;
    }
    let key = match &embedded {
        // What is printed ends up in logs: real users make their own.
        Some(Embedded { accounts: Accounts { names, is_demo: true, .. }, .. }) => {
            keys::first_key(&data.store(), &keys, names.first().map_or("", String::as_str)).await?
        }
        _ => None,
    };
    let sessions = embedded.as_ref().map(|embedded| embedded.sessions.clone());
    let (gate, approval) = confirming::gate(data.store(), &data.ring, &mcp_url, &origin, sessions)?;
    let confirming = Confirming {
        environment: options.environment,
        previews: Previews::new(data.domain.clone()),
        has_page: approval.is_some(),
    };
    let journal = options.audit.as_deref().map(Journal::open).transpose()?;
    let activity = options.audit.as_deref().zip(journal.as_ref());
    let activity = activity.map(|(path, journal)| Activity::new(path, journal, options.audit_archived));
    let guard = Guard::builder(&mcp_url)
        .name("Corcava")
        .tools(policies(&confirming)?)
        .confirmation(gate)
        .challenge_scope(&options.challenge_scope)
        .allowed_hosts(&options.allowed_hosts)
        .allowed_origins(&options.allowed_origins)
        .trusted_proxies(options.trusted_proxies.clone())
        .verifier(verifier.shape(keys::is_key_shaped, keys.clone()));
    let guard = match &journal {
        Some(journal) => guard.audit(journal.audit.clone()),
        None => guard,
    };
    let (guard, background) = guard.build()?;
    let (record, background) = match journal {
        Some(journal) => (Some(journal.lines), background.and(journal.background)),
        None => (None, background),
    };
    let mut banner = Banner {
        mcp_url,
        settings_url: embedded.is_some().then(|| format!("{origin}{SETTINGS}")),
        sign_in: match &options.authority {
            AuthorityOptions::External { issuer, .. } => format!("at {issuer}"),
            AuthorityOptions::Embedded(_) => embedded
                .as_ref()
                .map_or_else(String::new, |embedded| format!("as {}", embedded.accounts.names.join(", "))),
        },
        demo_password: None,
        key: key.map(|key| key.expose_secret().into()),
        environment: options.environment.as_str(),
    };
    let (background, provider, web) = match embedded {
        Some(Embedded { provider, background: more, accounts, sessions }) => {
            banner.demo_password = accounts.demo_password;
            let web = Web {
                sessions,
                users: accounts.users,
                keys: keys.clone(),
                environment: options.environment,
                origin: Url::parse(&origin)?,
                mcp_url: banner.mcp_url.clone(),
                proxies: options.trusted_proxies.clone(),
                clock: Clock::system(),
                domain: data.domain.clone(),
                provider: provider.clone(),
                activity,
            };
            (background.and(more), Some(provider), Some(web))
        }
        None => (background, None, None),
    };

    // The guard has checked host and origin, with the public URL in mind; rmcp's own list knows loopback only.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let sessions = config.cancellation_token.clone();
    let tools = Corcava::new(data.domain.clone());
    let mcp =
        StreamableHttpService::new(move || Ok(tools.clone()), LocalSessionManager::default().into(), config);
    let guarded = guard.clone();
    let app = move || {
        let app = App::new()
            .service(
                web::resource("/mcp").wrap(McpAuth::new(guarded.clone())).route(mcp_service(mcp.clone())),
            )
            .configure(routes(&guarded))
            .configure(health(&guarded));
        let app = match &provider {
            Some(provider) => app.configure(routes(provider)),
            None => app,
        };
        let app = match &approval {
            Some(page) => app.configure(routes(page)),
            None => app,
        };
        match &web {
            Some(web) => app.configure(web.routes()),
            None => app,
        }
    };
    let server = HttpServer::new(app)
        .disable_signals()
        .shutdown_timeout(END_WITHIN.as_secs())
        // Whoever leaves while a call runs cancels it.
        .h1_allow_half_closed(false)
        .listen(listener)
        .map_err(listen_error)?
        .run();
    let handle = server.handle();
    let server = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the server ended");
        }
    });
    let background = tokio::spawn(background);
    let Data { domain, sqlite, .. } = data;
    Ok(Running { address, guard, banner, domain, sqlite, keys, record, sessions, handle, server, background })
}

async fn embedded(
    options: &Options,
    data: &Data,
    origin: &str,
    mcp_url: &str,
) -> Result<Option<Embedded>, StartError> {
    let AuthorityOptions::Embedded(embedded) = &options.authority else { return Ok(None) };
    let accounts = Accounts::open(data.store(), &data.ring, &embedded.users).await?;
    let (is_secure, users) = (origin.starts_with("https://"), Arc::clone(&accounts.users));
    let sessions = Sessions::new(data.store(), Clock::system(), is_secure, users);
    let parts = authority::Parts {
        embedded,
        origin,
        mcp_url,
        proxies: &options.trusted_proxies,
        store: data.store(),
        signing: SigningKey::load(data.store(), data.ring.clone()).await?,
        sessions: sessions.clone(),
    };
    let (provider, background) = authority::provider(parts)?;
    Ok(Some(Embedded { provider, background, accounts, sessions }))
}

fn health(guard: &Guard) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let guard = guard.clone();
    move |config| {
        let ready = move || {
            let is_ready = guard.is_ready();
            async move {
                if is_ready {
                    HttpResponse::Ok().body("ready\n")
                } else {
                    HttpResponse::ServiceUnavailable().body("not ready\n")
                }
            }
        };
        config.route("/healthz", web::get().to(|| async { "ok\n" })).route("/readyz", web::get().to(ready));
    }
}
