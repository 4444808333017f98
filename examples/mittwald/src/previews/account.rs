//! API tokens.

use mcp_auth_core::Principal;
use mcp_auth_core::confirm::Preview;

use super::{View, version};
use crate::api::ApiError;
use crate::tools::TokenRevoke;

pub(crate) async fn revoke_token(view: View, input: TokenRevoke) -> Result<Preview, ApiError> {
    let token = view.api.api_token(&input.token_id).await?;
    let own = view.caller.as_ref().and_then(Principal::token_id) == Some(token.api_token_id.as_str());
    let summary = match own {
        true => "Revoke the API token that this connection itself uses",
        false => "Revoke an API token; whatever uses it stops working",
    };
    let ends = token.expires_at.as_deref().unwrap_or("never");
    let roles = token.roles.join(", ");
    let named =
        format!("API token {} ({}), roles: {roles}, ends: {ends}", token.description, token.api_token_id);
    Ok(Preview::new(summary).removes(named).affected(1).irreversible().version(version(&token)?))
}
