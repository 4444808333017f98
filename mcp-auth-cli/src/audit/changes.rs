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
        effect: what(event, effect),
        resource: [&event.params, &event.result].into_iter().flatten().find_map(id),
        uncertain,
        confirmation: confirmation.map(confirmed),
        before: event.before.as_ref(),
        after: event.after.as_ref(),
        event: event.id.to_string(),
    })
}

/// What became of it: by the states before and after; else by what the preview said would; else by what the tool does at most.
fn what(event: &AuditEvent, effect: Effect) -> &'static str {
    let says = |list: &str| {
        let list = event.preview.as_ref().and_then(|preview| preview.get(list)?.as_array());
        list.is_some_and(|list| !list.is_empty())
    };
    match (&event.before, &event.after) {
        (None, Some(_)) => "created",
        (Some(_), None) if effect == Effect::Destructive => "deleted",
        (Some(_), _) => "changed",
        (None, None) if says("removes") => "deleted",
        (None, None) if says("changes") => "changed",
        (None, None) if says("creates") => "created",
        (None, None) if effect == Effect::Destructive => "deleted",
        (None, None) => "written",
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_called_what_is_known_of_it() {
        let (write, destructive) = ("write", "destructive");
        for (effect, known, what) in [
            (write, json!({ "after": { "a": 1 } }), "created"),
            (write, json!({ "before": null, "after": { "a": 1 } }), "created"),
            (write, json!({ "before": { "a": 1 }, "after": { "a": 2 } }), "changed"),
            (destructive, json!({ "before": { "a": 1 }, "after": { "a": 2 } }), "changed"),
            (write, json!({ "before": { "a": 1 } }), "changed"),
            (destructive, json!({ "before": { "a": 1 } }), "deleted"),
            (write, json!({ "preview": { "creates": ["a"], "changes": [], "removes": [] } }), "created"),
            (destructive, json!({ "preview": { "changes": [{}], "removes": [] } }), "changed"),
            (write, json!({ "preview": { "creates": ["a"], "removes": ["b"] } }), "deleted"),
            (write, json!({ "preview": "[cut]" }), "written"),
            (write, json!({}), "written"),
            (destructive, json!({}), "deleted"),
        ] {
            let mut event = known.clone();
            event["id"] = json!("0190b4a0-0000-7000-8000-000000000000");
            (event["time"], event["effect"], event["outcome"]) =
                (json!(1), json!(effect), json!("succeeded"));
            let event: AuditEvent = serde_json::from_value(event).unwrap();
            assert_eq!(of(&event).unwrap().effect, what, "{effect} {known}");
        }
    }
}
