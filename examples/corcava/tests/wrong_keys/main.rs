//! Wrong keys as fast as they can be sent: what they cost, and that nobody else notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod flood;
#[path = "../support/mod.rs"]
mod support;
mod user;

use std::future::ready;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flood::{Connection, PIPELINED, request};
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use support::{EVERYTHING, Server};
use tokio::sync::Mutex;
use user::User;

/// So many wrong keys come.
const MANY: usize = 10_000;
/// Over so many connections.
const CONNECTIONS: usize = 8;
/// What an address may fail with in a minute: the guard's default.
const FAILURES: usize = 120;
const SENDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const BESIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The key with another id: it looks right but for its checksum. If that were not looked at, the id would be looked up.
fn mistyped(good: &str, number: usize) -> String {
    let mut wrong = good.to_owned();
    wrong.replace_range(8..20, &format!("{number:012}"));
    wrong
}

/// Keys of another server: nothing is wrong about them but that nobody here knows them.
async fn unknown(count: usize) -> Vec<String> {
    let keys =
        ApiKeys::builder(Arc::new(MemoryStore::default())).prefix("corcava").issuer("https://elsewhere");
    let keys = keys.environment("production").build().unwrap();
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(keys.create(NewKey::new("a", "b")).await.unwrap().expose_secret().to_owned());
    }
    made
}

/// The tests take turns: one measures what this process holds.
static TURN: Mutex<()> = Mutex::const_new(());

