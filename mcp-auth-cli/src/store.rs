//! Opening the store that `--store` names.

use std::path::Path;

use mcp_auth_store::SqliteStore;

use crate::failure::Failure;

const FIX: &str = "give --store or set MCP_AUTH_STORE to what the server has: sqlite:/var/lib/app/state.db";

/// Opens the store; makes it only if `may_make`, so that a mistyped path is no empty store.
pub(crate) async fn open(place: &str, may_make: bool) -> Result<SqliteStore, Failure> {
    let path = match place.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Path::new(path),
        _ if place.is_empty() => return Err(Failure::usage("no store was named", FIX)),
        _ if place == "memory" => {
            return Err(Failure::usage(
                "a store in memory is the server's alone",
                "start the server with --store sqlite:PATH",
            ));
        }
        _ => return Err(Failure::usage(format!("`{place}` is no store"), FIX)),
    };
    if !path.exists() {
        if !may_make {
            return Err(Failure::new(format!("there is no {}", path.display()), FIX));
        }
        eprintln!("There is no {} yet: it is made.", path.display());
    }
    SqliteStore::open(path).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::new(
            format!("{} cannot be opened: {error}{cause}", path.display()),
            "see that it is the server's, and that you may write it and its directory",
        )
    })
}
