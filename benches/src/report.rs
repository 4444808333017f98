//! The table: ours, raw and peers side by side, and which bars hold.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::http::HttpRow;
use crate::measure::Row;
use crate::memory::Memory;

/// What the program with the counting allocator found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Allocations of one repetition, by row.
    pub counts: Vec<(String, f64)>,
    /// What caches hold.
    pub memory: Vec<Memory>,
}

/// All figures of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Ours.
    pub rows: Vec<Row>,
    /// Over HTTP.
    #[serde(default)]
    pub http: Vec<HttpRow>,
    /// Other libraries: `<what>/<algorithm>`, then `@` and the library's name.
    #[serde(default)]
    pub peers: Vec<Row>,
    /// What caches hold.
    #[serde(default)]
    pub memory: Vec<Memory>,
}

/// One figure to reach.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What is compared.
    pub what: String,
    /// What it came to.
    pub is: f64,
    /// What it is to come to.
    pub bar: f64,
    /// True if it has to be at least that, not at most.
    pub at_least: bool,
}

impl Bar {
    /// True if it is reached.
    #[must_use]
    pub fn holds(&self) -> bool {
        if self.at_least { self.is >= self.bar } else { self.is <= self.bar }
    }
}

impl Figures {
    /// Puts the counts beside the times.
    pub fn take(&mut self, counted: Counted) {
        for row in &mut self.rows {
            row.allocs = counted.counts.iter().find(|(name, _)| *name == row.name).map(|(_, count)| *count);
        }
        self.memory = counted.memory;
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn ns(&self, name: &str) -> Option<f64> {
        self.row(name).map(|row| row.ns)
    }

    /// How many times as long as the raw check beside it a peer took, where it is the fastest at `what`.
    fn best_peer(&self, what: &str) -> Option<f64> {
        let of = |row: &&Row| row.name.split('@').next() == Some(what);
        self.peers.iter().filter(of).filter_map(|row| row.ratio).min_by(f64::total_cmp)
    }

    /// Every bar for which this run has figures.
    #[must_use]
    pub fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        let mut bar = |what: String, is: Option<f64>, bar: f64, at_least: bool| {
            bars.extend(is.map(|is| Bar { what, is, bar, at_least }));
        };
        for (algorithm, share) in [("rs256", 0.8), ("es256", 0.97), ("eddsa", 0.97)] {
            let name = format!("miss/{algorithm}");
            let row = self.row(&name);
            bar(format!("{name} over the raw check, ns"), row.and_then(|row| row.over_ns), 2200.0, false);
            // Both as multiples of the raw check that was timed beside them.
            let ours = row.and_then(|row| row.ratio);
            let than = ours.zip(self.best_peer(&name)).map(|(ours, peer)| ours / peer);
            bar(format!("{name} ÷ best peer"), than, share, false);
        }
        for (name, ns) in [
            ("hit", 350.0),
            ("hit/sha256", 1100.0),
            ("api_key/hit", 350.0),
            ("api_key", 1000.0),
            ("audit/read", 2000.0),
            ("audit/outcome", 2000.0),
            ("confirm/seal", 2000.0),
            ("confirm/open", 2000.0),
        ] {
            bar(format!("{name}, ns"), self.ns(name), ns, false);
        }
        for (name, most) in [("hit", 0.0), ("hit/sha256", 0.0), ("audit/read", 3.0), ("audit/outcome", 3.0)] {
            bar(format!("{name}, allocations"), self.row(name).and_then(|row| row.allocs), most, false);
        }
        for (name, least) in [("hit/threads2", 1.6), ("hit/hot/threads2", 1.0)] {
            bar(format!("{name} ÷ one thread"), self.row(name).and_then(|row| row.ratio), least, true);
        }
        bar("guard/300B, ns".to_owned(), self.ns("guard/300B"), 2500.0, false);
        let raw = self.row("miss/rs256").and_then(|row| row.raw_ns);
        let theirs = self.best_peer("guard/300B").zip(raw).map(|(ratio, raw)| ratio * raw);
        let than = |name: &str| self.ns(name).zip(theirs);
        bar(
            "hot path of the best peer ÷ guard/300B".to_owned(),
            than("guard/300B").map(|(ours, peer)| peer / ours),
            15.0,
            true,
        );
        bar(
            "guard/300B/miss ÷ hot path of the best peer".to_owned(),
            than("guard/300B/miss").map(|(ours, peer)| ours / peer),
            0.75,
            false,
        );
        for (body, most) in
            [("300B", 2.0), ("10KB-keys", 2.5), ("10KB-objects", 2.5), ("10KB-string", 2.5), ("1MB", 2.5)]
        {
            let name = format!("parse/{body}");
            bar(format!("{name} ÷ serde"), self.row(&name).and_then(|row| row.ratio), most, false);
        }
        for row in &self.http {
            bar(format!("http/{} protected ÷ plain", row.framework), Some(row.ratio), 0.93, true);
        }
        for (name, most) in [("cache/whole", 200.0), ("cache/sha256", 80.0)] {
            let found = self.memory.iter().find(|memory| memory.name == name);
            bar(format!("{name}: 100,000 tokens, MB"), found.map(|it| it.megabytes), most, false);
            #[expect(clippy::cast_precision_loss, reason = "a count")]
            let kept = found.map(|it| it.entries_after_flood as f64);
            bar(format!("{name}: kept under a flood"), kept, 100_000.0, false);
        }
        bars
    }

    /// Everything as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        // Writing to a string does not fail.
        _ = self.write(&mut table);
        table
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        writeln!(
            to,
            "{:<44} {:>12} {:>12} {:>12} {:>10} {:>8} {:>8}",
            "row", "ns", "a second", "raw ns", "over ns", "ratio", "allocs"
        )?;
        for row in self.rows.iter().chain(&self.peers) {
            let text = |value: Option<f64>, digits: usize| {
                value.map(|it| format!("{it:.digits$}")).unwrap_or_default()
            };
            let (raw, over) = (text(row.raw_ns, 0), text(row.over_ns, 0));
            let (ratio, allocs) = (text(row.ratio, 2), text(row.allocs, 0));
            let (name, ns, a_second) = (&row.name, row.ns, 1e9 / row.ns.max(1.0));
            writeln!(
                to,
                "{name:<44} {ns:>12.0} {a_second:>12.0} {raw:>12} {over:>10} {ratio:>8} {allocs:>8}"
            )?;
        }
        for row in &self.http {
            writeln!(
                to,
                "http/{}: protected {:.0}/s, plain {:.0}/s, ratio {:.3}; p50/p90/p99/p99.9 {:.0?} µs, plain {:.0?} µs",
                row.framework, row.protected_rps, row.plain_rps, row.ratio, row.protected_us, row.plain_us
            )?;
        }
        for cache in &self.memory {
            writeln!(
                to,
                "{}: {:.1} MB resident, {:.1} MB allocated for {} verdicts; after a flood {} in {:.1} MB",
                cache.name,
                cache.megabytes,
                cache.allocated_megabytes,
                cache.entries,
                cache.entries_after_flood,
                cache.megabytes_after_flood
            )?;
        }
        writeln!(to)?;
        for bar in self.bars() {
            let sign = if bar.at_least { '≥' } else { '≤' };
            let holds = if bar.holds() { "holds" } else { "MISSED" };
            writeln!(to, "{holds:<7} {:<48} {:>10.2} {sign} {}", bar.what, bar.is, bar.bar)?;
        }
        Ok(())
    }
}
