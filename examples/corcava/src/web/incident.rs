//! One key: what it did and what it changed, and the way back. The page to open when a key got out.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use askama::Template;

use super::activity::{Row, of_key};
use super::answer::{Failure, page, see_other};
use super::keys::{begin, own};
use super::pages::{Chrome, Shown, with_cookies};
use super::{AUDIT, Answered, SETTINGS, Web};
use crate::domain::{Change, ChangeFilter, Difference, DomainError, Id, Kind, PageRequest, Resource};

const MOST_CHANGES: u32 = 100;
const EMPTY: &str = "–";

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage<'a> {
    chrome: Chrome<'a>,
    settings: &'static str,
    audit: &'static str,
    key: Shown,
    rows: Vec<Row>,
    changes: Vec<ChangeShown>,
    more: i64,
}

/// A change, in words.
struct ChangeShown {
    id: String,
    at: String,
    day: String,
    kind: &'static str,
    class: &'static str,
    resource: &'static str,
    title: String,
    reason: Option<String>,
    fields: Vec<[String; 3]>,
    undo: Option<String>,
    is_undone: bool,
}

impl ChangeShown {
    fn new(change: Change, visit: &super::Visit) -> Self {
        let a = visit.language.texts().activity;
        let kind = Kind::ALL.iter().position(|kind| *kind == change.kind).unwrap_or_default();
        let resource = Resource::ALL.iter().position(|each| *each == change.resource).unwrap_or_default();
        let or_empty = |text: Option<String>| text.unwrap_or_else(|| EMPTY.to_owned());
        let fields = change.differences().into_iter();
        let fields = fields
            .map(|Difference { field, before, after, .. }| [field, or_empty(before), or_empty(after)])
            .collect();
        let undo = change.is_undoable().then(|| visit.browser.form_code(&format!("undo {}", change.id)));
        Self {
            undo,
            fields,
            kind: a.kinds.get(kind).copied().unwrap_or_default(),
            class: match change.kind {
                Kind::Created => "good",
                Kind::Changed => "due",
                Kind::Deleted => "wrong",
            },
            resource: a.resources.get(resource).copied().unwrap_or_default(),
            is_undone: change.undone_at.is_some(),
            day: change.at.get(..16).unwrap_or_default().replace('T', " ") + " UTC",
            id: change.id,
            at: change.at,
            title: change.title,
            reason: change.reason,
        }
    }
}

impl From<DomainError> for Failure {
    fn from(error: DomainError) -> Self {
        match error {
            DomainError::NotFound { .. } => Self::NotFound,
            DomainError::Unavailable(cause) => {
                tracing::error!(error = &cause as &dyn std::error::Error, "the database failed");
                Self::Unavailable
            }
            DomainError::Conflict(_) | DomainError::Changed { .. } => Self::Changed,
            DomainError::Invalid { .. } => Self::Malformed,
        }
    }
}

pub(super) async fn show(web: Data<Web>, request: HttpRequest, id: Path<String>) -> Answered {
    let visit = web.visit(&request)?;
    let user = web.signed_in(&visit).await?;
    let key = own(&web, &user, &id).await?;
    let rows = of_key(&web, &visit, &user, &id).await?;
    let workspace = web.domain.workspace_of(&user).await?;
    let request = PageRequest { limit: Some(MOST_CHANGES), offset: None };
    let changes = workspace.changes(&ChangeFilter { key: Some(&id) }, request).await?;
    let path = at(&id);
    let more = changes.total - i64::try_from(changes.items.len()).unwrap_or(i64::MAX);
    let shown = KeyPage {
        chrome: Chrome::new(&visit, Some(&user), &path),
        settings: SETTINGS,
        audit: AUDIT,
        key: Shown::new(key, &visit, web.clock.now()),
        rows,
        changes: changes.items.into_iter().map(|change| ChangeShown::new(change, &visit)).collect(),
        more,
    };
    Ok(with_cookies(&web, &visit, page(StatusCode::OK, &shown)))
}

pub(super) async fn undo(
    web: Data<Web>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
) -> Answered {
    let (key, change) = path.into_inner();
    let (visit, user, _) = begin(&web, &request, &body, &format!("undo {change}")).await?;
    let owned = own(&web, &user, &key).await?;
    let change = Id::parse(change).map_err(|_| Failure::NotFound)?;
    let workspace = web.domain.workspace_of(&user).await?;
    let ticket = web.record(&visit, &user, Some(&owned), "undo a change").await?;
    let undone = workspace.undo(&change).await;
    crate::activity::finish(ticket, &undone);
    undone?;
    Ok(see_other(&format!("{}#changes", at(&key))))
}

fn at(id: &str) -> String {
    format!("{SETTINGS}/keys/{id}")
}
