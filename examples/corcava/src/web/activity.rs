//! The page of the record, and its export.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use askama::Template;
use mcp_auth_core::audit::{AuditEvent, Effect, OutcomeKind};
use mcp_auth_core::time::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Failure, file, page};
use super::form::Form;
use super::pages::{Choice, Chrome, Moment, with_cookies};
use super::texts::Texts;
use super::{AUDIT, Answered, Visit, Web};
use crate::activity::{Alert, Chain, RULES, Read, Unreadable, actor};
use crate::domain::{Difference, differences};

/// So many calls are listed.
const SHOWN: usize = 200;
/// For so long the page on which a key is revoked waits for the calls with it.
const SOON: Duration = Duration::from_secs(1);
/// An export is sent in pieces of this size.
const PIECE: usize = 64 * 1024;
const EMPTY: &str = "–";

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    chrome: Chrome<'a>,
    audit: &'static str,
    filters: [Filter; 3],
    query: String,
    rows: Vec<Row>,
    is_cut: bool,
    chain: ChainShown,
    rules: Vec<RuleShown>,
    unknown: Vec<(String, usize)>,
    is_on: bool,
}

/// One of the three selections.
struct Filter {
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice>,
}

struct ChainShown {
    class: &'static str,
    word: &'static str,
    detail: String,
}

struct RuleShown {
    words: &'static str,
    alerts: Vec<(String, Moment)>,
}

/// A call, in words.
pub(super) struct Row {
    pub(super) at: Moment,
    pub(super) actor: Option<String>,
    pub(super) what: String,
    pub(super) effect: Option<&'static str>,
    pub(super) outcome: &'static str,
    pub(super) class: &'static str,
    pub(super) detail: String,
    pub(super) address: String,
    pub(super) confirmed: Option<String>,
    /// What is not as it was: its name, before, after.
    pub(super) fields: Vec<[String; 3]>,
}

/// Differences, as they are shown.
pub(super) fn fields(differences: Vec<Difference>) -> Vec<[String; 3]> {
    let or_empty = |text: Option<String>| text.unwrap_or_else(|| EMPTY.to_owned());
    let shown = differences.into_iter();
    shown.map(|Difference { field, before, after, .. }| [field, or_empty(before), or_empty(after)]).collect()
}

impl Row {
    pub(super) fn new(event: &AuditEvent, t: &'static Texts, now: Timestamp) -> Self {
        let outcome = event.outcome.unwrap_or(OutcomeKind::Allowed);
        let index = OutcomeKind::ALL.iter().position(|kind| *kind == outcome).unwrap_or_default();
        let detail = [event.kind.as_deref(), event.error.as_deref(), event.reason.as_deref()];
        let took = event.duration_us.map(|micros| format!("{:.1} ms", micros as f64 / 1000.0));
        let mut detail: Vec<String> = detail.into_iter().flatten().map(str::to_owned).collect();
        detail.extend(took);
        Self {
            at: Moment::past(event.time, now, t),
            actor: Some(actor(event)).filter(|actor| !actor.is_empty()),
            what: named(what(event), t),
            effect: match event.effect {
                None | Some(Effect::Read) => None,
                Some(Effect::Write) => t.activity.effects.first().copied(),
                Some(Effect::Destructive) => t.activity.effects.last().copied(),
            },
            outcome: t.activity.outcomes.get(index).copied().unwrap_or_default(),
            fields: fields(differences(event.before.as_ref(), event.after.as_ref())),
            class: match outcome {
                OutcomeKind::Succeeded => "good",
                OutcomeKind::Denied | OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Cut => {
                    "wrong"
                }
                OutcomeKind::Pending | OutcomeKind::DryRun | OutcomeKind::Allowed => "due",
            },
            detail: detail.join(" · "),
            address: event.address.map(|address| address.to_string()).unwrap_or_default(),
            confirmed: event.confirmation.as_ref().map(|how| {
                // A client can answer its own questions: who vouches is always said.
                let [by_client, by_user] = t.activity.vouched;
                format!(
                    "{} ({})",
                    how.way,
                    if how.vouched.as_deref() == Some("verified user") { by_user } else { by_client }
                )
            }),
        }
    }
}

/// What was called: the tool, else the method.
fn what(event: &AuditEvent) -> String {
    event.target.clone().or_else(|| event.method.clone()).unwrap_or_default()
}

/// What is done on the pages, in the page's language.
fn named(what: String, t: &Texts) -> String {
    let known = t.activity.actions.iter().find(|(recorded, _)| *recorded == what);
    known.map_or(what, |(_, words)| (*words).to_owned())
}

/// Which calls are wanted; an empty one for all.
struct Wanted {
    key: String,
    tool: String,
    outcome: String,
}

impl Wanted {
    fn read(request: &HttpRequest) -> Result<Self, Failure> {
        let form = Form::read(request.query_string().as_bytes())?;
        let field = |name| form.get(name).map(str::to_owned);
        Ok(Self { key: field("key")?, tool: field("tool")?, outcome: field("outcome")? })
    }

    fn takes(&self, event: &AuditEvent) -> bool {
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        is(&self.key, &actor(event))
            && is(&self.tool, &what(event))
            && is(&self.outcome, event.outcome.map_or("", OutcomeKind::as_str))
    }

    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("key", &self.key), ("tool", &self.tool), ("outcome", &self.outcome)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Busy => tracing::debug!(%error, "a page of activity was not shown"),
            Unreadable::Failed(_) => tracing::error!(%error, "the pages cannot show activity"),
        }
        Self::Unavailable
    }
}

