//! Each preset has a page that names its source and everything that is unverified.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use mcp_auth_core::verify::jwt::Preset;

fn page(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Line breaks mean nothing.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_preset_has_a_page_that_says_what_it_knows() {
    let (summary, overview) = (page("SUMMARY.md"), page("tokens-jwt.md"));
    for preset in Preset::ALL {
        let name = if preset.name.starts_with("entra-") { "entra" } else { preset.name };
        let link = format!("(providers/{name}.md)");
        assert!(summary.contains(&link) && overview.contains(&link), "{name} is not linked");
        let text = words(&page(&format!("providers/{name}.md")));
        assert!(text.contains(preset.source), "{name} does not name its source");
        let (_, unverified) = text.split_once("Unverified:").unwrap_or_else(|| panic!("{name}"));
        // A page of two presets says it in its own words.
        if name == preset.name {
            assert_eq!(unverified.contains("nothing"), preset.is_verified(), "{name}");
        }
        for what in preset.unverified {
            assert!(unverified.contains(what), "{name} does not say that this is unverified: {what}");
        }
        let call = format!("Preset::{}(", preset.name.replace('-', "_"));
        assert!(text.contains(&call), "{name} does not show {call}…)");
    }
}

#[test]
fn links_of_provider_pages_lead_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            assert!(file.contains("://") || folder.join(file).exists(), "{} links to {link}", path.display());
        }
    }
}
