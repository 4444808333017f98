//! What the pages say of the repository is true.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_quick_start_is_shown_as_it_is_compiled() {
    let program = read("examples/quickstart/src/main.rs");
    assert!(program.lines().count() < 80);
    for page in ["README.md", "docs/src/quick-start.md"] {
        assert!(
            read(page).contains(program.trim_end()),
            "{page} shows another program than examples/quickstart/src/main.rs"
        );
    }
}

fn pages_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { pages_below(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect()
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let summary = read("docs/src/SUMMARY.md");
    let mut pages: Vec<PathBuf> = vec![root().join("README.md")];
    for path in pages_below(&root().join("docs/src")) {
        let name = path.strip_prefix(root().join("docs/src")).unwrap().to_str().unwrap();
        assert!(
            name == "SUMMARY.md" || summary.contains(&format!("({name})")),
            "{name} is not in SUMMARY.md"
        );
        pages.push(path);
    }
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.lines().count() > 5, "{} is empty", page.display());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.contains(' ') {
                continue;
            }
            assert!(page.parent().unwrap().join(file).exists(), "{} links to {link}", page.display());
        }
    }
}
