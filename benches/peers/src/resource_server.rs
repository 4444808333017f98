//! oauth-resource-server: its validator alone, and its whole way of a call: authentication, then the scopes of the tool.

use std::convert::Infallible;
use std::sync::Arc;

use benches::material::ALGORITHMS;
use benches::rows::Raw;
use benches::{Case, Error, Material};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use oauth_resource_server::http_layer::HttpAuthLayer;
use oauth_resource_server::mcp::McpToolScopes;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};
use tower::{Layer, Service, ServiceExt, service_fn};

const LIBRARY: &str = "oauth-resource-server";

pub(crate) fn cases(material: &Material, jwks_url: &str) -> Result<Vec<Case<'static>>, Error> {
    let config = OAuthConfig {
        enabled: true,
        issuer: material.issuer.clone(),
        jwks_uri: Some(jwks_url.to_owned()),
        audience: material.resource.clone(),
        resource: material.resource.clone(),
        required_scopes: vec!["openid".to_owned()],
        require_at_jwt: true,
        ..OAuthConfig::default()
    };
    let config = config.resolve(KeyNaming::Dotted("oauth"))?.ok_or("not enabled")?;
    let validator = OAuthValidator::builder(&config).initial_jwks(&material.jwks.to_string()).build()?;
    let validator = Arc::new(validator);
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let (validator, token) = (Arc::clone(&validator), material.token(name)?.to_owned());
        let verify = move || crate::is_ok(validator.validate(&token));
        if verify() {
            cases.push(crate::miss(material, name, LIBRARY, verify)?);
        } else {
            eprintln!("{LIBRARY} takes no {name} as it comes: no row");
        }
    }

    let answer = |_: Request<Full<Bytes>>| async {
        let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#);
        Ok::<_, Infallible>(Response::new(Full::new(body)))
    };
    let scopes = McpToolScopes::new().default(["notes:admin"]).tool("echo", ["notes:read"]);
    let mut service =
        HttpAuthLayer::builder().oauth(validator).build()?.layer(scopes.layer(service_fn(answer)));
    let (head, body) = (material.head(material.token("rs256")?)?, material.body("300B")?);
    let prepare = move || Request::from_parts(head.clone(), Full::new(body.clone()));
    let call = move |request| {
        let answered = async { service.ready().await?.call(request).await };
        answered.now_or_never().is_some_and(|it| it.is_ok_and(|answer| answer.status().is_success()))
    };
    let raw = Raw::of(material, "rs256")?;
    let whole = Case::prepared(format!("guard/300B@{LIBRARY}"), prepare, call);
    cases.push(whole.beside(move || raw.verifies()));
    Ok(cases)
}
