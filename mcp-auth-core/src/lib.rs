//! Decides about a request to an MCP server: tokens, scopes, confirmation, audit. Framework-neutral.

pub mod mcp;
