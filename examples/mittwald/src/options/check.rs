//! From what was given to what holds.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Account, ApiOptions, AuthorityOptions, Cli, Embedded, Introspection, Options, parse, place};
use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::Fallback;
use mcp_auth_core::http::TrustedProxies;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

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
    let api = api(cli.api_url.as_deref(), cli.api_token, &mut errors);
    let store = place::store(cli.store.as_deref(), cli.data, cli.key, &mut errors);
    let audit = place::audit(cli.audit.as_deref(), store.as_ref(), &mut errors);
    let introspection = introspection(cli.introspection_url, cli.introspection_client, &mut errors);
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
            let approve = (!cli.approve.is_empty()).then_some("--approve");
            for flag in given.chain(users).chain(clients).chain(approve) {
                errors.push(
                    format!("{flag} is about the embedded authorization server, and --issuer replaces it"),
                    "remove one of the two",
                );
            }
            AuthorityOptions::External {
                issuer,
                audiences: cli.audience,
                jwks_uri: cli.jwks_uri,
                introspection,
            }
        }
        None => {
            for (flag, given) in [
                ("--audience", !cli.audience.is_empty()),
                ("--jwks-uri", cli.jwks_uri.is_some()),
                ("--introspection-url", introspection.is_some()),
            ] {
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
    let cannot_ask = cannot_ask(&cli.cannot_ask, &mut errors);
    let (Some(listen), Ok(trusted_proxies), Some(api), Some(store)) = (listen, proxies, api, store) else {
        return Err(errors);
    };
    errors.into_result(Options {
        listen,
        public_url,
        authority,
        approve: cli.approve,
        allowed_origins: cli.allowed_origin,
        allowed_hosts: cli.allowed_host,
        challenge_scope: cli.challenge_scope,
        trusted_proxies,
        api,
        store,
        audit,
        cannot_ask,
    })
}

fn cannot_ask(text: &str, errors: &mut ConfigErrors) -> Fallback {
    match text {
        "refuse" => Fallback::Refuse,
        "two-step" => Fallback::TwoStep,
        _ => {
            errors.push(format!("--cannot-ask `{text}` is not known"), "write refuse or two-step");
            Fallback::Refuse
        }
    }
}

fn listen(text: &str, errors: &mut ConfigErrors) -> Option<SocketAddr> {
    text.parse()
        .map_err(|_| {
            errors.push(format!("--listen `{text}` is no address"), "write ADDRESS:PORT: 127.0.0.1:8787")
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

fn ttl_of(flag: &str, text: &str, errors: &mut ConfigErrors) -> Option<Duration> {
    let ttl = parse::duration(text);
    if ttl.is_none() {
        errors.push(format!("{flag} `{text}` is no duration"), "write a number and s, m, h or d: 20s, 1h");
    }
    ttl
}

fn introspection(
    url: Option<String>,
    client: Option<SecretString>,
    errors: &mut ConfigErrors,
) -> Option<Introspection> {
    let (url, client) = match (url, client) {
        (None, None) => return None,
        (Some(url), Some(client)) => (url, client),
        _ => {
            errors.push(
                "--introspection-url and --introspection-client belong together",
                "give the endpoint and ID:SECRET of this service there, or neither",
            );
            return None;
        }
    };
    let clients = expand("--introspection-client", vec![client], errors);
    let client = clients.first().and_then(|client| client.expose_secret().split_once(':'));
    let Some((id, secret)) = client.filter(|(id, secret)| !id.is_empty() && !secret.is_empty()) else {
        errors
            .push("--introspection-client is not ID:SECRET", "write id and secret with a colon between them");
        return None;
    };
    Some(Introspection { url, client_id: id.to_owned(), client_secret: secret.into() })
}

fn users(values: Vec<SecretString>, errors: &mut ConfigErrors) -> Vec<Account> {
    let given = !values.is_empty();
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
    if given && users.is_empty() && errors.as_slice().is_empty() {
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

fn api(url: Option<&str>, token: Option<SecretString>, errors: &mut ConfigErrors) -> Option<ApiOptions> {
    let tokens = expand("--api-token", token.into_iter().collect(), errors);
    let token = tokens.into_iter().next().filter(|token| !token.expose_secret().is_empty());
    let Some(text) = url else {
        if token.is_some() {
            errors.push(
                "--api-token is given, and --api-url is not: the fake has a token of its own",
                "add --api-url https://api.mittwald.de/v2, or remove --api-token",
            );
        }
        return Some(ApiOptions::Fake);
    };
    let url = Url::parse(text).ok().filter(|url| {
        let secure =
            url.scheme() == "https" || (url.scheme() == "http" && mcp_auth_core::http::is_loopback(url));
        secure && url.query().is_none() && url.fragment().is_none() && url.password().is_none()
    });
    if url.is_none() {
        errors.push("--api-url is no https URL", "write https://api.mittwald.de/v2");
    }
    if token.is_none() {
        errors.push("--api-url is given, and --api-token is not", "give the service's own API token");
    }
    Some(ApiOptions::At { url: url?, token: token? })
}
