//! What the server is started with: flags, or `CORCAVA_MCP_*` in the environment.
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

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::http::TrustedProxies;
use secrecy::SecretString;
use url::Url;

use crate::environment::Environment;
use crate::policies::DEFAULT_CHALLENGE;

/// A Corcava-style project-management server: MCP tools, API keys, OAuth.
#[derive(Debug, Parser)]
#[command(name = "corcava-mcp", version)]
#[allow(missing_docs)] // The comments are the help; clap reads them.
pub struct Cli {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "CORCAVA_MCP_LISTEN", default_value = "127.0.0.1:8788")]
    pub listen: String,
    /// Origin that clients use, such as https://mcp.example.com [default: http://ADDRESS of --listen]
    #[arg(long, env = "CORCAVA_MCP_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Trust this authorization server instead of the embedded one
    #[arg(long, env = "CORCAVA_MCP_ISSUER")]
    pub issuer: Option<String>,
    /// Audience that its tokens must have; repeatable [default: the MCP URL]
    #[arg(long, env = "CORCAVA_MCP_AUDIENCE", value_delimiter = ',')]
    pub audience: Vec<String>,
    /// Where its keys are [default: discovered]
    #[arg(long, env = "CORCAVA_MCP_JWKS_URI")]
    pub jwks_uri: Option<String>,
    /// Origin of a web page that may call, such as https://app.example.com; repeatable
    #[arg(long, env = "CORCAVA_MCP_ALLOWED_ORIGIN", value_delimiter = ',')]
    pub allowed_origin: Vec<String>,
    /// Host that requests may name beside that of the public URL; repeatable
    #[arg(long, env = "CORCAVA_MCP_ALLOWED_HOST", value_delimiter = ',')]
    pub allowed_host: Vec<String>,
    /// Scopes that the first 401 asks for
    #[arg(long, env = "CORCAVA_MCP_CHALLENGE_SCOPE", default_value = DEFAULT_CHALLENGE)]
    pub challenge_scope: String,
    /// Life of an access token: 20s, 15m, 1h [default: the provider's]
    #[arg(long, env = "CORCAVA_MCP_ACCESS_TOKEN_TTL")]
    pub access_token_ttl: Option<String>,
    /// Life of a refresh token [default: the provider's]
    #[arg(long, env = "CORCAVA_MCP_REFRESH_TOKEN_TTL")]
    pub refresh_token_ttl: Option<String>,
    /// Life of an authorization code [default: the provider's]
    #[arg(long, env = "CORCAVA_MCP_CODE_TTL")]
    pub code_ttl: Option<String>,
    /// NAME:PASSWORD of who may sign in, or @FILE with one a line; repeatable [default: a demo user]
    #[arg(
        long,
        env = "CORCAVA_MCP_USER",
        hide_env_values = true,
        value_delimiter = '\n',
        value_parser = parse::secret
    )]
    pub user: Vec<SecretString>,
    /// 'ID[:SECRET] REDIRECT…' of a client that need not register, or @FILE with one a line; repeatable
    #[arg(
        long,
        env = "CORCAVA_MCP_CLIENT",
        hide_env_values = true,
        value_delimiter = '\n',
        value_parser = parse::secret
    )]
    pub client: Vec<SecretString>,
    /// Network of a reverse proxy whose X-Forwarded-For is believed, such as 10.0.0.0/8; repeatable
    #[arg(long, env = "CORCAVA_MCP_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<String>,
    /// What to log: error, warn, info, debug, or a filter such as mcp_auth_core=debug
    #[arg(long, env = "CORCAVA_MCP_LOG", default_value = "info,rmcp=warn,actix_server=warn")]
    pub log: String,
    /// Directory that keeps everything: workspaces, keys, grants
    #[arg(long, env = "CORCAVA_MCP_DATA", default_value = "corcava-data")]
    pub data: PathBuf,
    /// Where calls are recorded: jsonl:PATH, or off [default: jsonl:audit.jsonl in --data]
    #[arg(long, env = "CORCAVA_MCP_AUDIT")]
    pub audit: Option<String>,
    /// The oldest files of that record were put aside on purpose: without this, the audit page calls it broken
    #[arg(long, env = "CORCAVA_MCP_AUDIT_ARCHIVED")]
    pub audit_archived: bool,
    /// Environment whose API keys are taken: production, staging, development
    #[arg(long, env = "CORCAVA_MCP_ENVIRONMENT", default_value = "production")]
    pub environment: String,
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
    /// Origins of web pages that may call.
    pub allowed_origins: Vec<String>,
    /// Further hosts that requests may name.
    pub allowed_hosts: Vec<String>,
    /// Scopes that the first 401 asks for.
    pub challenge_scope: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Directory that keeps everything.
    pub data: PathBuf,
    /// Where calls are recorded.
    pub audit: Option<PathBuf>,
    /// True if the record may begin later than with its first entry.
    pub audit_archived: bool,
    /// Environment whose API keys are taken.
    pub environment: Environment,
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
    },
    /// The embedded one.
    Embedded(Embedded),
}

/// Settings of the embedded authorization server.
#[derive(Debug)]
pub struct Embedded {
    /// Who may sign in; nobody: a demo user, made at the first start.
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
