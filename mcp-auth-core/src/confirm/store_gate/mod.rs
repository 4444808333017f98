//! The gate over a store.
//!
//! 1. `fresh` looks at a call without an answer: its way, its question. `answered` looks at what came back. `spend` counts.
//! 2. Whatever came back is used up before anything else is done with it, so that nothing runs twice.
//! 3. The preview is taken again before a confirmed call runs; if the state moved on, the person is asked again.
//! 4. Used-up confirmations are remembered until nobody would take them any more: of each principal a thousand in that time, of
//!    nobody as of one principal, so that one does not fill the store for all.
//! 5. What the store or the tool's preview cannot tell is refused.

mod answered;
mod fresh;
mod rules;
mod show;
mod spend;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(feature = "approval-page")]
use super::approval::ApprovalPage;
use super::ask::nested::Continuation;
use super::ask::place::Dropped;
use super::ask::stream::{self, StreamQuestion};
use super::ask::two_step::TOKEN_ARGUMENT;
use super::ask::wire;
use super::seal::{Binding, SLACK, Seal};
use super::{
    Approvals, Budget, Call, Client, ConfirmationGate, Confirmed, Digest, Excess, GateRefusal, Pass, Passage,
    Question, Received, Rule, Sent, Way,
};
use crate::background::Job;
use crate::config::ConfigErrors;
use crate::mcp::{Kind, Message, Raw};
use crate::principal::Principal;
use crate::routes::Routes;
use crate::store::{KeyRing, Store};
use crate::time::Clock;

/// The key of `_meta` that asks for a dry run with `true`.
pub const DRY_RUN: &str = "mcp-auth/dryRun";
/// The key of `_meta` under which a client may say why it calls.
pub const REASON: &str = "mcp-auth/reason";
const GOOD_FOR: Duration = Duration::from_secs(600);
/// How many used-up confirmations of one principal are remembered, evenly refilled; beyond that, none of its counts.
const USED: u64 = 1000;
/// How often one call may be asked about in one go.
const ROUNDS: u8 = 3;

/// The gate to use: sealed states, used up in a [`Store`]. Cheap to clone.
#[derive(Clone)]
pub struct StoreGate {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    resource: Box<str>,
    store: Arc<dyn Store>,
    seal: Seal,
    clock: Clock,
    approvals: Option<Approvals>,
    #[cfg(feature = "approval-page")]
    page: Option<ApprovalPage>,
    dropped: Dropped,
    budgets: HashMap<Box<str>, Arc<Budget>>,
    /// What each principal used up.
    used: Arc<Budget>,
    good_for: Duration,
    answer_within: Duration,
    page_within: Duration,
}

impl StoreGate {
    /// A gate before the MCP endpoint `resource`. Replicas share the store and the keys.
    ///
    /// A question is good for ten minutes; a client in a session answers within five; a client that was given a link and
    /// calls again waits up to 50 seconds for the decision.
    #[must_use]
    pub fn new(resource: impl Into<Box<str>>, store: Arc<dyn Store>, keys: KeyRing) -> Self {
        let inner = Inner {
            resource: resource.into(),
            store,
            seal: Seal::new(keys),
            clock: Clock::system(),
            approvals: None,
            #[cfg(feature = "approval-page")]
            page: None,
            dropped: Dropped::default(),
            budgets: HashMap::new(),
            used: used(GOOD_FOR),
            good_for: GOOD_FOR,
            answer_within: Duration::from_secs(300),
            page_within: Duration::from_secs(50),
        };
        Self { inner: Arc::new(inner) }
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// Lets persons decide on this page, which the guard serves among its [`Routes`].
    #[cfg(feature = "approval-page")]
    #[must_use]
    pub fn approval_page(self, page: ApprovalPage) -> Self {
        self.with(|inner| {
            inner.approvals = Some(page.approvals().clone());
            inner.page = Some(page);
        })
    }

    /// Lets persons decide on a page that is served elsewhere: by another guard, another process, or a page of the service's own.
    #[must_use]
    pub fn approvals(self, approvals: Approvals) -> Self {
        self.with(|inner| inner.approvals = Some(approvals))
    }

    /// Limits the calls of a class of tools.
    #[must_use]
    pub fn budget(self, class: impl Into<Box<str>>, budget: Budget) -> Self {
        self.with(|inner| drop(inner.budgets.insert(class.into(), Arc::new(budget))))
    }

    /// Says how long a question or token is good.
    #[must_use]
    pub fn good_for(self, time: Duration) -> Self {
        self.with(|inner| (inner.good_for, inner.used) = (time, used(time)))
    }

    /// Says how long a client in a session may take to answer.
    #[must_use]
    pub fn answer_within(self, time: Duration) -> Self {
        self.with(|inner| inner.answer_within = time)
    }

    /// Says how long a repeated call waits for the decision on the page before it is given the link again.
    #[must_use]
    pub fn page_within(self, time: Duration) -> Self {
        self.with(|inner| inner.page_within = time)
    }

    /// Uses this clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.with(|inner| inner.clock = clock)
    }

