//! What the server is started with: flags, or `MITTWALD_MCP_*` in the environment.
//!
//! 1. Every problem is reported at once, each with its fix.
//! 2. Secrets are never shown: not by `Debug`, not by `--help`, not in a problem.
//! 3. `@FILE` takes secrets from a file, one a line, so that they stay out of the list of processes.
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the comments of the flags are their help texts"
)]

mod check;
mod parse;
mod place;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::Fallback;
use mcp_auth_core::http::TrustedProxies;
use mcp_auth_core::store::KeyRing;
use secrecy::SecretString;
use url::Url;

use crate::policies::DEFAULT_CHALLENGE;

/// A mittwald-style MCP server with an embedded authorization server.
#[derive(Debug, Parser)]
#[command(name = "mittwald-mcp", version)]
#[allow(missing_docs)] // The comments are the help; clap reads them.
pub struct Cli {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "MITTWALD_MCP_LISTEN", default_value = "127.0.0.1:8787")]
    pub listen: String,
    /// Origin that clients use, such as https://mcp.example.com [default: http://ADDRESS of --listen]
    #[arg(long, env = "MITTWALD_MCP_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Trust this authorization server instead of the embedded one
    #[arg(long, env = "MITTWALD_MCP_ISSUER")]
    pub issuer: Option<String>,
    /// Audience that its tokens must have; repeatable [default: the MCP URL]
    #[arg(long, env = "MITTWALD_MCP_AUDIENCE", value_delimiter = ',')]
    pub audience: Vec<String>,
    /// Where its keys are [default: discovered]
    #[arg(long, env = "MITTWALD_MCP_JWKS_URI")]
    pub jwks_uri: Option<String>,
    /// Where that authorization server is asked about tokens that are no JWTs (RFC 7662)
    #[arg(long, env = "MITTWALD_MCP_INTROSPECTION_URL")]
    pub introspection_url: Option<String>,
    /// ID:SECRET of this service there, or @FILE
    #[arg(
        long,
        env = "MITTWALD_MCP_INTROSPECTION_CLIENT",
        hide_env_values = true,
        value_parser = parse::secret
    )]
    pub introspection_client: Option<SecretString>,
    /// Directory for what outlives the process [default: $XDG_DATA_HOME/mittwald-mcp]
    #[arg(long, env = "MITTWALD_MCP_DATA")]
    pub data: Option<PathBuf>,
    /// Where logins, grants and keys are kept: sqlite:PATH, or memory [default: a file in --data]
    #[arg(long, env = "MITTWALD_MCP_STORE")]
    pub store: Option<String>,
    /// Key that seals secrets in the store, as base64, or @FILE [default: made beside the store]
    #[arg(long, env = "MITTWALD_MCP_KEY", hide_env_values = true, value_parser = parse::secret)]
    pub key: Option<SecretString>,
    /// Where calls are recorded: jsonl:PATH, or off [default: beside the store; off with --store memory]
    #[arg(long, env = "MITTWALD_MCP_AUDIT")]
    pub audit: Option<String>,
    /// What a client gets that cannot ask its user before a destructive tool: refuse, or two-step
    #[arg(long, env = "MITTWALD_MCP_CANNOT_ASK", default_value = "refuse")]
    pub cannot_ask: String,
    /// Tool whose calls a signed-in user approves on a page of this server, whatever the client can ask; repeatable
    #[arg(long, env = "MITTWALD_MCP_APPROVE", value_delimiter = ',')]
    pub approve: Vec<String>,
    /// Origin of a web page that may call, such as https://app.example.com; repeatable
    #[arg(long, env = "MITTWALD_MCP_ALLOWED_ORIGIN", value_delimiter = ',')]
    pub allowed_origin: Vec<String>,
    /// Host that requests may name beside that of the public URL; repeatable
    #[arg(long, env = "MITTWALD_MCP_ALLOWED_HOST", value_delimiter = ',')]
    pub allowed_host: Vec<String>,
    /// Scopes that the first 401 asks for
    #[arg(long, env = "MITTWALD_MCP_CHALLENGE_SCOPE", default_value = DEFAULT_CHALLENGE)]
    pub challenge_scope: String,
    /// Life of an access token: 20s, 15m, 1h [default: the provider's]
    #[arg(long, env = "MITTWALD_MCP_ACCESS_TOKEN_TTL")]
    pub access_token_ttl: Option<String>,
    /// Life of a refresh token [default: the provider's]
    #[arg(long, env = "MITTWALD_MCP_REFRESH_TOKEN_TTL")]
    pub refresh_token_ttl: Option<String>,
    /// Life of an authorization code [default: the provider's]
    #[arg(long, env = "MITTWALD_MCP_CODE_TTL")]
    pub code_ttl: Option<String>,
    /// NAME:PASSWORD of who may sign in from now on, or @FILE with one a line; repeatable [default: as before, at first a demo user]
    #[arg(
        long,
        env = "MITTWALD_MCP_USER",
        hide_env_values = true,
        value_delimiter = '\n',
        value_parser = parse::secret
    )]
    pub user: Vec<SecretString>,
    /// 'ID[:SECRET] REDIRECT…' of a client that need not register, or @FILE with one a line; repeatable
    #[arg(
        long,
        env = "MITTWALD_MCP_CLIENT",
        hide_env_values = true,
        value_delimiter = '\n',
        value_parser = parse::secret
    )]
    pub client: Vec<SecretString>,
    /// Network of a reverse proxy whose X-Forwarded-For is believed, such as 10.0.0.0/8; repeatable
    #[arg(long, env = "MITTWALD_MCP_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<String>,
    /// What to log: error, warn, info, debug, or a filter such as mcp_auth_core=debug
    #[arg(long, env = "MITTWALD_MCP_LOG", default_value = "info,rmcp=warn")]
    pub log: String,
    /// The service's own token for the mittwald API, or @FILE [default: the fake's]
    #[arg(long, env = "MITTWALD_MCP_API_TOKEN", hide_env_values = true, value_parser = parse::secret)]
    pub api_token: Option<SecretString>,
    /// Base URL of the mittwald API, such as https://api.mittwald.de/v2 [default: a fake, in process]
    #[arg(long, env = "MITTWALD_MCP_API_URL")]
    pub api_url: Option<String>,
}