/// What this process, server and clients, holds in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_address_costs_little_and_keeps_nobody_out() {
    let (_turn, (server, key_reads)) = (TURN.lock().await, Server::counted().await);
    let good = server.key("ada", EVERYTHING).await;
    let at = server.running.address();
    let user = User::connected(BESIDE, server.url(), &good).await;
    key_reads.swap(0, Ordering::SeqCst);

    let requests =
        |from| (from..from + PIPELINED).map(|number| request(at, &mistyped(&good, number))).collect();
    let batches: Vec<Vec<_>> = (0..MANY).step_by(PIPELINED).map(requests).collect();
    let (batches, next) = (Arc::new(batches), Arc::new(AtomicUsize::new(0)));
    let (begun, ended) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let mut flood = Vec::new();
    for _ in 0..CONNECTIONS {
        let (batches, next, ended) = (Arc::clone(&batches), Arc::clone(&next), Arc::clone(&ended));
        flood.push(tokio::spawn(async move {
            let mut connection = Connection::open(SENDER, at).await;
            let mut answers = [0_usize; 2];
            while !ended.load(Ordering::Relaxed) {
                let batch = &batches[next.fetch_add(1, Ordering::Relaxed) % batches.len()];
                for status in connection.send(batch).await {
                    assert!(matches!(status, 401 | 429), "{status}");
                    answers[usize::from(status == 429)] += 1;
                }
            }
            answers
        }));
    }

    // The user is answered all the while.
    let (mut asked, mut slowest, mut halfway) = (0, Duration::ZERO, None);
    let sent = || next.load(Ordering::Relaxed) * PIPELINED;
    while sent() < 3 * MANY || asked < 20 {
        let since = Instant::now();
        user.lists_tools().await;
        (asked, slowest) = (asked + 1, slowest.max(since.elapsed()));
        if sent() > MANY {
            halfway.get_or_insert_with(resident);
        }
    }
    ended.store(true, Ordering::Relaxed);
    let mut answers = [0, 0];
    for each in flood {
        let of_one = each.await.unwrap();
        answers = [answers[0] + of_one[0], answers[1] + of_one[1]];
    }
    let (took, total) = (begun.elapsed(), answers[0] + answers[1]);
    let grown = resident().saturating_sub(halfway.unwrap());
    println!(
        "{total} wrong keys in {took:.1?}, {:.0} a second; {} were looked at; \
         {asked} answers to the user, the slowest after {slowest:.1?}; {} KiB more than after the first {MANY}",
        total as f64 / took.as_secs_f64(),
        answers[0],
        grown >> 10,
    );

    assert!(total >= 2 * MANY, "{total}");
    // A wrong checksum is seen without the store. The user's key is held, and read once more when its first use is written.
    let reads = key_reads.swap(0, Ordering::SeqCst);
    assert!(reads <= 1, "{reads}");
    // Cells come back while it goes on.
    let may_fail = FAILURES + 1 + (took.as_secs_f64() * FAILURES as f64 / 60.0) as usize;
    assert!((1..=may_fail).contains(&answers[0]), "{} of {may_fail}", answers[0]);
    assert!(grown < 64 << 20, "{grown} bytes for {total} keys");
    server.running.stop().await;
    let record = std::fs::read_to_string(server.data.path().join("audit.jsonl")).unwrap();
    let refusals = record.lines().filter(|line| line.contains("\"outcome\":\"denied\"")).count();
    assert!((1..=may_fail).contains(&refusals), "{total} wrong keys left {refusals} lines in the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistyped_keys_from_many_addresses_are_all_looked_at_and_none_is_looked_up() {
    let (_turn, (server, key_reads)) = (TURN.lock().await, Server::counted().await);
    let good = server.key("ada", EVERYTHING).await;
    let at = server.running.address();
    let mut flood = Vec::new();
    for first in 0..CONNECTIONS {
        let good = good.clone();
        flood.push(tokio::spawn(async move {
            let mut refused = 0;
            // Each address stays below what it may fail with, even if some has to be sent once more.
            for number in (first..MANY / PIPELINED).step_by(CONNECTIONS) {
                let [.., third, fourth] = u16::try_from(0x0200 + number).unwrap().to_be_bytes();
                let mut connection = Connection::open(Ipv4Addr::new(127, 0, third, fourth), at).await;
                let from = number * PIPELINED;
                let requests = (from..from + PIPELINED).map(|number| request(at, &mistyped(&good, number)));
                let statuses = connection.send(&requests.collect::<Vec<_>>()).await;
                refused += statuses.into_iter().filter(|status| *status == 401).count();
            }
            refused
        }));
    }
    let mut refused = 0;
    for each in flood {
        refused += each.await.unwrap();
    }
    assert_eq!(refused, MANY);
    assert_eq!(key_reads.swap(0, Ordering::SeqCst), 0);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_unknown_keys_from_one_address_no_more_are_looked_up_than_may_fail() {
    let (_turn, (server, key_reads)) = (TURN.lock().await, Server::counted().await);
    let (at, begun) = (server.running.address(), Instant::now());
    let keys = unknown(10 * FAILURES).await;
    let mut connection = Connection::open(SENDER, at).await;
    let mut statuses = Vec::new();
    for keys in keys.chunks(PIPELINED) {
        let requests: Vec<_> = keys.iter().map(|key| request(at, key)).collect();
        statuses.extend(connection.send(&requests).await);
    }
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    let may_fail = FAILURES + 1 + (begun.elapsed().as_secs_f64() * FAILURES as f64 / 60.0) as usize;
    assert!((1..=may_fail).contains(&looked_at), "{looked_at} of {may_fail}");
    assert_eq!(key_reads.swap(0, Ordering::SeqCst), looked_at, "one look-up for each");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    server.running.stop().await;
}

impl Server {
    /// A server, and how often its store was asked for a key.
    async fn counted() -> (Self, Arc<AtomicUsize>) {
        let data = tempfile::tempdir().unwrap();
        let options = support::options(data.path().to_str().unwrap(), &["--user", "ada:ada-password"]);
        let key_reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&key_reads);
        let running = corcava_mcp::start_behind(options, |store| {
            Arc::new(ObservedStore::new(store, move |call| {
                let is_key = matches!(call, StoreCall::Get(key) if key.collection == "api_keys");
                counted.fetch_add(usize::from(is_key), Ordering::SeqCst);
                ready(Ok(()))
            }))
        });
        (Self { running: running.await.unwrap(), data }, key_reads)
    }
}
