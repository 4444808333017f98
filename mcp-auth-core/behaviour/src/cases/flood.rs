//! Many bad tokens, all different, from the address that good ones come from, too.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use mcp_auth_core::testing::Fault;
use mcp_auth_core::verify::introspection::{ClientAuthentication, IntrospectionVerifier};
use mcp_auth_core::verify::{CacheSettings, VerifierRouter};
use reqwest::retry;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{Ask, Fixture, Serve, Setup, message};

const BAD: usize = 10_000;
const AT_ONCE: usize = 50;
const BUDGET: u32 = 30;
/// The shortest time after which a server here ends a connection on which nothing comes: actix's.
const IDLE: Duration = Duration::from_secs(5);

/// Takes JWTs and opaque tokens, keeps four verdicts at most, and lets an address fail thirty times a minute.
async fn start<S: Serve>() -> Fixture {
    Fixture::with::<S>(Setup {
        guard: Box::new(|guard| {
            guard
                .failures_per_minute(NonZeroU32::new(BUDGET).unwrap())
                .cache(CacheSettings::default().max_entries(4))
        }),
        verifier: Box::new(|authority, jwt| {
            authority.introspection_client("notes", "s3cr3t");
            let endpoint = authority.introspection_endpoint();
            let opaque = IntrospectionVerifier::builder(authority.issuer(), endpoint)
                .client("notes", ClientAuthentication::basic("s3cr3t"))
                // Longer than a slow machine takes.
                .cache_for(Duration::from_secs(600))
                .build()
                .unwrap();
            Arc::new(VerifierRouter::new().jwt(jwt).opaque(opaque))
        }),
        ..Setup::default()
    })
    .await
}

/// How often an address may have failed by now: what it begins with, and what came back meanwhile.
fn most_failures(since: Instant) -> usize {
    let came_back = since.elapsed().as_secs_f64() * f64::from(BUDGET) / 60.0;
    BUDGET as usize + came_back.ceil() as usize
}

/// A call for the flood. Where the machine stalls, a server may end a connection as idle on which a request lies that it has
/// not read (RFC 9112, section 9.3.1; RFC 9110, section 15.5.9): the call is sent again then, and counted. One that was read
/// would be looked at twice.
fn call(fixture: &Fixture, ended: &Arc<AtomicUsize>) -> Ask {
    let ended = Arc::clone(ended);
    let again = retry::for_host("127.0.0.1").no_budget().classify_fn(move |sent| {
        let error = sent.error().and_then(|error| error.downcast_ref::<reqwest::Error>());
        let is_cut =
            error.is_some_and(|error| error.is_request() && !error.is_timeout() && !error.is_connect());
        if is_cut || sent.status() == Some(StatusCode::REQUEST_TIMEOUT) {
            ended.fetch_add(1, Ordering::Relaxed);
            sent.retryable()
        } else {
            sent.success()
        }
    });
    let client = reqwest::Client::builder().no_proxy().retry(again).build().unwrap();
    Ask::new(client, "POST", fixture.url()).message(&message::call("list_notes", json!({})))
}

/// Sends ten thousand bad tokens, and a good one beside every tenth; how many of the bad were looked at.
async fn flood(good: Vec<Ask>, bad: impl Fn(usize) -> Ask + Clone + Send + Sync + 'static) -> usize {
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (next, good, bad) = (Arc::clone(&next), good.clone(), bad.clone());
        senders.spawn(async move {
            let mut looked_at = 0;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= BAD {
                    return looked_at;
                }
                if n % 10 == 0 {
                    good[n / 10 % good.len()].clone().send().await.is(200, None);
                }
                let answer = bad(n).send().await;
                if answer.status == 401 {
                    answer.challenges("invalid_token", "notes:read");
                    looked_at += 1;
                } else {
                    answer.is(429, -32000).does_not_challenge();
                    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
                }
            }
        });
    }
    let answered = tokio::time::timeout(Duration::from_secs(120), senders.join_all()).await;
    answered.expect("the flood is not answered in time").into_iter().sum()
}

