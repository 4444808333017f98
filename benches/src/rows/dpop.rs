//! A bound token whose verdict is cached, with its proof: which is new each time, and so is never a hit.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use mcp_auth_core::guard::Admission;
use mcp_auth_core::policy::read;
use mcp_auth_core::store::MemoryStore;
use mcp_auth_core::testing::{ProofBuilder, TestKey, TokenBuilder, thumbprint};
use mcp_auth_core::verify::dpop::Dpop;
use mcp_auth_core::verify::jwt::Algorithm;
use mcp_auth_core::{Guard, ToolPolicies};
use serde_json::json;

use super::{at_once, verifier};
use crate::{Case, Error, Material};

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let issuer = TestKey::generate(Algorithm::Es256, "bound")?;
    let proof_key = TestKey::generate(Algorithm::Es256, "proof")?;
    let token = TokenBuilder::new(issuer.clone(), &material.issuer, &material.resource)
        .scope("notes:read")
        .bound_to_dpop(&thumbprint(&proof_key))
        .sign();
    let (guard, background) = Guard::builder(&material.resource)
        .verifier(verifier(material, &json!({ "keys": [issuer.jwk()] }))?)
        .tools(ToolPolicies::new().tool("echo", read("notes:read")))
        .dpop(Dpop::accepted(Arc::new(MemoryStore::default())))
        .build()?;
    tokio::spawn(background);
    let mut head = material.head(&token)?;
    head.headers.insert(http::header::AUTHORIZATION, format!("DPoP {token}").try_into()?);
    let resource = material.resource.clone();
    let prepare = move || {
        let mut head = head.clone();
        let proof = ProofBuilder::new(&proof_key, "POST", &resource, &token).sign();
        // A proof that is no header is no proof: then the row fails.
        head.headers.extend(
            HeaderValue::try_from(proof).ok().map(|proof| (http::HeaderName::from_static("dpop"), proof)),
        );
        head
    };
    let admit = move |mut head: Parts| {
        let admission = at_once(guard.admit(&mut head, Some(IpAddr::V4(Ipv4Addr::LOCALHOST))));
        matches!(admission, Some(Admission::Body(_)))
    };
    Ok(vec![Case::prepared("dpop", prepare, admit)])
}
