//! An axum service with its own login that gains protected MCP.

fn main() {}
