//! One thing to measure.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Inputs are made before the clock starts, at most so many at once.
const BATCH: u64 = 64;

type Slice<'a> = Box<dyn FnMut(u64) -> Sliced + 'a>;

/// A number of repetitions that were done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sliced {
    /// How long they took together.
    pub time: Duration,
    /// How many of them came out wrong.
    pub wrong: u64,
    /// How many allocations they made, where somebody counts.
    pub allocations: usize,
}

/// One thing to measure, and what it is compared with.
pub struct Case<'a> {
    /// The row's name.
    pub name: String,
    slice: Slice<'a>,
    raw: Option<Slice<'a>>,
    /// The name of a row of its own for what it is compared with.
    pub raw_name: Option<String>,
}

impl<'a> Case<'a> {
    /// `run` says whether it came out as it should.
    pub fn new(name: impl Into<String>, mut run: impl FnMut() -> bool + 'a) -> Self {
        Self::prepared(name, || (), move |()| run())
    }

    /// `run` takes what `prepare` made while the clock stood still.
    pub fn prepared<I>(
        name: impl Into<String>,
        prepare: impl FnMut() -> I + 'a,
        run: impl FnMut(I) -> bool + 'a,
    ) -> Self {
        Self { name: name.into(), slice: slice(prepare, run), raw: None, raw_name: None }
    }

    /// What the row is compared with, slice beside slice.
    #[must_use]
    pub fn beside(mut self, mut raw: impl FnMut() -> bool + 'a) -> Self {
        self.raw = Some(slice(|| (), move |()| raw()));
        self
    }

    /// Gives what the row is compared with a row of its own.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.raw_name = Some(name.into());
        self
    }

    /// Repeats it.
    pub fn run(&mut self, times: u64) -> Sliced {
        (self.slice)(times)
    }

    /// Repeats what it is compared with.
    pub fn run_raw(&mut self, times: u64) -> Option<Sliced> {
        self.raw.as_mut().map(|raw| raw(times))
    }
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

fn slice<'a, I>(mut prepare: impl FnMut() -> I + 'a, mut run: impl FnMut(I) -> bool + 'a) -> Slice<'a> {
    Box::new(move |times| {
        let mut sliced = Sliced::default();
        // Not timed: another case had the caches before, and whoever comes first would pay for what is read again.
        sliced.wrong += u64::from(!black_box(run(prepare())));
        let mut left = times;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            let inputs: Vec<I> = (0..batch).map(|_| prepare()).collect();
            let counted = crate::measure::allocations();
            let start = Instant::now();
            for input in inputs {
                sliced.wrong += u64::from(!black_box(run(black_box(input))));
            }
            sliced.time += start.elapsed();
            sliced.allocations += crate::measure::allocations() - counted;
        }
        sliced
    })
}
