//! How this service authenticates at an authorization server (RFC 6749, section 2.3; RFC 7523, section 2.2).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use crate::time::Timestamp;
use crate::verify::remote::RemoteError;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_LIVES: u64 = 60;

/// How this service shows who it is. Secrets never show in `Debug`.
#[derive(Debug)]
pub struct ClientAuthentication {
    method: Method,
}

enum Method {
    Basic(SecretString),
    Post(SecretString),
    PrivateKey { key: SigningKey, kid: Option<String>, audience: Option<String> },
}

enum SigningKey {
    Ec(Box<EcdsaKeyPair>),
    Rsa(Box<rsa::KeyPair>),
}

/// A text or bytes that hold no usable private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no private key that is usable: give PKCS#8 (`BEGIN PRIVATE KEY`) of P-256, or RSA of 2048 bits or more"
)]
pub struct ClientKeyError;

impl ClientAuthentication {
    /// `client_secret_basic`: id and secret in the `Authorization` header.
    pub fn basic(secret: impl Into<SecretString>) -> Self {
        Self { method: Method::Basic(secret.into()) }
    }

    /// `client_secret_post`: id and secret in the form.
    pub fn post(secret: impl Into<SecretString>) -> Self {
        Self { method: Method::Post(secret.into()) }
    }

    /// `private_key_jwt`: an assertion of a minute, signed with this key (PKCS#8, PEM) by ES256 or RS256.
    ///
    /// # Errors
    /// [`ClientKeyError`] if the text holds no such key.
    pub fn private_key_pem(pem: &SecretString) -> Result<Self, ClientKeyError> {
        let body: Zeroizing<String> = Zeroizing::new(
            pem.expose_secret()
                .lines()
                .map(str::trim)
                .skip_while(|line| *line != "-----BEGIN PRIVATE KEY-----")
                .skip(1)
                .take_while(|line| *line != "-----END PRIVATE KEY-----")
                .collect(),
        );
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| ClientKeyError)?;
        Self::private_key_der(&SecretSlice::from(der))
    }

    /// The same, of a key in DER.
    ///
    /// # Errors
    /// [`ClientKeyError`] if the bytes are no such key.
    pub fn private_key_der(der: &SecretSlice<u8>) -> Result<Self, ClientKeyError> {
        let der = der.expose_secret();
        let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        let key = match ec {
            Ok(pair) => SigningKey::Ec(Box::new(pair)),
            Err(_) => SigningKey::Rsa(Box::new(rsa::KeyPair::from_pkcs8(der).map_err(|_| ClientKeyError)?)),
        };
        Ok(Self { method: Method::PrivateKey { key, kid: None, audience: None } })
    }

    /// Names the key in assertions (`kid`); for `private_key_jwt`.
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        if let Method::PrivateKey { kid, .. } = &mut self.method {
            *kid = Some(id.into());
        }
        self
    }

    /// The `aud` of assertions; for `private_key_jwt`. By default the issuer.
    #[must_use]
    pub fn audience(mut self, value: impl Into<String>) -> Self {
        if let Method::PrivateKey { audience, .. } = &mut self.method {
            *audience = Some(value.into());
        }
        self
    }
}

/// This service, as a client of an authorization server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) issuer: String,
    pub(super) authentication: ClientAuthentication,
}

impl Client {
    /// Adds to the form what is to be sent there; returns what is to be sent in `Authorization`.
    pub(super) fn authenticate(
        &self,
        form: &mut Serializer<'_, String>,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, RemoteError> {
        match &self.authentication.method {
            Method::Basic(secret) => {
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = Zeroizing::new(format!("{}:{}", encode(&self.id), encode(secret.expose_secret())));
                let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                let mut value = value.map_err(|error| RemoteError::Failed(error.to_string()))?;
                value.set_sensitive(true);
                return Ok(Some(value));
            }
            Method::Post(secret) => {
                form.append_pair("client_id", &self.id).append_pair("client_secret", secret.expose_secret());
            }
            Method::PrivateKey { key, kid, audience } => {
                let audience = audience.as_deref().unwrap_or(&self.issuer);
                let assertion = key.assertion(&self.id, kid.as_deref(), audience, now);
                let failed = || RemoteError::Failed("the machine gives no randomness".to_owned());
                form.append_pair("client_id", &self.id)
                    .append_pair("client_assertion_type", ASSERTION)
                    .append_pair("client_assertion", &assertion.ok_or_else(failed)?);
            }
        }
        Ok(None)
    }
}

impl SigningKey {
    /// A JWT that says who we are (RFC 7523, section 3); `None` if the machine gives no randomness.
    fn assertion(&self, client: &str, kid: Option<&str>, audience: &str, now: Timestamp) -> Option<String> {
        let algorithm = match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        };
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        if let (Some(kid), Some(members)) = (kid, header.as_object_mut()) {
            members.insert("kid".to_owned(), kid.into());
        }
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).ok()?;
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": now.as_secs(),
            "exp": now.as_secs() + ASSERTION_LIVES,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        let signature = match self {
            Self::Ec(pair) => pair.sign(&random, message).ok()?.as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                signature
            }
        };
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::PrivateKey { .. } => "private_key_jwt",
        })
    }
}

/// True for a URL that a client may be sent to with its secret.
pub(super) fn is_endpoint(url: &Url) -> bool {
    crate::http::is_secure(url) && url.fragment().is_none() && url.username().is_empty()
}
