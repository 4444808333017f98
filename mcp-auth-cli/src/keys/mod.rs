//! `mcp-auth keys …`
//!
//! 1. A secret is written to standard output, alone, and once; everything said about it goes to standard error.
//! 2. No secret is ever an argument: keys are named by their public ids.
//! 3. What is done here counts in a running server as soon as it hears of it, within a second.

mod output;
mod when;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use mcp_auth_core::ScopeSet;
use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};

use crate::failure::Failure;
use crate::store;
use output::Output;

const PAGE: usize = 200;

/// What every command of keys needs.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server's store: sqlite:PATH
    #[arg(long, env = "MCP_AUTH_STORE", global = true, default_value = "", hide_default_value = true)]
    store: String,
    /// Who vouches for the owners: the issuer that the server has
    #[arg(long, env = "MCP_AUTH_ISSUER", global = true, default_value = "", hide_default_value = true)]
    issuer: String,
    /// When a rotation is due, as the server has it: production=60d, development=never; 90d where nothing is said
    #[arg(
        long,
        env = "MCP_AUTH_ROTATE_AFTER",
        value_name = "ENVIRONMENT=AGE",
        value_delimiter = ',',
        global = true
    )]
    rotate_after: Vec<String>,
    /// Write JSON to standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; it is shown once
    Create {
        /// What its owner calls it; best the client and the machine: cursor-work-laptop
        #[arg(long)]
        name: String,
        /// The user that it acts for: the subject
        #[arg(long)]
        owner: String,
        /// What it grants, separated by spaces: "tasks:read tasks:write"
        #[arg(long, default_value = "")]
        scopes: String,
        /// The one environment that takes it
        #[arg(long, default_value = "production")]
        environment: String,
        /// When it ends: 90d, or 2027-01-31T12:00:00Z
        #[arg(long)]
        expires: Option<String>,
        /// What keys begin with, as the server has it
        #[arg(long, env = "MCP_AUTH_KEY_PREFIX", default_value = "mcp")]
        prefix: String,
    },
    /// List keys, without their secrets
    List {
        /// Only the keys of this user
        #[arg(long)]
        owner: Option<String>,
    },
    /// Call a key something else
    Rename {
        /// The key's id
        id: String,
        /// Its new name
        name: String,
    },
    /// Give a key another secret; it is shown once
    Rotate {
        /// The key's id
        id: String,
        /// How long the present secret is taken, too: 24h, 7d, 0s
        #[arg(long, default_value = "24h")]
        overlap: String,
    },
    /// End keys at once
    Revoke {
        /// The keys' ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Does what was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { store: place, issuer, rotate_after, json, command } = arguments;
    if issuer.is_empty() {
        return Err(Failure::usage(
            "no issuer was named",
            "give --issuer or set MCP_AUTH_ISSUER to what the server has: https://app.example",
        ));
    }
    let ages = rotate_after.iter().map(|text| read_age(text)).collect::<Result<Vec<_>, _>>()?;
    let makes_one = matches!(command, Command::Create { .. });
    let store = store::open(&place, makes_one).await?;
    let builder = ApiKeys::builder(Arc::new(store.clone())).issuer(issuer);
    let mut builder =
        ages.into_iter().fold(builder, |builder, (environment, age)| builder.rotate_after(environment, age));
    if let Command::Create { prefix, .. } = &command {
        builder = builder.prefix(prefix);
    }
    let done = execute(&builder.build()?, command, Output::new(json)).await;
    store.close().await;
    done
}

async fn execute(keys: &ApiKeys, command: Command, output: Output) -> Result<(), Failure> {
    let now = Clock::system().now();
    match command {
        Command::Create { name, owner, scopes, environment, expires, .. } => {
            let mut new = NewKey::new(name, owner).scopes(read_scopes(&scopes)?).environment(environment);
            if let Some(expires) = expires {
                new = new.expires_at(when::read(&expires, now)?);
            }
            output.secret(&keys.create(new).await?, now)
        }
        Command::List { owner } => {
            let mut listed = Vec::new();
            let mut after: Option<String> = None;
            loop {
                let page = match &owner {
                    Some(owner) => keys.list_of(owner, after.as_deref(), PAGE).await?,
                    None => keys.list(after.as_deref(), PAGE).await?,
                };
                listed.extend(page.keys);
                after = page.next;
                if after.is_none() {
                    return output.list(&listed, now);
                }
            }
        }
        Command::Rename { id, name } => {
            let renamed = keys.rename(&id, &name).await?;
            output.changed(&renamed, now, "renamed")
        }
        Command::Rotate { id, overlap } => {
            let overlap = when::duration("overlap", &overlap)?;
            output.secret(&keys.rotate(&id, overlap).await?, now)
        }
        Command::Revoke { ids } => {
            // Neither one that fails nor an answer that cannot be written keeps the others from being ended.
            let (mut failed, mut left) = (None, Vec::new());
            for id in ids {
                let done = match keys.revoke(&id).await {
                    Ok(revoked) => output.changed(&revoked, now, "revoked"),
                    Err(error) => {
                        left.push(id);
                        Err(error.into())
                    }
                };
                if let Err(failure) = done {
                    failed.get_or_insert(failure);
                }
            }
            for id in left {
                eprintln!("{id}: not revoked");
            }
            failed.map_or(Ok(()), Err)
        }
    }
}

fn read_scopes(text: &str) -> Result<ScopeSet, Failure> {
    ScopeSet::parse(text).map_err(|error| {
        Failure::usage(
            format!("--scopes: {error}"),
            "write scopes separated by spaces: \"tasks:read tasks:write\"",
        )
    })
}

/// An environment, and how old a secret may grow in it.
fn read_age(text: &str) -> Result<(&str, Option<Duration>), Failure> {
    let (environment, age) = text.split_once('=').ok_or_else(|| {
        Failure::usage(
            format!("--rotate-after: `{text}` names no environment and age"),
            "write production=60d, or production=never",
        )
    })?;
    let age = if age == "never" { None } else { Some(when::duration("rotate-after", age)?) };
    Ok((environment, age))
}
