//! How a refusal is answered, and what is written about it.
//!
//! 1. A client learns the kind of problem it can mend, never what was found out about a token.
//! 2. One log line and one count for each refusal, without anything secret.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Exchange, Refusal};
use crate::confirm::{GateRefusal, Passage};
use crate::credential::CredentialError;
use crate::http::{BodyError, Challenge, ChallengeError, ChallengeScheme, cors};
use crate::mcp::{ProtocolError, error_body};
use crate::policy::Denial;
use crate::scope::ScopeSet;
#[cfg(feature = "jwt")]
use crate::verify::dpop::ProofRefusal;

/// JSON-RPC codes of refusals that have no code of their own: from the range for implementations.
const REFUSED: i32 = -32000;
const RESOURCE_NOT_FOUND: i32 = -32002;
const INVALID_PARAMS: i32 = -32602;

impl Exchange {
    /// The answer to a refused request.
    pub(super) fn refuse(&self, refusal: &Refusal) -> Response<Bytes> {
        self.record(refusal);
        let refusal = &self.as_seen_by_client(refusal);
        let mut response = Response::new(self.refusal_body(refusal));
        *response.status_mut() = refusal.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.challenges(refusal, headers);
        match refusal {
            Refusal::TooManyFailures { retry_after }
            | Refusal::TooManyRequests { retry_after }
            | Refusal::Unavailable { retry_after, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            Refusal::Confirmation(refusal) => {
                headers.extend(
                    refusal
                        .retry_after()
                        .map(|after| (header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))),
                );
            }
            Refusal::TooManyAtOnce => {
                drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Refusal::ShuttingDown | Refusal::Unrecorded(_) => {
                drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")))
            }
            Refusal::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static(self.allowed_methods()));
            }
            // A body that was not read to its end leaves nothing to reuse the connection for.
            Refusal::Body(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        self.finish_own(response)
    }

    /// What every answer of the guard's own carries.
    pub(super) fn finish_own<T>(&self, mut response: Response<T>) -> Response<T> {
        let headers = response.headers_mut();
        headers.extend(self.notices.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(origin) = &self.origin {
            cors::allow(headers, origin.clone());
        }
        response
    }

    /// Undeclared methods look like methods that do not exist.
    fn as_seen_by_client(&self, refusal: &Refusal) -> Refusal {
        let names_something = matches!(self.method, "tools/call" | "prompts/get" | "completion/complete")
            || self.method.starts_with("resources/")
            || self.method == "subscriptions/listen";
        match refusal {
            Refusal::NotFound if !names_something => {
                let status = match (&self.id, self.is_modern()) {
                    (None, _) => StatusCode::BAD_REQUEST,
                    (Some(_), true) => StatusCode::NOT_FOUND,
                    (Some(_), false) => StatusCode::OK,
                };
                Refusal::Protocol(ProtocolError::MethodNotFound { status })
            }
            other => other.clone(),
        }
    }

    /// What a client is told to do about its authorization: by DPoP where a proof is what is wrong, else as a bearer token;
    /// where either would do, both.
    fn challenges(&self, refusal: &Refusal, headers: &mut HeaderMap) {
        let inner = &self.guard.inner;
        let Some((error, scope)) = self.error_and_scope(refusal) else { return };
        let challenge = |scheme| {
            let (resource_metadata, scope) = (inner.metadata_url.as_deref(), scope.as_ref());
            Challenge { scheme, resource_metadata, error, scope }.header()
        };
        #[cfg(feature = "jwt")]
        if let Some(dpop) = &inner.dpop {
            let algorithms = dpop.algorithm_names().join(" ");
            let is_proof = matches!(refusal, Refusal::Proof(_));
            if !dpop.is_required() && !is_proof {
                headers.append(header::WWW_AUTHENTICATE, challenge(ChallengeScheme::Bearer));
            }
            headers.append(header::WWW_AUTHENTICATE, challenge(ChallengeScheme::Dpop(&algorithms)));
            return;
        }
        headers.append(header::WWW_AUTHENTICATE, challenge(ChallengeScheme::Bearer));
    }

    fn error_and_scope(&self, refusal: &Refusal) -> Option<(Option<ChallengeError>, Option<ScopeSet>)> {
        let first = &self.guard.inner.challenge_scope;
        match refusal {
            Refusal::NoToken { needed } => {
                let needed = needed.as_ref().map_or(first.clone(), |needed| needed.union(first));
                Some((None, Some(self.offered(needed))))
            }
            Refusal::Token(_) | Refusal::Credential(CredentialError::TooLong) => {
                Some((Some(ChallengeError::InvalidToken), Some(self.offered(first.clone()))))
            }
            #[cfg(feature = "jwt")]
            Refusal::Proof(ProofRefusal::Nonce) => Some((Some(ChallengeError::UseDpopNonce), None)),
            #[cfg(feature = "jwt")]
            Refusal::Proof(_) => {
                Some((Some(ChallengeError::InvalidDpopProof), Some(self.offered(first.clone()))))
            }
            Refusal::Credential(_) => Some((Some(ChallengeError::InvalidRequest), None)),
            Refusal::InsufficientScope { needed, denial: Denial::Challenge | Denial::Hide } => {
                let granted = self.principal.as_ref().map(|principal| principal.scopes());
                // Clients up to 2025-11-25 replace what they had by what they are told.
                let scope = match granted {
                    Some(granted) if !self.is_modern() => self.offered(needed.clone()).union(granted),
                    _ => self.offered(needed.clone()),
                };
                Some((Some(ChallengeError::InsufficientScope), Some(scope)))
            }
            _ => None,
        }
    }

    /// Only what a client could obtain is offered.
    fn offered(&self, scopes: ScopeSet) -> ScopeSet {
        match &self.guard.inner.obtainable {
            Some(obtainable) => scopes.filtered(|scope| obtainable.contains(scope)),
            None => scopes,
        }
    }

    pub(super) fn refusal_body(&self, refusal: &Refusal) -> Bytes {
        let id = self.id.as_ref();
        match refusal {
            Refusal::Protocol(error) => error.body(id),
            Refusal::Message(error) => error_body(id, error.code(), "not one strict JSON-RPC message", None),
            Refusal::NotFound => {
                let is_resource =
                    self.method.starts_with("resources/") || self.method == "subscriptions/listen";
                match (is_resource, self.is_modern()) {
                    (true, false) => error_body(id, RESOURCE_NOT_FOUND, "Resource not found", None),
                    (true, true) => error_body(id, INVALID_PARAMS, "Resource not found", None),
                    (false, _) if self.method == "tools/call" => {
                        error_body(id, INVALID_PARAMS, "Unknown tool", None)
                    }
                    (false, _) => error_body(id, INVALID_PARAMS, "Unknown prompt", None),
                }
            }
            Refusal::InsufficientScope { needed, denial: Denial::ToolError } => self.tool_error(needed),
            Refusal::InsufficientScope { needed, .. } => {
                let text = format!(
                    "This needs the permission {needed}, which was not granted. Sign in again and allow it."
                );
                let data = json!({ "error": "insufficient_scope", "scope": needed.to_string() });
                error_body(id, REFUSED, &text, Some(data))
            }
            Refusal::Confirmation(refusal) => {
                let answer = Passage::Refused(refusal.clone()).answer(id, self.is_modern());
                answer.map(|(_, body)| body).unwrap_or_default()
            }
            other => {
                error_body(id, REFUSED, public_text(other), Some(json!({ "error": public_code(other) })))
            }
        }
    }

    fn tool_error(&self, needed: &ScopeSet) -> Bytes {
        let text = format!(
            "Not permitted: this needs the permission {needed}. Ask the user to sign in again and allow it."
        );
        let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
        if self.is_modern()
            && let Some(members) = result.as_object_mut()
        {
            members.insert("resultType".to_owned(), Value::from("complete"));
        }
        let id = self.id.as_ref().map_or(&b"null"[..], |id| id.json());
        [br#"{"jsonrpc":"2.0","id":"#, id, br#","result":"#, result.to_string().as_bytes(), b"}"]
            .concat()
            .into()
    }

    fn allowed_methods(&self) -> &'static str {
        if self.is_modern() { "POST" } else { "GET, POST, DELETE" }
    }

    pub(super) fn record(&self, refusal: &Refusal) {
        let kind = refusal.kind();
        metrics::counter!("mcp_auth_requests_total", "outcome" => "refused", "kind" => kind).increment(1);
        super::span::fail(&self.span, kind);
        self.record_refusal(refusal);
        let subject = self.principal.as_ref().map(|principal| principal.subject());
        let client = self.principal.as_ref().and_then(|principal| principal.client_id());
        let (address, method, target) = (self.address, self.method, self.target.as_deref());
        match refusal {
            Refusal::Unavailable { .. }
            | Refusal::Unrecorded(_)
            | Refusal::Confirmation(GateRefusal::Unavailable(_)) => {
                tracing::warn!(kind, ?address, subject, client, method, target, "refused: {refusal}");
            }
            // Asking without a token is how every client begins.
            Refusal::NoToken { .. } => tracing::debug!(kind, ?address, method, "refused: {refusal}"),
            _ => tracing::info!(kind, ?address, subject, client, method, target, "refused: {refusal}"),
        }
    }
}

/// The code that a client may act on.
fn public_code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoToken { .. } => "unauthorized",
        Refusal::Token(_) | Refusal::Credential(CredentialError::TooLong) => "invalid_token",
        #[cfg(feature = "jwt")]
        Refusal::Proof(ProofRefusal::Nonce) => "use_dpop_nonce",
        #[cfg(feature = "jwt")]
        Refusal::Proof(_) => "invalid_dpop_proof",
        Refusal::Credential(_) => "invalid_request",
        Refusal::Unavailable { .. } | Refusal::Unrecorded(_) | Refusal::ShuttingDown => {
            "temporarily_unavailable"
        }
        other => other.kind(),
    }
}

