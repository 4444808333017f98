//! The user, servers and organisations.

use std::time::Duration;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolResult;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use mcp_auth_core::time::Clock;
use mcp_auth_core::verify::Revocation;

use super::Mittwald;
use super::answer::{done, listed, shown};
use crate::api::Id;

/// Longer than any verdict about an API token is used again.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// Input of `user_get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserGet {
    /// The user; without it, the account's own.
    user_id: Option<Id>,
}

/// Input of `user_api_token_revoke`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TokenRevoke {
    /// The API token's id (not the token itself).
    pub(crate) token_id: Id,
}

#[tool_router(router = account, vis = "pub(super)")]
impl Mittwald {
    #[tool(
        name = "mittwald_user_get",
        description = "Show a user: name, e-mail address, memberships.",
        annotations(title = "Show user", read_only_hint = true, open_world_hint = false)
    )]
    async fn user_get(&self, Parameters(input): Parameters<UserGet>) -> CallToolResult {
        let user = self.api.user(input.user_id.as_ref()).await;
        shown("user_get", |user| format!("user {}", user.user_id), user)
    }

    #[tool(
        name = "mittwald_server_list",
        description = "List the servers of the account.",
        annotations(title = "List servers", read_only_hint = true, open_world_hint = false)
    )]
    async fn server_list(&self) -> CallToolResult {
        listed("server_list", "servers", self.api.servers().await)
    }

    #[tool(
        name = "mittwald_org_list",
        description = "List the organisations (customers) of the account.",
        annotations(title = "List organisations", read_only_hint = true, open_world_hint = false)
    )]
    async fn org_list(&self) -> CallToolResult {
        listed("org_list", "organisations", self.api.customers().await)
    }

    #[tool(
        name = "mittwald_user_api_token_revoke",
        description = "Revoke an API token of the account. Whatever uses it stops working at once.",
        annotations(
            title = "Revoke API token",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn user_api_token_revoke(&self, Parameters(input): Parameters<TokenRevoke>) -> CallToolResult {
        let result = self.api.revoke_api_token(&input.token_id).await;
        if result.is_ok() {
            // Here, too, and not only when what is known of it has to be asked again.
            let revocation = Revocation::token(&self.api.issuer(), input.token_id.as_str());
            let until = Clock::system().now().plus(KNOWN_FOR);
            if let Err(error) = self.revocations.revoke(&revocation, until).await {
                tracing::error!(%error, "a revoked API token may still be taken by other processes for a minute");
            }
        }
        done("user_api_token_revoke", format!("API token {} is revoked", input.token_id), result)
    }
}
