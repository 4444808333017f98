//! Where what outlives the process is kept.

use std::path::{Path, PathBuf};

use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::store::KeyRing;
use secrecy::{ExposeSecret, SecretString};

use super::StoreOptions;

const DIRECTORY: &str = "mittwald-mcp";
const FILE: &str = "state.db";
const RECORD: &str = "audit.jsonl";

/// The store that the flags name; `None` after a problem.
pub(super) fn store(
    store: Option<&str>,
    data: Option<PathBuf>,
    key: Option<SecretString>,
    errors: &mut ConfigErrors,
) -> Option<StoreOptions> {
    let key = match key {
        Some(key) => Some(ring(&key, errors)?),
        None => None,
    };
    match store.map(|store| (store, store.split_once(':'))) {
        Some(("memory", _)) if key.is_some() => {
            errors.push("--key seals a store on disk, and --store is memory", "remove one of the two");
            None
        }
        Some(("memory", _)) => Some(StoreOptions::Memory),
        Some((_, Some(("sqlite", path)))) if !path.is_empty() => {
            Some(StoreOptions::Sqlite { path: path.into(), directory: None, key })
        }
        Some((other, _)) => {
            errors.push(format!("--store `{other}` is no store"), "write sqlite:PATH or memory");
            None
        }
        None => {
            let Some(directory) = data.or_else(default_directory) else {
                errors.push("there is no home directory to keep logins and keys in", "give --data DIR");
                return None;
            };
            Some(StoreOptions::Sqlite { path: directory.join(FILE), directory: Some(directory), key })
        }
    }
}

/// Where calls are recorded.
pub(super) fn audit(
    audit: Option<&str>,
    store: Option<&StoreOptions>,
    errors: &mut ConfigErrors,
) -> Option<PathBuf> {
    match audit.map(|audit| (audit, audit.split_once(':'))) {
        Some(("off", _)) => None,
        Some((_, Some(("jsonl", path)))) if !path.is_empty() => Some(path.into()),
        Some((other, _)) => {
            errors.push(format!("--audit `{other}` is no place"), "write jsonl:PATH or off");
            None
        }
        None => match store? {
            StoreOptions::Memory => None,
            StoreOptions::Sqlite { path, .. } => Some(path.with_file_name(RECORD)),
        },
    }
}

/// A relative `XDG_DATA_HOME` is to be ignored (XDG Base Directory Specification).
fn default_directory() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".local/share"));
    absolute("XDG_DATA_HOME").or_else(home).map(|data| data.join(DIRECTORY))
}

fn ring(key: &SecretString, errors: &mut ConfigErrors) -> Option<KeyRing> {
    let text = match key.expose_secret().strip_prefix('@') {
        None => Ok(key.clone()),
        Some(path) => std::fs::read_to_string(Path::new(path))
            .map(SecretString::from)
            .map_err(|error| format!("`{path}` cannot be read: {error}")),
    };
    text.and_then(|text| KeyRing::from_text(&text).map_err(|error| error.to_string()))
        .map_err(|error| errors.push(format!("--key: {error}"), "make one with `openssl rand -base64 32`"))
        .ok()
}
