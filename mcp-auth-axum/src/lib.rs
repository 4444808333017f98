//! OAuth-protected MCP for axum and tower: one layer around the MCP service.
