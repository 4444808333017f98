//! Step two: from one strict reading of the body.

use bytes::Bytes;
use http::Response;
use http::request::Parts;

use super::{Admitted, Exchange, Refusal};
use crate::mcp::{Message, MessageKind, Operation, Target, check};
use crate::policy::{Arguments, Verdict};

/// What is to be done after the body was read. Exhaustive: an adapter answers every case.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// Answer so.
    Respond(Response<Bytes>),
    /// Forward it.
    Forward(Forward),
}

/// A request that may be done.
#[derive(Debug)]
#[must_use]
pub struct Forward {
    /// The body to forward: the bytes that were checked.
    pub body: Bytes,
    /// What to do with the answer.
    pub exchange: Exchange,
}

impl Admitted {
    /// Decides by the body. `parts` are those of [`Guard::admit`](super::Guard::admit).
    #[expect(
        clippy::unused_async,
        reason = "confirmation and audit will wait here; adapters need not change then"
    )]
    pub async fn decide(self, parts: &mut Parts, body: Bytes) -> Decision {
        let mut exchange = self.exchange;
        let span = exchange.span();
        let _entered = span.enter();
        match exchange.decide(parts, &body) {
            Ok(()) => {
                exchange.guard.inner.meters.forwarded();
                Decision::Forward(Forward { body, exchange })
            }
            Err(refusal) => Decision::Respond(exchange.refuse(&refusal)),
        }
    }
}

impl Exchange {
    fn decide(&mut self, parts: &Parts, body: &Bytes) -> Result<(), Refusal> {
        let message = Message::parse(body, &self.guard.inner.limits)?;
        if let MessageKind::Request { id } = message.kind() {
            self.id = Some(id.clone());
        }
        if matches!(message.kind(), MessageKind::Response { .. }) {
            // Only a session of this principal's can wait for an answer; the service knows for which.
            return if self.in_session { Ok(()) } else { Err(Refusal::UnexpectedResponse) };
        }
        let era = check(&parts.headers, &message)?;
        self.revision = era.revision();
        let operation = Operation::of(&message, era)?;
        self.method = operation.method.name;
        self.target = target_name(&operation.target);
        self.span.record("method", self.method);
        self.span.record("target", self.target.as_deref());
        let policy = &self.guard.inner.policy;
        let verdict = policy.decide(self.principal.as_ref(), &operation, Arguments::new(message.arguments()));
        // What does not exist for this caller has no parameters either: an answer about them would show that it does.
        if let Target::Tool(tool) = &operation.target
            && verdict != Verdict::NotFound
            && era.is_modern()
            && let Some(headers) = policy.param_headers(tool)
        {
            headers.check(&parts.headers, message.arguments())?;
        }
        match verdict {
            Verdict::Allow(_) => Ok(()),
            Verdict::NotFound => Err(Refusal::NotFound),
            Verdict::NeedsScopes { needed, .. } if self.principal.is_none() => {
                Err(Refusal::NoToken { needed: Some(needed) })
            }
            Verdict::NeedsScopes { needed, denial } => {
                // Only a tool's call can be answered by a tool's result.
                let denial =
                    if self.method == "tools/call" { denial } else { crate::policy::Denial::Challenge };
                Err(Refusal::InsufficientScope { needed, denial })
            }
        }
    }
}

/// What the log calls the target.
fn target_name(target: &Target) -> Option<String> {
    match target {
        Target::Tool(name) | Target::Prompt(name) | Target::Task(name) => Some(name.clone()),
        // A URI's query may hold what is private.
        Target::Resource(uri) => Some(uri.split(['?', '#']).next().unwrap_or_default().to_owned()),
        Target::None | Target::Subscription { .. } => None,
    }
}
