//! The smallest honest protected MCP server.

fn main() {}
