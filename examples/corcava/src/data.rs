//! The directory that keeps everything.
//!
//! 1. `corcava.sqlite` holds the workspaces, `auth.sqlite` keys, grants and sessions, as hashes; `master.key` seals the key
//!    that signs tokens. The directory and the key are readable by their owner only.
//! 2. A copy of the directory without `master.key` lets nobody in.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_auth_core::store::{KeyRing, KeyRingError, Store};
use mcp_auth_core::time::Clock;
use mcp_auth_store::SqliteStore;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::{self, Domain};

/// Why the data cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The directory or a file in it.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file.
    #[error("`master.key`: {0}")]
    Key(#[from] KeyRingError),
    /// The workspaces.
    #[error("`corcava.sqlite`: {0}")]
    Domain(#[from] domain::OpenError),
    /// Keys and grants.
    #[error("`auth.sqlite`: {0}")]
    Store(#[from] mcp_auth_store::OpenError),
}

/// What is kept.
pub(crate) struct Data {
    pub(crate) domain: Domain,
    pub(crate) sqlite: SqliteStore,
    /// What is asked: `sqlite`, or what was put before it.
    store: Arc<dyn Store>,
    pub(crate) ring: KeyRing,
}

impl Data {
    /// Opens the directory, or makes it; `before` puts something before its store.
    pub(crate) async fn open(
        directory: &Path,
        before: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Result<Self, DataError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| DataError::File { path, source }
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(at(directory))?;
        let key = directory.join("master.key");
        let ring = KeyRing::from_text(&master_key(&key).map_err(at(&key))?)?;
        let sqlite = SqliteStore::open(directory.join("auth.sqlite")).await?;
        let domain = Domain::open(&directory.join("corcava.sqlite"), Clock::system()).await?;
        let store = before(Arc::new(sqlite.clone()));
        Ok(Self { domain, sqlite, store, ring })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

/// The key file's text. A new one is written aside and linked into place, so that it is never there half.
fn master_key(path: &Path) -> io::Result<SecretString> {
    if !path.try_exists()? {
        let key = KeyRing::new_key().map_err(io::Error::other)?;
        let aside = path.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&aside)?;
        file.write_all(key.expose_secret().as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&aside, path);
        fs::remove_file(&aside)?;
        match linked {
            // Another process was first: its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
    }
    Ok(fs::read_to_string(path)?.into())
}
