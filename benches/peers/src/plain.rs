//! jsonwebtoken by itself, with typed claims.

use benches::material::ALGORITHMS;
use benches::{Case, Error, Material};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

#[derive(Deserialize)]
#[expect(dead_code, reason = "read as a service would")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    scope: String,
    client_id: String,
    jti: String,
}

pub(crate) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let keys: JwkSet = serde_json::from_value(material.jwks.clone())?;
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let mut cases = Vec::new();
    for (((name, _), algorithm), jwk) in ALGORITHMS.into_iter().zip(algorithms).zip(&keys.keys) {
        let key = DecodingKey::from_jwk(jwk)?;
        let mut rules = Validation::new(algorithm);
        rules.set_audience(&[&material.resource]);
        rules.set_issuer(&[&material.issuer]);
        let token = material.token(name)?.to_owned();
        let verify = move || decode::<Claims>(&token, &key, &rules).is_ok();
        cases.push(crate::miss(material, name, "jsonwebtoken", verify)?);
    }
    Ok(cases)
}
