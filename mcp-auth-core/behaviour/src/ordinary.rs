//! Ordinary routes beside MCP. Not in the suite: an adapter's test serves such a service.

use crate::Fixture;

/// `/me` wants `notes:read` and `notes:delete` and says who asks; `/open` says whether somebody is known, who never is;
/// `/forgotten` wants somebody, and no guard is before it.
pub async fn routes_take_the_same_tokens(fixture: &Fixture) {
    let me = || fixture.ask("GET", "/me");
    me().send().await.is(401, -32000).challenges("", "notes:read");
    me().token("bad").send().await.is(401, -32000).challenges("invalid_token", "notes:read");
    let short = me().token(&fixture.reader()).send().await;
    short.is(403, -32000).challenges("insufficient_scope", "notes:delete notes:read");
    me().header("origin", "https://evil.example").token(&fixture.reader()).send().await.is(403, -32000);
    let token = fixture.ada("notes:read notes:delete").sign();
    assert_eq!(me().token(&token).send().await.is(200, None).text(), "ada");
    // Other methods of a guarded route learn nothing either.
    me().method("DELETE").send().await.is(401, -32000);
    assert_eq!(fixture.ask("GET", "/open").token(&token).send().await.text(), "false");
    assert_eq!(fixture.ask("GET", "/forgotten").token(&token).send().await.status, 401);
}
