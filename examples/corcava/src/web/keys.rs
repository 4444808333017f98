//! The page of the keys: list, create, rotate, revoke.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use mcp_auth_core::ScopeSet;
use mcp_auth_core::verify::api_key::{ApiKey, CreatedKey, KeyError, NewKey};
use serde_json::json;

use super::answer::{Failure, page, see_other};
use super::form::Form;
use super::pages::{Choice, Chrome, KeyForm, KeysPage, SecretPage, Shown, environment, scopes, with_cookies};
use super::{Answered, SETTINGS, Visit, Web, connections};
use crate::activity::{Deed, finish, finish_created};
use crate::environment::Environment;
use crate::keys::OVERLAP;
use crate::sessions::{Answer, mark};

const CREATE: &str = "create";
const DAY: u64 = 24 * 3600;
/// Days that a key may live; nothing is for ever.
const LIFETIMES: [&str; 5] = ["30", "60", "90", "180", ""];
const OVERLAPS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(3600), OVERLAP, Duration::from_secs(7 * DAY)];
const MAX_ACTIVE: usize = 50;
/// With those that have ended, which the store keeps for 30 days.
const MAX_KEPT: usize = 500;
const PAGE: usize = 200;
const MAX_PAGES: usize = 5;

pub(super) async fn list(web: Data<Web>, request: HttpRequest) -> Answered {
    let visit = web.visit(&request)?;
    let user = web.signed_in(&visit).await?;
    show(&web, &visit, &user, StatusCode::OK, None, None).await
}

