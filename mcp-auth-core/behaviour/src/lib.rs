//! The behaviour suite: what every guarded MCP server must do, asked over HTTP.
