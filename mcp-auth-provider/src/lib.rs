//! An OAuth 2.1 authorization server to embed beside an MCP server.
