//! What the service gained is what the book says it is.

#![allow(clippy::unwrap_used, missing_docs)]

use similar::{ChangeTag, TextDiff};

const FILES: [(&str, &str, &str); 2] = [
    ("Cargo.toml", include_str!("../diff/before.toml"), include_str!("../Cargo.toml")),
    ("src/main.rs", include_str!("../src/before.rs"), include_str!("../src/main.rs")),
];

/// Without what only the tests need.
fn service(text: &str) -> &str {
    text.split_once("\n[dev-dependencies]").map_or(text, |(service, _)| service)
}

#[test]
fn the_diff_is_whole_and_short() {
    let (mut whole, mut changed) = (String::new(), 0);
    for (name, before, after) in FILES {
        let diff = TextDiff::from_lines(before, service(after));
        whole += &diff.unified_diff().context_radius(1).header(name, name).to_string();
        changed += diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert).count();
    }
    assert_eq!(include_str!("../diff/mcp.diff"), whole, "diff/mcp.diff is not what has changed:\n{whole}");
    assert!(changed < 40, "{changed} lines were added");
    let book = include_str!("../../../docs/src/existing-app.md");
    assert!(book.contains(&format!("```diff\n{whole}```")), "the book shows another diff");
}
