//! A case that nobody lists would never run.
#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn every_case_is_in_the_suite() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let suite = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(source.join("cases")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for case in text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next()) {
            assert!(suite.contains(&format!(" {case},\n")), "{case} is not listed");
            count += 1;
        }
    }
    assert!(count > 40, "{count} cases were found");
}
