//! turbomcp-auth's validator of tokens.

use std::sync::Arc;

use benches::material::ALGORITHMS;
use benches::{Case, Error, Material};
use jsonwebtoken::Algorithm;
use turbomcp_auth::jwt::JwtValidator;

pub(crate) async fn cases(material: &Material, jwks_url: &str) -> Result<Vec<Case<'static>>, Error> {
    let (issuer, audience) = (material.issuer.clone(), material.resource.clone());
    let validator = JwtValidator::with_jwks_uri(issuer, audience, jwks_url.to_owned()).with_algorithms(vec![
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ]);
    let validator = Arc::new(validator);
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let (validator, token) = (Arc::clone(&validator), material.token(name)?.to_owned());
        validator.validate(&token).await.map_err(|error| error.to_string())?;
        let verify = move || crate::is_ok(validator.validate(&token));
        cases.push(crate::miss(material, name, "turbomcp-auth", verify)?);
    }
    Ok(cases)
}