fn public_text(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoToken { .. } => "Sign in to use this server.",
        Refusal::Token(_) | Refusal::Credential(CredentialError::TooLong) => {
            "The access token is not valid here."
        }
        #[cfg(feature = "jwt")]
        Refusal::Proof(_) => "The proof of possession is not valid here.",
        Refusal::TooManyRequests { .. } | Refusal::TooManyAtOnce => "Too many requests.",
        Refusal::Credential(_) => "The authorization of the request is malformed.",
        Refusal::Unavailable { .. } | Refusal::Unrecorded(_) | Refusal::ShuttingDown => {
            "Temporarily unavailable."
        }
        Refusal::TooManyFailures { .. } => "Too many failed attempts.",
        Refusal::Host(_) => "The host or origin of the request is not allowed.",
        Refusal::MethodNotAllowed => "Method not allowed.",
        Refusal::PathSpelling => "Not found.",
        Refusal::Session => "Session not found.",
        Refusal::ContentType => "The body must be application/json in UTF-8.",
        Refusal::ContentEncoding => "The body must not be encoded.",
        Refusal::NotAcceptable => "The client must accept application/json and text/event-stream.",
        Refusal::Body(BodyError::TooLarge) => "The body is too large.",
        Refusal::Body(BodyError::Timeout) => "The body did not arrive in time.",
        Refusal::Body(BodyError::Broken) => "The body broke off.",
        Refusal::UnexpectedResponse => "A response that was not asked for.",
        _ => "Refused.",
    }
}
