//! The book; its Rust blocks are compiled by the tests.

/// Declares one module per page, so that a page's Rust blocks are doc tests of this crate.
macro_rules! pages {
    ($($page:ident: $file:literal),* $(,)?) => {
        $(#[doc = include_str!(concat!("src/", $file))] #[allow(dead_code)] mod $page {})*
    };
}

pages! {
    introduction: "introduction.md",
    quick_start: "quick-start.md",
    existing_app: "existing-app.md",
    decided: "decided.md",
    scopes_and_tools: "scopes-and-tools.md",
    tokens_api_keys: "tokens-api-keys.md",
    mittwald: "mittwald.md",
    clients: "clients.md",
    proxy: "proxy.md",
    troubleshooting: "troubleshooting.md",
}
