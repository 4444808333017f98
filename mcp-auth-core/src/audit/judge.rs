//! What a record says about a call, for those who look for what is unusual.
//!
//! 1. A refusal's kind says how it was answered: the words are those of the guard.

use super::{AuditEvent, OutcomeKind};

impl AuditEvent {
    /// True if the call ran to an end, a good one or another.
    #[must_use]
    pub fn ran(&self) -> bool {
        matches!(self.outcome, Some(OutcomeKind::Succeeded | OutcomeKind::Failed | OutcomeKind::TimedOut))
    }

    /// True if it was refused, for whatever reason.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.outcome == Some(OutcomeKind::Denied)
    }

    /// True if it was refused as one too many (429).
    #[must_use]
    pub fn is_too_many(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        self.is_denied()
            && (kind.starts_with("too_many") || matches!(kind, "write_budget" | "confirmations_waiting"))
    }

    /// True if the caller or the credential was refused (401, 403), or would be if the caller were no model.
    #[must_use]
    pub fn is_not_let_in(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        let of_source =
            matches!(kind, "no_token" | "insufficient_scope" | "host_not_allowed" | "origin_not_allowed");
        let of_token = kind.starts_with("token_") && kind != "token_in_query";
        self.is_denied() && (of_source || of_token || kind.starts_with("dpop_"))
    }
}