pub(super) async fn create(web: Data<Web>, request: HttpRequest, body: Bytes) -> Answered {
    let (visit, user, sent) = begin(&web, &request, &body, CREATE).await?;
    let t = visit.language.texts();
    let refused = |problem| show(&web, &visit, &user, StatusCode::BAD_REQUEST, Some(&sent), Some(problem));
    let environment = Environment::read(sent.get("environment")?).ok_or(Failure::Malformed)?;
    let lifetime = sent.get("lifetime")?;
    if !LIFETIMES.contains(&lifetime) {
        return Err(Failure::Malformed);
    }
    let chosen: Vec<&str> = sent.all("scope").collect();
    if chosen.iter().any(|scope| !scopes(t).any(|(known, _)| known == *scope)) {
        return Err(Failure::Malformed);
    }
    if chosen.is_empty() {
        return refused(t.bad_scopes).await;
    }
    let now = web.clock.now();
    let kept = keys_of(&web, &user).await?;
    if kept.len() >= MAX_KEPT || kept.iter().filter(|key| key.is_active(now)).count() >= MAX_ACTIVE {
        return refused(t.too_many).await;
    }
    let name = sent.get("name")?.trim();
    let days = lifetime.parse::<u64>().ok();
    let asked = json!({ "name": name, "environment": environment.as_str(), "scopes": chosen, "days": days });
    let granted = ScopeSet::from_tokens(chosen).map_err(|_| Failure::Malformed)?;
    let mut new = NewKey::new(name, &user).scopes(granted).environment(environment.as_str());
    if let Some(days) = days {
        new = new.expires_at(now.plus(Duration::from_secs(days * DAY)));
    }
    if let Some(problem) = sent_before(&web, &visit, &user, &sent).await? {
        return refused(problem).await;
    }
    let ticket = web.record(&visit, &user, Deed::new("create a key").params(&asked)).await?;
    let created = web.keys.create(new).await;
    finish_created(ticket, &created);
    match created {
        Ok(created) => Ok(secret(&web, &visit, &user, t.key_made, &created)),
        Err(KeyError::Invalid { field: "name", .. }) => refused(t.bad_name).await,
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn rotate(web: Data<Web>, request: HttpRequest, id: Path<String>, body: Bytes) -> Answered {
    let (visit, user, sent) = begin(&web, &request, &body, &format!("rotate {id}")).await?;
    let t = visit.language.texts();
    let key = own(&web, &user, &id).await?;
    let overlap = sent.get("overlap")?.parse::<usize>().ok().and_then(|index| OVERLAPS.get(index));
    let overlap = *overlap.ok_or(Failure::Malformed)?;
    if let Some(problem) = sent_before(&web, &visit, &user, &sent).await? {
        return show(&web, &visit, &user, StatusCode::BAD_REQUEST, None, Some(problem)).await;
    }
    let ticket = web.record(&visit, &user, Deed::new("rotate a key").key(Some(&key))).await?;
    let rotated = web.keys.rotate(&id, overlap).await;
    finish(ticket, &rotated);
    Ok(secret(&web, &visit, &user, t.key_rotated, &rotated?))
}

pub(super) async fn revoke(web: Data<Web>, request: HttpRequest, id: Path<String>, body: Bytes) -> Answered {
    let (visit, user, sent) = begin(&web, &request, &body, &format!("revoke {id}")).await?;
    let key = own(&web, &user, &id).await?;
    // What ends an access is not held up by a record that cannot be written.
    let ticket =
        web.record(&visit, &user, Deed::new("revoke a key").key(Some(&key))).await.unwrap_or_default();
    let revoked = web.keys.revoke(&id).await;
    finish(ticket, &revoked);
    revoked?;
    Ok(see_other(&if sent.get("then")? == "key" {
        format!("{SETTINGS}/keys/{id}")
    } else {
        SETTINGS.to_owned()
    }))
}

/// The form, if it is this user's own for `purpose`.
pub(super) async fn begin(
    web: &Web,
    request: &HttpRequest,
    body: &[u8],
    purpose: &str,
) -> Result<(Visit, String, Form), Failure> {
    let visit = web.visit(request)?;
    web.check_origin(&visit)?;
    let user = web.signed_in(&visit).await?;
    let sent = Form::read(body)?;
    if !visit.browser.is_form_code(purpose, sent.get("form")?) {
        return Err(Failure::Forged);
    }
    Ok((visit, user, sent))
}

/// What is wrong with a form that makes a secret: it was sent before, or too many were.
async fn sent_before(
    web: &Web,
    visit: &Visit,
    user: &str,
    sent: &Form,
) -> Result<Option<&'static str>, Failure> {
    let t = visit.language.texts();
    match web.sessions.answer(&visit.browser, user, sent.get("mark")?).await? {
        Answer::First => Ok(None),
        Answer::Again => Ok(Some(t.sent_twice)),
        Answer::TooMany => Ok(Some(t.too_many_forms)),
        Answer::Stale => Err(Failure::Forged),
    }
}

/// The user's own key with this id.
pub(super) async fn own(web: &Web, user: &str, id: &str) -> Result<ApiKey, Failure> {
    let key = web.keys.get(id).await?;
    if key.owner == user { Ok(key) } else { Err(Failure::NotFound) }
}

/// All keys of a user, the newest first.
async fn keys_of(web: &Web, user: &str) -> Result<Vec<ApiKey>, Failure> {
    let (mut keys, mut after) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = web.keys.list_of(user, after.as_deref(), PAGE).await?;
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    Ok(keys)
}

async fn show(
    web: &Web,
    visit: &Visit,
    user: &str,
    status: StatusCode,
    sent: Option<&Form>,
    problem: Option<&str>,
) -> Answered {
    let (t, now) = (visit.language.texts(), web.clock.now());
    let (mut active, over): (Vec<_>, Vec<_>) =
        keys_of(web, user).await?.into_iter().partition(|key| key.is_active(now));
    active.extend(over);
    let was = |field| sent.and_then(|sent| sent.get(field).ok());
    let (was_environment, was_lifetime) =
        (was("environment").unwrap_or(web.environment.as_str()), was("lifetime").unwrap_or("90"));
    let choice = |value: &str, words: String, is_chosen| Choice { value: value.to_owned(), words, is_chosen };
    let form = KeyForm {
        code: visit.browser.form_code(CREATE),
        mark: mark(now),
        name: was("name").unwrap_or_default(),
        environments: Environment::ALL
            .iter()
            .zip(t.environments)
            .map(|(each, words)| choice(each.as_str(), words.to_owned(), each.as_str() == was_environment))
            .collect(),
        lifetimes: LIFETIMES
            .iter()
            .map(|days| {
                let words = if days.is_empty() { t.never.to_owned() } else { format!("{days} {}", t.days) };
                choice(days, words, *days == was_lifetime)
            })
            .collect(),
        scopes: scopes(t)
            .map(|(name, words)| {
                let is_chosen = sent.map_or_else(
                    || crate::policies::DEFAULT_CHALLENGE.split(' ').any(|first| first == name),
                    |sent| sent.all("scope").any(|scope| scope == name),
                );
                choice(name, words.to_owned(), is_chosen)
            })
            .collect(),
    };
    let shown = KeysPage {
        chrome: Chrome::new(visit, Some(user), SETTINGS),
        settings: SETTINGS,
        mcp_url: &web.mcp_url,
        taken: environment(web.environment.as_str(), t),
        form,
        problem,
        keys: active.into_iter().map(|key| Shown::new(key, visit, now)).collect(),
        connections: connections::of(web, visit, user).await?,
    };
    Ok(with_cookies(web, visit, page(status, &shown)))
}

fn secret(web: &Web, visit: &Visit, user: &str, title: &'static str, created: &CreatedKey) -> HttpResponse {
    let shown = SecretPage {
        chrome: Chrome::new(visit, Some(user), SETTINGS),
        settings: SETTINGS,
        mcp_url: &web.mcp_url,
        title,
        name: &created.key().name,
        secret: created.expose_secret(),
    };
    page(StatusCode::OK, &shown)
}
