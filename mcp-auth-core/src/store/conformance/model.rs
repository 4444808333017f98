//! Random operations, compared with a model that does one thing after another.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use super::{Checked, Shared, Wrong, ensure, ensure_eq};
use crate::store::{Committed, Condition, Entry, Key, Store, Write};
use crate::time::Clock;

const CASES: u32 = 48;
const SHRINKS: usize = 400;
const IDS: [&str; 5] = ["", "a", "b", "\0", "ü"];

/// A condition as it is meant: of the model's version, or not.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Absent,
    Any,
    Current,
    /// The version before the last one, or one that never was.
    Stale,
}

/// A value and its milliseconds to live.
type Content = (u8, Option<u64>);
/// By the number of the id: the condition, and the content or a deletion.
type Writes = BTreeMap<usize, (Wanted, Option<Content>)>;

#[derive(Clone, Debug)]
enum Step {
    Commit(Writes),
    /// After the id of this number; so many.
    Scan(Option<usize>, usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = prop_oneof![
        3 => Just(Wanted::Absent), 3 => Just(Wanted::Any), 3 => Just(Wanted::Current), 1 => Just(Wanted::Stale)
    ];
    let content = proptest::option::weighted(0.8, (any::<u8>(), proptest::option::of(0..20_u64)));
    let step = prop_oneof![
        6 => btree_map(0..IDS.len(), (wanted, content), 1..4).prop_map(Step::Commit),
        2 => (proptest::option::of(0..IDS.len()), 0..6_usize).prop_map(|(after, limit)| Step::Scan(after, limit)),
        2 => (1..12_u64).prop_map(Step::Wait),
    ];
    vec(step, 1..40)
}

pub(super) async fn random_operations_match_the_model(store: Shared, clock: Clock) -> Checked {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut runs = 0;
    for _ in 0..CASES {
        let mut tree =
            steps().new_tree(&mut runner).map_err(|why| Wrong(format!("no steps were made: {why}")))?;
        let Err(mut worst) = follow(&*store, &clock, &tree.current(), &mut runs).await else { continue };
        let mut smallest = tree.current();
        let mut has_more = tree.simplify();
        for _ in 0..SHRINKS {
            if !has_more {
                break;
            }
            let steps = tree.current();
            has_more = match follow(&*store, &clock, &steps, &mut runs).await {
                Err(why) => {
                    (smallest, worst) = (steps, why);
                    tree.simplify()
                }
                Ok(()) => tree.complicate(),
            };
        }
        return Err(Wrong(format!("{} After these steps: {smallest:?}", worst.0)));
    }
    Ok(())
}

/// What should be there, and every version that was.
#[derive(Default)]
struct Model {
    entries: BTreeMap<&'static str, Entry>,
    last: BTreeMap<&'static str, u64>,
}

impl Model {
    fn live(&self, id: &str, clock: &Clock) -> Option<&Entry> {
        self.entries.get(id).filter(|entry| entry.expires_at.is_none_or(|at| at > clock.now()))
    }

    fn condition(&self, id: &str, wanted: Wanted, clock: &Clock) -> Condition {
        let last = self.last.get(id).copied().unwrap_or(7);
        match wanted {
            Wanted::Absent => Condition::Absent,
            Wanted::Any => Condition::Any,
            Wanted::Current => Condition::Version(self.live(id, clock).map_or(last, |entry| entry.version)),
            Wanted::Stale => Condition::Version(last.wrapping_sub(1)),
        }
    }

    fn holds(&self, id: &str, condition: Condition, clock: &Clock) -> bool {
        match (condition, self.live(id, clock)) {
            (Condition::Any, _) | (Condition::Absent, None) => true,
            (Condition::Version(wanted), Some(entry)) => entry.version == wanted,
            (Condition::Absent, Some(_)) | (Condition::Version(_), None) => false,
        }
    }
}

/// Does `steps` in a partition of their own.
async fn follow(store: &dyn Store, clock: &Clock, steps: &[Step], runs: &mut usize) -> Checked {
    *runs += 1;
    let partition = format!("run {runs}");
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Wait(millis) => clock.advance(Duration::from_millis(*millis)),
            Step::Scan(after, limit) => {
                let after = after.and_then(|number| IDS.get(number).copied());
                let seen = store.scan("a", &partition, after, *limit).await?;
                let mut wanted: Vec<_> =
                    IDS.iter().filter(|id| after.is_none_or(|after| **id > after)).collect();
                wanted.sort();
                let wanted: Vec<_> =
                    wanted.into_iter().filter_map(|id| model.live(id, clock)).take(*limit).cloned().collect();
                ensure_eq(seen, wanted, &format!("a scan after {after:?}, at most {limit}"))?;
            }
            Step::Commit(writes) => commit(store, clock, &partition, &mut model, writes).await?,
        }
    }
    Ok(())
}

async fn commit(
    store: &dyn Store,
    clock: &Clock,
    partition: &str,
    model: &mut Model,
    wanted: &Writes,
) -> Checked {
    let mut writes = Vec::new();
    let mut holds = true;
    for (number, (wanted, content)) in wanted {
        let Some(id) = IDS.get(*number).copied() else { continue };
        let condition = model.condition(id, *wanted, clock);
        holds &= model.holds(id, condition, clock);
        let content = content.map(|(value, ttl)| {
            (Bytes::from(vec![value]), ttl.map(|ttl| clock.now().plus(Duration::from_millis(ttl))))
        });
        writes.push((id, Write { key: Key::new("a", partition, id), condition, content }));
    }
    let answer = store.commit(writes.iter().map(|(_, write)| write.clone()).collect()).await?;
    let right = if holds { Committed::Yes } else { Committed::Conflict };
    ensure_eq(answer, right, "a commit")?;
    if holds {
        for (id, write) in writes {
            model.entries.remove(id);
            let Some((value, expires_at)) = write.content else { continue };
            if expires_at.is_some_and(|at| at <= clock.now()) {
                continue;
            }
            let Some(seen) = store.get(&write.key).await? else {
                return Err(Wrong(format!("{id:?} is not there after it was written")));
            };
            let last = model.last.insert(id, seen.version);
            ensure(last.is_none_or(|last| seen.version > last), || {
                format!("version {} after {last:?}", seen.version)
            })?;
            model.entries.insert(id, Entry { id: id.to_owned(), value, version: seen.version, expires_at });
        }
    }
    for id in IDS {
        let seen = store.get(&Key::new("a", partition, id)).await?;
        ensure_eq(seen.as_ref(), model.live(id, clock), &format!("{id:?} after {answer:?}"))?;
    }
    Ok(())
}
