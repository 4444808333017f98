//! Notes: a small service with its own users and sessions.

mod app;
mod login;
mod notes;
mod tools;
mod users;

use std::net::SocketAddr;

use mcp_auth_axum::{McpAuthLayer, require_scopes};
use mcp_auth_core::policy::{read, write};
use mcp_auth_core::{Guard, ToolPolicies};
use mcp_auth_provider::{HostSession, Provider, User};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8788".to_owned());
    let listener = TcpListener::bind(address).await?;
    let origin = format!("http://{}", listener.local_addr()?);

    let notes = notes::Notes::demo();
    let mcp_url = format!("{origin}/mcp");
    let sign_in = HostSession::new(|request| {
        let user = request.extensions.get::<login::Session>().and_then(|session| session.user.clone());
        std::future::ready(user.map(|user| User { subject: user.id, name: user.name }))
    });
    let (provider, provider_background) = Provider::builder(&origin)
        .resource(&mcp_url)
        .scopes([("notes:read", "Read your notes"), ("notes:write", "Add notes")])
        .sign_in(sign_in.login_page("/login", "next"))
        .build()?;
    let policies = ToolPolicies::from_tools(tools::Tools::tool_router().list_all())?
        .tool("list_notes", read("notes:read"))
        .tool("add_note", write("notes:write"));
    let (guard, background) =
        Guard::builder(&mcp_url).verifier(provider.verifier()).tools(policies).build()?;
    tokio::spawn(background.and(provider_background));

    let export = tools::export(notes.clone()).layer(require_scopes(&guard, ["notes:read"])?);
    let app = app::routes(notes.clone())
        .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(tools::service(notes)))
        .route("/api/export", export)
        .merge(mcp_auth_axum::routes(&guard))
        .merge(mcp_auth_axum::routes(&provider))
        .layer(app::sessions(users::Users::demo(), origin.starts_with("https:")))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("Notes: {origin}/  sign in as ada / analytical engine, or grace / nanoseconds");
    println!("MCP server: {mcp_url}");
    Ok(axum::serve(listener, app).await?)
}
