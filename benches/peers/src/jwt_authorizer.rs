//! jwt-authorizer's check of a token.

use std::sync::Arc;

use ::jwt_authorizer::{Authorizer, JwtAuthorizer, RegisteredClaims, Validation};
use benches::material::ALGORITHMS;
use benches::{Case, Error, Material};

pub(crate) async fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let rules = Validation::new().iss(&[&material.issuer]).aud(&[&material.resource]);
    let authorizer: Authorizer<RegisteredClaims> =
        JwtAuthorizer::from_jwks_text(&material.jwks.to_string()).validation(rules).build().await?;
    let authorizer = Arc::new(authorizer);
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let (authorizer, token) = (Arc::clone(&authorizer), material.token(name)?.to_owned());
        let verify = move || crate::is_ok(authorizer.check_auth(&token));
        cases.push(crate::miss(material, name, "jwt-authorizer", verify)?);
    }
    Ok(cases)
}