    async fn decide(&self, call: Call<'_>) -> Result<Passage, GateRefusal> {
        let is_dry_run = dry_run(call)?;
        if !call.rule.is_active() && !is_dry_run {
            return Ok(Passage::Pass(Pass::default()));
        }
        // In a box: most calls need none of it, and carry no room for it.
        Box::pin(self.ask(call, is_dry_run)).await
    }

    async fn ask(&self, call: Call<'_>, is_dry_run: bool) -> Result<Passage, GateRefusal> {
        let message = call.message;
        if message.method() != Some("tools/call") {
            return Err(GateRefusal::Malformed("only a tool's call can be confirmed"));
        }
        if message.arguments().is_some_and(|arguments| arguments.kind() != Kind::Object) {
            return Err(GateRefusal::Malformed("arguments must be an object"));
        }
        let ours = Ours::new(&self.inner, call);
        if is_dry_run {
            return ours.dry_run().await;
        }
        let state =
            message.param("requestState").filter(|state| call.client.era.is_modern() && !state.is_null());
        if let Some(state) = state {
            let state = state.as_str().ok_or(GateRefusal::Malformed("requestState must be a string"))?;
            return ours.came_back(&state).await;
        }
        let token = message.arguments().and_then(|arguments| arguments.get(TOKEN_ARGUMENT));
        match token.filter(|token| !token.is_null()).map(|token| token.as_str()) {
            None => ours.fresh().await,
            // Models fill in what they need not.
            Some(Some(token)) if token.is_empty() => ours.fresh().await,
            Some(Some(token)) => ours.second_step(&token).await,
            Some(None) => Err(GateRefusal::Malformed("confirmation_token must be a string")),
        }
    }
}

#[async_trait]
impl ConfirmationGate for StoreGate {
    async fn check(&self, call: Call<'_>) -> Passage {
        self.decide(call).await.unwrap_or_else(Passage::Refused)
    }

    async fn settle(&self, question: Box<StreamQuestion>) -> Passage {
        let (gate, mut question) = (&*self.inner, question);
        let reply = match stream::wait(gate.store.as_ref(), &mut question, gate.answer_within).await {
            Ok(reply) => reply,
            Err(error) => return Passage::Refused(error.into()),
        };
        let ours = Ours::new(gate, question.call.as_call());
        ours.settle(reply, question.seen, question.round).await.unwrap_or_else(Passage::Refused)
    }

    fn uses_tokens(&self, rule: &Rule, client: Client) -> bool {
        self.inner.uses_tokens(rule, client)
    }

    fn report(&self, tool: &str, rule: &Rule, errors: &mut ConfigErrors) {
        self.inner.report(tool, rule, errors);
    }

    fn page(&self) -> Option<Arc<dyn Routes>> {
        #[cfg(feature = "approval-page")]
        if let Some(page) = &self.inner.page {
            return Some(Arc::new(page.clone()));
        }
        None
    }

    fn background(&self) -> Option<Job> {
        let (store, dropped) = (Arc::clone(&self.inner.store), self.inner.dropped.clone());
        Some(Box::pin(async move {
            loop {
                dropped.more().await;
                dropped.remove(store.as_ref()).await;
            }
        }))
    }

