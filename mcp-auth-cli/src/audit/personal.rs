//! What is personal: read while its key is in the server's store, and erased with it.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use mcp_auth_core::audit::personal::{self, Reveal};
use mcp_auth_core::store::{KeyRing, Sealed, StoreError};
use mcp_auth_store::SqliteStore;
use serde::Serialize;

use super::output::Output;
use crate::failure::Failure;
use crate::store;

/// Where the keys are.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The server's store, where the record has personal fields sealed: sqlite:PATH
    #[arg(long, env = "MCP_AUTH_STORE", global = true, default_value = "", hide_default_value = true)]
    store: String,
    /// The file with the keys that the store's secrets are sealed with
    #[arg(long, env = "MCP_AUTH_SEAL_KEY", global = true)]
    seal_key: Option<PathBuf>,
}

/// Whose fields are erased.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Who vouches for the subject: `principal.issuer` of its events
    #[arg(long)]
    issuer: String,
    /// The subject
    #[arg(long)]
    subject: String,
}

#[derive(Serialize)]
struct Erased<'a> {
    issuer: &'a str,
    subject: &'a str,
    keys: usize,
}

impl Keys {
    /// What puts personal fields into lines; nothing without `--seal-key`.
    pub(super) async fn reveal(&self) -> Result<Revealer, Failure> {
        Ok(Revealer(match &self.seal_key {
            Some(_) => Some(Reveal::new(self.open().await?)),
            None => None,
        }))
    }

    async fn open(&self) -> Result<Sealed<SqliteStore>, Failure> {
        let fix = "give --seal-key or set MCP_AUTH_SEAL_KEY to the file that the server has";
        let path = self.seal_key.as_ref().ok_or_else(|| Failure::usage("no key was named", fix))?;
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display()), fix))?;
        let ring = KeyRing::from_text(&text.into())
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), fix))?;
        Ok(Sealed::new(store::open(&self.store, false).await?, ring))
    }

    /// Destroys the keys of a subject, and what is left of them in the store's file.
    pub(super) async fn erase(&self, whose: &Whose, output: Output) -> Result<(), Failure> {
        let Whose { issuer, subject } = whose;
        let store = self.open().await?;
        let keys = personal::erase(&store, issuer, subject).await.map_err(|error| failed(&error))?;
        // Also if there was none: the time before, this may have been as far as it came.
        store.inner().compact().await.map_err(|error| {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let problem =
                format!("{keys} keys destroyed, but the file may have traces of them: {error}{cause}");
            Failure::new(problem, "erase again when there is room, and nobody copies the file")
        })?;
        if keys == 0 {
            let fix = "see --issuer and --subject in the record: `mcp-auth audit query --json`";
            return Err(Failure::found(3, "there is no key of this subject", fix));
        }
        if output.json {
            return output.object(&Erased { issuer, subject, keys });
        }
        output.say(&format!("{keys} keys destroyed: what they sealed cannot be read any more"))?;
        eprintln!("Copies of the store still hold them.");
        Ok(())
    }
}

/// Puts personal fields into lines, where their keys are at hand.
pub(super) struct Revealer(Option<Reveal<SqliteStore>>);

impl Revealer {
    pub(super) async fn line<'a>(&mut self, line: &'a [u8]) -> Result<Cow<'a, [u8]>, Failure> {
        match &mut self.0 {
            Some(reveal) => reveal.line(line).await.map_err(|error| failed(&error)),
            None => Ok(Cow::Borrowed(line)),
        }
    }
}

fn failed(error: &StoreError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(format!("{error}{cause}"), "see that --store and --seal-key are the server's")
}