/// What is known passes, all of it; the verifier sees as many bad tokens as an address may get wrong; nothing is pushed out of
/// the cache, as small as it is.
pub async fn ten_thousand_bad_tokens_cost_a_budget<S: Serve>() {
    let fixture = start::<S>().await;
    let good = [fixture.reader(), fixture.authority.opaque_for(&fixture.url(), "notes:read")];
    let ended = Arc::default();
    let ask = call(&fixture, &ended);
    let good = good.map(|token| ask.clone().token(&token)).to_vec();
    for ask in &good {
        ask.clone().send().await.is(200, None);
    }
    assert_eq!((fixture.verdicts.take(), fixture.authority.introspections()), (vec!["good", "good"], 1));
    let start = Instant::now();
    let signed = fixture.reader();
    let (claims, _) = signed.rsplit_once('.').unwrap();
    let claims = claims.to_owned();
    let refused = flood(good.clone(), move |n| match n % 2 {
        // A signature that is none, and a token that nobody issued.
        0 => ask.clone().token(&format!("{claims}.{n:085}A")),
        _ => ask.clone().token(&format!("opaque-{n}")),
    })
    .await;
    let verdicts = fixture.verdicts.take();
    assert!((BUDGET as usize..=most_failures(start)).contains(&refused), "{refused} were looked at");
    assert_eq!(verdicts.len(), refused, "asked for what was answered otherwise");
    assert!(verdicts.iter().all(|kind| ["token_signature", "token_unknown"].contains(kind)), "{verdicts:?}");
    assert!(fixture.authority.introspections() <= 1 + refused);
    let (ended, most) = (ended.load(Ordering::Relaxed), start.elapsed().as_secs() / IDLE.as_secs());
    assert!(ended <= AT_ONCE * most as usize, "{ended} connections ended before their time");
    // Still known.
    for ask in good {
        ask.send().await.is(200, None);
    }
    assert_eq!(fixture.verdicts.take(), Vec::<&str>::new());
}

/// All of `tokens` together, while their server takes its time: the statuses.
async fn together(fixture: &Fixture, tokens: impl Iterator<Item = String>) -> Vec<u16> {
    fixture.authority.set_introspection_fault(Some(Fault::Slow(Duration::from_millis(500))));
    let mut asking = JoinSet::new();
    for token in tokens {
        asking.spawn(fixture.call("list_notes", json!({})).token(&token).send());
    }
    asking.join_all().await.into_iter().map(|answer| answer.status).collect()
}

/// No more questions than an address may fail, although none has failed when the last one comes; who is known passes meanwhile.
pub async fn bad_tokens_at_once_cost_a_budget<S: Serve>() {
    let fixture = start::<S>().await;
    let known = fixture.authority.opaque_for(&fixture.url(), "notes:read");
    let known = fixture.call("list_notes", json!({})).token(&known);
    known.clone().send().await.is(200, None);
    let start = Instant::now();
    let (statuses, passed) =
        tokio::join!(together(&fixture, (0..300).map(|n| format!("opaque-{n}"))), async {
            for _ in 0..20 {
                known.clone().send().await.is(200, None);
            }
            start.elapsed()
        });
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!((BUDGET as usize..=most_failures(start)).contains(&looked_at), "{looked_at} were looked at");
    assert_eq!(fixture.authority.introspections(), 1 + looked_at);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 300 - looked_at);
    assert!(passed < start.elapsed(), "{passed:?}: held up by the others");
}

/// Good ones wait for each other; none is refused because of those that are asked about beside it.
pub async fn good_tokens_at_once_are_no_flood<S: Serve>() {
    let fixture = start::<S>().await;
    let good: Vec<String> =
        (0..100).map(|_| fixture.authority.opaque_for(&fixture.url(), "notes:read")).collect();
    assert_eq!(together(&fixture, good.into_iter()).await, [200; 100]);
    assert_eq!((fixture.authority.introspections(), fixture.ran.take().len()), (100, 100));
}