    fn sweep(&self) {
        let now = self.inner.clock.now();
        self.inner.budgets.values().chain([&self.inner.used]).for_each(|budget| budget.sweep(now));
    }

    async fn receive(&self, principal: Option<&Principal>, session: &str, response: &Message) -> Received {
        match stream::receive(self.inner.store.as_ref(), principal, session, response).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "an answer to a question could not be taken");
                Received::Unavailable
            }
        }
    }
}

/// Of what is good for this long.
fn used(good_for: Duration) -> Arc<Budget> {
    Arc::new(Budget::new(good_for.saturating_add(SLACK), USED, None, Excess::Refuse))
}

/// One call at this gate.
struct Ours<'a> {
    gate: &'a Inner,
    call: Call<'a>,
    binding: Binding,
}

impl<'a> Ours<'a> {
    fn new(gate: &'a Inner, call: Call<'a>) -> Self {
        // Only a tool that may be asked about has the argument; any other may have one of that name itself.
        let without: &[&str] = if call.rule.is_active() { &[TOKEN_ARGUMENT] } else { &[] };
        let arguments = call.message.arguments();
        let digest = arguments.map_or_else(Digest::of_nothing, |raw| Digest::of(raw, without));
        let principal = call.principal.map(Principal::key);
        let binding = Binding::new(&gate.resource, principal, "tools/call", call.tool, digest);
        Self { gate, call, binding }
    }

    async fn dry_run(&self) -> Result<Passage, GateRefusal> {
        let shown = self.show().await?;
        let text = format!("Dry run: nothing was changed.\n\n{}", shown.text);
        let (id, modern) = (self.call.message.id(), self.call.client.era.is_modern());
        let answer = wire::text(id, &text, self.call.rule.structured, modern);
        Ok(Passage::DryRun(Question { way: Way::Free, preview: shown.preview, sent: Sent::Answer(answer) }))
    }

    fn continuation(&self, confirmed: Option<&Confirmed>) -> Option<Continuation> {
        let gate = self.gate;
        self.call.client.era.is_modern().then(|| {
            let (seal, clock) = (gate.seal.clone(), gate.clock.clone());
            Continuation::new(seal, self.binding, clock, gate.good_for, confirmed.cloned())
        })
    }

    /// Whether this principal can sign in to the page: nobody else's calls wait for their own approval.
    fn can_sign_in(&self, principal: &Principal) -> bool {
        #[cfg(feature = "approval-page")]
        if self.gate.page.as_ref().is_some_and(|page| !page.vouches_for(principal.issuer())) {
            return false;
        }
        // A client with credentials of its own is its own subject (RFC 9068, section 2.2): nobody can sign in as it.
        principal.client_id() != Some(principal.subject())
    }

    fn who(&self) -> &str {
        self.call.principal.map_or("", Principal::key)
    }

    /// What the client sent to our question; `None` if it sent nothing to it.
    fn response(&self) -> Result<Option<Raw<'a>>, GateRefusal> {
        match self.call.message.param("inputResponses") {
            Some(responses) if responses.kind() == Kind::Object => Ok(responses.get(wire::QUESTION)),
            Some(responses) if !responses.is_null() => {
                Err(GateRefusal::Malformed("inputResponses must be an object"))
            }
            _ => Ok(None),
        }
    }
}

/// Whether nothing is to be run; what is not a clear yes or no is refused.
fn dry_run(call: Call<'_>) -> Result<bool, GateRefusal> {
    let flag = |value: Option<Raw<'_>>| match value {
        None => Ok(false),
        Some(value) if value.is_null() => Ok(false),
        Some(value) => value.as_bool().ok_or(GateRefusal::Malformed("a dry run is asked for with true")),
    };
    let by_argument = match (&call.rule.dry_run_argument, call.message.arguments()) {
        (Some(name), Some(arguments)) => flag(arguments.get(name))?,
        _ => false,
    };
    Ok(flag(call.message.meta(DRY_RUN))? || by_argument)
}

impl fmt::Debug for StoreGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreGate").field("resource", &self.inner.resource).finish_non_exhaustive()
    }
}
