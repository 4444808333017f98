//! Applications that the user let in by OAuth.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data, Path};

use super::answer::{Failure, see_other};
use super::keys::begin;
use super::pages::Moment;
use super::{Answered, SETTINGS, Visit, Web};

/// A connection, in words.
pub(super) struct Connected {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) since: Moment,
    pub(super) code: String,
}

/// The user's connections.
pub(super) async fn of(web: &Web, visit: &Visit, user: &str) -> Result<Vec<Connected>, Failure> {
    let (t, now) = (visit.language.texts(), web.clock.now());
    let all = web.provider.connections(user).await?.into_iter();
    let shown = all.map(|connection| Connected {
        code: visit.browser.form_code(&purpose(&connection.id)),
        name: connection.client_name.unwrap_or(connection.client_id),
        scopes: connection.scope.split(' ').map(str::to_owned).collect(),
        since: Moment::past(connection.since, now, t),
        id: connection.id,
    });
    Ok(shown.collect())
}

pub(super) async fn end(web: Data<Web>, request: HttpRequest, id: Path<String>, body: Bytes) -> Answered {
    let (visit, user, _) = begin(&web, &request, &body, &purpose(&id)).await?;
    // As with keys: what ends an access is not held up by a record that cannot be written.
    let ticket = web.record(&visit, &user, None, "disconnect an application").await.unwrap_or_default();
    let ended = web.provider.disconnect(&user, &id).await;
    crate::activity::finish(ticket, &ended);
    if ended? { Ok(see_other(&format!("{SETTINGS}#connections"))) } else { Err(Failure::NotFound) }
}

fn purpose(id: &str) -> String {
    format!("disconnect {id}")
}
