//! What outlives the process: the store, and the keys that seal its secrets.
//!
//! 1. The directory is made for its owner alone (0700), and so are the store and the key file in it (0600).
//! 2. A key file that others can read is refused; one that is missing is made, whole or not at all.
//! 3. Nothing that is there is replaced.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_auth_core::store::{KeyRing, KeyRingError, MemoryStore, Store};
use mcp_auth_store::{OpenError, SqliteStore};
use secrecy::{ExposeSecret, SecretString};

use crate::options::StoreOptions;

/// Why the state cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The directory cannot be made.
    #[error("{} cannot be made: {source}; give --data DIR or --store", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("{} cannot be opened: {source}; give another --store, or --data DIR", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The key file cannot be read or made.
    #[error("the key file {} cannot be read or made: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could have read the key file.
    #[error("the key file {} can be read by others: run `chmod 600` on it", .0.display())]
    KeyFileOpen(PathBuf),
    /// What is in the key file is no key, or none can be made.
    #[error("the sealing key: {0}")]
    Key(#[from] KeyRingError),
}

/// The store and what seals its secrets.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ring: KeyRing,
    sqlite: Option<(SqliteStore, PathBuf)>,
}

impl State {
    /// Opens what `options` name; makes it the first time.
    pub(crate) async fn open(options: &StoreOptions) -> Result<Self, StateError> {
        let StoreOptions::Sqlite { path, directory, key } = options else {
            let store = Arc::new(MemoryStore::default());
            return Ok(Self { store, ring: KeyRing::generate()?, sqlite: None });
        };
        if let Some(directory) = directory {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|source| StateError::Directory { path: directory.clone(), source })?;
        }
        let opened = SqliteStore::open(path).await;
        let store = opened.map_err(|source| StateError::Store { path: path.clone(), source })?;
        let ring = match key {
            Some(ring) => ring.clone(),
            None => KeyRing::from_text(&key_file(&path.with_extension("key"))?)?,
        };
        Ok(Self { store: Arc::new(store.clone()), ring, sqlite: Some((store, path.clone())) })
    }

    /// The file, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.sqlite.as_ref().map(|(_, path)| path.as_path())
    }

    /// Writes what is left to write, and closes the file.
    pub(crate) async fn close(&self) {
        if let Some((store, _)) = &self.sqlite {
            store.close().await;
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("path", &self.path()).field("ring", &self.ring).finish_non_exhaustive()
    }
}

/// What the key file holds; made the first time.
fn key_file(path: &Path) -> Result<SecretString, StateError> {
    let failed = |source| StateError::KeyFile { path: path.to_owned(), source };
    match File::open(path) {
        Ok(file) => {
            if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
                return Err(StateError::KeyFileOpen(path.to_owned()));
            }
            Ok(io::read_to_string(file).map_err(failed)?.into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => match make(path)? {
            Some(key) => Ok(key),
            // Another process was first.
            None => key_file(path),
        },
        Err(error) => Err(failed(error)),
    }
}

/// Makes the key file, readable by its owner only; `None` if there is one by now.
fn make(path: &Path) -> Result<Option<SecretString>, StateError> {
    let failed = |source| StateError::KeyFile { path: path.to_owned(), source };
    let key = KeyRing::new_key()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    writeln!(file, "{}", key.expose_secret()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(Some(key)),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(failed(error.error)),
    }
}
