//! A mittwald-style MCP server with an embedded authorization server.

fn main() {}
