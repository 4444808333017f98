//! A preview as plain text.
//!
//! 1. Each entry has its own line, and no data begins a line: what stands at the left is ours.
//! 2. Lists and values are bounded; what is left out is counted.

use super::Preview;
use super::text::{quoted, safe};
use crate::mcp::{Kind, Raw};

/// The longest value, in characters.
const VALUE: usize = 200;
/// The most entries of one list.
const ENTRIES: usize = 12;
/// The longest name of a field, in characters.
const NAME: usize = 60;

impl Preview {
    /// The preview in a few lines, every text of it made safe and bounded.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if !self.summary.is_empty() {
            lines.push(format!("What: {}", safe(&self.summary, VALUE)));
        }
        list(&mut lines, "Creates", self.creates.iter(), |what| safe(what, VALUE));
        list(&mut lines, "Changes", self.changes.iter(), |change| {
            let (before, after) = (quoted(&change.before, VALUE), quoted(&change.after, VALUE));
            // A word and no arrow: between two texts that run from right to left an arrow would point the wrong way.
            format!("{}: {before} becomes {after}", safe(&change.field, NAME))
        });
        list(&mut lines, "Removes", self.removes.iter(), |what| safe(what, VALUE));
        if let Some(count) = self.affected {
            lines.push(format!("Affected in all: {count}"));
        }
        match self.reversible {
            Some(true) => lines.push("This can be undone.".to_owned()),
            Some(false) => lines.push("This cannot be undone.".to_owned()),
            None => {}
        }
        lines.join("\n")
    }
}

/// Shows the first entries and counts them all.
fn list<T>(
    lines: &mut Vec<String>,
    title: &str,
    mut entries: impl Iterator<Item = T>,
    show: impl Fn(T) -> String,
) {
    let shown: Vec<String> =
        entries.by_ref().take(ENTRIES).map(|entry| format!("- {}", show(entry))).collect();
    let more = entries.count();
    if shown.is_empty() {
        return;
    }
    lines.push(format!("{title} ({}):", shown.len() + more));
    lines.extend(shown);
    if more > 0 {
        lines.push(format!("- … and {more} more"));
    }
}

/// The arguments of a call that has no preview; those named in `hidden` without their values.
pub(super) fn arguments(arguments: Option<Raw<'_>>, without: &[&str], hidden: &[Box<str>]) -> String {
    let members =
        arguments.into_iter().flat_map(Raw::members).filter(|member| !without.contains(&&*member.key));
    let mut lines = Vec::new();
    list(&mut lines, "Arguments", members, |member| {
        let value = match member.value.kind() {
            _ if hidden.iter().any(|name| **name == *member.key) => "(not shown)".to_owned(),
            Kind::String => quoted(&member.value.as_str().unwrap_or_default(), VALUE),
            _ => safe(&String::from_utf8_lossy(member.value.bytes()), VALUE),
        };
        format!("{}: {value}", safe(&member.key, NAME))
    });
    if lines.is_empty() {
        return "Without arguments.".to_owned();
    }
    lines.join("\n")
}
