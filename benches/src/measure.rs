//! Timing and counting cases.

use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::case::{Case, Sliced};

static COUNT: OnceLock<fn() -> usize> = OnceLock::new();

/// Says how allocations are counted, once, by the program whose allocator counts.
pub fn count_with(count: fn() -> usize) {
    COUNT.get_or_init(|| count);
}

/// How many allocations there were; zero where nobody counts.
#[must_use]
pub fn allocations() -> usize {
    COUNT.get().map_or(0, |count| count())
}

/// How long a run takes. Turns are short, so that most of them pass undisturbed: the median is then of those.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each case has its turn.
    pub rounds: usize,
    /// How long a turn takes.
    pub slice: Duration,
}

impl Effort {
    /// For figures that are quoted.
    pub const FULL: Self = Self { rounds: 401, slice: Duration::from_micros(400) };
    /// For a look.
    pub const QUICK: Self = Self { rounds: 61, slice: Duration::from_micros(300) };
}

/// One row of the table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// The median of its slices, for one repetition.
    pub ns: f64,
    /// The same of what it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_ns: Option<f64>,
    /// The median of what it took longer than the slice beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_ns: Option<f64>,
    /// The median of how many times as long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Allocations of one repetition, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocs: Option<f64>,
}

impl Row {
    /// A row of a time alone.
    #[must_use]
    pub fn new(name: impl Into<String>, ns: f64) -> Self {
        Self { name: name.into(), ns, ..Self::default() }
    }
}

/// Times all cases, in turns.
///
/// # Errors
/// If one does not come out as it should.
pub fn time(cases: &mut [Case<'_>], effort: Effort) -> Result<Vec<Row>, Error> {
    let times = cases.iter_mut().map(|case| calibrate(case, effort)).collect::<Result<Vec<_>, _>>()?;
    let mut taken: Vec<Vec<(f64, Option<f64>)>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..effort.rounds {
        for ((case, times), taken) in cases.iter_mut().zip(&times).zip(&mut taken) {
            let (sliced, raw) = (case.run(*times), case.run_raw(*times));
            let ns = per_repetition(&case.name, sliced, *times)?;
            let raw = raw.map(|raw| per_repetition(&case.name, raw, *times)).transpose()?;
            taken.push((ns, raw));
        }
    }
    let mut rows = Vec::new();
    for (case, taken) in cases.iter().zip(taken) {
        let pairs: Vec<(f64, f64)> = taken.iter().filter_map(|(ns, raw)| Some((*ns, (*raw)?))).collect();
        let mut row = Row::new(&case.name, median(taken.iter().map(|(ns, _)| *ns)).unwrap_or_default());
        row.raw_ns = median(pairs.iter().map(|(_, raw)| *raw));
        row.over_ns = median(pairs.iter().map(|(ns, raw)| ns - raw));
        row.ratio = median(pairs.iter().map(|(ns, raw)| ns / raw));
        let raw_ns = row.raw_ns;
        rows.push(row);
        rows.extend(case.raw_name.as_ref().zip(raw_ns).map(|(name, ns)| Row::new(name, ns)));
    }
    Ok(rows)
}

/// Counts the allocations of all cases.
///
/// # Errors
/// If one does not come out as it should.
pub fn count(cases: &mut [Case<'_>]) -> Result<Vec<(String, f64)>, Error> {
    const TIMES: u64 = 64;
    let mut counts = Vec::new();
    for case in cases {
        let each = |sliced: Sliced| {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            (sliced.wrong == 0).then_some(sliced.allocations as f64 / TIMES as f64)
        };
        case.run(TIMES);
        let counted = each(case.run(TIMES)).ok_or_else(|| wrong(&case.name))?;
        counts.push((case.name.clone(), counted));
        if let Some(name) = case.raw_name.clone() {
            case.run_raw(TIMES);
            let counted = case.run_raw(TIMES).and_then(each).ok_or_else(|| wrong(&name))?;
            counts.push((name, counted));
        }
    }
    Ok(counts)
}

/// The middle value.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How often to repeat it for one slice. Warms it up, too.
fn calibrate(case: &mut Case<'_>, effort: Effort) -> Result<u64, Error> {
    let mut times = 1;
    while times < 1 << 24 {
        // The shortest of several: one that was interrupted says nothing.
        let mut shortest = Duration::MAX;
        for _ in 0..5 {
            let sliced = case.run(times);
            per_repetition(&case.name, sliced, times)?;
            shortest = shortest.min(sliced.time);
        }
        if shortest >= effort.slice {
            break;
        }
        times *= 2;
    }
    Ok(times)
}

fn per_repetition(name: &str, sliced: Sliced, times: u64) -> Result<f64, Error> {
    if sliced.wrong > 0 {
        return Err(wrong(name));
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(sliced.time.as_nanos() as f64 / times as f64)
}

fn wrong(name: &str) -> Error {
    format!("{name} did not come out as it should: no figures").into()
}
