//! What one thread asks for again and again, in front of the verdicts that all threads share.
//!
//! 1. Each thread has a place of its own, as far as there are processors: a hit there touches nothing that another thread
//!    writes to.
//! 2. A verdict comes here when a place is asked for it twice in a row. It comes as a copy, so that threads with one hot token
//!    do not count one counter.
//! 3. It is judged as any other: by time, epoch and revocations, on every hit. It goes when it is of no use any more, or when
//!    another takes its slot: eight a place are all that the bounds of the cache do not count.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::Cached;

/// Slots of a place: one for each value of three bits.
const SLOTS: usize = 8;
/// The most places; threads beyond them share.
const MAX_PLACES: usize = 64;

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
struct Place<K>(Mutex<Slots<K>>);

struct Slots<K> {
    slots: [Option<Slot<K>>; SLOTS],
    /// The hash of the last that was looked for in vain.
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
    /// Nothing, and was asked for something else before.
    Missed,
    /// Nothing, and was asked for the same before.
    MissedAgain,
}

impl<K> Front<K> {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let places = processors.next_power_of_two().clamp(2, MAX_PLACES);
        Self { places: (0..places).map(|_| Place::default()).collect() }
    }

    /// The verdict with this key, which has this hash; one that is not usable goes.
    pub(super) fn get(
        &self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
        is_usable: impl Fn(&Cached) -> bool,
    ) -> Looked {
        self.with(|place| {
            let slot = place.slots.get_mut(slot_of(hash))?;
            let found = slot.as_ref().filter(|slot| slot.hash == hash && is_key(&slot.key));
            let found = found.map(|slot| Arc::clone(&slot.cached));
            match found {
                Some(cached) if is_usable(&cached) => return Some(Looked::Found(cached)),
                Some(_) => *slot = None,
                None => {}
            }
            let again = std::mem::replace(&mut place.missed, hash) == hash;
            again.then_some(Looked::MissedAgain)
        })
        .unwrap_or(Looked::Missed)
    }

    /// Keeps a copy of what this thread asks for again and again.
    pub(super) fn put(&self, hash: u64, key: K, cached: &Cached) {
        let slot = Slot { hash, key, cached: Arc::new(cached.separate()) };
        self.with(|place| {
            *place.slots.get_mut(slot_of(hash))? = Some(slot);
            Some(())
        });
    }

    /// This thread's place. `None` if another thread has it at the moment: nobody waits here.
    fn with<T>(&self, run: impl FnOnce(&mut Slots<K>) -> Option<T>) -> Option<T> {
        let thread = THREAD.try_with(Cell::get).ok()?;
        let place = self.places.get(thread & (self.places.len() - 1))?;
        run(&mut *place.0.try_lock().ok()?)
    }
}

impl<K> Default for Place<K> {
    fn default() -> Self {
        Self(Mutex::new(Slots { slots: [const { None }; SLOTS], missed: 0 }))
    }
}

/// By the upper bits: the lower ones choose other things by the same hash.
fn slot_of(hash: u64) -> usize {
    (hash >> 61) as usize
}
