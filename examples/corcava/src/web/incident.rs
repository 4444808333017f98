//! One key: what it did and what it changed, and the way back. The page to open when a key got out.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use askama::Template;
use serde_json::json;

use super::activity::{Row, fields, of_key};
use super::answer::{Failure, page, see_other};
use super::form::Form;
use super::keys::{begin, own};
use super::pages::{Chrome, Shown, with_cookies};
use super::{AUDIT, Answered, CHANGES, SETTINGS, Visit, Web};
use crate::activity::{Deed, finish_change};
use crate::domain::{Change, ChangeFilter, DomainError, Id, Kind, PageRequest, Resource};

/// So many changes are on a page.
const MOST_CHANGES: u32 = 100;

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage<'a> {
    chrome: Chrome<'a>,
    settings: &'static str,
    audit: &'static str,
    key: Shown,
    /// None if the record is not read now.
    rows: Option<Vec<Row>>,
    listed: Listed,
    changes_at: &'static str,
    of_key: &'a str,
}

#[derive(Template)]
#[template(path = "changes.html")]
struct ChangesPage<'a> {
    chrome: Chrome<'a>,
    listed: Listed,
    changes_at: &'static str,
    of_key: &'a str,
}

/// A page of changes, and where the others are.
struct Listed {
    changes: Vec<ChangeShown>,
    offset: u32,
    last: i64,
    total: i64,
}

impl Listed {
    fn first(&self) -> i64 {
        i64::from(self.offset) + 1
    }

    fn before(&self) -> Option<u32> {
        (self.offset > 0).then(|| self.offset.saturating_sub(MOST_CHANGES))
    }

    fn after(&self) -> Option<u32> {
        if self.last < self.total { self.offset.checked_add(MOST_CHANGES) } else { None }
    }
}

/// A change, in words.
struct ChangeShown {
    id: String,
    at: String,
    /// Where it is not plain from the page.
    actor: Option<String>,
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
    fn new(change: Change, visit: &Visit) -> Self {
        let a = visit.language.texts().activity;
        let kind = Kind::ALL.iter().position(|kind| *kind == change.kind).unwrap_or_default();
        let resource = Resource::ALL.iter().position(|each| *each == change.resource).unwrap_or_default();
        let fields = fields(change.differences());
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
            actor: Some(change.actor).filter(|actor| !actor.is_empty()),
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
    let rows = of_key(&web, &visit, &user, &id).await;
    let mut listed = listed(&web, &visit, &user, Some(&id), offset(&request)?).await?;
    listed.changes.iter_mut().for_each(|change| change.actor = None);
    let path = at(&id);
    let shown = KeyPage {
        chrome: Chrome::new(&visit, Some(&user), &path),
        settings: SETTINGS,
        audit: AUDIT,
        key: Shown::new(key, &visit, web.clock.now()),
        rows,
        listed,
        changes_at: CHANGES,
        of_key: &id,
    };
    Ok(with_cookies(&web, &visit, page(StatusCode::OK, &shown)))
}

/// The page of all changes: whatever key or application made them, and if it is long gone.
pub(super) async fn changes(web: Data<Web>, request: HttpRequest) -> Answered {
    let visit = web.visit(&request)?;
    let user = web.signed_in(&visit).await?;
    let listed = listed(&web, &visit, &user, None, offset(&request)?).await?;
    let chrome = Chrome::new(&visit, Some(&user), CHANGES);
    let shown = ChangesPage { chrome, listed, changes_at: CHANGES, of_key: "" };
    Ok(with_cookies(&web, &visit, page(StatusCode::OK, &shown)))
}

/// Where the wanted page of changes begins.
fn offset(request: &HttpRequest) -> Result<u32, Failure> {
    read_offset(Form::read(request.query_string().as_bytes())?.get("offset")?)
}

fn read_offset(text: &str) -> Result<u32, Failure> {
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| Failure::Malformed) }
}

/// Changes, of one key or of all, from `offset` on.
async fn listed(
    web: &Web,
    visit: &Visit,
    user: &str,
    key: Option<&str>,
    offset: u32,
) -> Result<Listed, Failure> {
    let workspace = web.domain.workspace_of(user).await?;
    let request = PageRequest { limit: Some(MOST_CHANGES), offset: Some(offset) };
    let page = workspace.changes(&ChangeFilter { key }, request).await?;
    if offset > 0 && page.items.is_empty() {
        return Err(Failure::NotFound);
    }
    let last = i64::from(offset).saturating_add(i64::try_from(page.items.len()).unwrap_or(i64::MAX));
    let changes = page.items.into_iter().map(|change| ChangeShown::new(change, visit)).collect();
    Ok(Listed { changes, offset, last, total: page.total })
}

pub(super) async fn undo(web: Data<Web>, request: HttpRequest, id: Path<String>, body: Bytes) -> Answered {
    let (visit, user, sent) = begin(&web, &request, &body, &format!("undo {id}")).await?;
    // The page that it was sent from.
    let page = match read_offset(sent.get("offset")?)? {
        0 => String::new(),
        offset => format!("?offset={offset}"),
    };
    let (key, back) = match sent.get("key")? {
        "" => (None, format!("{CHANGES}{page}")),
        key => (Some(own(&web, &user, key).await?), format!("{}{page}#changes", at(key))),
    };
    let id = Id::parse(id.into_inner()).map_err(|_| Failure::NotFound)?;
    let workspace = web.domain.workspace_of(&user).await?;
    let deed = Deed::new("undo a change").key(key.as_ref()).params(&json!({ "change": id.as_str() }));
    let ticket = web.record(&visit, &user, deed).await?;
    let undone = workspace.undo(&id).await;
    finish_change(ticket, &undone);
    undone?;
    Ok(see_other(&back))
}

fn at(id: &str) -> String {
    format!("{SETTINGS}/keys/{id}")
}
