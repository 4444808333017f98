//! Many at once: one wins, nothing is lost.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Checked, Shared, Wrong, commits, ensure, ensure_eq, present};
use crate::store::{Committed, Condition, Key, Store as _, StoreExt as _};
use crate::time::Clock;

const TASKS: usize = 32;
const ROUNDS: usize = 8;
const INCREMENTS: usize = 8;

/// What `TASKS` tasks answer that begin together; their number is theirs.
async fn together<T, F, Fut>(start: F) -> Result<Vec<T>, Wrong>
where
    T: Send + 'static,
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<T, Wrong>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let (barrier, work) = (Arc::clone(&barrier), start(number));
        tasks.spawn(async move {
            barrier.wait().await;
            work.await
        });
    }
    let mut answers = Vec::with_capacity(TASKS);
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.map_err(|error| Wrong(format!("a task ended early: {error}")))??);
    }
    Ok(answers)
}

pub(super) async fn one_of_many_inserts_wins(store: Shared, _: Clock) -> Checked {
    for round in 0..ROUNDS {
        let key = Key::new("a", "p", round.to_string());
        let won = together(|number| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move { Ok(store.insert_new(&key, number.to_string(), None).await?.then_some(number)) }
        })
        .await?;
        let won: Vec<_> = won.into_iter().flatten().collect();
        let [winner] = won[..] else {
            return Err(Wrong(format!("{} of {TASKS} inserts of one key succeeded", won.len())));
        };
        let entry = present(store.get(&key).await?, "what the winner wrote")?;
        ensure_eq(&entry.value[..], winner.to_string().as_bytes(), "the winner's value")?;
    }
    Ok(())
}

pub(super) async fn one_of_many_takes_wins(store: Shared, _: Clock) -> Checked {
    for round in 0..ROUNDS {
        let key = Key::new("a", "p", round.to_string());
        store.put(&key, "once", None).await?;
        let taken = together(|_| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move { Ok(store.take(&key).await?.is_some()) }
        })
        .await?;
        ensure_eq(taken.into_iter().filter(|taken| *taken).count(), 1, "how many took one entry")?;
    }
    Ok(())
}

pub(super) async fn no_increment_is_lost(store: Shared, _: Clock) -> Checked {
    let key = Key::new("a", "p", "counter");
    store.put(&key, "0", None).await?;
    together(|_| {
        let (store, key) = (Arc::clone(&store), key.clone());
        async move {
            for _ in 0..INCREMENTS {
                loop {
                    let entry = present(store.get(&key).await?, "the counter")?;
                    let next = counted(&entry.value)? + 1;
                    if store.replace(&key, entry.version, next.to_string(), None).await? {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }
    })
    .await?;
    let entry = present(store.get(&key).await?, "the counter")?;
    ensure_eq(counted(&entry.value)?, TASKS * INCREMENTS, "the counter")
}

fn counted(value: &[u8]) -> Result<usize, Wrong> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Wrong(format!("the counter holds {value:?}")))
}

/// Half of the tasks move both entries of a pair, always to the same value, the others scan it.
pub(super) async fn commits_are_seen_whole(store: Shared, _: Clock) -> Checked {
    let [left, right] = ["left", "right"].map(|id| Key::new("a", "p", id));
    let both = move |value: &str| {
        [&left, &right].map(|key| commits::write(key, Condition::Any, Some(value))).to_vec()
    };
    ensure_eq(store.commit(both("start")).await?, Committed::Yes, "the first commit")?;
    together(|number| {
        let (store, both) = (Arc::clone(&store), both.clone());
        async move {
            for round in 0..ROUNDS {
                if number % 2 == 0 {
                    let answer = store.commit(both(&format!("{number} {round}"))).await?;
                    ensure_eq(answer, Committed::Yes, "a commit without condition")?;
                } else {
                    let page = store.scan("a", "p", None, 10).await?;
                    let [left, right] = &page[..] else {
                        return Err(Wrong(format!("{} entries of 2 are seen", page.len())));
                    };
                    ensure(left.value == right.value, || format!("half a commit: {left:?}, {right:?}"))?;
                }
            }
            Ok(())
        }
    })
    .await
    .map(drop)
}
