//! Who asks (RFC 6749, section 2.3): a client with its secret, or one that has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::answer::{Code, Refused};
use crate::clients::Client;
use crate::form::Parameters;
use crate::provider::Inner;
use crate::secret;

const MAX_HEADER: usize = 4096;

impl Inner {
    /// The client of a request to the token or revocation endpoint. One way at a time; a client with a secret must show it, and
    /// one without must not.
    pub(crate) async fn authenticate_client(
        &self,
        parts: &Parts,
        form: &Parameters,
    ) -> Result<Client, Refused> {
        let invalid = |kind| Refused::new(Code::InvalidClient, kind, "client authentication failed");
        let basic = basic(parts)?;
        if basic.is_some() && form.get("client_secret").is_some() {
            return Err(Refused::new(
                Code::InvalidRequest,
                "client_auth_twice",
                "the client authenticates in two ways",
            ));
        }
        let (id, presented) = match &basic {
            Some((id, presented)) => {
                if form.get("client_id").is_some_and(|form_id| form_id != id) {
                    return Err(Refused::new(
                        Code::InvalidRequest,
                        "client_auth_twice",
                        "two clients are named",
                    ));
                }
                (id.as_str(), Some(presented.as_str()).filter(|secret| !secret.is_empty()))
            }
            None => (form.get("client_id").ok_or(invalid("client_missing"))?, form.get("client_secret")),
        };
        let client = self.clients.find(id).await?.ok_or(invalid("client_unknown"))?;
        match (client.secret_hash.as_deref(), presented) {
            (None, None) => Ok(client),
            (Some(stored), Some(presented)) if secret::matches(presented, stored) => Ok(client),
            _ => Err(invalid("client_secret")),
        }
    }
}

type NameAndSecret = (String, Zeroizing<String>);

/// `Authorization: Basic`, whose parts are form-encoded (section 2.3.1).
fn basic(parts: &Parts) -> Result<Option<NameAndSecret>, Refused> {
    let malformed =
        Refused::new(Code::InvalidClient, "client_auth_malformed", "the Authorization header is malformed");
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() || value.len() > MAX_HEADER {
        return Err(malformed);
    }
    let read = || {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = Zeroizing::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
        let (id, secret) = pair.split_once(':')?;
        let decode =
            |text: &str| Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned());
        Some((decode(id)?, Zeroizing::new(decode(secret)?)))
    };
    read().map(Some).ok_or(malformed)
}
