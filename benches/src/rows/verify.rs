//! A token that nobody has seen: the verifier, beside the signature alone.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcp_auth_core::verify::jwt::JwtVerifier;
use mcp_auth_core::{Credential, TokenVerifier};
use serde_json::Value;

use super::{at_once, context};
use crate::material::ALGORITHMS;
use crate::{Case, Error, Material};

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let mut cases = Vec::new();
    for (name, _) in ALGORITHMS {
        let verifier = verifier(material, &material.jwks)?;
        let credential = Credential::bearer(material.token(name)?);
        let raw = Raw::of(material, name)?;
        let resource = material.resource.clone();
        let verify =
            move || at_once(verifier.verify(&credential, context(&resource))).is_some_and(|it| it.is_ok());
        cases.push(Case::new(format!("miss/{name}"), verify).beside(move || raw.verifies()));
    }
    Ok(cases)
}

/// A verifier of `jwks`, as a service sets it up.
///
/// # Errors
/// If the keys are not good.
pub fn verifier(material: &Material, jwks: &Value) -> Result<JwtVerifier, Error> {
    Ok(JwtVerifier::builder(&material.issuer).jwks(jwks.to_string()).build()?)
}

/// A signature and nothing else: aws-lc-rs, a parsed key, decoded bytes.
#[derive(Debug)]
pub struct Raw {
    key: ParsedPublicKey,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Raw {
    /// That of the token of an algorithm.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(material: &Material, name: &str) -> Result<Self, Error> {
        let (signed, signature) = material.token(name)?.rsplit_once('.').ok_or("no signature")?;
        let keys = material.jwks.get("keys").and_then(Value::as_array).ok_or("no keys")?;
        let at = ALGORITHMS.iter().position(|(one, _)| *one == name).ok_or("no such algorithm")?;
        let jwk = keys.get(at).ok_or("no key")?;
        let member = |name: &str| -> Result<Vec<u8>, Error> {
            Ok(URL_SAFE_NO_PAD.decode(jwk.get(name).and_then(Value::as_str).ok_or("no such member")?)?)
        };
        let key = match name {
            "rs256" => PublicKeyComponents { n: member("n")?, e: member("e")? }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)?,
            "es256" => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?
            }
            _ => ParsedPublicKey::new(&ED25519, member("x")?)?,
        };
        Ok(Self { key, signed: signed.into(), signature: URL_SAFE_NO_PAD.decode(signature)? })
    }

    /// True if it verifies.
    #[must_use]
    pub fn verifies(&self) -> bool {
        self.key.verify_sig(&self.signed, &self.signature).is_ok()
    }
}
