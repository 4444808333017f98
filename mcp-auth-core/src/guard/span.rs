//! The span of a request, after OpenTelemetry's conventions for MCP servers.
//!
//! 1. It is called `mcp_request`; `otel.name` says what is asked for (`tools/call delete_note`), as `tracing-opentelemetry` reads it.
//! 2. Who asks stands in `subject`, `client` and `software`, which the conventions have no name for. Nothing secret, no URI's query
//!    and no argument is in it.
//! 3. A refusal's `error.type` is its kind: all of them share a few codes. That of a call which ran is known where calls are recorded.
//! 4. It lasts until the answer was given; where calls are recorded, until the response to this request has passed.

use std::net::IpAddr;

use tracing::Span;
use tracing::field::{Empty, display};

use super::Exchange;
use crate::mcp::{Id, Target};

/// The span of a request from `address`, of which nothing else is known yet.
pub(super) fn of(address: Option<IpAddr>) -> Span {
    tracing::info_span!(
        "mcp_request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        mcp.method.name = Empty,
        mcp.protocol.version = Empty,
        mcp.resource.uri = Empty,
        gen_ai.operation.name = Empty,
        gen_ai.tool.name = Empty,
        gen_ai.prompt.name = Empty,
        jsonrpc.request.id = Empty,
        error.type = Empty,
        network.protocol.name = "http",
        network.transport = "tcp",
        client.address = address.map(display),
        subject = Empty,
        client = Empty,
        software = Empty,
    )
}

impl Exchange {
    /// Says what is asked for. `self.target` is what the log calls the target.
    pub(super) fn name_span(&self, target: &Target) {
        let (span, name) = (&self.span, self.target.as_deref());
        if span.is_disabled() {
            return;
        }
        span.record("mcp.method.name", self.method);
        span.record("mcp.protocol.version", self.revision.as_str());
        if let Some(id) = &self.id {
            span.record("jsonrpc.request.id", plain(id).as_ref());
        }
        match target {
            Target::Tool(_) => {
                span.record("gen_ai.operation.name", "execute_tool");
                span.record("gen_ai.tool.name", name);
            }
            Target::Prompt(_) => {
                span.record("gen_ai.prompt.name", name);
            }
            Target::Resource(_) => {
                span.record("mcp.resource.uri", name);
            }
            _ => {}
        }
        // A URI would give every span a name of its own.
        match (target, name) {
            (Target::Tool(_) | Target::Prompt(_), Some(name)) => {
                span.record("otel.name", display(format_args!("{} {name}", self.method)));
            }
            _ => {
                span.record("otel.name", self.method);
            }
        }
    }
}

/// Says that it failed.
pub(super) fn fail(span: &Span, error: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error);
}

/// An id without the quotes of its JSON.
fn plain(id: &Id) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(id.json()).trim_matches('"').to_owned().into()
}
