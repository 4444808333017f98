//! A signing key that got out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};
use std::sync::Arc;

use mcp_auth_core::store::{KeyRing, Store};
use mcp_auth_provider::SigningKey;
use mcp_auth_store::SqliteStore;

#[tokio::test]
async fn the_server_makes_another_after_one_was_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.db");
    let forget = || -> Output {
        let place = format!("sqlite:{}", file.display());
        Command::new(env!("CARGO_BIN_EXE_mcp-auth"))
            .args(["signing-key", "forget", "--store", &place])
            .env_remove("MCP_AUTH_STORE")
            .output()
            .unwrap()
    };
    assert_eq!(forget().status.code(), Some(1), "no store is made for it");
    assert!(!file.exists());

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&file).await.unwrap());
    assert_eq!(forget().status.code(), Some(3), "there is none");
    let ring = KeyRing::generate().unwrap();
    let load = async || format!("{:?}", SigningKey::load(Arc::clone(&store), ring.clone()).await.unwrap());
    let leaked = load().await;
    assert_eq!(load().await, leaked);
    let forgotten = forget();
    assert_eq!(forgotten.status.code(), Some(0), "{forgotten:?}");
    assert!(String::from_utf8_lossy(&forgotten.stderr).contains("Restart"), "{forgotten:?}");
    assert_ne!(load().await, leaked);
}
