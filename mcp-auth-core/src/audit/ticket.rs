//! What a guard holds: the audit, and one ticket for each call that runs.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::intent::{Intent, Outcome};
use super::personal::{Held, PersonalKeys, Sealer};
use super::redact::Pen;
use super::sink::{Acknowledgement, AuditError, AuditSink, Begun, Room};
use super::{Effect, EventId, OutcomeKind, Record, Redactor};
use crate::time::Clock;

/// How long a write waits for its intent to be written.
const WAITS: Duration = Duration::from_secs(5);
/// How long the end of a service waits for its record.
const CLOSES_WITHIN: Duration = Duration::from_secs(15);

/// Redacts, and hands over to a sink. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    sink: Arc<dyn AuditSink>,
    redactor: Arc<Redactor>,
    personal: Option<PersonalKeys>,
    clock: Clock,
    need: Acknowledgement,
    waits: Duration,
}

impl Audit {
    /// Records go to `sink`; writes run when their intent is [`Acknowledgement::Written`].
    pub fn new(sink: impl AuditSink) -> Self {
        let (redactor, clock) = (Arc::new(Redactor::default()), Clock::system());
        let need = Acknowledgement::Written;
        Self {
            inner: Arc::new(Inner {
                sink: Arc::new(sink),
                redactor,
                personal: None,
                clock,
                need,
                waits: WAITS,
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// Redacts by these rules.
    #[must_use]
    pub fn redactor(self, redactor: Redactor) -> Self {
        self.with(|inner| inner.redactor = Arc::new(redactor))
    }

    /// Seals what is personal, with keys of each subject's own.
    #[must_use]
    pub fn personal(self, keys: PersonalKeys) -> Self {
        self.with(|inner| inner.personal = Some(keys))
    }

    /// Reads the time here.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.with(|inner| inner.clock = clock)
    }

    /// Writes run only when their intent is on the disk.
    #[must_use]
    pub fn synced_writes(self) -> Self {
        self.with(|inner| inner.need = Acknowledgement::Synced)
    }

    /// How long a write waits for its intent to be written; five seconds unless told.
    #[must_use]
    pub fn waits(self, at_most: Duration) -> Self {
        self.with(|inner| inner.waits = at_most)
    }

    /// Takes down what is about to run. The call may run when this has given a ticket; a write that gets an error is
    /// answered 503. The intent is redacted before this returns: the future borrows nothing.
    ///
    /// # Errors
    /// [`AuditError`] if the intent is not taken, or not acknowledged in time. What became of the intent is recorded.
    pub fn begin(
        &self,
        intent: &Intent<'_>,
    ) -> impl Future<Output = Result<Ticket, AuditError>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        let now = inner.clock.now();
        let (id, effect, started) = (EventId::new(now), intent.effect, Instant::now());
        let held = inner.held(intent);
        let record = Record::intent(id, now, intent, inner.pen(id, held.as_deref()));
        let need = if effect.writes() { inner.need } else { Acknowledgement::Queued };
        async move {
            let Begun { room, acknowledged } =
                inner.sink.begin(record, need).inspect_err(|error| refused(*error))?;
            let waits = inner.waits;
            // From here on whatever ends early, this future included, is recorded.
            let ticket = Ticket { id, effect, started, room: Some(room), held, inner };
            if need == Acknowledgement::Queued {
                return Ok(ticket);
            }
            let held = ticket.held.clone();
            let both = async {
                if let Some(acknowledged) = acknowledged {
                    acknowledged.await?;
                }
                match held {
                    Some(held) => held.kept().await,
                    None => Ok(()),
                }
            };
            match tokio::time::timeout(waits, both).await.unwrap_or(Err(AuditError::TimedOut)) {
                Ok(()) => Ok(ticket),
                Err(error) => {
                    refused(error);
                    ticket.finish(&Outcome::denied("audit_unavailable"));
                    Err(error)
                }
            }
        }
    }

    /// Takes down a call that does not run: refused, pending, a dry run.
    pub fn record(&self, intent: &Intent<'_>, outcome: &Outcome<'_>) -> EventId {
        let inner = &self.inner;
        let now = inner.clock.now();
        let id = EventId::new(now);
        let held = inner.held(intent);
        inner.sink.record(Record::event((id, now), intent, outcome, inner.pen(id, held.as_deref())));
        id
    }

    /// Takes no more intents and lets the sink write what it has; gives up after fifteen seconds. [`Guard::shutdown`](crate::Guard::shutdown)
    /// does this.
    pub async fn close(&self) {
        if tokio::time::timeout(CLOSES_WITHIN, self.inner.sink.close()).await.is_err() {
            tracing::error!("the audit was not closed in time: its end may be missing");
        }
    }
}

impl Inner {
    /// The key of who asks.
    fn held(&self, intent: &Intent<'_>) -> Option<Arc<Held>> {
        Some(self.personal.as_ref()?.of(intent.principal?))
    }

    /// What is personal of nobody in particular is written as it is.
    fn pen<'a>(&'a self, event: EventId, held: Option<&'a Held>) -> Pen<'a> {
        let sealer = self.personal.as_ref().zip(held);
        let sealer = sealer.map(|(keys, held)| Sealer { held, event, names: keys.names() });
        Pen { redactor: &self.redactor, sealer }
    }
}

fn refused(error: AuditError) {
    metrics::counter!("mcp_auth_audit_refused_total", "kind" => error.kind()).increment(1);
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("need", &self.inner.need).finish_non_exhaustive()
    }
}

/// A call that runs: its outcome has a room. One that is dropped records `cut`.
#[must_use = "a ticket that is dropped records that the call was cut"]
pub struct Ticket {
    id: EventId,
    effect: Effect,
    started: Instant,
    room: Option<Box<dyn Room>>,
    /// The key that its intent was sealed with.
    held: Option<Arc<Held>>,
    inner: Arc<Inner>,
}

impl Ticket {
    /// The event.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.id
    }

    /// How long the call has run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes down how the call ended.
    pub fn finish(mut self, outcome: &Outcome<'_>) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: &Outcome<'_>) {
        let Some(room) = self.room.take() else { return };
        let at = (self.id, self.inner.clock.now(), self.effect);
        let pen = self.inner.pen(self.id, self.held.as_deref());
        room.finish(Record::outcome_of(at, outcome, self.started.elapsed(), pen));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(&Outcome::new(OutcomeKind::Cut));
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", &self.id).finish_non_exhaustive()
    }
}
