//! Nothing that is not a key that was made lets anybody in, and what is no key costs no lookup.
//!
//! The first byte chooses what the rest does: it is a token as it stands, or it is written over a good key from the place
//! that the second byte names, with a checksum that fits or without.
#![no_main]

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ObservedStore, StoreCall};
use mcp_auth_core::time::Timestamp;
use mcp_auth_core::verify::api_key::{ApiKeys, NewKey};
use mcp_auth_core::verify::{TokenRefusal, VerifyContext, VerifyError};
use mcp_auth_core::{Credential, TokenVerifier};
use tokio::runtime::{Builder, Runtime};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: usize = 6;

static GETS: AtomicUsize = AtomicUsize::new(0);

static FIXTURE: LazyLock<(Runtime, ApiKeys, String)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let store = ObservedStore::new(MemoryStore::default(), |call| {
        GETS.fetch_add(usize::from(matches!(call, StoreCall::Get(_))), Ordering::Relaxed);
        ready(Ok(()))
    });
    let keys =
        ApiKeys::builder(Arc::new(store)).prefix("corcava").issuer("https://app.example").build().unwrap();
    let key = runtime.block_on(keys.create(NewKey::new("k", "ada"))).unwrap().expose_secret().to_owned();
    (runtime, keys, key)
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, keys, good) = &*FIXTURE;
    let Some(token) = token(good, bytes) else { return };
    GETS.store(0, Ordering::Relaxed);
    let context = VerifyContext {
        resource: "https://mcp.example/mcp",
        now: Timestamp::from_secs(1_000_000_000),
        address: None,
    };
    let verdict = runtime.block_on(keys.verify(&Credential::bearer(token.as_str()), context));
    let lookups = GETS.load(Ordering::Relaxed);
    match verdict {
        Ok(verified) => {
            assert_eq!(&token, good);
            assert_eq!(verified.principal().subject(), "ada");
        }
        Err(VerifyError::Refused(TokenRefusal::Malformed)) => {
            assert!(&token != good && lookups == 0);
        }
        Err(VerifyError::Refused(TokenRefusal::Unknown)) => {
            assert!(&token != good && lookups == 1);
            let (body, check) = token.split_at(token.len() - CHECK);
            assert!(body.starts_with("corcava_") && check == checksum(body));
        }
        Err(other) => panic!("{other}"),
    }
});

fn token(good: &str, bytes: &[u8]) -> Option<String> {
    let (how, rest) = bytes.split_first()?;
    if how % 3 == 0 {
        return std::str::from_utf8(rest).ok().map(str::to_owned);
    }
    let (place, over) = rest.split_first()?;
    let mut changed = good.as_bytes().to_vec();
    for (have, with) in changed.iter_mut().skip(usize::from(*place)).zip(over) {
        *have = *with;
    }
    let mut changed = String::from_utf8(changed).ok()?;
    if how % 3 == 1 {
        let body = changed.get(..changed.len() - CHECK)?.to_owned();
        changed = format!("{body}{}", checksum(&body));
    }
    Some(changed)
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [0; CHECK];
    for place in digits.iter_mut().rev() {
        *place = DIGITS[rest % 62];
        rest /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}
