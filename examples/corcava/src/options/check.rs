//! From what was given to what holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::http::TrustedProxies;
use secrecy::SecretString;
use url::Url;

use super::{Account, AuthorityOptions, Cli, Embedded, Options, parse};
use crate::environment::Environment;

const RECORD: &str = "audit.jsonl";

/// Checks everything and reports every problem.
pub(super) fn check(cli: Cli) -> Result<Options, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let listen = listen(&cli.listen, &mut errors);
    let public_url = cli.public_url.as_deref().and_then(|text| public_url(text, &mut errors));
    if listen.is_some_and(|address| !address.ip().is_loopback()) && cli.public_url.is_none() {
        errors.push(
            format!("--listen {} is reachable from outside, and no public URL is known", cli.listen),
            "give --public-url https://…, the origin that clients use",
        );
    }
    if ScopeSet::parse(&cli.challenge_scope).is_err() {
        errors.push("--challenge-scope is no list of scopes", "write scopes separated by single spaces");
    }
    let proxies = TrustedProxies::parse(cli.trusted_proxy.iter().map(String::as_str))
        .map_err(|error| errors.push(format!("--trusted-proxy: {error}"), "write a network: 10.0.0.0/8"));
    let environment = Environment::read(&cli.environment);
    if environment.is_none() {
        errors.push(
            format!("--environment `{}` is none", cli.environment),
            "write production, staging or development",
        );
    }
    let ttls = [
        ("--access-token-ttl", cli.access_token_ttl),
        ("--refresh-token-ttl", cli.refresh_token_ttl),
        ("--code-ttl", cli.code_ttl),
    ];
    let authority = match cli.issuer {
        Some(issuer) => {
            let given = ttls.iter().filter(|(_, ttl)| ttl.is_some()).map(|(flag, _)| *flag);
            let users = (!cli.user.is_empty()).then_some("--user");
            let clients = (!cli.client.is_empty()).then_some("--client");
            for flag in given.chain(users).chain(clients) {
                errors.push(
                    format!("{flag} is about the embedded authorization server, and --issuer replaces it"),
                    "remove one of the two",
                );
            }
            AuthorityOptions::External { issuer, audiences: cli.audience, jwks_uri: cli.jwks_uri }
        }
        None => {
            for (flag, given) in
                [("--audience", !cli.audience.is_empty()), ("--jwks-uri", cli.jwks_uri.is_some())]
            {
                if given {
                    errors.push(
                        format!("{flag} has no meaning without --issuer"),
                        "add --issuer, or remove it",
                    );
                }
            }
            let [access, refresh, code] =
                ttls.map(|(flag, ttl)| ttl.and_then(|text| ttl_of(flag, &text, &mut errors)));
            AuthorityOptions::Embedded(Embedded {
                users: users(cli.user, &mut errors),
                clients: clients(cli.client, &mut errors),
                access_token_ttl: access,
                refresh_token_ttl: refresh,
                code_ttl: code,
            })
        }
    };
    let audit = audit(cli.audit.as_deref(), &cli.data, &mut errors);
    let (Some(listen), Ok(trusted_proxies), Some(environment)) = (listen, proxies, environment) else {
        return Err(errors);
    };
    errors.into_result(Options {
        listen,
        public_url,
        authority,
        allowed_origins: cli.allowed_origin,
        allowed_hosts: cli.allowed_host,
        challenge_scope: cli.challenge_scope,
        trusted_proxies,
        data: cli.data,
        audit,
        audit_archived: cli.audit_archived,
        environment,
    })
}

fn listen(text: &str, errors: &mut ConfigErrors) -> Option<SocketAddr> {
    text.parse()
        .map_err(|_| {
            errors.push(format!("--listen `{text}` is no address"), "write ADDRESS:PORT: 127.0.0.1:8788")
        })
        .ok()
}

fn public_url(text: &str, errors: &mut ConfigErrors) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        plain && url.has_host() && url.username().is_empty() && url.password().is_none()
    });
    if url.is_none() {
        errors.push(
            "--public-url is no origin",
            "write scheme and host, without a path: https://mcp.example.com",
        );
    }
    url
}

/// Where calls are recorded.
fn audit(text: Option<&str>, data: &Path, errors: &mut ConfigErrors) -> Option<PathBuf> {
    match text.map(|text| (text, text.split_once(':'))) {
        None => Some(data.join(RECORD)),
        Some(("off", _)) => None,
        Some((_, Some(("jsonl", path)))) if !path.is_empty() => Some(path.into()),
        Some((other, _)) => {
            errors.push(format!("--audit `{other}` is no place"), "write jsonl:PATH or off");
            None
        }
    }
}

fn ttl_of(flag: &str, text: &str, errors: &mut ConfigErrors) -> Option<Duration> {
    let ttl = parse::duration(text);
    if ttl.is_none() {
        errors.push(format!("{flag} `{text}` is no duration"), "write a number and s, m, h or d: 20s, 1h");
    }
    ttl
}

fn users(values: Vec<SecretString>, errors: &mut ConfigErrors) -> Vec<Account> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut users: Vec<Account> = Vec::new();
    for (number, value) in (1..).zip(expand("--user", values, errors)) {
        match parse::account(&value) {
            Some(user) if users.iter().any(|known| known.name == user.name) => {
                errors.push(format!("--user: `{}` is there twice", user.name), "keep one of the two");
            }
            Some(user) => users.push(user),
            None => errors.push(
                format!("--user: entry {number} is not NAME:PASSWORD"),
                "write name and password with a colon between them, or @FILE",
            ),
        }
    }
    if users.is_empty() && errors.as_slice().is_empty() {
        errors.push("--user: the file names nobody", "write NAME:PASSWORD, one a line");
    }
    users
}

fn clients(values: Vec<SecretString>, errors: &mut ConfigErrors) -> Vec<super::ClientOptions> {
    let values = expand("--client", values, errors);
    let mut clients = Vec::new();
    for (number, value) in (1..).zip(values) {
        match parse::client(&value) {
            Some(client) => clients.push(client),
            None => errors.push(
                format!("--client: entry {number} is not `ID[:SECRET] REDIRECT…`"),
                "write the id, a colon and the secret if there is one, and each redirect URI after a space",
            ),
        }
    }
    clients
}

fn expand(flag: &str, values: Vec<SecretString>, errors: &mut ConfigErrors) -> Vec<SecretString> {
    parse::expand(values).unwrap_or_else(|error| {
        errors.push(format!("{flag}: {error}"), "give the path of a readable file after the @");
        Vec::new()
    })
}
