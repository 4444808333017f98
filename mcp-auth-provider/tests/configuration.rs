//! What a provider refuses to begin with.
#![allow(clippy::unwrap_used)]

use mcp_auth_provider::{LocalUsers, Provider};

#[test]
fn a_default_scope_is_one_that_the_consent_page_can_name() {
    let build = |default: &str| {
        Provider::builder("http://127.0.0.1:8787")
            .resource("http://127.0.0.1:8787/mcp")
            .scopes([("notes:read", "Read your notes"), ("notes:write", "Write notes")])
            .default_scope(default)
            .sign_in(LocalUsers::new().user("ada", "analytical engine"))
            .build()
    };
    drop(build("notes:read notes:write").unwrap());
    let errors = build("notes:read notes:admin notes:all").unwrap_err();
    let problems: Vec<&str> = errors.as_slice().iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(problems.len(), 2, "{errors}");
    assert!(problems.iter().zip(["`notes:admin`", "`notes:all`"]).all(|(text, name)| text.contains(name)));
}
