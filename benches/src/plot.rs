//! The plot: checks per second, one bar a row, on a logarithmic scale. SVG, written by hand.

use std::fmt::Write as _;

use crate::measure::Row;

const LEFT: f64 = 210.0;
const WIDTH: f64 = 460.0;
const STEP: usize = 22;
/// From 10^3 to 10^8 a second.
const DECADES: std::ops::RangeInclusive<u32> = 3..=8;

/// A plot of `rows`; ours are dark, others light.
#[must_use]
pub fn svg(rows: &[(&Row, bool)]) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    _ = write(&mut svg, rows);
    svg
}

fn write(svg: &mut String, rows: &[(&Row, bool)]) -> std::fmt::Result {
    let height = rows.len() * STEP + 50;
    let wide = LEFT + WIDTH + 90.0;
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {height}\" font-family=\"sans-serif\" font-size=\"12\">"
    )?;
    writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>")?;
    writeln!(svg, "<text x=\"{LEFT}\" y=\"16\">checks per second, one thread unless said otherwise</text>")?;
    for decade in DECADES {
        let x = LEFT + at(10_f64.powf(f64::from(decade)));
        writeln!(
            svg,
            "<line x1=\"{x:.0}\" x2=\"{x:.0}\" y1=\"26\" y2=\"{}\" stroke=\"#ddd\"/>",
            height - 20
        )?;
        writeln!(svg, "<text x=\"{x:.0}\" y=\"{}\" text-anchor=\"middle\">10^{decade}</text>", height - 6)?;
    }
    for (n, (row, is_ours)) in rows.iter().enumerate() {
        let (y, a_second) = (30 + n * STEP, 1e9 / row.ns.max(1.0));
        let (fill, width) = (if *is_ours { "#1f5f8b" } else { "#b9c7d1" }, at(a_second).max(1.0));
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", LEFT - 8.0, y + 13, row.name)?;
        writeln!(svg, "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" fill=\"{fill}\"/>")?;
        writeln!(svg, "<text x=\"{:.1}\" y=\"{}\">{}</text>", LEFT + width + 6.0, y + 13, short(a_second))?;
    }
    writeln!(svg, "</svg>")
}

fn at(a_second: f64) -> f64 {
    let (from, to) = (f64::from(*DECADES.start()), f64::from(*DECADES.end()));
    (a_second.log10() - from).clamp(0.0, to - from) / (to - from) * WIDTH
}

fn short(a_second: f64) -> String {
    if a_second >= 1e6 { format!("{:.1} M", a_second / 1e6) } else { format!("{:.1} k", a_second / 1e3) }
}
