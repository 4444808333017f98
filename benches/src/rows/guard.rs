//! A whole request, from its head and its body to the decision: `admit`, `decide`, and at the end `respond`.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use mcp_auth_core::guard::{Admission, Decision, Exchange};
use mcp_auth_core::policy::read;
use mcp_auth_core::verify::{CacheKey, CacheSettings};
use mcp_auth_core::{Guard, ToolPolicies};

use super::{at_once, verifier};
use crate::{Case, Error, Material};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where verdicts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under the whole token.
    Whole,
    /// Under its SHA-256.
    Digest,
    /// Nowhere: each request is a miss.
    Nowhere,
}

/// A guard as a service sets it up: one issuer, and a tool that only reads. Its background runs.
///
/// # Errors
/// If it cannot be built.
pub fn guard(material: &Material, place: Place) -> Result<Guard, Error> {
    let cache = match place {
        Place::Whole => CacheSettings::default().key(CacheKey::WholeToken),
        Place::Digest => CacheSettings::default(),
        Place::Nowhere => CacheSettings::default().max_entries(0),
    };
    let (guard, background) = Guard::builder(&material.resource)
        .verifier(verifier(material, &material.jwks)?)
        .tools(ToolPolicies::new().tool("echo", read("notes:read")))
        .cache(cache)
        .build()?;
    tokio::spawn(background);
    Ok(guard)
}

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let rows = [
        ("guard/300B", Place::Whole, "300B"),
        ("guard/300B/sha256", Place::Digest, "300B"),
        ("guard/300B/miss", Place::Nowhere, "300B"),
        ("guard/10KB", Place::Whole, "10KB-objects"),
    ];
    let mut cases = Vec::new();
    for (name, place, body) in rows {
        let (guard, head, body) =
            (guard(material, place)?, material.head(material.token("rs256")?)?, material.body(body)?);
        let prepare = move || (head.clone(), body.clone());
        let run = move |(mut head, body): (Parts, Bytes)| decide(&guard, &mut head, body).is_some();
        cases.push(Case::prepared(name, prepare, run));
    }
    let (guard, head, body) =
        (guard(material, Place::Whole)?, material.head(material.token("rs256")?)?, material.body("300B")?);
    let prepare = move || (head.clone(), body.clone(), answer());
    let run = move |(mut head, body, answer): (Parts, Bytes, Response<http_body_util::Full<Bytes>>)| {
        decide(&guard, &mut head, body)
            .is_some_and(|exchange| exchange.respond::<_, Never>(answer).status().is_success())
    };
    cases.push(Case::prepared("guard/300B/answered", prepare, run));
    Ok(cases)
}

/// Nothing is asked in a stream here.
pub(super) type Never = std::future::Ready<mcp_auth_core::guard::Rest<http_body_util::Full<Bytes>>>;

pub(super) fn decide(guard: &Guard, head: &mut Parts, body: Bytes) -> Option<Box<Exchange>> {
    let Admission::Body(admitted) = at_once(guard.admit(head, Some(PEER)))? else { return None };
    match at_once(admitted.decide(head, body))? {
        Decision::Forward(forward) => Some(forward.exchange),
        Decision::Respond(_) | Decision::AskThenForward(_) => None,
    }
}

fn answer() -> Response<http_body_util::Full<Bytes>> {
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#);
    let mut answer = Response::new(http_body_util::Full::new(body));
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}
