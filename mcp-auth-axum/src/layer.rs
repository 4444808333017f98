//! The layer to put around an MCP service.

use mcp_auth_core::Guard;
use tower_layer::Layer;

use crate::McpAuth;

/// Wraps an MCP service in a [`Guard`]. Everything that the wrapped service answers is guarded.
///
/// Wrap the service itself and mount the result, as in `route_service("/mcp", McpAuthLayer::new(guard).layer(mcp))`:
/// then there is no path by which the service could be reached around the guard.
#[derive(Clone, Debug)]
#[must_use]
pub struct McpAuthLayer {
    guard: Guard,
}

impl McpAuthLayer {
    /// A layer that asks `guard`.
    pub fn new(guard: Guard) -> Self {
        Self { guard }
    }

    /// Wraps `inner`; the same as [`Layer::layer`], without an import.
    pub fn layer<S>(&self, inner: S) -> McpAuth<S> {
        McpAuth::new(self.guard.clone(), inner)
    }
}

impl<S> Layer<S> for McpAuthLayer {
    type Service = McpAuth<S>;

    fn layer(&self, inner: S) -> McpAuth<S> {
        Self::layer(self, inner)
    }
}
