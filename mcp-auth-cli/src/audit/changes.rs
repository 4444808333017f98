//! What was created, changed and deleted, and what may have been.

use mcp_auth_core::audit::{AuditConfirmation, AuditEvent, Effect, OutcomeKind};
use serde::Serialize;
use serde_json::Value;

use super::output::{Output, printable, who};
use super::select::Selection;
use super::{Log, events, none, when};
use crate::failure::Failure;

#[derive(Serialize)]
struct Change<'a> {
    time: String,
    who: String,
    tool: Option<&'a str>,
    effect: &'static str,
    resource: Option<String>,
    /// True if it is not known whether it happened.
    uncertain: bool,
    confirmation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
    event: String,
}

/// What may have changed something. A service that reports an error may have done a part of it.
fn of(event: &AuditEvent) -> Option<Change<'_>> {
    let effect = event.effect.filter(|effect| effect.writes())?;
    let uncertain = match event.outcome? {
        OutcomeKind::Succeeded => false,
        OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Cut | OutcomeKind::Allowed => true,
        OutcomeKind::Denied | OutcomeKind::Pending | OutcomeKind::DryRun => return None,
    };
    let confirmation = event.confirmation.as_ref();
    Some(Change {
        time: when::write(event.time),
        who: who(event),
        tool: event.target.as_deref(),
        effect: match effect {
            Effect::Destructive => "deleted",
            _ if event.before.is_some() => "changed",
            _ => "written",
        },
        resource: [&event.params, &event.result].into_iter().flatten().find_map(id),
        uncertain,
        confirmation: confirmation.map(confirmed),
        before: event.before.as_ref(),
        after: event.after.as_ref(),
        event: event.id.to_string(),
    })
}

/// How, by whom, and who vouches for it.
fn confirmed(how: &AuditConfirmation) -> String {
    let [by, vouched] = [&how.by, &how.vouched].map(|text| text.as_deref().unwrap_or("-"));
    format!("{}, {by} ({vouched})", how.way)
}

/// The id in the arguments or in the answer: `id`, `task_id`, `projectId`; under `arguments` or `structuredContent`, too.
fn id(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    let named = object.iter().find(|(name, value)| {
        (name.as_str() == "id" || name.ends_with("_id") || name.ends_with("Id"))
            && !value.is_object()
            && !value.is_null()
    });
    if let Some((name, value)) = named {
        return Some(match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
    }
    ["arguments", "structuredContent"].into_iter().find_map(|inside| object.get(inside).and_then(id))
}

pub(super) async fn run(log: Log, selection: &Selection, output: Output) -> Result<(), Failure> {
    let mut shown = 0_u64;
    let mut rows = vec![["TIME", "WHO", "WHAT", "TOOL", "RESOURCE", "CONFIRMED"].map(str::to_owned)];
    events::each(log, |event| {
        let Some(change) = of(event).filter(|_| selection.takes(event)) else { return Ok(true) };
        shown += 1;
        if output.json {
            output.object(&change)?;
            return Ok(true);
        }
        let what = if change.uncertain { format!("{}?", change.effect) } else { change.effect.to_owned() };
        rows.push([
            change.time.clone(),
            printable(&change.who),
            what,
            printable(change.tool.unwrap_or("-")),
            printable(change.resource.as_deref().unwrap_or("-")),
            printable(change.confirmation.as_deref().unwrap_or("-")),
        ]);
        if rows.len() > 1000 {
            output.table(&rows)?;
            rows.clear();
        }
        Ok(true)
    })
    .await?;
    if shown == 0 {
        return Err(none());
    }
    if output.json { Ok(()) } else { output.table(&rows) }
}
