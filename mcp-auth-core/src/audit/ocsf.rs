//! Events as the Open Cybersecurity Schema Framework has them: API Activity, class 6003, of version 1.3.
//!
//! 1. Every attribute that the class requires is there. What OCSF has no attribute for stands under `unmapped`.
//! 2. An intent and its outcome are one OCSF event: map what [`AuditEvent::join`](super::AuditEvent::join) gives, as [`Export`] does.
//!
//! ```
//! use mcp_auth_core::audit::{AuditEvent, EventId, RecordKind, ocsf};
//! use mcp_auth_core::time::Timestamp;
//! let now = Timestamp::from_secs(1_800_000_000);
//! let event = AuditEvent::new(EventId::new(now), RecordKind::Event, now);
//! assert_eq!(ocsf::api_activity(&event)["class_uid"], 6003);
//!
//! let (sink, background) = ocsf::lines(std::io::stdout());
//! # drop((sink, background));
//! ```

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{AuditEvent, Effect, Export, OutcomeKind};
use crate::background::Background;

/// A sink that writes each event as a line of OCSF.
pub fn lines(out: impl Write + Send + 'static) -> (Export, Background) {
    Export::new(api_activity, out)
}

/// The event as a JSON object of the class.
#[must_use]
pub fn api_activity(event: &AuditEvent) -> Value {
    let activity = match event.effect {
        Some(Effect::Read) => 2,
        Some(Effect::Write) if event.before.is_some() => 3,
        Some(Effect::Destructive) => 4,
        // Whether a write creates or updates is not known without the state before.
        Some(Effect::Write) => 99,
        None => 0,
    };
    let (status, severity) = match event.outcome {
        Some(OutcomeKind::Succeeded | OutcomeKind::DryRun) => (1, 1),
        Some(OutcomeKind::Denied) => (2, 3),
        Some(OutcomeKind::Failed) => (2, 2),
        Some(OutcomeKind::Allowed | OutcomeKind::Pending | OutcomeKind::TimedOut | OutcomeKind::Cut) => {
            (99, 1)
        }
        None => (0, 0),
    };
    let operation = event.method.as_deref().unwrap_or("unknown");
    let mut out = json!({
        "category_uid": 6,
        "class_uid": 6003,
        "activity_id": activity,
        "type_uid": 600_300 + activity,
        "severity_id": severity,
        "status_id": status,
        "time": event.time.as_millis(),
        "metadata": {
            "version": "1.3.0",
            "uid": event.id.to_string(),
            "product": {"name": "mcp-auth", "vendor_name": "mcp-auth"},
        },
        "actor": actor(event),
        "api": {"operation": operation, "service": {"name": "mcp"}},
        "src_endpoint": endpoint(event),
        "unmapped": unmapped(event),
    });
    let Some(members) = out.as_object_mut() else { return out };
    if activity == 99 {
        members.insert("activity_name".to_owned(), json!("Write"));
    }
    if status == 99 {
        members.insert("status".to_owned(), json!(event.outcome.map(OutcomeKind::as_str)));
    }
    if let Some(detail) = event.kind.as_ref().or(event.error.as_ref()) {
        members.insert("status_detail".to_owned(), json!(detail));
    }
    if let Some(duration) = event.duration_us {
        members.insert("duration".to_owned(), json!(duration / 1000));
    }
    if let Some(agent) = &event.agent {
        members.insert("http_request".to_owned(), json!({"user_agent": agent}));
    }
    if let Some(target) = &event.target {
        members.insert("resources".to_owned(), json!([{"name": target, "type": operation}]));
    }
    out
}

fn actor(event: &AuditEvent) -> Value {
    let mut actor = Map::new();
    if let Some(principal) = &event.principal {
        let mut user = json!({"uid": principal.subject, "type_id": 1, "domain": principal.issuer});
        if let (Some(key), Some(user)) = (&event.key, user.as_object_mut()) {
            user.insert("credential_uid".to_owned(), json!(key.id));
        }
        actor.insert("user".to_owned(), user);
        if let Some(client) = &principal.client {
            actor.insert("app_uid".to_owned(), json!(client));
        }
    }
    if let Some(client) = &event.client {
        actor.insert("app_name".to_owned(), json!(client.name));
    }
    if let Some(session) = &event.session {
        actor.insert("session".to_owned(), json!({"uid": session}));
    }
    Value::Object(actor)
}

fn endpoint(event: &AuditEvent) -> Value {
    event.address.map_or_else(|| json!({"name": "unknown"}), |address| json!({"ip": address}))
}

fn unmapped(event: &AuditEvent) -> Value {
    let mut out = json!({
        "outcome": event.outcome,
        "authenticated": event.authenticated,
        "proof": event.proof,
        "era": event.era,
        "trace": event.trace,
        "required": event.required,
        "granted": event.granted,
        "params": event.params,
        "preview": event.preview,
        "confirmation": event.confirmation,
        "reason": event.reason,
        "result": event.result,
        "before": event.before,
        "after": event.after,
        "seq": event.seq,
    });
    if let Some(members) = out.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::audit::{EventId, RecordKind};
    use crate::time::Timestamp;

    #[test]
    fn what_the_class_requires_is_there() {
        let now = Timestamp::from_secs(1_800_000_000);
        let mut event = AuditEvent::new(EventId::new(now), RecordKind::Event, now);
        (event.effect, event.outcome) = (Some(Effect::Destructive), Some(OutcomeKind::Denied));
        (event.kind, event.address) =
            (Some("insufficient_scope".to_owned()), Some("192.0.2.1".parse().unwrap()));
        let mapped = api_activity(&event);
        for name in ["activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"] {
            assert!(mapped[name].is_u64(), "{name}");
        }
        assert_eq!(mapped["type_uid"], 600_304);
        assert_eq!(
            (&mapped["status_id"], &mapped["status_detail"]),
            (&json!(2), &json!("insufficient_scope"))
        );
        assert_eq!(mapped["src_endpoint"], json!({"ip": "192.0.2.1"}));
        assert!(mapped["actor"].is_object() && mapped["api"]["operation"].is_string());
        assert_eq!(mapped["metadata"]["product"]["vendor_name"], "mcp-auth");
    }
}
