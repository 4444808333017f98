//! authplane-sdk's check of a bearer token.

use std::sync::Arc;

use authplane_sdk::{AuthplaneResource, FetchSettings, ResourceOptions};
use benches::material::ALGORITHMS;
use benches::{Case, Error, Material};
use serde_json::json;

pub(crate) fn cases(material: &Material, jwks_url: &str) -> Result<Vec<Case<'static>>, Error> {
    let metadata = json!({ "issuer": material.issuer, "jwks_uri": jwks_url });
    let resource = AuthplaneResource::from_prefetched_metadata(
        &material.issuer,
        &material.resource,
        &["notes:read".to_owned()],
        serde_json::from_value(metadata)?,
        FetchSettings::from_dev_mode(true),
        ResourceOptions::default(),
        serde_json::from_value(material.jwks.clone())?,
    )
    .map_err(|error| error.to_string())?;
    let resource = Arc::new(resource);
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let (resource, token) = (Arc::clone(&resource), material.token(name)?.to_owned());
        let verify = move || crate::is_ok(resource.verify(&token));
        if verify() {
            cases.push(crate::miss(material, name, "authplane-sdk", verify)?);
        } else {
            eprintln!("authplane-sdk takes no {name} as it comes: no row");
        }
    }
    Ok(cases)
}
