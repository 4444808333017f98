//! Records as `tracing` events, under the target `mcp_auth::audit`.

use crate::audit::sink::{Acknowledgement, AuditError, AuditSink, Begun, Room};
use crate::audit::{OutcomeKind, Record};

/// Hands each record to the host's subscriber, on the spot; what the subscriber does with it counts as written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

fn tell(record: &Record) {
    let json = String::from_utf8_lossy(record.json());
    let (kind, outcome) = (record.kind().as_str(), record.outcome().as_str());
    match record.outcome() {
        OutcomeKind::Denied | OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Cut => {
            tracing::warn!(target: "mcp_auth::audit", id = %record.id(), record = kind, outcome, event = %json);
        }
        _ => {
            tracing::info!(target: "mcp_auth::audit", id = %record.id(), record = kind, outcome, event = %json)
        }
    }
}

impl Room for TracingSink {
    fn finish(self: Box<Self>, outcome: Record) {
        tell(&outcome);
    }
}

impl AuditSink for TracingSink {
    fn begin(&self, intent: Record, _: Acknowledgement) -> Result<Begun, AuditError> {
        tell(&intent);
        Ok(Begun { room: Box::new(*self), acknowledged: None })
    }

    fn record(&self, event: Record) {
        tell(&event);
    }
}
