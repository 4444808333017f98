//! OAuth-protected MCP for actix-web: one middleware around the MCP service.
