//! What calls that wait for an approval take, in a process of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::sync::Arc;

use bytes::Bytes;
use mcp_auth_core::Principal;
use mcp_auth_core::confirm::{
    Approvals, Call, Client, Confirmation, ConfirmationGate, Passage, Preview, PreviewCall, Rule, StoreGate,
};
use mcp_auth_core::mcp::{Era, Limits, Message};
use mcp_auth_core::store::{KeyRing, MemoryStore, Sealed, Store};

const MEGABYTE: usize = 1_000_000;

/// What the process holds in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Ten thousand calls of as many principals, sealed, with a preview of ten lines.
#[tokio::test]
async fn ten_thousand_calls_that_wait_take_less_than_20_mb() {
    let (memory, keys): (Arc<dyn Store>, _) =
        (Arc::new(MemoryStore::default()), KeyRing::generate().unwrap());
    let sealed = Arc::new(Sealed::new(Arc::clone(&memory), keys.clone()));
    let gate = StoreGate::new("https://mcp.example/mcp", memory, keys)
        .approvals(Approvals::new(sealed, "https://mcp.example/approve"));
    let rule = Rule::new(Confirmation::Approve).preview(|_: PreviewCall| async {
        let preview = Preview::new("Delete a project with everything in it").irreversible().version("17");
        let parts = (1..=8).map(|n| format!("database {n} (mysql-{n}.example), 2.4 GB"));
        Ok(parts.fold(preview, Preview::removes))
    });
    let body =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete","arguments":{"id":"1"}}}"#;
    let message = Message::parse(&Bytes::from(body), &Limits::default()).unwrap();
    let (tool, client) = ("delete", Client::new(Era::Modern, false, None));
    let ask = async |n: usize| {
        let who = Principal::builder("https://issuer.example", format!("user-{n}")).client_id("cli").build();
        let call = Call {
            principal: Some(&who),
            message: &message,
            tool,
            rule: &rule,
            client,
            session: None,
            extensions: None,
        };
        let passage = gate.check(call).await;
        assert!(matches!(passage, Passage::Ask(_)), "{passage:?}");
    };
    ask(0).await;
    let before = resident();
    for n in 1..=10_000 {
        ask(n).await;
    }
    let taken = resident().saturating_sub(before);
    println!("10,000 calls that wait: {:.1} MB", taken as f64 / MEGABYTE as f64);
    assert!(taken < 20 * MEGABYTE, "{taken} bytes");
}
