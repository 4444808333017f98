//! What one thread asks for again and again, in front of the verdicts that all threads share.
//!
//! 1. Each thread has a place of its own, as far as there are processors: a hit there touches nothing that another thread
//!    writes to.
//! 2. A place is sets of a few slots, and a hash has one set. A verdict comes here when its set is asked for it twice in a row:
//!    of a thousand tokens in use each soon does, of a million few.
//! 3. It comes as a copy, as threads that count one counter wait for each other.
//! 4. It is judged as any other: by time, epoch and revocations, on every hit. It goes when it is of no use any more, or when
//!    another takes its slot. The bound on entries holds for all places together, too, at a quarter of it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::Cached;

/// The most places; threads beyond them share.
const MAX_PLACES: usize = 64;
/// The most sets of a place, each for the keys whose hashes have the same bits.
const MAX_SETS: usize = 1024;
/// How many verdicts a set keeps.
const WAYS: usize = 3;
/// All places together keep at most one in so many of what the cache may.
const PART: usize = 4;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Counts the threads: those that begin together have places beside each other.
    static THREAD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// The places of all threads.
pub(super) struct Front<K> {
    places: Box<[Place<K>]>,
}

/// A place has its cache lines to itself.
#[repr(align(128))]
struct Place<K>(Mutex<Box<[Set<K>]>>);

struct Set<K> {
    slots: [Option<Slot<K>>; WAYS],
    /// The hash of the last that was looked for here in vain.
    missed: u64,
}

struct Slot<K> {
    hash: u64,
    key: K,
    cached: Arc<Cached>,
}

/// What a place knows.
pub(super) enum Looked {
    /// This verdict.
    Found(Arc<Cached>),
    /// Nothing, and was asked for something else of the same set before.
    Missed,
    /// Nothing, and of this set was asked for the same before.
    MissedAgain,
}

impl<K> Front<K> {
    /// For a cache of at most so many verdicts.
    pub(super) fn new(max_entries: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let places = processors.next_power_of_two().clamp(2, MAX_PLACES);
        let sets = (max_entries / (PART * places * WAYS)).clamp(1, MAX_SETS);
        // A power of two, rounded down.
        let sets = 1 << sets.ilog2();
        Self { places: (0..places).map(|_| Place::with(sets)).collect() }
    }

    /// The verdict with this key, which has this hash; one that is not usable goes.
    pub(super) fn get(
        &self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
        is_usable: impl Fn(&Cached) -> bool,
    ) -> Looked {
        self.with(hash, |set| {
            for slot in &mut set.slots {
                let found = slot.as_ref().filter(|slot| slot.hash == hash && is_key(&slot.key));
                match found.map(|slot| Arc::clone(&slot.cached)) {
                    Some(cached) if is_usable(&cached) => return Looked::Found(cached),
                    Some(_) => *slot = None,
                    None => {}
                }
            }
            if std::mem::replace(&mut set.missed, hash) == hash {
                Looked::MissedAgain
            } else {
                Looked::Missed
            }
        })
        .unwrap_or(Looked::Missed)
    }

    /// Keeps a copy of what this thread asks for again and again.
    pub(super) fn put(&self, hash: u64, key: K, cached: &Cached) {
        let slot = Slot { hash, key, cached: Arc::new(cached.separate()) };
        self.with(hash, |set| {
            // Where there is room, or in the place of the one that has been there longest.
            let free = set.slots.iter().position(Option::is_none).unwrap_or(WAYS - 1);
            if let Some(slots) = set.slots.get_mut(..=free) {
                slots.rotate_right(1);
            }
            if let Some(first) = set.slots.first_mut() {
                *first = Some(slot);
            }
        });
    }

    /// The set of this hash in this thread's place. `None` if another thread has the place at the moment: nobody waits here.
    fn with<T>(&self, hash: u64, run: impl FnOnce(&mut Set<K>) -> T) -> Option<T> {
        let thread = THREAD.try_with(Cell::get).ok()?;
        let place = self.places.get(thread & (self.places.len() - 1))?;
        let mut sets = place.0.try_lock().ok()?;
        // By other bits than those by which the shared cache goes.
        let set = (hash >> 40) as usize & (sets.len() - 1);
        Some(run(sets.get_mut(set)?))
    }
}

impl<K> Place<K> {
    fn with(sets: usize) -> Self {
        Self(Mutex::new((0..sets).map(|_| Set::default()).collect()))
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Self { slots: [const { None }; WAYS], missed: 0 }
    }
}
