//! tower-mcp's validator of tokens.

use std::sync::Arc;

use ::tower_mcp::oauth::{JwksValidator, TokenValidator};
use benches::material::ALGORITHMS;
use benches::{Case, Error, Material};

pub(crate) async fn cases(material: &Material, jwks_url: &str) -> Result<Vec<Case<'static>>, Error> {
    let validator = JwksValidator::builder(jwks_url)
        .expected_audience(&material.resource)
        .expected_issuer(&material.issuer)
        .default_ttl(std::time::Duration::from_secs(3600))
        .build()
        .await
        .map_err(|error| error.to_string())?;
    let validator = Arc::new(validator);
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let (validator, token) = (Arc::clone(&validator), material.token(name)?.to_owned());
        let verify = move || crate::is_ok(validator.validate_token(&token));
        cases.push(crate::miss(material, name, "tower-mcp", verify)?);
    }
    Ok(cases)
}