pub(super) async fn show(web: Data<Web>, request: HttpRequest) -> Answered {
    let visit = web.visit(&request)?;
    let user = web.signed_in(&visit).await?;
    let wanted = Wanted::read(&request)?;
    let (t, now) = (visit.language.texts(), web.clock.now());
    let (read, chain) = match &web.activity {
        Some(activity) => (activity.of(&user).await?, Some(activity.chain(&user).await?)),
        None => (Read::default(), None),
    };
    let shown = AuditPage {
        chrome: Chrome::new(&visit, Some(&user), AUDIT),
        audit: AUDIT,
        filters: filters(&read.events, &wanted, t),
        query: wanted.query(),
        rows: read
            .events
            .iter()
            .filter(|event| wanted.takes(event))
            .take(SHOWN)
            .map(|event| Row::new(event, t, now))
            .collect(),
        is_cut: read.is_cut || read.events.len() > SHOWN,
        chain: chain_shown(chain.as_ref(), t),
        rules: rules(&read.alerts, t, now),
        unknown: read.unknown,
        is_on: web.activity.is_some(),
    };
    Ok(with_cookies(&web, &visit, page(StatusCode::OK, &shown)))
}

fn filters(events: &[AuditEvent], wanted: &Wanted, t: &'static Texts) -> [Filter; 3] {
    let names = |name: fn(&AuditEvent) -> String| {
        let mut names: Vec<_> = events.iter().map(name).filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        names
    };
    let choose = |name, label, values: Vec<(String, String)>, wanted: &str| {
        let all = [(String::new(), t.activity.all.to_owned())];
        let choices = all.into_iter().chain(values);
        let choices = choices.map(|(value, words)| Choice { is_chosen: value == wanted, value, words });
        Filter { name, label, choices: choices.collect() }
    };
    let twice = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect();
    let outcomes = OutcomeKind::ALL.iter().zip(t.activity.outcomes);
    let outcomes = outcomes.map(|(kind, words)| (kind.as_str().to_owned(), words.to_owned())).collect();
    [
        choose("key", t.activity.key, twice(names(actor)), &wanted.key),
        choose("tool", t.activity.tool, twice(names(what)), &wanted.tool),
        choose("outcome", t.activity.outcome, outcomes, &wanted.outcome),
    ]
}

fn chain_shown(chain: Option<&Chain>, t: &'static Texts) -> ChainShown {
    let a = t.activity;
    match chain {
        Some(Chain::Whole { records, checkpoints }) => ChainShown {
            class: "good",
            word: a.whole,
            detail: format!("{records} {}, {checkpoints} {}", a.records, a.signatures),
        },
        Some(Chain::Broken(problem)) => {
            ChainShown { class: "wrong", word: a.broken, detail: problem.clone() }
        }
        Some(Chain::TooLong) | None => {
            ChainShown { class: "due", word: "–", detail: a.too_long.to_owned() }
        }
    }
}

fn rules(alerts: &[Alert], t: &'static Texts, now: Timestamp) -> Vec<RuleShown> {
    let shown = RULES.iter().zip(t.activity.rules).map(|(rule, words)| {
        let of = alerts.iter().filter(|alert| alert.rule == *rule);
        let of = of.map(|alert| {
            let detail = if alert.detail.is_empty() { String::new() } else { format!(" ({})", alert.detail) };
            (format!("{}{detail}", alert.who), Moment::past(alert.at, now, t))
        });
        RuleShown { words, alerts: of.collect() }
    });
    shown.collect()
}

pub(super) async fn export(web: Data<Web>, request: HttpRequest) -> Answered {
    let visit = web.visit(&request)?;
    let user = web.signed_in(&visit).await?;
    let wanted = Wanted::read(&request)?;
    let activity = web.activity.as_ref().ok_or(Failure::NotFound)?;
    let turn = activity.exporting(&user).await?;
    let mut lines = Vec::new();
    for event in activity.of(&user).await?.events.iter().rev().filter(|event| wanted.takes(event)) {
        let line = serde_json::to_vec(event).map_err(|error| {
            tracing::error!(%error, "an event does not serialize");
            Failure::Unavailable
        })?;
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    let body = Export { left: lines.into(), _turn: turn };
    Ok(file("corcava-audit.jsonl", "application/x-ndjson", body))
}

/// An export on its way. In pieces: what is given to the connection at once is copied, and this one gone before it was taken.
struct Export {
    left: Bytes,
    _turn: OwnedSemaphorePermit,
}

impl MessageBody for Export {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.left.len().min(PIECE);
        Poll::Ready((piece > 0).then(|| Ok(self.left.split_to(piece))))
    }
}

/// The last calls with one key; none if they cannot be read soon, as the page says more than that.
pub(super) async fn of_key(web: &Web, visit: &Visit, user: &str, id: &str) -> Option<Vec<Row>> {
    let Some(activity) = &web.activity else { return Some(Vec::new()) };
    let (t, now) = (visit.language.texts(), web.clock.now());
    let read = match tokio::time::timeout(SOON, activity.of(user)).await {
        Ok(Ok(read)) => read,
        Ok(Err(Unreadable::Failed(error))) => {
            tracing::error!(%error, "the page of a key cannot show activity");
            return None;
        }
        Ok(Err(Unreadable::Busy)) | Err(_) => return None,
    };
    let of_key = read.events.iter().filter(|event| event.key.as_ref().is_some_and(|key| key.id == id));
    // Whose they are is the page's title, and what changed stands below.
    let rows =
        of_key.take(20).map(|event| Row { actor: None, fields: Vec::new(), ..Row::new(event, t, now) });
    Some(rows.collect())
}