/// A configuration that was checked.
#[derive(Debug)]
pub struct Options {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Origin that clients use, if it is not that of `listen`.
    pub public_url: Option<Url>,
    /// Who issues tokens.
    pub authority: AuthorityOptions,
    /// Tools whose calls a signed-in user approves on a page.
    pub approve: Vec<String>,
    /// Origins of web pages that may call.
    pub allowed_origins: Vec<String>,
    /// Further hosts that requests may name.
    pub allowed_hosts: Vec<String>,
    /// Scopes that the first 401 asks for.
    pub challenge_scope: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The API behind the tools.
    pub api: ApiOptions,
    /// Where what outlives the process is kept.
    pub store: StoreOptions,
    /// Where calls are recorded; none if they are not.
    pub audit: Option<PathBuf>,
    /// What becomes of a destructive call of a client that cannot ask its user.
    pub cannot_ask: Fallback,
}

/// Where what outlives the process is kept.
#[derive(Debug)]
pub enum StoreOptions {
    /// Nowhere: it ends with the process.
    Memory,
    /// In one file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The directory that is made for it; none if it has to be there.
        directory: Option<PathBuf>,
        /// What seals secrets; none for the key file beside it, made if it is not there.
        key: Option<KeyRing>,
    },
}

/// Who issues tokens.
#[derive(Debug)]
pub enum AuthorityOptions {
    /// Another authorization server.
    External {
        /// Its identifier, to the character.
        issuer: String,
        /// Audiences that are taken; none for the MCP URL.
        audiences: Vec<String>,
        /// Where its keys are, if that is not discovered.
        jwks_uri: Option<String>,
        /// How it is asked about tokens that are no JWTs; without it they are refused.
        introspection: Option<Introspection>,
    },
    /// The embedded one.
    Embedded(Embedded),
}

/// How an authorization server is asked about tokens.
#[derive(Debug)]
pub struct Introspection {
    /// Its introspection endpoint.
    pub url: String,
    /// Who this service is there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

/// Settings of the embedded authorization server.
#[derive(Debug)]
pub struct Embedded {
    /// Who may sign in from now on; nobody for whoever could before.
    pub users: Vec<Account>,
    /// Clients that need not register.
    pub clients: Vec<ClientOptions>,
    /// Life of an access token.
    pub access_token_ttl: Option<Duration>,
    /// Life of a refresh token.
    pub refresh_token_ttl: Option<Duration>,
    /// Life of an authorization code.
    pub code_ttl: Option<Duration>,
}

/// A user who may sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The password.
    pub password: SecretString,
}

/// A client that need not register.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Its identifier.
    pub id: String,
    /// Its secret; a public client has none.
    pub secret: Option<SecretString>,
    /// Its redirect URIs, at least one.
    pub redirects: Vec<String>,
}

/// The API behind the tools.
#[derive(Debug)]
pub enum ApiOptions {
    /// The fake, in process.
    Fake,
    /// The API at a base URL, with the service's own token.
    At {
        /// The base URL, with the version.
        url: Url,
        /// The service's token.
        token: SecretString,
    },
}

impl Options {
    /// Reads the program's arguments and environment. Ends the process on `--help` and on unknown flags.
    ///
    /// # Errors
    /// Every problem, each with its fix.
    pub fn from_env() -> Result<(Self, String), ConfigErrors> {
        let cli = Cli::parse();
        let log = cli.log.clone();
        Ok((Self::new(cli)?, log))
    }

    /// Checks what was given.
    ///
    /// # Errors
    /// Every problem, each with its fix.
    pub fn new(cli: Cli) -> Result<Self, ConfigErrors> {
        check::check(cli)
    }
}
