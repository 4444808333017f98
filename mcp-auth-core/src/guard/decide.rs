//! Step two: from one strict reading of the body.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use tracing::Instrument;
use tracing::field::display;

use super::session::Declared;
use super::software::Software;
use super::{Admitted, AskThenForward, Exchange, Refusal};
use crate::confirm::{Client, GateRefusal, Pass, Passage, Received};
use crate::mcp::{Era, Message, MessageKind, Operation, Target, check};
use crate::policy::{Arguments, Effect, Verdict};

const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";

/// What is to be done after the body was read. Exhaustive: an adapter answers every case.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// Answer so.
    Respond(Response<Bytes>),
    /// Forward it.
    Forward(Forward),
    /// Ask in the answer's own stream, and forward it if the answer is yes.
    AskThenForward(AskThenForward),
}

/// A request that may be done.
#[derive(Debug)]
#[must_use]
pub struct Forward {
    /// The body to forward: the bytes that were checked, without what is the gate's.
    pub body: Bytes,
    /// What to do with the answer.
    pub exchange: Box<Exchange>,
}

impl Admitted {
    /// Decides by the body. `parts` are those of [`Guard::admit`](super::Guard::admit).
    pub async fn decide(self, parts: &mut Parts, body: Bytes) -> Decision {
        let span = self.exchange.span();
        self.exchange.decide(parts, body).instrument(span).await
    }
}

impl Exchange {
    async fn decide(mut self: Box<Self>, parts: &mut Parts, body: Bytes) -> Decision {
        match self.find(parts, &body).await {
            Ok(Some(passage)) => self.act(passage, parts, body).await,
            Ok(None) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::ACCEPTED;
                Decision::Respond(self.finish_own(response))
            }
            Err(refusal) => Decision::Respond(self.refuse(&refusal)),
        }
    }

    /// What becomes of the message; `None` if it is the answer to a question of the gate's, which is taken.
    async fn find(&mut self, parts: &Parts, body: &Bytes) -> Result<Option<Passage>, Refusal> {
        let message = Message::parse(body, &self.guard.inner.limits)?;
        if self.guard.inner.recorder.is_some() {
            self.trail.message = Some(Box::new(message.clone()));
        }
        if let MessageKind::Request { id } = message.kind() {
            self.id = Some(id.clone());
        }
        if matches!(message.kind(), MessageKind::Response { .. }) {
            return self.take_response(&message).await;
        }
        let (operation, effect) = self.authorize(parts, &message)?;
        let passage = match &operation.target {
            Target::Tool(tool) => self.ask_gate(parts, &message, tool, effect).await,
            _ => Passage::Pass(Pass::default()),
        };
        Ok(Some(passage))
    }

    /// An answer of the client's: to the gate's question, or to one of the service's, which knows for which.
    async fn take_response(&self, response: &Message) -> Result<Option<Passage>, Refusal> {
        // Only a session of this principal's can wait for an answer.
        let session = self.session.as_deref().ok_or(Refusal::UnexpectedResponse)?;
        match self.guard.inner.gate.receive(self.principal.as_ref(), session, response).await {
            Received::NotOurs => Ok(Some(Passage::Pass(Pass::default()))),
            Received::Taken => Ok(None),
            Received::Refused => Err(Refusal::UnexpectedResponse),
            Received::Unavailable => {
                Err(GateRefusal::Unavailable("an answer could not be taken".to_owned()).into())
            }
        }
    }

    /// What is asked for, if the scopes allow it, and what it does to the world.
    fn authorize(&mut self, parts: &Parts, message: &Message) -> Result<(Operation, Effect), Refusal> {
        let era = check(&parts.headers, message)?;
        self.revision = era.revision();
        let operation = Operation::of(message, era)?;
        self.method = operation.method.name;
        self.target = target_name(&operation.target);
        self.name_span(&operation.target);
        self.know_client(era, message);
        let policy = &self.guard.inner.policy;
        if self.principal.is_none() && matches!(operation.target, Target::Subscription { .. }) {
            // No public tool needs a stream without an end.
            return Err(Refusal::NoToken { needed: None });
        }
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
            Verdict::Allow { effect, needed } => {
                (self.trail.effect, self.trail.required) = (Some(effect), Some(needed));
                Ok((operation, effect))
            }
            Verdict::NotFound => Err(Refusal::NotFound),
            Verdict::NeedsScopes { needed, .. } if self.principal.is_none() => {
                Err(Refusal::NoToken { needed: Some(needed) })
            }
            Verdict::NeedsScopes { needed, denial, effect } => {
                (self.trail.effect, self.trail.required) = (Some(effect), Some(needed.clone()));
                // Only a tool's call can be answered by a tool's result.
                let denial =
                    if self.method == "tools/call" { denial } else { crate::policy::Denial::Challenge };
                Err(Refusal::InsufficientScope { needed, denial })
            }
        }
    }

    /// What the client can do: by this request, by its session, or by the `initialize` that this is.
    fn know_client(&mut self, era: Era, message: &Message) {
        if self.method == "initialize" {
            self.declared = Declared::of(message);
            self.span.record("software", display(&self.declared.software));
        }
        self.trail.software.clone_from(&self.declared.software);
        self.client = match era {
            Era::Modern => {
                let is_told = self.guard.inner.recorder.is_some() || !self.span.is_disabled();
                if let Some(info) = message.meta(CLIENT_INFO).filter(|_| is_told) {
                    self.trail.software = Software::of(info);
                    self.span.record("software", display(&self.trail.software));
                }
                Client::new(era, false, message.meta(CLIENT_CAPABILITIES))
            }
            Era::Legacy(_) => self.declared.client(era, self.session.is_some()),
        };
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
