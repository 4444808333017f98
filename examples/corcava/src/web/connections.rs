//! Applications that the user let in by OAuth.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data, Path};
use serde_json::{Value, json};

use super::answer::{Failure, see_other};
use super::keys::begin;
use super::pages::Moment;
use super::{Answered, SETTINGS, Visit, Web};
use crate::activity::{Deed, finish};

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
    let deed = Deed::new("disconnect an application").params(&named(&web, &user, &id).await);
    // As with keys: what ends an access is not held up by a record that cannot be written.
    let ticket = web.record(&visit, &user, deed).await.unwrap_or_default();
    let ended = match web.provider.disconnect(&user, &id).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NotFound),
        Err(error) => Err(error.into()),
    };
    finish(ticket, &ended);
    ended.map(|()| see_other(&format!("{SETTINGS}#connections")))
}

/// The connection and its application, as the record names them; of one that is not the user's, what was asked for.
async fn named(web: &Web, user: &str, id: &str) -> Value {
    let connections = web.provider.connections(user).await.unwrap_or_default();
    match connections.into_iter().find(|connection| connection.id == id) {
        Some(known) => json!({ "connection": id, "client": known.client_id, "name": known.client_name }),
        None => json!({ "connection": id }),
    }
}

fn purpose(id: &str) -> String {
    format!("disconnect {id}")
}
